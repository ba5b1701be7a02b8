#include "../config.hpp"
#include "../disk/durable_file.hpp"
#include "../disk/lock.hpp"
#include "../operations/failure.hpp"
#include "../operations/termination.hpp"
#include "../pipeline/pipeline.hpp"
#include "commands.hpp"

#include <spdlog/spdlog.h>

#include <algorithm>
#include <atomic>
#include <chrono>
#include <exception>
#include <list>
#include <mutex>
#include <set>
#include <system_error>
#include <thread>
#include <vector>

#include <sys/prctl.h>
#include <sys/resource.h>

namespace sfcdc::runner {
namespace {

using namespace std::chrono_literals;

// Of memory_limit for one stream: an event of Salesforce may have 1 MB, and becomes a row beside it.
constexpr std::size_t least_share = 4u << 20;

// A pipeline in its own thread, and how it ended.
struct runner_thread {
    runner_thread(const stream_config& s, const databricks_config& d, salesforce::org& org, std::size_t memory,
                  std::optional<start_position> from)
        : line(s, d, org, memory, from) {}

    // Throws system_error when there is no thread to be had.
    void start(std::stop_token stop) {
        thread = std::jthread([this, stop = std::move(stop)] {
            try {
                line.run(stop);
            } catch (...) {
                end = std::current_exception();
            }
            done = true;
        });
    }

    pipeline line;
    std::exception_ptr end;
    std::atomic<bool> done = false;
    bool told = false;
    std::jthread thread;
};

int code_of(const std::exception_ptr& end) {
    try {
        std::rethrow_exception(end);
    } catch (const failure& f) {
        return static_cast<int>(f.code());
    } catch (...) {
        return static_cast<int>(exit_code::failed);
    }
}

// Says at once why a pipeline has ended: the other ones may need half a minute until their rows are durable.
void tell(const runner_thread& of) {
    try {
        std::rethrow_exception(of.end);
    } catch (const std::exception& e) {
        spdlog::error("{}: {}", of.line.topic(), e.what());
    } catch (...) {
        spdlog::error("{}: it has ended for an unknown reason", of.line.topic());
    }
}

// Tokens and customer data are in the memory, and a dump would put them on a disk. The limit alone does not hold for a dump that is
// piped into a program.
void forbid_core_dumps() {
    const rlimit none{0, 0};
    ::setrlimit(RLIMIT_CORE, &none);
    ::prctl(PR_SET_DUMPABLE, 0, 0, 0, 0);
}

// What gRPC and curl need is had before they are asked: without it some of them end the process, and others wait for ever.
void prove_resources(std::size_t streams) {
    rlimit limit{};
    const std::size_t descriptors = 24 + 8 * streams;
    if (::getrlimit(RLIMIT_NOFILE, &limit) == 0 && limit.rlim_cur < descriptors) {
        limit.rlim_cur = std::min<rlim_t>(limit.rlim_max, descriptors);
        if (::setrlimit(RLIMIT_NOFILE, &limit) != 0 || limit.rlim_cur < descriptors)
            throw failure(exit_code::failed, "So many streams need " + std::to_string(descriptors)
                                                 + " descriptors; raise the limit of open files (ulimit -n).");
    }
    constexpr rlim_t address_space = rlim_t{1} << 30; // threads have stacks of 8 MiB, of which little is used
    if (::getrlimit(RLIMIT_AS, &limit) == 0 && limit.rlim_cur < address_space)
        throw failure(exit_code::failed,
                      "The address space is limited to less than 1 GiB (ulimit -v); bound the memory in another "
                      "way, such as memory_limit or a control group.");
    std::mutex hold;
    std::vector<std::jthread> threads; // joined behind the lock's end
    const std::scoped_lock all_at_once(hold);
    try {
        for (std::size_t i = 0; i < 12 + 2 * streams; ++i)
            threads.emplace_back([&hold] { const std::scoped_lock wait(hold); });
    } catch (const std::system_error& e) {
        throw failure(exit_code::failed, std::string("No further thread can be started (") + e.what()
                                             + "), and so many streams need " + std::to_string(12 + 2 * streams)
                                             + "; raise the limit of processes and threads (ulimit -u, pids).");
    }
}

// The position of a database is in the database. Two pipelines of one process share its lock.
std::vector<state_lock> one_process_for_each_position(const config& c) {
    std::set<std::filesystem::path> states;
    for (const stream_config& s : c.streams) { // by what they are: a link to a database is the database
        const std::filesystem::path& state = s.sink == sink_kind::sqlite ? s.path : s.checkpoint;
        std::error_code unknown;
        if (std::filesystem::exists(state, unknown) && !std::filesystem::is_regular_file(state, unknown))
            throw failure(exit_code::bad_config,
                          state.string()
                              + (std::filesystem::is_directory(state, unknown) ? ": is a folder; a file was expected."
                                                                               : ": is no regular file."));
        const std::filesystem::path whole = std::filesystem::weakly_canonical(state, unknown);
        states.insert(unknown ? state : whole);
    }
    std::vector<state_lock> locks;
    locks.reserve(states.size());
    for (const std::filesystem::path& state : states) {
        prove_folder(state);
        locks.emplace_back(state);
    }
    return locks;
}

} // namespace

int run(const run_options& options) {
    const config c = load_config(options.config);
    std::optional<start_position> from;
    if (!options.from.empty()) from = options.from == "latest" ? start_position::latest : start_position::earliest;

    termination asked; // first: whatever the start does, the process can be ended
    forbid_core_dumps();
    prove_resources(c.streams.size());
    const std::vector<state_lock> locks = one_process_for_each_position(c);
    salesforce::org org(c.salesforce);
    std::stop_source stop;
    std::list<runner_thread> runners;
    const std::size_t share = std::max(c.memory_limit / c.streams.size(), least_share);
    for (const stream_config& s : c.streams) runners.emplace_back(s, c.databricks, org, share, from).line.prove();

    std::exception_ptr not_started;
    for (runner_thread& r : runners) {
        try {
            r.start(stop.get_token());
        } catch (const std::system_error& e) { // those that run are stopped in order
            not_started = std::make_exception_ptr(
                failure(exit_code::failed, "The thread of " + r.line.topic() + " cannot be started (" + e.what()
                                               + "); raise the limit of processes and threads (ulimit -u, pids)."));
            r.done = true;
            asked.end(static_cast<int>(exit_code::failed));
            break;
        }
    }

    const auto all = [&](auto&& is) {
        return std::all_of(runners.begin(), runners.end(), [&](const runner_thread& r) { return is(r); });
    };
    const auto is_done = [](const runner_thread& r) { return r.done || !r.thread.joinable(); };
    std::exception_ptr lock_lost;
    auto next_look_at_locks = std::chrono::steady_clock::now();
    for (auto next_report = std::chrono::steady_clock::now() + 60s; !all(is_done);) {
        if (asked.wait(100ms)) {
            if (!stop.stop_requested()) {
                stop.request_stop(); // first: standard error may block
                spdlog::info("stopping: what was received is being made durable");
            }
            if (all([&](const runner_thread& r) { return is_done(r) || r.line.counts().held == 0; }))
                asked.nothing_is_held();
            std::this_thread::sleep_for(20ms);
        }
        for (runner_thread& r : runners) {
            if (!r.done || !r.end || r.told) continue;
            r.told = true;
            asked.end(code_of(r.end)); // the others stop in order, and the exit code says so
            tell(r);                   // behind it: standard error may block
        }
        if (const auto now = std::chrono::steady_clock::now(); now >= next_look_at_locks) {
            next_look_at_locks = now + 1s;
            for (const state_lock& lock : locks) {
                if (lock_lost || lock.still_there()) continue;
                lock_lost = std::make_exception_ptr(failure(
                    exit_code::failed,
                    state_lock::file_of(lock.state()).string()
                        + ": the lock was removed, so that another process may run with this position, too."));
                asked.end(static_cast<int>(exit_code::failed));
            }
        }
        if (const auto now = std::chrono::steady_clock::now(); now >= next_report) {
            next_report = now + 60s;
            for (const runner_thread& r : runners)
                spdlog::info("{}: {} events received, {} rows durable, {} undecodable", r.line.topic(),
                             r.line.counts().events.load(), r.line.counts().rows_durable.load(),
                             r.line.letters().events());
        }
    }
    std::exception_ptr end = not_started ? not_started : lock_lost;
    for (runner_thread& r : runners) {
        if (!r.thread.joinable()) continue;
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
