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
#include <deque>
#include <iterator>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>
#include <utility>
#include <variant>
#include <vector>

#include <sfcdc/checkpoint.hpp>
#include <sfcdc/delivery_io.hpp>
#include <sfcdc/pubsub/subscription.hpp>
#include <sfcdc/zerobus/ingest_stream.hpp>

namespace sfcdc {

// Used by one thread at a time.
class delivery {
  public:
    // Views of the response that it came in; they live until pass_event() or reject_event().
    struct event : pubsub::consumer_event {
        std::int64_t received_timestamp = 0;
    };

    explicit delivery(delivery_options options)
        : options_(std::move(options)),
          stored_(options_.subscription.replay_id),
          has_position_(!stored_.empty()
                        || options_.subscription.topic_name.empty()), // a managed one is Salesforce's
          managed_(options_.subscription.topic_name.empty()),
          checkpoint_(stored_),
          subscription_(options_.subscription),
          schema_wait_(options_.subscription.seed + 3, options_.schema_waits) {
        for (const zerobus::ingest_stream_options& s : options_.streams)
            outlets_.emplace_back(checkpoint_.add_stream()).stream.emplace(s);
        for (std::uint32_t i = 0; i < options_.sinks; ++i) outlets_.emplace_back(checkpoint_.add_stream());
        undecodable_.number = checkpoint_.add_stream();
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
        if (!is_stream(outlet)) return errc::not_expected_now;
        const errc bad = outlets_[outlet].stream->handle(in, now);
        take_news_of(outlet, now);
        return bad;
    }
    // The answers to fetch_schema. The user has the schema, and can decode events of this id.
    void schema_known(std::string_view id) { answered(id, {schema_state::known}); }
    // Salesforce does not give it, or it is none: its events are dead letters.
    void schema_refused(std::string_view id, std::string_view reason, time_point now) {
        answered(id, {schema_state::refused, std::string(reason), now + options_.refused_schema_time});
    }
    // It could not be asked for: it is asked for again after a wait.
    void schema_unavailable(std::string_view id, time_point now) {
        known_schema(id).second = {schema_state::wanted, {}, now + schema_wait_.next()};
    }
    // Of a sink of the user's own: so many rows, from the first one on, are durable, or are so as soon as the position that is due is
    // stored.
    errc durable(std::uint32_t outlet, std::int64_t rows) {
        if (is_stream(outlet) || outlet >= outlets_.size() || rows > outlets_[outlet].rows)
            return errc::not_expected_now;
        settle(outlets_[outlet], rows);
        return errc::none;
    }
    // No more events; what was received becomes durable, as far as drain_limit allows.
    void close(time_point now) {
        subscription_.close();
        if (!drain_until_) drain_until_ = now + options_.drain_limit;
    }

    // A further stream, for a table that turned up only now; returns the number of its outlet. At any time.
    std::uint32_t add_stream(const zerobus::ingest_stream_options& to) {
        outlets_.emplace_back(checkpoint_.add_stream()).stream.emplace(to);
        return static_cast<std::uint32_t>(outlets_.size() - 1);
    }

    // ---- events

    // The next event to be made into rows, the same one until it is passed or rejected. Null when there is none, its schema is awaited,
    // or the outlets hold too much.
    const event* next_event(time_point now) {
        while (!held_.empty()) {
            response& front = held_.front();
            if (!front.owner) {
                if (!front.position.empty()) checkpoint_.keepalive(front.position);
                news_.emplace_back(delivery_keepalive{std::move(front.position)});
                held_.pop_front();
            } else if (front.next == std::default_sentinel) {
                held_bytes_ -= front.bytes;
                held_.pop_front();
            } else if (held_rows() >= options_.bytes / 4 || checkpoint_.full()) {
                return nullptr;
            } else if (const schema& s = schema_of(front.next->schema_id, now); s.state == schema_state::known) {
                static_cast<pubsub::consumer_event&>(event_) = *front.next;
                event_.received_timestamp = front.received_timestamp;
                return &event_;
            } else if (s.state == schema_state::refused) {
                (void)reject_event(std::string(s.reason), 0, now);
            } else {
                if (drain_until_) drop_events(); // the next run fetches them again
                return nullptr;
            }
        }
        return nullptr;
    }
    // A row of this event, for the stream of an outlet; copied. Without an event, or for a sink, it does nothing.
    void add_row(std::uint32_t outlet, std::string_view record) {
        if (!at_event() || !is_stream(outlet)) return;
        outlet_state& o = outlets_[outlet];
        const std::uint32_t number = o.rows_of_event++;
        if (record.size() > options_.request_bytes) {
            too_large_ = true;
            return letter({origin(), outlet, number, std::string(record),
                           "the row is larger than a request of Zerobus may be", 0});
        }
        if (o.waiting.empty() || o.waiting.back().record_bytes() + record.size() > options_.request_bytes)
            o.waiting.emplace_back();
        o.waiting.back().append(record);
        o.waiting_bytes += record.size();
        o.origins.push_back({origin(), number});
        ++o.rows;
    }
    // A row of this event is in a sink of the user's own; returns its offset there, from 0.
    std::int64_t add_row(std::uint32_t outlet) {
        ++outlets_[outlet].rows_of_event;
        return outlets_[outlet].rows++;
    }
    // All its rows are added, or it has none.
    errc pass_event(time_point now) {
        if (!at_event()) return errc::not_expected_now;
        if (too_large_ && options_.stop_at_dead_letter)
            return fail({delivery_fault::stopped_at_letter, {}}, now), errc::none;
        last_rows_.clear();
        for (outlet_state& o : outlets_)
            if (o.rows > o.told) last_rows_.push_back({o.number, (o.told = o.rows) - 1});
        take(last_rows_);
        if (undecodable_.in_doubt > 0) settle_now(undecodable_); // it was these events, and not all of them
        return errc::none;
    }
    // It cannot be decoded, or made into rows; nothing was added of it. It becomes a dead letter.
    errc reject_event(std::string_view reason, std::uint32_t offset, time_point now) {
        const bool has_rows =
            std::any_of(outlets_.begin(), outlets_.end(), [](const outlet_state& o) { return o.rows_of_event > 0; });
        if (!at_event() || has_rows) return errc::not_expected_now;
        const pubsub::consumer_event& e = *held_.front().next;
        letter({origin(), std::nullopt, 0,
                std::string(reinterpret_cast<const char*>(e.payload.data()), e.payload.size()), std::string(reason),
                offset});
        if (options_.stop_at_dead_letter) return fail({delivery_fault::stopped_at_letter, {}}, now), errc::none;
        const row_position row{undecodable_.number, undecodable_.rows++};
        undecodable_.told = undecodable_.rows;
        last_rows_.assign(1, row);
        take(last_rows_);
        doubt(undecodable_, now);
        if (undecodable_.in_doubt > options_.undecodable_in_a_row)
            fail({delivery_fault::undecodable_events, {call::reason_of(call::fault::none, reason), {}}}, now);
        return errc::none;
    }

    // ---- what follows

    std::optional<delivery_news> poll_news() {
        if (news_.empty()) return std::nullopt;
        std::optional<delivery_news> next(std::move(news_.front()));
        news_.pop_front();
        if (std::holds_alternative<dead_letter>(*next)) --letters_;
        return next;
    }

    // The position that may be stored, when it is another one than is stored; null while there is none, or a dead letter is not polled.
    // A managed subscription has none: Salesforce is told.
    const pubsub::replay_id* position_due() const noexcept {
        return managed_ || letters_ > 0 || checkpoint_.position() == stored_ ? nullptr : &checkpoint_.position();
    }
    void position_stored() {
        stored_ = checkpoint_.position();
        has_position_ = true;
    }

    // To be called until it has nothing; also notices what `now` is too late for.
    std::optional<delivery_action> poll_action(time_point now) {
        on_time(now);
        if (managed_ && letters_ == 0 && checkpoint_.position() != stored_ && !subscription_.closed()) {
            if (subscription_.commit(checkpoint_.position()) == errc::none) position_stored();
        }
        release();
        subscription_.allow(events_allowed());
        if (auto action = subscription_.poll_action(now)) return subscription_action{std::move(*action)};
        take_news(0, {}, 0, now); // a limit of time may be over
        for (std::uint32_t i = 0; i < outlets_.size(); ++i) {
            if (!is_stream(i)) continue;
            outlet_state& o = outlets_[i];
            hand_over(o);
            auto action = o.stream->poll_action(now);
            take_news_of(i, now);
            if (action) return stream_action{i, std::move(*action)};
        }
        for (auto& [id, s] : schemas_) {
            if (s.state != schema_state::wanted || now < s.until || drain_until_) continue;
            s.state = schema_state::asked;
            return fetch_schema{id};
        }
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
        at(verdict_of(undecodable_));
        for (const outlet_state& o : outlets_) {
            if (o.stream) at(o.stream->poll_timeout());
            at(verdict_of(o));
        }
        for (const auto& [id, s] : schemas_)
            if (s.state == schema_state::wanted && !drain_until_) at(s.until);
        return first;
    }

    // Nothing will come any more, and nothing is left to be done: no position is due either, unless drain_limit is over.
    bool closed() const noexcept {
        return subscription_.closed() && held_.empty() && news_.empty() && (drained_ || position_due() == nullptr)
               && std::all_of(outlets_.begin(), outlets_.end(), [&](const outlet_state& o) {
                      return o.stream ? o.stream->closed() : drained_ || o.settled >= o.rows;
                  });
    }

    // ---- for logs and metrics
    const pubsub::subscription& subscription() const noexcept { return subscription_; }
    const zerobus::ingest_stream& stream(std::uint32_t outlet) const { return *outlets_[outlet].stream; }
    const sfcdc::checkpoint& checkpoint() const noexcept { return checkpoint_; }
    std::uint32_t outlets() const noexcept { return static_cast<std::uint32_t>(outlets_.size()); }
    // Of an outlet: rows that were added, and those that are durable or kept as dead letters.
    std::int64_t rows(std::uint32_t outlet) const { return outlets_[outlet].rows; }
    std::int64_t settled(std::uint32_t outlet) const { return outlets_[outlet].settled + outlets_[outlet].in_doubt; }
    // Of these, those that are durable.
    std::int64_t durable_rows(std::uint32_t outlet) const { return settled(outlet) - outlets_[outlet].refused; }
    // Events and rows, in bytes.
    std::size_t held_bytes() const noexcept { return held_bytes_ + held_rows(); }
    // Events that were received and are not passed.
    std::size_t waiting() const noexcept { return held_events_ + checkpoint_.waiting(); }
    // There are dead letters that the position waits behind.
    bool in_doubt() const noexcept {
        return undecodable_.in_doubt > 0
               || std::any_of(outlets_.begin(), outlets_.end(), [](const outlet_state& o) { return o.in_doubt > 0; });
    }
    // Not everything became durable in drain_limit: the next run fetches it again.
    bool drain_timed_out() const noexcept { return drained_; }

  private:
    // Events that came together, or the position of a keepalive between them.
    struct response {
        std::shared_ptr<const void> owner; // null: a keepalive
        pubsub::event_list::iterator next{};
        std::size_t bytes = 0;
        std::int64_t received_timestamp = 0;
        pubsub::replay_id position{};
    };
    enum class schema_state : std::uint8_t { wanted, asked, known, refused };
    struct schema {
        schema_state state = schema_state::wanted;
        std::string reason{};
        time_point until = time_point::min(); // wanted: not before; refused: not after
    };
    // What the checkpoint counts by itself: the rows of an outlet, or the undecodable events.
    struct counted {
        explicit counted(std::uint32_t n = 0) : number(n) {}
        std::uint32_t number;      // in the checkpoint
        std::int64_t rows = 0;     // all that there ever were
        std::int64_t told = 0;     // of these so many are in the checkpoint
        std::int64_t settled = 0;  // of these so many are durable or kept
        std::int64_t in_doubt = 0; // behind them so many are dead letters, and nothing behind them was well
        time_point since{};        // of in_doubt
        bool frozen = false;       // the position is not to pass what is in doubt
    };
    struct row_origin {
        event_origin event;
        std::uint32_t number;
    };
    struct outlet_state : counted {
        using counted::counted;
        std::optional<zerobus::ingest_stream> stream{}; // none: a sink of the user's own
        std::deque<zerobus::record_batch> waiting{};    // for room in the stream
        std::size_t waiting_bytes = 0;
        std::deque<row_origin> origins{}; // of the rows behind settled and in_doubt
        std::int64_t refused = 0;         // of the rows so many are dead letters
        std::uint32_t rows_of_event = 0;  // of the event that is being made into rows
    };

    bool is_stream(std::uint32_t outlet) const noexcept {
        return outlet < outlets_.size() && outlets_[outlet].stream.has_value();
    }

    event_origin origin() const {
        const pubsub::consumer_event& e = *held_.front().next;
        return {std::string(e.id), std::string(e.schema_id), pubsub::replay_id::from_bytes(e.replay_id).value,
                held_.front().received_timestamp};
    }
    void letter(dead_letter l) {
        news_.emplace_back(std::move(l));
        ++letters_;
    }
    // The event in front has become these rows.
    void take(const std::vector<row_position>& rows) {
        (void)checkpoint_.event(pubsub::replay_id::from_bytes(held_.front().next->replay_id).value,
                                rows); // next_event() has made room
        ++held_.front().next;
        --held_events_;
        for (outlet_state& o : outlets_) o.rows_of_event = 0;
        too_large_ = false;
    }
    void drop_events() {
        held_.clear();
        held_bytes_ = held_events_ = 0;
    }
    bool at_event() const noexcept {
        return !held_.empty() && held_.front().owner && held_.front().next != std::default_sentinel;
    }

    // Returns the state of this schema. Remembers the last one, which is nearly always asked for again.
    const schema& schema_of(std::string_view id, time_point now) {
        if (last_schema_ == nullptr || last_schema_->first != id) last_schema_ = &known_schema(id);
        schema& s = last_schema_->second;
        if (s.state == schema_state::refused && now >= s.until) s = {};
        return s;
    }
    // An answer ends the waits between attempts. Of an id that is not known it says nothing.
    void answered(std::string_view id, schema s) {
        const auto at = schemas_.find(std::string(id));
        if (at == schemas_.end() && schemas_.size() >= limits::schemas_of_a_topic) return;
        schema_wait_.reset();
        schemas_[std::string(id)] = std::move(s);
    }
    std::pair<const std::string, schema>& known_schema(std::string_view id) {
        if (const auto at = schemas_.find(std::string(id)); at != schemas_.end()) return *at;
        if (schemas_.size() >= limits::schemas_of_a_topic) return too_many_;
        return *schemas_.try_emplace(std::string(id)).first;
    }

    // ---- dead letters and the position

    void settle(counted& c, std::int64_t rows) {
        if (rows <= c.settled + c.in_doubt || c.frozen) return;
        c.settled = rows;
        c.in_doubt = 0;
        (void)checkpoint_.durable(c.number,
                                  std::min(rows, c.told) - 1); // an event that ended the delivery was not told
    }
    void settle_now(counted& c) {
        c.settled += std::exchange(c.in_doubt, 0);
        (void)checkpoint_.durable(c.number, c.settled - 1);
    }
    void doubt(counted& c, time_point now) {
        if (c.in_doubt++ == 0) c.since = now;
        if (has_position_) return;
        settle_now(c);
        has_position_ = !checkpoint_.position().empty(); // it is due now
    }
    std::optional<time_point> verdict_of(const counted& c) const {
        return c.in_doubt > 0 && !c.frozen ? std::optional(c.since + options_.verdict_time) : std::nullopt;
    }

    void on_time(time_point now) {
        const auto over = [&](counted& c) {
            if (const auto when = verdict_of(c); when && now >= *when) settle_now(c);
        };
        over(undecodable_);
        for (outlet_state& o : outlets_) over(o);
        if (drain_until_ && now >= *drain_until_ && !drained_) {
            drained_ = true;
            drop_events();
            for (outlet_state& o : outlets_)
                if (o.stream) o.stream->abandon();
        }
    }

    // ---- outlets

    void hand_over(outlet_state& o) {
        while (!o.waiting.empty()) {
            const std::size_t bytes = o.waiting.front().record_bytes();
            if (o.stream->add(std::move(o.waiting.front())).error) break;
            o.waiting_bytes -= bytes;
            o.waiting.pop_front();
        }
        if (drain_until_ && held_.empty() && o.waiting.empty()) o.stream->close();
    }
    std::size_t held_rows() const noexcept {
        std::size_t bytes = 0;
        for (const outlet_state& o : outlets_)
            if (o.stream) bytes += o.stream->held_bytes() + o.waiting_bytes;
        return bytes;
    }

    void take_news_of(std::uint32_t outlet, time_point now) {
        outlet_state& o = outlets_[outlet];
        while (auto news = o.stream->poll_event()) std::visit([&](auto& n) { on(outlet, o, n, now); }, *news);
    }
    void on(std::uint32_t, outlet_state& o, zerobus::durable& n, time_point) {
        for (std::int64_t i = n.rows.begin; i < n.rows.end; ++i) o.origins.pop_front();
        settle(o, n.rows.end);
    }
    void on(std::uint32_t outlet, outlet_state& o, zerobus::row_rejected& n, time_point now) {
        if (n.offset != o.settled + o.in_doubt && !o.frozen)
            return fail({delivery_fault::mistake, {call::reason_of(call::fault::row_without_event), outlet}}, now);
        ++o.refused;
        row_origin of = std::move(o.origins.front());
        o.origins.pop_front();
        letter({std::move(of.event), outlet, of.number, std::move(n.record), std::move(n.reason), 0});
        if (options_.stop_at_dead_letter) {
            ++o.in_doubt;
            o.frozen = true;
            return fail({delivery_fault::stopped_at_letter, {{}, outlet}}, now);
        }
        doubt(o, now);
    }
    void on(std::uint32_t outlet, outlet_state&, zerobus::interrupted& n, time_point) {
        news_.emplace_back(delivery_interrupted{{std::move(n.why), outlet}, n.until});
    }
    void on(std::uint32_t outlet, outlet_state&, zerobus::failed& n, time_point now) {
        fail({delivery_fault::stream, {std::move(n.why), outlet}, n.what_to_do}, now);
    }

    // ---- the subscription

    void take_news(std::size_t bytes, const std::shared_ptr<const void>& owner, std::int64_t received_timestamp,
                   time_point now) {
        while (auto news = subscription_.poll_event()) {
            if (const auto* const r = std::get_if<pubsub::received>(&*news)) {
                const std::size_t events = r->response.events.size();
                event_bytes_ = std::max({bytes / events, event_bytes_.value_or(0) / 8 * 7, std::size_t{1}});
                held_bytes_ += bytes;
                held_events_ += events;
                held_.push_back({owner, r->response.events.begin(), bytes, received_timestamp, {}});
                for (const pubsub::consumer_event& e : r->response.events)
                    (void)schema_of(e.schema_id, now); // asked for all at once
            } else if (auto* const k = std::get_if<pubsub::keepalive>(&*news)) {
                // Behind the events that came before it; one after the other is the last one.
                if (!held_.empty() && !held_.back().owner && !k->position.empty())
                    held_.back().position = std::move(k->position);
                else if (held_.empty() || held_.back().owner)
                    held_.push_back({nullptr, {}, 0, 0, std::move(k->position)});
            } else if (const auto* const c = std::get_if<pubsub::committed>(&*news)) {
                if (c->response.error) news_.emplace_back(commit_refused{std::string(c->response.error->msg)});
            } else if (auto* const i = std::get_if<pubsub::interrupted>(&*news)) {
                news_.emplace_back(delivery_interrupted{{std::move(i->why), {}}, i->until});
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
        news_.emplace_back(position_replaced{subscription_.position(), {std::move(f.why), {}}});
        (void)subscription_.choose(*options_.on_unknown_position);
    }

    // The first reason counts.
    void fail(delivery_failed why, time_point now) {
        if (std::exchange(failed_, true)) return;
        news_.emplace_back(std::move(why));
        drop_events();
        close(now);
    }

    // Salesforce may send as many events more as were passed. Returns whether there were any.
    bool release() {
        const std::size_t passed = checkpoint_.take_passed();
        (void)subscription_.release(passed); // never more than it handed over
        return passed > 0;
    }

    // How many events may be under way, by the bytes that are left and the size that they have had.
    std::uint32_t events_allowed() const noexcept {
        const std::size_t share = options_.bytes / 4;
        const std::size_t left = held_bytes_ >= share ? 0 : share - held_bytes_;
        const std::size_t events = left / event_bytes_.value_or(limits::event_bytes);
        return static_cast<std::uint32_t>(std::clamp<std::size_t>(events, held_bytes_ == 0 ? 1 : 0, 100));
    }

    delivery_options options_;
    pubsub::replay_id stored_;
    bool has_position_; // stored, by this run or an earlier one
    bool managed_;
    sfcdc::checkpoint checkpoint_;
    pubsub::subscription subscription_;
    std::deque<response> held_;
    std::size_t held_bytes_ = 0, held_events_ = 0;    // of held_
    std::optional<std::size_t> event_bytes_{};        // of an event, as seen lately
    std::unordered_map<std::string, schema> schemas_; // its elements stay where they are
    std::pair<const std::string, schema>* last_schema_ = nullptr;
    std::pair<const std::string, schema> too_many_{
        "",
        {schema_state::refused, "the topic has had more schemas than limits::schemas_of_a_topic", time_point::max()}};
    backoff schema_wait_;

    event event_{};
    bool too_large_ = false; // a row of it
    std::vector<row_position> last_rows_;

    std::deque<outlet_state> outlets_;
    counted undecodable_;
    std::deque<delivery_news> news_;
    std::size_t letters_ = 0; // in news_
    std::optional<time_point> drain_until_;
    bool drained_ = false;
    bool failed_ = false;
};

} // namespace sfcdc
