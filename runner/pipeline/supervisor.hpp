// All pipelines of a configuration in one process, each in a thread of its own. One that fails does not touch the others: it is started
// again while at least one of them is up. When none is, the process ends, so that whoever started it decides. A configuration that is read again
// ends the pipelines that it does not have any more, starts those that are new, and leaves the others alone. A [[pipeline]] whose topic is a
// pattern becomes one pipeline for each topic that its topic_scan finds, also while others run.
#pragma once

#include "../config/config.hpp"
#include "../databricks/token.hpp"
#include "../disk/lock.hpp"
#include "../io/otlp_push.hpp"
#include "../operations/heartbeat.hpp"
#include "../operations/metrics.hpp"
#include "../operations/service_manager.hpp"
#include "../operations/status_server.hpp"
#include "../operations/termination.hpp"
#include "../salesforce/org.hpp"
#include "lifecycle.hpp"
#include "pipeline.hpp"
#include "service_report.hpp"
#include "topic_scan.hpp"

#include <atomic>
#include <chrono>
#include <exception>
#include <filesystem>
#include <functional>
#include <list>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <stop_token>
#include <string>
#include <thread>
#include <vector>

namespace sfcdc::runner {

class supervisor {
  public:
    // Reads the configuration again. Throws failure when it has mistakes.
    using reader = std::function<std::shared_ptr<config>()>;

    // `from` as pipeline has it. Before anything is connected: throws failure unless every file can be written, and every position
    // belongs to this process alone.
    supervisor(std::shared_ptr<const config> c, std::optional<start_from> from, reader read_again);
    ~supervisor();

    // Until the process is asked to end, or no pipeline is up any more. Throws what the worst of them has ended with: the exit code
    // is the greatest of those of the pipelines that are not up or drained. `manager` hears how they are.
    void run(termination& asked, service_manager& manager);

  private:
    struct supervised {
        supervised(std::shared_ptr<const runner::config> file, const pipeline_config& p, std::uint64_t seed)
            : of(std::move(file)), config(p), life(p.on_failure, seed) {}

        const std::shared_ptr<const runner::config> of; // has its services
        const pipeline_config config;
        std::unique_ptr<topic_scan> scan{};  // not null: it is a pattern, and finds topics in place of reading one
        const supervised* pattern = nullptr; // that has found its topic; null: the topic stands in the configuration
        bool has_answer = false;      // of a pattern: the org has told its topics, so that further ones are new
        std::set<std::string> said{}; // of a pattern: topics of which it was said that another pipeline has them
        bool leaving = false;         // it is not in the configuration or in the org any more, and ends
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

    supervised& add(const pipeline_config& p, const std::shared_ptr<const config>& of);
    void prove_files(const pipeline_config& p) const;
    void reload();
    void replace(termination& asked, const service_manager& manager);
    void follow(supervised& pattern, const std::vector<std::string>& topics, termination& asked,
                const service_manager& manager);
    std::unique_ptr<pipeline> make_run(supervised& s);
    void show(supervised& s);
    void start(supervised& s, termination& asked, const service_manager& manager);
    void collect(supervised& s, termination& asked);
    void ended(supervised& s, termination& asked);
    void look_at_lock(supervised& s) const;
    std::vector<pipeline_health> health(const service_manager& manager);
    std::shared_ptr<state_lock> lock_of(const std::filesystem::path& state);
    bool any_up() const;
    int worst() const;
    void report(const supervised& s) const;
    void report_health(const supervised& s) const;
    static void sum_up(const supervised& s);

    const std::shared_ptr<const config> first_config_; // of which the process has its limits and times
    std::shared_ptr<const config> config_;             // the newest
    std::optional<start_from> from_where_;
    const reader read_again_;
    // By the text of their sections.
    std::map<std::string, std::unique_ptr<salesforce::org>> orgs_;
    std::map<std::string, std::unique_ptr<databricks::workspace>> workspaces_;
    std::map<std::filesystem::path, std::weak_ptr<state_lock>> locks_; // pipelines of one database share one
    std::list<supervised> pipelines_;
    std::vector<const pipeline_config*> entering_; // of config_: they begin when those that leave have ended
    metrics metrics_;
    std::unique_ptr<status_server> status_server_; // null: the configuration has none
    std::unique_ptr<otlp_push> otlp_push_;         // null: it names no receiver
};

} // namespace sfcdc::runner
