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
// subscription_state.hpp has its states and what each input does in them, credits.hpp how many events are asked for, and commits.hpp how
// the position of a managed subscription gets to Salesforce.
// Source: Pub/Sub API guide; proto/pubsub_api.proto.
#pragma once

#include <algorithm>
#include <cstdint>
#include <deque>
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
#include <sfcdc/pubsub/commits.hpp>
#include <sfcdc/pubsub/credits.hpp>
#include <sfcdc/pubsub/messages.hpp>
#include <sfcdc/pubsub/replay_id.hpp>
#include <sfcdc/pubsub/subscription_io.hpp>
#include <sfcdc/pubsub/subscription_options.hpp>
#include <sfcdc/pubsub/subscription_state.hpp>

namespace sfcdc::inline v0::pubsub {

// After an interruption it resumes behind the last event handed over, or behind a keepalive's position: what was handed
// over and is not yet released is in the user's hands. A new process starts from the position that it stored. It never
// goes elsewhere by itself. Until there is a position a new call starts from the preset again: with LATEST what was
// published meanwhile is missed, which preset() in answer to interrupted tells.
class subscription {
  public:
    explicit subscription(subscription_options options)
        : options_(std::move(options)),
          patience_(options_.patience, options_.seed),
          credits_(options_),
          commits_(options_.seed) {
        if (!detail::is_valid(options_))
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
            if (now < until_ || !credits_.worth_asking()) return {};
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
        case subscription_state::waiting: return credits_.worth_asking() ? std::optional(until_) : std::nullopt;
        case subscription_state::opening:
        case subscription_state::token_due: return until_;
        case subscription_state::streaming:
            if (credits_.worth_asking() || may_commit()) return time_point::min();
            return std::min(silent_at(), credits_.outstanding() == 0 ? out_of_credits_at() : time_point::max());
        default: return {};
        }
    }

    // Nothing will come any more.
    bool closed() const noexcept { return state_ == subscription_state::closed && cancel_ == 0 && events_.empty(); }

    // So many of the events handed over are durable, or dealt with otherwise: Salesforce may send as many more.
    errc release(std::uint64_t n) { return credits_.release(n); }

    // No more than so many events are to be under way from now on (asked for and not yet received), whatever the options say: the memory
    // that they need is the user's to know. 0 asks for none.
    void allow(std::uint32_t events) noexcept { credits_.allow(events); }

    // ManagedSubscribe only: Salesforce is to keep this position, of an event or a keepalive, for the next call. Goes out
    // with the next request; of several that wait the newest counts. What a lost call did not answer is sent again.
    errc commit(replay_id position) {
        if (!managed() || position.empty() || state_ == subscription_state::closed) return errc::not_expected_now;
        commits_.add(std::move(position));
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
    std::uint32_t outstanding() const noexcept { return credits_.outstanding(); } // credits
    std::uint32_t unreleased() const noexcept { return credits_.unreleased(); }
    // What the next call of Subscribe starts from.
    replay_preset preset() const noexcept { return options_.preset; }
    const replay_id& position() const noexcept { return options_.replay_id; }

  private:
    bool managed() const noexcept { return options_.topic_name.empty(); }
    bool has_call() const noexcept {
        return state_ == subscription_state::opening || state_ == subscription_state::streaming;
    }

    bool may_commit() const noexcept { return commits_.waits() && requested_; } // not in the first request
    time_point silent_at() const noexcept { return heard_at_ + options_.silence_limit; }
    time_point out_of_credits_at() const noexcept { return credits_.none_since() + options_.no_credit_limit; }

    std::optional<action> next_request(time_point now) {
        // When the call has been without credits for long, the little that there is room for will do.
        const bool in_need = credits_.outstanding() == 0 && now >= out_of_credits_at();
        const std::uint32_t more = credits_.worth_asking() || in_need ? credits_.room() : 0;
        if (more == 0 && !may_commit()) return {};

        send_request out{call_, {}};
        if (managed()) {
            managed_fetch_request request;
            request.num_requested = static_cast<std::int32_t>(more);
            if (!requested_) {
                request.subscription_id = options_.subscription_id;
                request.developer_name = options_.developer_name;
            }
            if (may_commit()) request.commit_replay_id_request = commits_.send();
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
            credits_.ask(more);
        }
        return out;
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
        opened_at_ = heard_at_ = now;
        credits_.begin_call(now);
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
        if (events > credits_.outstanding())
            return refuse_response(call::reason_of(fault::more_events_than_requested), now);

        heard_at_ = now;
        if (events != 0) {
            credits_.receive(static_cast<std::uint32_t>(events), now);
            move_to(message.last_replay_id);
            events_.push_back(received{message});
        } else if (!message.latest_replay_id.empty() || !answer) {
            take_keepalive(message, now);
        }
        if (events != 0 || now >= opened_at_ + options_.settled_after) patience_.healthy();
        if (answer) {
            commits_.answered(answer->commit_request_id);
            events_.push_back(committed{*answer});
        }
        return errc::none;
    }

    void take_keepalive(const fetch_response& message, time_point now) {
        // With credits left, there is nothing before its position that we have not got; without, there may be.
        keepalive alive;
        if (message.pending_num_requested > 0 && credits_.outstanding() > 0) {
            move_to(message.latest_replay_id);
            alive.position = replay_id::from_bytes(message.latest_replay_id).value;
        }
        events_.push_back(std::move(alive));
        // Credits that the server does not have, although all requests must have arrived, would be waited on for ever.
        if (now >= requested_at_ + options_.settled_after)
            credits_.lower_to(static_cast<std::uint32_t>(std::max(message.pending_num_requested, 0)), now);
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
        } else if (state_ == subscription_state::streaming && credits_.outstanding() == 0 && credits_.room() == 0
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
        credits_.forget_call();
        commits_.forget_call();
        requested_ = false;
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
    detail::credits credits_;
    detail::commits commits_; // of a managed subscription

    subscription_state state_ = subscription_state::waiting;
    time_point until_ = time_point::min(); // waiting, token_due: not before; opening: not after
    std::uint64_t call_ = 0;               // the last one
    std::uint64_t cancel_ = 0;             // this call is to be cancelled

    // Of the call that streams.
    bool requested_ = false; // its first request was sent
    time_point opened_at_{}, heard_at_{}, requested_at_{};

    std::deque<event> events_;
};

} // namespace sfcdc::inline v0::pubsub
