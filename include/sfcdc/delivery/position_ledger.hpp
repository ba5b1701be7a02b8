// Which rows are durable, which are dead letters, and what that means for the position: when it may pass a dead letter, and when it is
// due to be stored.
#pragma once

#include <algorithm>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <utility>
#include <vector>

#include <sfcdc/backoff.hpp>
#include <sfcdc/checkpoint.hpp>
#include <sfcdc/pubsub/replay_id.hpp>

namespace sfcdc::inline v0::detail {

// The rows of one outlet, in their order, in three groups: settled, in doubt, and neither. The first `told` of them are in the
// checkpoint, whatever their group. It holds 0 <= settled, settled + in_doubt <= rows and told <= rows.
struct counted_rows {
    explicit counted_rows(std::uint32_t n) : number(n) {}

    std::uint32_t number;      // of its stream in the checkpoint
    std::int64_t rows = 0;     // all that were ever added
    std::int64_t told = 0;     // of these so many are in the checkpoint
    std::int64_t settled = 0;  // of these so many are durable, or dead letters that the position may pass
    std::int64_t in_doubt = 0; // behind them so many are dead letters, and no row behind those is durable yet
    time_point since{};        // the first one in doubt became a dead letter then
    bool frozen = false;       // the position never passes what is in doubt
};

// A dead letter puts its row in doubt: the position waits in front of it until a row behind it is durable, which shows that it is not a
// fault of all rows, or until the verdict time is over. Only while no position was ever stored it is settled at once.
class position_ledger {
  public:
    // `stored` is the position that the subscription starts from. `has_position` says whether any is stored, be it by Salesforce.
    position_ledger(pubsub::replay_id stored, bool has_position, std::chrono::hours verdict_time)
        : checkpoint_(stored), stored_(std::move(stored)), has_position_(has_position), verdict_time_(verdict_time) {}

    // Returns the account of a further outlet, whose rows are counted from 0.
    counted_rows open_account() { return counted_rows(checkpoint_.add_stream()); }

    // The next event has become these rows, which their accounts have counted. Precondition: not full().
    void pass(const pubsub::replay_id& id, const std::vector<row_position>& rows) {
        (void)checkpoint_.event(id, rows);
    }
    // A position without an event; nothing changes if it is empty.
    void keepalive(const pubsub::replay_id& position) {
        if (!position.empty()) checkpoint_.keepalive(position);
    }

    // The first `rows` rows of the account are durable, and with them those in doubt among them are settled.
    void settle(counted_rows& c, std::int64_t rows) {
        if (rows <= c.settled + c.in_doubt || c.frozen) return;
        c.settled = rows;
        c.in_doubt = 0;
        // The rows of an event that ended the delivery were not told.
        (void)checkpoint_.durable(c.number, std::min(rows, c.told) - 1);
    }
    // The position may pass all rows in doubt.
    void settle_doubt(counted_rows& c) {
        c.settled += std::exchange(c.in_doubt, 0);
        (void)checkpoint_.durable(c.number, c.settled - 1);
    }
    // The next row behind what is settled and in doubt is a dead letter.
    void doubt(counted_rows& c, time_point now) {
        if (c.in_doubt++ == 0) c.since = now;
        if (has_position_) return;
        settle_doubt(c);
        has_position_ = !checkpoint_.position().empty(); // it is due now
    }

    // Settles the rows in doubt whose verdict time is over.
    void on_time(counted_rows& c, time_point now) {
        if (const auto when = verdict_at(c); when && now >= *when) settle_doubt(c);
    }
    // When on_time() has to be called; nothing while no row is in doubt, or while the position is not to pass it.
    std::optional<time_point> verdict_at(const counted_rows& c) const {
        return c.in_doubt > 0 && !c.frozen ? std::optional(c.since + verdict_time_) : std::nullopt;
    }

    // The position that may be stored; null while it is the one that is stored. The pointer lives as long as the ledger.
    const pubsub::replay_id* due() const noexcept {
        return checkpoint_.position() == stored_ ? nullptr : &checkpoint_.position();
    }
    void stored() {
        stored_ = checkpoint_.position();
        has_position_ = true;
    }

    // How many events were passed since the last call.
    std::size_t take_passed() noexcept { return checkpoint_.take_passed(); }
    bool full() const noexcept { return checkpoint_.full(); }
    const sfcdc::checkpoint& checkpoint() const noexcept { return checkpoint_; }

  private:
    sfcdc::checkpoint checkpoint_;
    pubsub::replay_id stored_;
    bool has_position_;
    std::chrono::hours verdict_time_;
};

} // namespace sfcdc::inline v0::detail
