// Where rows go. A sink makes rows durable and then, never before, the position behind them.
#pragma once

#include "../checkpoint_file.hpp"
#include "../config.hpp"

#include <sfcdc/cdc/event.hpp>
#include <sfcdc/pubsub/replay_id.hpp>
#include <sfcdc/row/layout.hpp>

#include <chrono>
#include <cstdint>
#include <memory>
#include <optional>
#include <stop_token>

namespace sfcdc::runner {

// Used by one thread. Every function throws failure when the sink is broken for good; what can be waited out, it waits
// out by itself.
class sink {
  public:
    virtual ~sink() = default;

    // The first call. The position stored by an earlier run, or nothing. `owner` is stored with the positions to come.
    virtual std::optional<pubsub::replay_id> open(const position_owner& owner) = 0;

    // The rows of one event; its views end with the call. Returns how many bytes of ill-formed text it replaced.
    virtual std::uint32_t add(const cdc::event& event, const row::envelope& around) = 0;

    // Ends a batch: once all rows that were added so far are durable, so becomes `position`. May return before that;
    // waits while too much is under way.
    virtual void commit(const pubsub::replay_id& position, const std::stop_token& stop) = 0;

    // Waits until everything committed is durable; false when time ran out.
    virtual bool drain(std::chrono::milliseconds time) = 0;

    // Throws the failure that happened behind the scenes, if one did. May be called from another thread.
    virtual void check() {}

    // Rows that are durable. May be called from another thread.
    virtual std::uint64_t rows_durable() const = 0;
};

// Makes what the configuration names; nothing is connected before open().
std::unique_ptr<sink> make_sink(const stream_config& stream, const databricks_config& databricks);

} // namespace sfcdc::runner
