// Rows into one table through Zerobus, as a state machine without I/O, clock or threads: it says which calls to open and
// what to send, and is told what came back. Every row that it takes becomes durable, or is reported as rejected, or is
// still held when the stream fails; none is forgotten, and none is reported twice.
//
//     ingest_stream stream({.table_name = "main.sales.events", .descriptor_proto = descriptor, .seed = seed});
//     for (;;) {
//         while (auto event = stream.poll_event()) checkpoint.on(*event);        // durable|row_rejected|interrupted|failed
//         while (auto action = stream.poll_action(clock.now())) io.perform(*action);
//         if (stream.closed()) break;
//         const auto input = io.wait_until(stream.poll_timeout());               // or a batch to add()
//         stream.handle(input, clock.now());
//     }
//
// Offsets. Rows have *logical* offsets, from 0 over the whole life of the stream. Requests have *wire* offsets, which start
// at 0 on each call and are what the server acknowledges; they stay inside.
//
// Message types. A call takes rows of one message type, which its descriptor says. When a table has got columns, batches say
// their own descriptor: the stream then changes to another call in front of the first of them, and the rows keep their order.
//
// ingest_stream_state.hpp has the phases of a call, the states of the stream, and what each input does in them; ingest_calls.hpp has the
// calls, and request_queue.hpp the rows.
// Source: Databricks' proto file and what its clients and service were seen to do; docs/protocol-coverage.md.
#pragma once

#include <algorithm>
#include <chrono>
#include <cstddef>
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
#include <sfcdc/limits.hpp>
#include <sfcdc/wire/grpc_status.hpp>
#include <sfcdc/zerobus/ingest_calls.hpp>
#include <sfcdc/zerobus/ingest_stream_io.hpp>
#include <sfcdc/zerobus/ingest_stream_options.hpp>
#include <sfcdc/zerobus/ingest_stream_state.hpp>
#include <sfcdc/zerobus/messages.hpp>
#include <sfcdc/zerobus/request_queue.hpp>
#include <sfcdc/zerobus/status.hpp>

namespace sfcdc::inline v0::zerobus {

// Used by one thread at a time. Owns copies of everything but the token, which it never sees.
class ingest_stream {
  public:
    // Opens a call at once, so that a missing table is known before the first row; later calls are opened when there are
    // rows for them. With options that cannot work the stream has failed from the start, with the fault bad_options.
    explicit ingest_stream(ingest_stream_options options)
        : options_(std::move(options)), patience_(options_.patience, options_.seed), calls_(options_.drain_limit) {
        if (!detail::is_valid(options_))
            fail(call::reason_of(fault::bad_options,
                                 "a stream needs a table name of the form catalog.schema.table, a descriptor "
                                 "for protobuf records, and budgets of at least one"),
                 "correct the options");
    }

    // Rows for one request, which come back as an acknowledgement together. The batch is moved from on success only.
    // A batch of no rows is fine, and nothing; one above options.bytes is taken when nothing else is held. Errors:
    // stream_full, stream_closed, record_batch_too_large.
    result<offset_range> add(record_batch&& records) {
        if (closing_ || stopped_) return {{}, {errc::stream_closed, 0}};
        if (records.empty()) return {{added(), added()}, {}};
        if (records.record_bytes() > limits::request_record_bytes) return {{}, {errc::record_batch_too_large, 0}};
        const bool fits =
            requests_.size() < options_.requests && held_bytes() + records.message().size() <= options_.bytes;
        if (!fits && held_bytes() != 0) return {{}, {errc::stream_full, 0}};
        return {requests_.push(std::move(records)), {}};
    }

    // To flush, take added() and go on until settled() has come so far.
    std::int64_t added() const noexcept { return requests_.end_offset(); }
    // Whether the server has ever opened a stream for this table, with any descriptor.
    bool was_created() const noexcept { return started_; }
    // All rows below this are durable or were rejected.
    std::int64_t settled() const noexcept { return requests_.begin_offset(); }
    // What is not settled, in order; also of a stream that has failed or was abandoned. Changes with each call of a
    // function that is not const.
    const request_queue& held() const noexcept { return requests_; }
    // Of held(), and of rejected rows that were not polled yet: what options.bytes bounds.
    std::size_t held_bytes() const noexcept { return requests_.bytes() + rejected_bytes_; }

    // For metrics.
    const ingest_stream_counts& counts() const noexcept { return counts_; }

    // No more rows: the stream is closed() when all that it holds is settled, and its last call has ended.
    void close() noexcept { closing_ = true; }

    // Ends now, whatever is in flight. What is not known to be durable stays in held().
    void abandon() { stop(); }

    // Nothing will come any more, and nothing is left to be done.
    bool closed() const noexcept {
        const bool done = stopped_ || (closing_ && requests_.empty() && !calls_.any());
        return done && !calls_.has_actions() && events_.empty();
    }

    // Says what happened. Not none where the user made a mistake: the input was not taken. Its views need to live no longer than
    // this call.
    errc handle(const input& in, time_point now) {
        if (stopped_) return errc::none;
        return std::visit([&](const auto& what) { return on(what, now); }, in);
    }

    // To be called until it has nothing; also notices what `now` is too late for.
    std::optional<action> poll_action(time_point now) {
        if (!stopped_) on_time(now);
        if (!stopped_ && !calls_.has_actions()) next_step(now);
        return calls_.poll_action();
    }

    std::optional<event> poll_event() {
        if (events_.empty()) return std::nullopt;
        event next = std::move(events_.front());
        events_.pop_front();
        if (const auto* rejected = std::get_if<row_rejected>(&next)) rejected_bytes_ -= rejected->record.size();
        return next;
    }

    // When poll_action() is to be called again if there is no input before; to be asked when it has nothing left.
    std::optional<time_point> poll_timeout() const {
        if (!events_.empty()) return time_point::min(); // poll_action() may have left one: a time was over
        if (stopped_) return std::nullopt;
        time_point next = std::min(deadline_of(calls_.current()), deadline_of(calls_.old()));
        if (wants_call()) next = std::min(next, open_at_);
        return next == detail::ingest_call::never ? std::nullopt : std::optional(next);
    }

  private:
    using phase = detail::call_phase;
    using token = detail::token_state;

    // ---- inputs

    // An input about a call: one of an earlier call is too late to matter.
    template<class Input> errc about_call(const Input& in, time_point now) {
        if (in.call == 0 || in.call > calls_.last()) return errc::unknown_call;
        detail::ingest_call* const c = calls_.find(in.call);
        return c == nullptr ? errc::none : on_call(*c, in, now);
    }
    errc on(std::monostate, time_point) { return errc::none; }
    errc on(const opened& in, time_point now) { return about_call(in, now); }
    errc on(const response& in, time_point now) { return about_call(in, now); }
    errc on(const call_ended& in, time_point now) { return about_call(in, now); }

    errc on_call(detail::ingest_call& c, const opened& in, time_point) {
        if (c.phase != phase::opening) return errc::not_expected_now;
        c.phase = phase::creating;
        send_request create{in.call, {}};
        append_request({options_.table_name, text_of(c.descriptor), options_.record_type}, create.bytes);
        calls_.ask(std::move(create));
        return errc::none;
    }

    errc on_call(detail::ingest_call& c, const response& in, time_point now) {
        const auto [message, unreadable] = parse_response(in.bytes);
        if (unreadable) {
            give_up(c, call::reason_of(fault::unreadable_response, unreadable.message()), true, now);
        } else if (const call::fault bad = std::visit([&](const auto& r) { return c.check(r); }, message);
                   bad != fault::none) {
            give_up(c, call::reason_of(bad), true, now);
        } else {
            std::visit([&](const auto& r) { take(c, r, now); }, message);
        }
        return errc::none;
    }

    // One for each kind of response, which is what the protocol allows now.

    void take(detail::ingest_call&, const std::monostate&, time_point) {}

    void take(detail::ingest_call& c, const create_ingest_stream_response&, time_point) {
        c.phase = phase::streaming;
        c.deadline = detail::ingest_call::never;
        started_ = true;
    }

    void take(detail::ingest_call& c, const ingest_record_response& ack, time_point now) {
        const std::int64_t up_to = *ack.durability_ack_up_to_offset;
        if (up_to >= c.durable) acknowledge(c, up_to + 1, now); // else it came twice, which says nothing
    }

    void take(detail::ingest_call& c, const close_stream_signal& signal, time_point now) {
        if (c.phase != phase::streaming) return;
        ++counts_.rotations;
        const duration d = signal.duration.value_or(duration{});
        const auto seconds = std::clamp<std::int64_t>(d.seconds, 0, limits::close_signal_seconds);
        const auto nanos = std::clamp<std::int64_t>(d.nanos, 0, 999'999'999);
        // A server that closes what it never took a row from is not rotating, it is in trouble.
        open_at_ = c.durable > 0 ? now : patience_.after_idle_call(now).at;
        calls_.retire(std::chrono::seconds(seconds) + std::chrono::nanoseconds(nanos), now);
    }

    errc on_call(detail::ingest_call& c, const call_ended& in, time_point now) {
        const detail::ingest_call ended = std::exchange(c, {});
        counts_.resends += ended.in_flight();
        const status_rule& rule = rule_of(in.status);
        const remedy what = ended.phase < phase::streaming ? rule.opening : rule.streaming;
        if (what == remedy::find_row && ended.in_flight() > 0)
            find_row(ended.in_flight(), call::reason_of(in), now);
        else if (ended.phase <= phase::streaming) // else it ended as announced
            go_on(patience_.after(what == remedy::find_row ? remedy::stop : what, now), call::reason_of(in));
        return errc::none;
    }

    errc on(token_renewed, time_point now) {
        if (token_ == token::good) return errc::none;
        token_ = token::good; // due: somebody else renewed it
        open_at_ = patience_.after(call::token_answer::renewed, now).at;
        return errc::none;
    }
    errc on(const token_refused& in, time_point now) {
        if (token_ == token::asked)
            go_on(patience_.after(call::token_answer::refused, now),
                  call::reason_of(fault::token_refused, in.message));
        return errc::none;
    }
    errc on(const token_unavailable& in, time_point now) {
        if (token_ == token::asked)
            go_on(patience_.after(call::token_answer::unavailable, now),
                  call::reason_of(fault::token_unavailable, in.message));
        return errc::none;
    }

    void on_time(time_point now) {
        if (detail::ingest_call& old = calls_.old(); now >= deadline_of(old))
            old.phase == phase::draining ? calls_.half_close_old(now) : calls_.cancel(old);
        if (detail::ingest_call& current = calls_.current(); now >= deadline_of(current)) {
            const bool late_ack = current.phase == phase::streaming;
            give_up(current, call::reason_of(late_ack ? fault::ack_timed_out : fault::open_timed_out), false, now);
        }
    }

    time_point deadline_of(const detail::ingest_call& c) const {
        const bool awaits_ack = c.in_flight() > 0 && c.phase < phase::half_closed;
        return awaits_ack ? std::min(c.deadline, requests_.front().sent + options_.ack_limit) : c.deadline;
    }

    // ---- what follows

    void acknowledge(detail::ingest_call& c, std::int64_t durable_requests, time_point now) {
        const offset_range rows = requests_.pop(static_cast<std::size_t>(durable_requests - c.durable));
        c.durable = durable_requests;
        ++counts_.acknowledgements;
        if (durable* const last = events_.empty() ? nullptr : std::get_if<durable>(&events_.back()))
            last->rows.end = rows.end;
        else
            events_.emplace_back(durable{rows});
        patience_.healthy();
        rejections_ = 0;
        if (c.phase == phase::draining && c.in_flight() == 0) calls_.half_close_old(now);
    }

    // The call is of no use any more; what it has in flight is sent again.
    void give_up(detail::ingest_call& c, reason why, bool faulty, time_point now) {
        const bool was_current = &c == &calls_.current();
        counts_.resends += c.in_flight();
        calls_.cancel(c);
        if (!was_current) return interrupt(std::move(why), now); // the next call is open already
        go_on(faulty ? patience_.after_faulty_call(now) : patience_.after(remedy::retry, now), std::move(why));
    }

    void go_on(const call::next_attempt& next, reason why) {
        why.remedy = next.remedy;
        why.budget_used_up = next.budget_used_up;
        if (!next) return fail(std::move(why));
        token_ = next.remedy == remedy::renew_token ? token::due : token::good;
        open_at_ = next.at;
        interrupt(std::move(why), open_at_);
    }

    // No wait: each refusal leaves less to look at, and options.rejections ends what finds only bad rows.
    void find_row(std::size_t in_flight, reason why, time_point now) {
        why.remedy = remedy::find_row;
        open_at_ = now;
        interrupt(why, now);
        if (!requests_.narrow(in_flight)) return;
        const std::int64_t offset = requests_.begin_offset();
        row_rejected rejected{offset, requests_.pop_refused(), why.message};
        rejected_bytes_ += rejected.record.size();
        events_.emplace_back(std::move(rejected));
        if (++rejections_ > options_.rejections) fail(std::move(why));
    }

    void interrupt(reason why, time_point until) {
        if (!events_.empty() && std::holds_alternative<interrupted>(events_.back())) events_.pop_back();
        events_.emplace_back(interrupted{std::move(why), until});
    }

    void fail(reason why) {
        const bool credentials = why.fault == fault::token_refused;
        const std::string_view advice =
            rule_of(credentials ? wire::grpc_status::unauthenticated : why.status).what_to_do;
        fail(std::move(why), advice);
    }
    void fail(reason why, std::string_view what_to_do) {
        why.remedy = remedy::stop;
        events_.emplace_back(failed{std::move(why), what_to_do});
        stop();
    }

    void stop() {
        stopped_ = true;
        calls_.cancel_all();
    }

    // ---- what can be done next

    bool wants_call() const noexcept {
        const bool to_try = !started_ && !closing_;
        return !calls_.current() && token_ != token::asked && (to_try || !requests_.empty());
    }

    std::string_view text_of(const std::shared_ptr<const std::string>& descriptor) const noexcept {
        return descriptor ? *descriptor : options_.descriptor_proto;
    }
    // Returns the descriptor of the first rows that are not in flight on the old call or, where there are none, of the newest rows.
    std::shared_ptr<const std::string> descriptor_of_next_rows() const noexcept {
        if (requests_.empty()) return nullptr;
        return requests_[std::min(calls_.old().in_flight(), requests_.size() - 1)].records.descriptor();
    }
    // Whether the current call takes the next request's rows.
    bool takes(const request& next) const noexcept {
        const auto &of_call = calls_.current().descriptor, &of_rows = next.records.descriptor();
        return of_call == of_rows || text_of(of_call) == text_of(of_rows);
    }
    bool may_send() const noexcept {
        const detail::ingest_call& current = calls_.current();
        return current.phase == phase::streaming && calls_.old().in_flight() == 0
               && current.in_flight() < requests_.window() && takes(requests_[current.in_flight()]);
    }
    // The next rows are of another message type than the current call's, and everything in front of them is durable.
    bool must_change_call() const noexcept {
        return calls_.current().phase == phase::streaming && !calls_.any_in_flight() && !requests_.empty()
               && !takes(requests_.front());
    }

    void next_step(time_point now) {
        detail::ingest_call& current = calls_.current();
        if (closing_ && requests_.empty()) {
            if (current.phase == phase::streaming) return calls_.retire({}, now);
            return calls_.cancel(current);
        }
        if (wants_call() && now >= open_at_ && token_ == token::due) {
            token_ = token::asked;
            calls_.ask(renew_token{calls_.last()});
        } else if (wants_call() && now >= open_at_) {
            calls_.open(descriptor_of_next_rows(), now + options_.open_limit);
        } else if (must_change_call()) {
            calls_.retire({}, now);
        } else if (may_send()) {
            request& next = requests_[current.in_flight()];
            next.sent = now;
            send_request s{current.id, {}};
            append_request(current.sent++, options_.record_type, next.records, s.bytes);
            calls_.ask(std::move(s));
        }
    }

    ingest_stream_options options_;
    call::patience patience_;
    detail::ingest_calls calls_;
    std::deque<event> events_;

    request_queue requests_; // the first ones are in flight: on the old call if it has any, else on the current one
    std::size_t rejected_bytes_ = 0;

    time_point open_at_ = time_point::min();

    ingest_stream_counts counts_{};
    unsigned rejections_ = 0; // of rows, since there was health
    bool started_ = false;    // a stream was created once
    token token_ = token::good;
    bool closing_ = false;
    bool stopped_ = false;
};

} // namespace sfcdc::inline v0::zerobus
