// Where rows go. A sink says which rows are durable; the checkpoint makes a position of that, and the sink keeps it.
#pragma once

#include "../config.hpp"
#include "../disk/dead_letters.hpp"
#include "../disk/position_file.hpp"
#include "../inbox.hpp"

#include <sfcdc/backoff.hpp>
#include <sfcdc/cdc/event.hpp>
#include <sfcdc/pubsub/replay_id.hpp>
#include <sfcdc/row/layout.hpp>

#include <cstdint>
#include <memory>
#include <optional>
#include <stop_token>

namespace sfcdc::runner {

// Used by the pipeline's thread alone, but for prove(). Rows have offsets, from 0 in the order in which they were added. Every function
// throws failure when the sink is broken for good.
class sink {
  public:
    virtual ~sink() = default;

    // Before anything is connected: throws failure unless every file of the sink can be written.
    virtual void prove() = 0;

    // The position stored by an earlier run, or nothing. `owner` is stored with the positions to come. Throws stopped.
    virtual std::optional<pubsub::replay_id> open(const position_owner& owner, const std::stop_token& stop) = 0;

    // Whether add() may be called now. If not, timeout() says when to ask again.
    virtual bool ready() { return true; }

    struct added {
        std::int64_t rows = 0;
        std::uint32_t replaced_bytes = 0; // of ill-formed text
    };
    // The rows of one event; its views end with the call.
    virtual added add(const cdc::event& event, const row::envelope& around) = 0;

    struct dealt_with {
        std::int64_t rows = 0;    // from the first one: durable, or durable as soon as commit() returns, or
        std::int64_t refused = 0; // of these so many: in the dead letters
    };
    // Nothing more is waiting to be added: starts what can be started. It may wait for the disk, but not for a peer.
    virtual dealt_with settle(time_point now) = 0;

    // The end of a turn, behind each settle(): when it returns, the rows that settle() named are durable, and so is the position.
    // `position` is null when it is where it was; all rows in front of it are dealt with. False when it cannot be stored now: it
    // is handed over again in the next turn.
    virtual bool commit(const pubsub::replay_id* position) = 0;

    // When to come back though nothing was added or arrived.
    virtual std::optional<time_point> timeout() const { return std::nullopt; }

    // No more rows. Ended when all are dealt with and nothing is open any more.
    virtual void close() {}
    virtual bool ended() const { return true; }
};

// Makes what the configuration names; nothing is connected before open(). All arguments outlive it.
std::unique_ptr<sink> make_sink(const stream_config& stream, const databricks_config& databricks,
                                dead_letters& letters, inbox& in);

} // namespace sfcdc::runner
