// Events of one topic into rows of several outlets, and the position behind what is durable: the join of subscription, ingest
// streams and checkpoint, as a state machine without I/O, clock or threads. The loop around it performs and decides nothing:
//
//     delivery d(options);
//     while (!d.closed()) {
//         while (const delivery::event* e = d.next_event(clock.now())) {
//             for (row : rows_of(*e)) d.add_row(table_of(row), row);       // or d.reject_event(reason, offset)
//             d.pass_event(clock.now());
//         }
//         while (auto news = d.poll_news()) on(*news);                     // dead letters are kept here
//         if (const auto* position = d.position_due()) store(*position), d.position_stored();
//         while (auto action = d.poll_action(clock.now())) io.perform(*action);
//         io.wait_until(d.poll_timeout());                                 // then handle(), schema_known(), durable(), close()
//     }
//
// An event is in exactly one place: held (its schema is awaited, or there is no room for its rows), rows in outlets, a dead letter,
// or passed. Events become rows in the order of the topic, rows stay in order for each outlet, and the position passes an event
// when all that it became, and all in front of it, is durable or kept.
//
// Dead letters hold the position. One bad event or row is passed as soon as one behind it is well; a fault of all of them ends the
// delivery in front of them, and restarts eat nothing. Only without any stored position the first one is passed at once: a run from
// LATEST would not see what came in between.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <variant>
#include <vector>

#include <sfcdc/backoff.hpp>
#include <sfcdc/checkpoint.hpp>
#include <sfcdc/delivery/held_events.hpp>
#include <sfcdc/delivery/news_queue.hpp>
#include <sfcdc/delivery/outlets.hpp>
#include <sfcdc/delivery/position_ledger.hpp>
#include <sfcdc/delivery/schema_requests.hpp>
#include <sfcdc/delivery_io.hpp>
#include <sfcdc/delivery_options.hpp>
#include <sfcdc/error.hpp>
#include <sfcdc/limits.hpp>
#include <sfcdc/pubsub/subscription.hpp>
#include <sfcdc/zerobus/ingest_stream.hpp>

namespace sfcdc::inline v0 {

// Used by one thread at a time.
class delivery {
  public:
    // Views of the response that it came in; they live until pass_event() or reject_event().
    struct event : pubsub::consumer_event {
        std::int64_t received_timestamp = 0;
    };

    explicit delivery(delivery_options options)
        : options_(std::move(options)),
          managed_(options_.subscription.topic_name.empty()),
          subscription_(options_.subscription),
          schemas_(options_.subscription.seed + 3, options_.schema_waits, options_.refused_schema_time),
          ledger_(options_.subscription.replay_id, managed_ || !options_.subscription.replay_id.empty(),
                  options_.verdict_time),
          outlets_(options_, ledger_, news_),
          undecodable_(ledger_.open_account()) {
        options_.request_bytes = std::min(options_.request_bytes, limits::request_record_bytes);
        if (options_.on_unknown_position == pubsub::replay_preset::custom)
            options_.on_unknown_position.reset(); // custom is where?
        take_news(0, {}, 0, time_point::min());   // options that cannot work
    }

    delivery(const delivery&) = delete; // A delivery holds pointers into itself.
    delivery& operator=(const delivery&) = delete;

    // ---- what happened

    // Of the subscription. `owner` keeps the bytes of a response alive for as long as its events are held; without it they are copied.
    // `received_timestamp` is the user's, for rows (milliseconds since 1970 in Salesforce's own columns). Not none is the user's mistake.
    errc handle(const pubsub::input& in, time_point now, std::shared_ptr<const void> owner = {},
                std::int64_t received_timestamp = 0) {
        const pubsub::response* const came = std::get_if<pubsub::response>(&in);
        if (came == nullptr) {
            const errc bad = subscription_.handle(in, now);
            take_news(0, {}, 0, now);
            return bad;
        }
        std::string_view bytes = came->bytes;
        if (!owner) {
            auto copy = std::make_shared<const std::string>(bytes);
            bytes = *copy;
            owner = std::move(copy);
        }
        const errc bad = subscription_.handle(pubsub::response{came->call, bytes}, now);
        take_news(bytes.size(), owner, received_timestamp, now);
        return bad;
    }
    // Of the stream of an outlet.
    errc handle(std::uint32_t outlet, const zerobus::input& in, time_point now) {
        if (!outlets_.is_stream(outlet)) return errc::not_expected_now;
        const errc bad = outlets_[outlet].stream->handle(in, now);
        take_news_of(outlet, now);
        return bad;
    }
    // The answers to fetch_schema. The user has the schema, and can decode events of this id.
    void schema_known(std::string_view id) { schemas_.known(id); }
    // Salesforce does not give it, or it is none: its events are dead letters.
    void schema_refused(std::string_view id, std::string_view reason, time_point now) {
        schemas_.refused(id, reason, now);
    }
    // It could not be asked for: it is asked for again after a wait.
    void schema_unavailable(std::string_view id, time_point now) { schemas_.unavailable(id, now); }
    // Of a sink of the user's own: so many rows, from the first one on, are durable, or are so as soon as the position that is due is
    // stored.
    errc durable(std::uint32_t outlet, std::int64_t rows) {
        if (outlets_.is_stream(outlet) || outlet >= outlets_.size() || rows < 0 || rows > outlets_[outlet].rows)
            return errc::not_expected_now;
        ledger_.settle(outlets_[outlet], rows);
        return errc::none;
    }
    // No more events; what was received becomes durable, as far as drain_limit allows.
    void close(time_point now) {
        subscription_.close();
        if (!drain_until_) drain_until_ = now + options_.drain_limit;
    }

    // A further stream, for a table that turned up only now; returns the number of its outlet. At any time.
    std::uint32_t add_stream(const zerobus::ingest_stream_options& to) { return outlets_.add_stream(to); }

    // Rows that are added for this stream from now on are of the message type of this descriptor (row::descriptor_proto()), which the
    // table must have the columns of already: a call is opened for them when the rows in front are durable. `descriptor_proto` is shared
    // with the caller. Does nothing for an outlet that is no stream.
    void describe_rows(std::uint32_t outlet, std::shared_ptr<const std::string> descriptor_proto) {
        if (outlets_.is_stream(outlet)) outlets_[outlet].describe(std::move(descriptor_proto));
    }

    // ---- events

    // The next event to be made into rows, the same one until it is passed or rejected. Null when there is none, its schema is awaited,
    // or the outlets hold too much.
    const event* next_event(time_point now) {
        for (held_.drop_used_up(); !held_.empty(); held_.drop_used_up()) {
            if (held_.at_keepalive()) {
                pubsub::replay_id position = held_.pop_keepalive();
                ledger_.keepalive(position);
                news_.push(delivery_keepalive{std::move(position)});
            } else if (outlets_.held_bytes() >= options_.bytes / 4 || ledger_.full()) {
                return nullptr;
            } else if (const detail::schema_status& s = schemas_.of(held_.front().schema_id, now);
                       s.state == detail::schema_state::known) {
                static_cast<pubsub::consumer_event&>(event_) = held_.front();
                event_.received_timestamp = held_.received_timestamp();
                return &event_;
            } else if (s.state == detail::schema_state::refused) {
                (void)reject_event(std::string(s.reason), 0, now);
            } else {
                if (drain_until_) held_.clear(); // the next run fetches them again
                return nullptr;
            }
        }
        return nullptr;
    }
    // A row of this event, for the stream of an outlet; copied. Without an event, or for a sink, it does nothing.
    void add_row(std::uint32_t outlet, std::string_view record) {
        if (!held_.at_event() || !outlets_.is_stream(outlet)) return;
        if (!outlets_.add_row(outlet, record, origin())) too_large_ = true;
    }
    // A row of this event is in a sink of the user's own; returns its offset there, from 0. Without an event, or for an outlet that is
    // no such sink, it does nothing and returns -1.
    std::int64_t add_row(std::uint32_t outlet) {
        if (!held_.at_event() || outlets_.is_stream(outlet) || outlet >= outlets_.size()) return -1;
        ++outlets_[outlet].rows_of_event;
        return outlets_[outlet].rows++;
    }
    // All its rows are added, or it has none.
    errc pass_event(time_point now) {
        if (!held_.at_event()) return errc::not_expected_now;
        if (too_large_ && options_.stop_at_dead_letter)
            return fail({delivery_fault::stopped_at_letter, {}}, now), errc::none;
        outlets_.tell(last_rows_);
        pass(last_rows_);
        if (undecodable_.in_doubt > 0) ledger_.settle_doubt(undecodable_); // it was these events, and not all of them
        return errc::none;
    }
    // It cannot be decoded, or made into rows; nothing was added of it. It becomes a dead letter.
    errc reject_event(std::string_view reason, std::uint32_t offset, time_point now) {
        if (!held_.at_event() || outlets_.have_rows_of_event()) return errc::not_expected_now;
        const std::span<const std::byte> payload = held_.front().payload;
        news_.push(dead_letter{origin(), std::nullopt, 0,
                               std::string(reinterpret_cast<const char*>(payload.data()), payload.size()),
                               std::string(reason), offset});
        if (options_.stop_at_dead_letter) return fail({delivery_fault::stopped_at_letter, {}}, now), errc::none;
        last_rows_.assign(1, {undecodable_.number, undecodable_.rows++});
        undecodable_.told = undecodable_.rows;
        pass(last_rows_);
        ledger_.doubt(undecodable_, now);
        if (undecodable_.in_doubt > options_.undecodable_in_a_row)
            fail({delivery_fault::undecodable_events, {call::reason_of(call::fault::none, reason), {}}}, now);
        return errc::none;
    }

    // ---- what follows

    std::optional<delivery_news> poll_news() { return news_.poll(); }

    // The position that may be stored, when it is another one than is stored; null while there is none, or a dead letter is not polled.
    // A managed subscription has none: Salesforce is told.
    const pubsub::replay_id* position_due() const noexcept {
        return managed_ || news_.has_letters() ? nullptr : ledger_.due();
    }
    void position_stored() { ledger_.stored(); }

    // To be called until it has nothing; also notices what `now` is too late for.
    std::optional<delivery_action> poll_action(time_point now) {
        on_time(now);
        if (managed_ && !news_.has_letters() && !subscription_.closed()) {
            const pubsub::replay_id* const due = ledger_.due();
            if (due != nullptr && subscription_.commit(*due) == errc::none) ledger_.stored();
        }
        release();
        subscription_.allow(held_.allowed(options_.bytes / 4));
        if (auto action = subscription_.poll_action(now)) return subscription_action{std::move(*action)};
        take_news(0, {}, 0, now); // a limit of time may be over
        for (std::uint32_t i = 0; i < outlets_.size(); ++i) {
            if (!outlets_.is_stream(i)) continue;
            outlets_[i].hand_over(drain_until_ && held_.empty());
            auto action = outlets_[i].stream->poll_action(now);
            take_news_of(i, now);
            if (action) return stream_action{i, std::move(*action)};
        }
        if (auto wanted = drain_until_ ? std::nullopt : schemas_.take_wanted(now))
            return fetch_schema{std::move(*wanted)};
        return release() ? poll_action(now) : std::nullopt;
    }

    // When to come back though nothing has happened; to be asked when poll_action() has nothing left.
    std::optional<time_point> poll_timeout() const {
        if (!news_.empty() || position_due() != nullptr) return time_point::min();
        std::optional<time_point> first = subscription_.poll_timeout();
        const auto at = [&](std::optional<time_point> when) {
            if (when && (!first || *when < *first)) first = when;
        };
        at(drain_until_);
        at(ledger_.verdict_at(undecodable_));
        at(outlets_.poll_timeout());
        if (!drain_until_) at(schemas_.poll_timeout());
        return first;
    }

    // Nothing will come any more, and nothing is left to be done: no position is due either, unless drain_limit is over.
    bool closed() const noexcept {
        return subscription_.closed() && held_.empty() && news_.empty() && (drained_ || position_due() == nullptr)
               && outlets_.closed(drained_);
    }

    // ---- for logs and metrics
    const pubsub::subscription& subscription() const noexcept { return subscription_; }
    const zerobus::ingest_stream& stream(std::uint32_t outlet) const { return *outlets_[outlet].stream; }
    const sfcdc::checkpoint& checkpoint() const noexcept { return ledger_.checkpoint(); }
    std::uint32_t outlets() const noexcept { return outlets_.size(); }
    // Of an outlet: rows that were added, and those that are durable or kept as dead letters.
    std::int64_t rows(std::uint32_t outlet) const { return outlets_[outlet].rows; }
    std::int64_t settled(std::uint32_t outlet) const { return outlets_[outlet].settled + outlets_[outlet].in_doubt; }
    // Of these, those that are durable.
    std::int64_t durable_rows(std::uint32_t outlet) const { return settled(outlet) - outlets_[outlet].refused; }
    // Events and rows, in bytes.
    std::size_t held_bytes() const noexcept { return held_.bytes() + outlets_.held_bytes(); }
    // Events that were received and are not passed.
    std::size_t waiting() const noexcept { return held_.size() + ledger_.checkpoint().waiting(); }
    // There are dead letters that the position waits behind.
    bool in_doubt() const noexcept { return undecodable_.in_doubt > 0 || outlets_.in_doubt(); }
    // Not everything became durable in drain_limit: the next run fetches it again.
    bool drain_timed_out() const noexcept { return drained_; }

  private:
    event_origin origin() const {
        const pubsub::consumer_event& e = held_.front();
        return {std::string(e.id), std::string(e.schema_id), pubsub::replay_id::from_bytes(e.replay_id).value,
                held_.received_timestamp()};
    }
    // The event in front has become these rows. next_event() has made sure that the checkpoint has room.
    void pass(const std::vector<row_position>& rows) {
        ledger_.pass(pubsub::replay_id::from_bytes(held_.front().replay_id).value, rows);
        held_.pop();
        outlets_.end_event();
        too_large_ = false;
    }

    void on_time(time_point now) {
        ledger_.on_time(undecodable_, now);
        outlets_.on_time(now);
        if (drain_until_ && now >= *drain_until_ && !drained_) {
            drained_ = true;
            held_.clear();
            outlets_.abandon();
        }
    }

    void take_news_of(std::uint32_t outlet, time_point now) {
        while (auto news = outlets_[outlet].stream->poll_event())
            if (auto failure = outlets_.take(outlet, *news, now)) fail(std::move(*failure), now);
    }

    // ---- the subscription

    void take_news(std::size_t bytes, const std::shared_ptr<const void>& owner, std::int64_t received_timestamp,
                   time_point now) {
        while (auto news = subscription_.poll_event()) {
            if (const auto* const r = std::get_if<pubsub::received>(&*news)) {
                held_.push(r->response.events, bytes, owner, received_timestamp);
                for (const pubsub::consumer_event& e : r->response.events)
                    (void)schemas_.of(e.schema_id, now); // asked for all at once
            } else if (auto* const k = std::get_if<pubsub::keepalive>(&*news)) {
                held_.push_keepalive(std::move(k->position)); // behind the events that came before it
            } else if (const auto* const c = std::get_if<pubsub::committed>(&*news)) {
                if (c->response.error) news_.push(commit_refused{std::string(c->response.error->msg)});
            } else if (auto* const i = std::get_if<pubsub::interrupted>(&*news)) {
                news_.push(delivery_interrupted{{std::move(i->why), {}}, i->until});
            } else if (auto* const f = std::get_if<pubsub::failed>(&*news)) {
                on(*f, now);
            }
        }
    }
    void on(pubsub::failed& f, time_point now) {
        if (f.why.remedy != call::remedy::choose_position)
            return fail({delivery_fault::subscription, {std::move(f.why), {}}}, now);
        if (!options_.on_unknown_position)
            return fail({delivery_fault::position_unknown, {std::move(f.why), {}}}, now);
        news_.push(position_replaced{subscription_.position(), {std::move(f.why), {}}});
        (void)subscription_.choose(*options_.on_unknown_position);
    }

    // The first reason counts.
    void fail(delivery_failed why, time_point now) {
        if (std::exchange(failed_, true)) return;
        news_.push(std::move(why));
        held_.clear();
        close(now);
    }

    // Salesforce may send as many events more as were passed. Returns whether there were any.
    bool release() {
        const std::size_t passed = ledger_.take_passed();
        (void)subscription_.release(passed); // never more than it handed over
        return passed > 0;
    }

    delivery_options options_;
    bool managed_;
    pubsub::subscription subscription_;
    detail::held_events held_;
    detail::schema_requests schemas_;
    detail::position_ledger ledger_;
    detail::news_queue news_;
    detail::outlets outlets_;
    detail::counted_rows undecodable_; // the events that cannot be decoded, each of which is a row of its own here

    event event_{};
    bool too_large_ = false; // a row of it
    std::vector<row_position> last_rows_;

    std::optional<time_point> drain_until_;
    bool drained_ = false;
    bool failed_ = false;
};

} // namespace sfcdc::inline v0
