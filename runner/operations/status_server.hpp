// The HTTP server that says how the process is: /metrics, /healthz, /readyz, /status, and a page at /.
//
// It has threads of its own and takes nothing from the pipelines but what `metrics` reads. Whatever comes in is bounded: the time and the
// size of a request, the connections at a time, the methods. It never says what it was asked with.
#pragma once

#include "metrics.hpp"

#include <chrono>
#include <condition_variable>
#include <memory>
#include <mutex>
#include <string>
#include <thread>

namespace sfcdc::runner {

struct status_server_options {
    std::string host;                                // an IP address without brackets, or "localhost"
    std::uint16_t port;                              // 0: any
    std::chrono::milliseconds request_limit{10'000}; // for a request and its answer together
    std::chrono::milliseconds retry{10'000};         // from one attempt to take the port to the next
};

class status_server {
  public:
    static constexpr std::size_t threads = 8; // for requests, beside the one that accepts connections

    // `of` outlives this object. A port that cannot be taken is said in the log once, and is tried again and again. Throws failure when no
    // thread can be started.
    status_server(status_server_options options, const metrics& of);
    // Ends requests that are under way.
    ~status_server();

    status_server(const status_server&) = delete;
    status_server& operator=(const status_server&) = delete;

    // The port that was taken; 0: none yet.
    std::uint16_t port() const noexcept { return port_; }

  private:
    class http;

    void serve();
    bool wait(std::chrono::milliseconds time);

    const status_server_options options_;
    const metrics& metrics_;
    gauge<std::uint16_t> port_;
    std::mutex mutex_;
    std::condition_variable changed_;
    bool stopping_ = false;        // under mutex_
    std::unique_ptr<http> server_; // under mutex_ until it is bound
    std::jthread thread_;
};

} // namespace sfcdc::runner
