// Waits that end when a stop is asked for.
#pragma once

#include "../operations/heartbeat.hpp"

#include <chrono>
#include <condition_variable>
#include <mutex>
#include <stop_token>

namespace sfcdc::runner {

// Thrown out of whatever was waiting or retrying when its run was asked to stop. Not a failure.
struct stopped {};

inline void pause(const std::stop_token& stop, std::chrono::milliseconds time) {
    std::mutex mutex;
    std::condition_variable_any never;
    std::unique_lock lock(mutex);
    const heartbeat::waits on_purpose;
    never.wait_for(lock, stop, time, [] { return false; });
    if (stop.stop_requested()) throw stopped{};
}

} // namespace sfcdc::runner
