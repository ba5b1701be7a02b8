#include "supervisor.hpp"

#include "../config/topic_pattern.hpp"
#include "../disk/durable_file.hpp"
#include "../disk/position_file.hpp"
#include "../operations/failure.hpp"

#include <spdlog/spdlog.h>

#include <algorithm>
#include <array>
#include <iterator>
#include <random>
#include <set>
#include <string>
#include <string_view>
#include <system_error>
#include <utility>

namespace sfcdc::runner {
namespace {

using namespace std::chrono_literals;
using steady = std::chrono::steady_clock;

// Of memory_limit for one pipeline: an event of Salesforce may have 1 MB, and becomes a row beside it.
constexpr std::size_t least_share = 4u << 20;

exit_code code_of(const std::exception_ptr& end) {
    try {
        std::rethrow_exception(end);
    } catch (const failure& f) {
        return f.code();
    } catch (...) {
        return exit_code::failed;
    }
}

// "salesforce.eu" of "[salesforce.eu]".
std::string word_of(const std::string& section) { return section.substr(1, section.size() - 2); }

std::string text_of(const std::exception_ptr& end) {
    try {
        std::rethrow_exception(end);
    } catch (const std::exception& e) {
        return e.what();
    } catch (...) {
        return "it has ended for an unknown reason";
    }
}

} // namespace

supervisor::supervisor(std::shared_ptr<const config> c, std::optional<start_from> from, reader read_again)
    : first_config_(c),
      config_(std::move(c)),
      from_where_(std::move(from)),
      read_again_(std::move(read_again)),
      metrics_(config_->status.ready_after, config_->memory_limit) {
    for (const pipeline_config& p : config_->pipelines) {
        supervised& s = add(p, config_);
        if (!s.scan) s.lock = lock_of(p.state());
        make_run(s)->prove(); // by each run again; the files of a pattern are tried under its own name
    }
    if (!config_->status.host.empty())
        status_server_ = std::make_unique<status_server>(
            status_server_options{config_->status.host, config_->status.port}, metrics_);
    if (!config_->status.otlp.url.empty()) otlp_push_ = std::make_unique<otlp_push>(config_->status.otlp, metrics_);
}

// With the services that it needs, which are those of the configuration `of`.
supervisor::supervised& supervisor::add(const pipeline_config& p, const std::shared_ptr<const config>& of) {
    const salesforce_config& service = of->salesforce.at(p.salesforce);
    if (auto& org = orgs_[service.written]; !org) org = std::make_unique<salesforce::org>(service);
    metrics_.add_org(word_of(service.section), service.delivery_allocation);
    if (p.sink == sink_kind::zerobus) {
        const databricks_config& lake = of->databricks.at(p.databricks);
        if (auto& workspace = workspaces_[lake.written]; !workspace)
            workspace = std::make_unique<databricks::workspace>(lake);
    }
    supervised& s = pipelines_.emplace_back(of, p, std::random_device{}());
    if (is_pattern(p.topic))
        s.scan = std::make_unique<topic_scan>(s.config, service, *orgs_.at(service.written), s.counts);
    show(s);
    return s;
}

supervisor::~supervisor() {
    for (supervised& s : pipelines_) s.stop.request_stop(); // all at once, before the first is waited for
}

// Puts the pipeline on the pages. How old a stored position is, only its event says; until one has come, the time at which a file with
// nothing but the position was written stands in for it, which is a little later.
void supervisor::show(supervised& s) {
    const pipeline_config& p = s.config;
    std::error_code none;
    if (!p.checkpoint.empty())
        if (const auto written = std::filesystem::last_write_time(p.checkpoint, none); !none)
            s.counts.position_time = std::chrono::duration_cast<std::chrono::milliseconds>(
                                         std::chrono::file_clock::to_sys(written).time_since_epoch())
                                         .count();
    constexpr std::string_view sinks[] = {"zerobus", "sqlite", "ndjson"};
    std::string destination = p.sink == sink_kind::zerobus ? p.table : p.path.string();
    if (p.sink == sink_kind::sqlite) destination += ": " + p.table;
    metrics_.add({p.label, p.topic, std::string(sinks[static_cast<std::size_t>(p.sink)]), std::move(destination),
                  word_of(s.of->salesforce.at(p.salesforce).section)},
                 s.counts);
}

// The position of a database is in the database.
std::shared_ptr<state_lock> supervisor::lock_of(const std::filesystem::path& state) {
    if (state.empty()) return nullptr;
    prove_state(state);
    const std::filesystem::path whole = whole_path(state); // a link to a database is the database
    std::weak_ptr<state_lock>& known = locks_[whole];
    if (auto held = known.lock(); held && held->still_there()) return held;
    auto fresh = std::make_shared<state_lock>(whole);
    known = fresh;
    return fresh;
}

std::unique_ptr<pipeline> supervisor::make_run(supervised& s) {
    const std::size_t pipelines = std::max(s.of->pipelines.size(), pipelines_.size());
    const std::size_t share = std::max(s.of->memory_limit / pipelines, least_share);
    databricks::workspace* const workspace =
        s.config.sink == sink_kind::zerobus ? workspaces_.at(s.of->databricks.at(s.config.databricks).written).get()
                                            : nullptr;
    return std::make_unique<pipeline>(s.config, *orgs_.at(s.of->salesforce.at(s.config.salesforce).written),
                                      workspace, share, s.pattern != nullptr ? std::nullopt : from_where_, s.counts);
}

// A run that cannot begin has failed like one that ends.
void supervisor::start(supervised& s, termination& asked, const service_manager& manager) {
    if (manager.watchdog())
        s.counts.heart.due_each = std::chrono::duration_cast<std::chrono::milliseconds>(*manager.watchdog() / 4);
    s.life.begins();
    s.counts.say_state(name_of(s.life.state()));
    s.watch.begin_anew();
    s.lock_lost = false;
    s.end = nullptr;
    s.done = false;
    s.stop = {};
    try {
        if (!s.lock && !s.scan) s.lock = lock_of(s.config.state());
        const auto begin = [&s](auto work) {
            s.thread = start_thread([&s, work = std::move(work), stop = s.stop.get_token()]() mutable {
                const heartbeat::attached beats(s.counts.heart);
                try {
                    work(stop);
                } catch (...) {
                    s.end = std::current_exception();
                }
                s.done = true;
            });
        };
        if (s.scan) return begin([&s](const std::stop_token& stop) { s.scan->run(stop); });
        // Made here, because a reload changes what it is made of; the thread owns it, so that it ends there.
        begin([made = make_run(s)](const std::stop_token& stop) mutable {
            const std::unique_ptr<pipeline> run = std::move(made);
            run->prove();
            run->run(stop);
        });
    } catch (...) {
        s.end = std::current_exception();
        ended(s, asked);
    }
}

// A removed lock may be made by another process, which then runs with the same position.
void supervisor::look_at_lock(supervised& s) const {
    if (!s.lock || s.lock_lost || s.lock->still_there()) return;
    s.lock_lost = true;
    s.stop.request_stop();
}

// The end of a run, as soon as it is there.
void supervisor::collect(supervised& s, termination& asked) {
    s.thread.join();
    if (!s.end && s.lock_lost)
        s.end = std::make_exception_ptr(
            failure(exit_code::failed, state_lock::file_of(s.lock->state()).string()
                                           + ": the lock was removed, so that another process may run with this "
                                             "position, too."));
    ended(s, asked);
}

void supervisor::ended(supervised& s, termination& asked) {
    s.lock.reset();
    s.life.ended(s.end ? std::optional(code_of(s.end)) : std::nullopt, steady::now());
    s.counts.say_state(name_of(s.life.state()));
    if (s.end) s.counts.say_error(text_of(s.end));
    if (s.end) s.last_error = text_of(s.end);
    asked.exit_with(worst());
    if (!any_up()) asked.end(worst()); // before anything is logged: standard error may block
    sum_up(s);
    if (s.end) report(s);
}

void supervisor::report(const supervised& s) const {
    const auto next = s.life.restart_at();
    std::string then(name_of(s.life.state()));
    if (next)
        then = "the next try is in "
               + std::to_string(std::chrono::ceil<std::chrono::seconds>(*next - steady::now()).count()) + " s";
    if (s.leaving) then = "it is not in the configuration or in the org any more";
    if (!any_up()) then = "no pipeline is up";
    spdlog::error("{}: {} [{}]", s.config.label, s.last_error, then);
}

void supervisor::sum_up(const supervised& s) {
    const pipeline_counts& counts = s.counts;
    if (counts.calls == 0) return; // it has not come so far
    const std::string& label = s.config.label;
    spdlog::info("{}: {} events received, {} rows durable, {} undecodable, {} calls", label, counts.events.load(),
                 counts.rows_durable.load(), counts.undecodable.load(), counts.calls.load());
    for (std::size_t i = 0; i < left_out_reasons; ++i)
        if (const auto events = counts.left_out[i].load(); events > 0)
            spdlog::info("{}: {} events were left out by the configuration ({})", label, events,
                         to_string(static_cast<left_out_by>(i)));
    if (const auto bytes = counts.replaced_bytes.load(); bytes > 0)
        spdlog::warn("{}: {} bytes were not UTF-8 and became U+FFFD", label, bytes);
    if (const auto rows = counts.rows_refused.load(); rows > 0)
        spdlog::warn("{}: {} rows were refused and are in the dead letters", label, rows);
}

bool supervisor::any_up() const {
    return !entering_.empty() || std::ranges::any_of(pipelines_, [](const supervised& s) { return s.life.up(); });
}

// The files of a pipeline that is new, as far as no pipeline that runs has them open. Throws failure unless they can be written.
void supervisor::prove_files(const pipeline_config& p) const {
    const auto in_use = [&](const std::filesystem::path& path) {
        return path.empty() || path == "-" || std::ranges::any_of(pipelines_, [&](const supervised& s) {
                   const std::filesystem::path whole = whole_path(path);
                   return std::ranges::any_of(
                       std::array{s.config.state(), s.config.path, s.config.dead_letters},
                       [&](const auto& file) { return !file.empty() && whole_path(file) == whole; });
               });
    };
    if (!in_use(p.state())) prove_state(p.state());
    if (!in_use(p.checkpoint) && p.sink != sink_kind::sqlite) position_file(p.checkpoint).prove();
    if (!in_use(p.path) && p.sink == sink_kind::ndjson) line_file(p.path).prove();
    if (!in_use(p.dead_letters)) line_file(p.dead_letters).prove();
}

// A configuration with mistakes, one that cannot be read, and one whose files cannot be written change nothing.
void supervisor::reload() {
    std::shared_ptr<config> next;
    std::set<const supervised*> going_on;
    std::vector<const pipeline_config*> entering;
    try {
        next = read_again_();
        for (const pipeline_config& p : next->pipelines) {
            const auto same = std::ranges::find_if(pipelines_, [&](const supervised& s) {
                return !s.leaving && s.pattern == nullptr && s.config.written == p.written && !going_on.contains(&s);
            });
            if (same == pipelines_.end())
                entering.push_back(&p);
            else
                going_on.insert(&*same);
        }
        for (const supervised& s : pipelines_)
            if (s.pattern != nullptr && going_on.contains(s.pattern)
                && !has_pipeline_of_its_own(*next, s.of->salesforce.at(s.config.salesforce).written, s.config.topic))
                going_on.insert(&s);
        for (const pipeline_config* const p : entering) prove_files(*p);
    } catch (const std::exception& e) {
        spdlog::error("the configuration was not reloaded, and what runs goes on: {}", e.what());
        return;
    }
    const config& first = *first_config_;
    if (next->status.host != first.status.host || next->status.port != first.status.port
        || next->status.ready_after != first.status.ready_after || next->status.otlp != first.status.otlp
        || next->memory_limit != first.memory_limit || next->drain_time != first.drain_time)
        spdlog::warn("of the reloaded configuration, [status] listen, ready_after and otlp_*, memory_limit and "
                     "drain_time hold "
                     "after a restart only");
    next->drain_time = first.drain_time;
    next->memory_limit = first.memory_limit;
    for (pipeline_config& p : next->pipelines) p.drain_time = first.drain_time;
    // A replay id is a place in the topic that the process was started with.
    if (from_where_ && !from_where_->replay_id.empty()) from_where_.reset();
    config_ = std::move(next);
    entering_ = std::move(entering);
    std::size_t leaving = 0;
    for (supervised& s : pipelines_) {
        if (going_on.contains(&s) || s.leaving) continue;
        s.leaving = true;
        ++leaving;
        s.stop.request_stop();
    }
    spdlog::info("the configuration was reloaded: {} pipelines go on, {} end, {} begin{}", going_on.size(), leaving,
                 entering_.size(), leaving > 0 && !entering_.empty() ? " when those have ended" : "");
}

// Those that leave are taken out when they have ended; then the others begin, since they may use the same files and positions.
void supervisor::replace(termination& asked, const service_manager& manager) {
    for (auto s = pipelines_.begin(); s != pipelines_.end();) {
        const auto next = std::next(s);
        if (s->leaving && !s->thread.joinable()) {
            metrics_.remove(s->counts);
            pipelines_.erase(s);
        }
        s = next;
    }
    if (entering_.empty() || std::ranges::any_of(pipelines_, &supervised::leaving)) return;
    for (const pipeline_config* const p : std::exchange(entering_, {})) {
        try {
            (void)add(*p, config_);
        } catch (const std::exception& e) { // its certificates, for one, have gone meanwhile
            spdlog::error("{}: it cannot begin, until the configuration is read again: {}", p->label, e.what());
            continue;
        }
        start(pipelines_.back(), asked, manager);
    }
    std::erase_if(orgs_, [&](const auto& org) {
        return std::ranges::none_of(pipelines_, [&](const supervised& s) {
            return s.of->salesforce.at(s.config.salesforce).written == org.first;
        });
    });
    std::erase_if(workspaces_, [&](const auto& workspace) {
        return std::ranges::none_of(pipelines_, [&](const supervised& s) {
            return s.config.sink == sink_kind::zerobus
                   && s.of->databricks.at(s.config.databricks).written == workspace.first;
        });
    });
}

// Topics that the org has now become pipelines, which begin at their earliest events, whatever --from says: what a topic has had before it was
// found, or before a crash behind that, is not lost. The pipeline of a topic that is gone ends, and keeps its position.
void supervisor::follow(supervised& pattern, const std::vector<std::string>& topics, termination& asked,
                        const service_manager& manager) {
    const std::string& org = pattern.of->salesforce.at(pattern.config.salesforce).written;
    const bool later = std::exchange(pattern.has_answer, true);
    if (!later && from_where_)
        spdlog::warn("{}: --from does not hold for the topics of a pattern, which begin at their earliest events",
                     pattern.config.label);
    std::vector<supervised*> found;
    for (const std::string& topic : topics) {
        if (has_pipeline_of_its_own(*config_, org, topic)) continue;
        const pipeline_config theirs = of_topic(pattern.config, topic);
        const auto other = std::ranges::find_if(pipelines_, [&](const supervised& s) {
            const bool same = s.config.topic == topic && s.of->salesforce.at(s.config.salesforce).written == org;
            // One that ends has its files open still: the next answer finds the topic again.
            return same && (s.pattern == &pattern || s.leaving || s.config.state() == theirs.state());
        });
        if (other != pipelines_.end()) {
            if (other->pattern != &pattern && !other->leaving && pattern.said.insert(topic).second)
                spdlog::error("{}: {} is left to {}, which keeps its position in the same place; give one of the two "
                              "another",
                              pattern.config.label, topic, other->config.label);
            continue;
        }
        pipeline_config p = theirs;
        if (std::ranges::any_of(pipelines_, [&](const supervised& s) { return s.config.label == p.label; }))
            p.label += " by " + pattern.config.topic;
        try {
            found.push_back(&add(p, pattern.of));
            found.back()->pattern = &pattern;
        } catch (const std::exception& e) {
            spdlog::error("{}: it cannot begin: {}", p.label, e.what());
        }
    }
    const char* const what = later ? "a new topic" : "a topic";
    for (supervised* const s : found) {
        spdlog::info("{}: {} of {}", s->config.label, what, pattern.config.topic);
        start(*s, asked, manager);
    }
    for (supervised& s : pipelines_) {
        const bool still_there = std::ranges::find(topics, s.config.topic) != topics.end();
        if (s.pattern != &pattern || s.leaving || still_there) continue;
        s.leaving = true;
        s.stop.request_stop();
        spdlog::info("{}: the org does not have it any more", s.config.label);
    }
}

// The line of each interval.
void supervisor::report_health(const supervised& s) const {
    if (s.scan) {
        const auto topics = std::ranges::count_if(pipelines_, [&](const supervised& t) { return t.pattern == &s; });
        return spdlog::info("{}: {} topics, {}", s.config.label, topics, s.counts.waits_for());
    }
    const pipeline_counts& c = s.counts;
    const pubsub::replay_id position = c.texts().position;
    const auto lag = c.lag_now();
    spdlog::info("{}: {} received, {} durable, {} refused, {} undecodable, {} waiting, lag {}, position {}, {}",
                 s.config.label, c.received.load(), c.rows_durable.load(), c.rows_refused.load(),
                 c.undecodable.load(), c.held.load(),
                 lag ? std::to_string(lag->count() / 1000) + "." + std::to_string(lag->count() / 100 % 10) + " s"
                     : std::string("unknown"),
                 position.empty() ? std::string("none") : position.hex(), c.waits_for());
}

int supervisor::worst() const {
    int code = 0;
    for (const supervised& s : pipelines_)
        if (!s.life.up() && !s.leaving) code = std::max(code, static_cast<int>(s.life.code()));
    return code;
}

// How the pipelines are now, in their order. A thread that hangs is said once, and once when it turns again.
std::vector<pipeline_health> supervisor::health(const service_manager& manager) {
    std::vector<pipeline_health> out;
    for (supervised& s : pipelines_) {
        const bool looked_at = manager.watchdog() && s.thread.joinable() && !s.done;
        const bool turned = std::exchange(
            s.turns, !looked_at || s.watch.turns_within(s.counts.heart, *manager.watchdog(), steady::now()));
        if (turned && !s.turns)
            spdlog::error("{}: its thread has not turned for {} s; the service manager is no longer told that this "
                          "process is alive",
                          s.config.label,
                          std::chrono::duration_cast<std::chrono::seconds>(*manager.watchdog()).count());
        if (!turned && s.turns) spdlog::warn("{}: its thread turns again", s.config.label);
        out.push_back({s.config.label, s.life.state(), s.turns, s.last_error});
    }
    return out;
}

void supervisor::run(termination& asked, service_manager& manager) {
    service_report report_to(manager, steady::now());
    for (supervised& s : pipelines_) {
        start(s, asked, manager);
        if (s.life.up()) continue;
        asked.end(worst()); // no thread is to be had: those that run are stopped in order
        break;
    }
    bool stopping = false;
    auto next_look = steady::now(), next_report = steady::now() + config_->status.log_interval;
    const auto is_up = [](const supervised& s) { return s.thread.joinable(); };
    while (!entering_.empty() || std::any_of(pipelines_.begin(), pipelines_.end(), is_up)) {
        if (asked.wait(100ms)) {
            if (!std::exchange(stopping, true)) {
                for (supervised& s : pipelines_) s.stop.request_stop(); // first: standard error may block
                report_to.stopping(first_config_->drain_time);
                spdlog::info("stopping: what was received is being made durable");
            }
            if (std::all_of(pipelines_.begin(), pipelines_.end(),
                            [&](const supervised& s) { return !is_up(s) || s.done || s.counts.held == 0; }))
                asked.nothing_is_held();
            std::this_thread::sleep_for(20ms);
        }
        if (asked.take_reload() && !stopping) reload();
        if (stopping) entering_.clear();
        const auto now = steady::now();
        for (supervised& s : pipelines_) {
            if (is_up(s) && s.done)
                collect(s, asked);
            else if (is_up(s) && s.counts.subscribed && s.life.state() == pipeline_state::starting)
                s.life.is_running(now), s.counts.say_state(name_of(s.life.state()));
            else if (!s.leaving && s.life.restart_at() && now >= *s.life.restart_at() && !asked.wait(0ms))
                spdlog::info("{}: starting again", s.config.label), start(s, asked, manager);
        }
        for (supervised& s : pipelines_)
            if (s.scan && !s.leaving && !stopping)
                if (const auto topics = s.scan->take()) follow(s, *topics, asked, manager);
        replace(asked, manager);
        report_to.look(health(manager), now);
        if (now >= next_look) {
            next_look = now + 1s;
            for (supervised& s : pipelines_)
                if (is_up(s)) look_at_lock(s);
        }
        if (config_->status.log_interval > 0s && now >= next_report) {
            next_report = now + config_->status.log_interval;
            for (const supervised& s : pipelines_) report_health(s);
        }
    }
    const int code = worst();
    for (const supervised& s : pipelines_)
        if (code != 0 && !s.leaving && static_cast<int>(s.life.code()) == code) std::rethrow_exception(s.end);
}

} // namespace sfcdc::runner
