// The calls of an ingest stream, and what is to be done with them.
//
// At most two are open: the one that rows are sent on, and an old one that the server is about to close (it does so
// every 15 minutes) or that was closed from here, because no rows or rows of another message type follow, and whose last
// acknowledgements are awaited. The next call is opened while
// the old one drains, but sends only when the old one has nothing in flight: Zerobus keeps order within a call only.
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <deque>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <variant>

#include <sfcdc/backoff.hpp>
#include <sfcdc/call/call_io.hpp>
#include <sfcdc/zerobus/ingest_stream_io.hpp>
#include <sfcdc/zerobus/ingest_stream_state.hpp>
#include <sfcdc/zerobus/messages.hpp>

namespace sfcdc::inline v0::zerobus::detail {

// One call. Requests have wire offsets from 0 on it, which the server acknowledges; it holds 0 <= durable <= sent.
struct ingest_call {
    static constexpr time_point never = time_point::max();

    std::uint64_t id = 0;
    call_phase phase = call_phase::none;
    std::int64_t sent = 0;       // requests, which is the next wire offset
    std::int64_t durable = 0;    // of these the first so many
    time_point deadline = never; // of the phase
    std::shared_ptr<const std::string>
        descriptor{}; // of the rows that it takes; null: the one of the stream's options

    explicit operator bool() const noexcept { return phase != call_phase::none; }
    std::size_t in_flight() const noexcept { return static_cast<std::size_t>(sent - durable); }

    // Each returns how the server breaks the protocol with this response in this phase; none if it does not. A response of no known kind
    // always does.
    call::fault check(const std::monostate&) const noexcept { return fault::unexpected_response; }
    call::fault check(const create_ingest_stream_response& created) const noexcept {
        if (phase != call_phase::creating) return fault::unexpected_response;
        return created.stream_id && !created.stream_id->empty() ? fault::none : fault::response_incomplete;
    }
    call::fault check(const ingest_record_response& ack) const noexcept {
        if (phase < call_phase::streaming) return fault::unexpected_response;
        if (!ack.durability_ack_up_to_offset) return fault::response_incomplete;
        const std::int64_t up_to = *ack.durability_ack_up_to_offset;
        if (up_to < durable - 1) return fault::ack_regressed; // -1, as the first one, is of nothing
        return up_to >= sent ? fault::ack_beyond_sent : fault::none;
    }
    call::fault check(const close_stream_signal&) const noexcept {
        return phase < call_phase::streaming ? fault::unexpected_response : fault::none;
    }
};

// The current call, which rows are sent on, and the old one. Also keeps the actions that nobody has polled yet.
class ingest_calls {
  public:
    explicit ingest_calls(std::chrono::milliseconds drain_limit) noexcept : drain_limit_(drain_limit) {}

    ingest_call& current() noexcept { return current_; }
    ingest_call& old() noexcept { return old_; }
    const ingest_call& current() const noexcept { return current_; }
    const ingest_call& old() const noexcept { return old_; }
    bool any() const noexcept { return current_ || old_; }
    bool any_in_flight() const noexcept { return current_.in_flight() > 0 || old_.in_flight() > 0; }
    // The number of the last call; calls are numbered from 1.
    std::uint64_t last() const noexcept { return last_; }
    // Returns the call of this number; null if it is over.
    ingest_call* find(std::uint64_t id) noexcept {
        if (current_ && current_.id == id) return &current_;
        return old_ && old_.id == id ? &old_ : nullptr;
    }

    // Opens the next call, for rows of this descriptor. Precondition: there is no current one.
    void open(std::shared_ptr<const std::string> descriptor, time_point deadline) {
        current_.descriptor = std::move(descriptor);
        current_.id = ++last_;
        current_.phase = call_phase::opening;
        current_.deadline = deadline;
        ask(open_call{current_.id, "/databricks.zerobus.Zerobus/EphemeralStream"});
    }

    // The current call becomes the old one, which nothing more is sent on. It is half-closed when `time` is over, or when it has nothing in
    // flight. If the old call still has rows in flight, the current one has none, and ends instead.
    void retire(std::chrono::nanoseconds time, time_point now) {
        if (old_.in_flight() > 0) { // there were more rotations than rows
            ask(half_close{current_.id});
            return cancel(current_);
        }
        cancel(old_);
        old_ = std::exchange(current_, {});
        old_.phase = call_phase::draining;
        old_.deadline = now + time;
        if (old_.in_flight() == 0 || time.count() == 0) half_close_old(now);
    }
    // Nothing more is sent on the old call; it ends by itself or in drain_limit.
    void half_close_old(time_point now) {
        ask(half_close{old_.id});
        old_.phase = call_phase::half_closed;
        old_.deadline = now + drain_limit_;
    }

    // Ends a call of this object, or does nothing if it is over.
    void cancel(ingest_call& c) {
        if (c) ask(cancel_call{c.id});
        c = {};
    }
    void cancel_all() {
        cancel(current_);
        cancel(old_);
    }

    // Appends what the I/O is to do.
    template<class Action> void ask(Action&& what) { actions_.emplace_back(std::forward<Action>(what)); }
    bool has_actions() const noexcept { return !actions_.empty(); }
    std::optional<action> poll_action() {
        if (actions_.empty()) return std::nullopt;
        std::optional<action> next(std::move(actions_.front()));
        actions_.pop_front();
        return next;
    }

  private:
    std::chrono::milliseconds drain_limit_;
    ingest_call current_, old_;
    std::uint64_t last_ = 0;
    std::deque<action> actions_; // a few; requests are taken from the queue of rows one by one
};

} // namespace sfcdc::inline v0::zerobus::detail
