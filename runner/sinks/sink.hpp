// Where the rows of a delivery go, and where its position is kept.
#pragma once

#include "../config/config.hpp"
#include "../databricks/token.hpp"
#include "../disk/position_file.hpp"
#include "../io/inbox.hpp"

#include <sfcdc/cdc/event.hpp>
#include <sfcdc/delivery.hpp>
#include <sfcdc/row/layout.hpp>

#include <nlohmann/json.hpp>

#include <cstdint>
#include <memory>
#include <optional>
#include <stop_token>
#include <string>
#include <string_view>
#include <vector>

namespace sfcdc::runner {

// The outlets of a delivery: streams of Zerobus, or outlet 0 for the rows that the sink writes itself. Used by the pipeline's thread alone, but for prove(). Every function throws failure when the sink is broken for
// good.
class sink {
  public:
    virtual ~sink() = default;

    // Before anything is connected: throws failure unless every file of the sink can be written.
    virtual void prove() = 0;

    // The position stored by an earlier run, or nothing. `owner` is stored with the positions to come. Throws stopped.
    virtual std::optional<pubsub::replay_id> open(const position_owner& owner, const std::stop_token& stop) = 0;

    // Called after open() when no position is stored. Returns the position that the rows themselves show, or nothing. Throws stopped.
    virtual std::optional<pubsub::replay_id> position_of_rows(const std::stop_token&) { return std::nullopt; }
    // After position_of_rows(): whether the topic is to be read from its earliest event where that position is unknown to Salesforce or missing.
    virtual bool earliest_if_unknown() const { return false; }

    // The streams that the delivery begins with; none: the rows are written here.
    virtual std::vector<zerobus::ingest_stream_options> streams() { return {}; }
    virtual bool writes_itself() const { return true; }
    // Once, behind open(). The delivery outlives the sink: calls that end while the sink is destroyed are told to it.
    virtual void attach(delivery& to) { delivery_ = &to; }

    // Whether add() may be called now. If not, timeout() says when to ask again.
    virtual bool ready() { return true; }

    // Whether the rows of this event may be added now. False while the sink makes ready what they need, such as a table; the inbox wakes when it
    // is ready, and the same event is handed over again.
    virtual bool ready_for(const cdc::event&) { return true; }

    // Writes the rows of one event, or has them sent, and adds them to the delivery; its views end with the call. Returns how many bytes
    // were not UTF-8 and became U+FFFD.
    virtual std::uint32_t add(const cdc::event& event, const row::envelope& around) = 0;

    // Nothing more is waiting to be added. What is durable, or is so when commit() returns, is told to the delivery. It may wait for the
    // disk, but not for a peer.
    virtual void settle() = 0;

    // The end of a turn, behind settle(): when it returns, what was said to be durable is, and so is the position. `position` is null when
    // none is due. False when it cannot be stored now: it is handed over again in the next turn.
    virtual bool commit(const pubsub::replay_id* position) = 0;

    // What one of the delivery's streams asks for.
    virtual void perform(stream_action&) {}

    // The stream of an outlet is interrupted, and is tried again.
    virtual void interrupted(const delivery_reason&) {}

    // When to come back though nothing was added or arrived.
    virtual std::optional<time_point> timeout() const { return std::nullopt; }

    // The columns of a row of an outlet that was refused (dead_letter::row_offset), or null where that is not known. Lives until the next
    // call of add().
    virtual const row::layout* columns_of(std::uint32_t /*outlet*/, std::int64_t /*row_offset*/) const {
        return nullptr;
    }

    // A row that was refused before, to be sent again: by its columns, in the layout that the sink has now. `entity` is the object of the
    // event, `plan` that of its schema, which outlives the sink. The first is asked until it is true, as ready_for(); then the second is
    // called once, and returns the names of columns that the row has lost. Throws failure(bad_config) unless the sink is one that refuses rows.
    virtual bool ready_for_columns(std::string_view entity, const cdc::plan& plan);
    virtual std::vector<std::string> add_columns(std::string_view entity, const cdc::plan& plan,
                                                 const nlohmann::ordered_json& columns);

    // The table of an outlet, and what the last refusal of its token means, for the operator.
    virtual std::string table(std::uint32_t outlet) const = 0;
    virtual std::string token_refusal(std::uint32_t) const { return {}; }

  protected:
    delivery& to() const { return *delivery_; }

  private:
    delivery* delivery_ = nullptr;
};

// Makes what the configuration names; nothing is connected before open(). All arguments outlive it; `workspace` is null unless rows go
// there.
std::unique_ptr<sink> make_sink(const pipeline_config& pipeline, databricks::workspace* workspace, inbox& in);

} // namespace sfcdc::runner
