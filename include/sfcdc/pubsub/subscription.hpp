// Subscribe and ManagedSubscribe as a state machine: no I/O, no clock, no threads. It says what to do next (actions) and
// what the user must know (events), and is told what happened (inputs), see subscription_io.hpp; the loop around it:
//
//     while (auto event = sub.poll_event()) sink.on(*event);
//     while (auto action = sub.poll_action(clock.now())) io.perform(*action);
//     if (sub.closed()) return;
//     const auto input = io.wait_until(sub.poll_timeout());
//     sub.handle(input, clock.now());
//     sub.release(sink.take_durable());
//
// The state after each input. "." nothing changes, "!" a mistake of the user's, which is refused and changes nothing.
//
//   | input                  | waiting | opening   | streaming | token_due | renewing  | choosing | closed |
//   |------------------------|---------|-----------|-----------|-----------|-----------|----------|--------|
//   | opened                 | .       | streaming | !         | .         | .         | .        | .      |
//   | response               | .       | !         | .         | .         | .         | .        | .      |
//   | broken response        | .       | !         | waiting   | .         | .         | .        | .      |
//   | ended, retry           | .       | waiting   | waiting   | .         | .         | .        | .      |
//   | ended, slow_down       | .       | waiting   | waiting   | .         | .         | .        | .      |
//   | ended, wait_hours      | .       | waiting   | waiting   | .         | .         | .        | .      |
//   | ended, renew_token     | .       | token_due | token_due | .         | .         | .        | .      |
//   | ended, choose_position | .       | choosing  | choosing  | .         | .         | .        | .      |
//   | ended, stop            | .       | closed    | closed    | .         | .         | .        | .      |
//   | token_renewed          | .       | .         | .         | waiting   | waiting   | .        | .      |
//   | token_refused          | .       | .         | .         | .         | token_due | .        | .      |
//   | token_unavailable      | .       | .         | .         | .         | token_due | .        | .      |
//   | choose()               | !       | !         | !         | !         | !         | waiting  | !      |
//   | release()              | .       | .         | .         | .         | .         | .        | .      |
//   | commit()               | .       | .         | .         | .         | .         | -        | !      |
//   | close()                | closed  | closed    | closed    | closed    | closed    | closed   | closed |
//   | time                   | opening | waiting   | waiting   | renewing  | .         | .        | .      |
//
// In a state without a call, opened, response and ended come from an earlier call and are too late to matter. Refusals
// ("ended, stop", token_refused, budgets that are used up) close a subscription that never was healthy; one that was tries
// again first, as call::patience says. A managed subscription has no choosing: it is closed instead; another one has no
// commit().
// Source: Pub/Sub API guide; proto/pubsub_api.proto.
#pragma once

#include <algorithm>
#include <cstdint>
#include <deque>
#include <limits>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <variant>

#include <sfcdc/backoff.hpp>
#include <sfcdc/call/call_io.hpp>
#include <sfcdc/call/patience.hpp>
#include <sfcdc/call/remedy.hpp>
#include <sfcdc/error.hpp>
#include <sfcdc/pubsub/call_end.hpp>
#include <sfcdc/pubsub/messages.hpp>
#include <sfcdc/pubsub/replay_id.hpp>
#include <sfcdc/pubsub/subscription_io.hpp>
#include <sfcdc/pubsub/subscription_options.hpp>
#include <sfcdc/wire/bytes.hpp>
#include <sfcdc/wire/hex.hpp>

namespace sfcdc::pubsub {

// The columns of the table above: what a subscription waits for.
enum class subscription_state : std::uint8_t { waiting, opening, streaming, token_due, renewing, choosing, closed };

// Returns the name of the enumerator, as a label of logs and metrics; "unknown" for a number that names none.
constexpr std::string_view to_string(subscription_state value) noexcept {
    switch (value) {
    case subscription_state::waiting: return "waiting";
    case subscription_state::opening: return "opening";
    case subscription_state::streaming: return "streaming";
    case subscription_state::token_due: return "token_due";
    case subscription_state::renewing: return "renewing";
    case subscription_state::choosing: return "choosing";
    case subscription_state::closed: return "closed";
    }
    return "unknown";
}

// After an interruption it resumes behind the last event handed over, or behind a keepalive's position: what was handed
// over and is not yet released is in the user's hands. A new process starts from the position that it stored. It never
// goes elsewhere by itself. Until there is a position a new call starts from the preset again: with LATEST what was
// published meanwhile is missed, which preset() in answer to interrupted tells.
class subscription {
  public:
    explicit subscription(subscription_options options)
        : options_(std::move(options)), patience_(options_.patience, options_.seed) {
        if (!valid())
            finish(call::reason_of(fault::bad_options,
                                   "a subscription needs a topic and a start (a replay id exactly when it is "
                                   "custom), or exactly one of subscription id and developer name; 1 to 100 credits, "
                                   "room for as many events, budgets of at least one"));
    }

    // Says what happened. Not none where the user made a mistake: the input was not taken.
    errc handle(const input& in, time_point now) {
        return std::visit([&](const auto& what) { return on(what, now); }, in);
    }

    std::optional<event> poll_event() {
        if (events_.empty()) return {};
        std::optional<event> next(std::move(events_.front()));
        events_.pop_front();
        return next;
    }

    // To be performed in this order. May notice that a limit of time is over.
    std::optional<action> poll_action(time_point now) {
        check_limits(now);
        if (cancel_ != 0) return cancel_call{std::exchange(cancel_, 0)};
        switch (state_) {
        case subscription_state::waiting:
            if (now < until_ || room() < chunk()) return {};
            state_ = subscription_state::opening;
            until_ = now + options_.open_limit;
            return open_call{++call_,
                             managed() ? "/eventbus.v1.PubSub/ManagedSubscribe" : "/eventbus.v1.PubSub/Subscribe"};
        case subscription_state::token_due:
            if (now < until_) return {};
            state_ = subscription_state::renewing;
            return renew_token{call_};
        case subscription_state::streaming: return next_request(now);
        default: return {};
        }
    }

    // When to call poll_action() again if there is no input before; in the past when there is something to poll now.
    std::optional<time_point> poll_timeout() const {
        if (!events_.empty() || cancel_ != 0) return time_point::min();
        switch (state_) {
        case subscription_state::waiting: return room() < chunk() ? std::nullopt : std::optional(until_);
        case subscription_state::opening:
        case subscription_state::token_due: return until_;
        case subscription_state::streaming:
            if (room() >= chunk() || (pending_commit_ && requested_)) return time_point::min();
            return std::min(silent_at(), outstanding_ == 0 ? out_of_credits_at() : time_point::max());
        default: return {};
        }
    }

    // Nothing will come any more.
    bool closed() const noexcept { return state_ == subscription_state::closed && cancel_ == 0 && events_.empty(); }

    // So many of the events handed over are durable, or dealt with otherwise: Salesforce may send as many more.
    errc release(std::uint64_t n) {
        if (n > unreleased_) return errc::released_too_many;
        unreleased_ -= static_cast<std::uint32_t>(n);
        return errc::none;
    }

    // No more than so many events are to be under way from now on (asked for and not yet received), whatever the options say: the memory
    // that they need is the user's to know. 0 asks for none.
    void allow(std::uint32_t events) noexcept { allowed_ = events; }

    // ManagedSubscribe only: Salesforce is to keep this position, of an event or a keepalive, for the next call. Goes out
    // with the next request; of several that wait the newest counts. What a lost call did not answer is sent again.
    errc commit(replay_id position) {
        if (!managed() || position.empty() || state_ == subscription_state::closed) return errc::not_expected_now;
        pending_commit_ = std::move(position);
        return errc::none;
    }

    // The answer to failed{choose_position}; with a replay id exactly when the preset is custom.
    errc choose(replay_preset preset, replay_id position = {}) {
        if (state_ != subscription_state::choosing || (preset == replay_preset::custom) == position.empty())
            return errc::not_expected_now;
        options_.preset = preset;
        options_.replay_id = std::move(position);
        state_ = subscription_state::waiting;
        until_ = time_point::min();
        return errc::none;
    }

    // Ends it. Events that were not polled can still be; what was committed and not answered may be lost.
    void close() {
        if (has_call()) cancel_ = call_;
        forget_call();
        state_ = subscription_state::closed;
    }

    // ---- for logs and metrics
    subscription_state state() const noexcept { return state_; }
    std::uint32_t outstanding() const noexcept { return outstanding_; } // credits
    std::uint32_t unreleased() const noexcept { return unreleased_; }
    // What the next call of Subscribe starts from.
    replay_preset preset() const noexcept { return options_.preset; }
    const replay_id& position() const noexcept { return options_.replay_id; }

  private:
    bool managed() const noexcept { return options_.topic_name.empty(); }
    bool valid() const noexcept {
        const subscription_options& o = options_;
        const bool limits = o.credits >= 1 && o.credits <= 100 && o.max_unreleased >= o.credits && o.patience.valid();
        if (managed()) return limits && o.subscription_id.empty() != o.developer_name.empty() && o.replay_id.empty();
        return limits && o.subscription_id.empty() && o.developer_name.empty()
               && (o.preset == replay_preset::custom) != o.replay_id.empty();
    }
    bool has_call() const noexcept {
        return state_ == subscription_state::opening || state_ == subscription_state::streaming;
    }

    // ---- credits
    // More are asked for when half are used: the next events are on their way while these are handled.
    std::uint32_t credits() const noexcept { return std::min(options_.credits, allowed_); }
    std::uint32_t chunk() const noexcept { return std::max(1u, credits() / 2); }
    std::uint32_t room() const noexcept {
        const std::uint32_t free = options_.max_unreleased - unreleased_ - outstanding_;
        return std::min(free, credits() - std::min(credits(), outstanding_));
    }
    time_point silent_at() const noexcept { return heard_at_ + options_.silence_limit; }
    time_point out_of_credits_at() const noexcept { return no_credits_since_ + options_.no_credit_limit; }

    std::optional<action> next_request(time_point now) {
        const bool in_need = outstanding_ == 0 && now >= out_of_credits_at(); // then the little that there is will do
        const std::uint32_t more = room() >= chunk() || in_need ? room() : 0;
        const bool commits = pending_commit_ && requested_; // not in the first request
        if (more == 0 && !commits) return {};

        send_request out{call_, {}};
        if (managed()) {
            managed_fetch_request request;
            request.num_requested = static_cast<std::int32_t>(more);
            std::string id;
            if (!requested_) {
                request.subscription_id = options_.subscription_id;
                request.developer_name = options_.developer_name;
            }
            if (commits) {
                sent_commit_ = std::exchange(pending_commit_, {});
                id = commit_id(++commits_);
                request.commit_replay_id_request = commit_replay_request{id, sent_commit_->bytes()};
            }
            append_request(request, out.bytes);
        } else {
            fetch_request request{.topic_name = options_.topic_name,
                                  .num_requested = static_cast<std::int32_t>(more)};
            if (!requested_) {
                request.preset = options_.preset;
                request.replay_id = options_.replay_id.bytes();
            }
            append_request(request, out.bytes);
        }
        if (more != 0) {
            requested_ = true;
            requested_at_ = now;
            outstanding_ += more;
        }
        return out;
    }

    // A UUID of version 8, whose bits are the client's own: the seed and a count.
    std::string commit_id(std::uint64_t count) const {
        char bytes[16];
        for (int i = 0; i < 8; ++i) {
            bytes[i] = static_cast<char>(options_.seed >> (56 - 8 * i));
            bytes[8 + i] = static_cast<char>(count >> (56 - 8 * i));
        }
        bytes[6] = static_cast<char>((bytes[6] & 0x0f) | 0x80);
        bytes[8] = static_cast<char>((bytes[8] & 0x3f) | 0x80);
        std::string id;
        wire::append_hex(id, wire::as_bytes({bytes, sizeof bytes}));
        for (const std::size_t at : {20u, 16u, 12u, 8u}) id.insert(at, 1, '-');
        return id;
    }

    // ---- inputs
    // An input about a call: one of an earlier call is too late to matter.
    template<class Input> errc about_call(const Input& in, time_point now) {
        if (in.call == 0 || in.call > call_) return errc::unknown_call;
        if (in.call != call_ || !has_call()) return errc::none;
        return on_call(in, now);
    }
    errc on(std::monostate, time_point) { return errc::none; }
    errc on(const opened& in, time_point now) { return about_call(in, now); }
    errc on(const response& in, time_point now) { return about_call(in, now); }
    errc on(const call_ended& in, time_point now) {
        if (in.call == cancel_) cancel_ = 0; // it ended by itself meanwhile
        return about_call(in, now);
    }

    errc on_call(const opened&, time_point now) {
        if (state_ != subscription_state::opening) return errc::not_expected_now;
        state_ = subscription_state::streaming;
        opened_at_ = heard_at_ = no_credits_since_ = now;
        return errc::none;
    }

    errc on_call(const call_ended& in, time_point now) {
        const remedy what = remedy_for(in.error_code, in.status);
        forget_call();
        reason why = call::reason_of(in, without_prefix(in.error_code));
        // A managed position is Salesforce's own: there is nothing to choose from.
        if (what == remedy::choose_position && managed())
            finish(std::move(why));
        else
            go_on(patience_.after(what, now), std::move(why));
        return errc::none;
    }

    errc on_call(const response& in, time_point now) {
        if (state_ != subscription_state::streaming) return errc::not_expected_now;
        std::optional<commit_replay_response> answer;
        result<fetch_response> plain;
        if (managed()) {
            const auto [parsed, bad] = managed_fetch_response::parse(in.bytes);
            plain = {static_cast<const fetch_response&>(parsed), bad}; // what both have
            answer = parsed.commit_response;
        } else {
            plain = fetch_response::parse(in.bytes);
        }
        const fetch_response& message = plain.value;
        const std::size_t events = message.events.size();
        if (plain.error)
            return refuse_response(call::reason_of(fault::unreadable_response, plain.error.message()), now);
        if (events > outstanding_) return refuse_response(call::reason_of(fault::more_events_than_requested), now);

        heard_at_ = now;
        if (events != 0) {
            outstanding_ -= static_cast<std::uint32_t>(events);
            unreleased_ += static_cast<std::uint32_t>(events);
            if (outstanding_ == 0) no_credits_since_ = now;
            move_to(message.last_replay_id);
            events_.push_back(received{message});
        } else if (!message.latest_replay_id.empty() || !answer) {
            take_keepalive(message, now);
        }
        if (events != 0 || now >= opened_at_ + options_.settled_after) patience_.healthy();
        if (answer) {
            // An answer to an earlier commit says nothing about the last.
            if (sent_commit_ && answer->commit_request_id == commit_id(commits_)) sent_commit_.reset();
            events_.push_back(committed{*answer});
        }
        return errc::none;
    }

    void take_keepalive(const fetch_response& message, time_point now) {
        // With credits left, there is nothing before its position that we have not got; without, there may be.
        keepalive alive;
        if (message.pending_num_requested > 0 && outstanding_ > 0) {
            move_to(message.latest_replay_id);
            alive.position = replay_id::from_bytes(message.latest_replay_id).value;
        }
        events_.push_back(std::move(alive));
        // Credits that the server does not have, although all requests must have arrived, would be waited on for ever.
        if (outstanding_ != 0 && now >= requested_at_ + options_.settled_after) {
            const auto left = static_cast<std::uint32_t>(std::max(message.pending_num_requested, 0));
            outstanding_ = std::min(outstanding_, left);
            if (outstanding_ == 0) no_credits_since_ = now;
        }
    }

    errc on(token_renewed, time_point now) {
        if (state_ != subscription_state::renewing && state_ != subscription_state::token_due) return errc::none;
        state_ = subscription_state::waiting; // token_due: somebody else renewed it
        until_ = patience_.after(call::token_answer::renewed, now).at;
        return errc::none;
    }
    errc on(const token_refused& in, time_point now) {
        if (state_ == subscription_state::renewing)
            go_on(patience_.after(call::token_answer::refused, now),
                  call::reason_of(fault::token_refused, in.message));
        return errc::none;
    }
    errc on(const token_unavailable& in, time_point now) {
        if (state_ == subscription_state::renewing)
            go_on(patience_.after(call::token_answer::unavailable, now),
                  call::reason_of(fault::token_unavailable, in.message));
        return errc::none;
    }

    // ---- interruptions
    void check_limits(time_point now) {
        if (state_ == subscription_state::opening && now >= until_) {
            give_up_call(call::reason_of(fault::open_timed_out), patience_.after(remedy::retry, now));
        } else if (state_ == subscription_state::streaming && now >= silent_at()) {
            give_up_call(call::reason_of(fault::server_silent), patience_.after(remedy::retry, now));
        } else if (state_ == subscription_state::streaming && outstanding_ == 0 && room() == 0
                   && now >= out_of_credits_at()) {
            // The server would end the call soon. It is resumed when enough is released; the budgets have no part in it.
            cancel_ = call_;
            forget_call();
            state_ = subscription_state::waiting;
            until_ = now;
            events_.push_back(interrupted{call::reason_of(fault::events_not_released), now});
        }
    }

    void give_up_call(reason why, const call::next_attempt& next) {
        cancel_ = call_;
        forget_call();
        go_on(next, std::move(why));
    }
    // Nothing of a response that breaks the rules is handed over: it is fetched again.
    errc refuse_response(reason why, time_point now) {
        give_up_call(std::move(why), patience_.after_faulty_call(now));
        return errc::none;
    }

    void forget_call() {
        outstanding_ = 0;
        requested_ = false;
        if (sent_commit_ && !pending_commit_) pending_commit_ = std::move(sent_commit_);
        sent_commit_.reset();
    }

    void go_on(const call::next_attempt& next, reason why) {
        why.remedy = next.remedy;
        why.budget_used_up = next.budget_used_up;
        if (next.remedy == remedy::stop) return finish(std::move(why));
        if (next.remedy == remedy::choose_position) {
            state_ = subscription_state::choosing;
            events_.push_back(failed{std::move(why)});
            return;
        }
        state_ = next.remedy == remedy::renew_token ? subscription_state::token_due : subscription_state::waiting;
        until_ = next.at;
        events_.push_back(interrupted{std::move(why), until_});
    }

    void finish(reason why) {
        why.remedy = remedy::stop;
        state_ = subscription_state::closed;
        events_.push_back(failed{std::move(why)});
    }

    // Of Subscribe; Salesforce keeps the position of a managed one.
    void move_to(std::string_view position) {
        if (managed() || position.empty()) return;
        options_.preset = replay_preset::custom;
        options_.replay_id = replay_id::from_bytes(position).value; // its length was checked in parsing
    }

    subscription_options options_; // preset and replay_id: what the next call starts from
    call::patience patience_;

    subscription_state state_ = subscription_state::waiting;
    time_point until_ = time_point::min(); // waiting, token_due: not before; opening: not after
    std::uint64_t call_ = 0;               // the last one
    std::uint64_t cancel_ = 0;             // this call is to be cancelled

    // Of the call that streams.
    bool requested_ = false; // its first request was sent
    std::uint32_t outstanding_ = 0;
    time_point opened_at_{}, heard_at_{}, requested_at_{}, no_credits_since_{};

    std::uint32_t unreleased_ = 0; // of all calls
    std::uint32_t allowed_ = std::numeric_limits<std::uint32_t>::max();
    std::optional<replay_id> pending_commit_, sent_commit_;
    std::uint64_t commits_ = 0;
    std::deque<event> events_;
};

} // namespace sfcdc::pubsub
