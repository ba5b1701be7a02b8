// Where the rows of a delivery go, and where its position is kept.
#pragma once

#include "../config.hpp"
#include "../disk/position_file.hpp"
#include "../io/inbox.hpp"

#include <sfcdc/cdc/event.hpp>
#include <sfcdc/delivery.hpp>
#include <sfcdc/row/layout.hpp>

#include <cstdint>
#include <memory>
#include <optional>
#include <stop_token>
#include <string>
#include <vector>

namespace sfcdc::runner {

// Outlet 0 of a delivery. Used by the pipeline's thread alone, but for prove(). Every function throws failure when the sink is broken for
// good.
class sink {
  public:
    virtual ~sink() = default;

    // Before anything is connected: throws failure unless every file of the sink can be written.
    virtual void prove() = 0;

    // The position stored by an earlier run, or nothing. `owner` is stored with the positions to come. Throws stopped.
    virtual std::optional<pubsub::replay_id> open(const position_owner& owner, const std::stop_token& stop) = 0;

    // The delivery's stream for it; nothing: the rows are written here.
    virtual std::optional<zerobus::ingest_stream_options> stream() const { return std::nullopt; }
    // Once, behind open(). The delivery ends before it; nothing is called in between.
    void attach(delivery& to) { delivery_ = &to; }

    // Whether add() may be called now. If not, timeout() says when to ask again.
    virtual bool ready() { return true; }

    // Writes the rows of one event, or has them sent, and adds them to the delivery; its views end with the call. Returns how many bytes
    // were not UTF-8 and became U+FFFD.
    virtual std::uint32_t add(const cdc::event& event, const row::envelope& around) = 0;

    // Nothing more is waiting to be added. What is durable, or is so when commit() returns, is told to the delivery. It may wait for the
    // disk, but not for a peer.
    virtual void settle() = 0;

    // The end of a turn, behind settle(): when it returns, what was said to be durable is, and so is the position. `position` is null when
    // none is due. False when it cannot be stored now: it is handed over again in the next turn.
    virtual bool commit(const pubsub::replay_id* position) = 0;

    // What the delivery's stream asks for.
    virtual void perform(zerobus::action&) {}

    // When to come back though nothing was added or arrived.
    virtual std::optional<time_point> timeout() const { return std::nullopt; }

    // What the last refusal of a token means, for the operator.
    virtual std::string token_refusal() const { return {}; }

  protected:
    delivery& to() const { return *delivery_; }

  private:
    delivery* delivery_ = nullptr;
};

// Makes what the configuration names; nothing is connected before open(). All arguments outlive it.
std::unique_ptr<sink> make_sink(const stream_config& stream, const databricks_config& databricks, inbox& in);

} // namespace sfcdc::runner
