#include "lifecycle.hpp"

namespace sfcdc::runner {

std::string_view name_of(pipeline_state state) noexcept {
    switch (state) {
    case pipeline_state::starting: return "starting";
    case pipeline_state::running: return "running";
    case pipeline_state::waiting: return "waiting to be started again";
    case pipeline_state::needs_decision: return "needs a decision";
    case pipeline_state::failed: return "failed";
    case pipeline_state::drained: break;
    }
    return "drained";
}

void lifecycle::is_running(time_point now) noexcept {
    if (state_ != pipeline_state::starting) return;
    state_ = pipeline_state::running;
    running_since_ = now;
}

void lifecycle::ended(std::optional<exit_code> why, time_point now) noexcept {
    if (running_since_ && now - *running_since_ >= well) waits_.reset();
    running_since_.reset();
    restart_at_.reset();
    code_ = why.value_or(exit_code::ok);
    if (!why) {
        state_ = pipeline_state::drained;
    } else if (*why == exit_code::needs_decision) {
        state_ = pipeline_state::needs_decision;
    } else if (on_failure_ == failure_policy::stop) {
        state_ = pipeline_state::failed;
    } else {
        state_ = pipeline_state::waiting;
        restart_at_ = now + waits_.next();
    }
}

} // namespace sfcdc::runner
