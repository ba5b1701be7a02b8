// Threads that are to be had, or a sentence for the operator.
#pragma once

#include "failure.hpp"

#include <string>
#include <system_error>
#include <thread>
#include <utility>

namespace sfcdc::runner {

// As std::jthread. Throws failure when no thread can be started.
template<class Work> std::jthread start_thread(Work work) {
    try {
        return std::jthread(std::move(work));
    } catch (const std::system_error& e) {
        throw failure(exit_code::failed, std::string("No thread can be started (") + e.what()
                                             + "); raise the limit of processes and threads (ulimit -u, pids).");
    }
}

} // namespace sfcdc::runner
