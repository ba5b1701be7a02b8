// What the service manager is told of all pipelines together: when the start is over, how they are, and that their threads turn.
#pragma once

#include "../operations/service_manager.hpp"
#include "lifecycle.hpp"

#include <chrono>
#include <optional>
#include <span>
#include <string>
#include <string_view>

namespace sfcdc::runner {

// What the supervisor knows of one pipeline at a moment.
struct pipeline_health {
    std::string_view label;
    pipeline_state state = pipeline_state::starting;
    bool turns = true;             // its thread does what it should; see heartbeat
    std::string_view last_error{}; // of its last run; empty: there was none
};

// "2 of 3 pipelines are running; /data/AccountChangeEvent needs a decision: …". One pipeline that is not running is named, a hung one before a
// failed one before one that starts.
std::string verdict(std::span<const pipeline_health> pipelines);

// Holds no thread, and reads no clock. Used by one thread.
//
// The start is over when each pipeline has subscribed or has failed for the first time, and at least one is up; a process without any ends by
// itself, which is a start that has failed. A pipeline that can do nothing but wait (Salesforce does not answer) would keep the start
// open for hours, and the manager would end the process for it: after `patience` the start is over all the same.
class service_report {
  public:
    static constexpr std::chrono::seconds patience{30};

    // The manager outlives the report.
    service_report(service_manager& manager, time_point start);

    // In each round of the supervisor. The manager hears nothing of a watchdog while a thread does not turn.
    void look(std::span<const pipeline_health> pipelines, time_point now);
    // The process has been asked to end, and has so long to make durable what was received.
    void stopping(std::chrono::seconds drain_time);

  private:
    void keep_alive(std::span<const pipeline_health> pipelines, time_point now);

    service_manager& manager_;
    const time_point start_;
    bool ready_ = false, stopping_ = false;
    std::optional<time_point> kept_alive_at_;
};

} // namespace sfcdc::runner
