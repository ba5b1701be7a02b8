// All pipelines of a configuration in one process, each in a thread of its own. One that fails does not touch the others: it is started
// again while at least one of them is up. When none is, the process ends, so that whoever started it decides.
#pragma once

#include "../config/config.hpp"
#include "../databricks/token.hpp"
#include "../disk/lock.hpp"
#include "../operations/heartbeat.hpp"
#include "../operations/metrics.hpp"
#include "../operations/service_manager.hpp"
#include "../operations/status_server.hpp"
#include "../operations/termination.hpp"
#include "../salesforce/org.hpp"
#include "lifecycle.hpp"
#include "pipeline.hpp"
#include "service_report.hpp"

#include <atomic>
#include <chrono>
#include <exception>
#include <filesystem>
#include <list>
#include <map>
#include <memory>
#include <optional>
#include <stop_token>
#include <string>
#include <thread>
#include <vector>

namespace sfcdc::runner {

class supervisor {
  public:
    // `from` as pipeline has it. The configuration outlives it. Before anything is connected: throws failure unless every file can be
    // written, and every position belongs to this process alone.
    supervisor(const config& c, std::optional<start_from> from);
    ~supervisor();

    // Until the process is asked to end, or no pipeline is up any more. Throws what the worst of them has ended with: the exit code
    // is the greatest of those of the pipelines that are not up or drained. `manager` hears how they are.
    void run(termination& asked, service_manager& manager);

  private:
    struct supervised {
        supervised(const pipeline_config& p, std::uint64_t seed) : config(p), life(p.on_failure, seed) {}

        const pipeline_config& config;
        lifecycle life;
        pipeline_counts counts;
        std::shared_ptr<state_lock> lock;
        bool lock_lost = false;
        std::string last_error; // for the operator
        heartbeat_watch watch;
        bool turns = true;
        // A run. Its pipeline lives in the thread, and is gone with it: what it held (a transaction, the lock of a file, calls) is free for
        // others. The thread writes `end` before `done`.
        std::stop_source stop;
        std::exception_ptr end;
        std::atomic<bool> done = false;
        std::jthread thread;
    };

    std::unique_ptr<pipeline> make_run(supervised& s);
    void show(supervised& s);
    void start(supervised& s, termination& asked);
    void collect(supervised& s, termination& asked);
    void ended(supervised& s, termination& asked);
    void look_at_lock(supervised& s) const;
    std::vector<pipeline_health> health(const service_manager& manager);
    std::shared_ptr<state_lock> lock_of(const std::filesystem::path& state);
    bool any_up() const;
    int worst() const;
    void report(const supervised& s) const;
    static void report_health(const supervised& s);
    static void sum_up(const supervised& s);

    const config& config_;
    const std::optional<start_from> from_where_;
    std::map<std::string, std::unique_ptr<salesforce::org>> orgs_;
    std::map<std::string, std::unique_ptr<databricks::workspace>> workspaces_;
    std::map<std::filesystem::path, std::weak_ptr<state_lock>> locks_; // pipelines of one database share one
    std::list<supervised> pipelines_;
    metrics metrics_;
    std::unique_ptr<status_server> status_server_; // null: the configuration has none
};

} // namespace sfcdc::runner
