// The replay id that is safe to store. Salesforce counts events and an ingest stream counts rows; this is the only place
// where the two meet: an event is passed when everything that it became is durable, and so is everything in front of it.
//
//     checkpoint at(stored);
//     const auto accounts = at.add_stream(), contacts = at.add_stream();
//     const row_position rows[] = {{accounts, 17}, {contacts, 4}};
//     at.event(id, rows);                                // what became of the event: its last row on each stream
//     at.event(id, {});                                  // filtered, or kept as a dead letter
//     at.durable(accounts, 17);                          // what ingest_stream reports
//     if (at.position() != stored) ...                   // store it
//     subscription.release(at.take_passed());            // Salesforce may send as many more
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <deque>
#include <span>
#include <utility>
#include <vector>

#include <sfcdc/error.hpp>
#include <sfcdc/limits.hpp>
#include <sfcdc/pubsub/replay_id.hpp>

namespace sfcdc::inline v0 {

// A row of an event: its stream, as checkpoint::add_stream() numbered it, and its logical offset there, as
// ingest_stream::add() gave it.
struct row_position {
    std::uint32_t stream = 0;
    std::int64_t offset = 0;
};

// Owns copies of the replay ids. Holds no clock and does no I/O; one for each topic, used by one thread at a time.
class checkpoint {
  public:
    // How many events may be under way.
    struct options {
        // full() from here on.
        std::size_t max_events = limits::events_not_durable;
    };

    // `stored` is the position that the subscription starts from; empty when there is none yet.
    explicit checkpoint(pubsub::replay_id stored = {}) : position_(std::move(stored)) {}
    checkpoint(pubsub::replay_id stored, options o) : options_(o), position_(std::move(stored)) {}

    // Of one ingest_stream, before its first row. Streams are numbered from 0.
    std::uint32_t add_stream() {
        streams_.emplace_back();
        return static_cast<std::uint32_t>(streams_.size() - 1);
    }

    // The next event, in the order of arrival, and where its rows are: the last one on each stream is enough, and none at
    // all means that nothing has to become durable for it. The rows were handed to their streams before. Errors are the
    // caller's mistakes, and then the event was not taken: checkpoint_full, checkpoint_bad_row (error.offset = which row).
    error event(const pubsub::replay_id& id, std::span<const row_position> rows) {
        if (full()) return {errc::checkpoint_full, 0};
        for (std::size_t i = 0; i < rows.size(); ++i) {
            const row_position& row = rows[i];
            if (row.stream >= streams_.size() || row.offset < std::max<std::int64_t>(streams_[row.stream].sent, 0))
                return {errc::checkpoint_bad_row, static_cast<std::uint32_t>(i)};
        }
        bool more_than_before = false;
        for (const row_position& row : rows) {
            streams_[row.stream].sent = std::max(streams_[row.stream].sent, row.offset);
            more_than_before = more_than_before || !awaited_by_last(row);
        }
        ++events_;
        if (more_than_before) {
            steps_.push_back({id, 1, rows.size()});
            rows_.insert(rows_.end(), rows.begin(), rows.end());
        } else {
            join_last(id, 1);
        }
        return {};
    }

    // A position that came without an event: nothing of the subscription is in front of it but what was handed over before.
    void keepalive(const pubsub::replay_id& id) { join_last(id, 0); }

    // Everything on this stream up to this logical offset is durable, or kept as a dead letter. What was said before is
    // not taken back: a lower offset changes nothing. checkpoint_never_sent when no event has a row so far ahead.
    error durable(std::uint32_t stream, std::int64_t up_to_offset) {
        if (stream >= streams_.size() || up_to_offset > streams_[stream].sent)
            return {errc::checkpoint_never_sent, 0};
        if (up_to_offset <= streams_[stream].durable) return {};
        streams_[stream].durable = up_to_offset;
        while (!steps_.empty()) {
            for (step& front = steps_.front(); front.rows > 0; --front.rows, rows_.pop_front())
                if (!is_durable(rows_.front())) return {};
            reach(steps_.front().id, steps_.front().events);
            steps_.pop_front();
        }
        return {};
    }

    // Safe to store: all events up to it are durable. Empty when there is none yet.
    const pubsub::replay_id& position() const noexcept { return position_; }

    // How many events the position passed since the last call: as many credits may go back to Salesforce.
    std::size_t take_passed() noexcept { return std::exchange(passed_, 0); }

    // Events that the position did not pass yet.
    std::size_t waiting() const noexcept { return events_; }
    // event() would refuse: give no credits back until something is durable.
    bool full() const noexcept { return events_ >= options_.max_events; }

  private:
    struct stream_state {
        std::int64_t sent = -1; // by the last event with a row on it
        std::int64_t durable = -1;
    };
    // Events that are reached together, and how many elements of rows_ belong to them.
    struct step {
        pubsub::replay_id id; // of the last one
        std::size_t events;
        std::size_t rows;
    };

    bool is_durable(const row_position& row) const noexcept { return streams_[row.stream].durable >= row.offset; }

    // Whoever waits for the last step anyway finds this row durable then. The usual case: many events share a request.
    bool awaited_by_last(const row_position& row) const noexcept {
        if (is_durable(row)) return true;
        if (steps_.empty()) return false;
        const auto last = rows_.end() - static_cast<std::ptrdiff_t>(steps_.back().rows);
        return std::any_of(last, rows_.end(), [&](const row_position& awaited) {
            return awaited.stream == row.stream && awaited.offset >= row.offset;
        });
    }

    void join_last(const pubsub::replay_id& id, std::size_t events) {
        if (steps_.empty()) return reach(id, events);
        steps_.back().events += events;
        if (!id.empty()) steps_.back().id = id;
    }

    void reach(const pubsub::replay_id& id, std::size_t events) {
        events_ -= events;
        passed_ += events;
        if (!id.empty()) position_ = id; // an event without one is passed together with the next one that has one
    }

    options options_{};
    std::vector<stream_state> streams_;
    std::deque<step> steps_;
    std::deque<row_position> rows_; // of all steps, in their order
    pubsub::replay_id position_;
    std::size_t events_ = 0;
    std::size_t passed_ = 0;
};

} // namespace sfcdc::inline v0
