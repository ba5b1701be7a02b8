#include "../config/start_from.hpp"
#include "../config/topic_pattern.hpp"
#include "../operations/failure.hpp"
#include "../operations/log.hpp"
#include "../operations/service_manager.hpp"
#include "../operations/status_server.hpp"
#include "../operations/termination.hpp"
#include "../pipeline/supervisor.hpp"
#include "command_line.hpp"

#include <spdlog/spdlog.h>

#include <algorithm>
#include <exception>
#include <filesystem>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <system_error>
#include <thread>
#include <vector>

#include <malloc.h>
#include <sys/resource.h>

namespace sfcdc::runner {
namespace {

// Blocks of the size of a large event go back to the system when they are freed. By itself glibc keeps more and larger blocks the more it
// has seen, and a lake that goes on after it stood still would take twice memory_limit.
void give_memory_back() {
#ifdef __GLIBC__
    ::mallopt(M_MMAP_THRESHOLD, 512 << 10);
    ::mallopt(M_TRIM_THRESHOLD, 1 << 20);
#endif
}

// What gRPC and curl need is had before they are asked: without it some of them end the process, and others wait for ever.
void prove_resources(std::size_t pipelines, bool has_status_server) {
    rlimit limit{};
    const std::size_t descriptors = 24 + 8 * pipelines + (has_status_server ? 16 : 0);
    const std::size_t thread_count = 12 + 2 * pipelines + (has_status_server ? 1 + status_server::threads : 0);
    // The process takes as many as it may have, because nobody knows how many topics a pattern will find. No part of it is bound to low
    // numbers, as select() is.
    const rlim_t most = std::max<rlim_t>(65'536, descriptors);
    if (::getrlimit(RLIMIT_NOFILE, &limit) == 0 && limit.rlim_cur < most) {
        limit.rlim_cur = std::min(limit.rlim_max, most);
        if (::setrlimit(RLIMIT_NOFILE, &limit) != 0 || limit.rlim_cur < descriptors)
            throw failure(exit_code::failed, "So many pipelines need " + std::to_string(descriptors)
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
        for (std::size_t i = 0; i < thread_count; ++i)
            threads.emplace_back([&hold] { const std::scoped_lock wait(hold); });
    } catch (const std::system_error& e) {
        throw failure(exit_code::failed, std::string("No further thread can be started (") + e.what()
                                             + "), and so many pipelines need " + std::to_string(thread_count)
                                             + "; raise the limit of processes and threads (ulimit -u, pids).");
    }
}

// A pattern is expected to find so many topics at least; more are tried, and fail one by one where there is no room.
std::size_t expected_pipelines(const config& c) {
    constexpr std::size_t topics = 32;
    std::size_t out = 0;
    for (const pipeline_config& p : c.pipelines) out += is_pattern(p.topic) ? topics : 1;
    return out;
}

struct run_options {
    std::filesystem::path config;
    std::string from;      // as start_from_of() takes it; empty: as the configuration says
    std::string log_level; // empty: as the configuration says
};

void stream(const run_options& options, service_manager& manager) {
    const auto loaded = std::make_shared<const config>(load_config(options.config));
    const config& c = *loaded;
    const auto log_as = [&options](const config& of) {
        log::start(options.log_level.empty() ? of.log_level : options.log_level, of.log_form);
    };
    log_as(c);
    std::optional<start_from> from;
    if (!options.from.empty()) {
        auto [read, bad] = start_from_of(options.from);
        if (bad.empty() && !read.replay_id.empty()
            && (c.pipelines.size() > 1 || is_pattern(c.pipelines.front().topic)))
            bad =
                "a replay id is a place in one topic, and the configuration has "
                + (c.pipelines.size() > 1 ? std::to_string(c.pipelines.size()) + " pipelines" : "a pattern of topics")
                + "; \"sfcdc position set\" sets the position of one";
        if (!bad.empty()) throw failure(exit_code::bad_config, "--from: " + bad);
        from = std::move(read);
    }

    termination asked(c.drain_time); // first: whatever the start does, the process can be ended
    give_memory_back();
    prove_resources(expected_pipelines(c), !c.status.host.empty());
    const auto say_corrections = [](const config& of) {
        for (const std::string& corrected : of.corrections) spdlog::info("{}", corrected);
    };
    say_corrections(c);
    supervisor all(loaded, std::move(from), [&] {
        // Only a file that is opened at once: who waits for the writer of a pipe looks after no pipeline meanwhile.
        if (std::error_code unknown; !std::filesystem::is_regular_file(options.config, unknown))
            throw failure(exit_code::bad_config, options.config.string() + ": is no regular file now");
        auto next = std::make_shared<config>(load_config(options.config));
        prove_resources(expected_pipelines(*next), !next->status.host.empty());
        log_as(*next);
        say_corrections(*next);
        return next;
    });
    asked.reload_on_hangup();
    all.run(asked, manager);
}

int run(const run_options& options) {
    service_manager manager = service_manager::from_environment();
    try {
        stream(options, manager);
    } catch (const std::exception& e) {
        manager.status(e.what()); // stands there until the next start
        throw;
    }
    return 0;
}

} // namespace

void add_run(command_line& to) {
    CLI::App* const command = to.app.add_subcommand(
        "run", "Stream events as the configuration says, until SIGTERM or SIGINT; SIGHUP reloads it");
    const auto options = std::make_shared<run_options>();
    command->add_option("--config", options->config, "The configuration (TOML)")->required();
    command->add_option(
        "--from", options->from,
        "Where to start when no position is stored: earliest, latest, a replay id (hexadecimal or base64) or a time "
        "(2026-11-28T09:30:00Z). earliest and latest also where Salesforce does not know the stored one any more");
    command->add_option("--log-level", options->log_level, "trace, debug, info, warn or error")
        ->check(CLI::IsMember({"trace", "debug", "info", "warn", "error"}));
    command->callback([&to, options] { to.chosen = [options] { return run(*options); }; });
}

} // namespace sfcdc::runner
