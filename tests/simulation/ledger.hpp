// The truth, which neither the machines nor the runner see: every event, every row that it must become, what the lake
// holds, and the invariants over all of that.
#pragma once

#include <algorithm>
#include <cstdint>
#include <deque>
#include <string>
#include <string_view>
#include <vector>

#include "dice.hpp"
#include "journal.hpp"

namespace simulation {

struct row {
    std::uint32_t event;
    std::uint32_t table;
    std::uint32_t place; // among the rows of its table
    std::uint32_t bytes;
    bool poison; // the lake refuses it for good
};

struct event {
    std::uint64_t counter; // its replay id, as a number
    std::uint32_t first_row;
    std::uint32_t rows; // none: filtered, or undecodable
    std::uint32_t schema;
    bool undecodable; // must become a dead letter
};

// A replay id as Salesforce makes them: a big-endian counter with gaps, and two zero bytes.
inline std::string replay_id_of(std::uint64_t counter) {
    std::string bytes(10, '\0');
    for (int i = 7; i >= 0; --i, counter >>= 8) bytes[static_cast<std::size_t>(i)] = static_cast<char>(counter);
    return bytes;
}
inline std::uint64_t counter_of(std::string_view replay_id) {
    std::uint64_t counter = 0;
    for (std::size_t i = 0; i < 8 && i < replay_id.size(); ++i)
        counter = counter << 8 | static_cast<unsigned char>(replay_id[i]);
    return counter;
}
// Numbers in payloads and rows.
inline void put_number(std::string& to, std::uint32_t n) {
    for (int i = 0; i < 4; ++i, n >>= 8) to.push_back(static_cast<char>(n));
}
inline std::uint32_t number_in(std::string_view bytes) {
    std::uint32_t n = 0;
    for (std::size_t i = 4; i-- > 0;) n = n << 8 | static_cast<unsigned char>(bytes[i]);
    return n;
}

class ledger {
  public:
    static constexpr std::uint32_t tables = 3;
    static constexpr std::string_view first_descriptor = "a row";

    ledger(dice& random, journal& log, std::uint32_t events, bool poison) : log_(log) {
        std::uint64_t counter = 1'000;
        std::uint32_t schemas[2] = {0, 1};
        for (std::uint32_t e = 0; e < events; ++e) {
            counter += 1 + random.below(4);
            // Most events are one row; merged ones are several, routed by what they are about.
            const std::uint32_t rows = random.one_in(12) ? 0 : random.one_in(8) ? random.between(2u, 5u) : 1;
            const bool undecodable = poison && rows == 0 && random.one_in(20);
            // Two schemas take turns; now and then one is replaced, and an old one comes back.
            if (random.one_in(100)) schemas[random.below(2)] = static_cast<std::uint32_t>(random.below(12));
            const std::uint32_t schema = schemas[random.one_in(3) ? 1 : 0];
            events_.push_back({counter, static_cast<std::uint32_t>(rows_.size()), rows, schema, undecodable});
            for (std::uint32_t r = 0; r < rows; ++r) {
                const auto table = static_cast<std::uint32_t>(std::min(random.below(tables), random.below(tables)));
                const auto bytes = static_cast<std::uint32_t>(random.one_in(100) ? 4'000 : random.between(8, 60));
                rows_.push_back({e, table, static_cast<std::uint32_t>(table_rows_[table].size()), bytes,
                                 poison && random.one_in(400)});
                table_rows_[table].push_back(static_cast<std::uint32_t>(rows_.size() - 1));
            }
        }
        // In half of the worlds tables get no columns; in others they get them so often that it happens while a bad row is looked for.
        if (random.one_in(2)) rows_for_a_type_ = random.between(20u, 500u);
        durable_.resize(rows_.size());
        dead_.resize(rows_.size());
        dead_events_.resize(events_.size());
        new_life();
    }

    const std::vector<event>& events() const { return events_; }
    const std::vector<row>& rows() const { return rows_; }
    std::uint32_t size() const { return static_cast<std::uint32_t>(events_.size()); }

    // The number of the first event behind a position.
    std::uint32_t first_after(std::string_view replay_id) const {
        const std::uint64_t counter = counter_of(replay_id);
        return static_cast<std::uint32_t>(
            std::upper_bound(events_.begin(), events_.end(), counter,
                             [](std::uint64_t c, const event& e) { return c < e.counter; })
            - events_.begin());
    }

    // The message type that a row has: tables get columns as time goes on, and an old event has its row as it always had it.
    std::string descriptor_of(std::uint32_t r) const {
        const std::uint32_t changes = rows_for_a_type_ == 0 ? 0 : r / rows_for_a_type_;
        return std::string(first_descriptor) + std::string(changes, '+');
    }
    std::string row_bytes(std::uint32_t r) const {
        std::string bytes;
        bytes.reserve(rows_[r].bytes);
        put_number(bytes, r);
        bytes.resize(rows_[r].bytes, '.');
        return bytes;
    }

    // ---- what the runner does

    // A new runner, which knows nothing but the stored position.
    void new_life() {
        for (auto& rows : handed_) rows.clear();
        std::fill(std::begin(unsettled_), std::end(unsettled_), 0);
        expected_ = position_.empty() ? 0 : first_after(position_);
        taken_ = expected_;
        to_take_.clear();
        repeated_by_salesforce = false;
        may_start_anywhere_ = position_.empty();
    }

    // The runner's subscription took an event from a response.
    void received(std::uint32_t e) {
        if (e >= size()) log_.fail("the runner got event %u, which does not exist", e);
        if (e > expected_) log_.fail("event %u came, but %u was never handed over", e, expected_);
        if (e < expected_) ++fetched_again;
        expected_ = e + 1;
        may_start_anywhere_ = false;
        to_take_.push_back(e);
    }
    // The runner makes an event into rows, and gives them to the streams.
    void taken(std::uint32_t e) {
        next_is(e);
        for (std::uint32_t r = events_[e].first_row; r < events_[e].first_row + events_[e].rows; ++r)
            handed_[rows_[r].table].push_back({r, false});
    }
    // A keepalive: nothing is between what came last and this position. (Of a managed subscription what is in front of the committed
    // position may have come on an earlier call: a commit that comes late passes what the service has begun to send again.)
    void taken_position(std::string_view replay_id) {
        may_start_anywhere_ = may_start_anywhere_ && replay_id.empty();
        const std::uint32_t next = first_after(replay_id);
        if (next > std::max(taken_, position_.empty() ? 0 : first_after(position_)))
            log_.fail(
                "a keepalive's position %llu was taken, but event %u is in front of it and was never handed over",
                static_cast<unsigned long long>(counter_of(replay_id)), taken_);
    }
    // A subscription starts at event `next`, from a position.
    void resumed(std::uint32_t next) {
        if (next > expected_)
            log_.fail("the subscription starts at event %u, but %u was never handed over", next, expected_);
        if (next < expected_ && !repeated_by_salesforce)
            log_.fail("the subscription starts at event %u, but events up to %u were handed over", next,
                      expected_ - 1);
    }
    // A subscription starts at event `next`, without a position: there is none yet, or Salesforce said that it does not
    // know it any more. That holds until there is one.
    void started(std::uint32_t next, bool position_refused) {
        if (!may_start_anywhere_ && !position_refused)
            log_.fail("a subscription from earliest, although there is a position");
        may_start_anywhere_ = true;
        fetched_again += expected_ - std::min(expected_, next);
        expected_ = next;
        if (to_take_.empty()) taken_ = next;
    }

    void stored(std::string_view position) {
        position_ = position;
        ++positions;
        const std::uint32_t passed = first_after(position);
        advance();
        if (passed > done_)
            log_.fail(
                "position %llu was stored, which passes event %u: not all of its rows are durable or dead letters",
                static_cast<unsigned long long>(counter_of(position)), done_);
    }
    const std::string& position() const { return position_; }

    // The runner ended as it was told to: what it took, it dealt with.
    void stopped() {
        if (first_after(position_) < taken_ && !position_.empty())
            log_.fail("the runner stopped at position %llu, but had taken the events up to %u",
                      static_cast<unsigned long long>(counter_of(position_)), taken_ - 1);
    }

    // An event as a whole: one that was seen and cannot be decoded, or one whose schema was refused.
    void dead_event(std::uint32_t e, bool seen) {
        if (seen ? !events_[e].undecodable : !schema_refused(events_[e].schema))
            log_.fail("event %u was made a dead letter, and nothing is wrong with it", e);
        if (!seen) next_is(e);
        ++dead_letters;
        if (dead_events_[e]) ++dead_letters_again;
        dead_events_[e] = true;
        // What it would have become is dealt with; the lake is not to wait for it.
        for (std::uint32_t r = events_[e].first_row; r < events_[e].first_row + events_[e].rows; ++r) dead_[r] = true;
    }
    // From now on events of this schema may be dead letters.
    void refuse_schema(std::uint32_t schema) { refused_schemas_ |= 1u << schema; }
    bool schema_refused(std::uint32_t schema) const { return (refused_schemas_ >> schema & 1) != 0; }

    void dead_letter(std::uint32_t r) {
        if (!rows_[r].poison) log_.fail("row %u was made a dead letter, and nothing is wrong with it", r);
        ++dead_letters;
        if (dead_[r]) ++dead_letters_again;
        dead_[r] = true;
        auto& rows = handed_[rows_[r].table];
        const auto at = std::find_if(rows.begin() + static_cast<std::ptrdiff_t>(first_unsettled(rows_[r].table)),
                                     rows.end(), [r](const handed_row& h) { return h.row == r && !h.settled; });
        if (at == rows.end()) log_.fail("row %u was made a dead letter, and was not handed to a stream", r);
        at->settled = true;
    }

    // The runner sends a row of a table on a call, `last` being the number of the one before on the same call, -1 for
    // none. Each call goes on, in order and without a gap, from the first row that is neither acknowledged nor dead.
    void sent(std::uint32_t table, std::uint32_t r, std::int64_t& last) {
        ++rows_sent;
        const auto& rows = handed_[table];
        std::size_t next = last < 0 ? first_unsettled(table) : static_cast<std::size_t>(last) + 1;
        while (next < rows.size() && rows[next].settled) ++next;
        if (next == rows.size()) log_.fail("row %u was sent, and all rows of its table were sent before", r);
        if (rows[next].row != r) log_.fail("row %u was sent, and row %u was next", r, rows[next].row);
        last = static_cast<std::int64_t>(next);
    }
    // An acknowledgement was handed to the runner, of the row of this number.
    void confirmed(std::uint32_t table, std::int64_t number) {
        handed_[table][static_cast<std::size_t>(number)].settled = true;
    }

    // So many rows of a table, in the order in which they were handed over, are acknowledged or dead.
    std::size_t settled(std::uint32_t table) { return first_unsettled(table); }

    // ---- what the lake does

    void durable(std::uint32_t r) {
        const row& stored = rows_[r];
        if (stored.poison) log_.fail("the lake took poison row %u", r);
        std::uint32_t& next = next_place_[stored.table];
        const auto& places = table_rows_[stored.table];
        while (next < places.size() && dead_[places[next]]) ++next;
        if (stored.place > next) log_.fail("row %u became durable before row %u of the same table", r, places[next]);
        if (stored.place == next) ++next;
        if (durable_[r]++ > 0) ++duplicates;
    }

    // ---- at rest

    bool all_done() {
        advance();
        return done_ == size();
    }
    bool position_at_end() const { return !position_.empty() && first_after(position_) == size(); }
    std::uint32_t done() {
        advance();
        return done_;
    }

    std::uint64_t duplicates = 0, fetched_again = 0, dead_letters = 0, dead_letters_again = 0, rows_sent = 0,
                  positions = 0;
    bool repeated_by_salesforce = false; // it sent events a second time, unasked, in this life

  private:
    struct handed_row {
        std::uint32_t row;
        bool settled; // its acknowledgement was delivered, or it is a dead letter
    };
    std::size_t first_unsettled(std::uint32_t table) {
        auto& rows = handed_[table];
        std::size_t& at = unsettled_[table];
        while (at < rows.size() && rows[at].settled) ++at;
        return at;
    }

    void next_is(std::uint32_t e) {
        if (to_take_.empty() || to_take_.front() != e)
            log_.fail("event %u was taken, and %u was next", e, to_take_.empty() ? expected_ : to_take_.front());
        to_take_.pop_front();
        taken_ = e + 1;
    }

    void advance() {
        const auto done = [this](const event& e) {
            if (e.undecodable && !dead_events_[static_cast<std::size_t>(&e - events_.data())]) return false;
            for (std::uint32_t r = e.first_row; r < e.first_row + e.rows; ++r)
                if (durable_[r] == 0 && !dead_[r]) return false;
            return true;
        };
        while (done_ < size() && done(events_[done_])) ++done_;
    }

    journal& log_;
    std::vector<event> events_;
    std::vector<row> rows_;
    std::uint32_t rows_for_a_type_ = 0; // of message; 0: all rows are of one
    std::vector<std::uint32_t> table_rows_[tables];
    std::uint32_t next_place_[tables] = {};
    std::vector<std::uint32_t> durable_; // how often the lake has it
    std::vector<bool> dead_, dead_events_;
    std::uint32_t refused_schemas_ = 0;
    std::vector<handed_row> handed_[tables]; // what the streams were given in this life, in order
    std::size_t unsettled_[tables] = {};
    std::string position_;
    bool may_start_anywhere_ = true;
    std::uint32_t expected_ = 0;        // the next event that the runner has not received
    std::deque<std::uint32_t> to_take_; // received, and neither made into rows nor a dead letter
    std::uint32_t taken_ = 0;           // behind the last one that was
    std::uint32_t done_ = 0;            // events up to here are durable or dead letters
};

} // namespace simulation
