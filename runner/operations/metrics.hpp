// What the pipelines of the process have done and how they are, for Prometheus, for /status and for the log.
//
// A pipeline's thread writes its numbers as relaxed atomics, most of them once a turn, so that an event costs it a few loads and
// stores. They get the form of Prometheus only when somebody asks, in the thread of the one who asks.
#pragma once

#include "heartbeat.hpp"
#include "left_out.hpp"

#include <sfcdc/call/fault.hpp>
#include <sfcdc/delivery_io.hpp>
#include <sfcdc/pubsub/replay_id.hpp>
#include <sfcdc/pubsub/subscription_state.hpp>
#include <sfcdc/wire/grpc_status.hpp>

#include <nlohmann/json_fwd.hpp>
#include <prometheus/collectable.h>
#include <prometheus/metric_family.h>

#include <array>
#include <atomic>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <list>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace sfcdc::runner {

// A number that one thread writes at a time, and any thread reads. It only grows.
class counter {
  public:
    void add(std::uint64_t n) noexcept { value_.store(load() + n, std::memory_order_relaxed); }
    counter& operator+=(std::uint64_t n) noexcept { return add(n), *this; }
    counter& operator++() noexcept { return add(1), *this; }
    std::uint64_t load() const noexcept { return value_.load(std::memory_order_relaxed); }
    operator std::uint64_t() const noexcept { return load(); }

  private:
    std::atomic<std::uint64_t> value_{0};
};

// A value that one thread writes at a time, and any thread reads.
template<class T> class gauge {
  public:
    gauge() = default;
    explicit gauge(T first) : value_(first) {}
    gauge& operator=(T value) noexcept { return value_.store(value, std::memory_order_relaxed), *this; }
    T load() const noexcept { return value_.load(std::memory_order_relaxed); }
    operator T() const noexcept { return load(); }

  private:
    std::atomic<T> value_{};
};

// How long something took, of those times that were measured.
struct timing {
    counter samples, nanoseconds;

    void add(std::chrono::nanoseconds time) noexcept {
        ++samples;
        nanoseconds += static_cast<std::uint64_t>(time.count());
    }
};

// Counts of times by upper bounds, in seconds. One thread writes.
class lag_histogram {
  public:
    static constexpr std::array<double, 17> bounds{0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5,    1,      2.5,
                                                   5,     10,   30,    60,   300, 900,  3600.0, 21600.0};

    void add(std::chrono::milliseconds time) noexcept;
    // Of the class at this index: those that are above the bound in front and not above its own; the last class has no bound.
    std::uint64_t in_class(std::size_t i) const noexcept { return counts_[i]; }
    double seconds() const noexcept { return static_cast<double>(milliseconds_.load()) / 1000; }

  private:
    std::array<counter, bounds.size() + 1> counts_;
    counter milliseconds_;
};

// How often something happened within the last 24 hours, in steps of ten minutes. One thread writes. Times are those of a clock that
// does not jump, in seconds.
class last_day {
  public:
    void add(std::uint64_t n, std::int64_t now) noexcept;
    std::uint64_t count(std::int64_t now) const noexcept;

  private:
    static constexpr std::int64_t step = 600, steps = 24 * 6;
    // By step modulo `steps`: the number of the step since the clock's epoch, and what was counted in it.
    std::array<gauge<std::int64_t>, steps> numbers_{};
    std::array<gauge<std::uint64_t>, steps> counts_{};
};

// Why calls were opened again. The reasons are enumerators, so that there are no more of them than listed there.
class reconnects {
  public:
    static constexpr std::size_t faults = static_cast<std::size_t>(call::fault::row_without_event) + 1;
    static constexpr std::size_t statuses = static_cast<std::size_t>(wire::grpc_status::unauthenticated) + 1;

    void add(const delivery_reason& why) noexcept;

    struct reason {
        std::string_view side, name; // "subscription" or "stream"; "server_silent" or "UNAVAILABLE"
        std::uint64_t count;
    };
    // Those that have happened.
    std::vector<reason> list() const;

  private:
    std::array<std::array<counter, faults + statuses>, 2> counts_;
};

// What a pipeline has done so far, in all of its runs. Written by its thread, and between its runs by the supervisor's; read by any.
// Counts begin with the process.
struct pipeline_counts {
    // Events that have come (again after a reconnect), that were made into rows or left out, that tell of a gap.
    counter received, events, gaps;
    std::array<counter, left_out_reasons> left_out; // by the number of left_out_by
    counter bytes_received;                         // of responses
    counter calls;                                  // of the subscription
    counter replaced_bytes;                         // that were not UTF-8
    counter rows;
    gauge<std::uint64_t> rows_durable;
    counter undecodable, rows_refused; // that are dead letters
    counter acks, resends, rotations;  // of streams; resends are requests
    counter schema_changes;            // an object has got another schema, behind its first one
    timing decode, encode;             // of one event in 64
    reconnects reconnected;
    last_day deliveries;
    lag_histogram lag; // from commit to durable, once a turn

    gauge<std::uint64_t> held;         // not 0: so many events were received that the position has not passed
    gauge<std::uint64_t> rows_waiting; // for a sink to make them durable
    gauge<std::uint64_t> bytes_in_flight, memory; // rows that streams hold; all that the pipeline holds
    gauge<std::uint32_t> credits;                 // events that Salesforce may still send
    heartbeat heart;                              // of the thread of the run
    gauge<bool> subscribed; // by this run: login, topic and the place for the position were found good
    gauge<pubsub::subscription_state> subscription{pubsub::subscription_state::closed};

    // Milliseconds since 1970: the commit of the stored position's event, and of the oldest event known that is not durable. 0: not known,
    // or none.
    gauge<std::int64_t> position_time, oldest_waiting;
    gauge<std::int64_t> last_lag{-1}; // the last one in `lag`, in milliseconds; -1: none yet

    // Milliseconds of the steady clock: since then the position could not move, because events are held and nothing becomes durable, or
    // there is no subscription. 0: it could.
    gauge<std::int64_t> stalled_since{steady_ms()};

    // Texts change seldom and are under a lock. They are made safe for a page here.
    struct texts_now {
        std::string state = "starting";
        pubsub::replay_id position{};
        std::string last_error{};
        std::int64_t last_error_at = 0; // milliseconds since 1970
    };
    void say_state(std::string_view state);
    void say_position(const pubsub::replay_id& position);
    void say_error(std::string_view text);
    texts_now texts() const;

    std::uint64_t events_left_out() const noexcept {
        std::uint64_t all = 0;
        for (const counter& n : left_out) all += n;
        return all;
    }

    // "connected", or what the pipeline waits for.
    std::string waits_for() const;
    // From a commit to now, of the oldest event that is not durable; without one the last that was measured. Nothing before the first.
    std::optional<std::chrono::milliseconds> lag_now() const;
    std::optional<std::chrono::milliseconds> position_age() const;

    static std::int64_t steady_ms() noexcept;
    static std::int64_t system_ms() noexcept;

  private:
    mutable std::mutex mutex_;
    texts_now texts_;
};

// How a pipeline is called on pages and in labels.
struct pipeline_identity {
    std::string name; // unique
    std::string topic, sink, destination, salesforce;
};

// All pipelines of the process. Any thread may call any function.
class metrics final : public prometheus::Collectable {
  public:
    // `ready_after`: see not_ready(). `memory_limit` is that of the configuration, in bytes.
    metrics(std::chrono::seconds ready_after, std::size_t memory_limit);

    // From now on this pipeline is shown. `counts` outlives this object.
    void add(const pipeline_identity& who, const pipeline_counts& counts);
    // From now on it is not shown, and `counts` is not looked at.
    void remove(const pipeline_counts& counts);
    // So many deliveries in 24 hours the org of this section has. 0: not known. A later call for the same section replaces it.
    void add_org(const std::string& salesforce, std::uint64_t delivery_allocation);

    // The sentences why the process is not ready: pipelines whose position could not move for `ready_after`. Empty: it is ready.
    std::vector<std::string> not_ready() const;

    std::vector<prometheus::MetricFamily> Collect() const override;
    // The same in Prometheus' text format 0.0.4.
    std::string exposition() const;
    // What /status says; docs/operations.md has its members.
    nlohmann::json status() const;

  private:
    struct shown {
        pipeline_identity who;
        const pipeline_counts* counts;
    };
    struct org {
        std::string name;
        std::uint64_t allocation;
    };

    std::uint64_t deliveries_of(const org& o) const;

    const std::chrono::seconds ready_after_;
    const std::size_t memory_limit_;
    const std::int64_t started_; // milliseconds since 1970
    mutable std::mutex mutex_;
    std::list<shown> pipelines_;
    std::list<org> orgs_;
};

} // namespace sfcdc::runner
