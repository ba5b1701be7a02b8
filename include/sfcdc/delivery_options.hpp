// Where the events of a delivery come from and where their rows go, what it may hold, and what it does when something is wrong.
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <vector>

#include <sfcdc/backoff.hpp>
#include <sfcdc/limits.hpp>
#include <sfcdc/pubsub/messages.hpp>
#include <sfcdc/pubsub/subscription_options.hpp>
#include <sfcdc/zerobus/ingest_stream_options.hpp>

namespace sfcdc::inline v0 {

// What a delivery joins, and how much it may hold.
struct delivery_options {
    // Where the events come from. The stored position, if there is one, is its replay_id.
    pubsub::subscription_options subscription{};

    // Where rows go. Outlets are numbered from 0: first these streams of Zerobus, then so many sinks of the user's own, which report
    // how many rows are durable.
    std::vector<zerobus::ingest_stream_options> streams{};
    std::uint32_t sinks = 0;

    // A request of Zerobus is filled up to here. A row that is larger is a dead letter.
    std::size_t request_bytes = limits::request_record_bytes;
    // What a lake that stands still may cost, in bytes: a quarter is for events that are held, a quarter for rows, and the other half for
    // the copies of both that the I/O has meanwhile (a response that is being put together, a request that is not written yet). Credits are
    // given back as far as this leaves room for events of the size that was seen last; before any was seen, for events of 1 MB.
    std::size_t bytes = 128u << 20;

    // The first dead letter ends the delivery with its event in front of the position.
    bool stop_at_dead_letter = false;
    // If more than so many events in a row cannot be decoded, it is not the events. Of rows that are refused the streams' own option says so.
    unsigned undecodable_in_a_row = 100;
    // The position waits behind dead letters until an event or a row behind them is well, so that a fault of all of them is tried again
    // by the next run. Not longer than this: a position is lost after 72 hours.
    std::chrono::hours verdict_time{12};
    // A schema that was refused is not asked for again before; its events are dead letters.
    std::chrono::minutes refused_schema_time{10};
    backoff::options schema_waits{}; // 0.5 to 30 s

    // Where to go on when Salesforce does not know the position any more: earliest or latest. Without it that ends the delivery.
    std::optional<pubsub::replay_preset> on_unknown_position{};

    // From close() on, what was received may become durable for so long.
    std::chrono::seconds drain_limit{25};
};

} // namespace sfcdc::inline v0
