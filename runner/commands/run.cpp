#include "../config.hpp"
#include "../failure.hpp"
#include "../pipeline.hpp"
#include "commands.hpp"

#include <spdlog/spdlog.h>

#include <algorithm>
#include <atomic>
#include <csignal>
#include <cstdlib>
#include <ctime>
#include <exception>
#include <list>
#include <thread>

namespace sfcdc::runner {
namespace {

using namespace std::chrono_literals;

// SIGTERM and SIGINT are taken out of a queue by the main thread and never interrupt anything.
class termination {
  public:
    termination() {
        sigemptyset(&signals_);
        sigaddset(&signals_, SIGTERM);
        sigaddset(&signals_, SIGINT);
        pthread_sigmask(SIG_BLOCK, &signals_, nullptr); // inherited by every thread made afterwards
        std::signal(SIGPIPE, SIG_IGN);
    }
    bool within(std::chrono::milliseconds time) const {
        const timespec wait{static_cast<std::time_t>(time.count() / 1000),
                            static_cast<long>(time.count() % 1000 * 1'000'000)};
        return sigtimedwait(&signals_, nullptr, &wait) > 0;
    }

  private:
    sigset_t signals_{};
};

// A pipeline in its own thread, and how it ended.
struct runner_thread {
    runner_thread(const stream_config& s, const databricks_config& d, salesforce::org& org,
                  std::optional<start_position> from)
        : line(s, d, org, from) {}

    pipeline line;
    std::exception_ptr end;
    std::atomic<bool> done = false;
    std::jthread thread;
};

} // namespace

int run(const run_options& options) {
    const config c = load_config(options.config);
    std::optional<start_position> from;
    if (!options.from.empty()) from = options.from == "latest" ? start_position::latest : start_position::earliest;

    const termination signals;
    salesforce::org org(c.salesforce);
    std::stop_source stop;
    std::list<runner_thread> runners;
    for (const stream_config& s : c.streams) runners.emplace_back(s, c.databricks, org, from);
    for (runner_thread& r : runners)
        r.thread = std::jthread([&r, &stop] {
            try {
                r.line.run(stop.get_token());
            } catch (...) {
                r.end = std::current_exception();
            }
            r.done = true;
        });

    const auto all_done = [&] {
        return std::all_of(runners.begin(), runners.end(), [](const runner_thread& r) { return r.done.load(); });
    };
    for (auto next_report = std::chrono::steady_clock::now() + 60s; !all_done();) {
        if (signals.within(100ms)) {
            if (stop.stop_requested()) std::_Exit(128 + SIGTERM); // asked twice: at once; the stored position is true
            spdlog::info("stopping: what was received is being made durable");
            stop.request_stop();
        }
        for (runner_thread& r : runners) {
            if (r.done && r.end)
                stop.request_stop(); // one stream broken: the others stop in order, and the exit code says so
        }
        if (const auto now = std::chrono::steady_clock::now(); now >= next_report) {
            next_report = now + 60s;
            for (const runner_thread& r : runners)
                spdlog::info("{}: {} events received, {} rows durable, {} undecodable", r.line.topic(),
                             r.line.counts().events.load(), r.line.counts().rows_durable.load(),
                             r.line.letters().events());
        }
    }
    std::exception_ptr end;
    for (runner_thread& r : runners) {
        r.thread.join();
        spdlog::info("{}: {} events received, {} rows durable, {} undecodable, {} calls", r.line.topic(),
                     r.line.counts().events.load(), r.line.counts().rows_durable.load(), r.line.letters().events(),
                     r.line.counts().calls.load());
        if (const auto bytes = r.line.counts().replaced_bytes.load(); bytes > 0)
            spdlog::warn("{}: {} bytes were not UTF-8 and became U+FFFD", r.line.topic(), bytes);
        if (const auto rows = r.line.letters().rows(); rows > 0)
            spdlog::warn("{}: {} rows were refused and are in the dead letters", r.line.topic(), rows);
        if (r.end && !end) end = r.end;
    }
    if (end) std::rethrow_exception(end);
    return 0;
}

} // namespace sfcdc::runner
