// The credits of a subscription: how many events Salesforce may still send, how many the user has and did not release, and how many
// more are to be asked for.
#pragma once

#include <algorithm>
#include <cstdint>
#include <limits>

#include <sfcdc/backoff.hpp>
#include <sfcdc/error.hpp>
#include <sfcdc/pubsub/subscription_options.hpp>

namespace sfcdc::inline v0::pubsub::detail {

// At any time outstanding() + unreleased() <= max_unreleased. A credit is asked for, then an event is received with it, then the event is
// released; credits of a lost call are forgotten, its events are not.
class credits {
  public:
    explicit credits(const subscription_options& options) noexcept
        : credits_(options.credits), max_unreleased_(options.max_unreleased) {}

    // No more than so many credits are to be outstanding from now on, whatever the options say.
    void allow(std::uint32_t events) noexcept { allowed_ = events; }

    // Returns how many credits may be asked for now.
    std::uint32_t room() const noexcept {
        const std::uint32_t free = max_unreleased_ - unreleased_ - outstanding_;
        return std::min(free, limit() - std::min(limit(), outstanding_));
    }
    // Whether there is room for as many as are worth a request: half of them, so that the next events are on their way while these are
    // handled.
    bool worth_asking() const noexcept { return room() >= std::max(1u, limit() / 2); }

    void ask(std::uint32_t count) noexcept { outstanding_ += count; }
    // Events have come. Precondition: no more than outstanding().
    void receive(std::uint32_t count, time_point now) noexcept {
        unreleased_ += count;
        lower_to(outstanding_ - count, now);
    }
    // The server has no more credits left than this.
    void lower_to(std::uint32_t left, time_point now) noexcept {
        if (left >= outstanding_) return;
        outstanding_ = left;
        if (outstanding_ == 0) none_since_ = now;
    }
    // So many events are released. released_too_many, and nothing changes, if the user does not have as many.
    errc release(std::uint64_t count) noexcept {
        if (count > unreleased_) return errc::released_too_many;
        unreleased_ -= static_cast<std::uint32_t>(count);
        return errc::none;
    }

    // A call has begun, which is without credits, or is lost with those that it had.
    void begin_call(time_point now) noexcept { none_since_ = now; }
    void forget_call() noexcept { outstanding_ = 0; }

    // What Salesforce may still send on this call.
    std::uint32_t outstanding() const noexcept { return outstanding_; }
    // What the user has of all calls.
    std::uint32_t unreleased() const noexcept { return unreleased_; }
    // The time since which the call is without credits. Precondition: outstanding() is 0.
    time_point none_since() const noexcept { return none_since_; }

  private:
    std::uint32_t limit() const noexcept { return std::min(credits_, allowed_); }

    std::uint32_t credits_, max_unreleased_; // the options of these names
    std::uint32_t allowed_ = std::numeric_limits<std::uint32_t>::max();
    std::uint32_t outstanding_ = 0, unreleased_ = 0;
    time_point none_since_{};
};

} // namespace sfcdc::inline v0::pubsub::detail
