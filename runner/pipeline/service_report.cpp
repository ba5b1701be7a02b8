#include "service_report.hpp"

#include "../operations/termination.hpp"

#include <algorithm>

namespace sfcdc::runner {
namespace {

bool is_up(const pipeline_health& p) {
    return p.state == pipeline_state::starting || p.state == pipeline_state::running;
}

// What an operator should look at first has the greatest number.
int urgency(const pipeline_health& p) {
    if (!p.turns) return 5;
    switch (p.state) {
    case pipeline_state::needs_decision: return 4;
    case pipeline_state::failed: return 3;
    case pipeline_state::waiting: return 2;
    case pipeline_state::starting: return 1;
    case pipeline_state::running:
    case pipeline_state::drained: break;
    }
    return 0;
}

} // namespace

std::string verdict(std::span<const pipeline_health> pipelines) {
    if (pipelines.empty()) return "there are no pipelines";
    const auto running = std::count_if(pipelines.begin(), pipelines.end(), [](const pipeline_health& p) {
        return p.state == pipeline_state::running && p.turns;
    });
    std::string out = running == 0 && pipelines.size() == 1 ? "no" : std::to_string(running);
    if (pipelines.size() > 1) out += " of " + std::to_string(pipelines.size());
    out += pipelines.size() == 1 ? " pipeline" : " pipelines";
    out += running == 1 || pipelines.size() == 1 ? " is running" : " are running";
    const pipeline_health& worst =
        *std::max_element(pipelines.begin(), pipelines.end(),
                          [](const pipeline_health& a, const pipeline_health& b) { return urgency(a) < urgency(b); });
    if (urgency(worst) == 0) return out;
    out += "; " + std::string(worst.label);
    if (!worst.turns) return out + " hangs: its thread does not turn";
    switch (worst.state) {
    case pipeline_state::starting:
        out += worst.last_error.empty() ? " is starting" : " is starting again, after";
        break;
    case pipeline_state::waiting: out += " is " + std::string(name_of(worst.state)); break;
    case pipeline_state::failed: out += " has failed"; break;
    default: out += " " + std::string(name_of(worst.state));
    }
    if (!worst.last_error.empty()) out += ": " + std::string(worst.last_error);
    return out;
}

service_report::service_report(service_manager& manager, time_point start) : manager_(manager), start_(start) {
    manager_.starting(patience + std::chrono::seconds(15));
}

void service_report::look(std::span<const pipeline_health> pipelines, time_point now) {
    keep_alive(pipelines, now);
    if (stopping_) return;
    manager_.status(verdict(pipelines));
    if (ready_ || std::none_of(pipelines.begin(), pipelines.end(), is_up)) return;
    const bool all_known = std::none_of(pipelines.begin(), pipelines.end(), [](const pipeline_health& p) {
        return p.state == pipeline_state::starting && p.last_error.empty();
    });
    if (all_known || now - start_ >= patience) ready_ = manager_.ready(); // a message that is lost is sent again
}

void service_report::keep_alive(std::span<const pipeline_health> pipelines, time_point now) {
    if (!manager_.watchdog()) return;
    if (!std::all_of(pipelines.begin(), pipelines.end(), [](const pipeline_health& p) { return p.turns; })) return;
    if (kept_alive_at_ && now - *kept_alive_at_ < *manager_.watchdog() / 2) return;
    if (manager_.keep_alive()) kept_alive_at_ = now;
}

void service_report::stopping(std::chrono::seconds drain_time) {
    if (stopping_) return;
    stopping_ = true;
    manager_.stopping(drain_time + closing_time + std::chrono::seconds(1));
    manager_.status("stopping: what was received is being made durable");
}

} // namespace sfcdc::runner
