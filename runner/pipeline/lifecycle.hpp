// The state of one pipeline between its runs, and when the next run begins. Holds no clock and no thread.
#pragma once

#include "../config/config.hpp"
#include "../operations/failure.hpp"

#include <sfcdc/backoff.hpp>

#include <chrono>
#include <cstdint>
#include <optional>
#include <string_view>

namespace sfcdc::runner {

enum class pipeline_state : std::uint8_t {
    starting,       // the login, the topic and the stored position are being looked at
    running,        // events are asked for
    waiting,        // it has failed, and is started again later
    needs_decision, // it has failed, and only the operator can say how to go on
    failed,         // it has failed, and on_failure = "stop"
    drained,        // it was asked to end, and what was received is durable or left to the next run
};
// "needs a decision"
std::string_view name_of(pipeline_state state) noexcept;

class lifecycle {
  public:
    // `seed` spreads the waits of several pipelines that fail at once.
    lifecycle(failure_policy on_failure, std::uint64_t seed) : on_failure_(on_failure), waits_(seed, restarts) {}

    void begins() noexcept {
        state_ = pipeline_state::starting;
        restart_at_.reset();
    }
    // Later calls within one run change nothing.
    void is_running(time_point now) noexcept;
    // `why` is nothing where it was asked to end.
    void ended(std::optional<exit_code> why, time_point now) noexcept;

    pipeline_state state() const noexcept { return state_; }
    bool up() const noexcept { return state_ == pipeline_state::starting || state_ == pipeline_state::running; }
    // When `waiting` ends.
    std::optional<time_point> restart_at() const noexcept { return restart_at_; }
    // What the process ends with on account of this pipeline.
    exit_code code() const noexcept { return code_; }

  private:
    // Not shorter: a login may not be refused more often than once a minute. A run of more than `well` begins the waits anew.
    static constexpr backoff::options restarts{std::chrono::minutes(2), std::chrono::minutes(10)};
    static constexpr std::chrono::minutes well{10};

    failure_policy on_failure_;
    backoff waits_;
    pipeline_state state_ = pipeline_state::starting;
    exit_code code_ = exit_code::ok;
    std::optional<time_point> running_since_, restart_at_;
};

} // namespace sfcdc::runner
