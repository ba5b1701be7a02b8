#include "inbox.hpp"

#include <grpcpp/alarm.h>

#include <algorithm>
#include <chrono>

namespace sfcdc::runner {
namespace {

// What wake() leaves in the queue.
struct nudge final : inbox::operation {
    grpc::Alarm alarm;
    void done(bool) override { delete this; }
};

// gRPC's own monotonic clock: a deadline by the wall clock would move with it.
gpr_timespec deadline(std::optional<time_point> when) {
    if (!when) return gpr_inf_future(GPR_CLOCK_MONOTONIC);
    using std::chrono::nanoseconds;
    const auto left = std::max(*when, time_point()) - std::chrono::steady_clock::now();
    if (left <= nanoseconds(0)) return gpr_inf_past(GPR_CLOCK_MONOTONIC);
    // Rounded up: to wake before the time would be to look twice.
    const auto whole = std::chrono::ceil<std::chrono::microseconds>(left);
    return gpr_time_add(gpr_now(GPR_CLOCK_MONOTONIC), gpr_time_from_micros(whole.count(), GPR_TIMESPAN));
}

} // namespace

inbox::~inbox() {
    queue_.Shutdown();
    void* tag = nullptr;
    for (bool ok = false; queue_.Next(&tag, &ok);) static_cast<operation*>(tag)->done(ok); // nudges nobody waited for
}

void inbox::wait_until(std::optional<time_point> when) {
    constexpr int at_once = 256; // then its owners have their turn
    void* tag = nullptr;
    bool ok = false;
    auto until = deadline(when);
    for (int i = 0; i < at_once; ++i) {
        if (queue_.AsyncNext(&tag, &ok, until) != grpc::CompletionQueue::GOT_EVENT) return;
        static_cast<operation*>(tag)->done(ok);
        until = gpr_inf_past(GPR_CLOCK_MONOTONIC);
    }
}

void inbox::wake() {
    auto* const n = new nudge; // deletes itself
    // The past, and not now: that is rounded up to the next millisecond.
    n->alarm.Set(&queue_, gpr_inf_past(GPR_CLOCK_MONOTONIC), static_cast<operation*>(n));
}

} // namespace sfcdc::runner
