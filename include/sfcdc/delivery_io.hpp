// What a delivery asks for (actions) and what it tells (news). What it is told are the inputs of the subscription and of the streams, and
// calls of its own functions.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <variant>

#include <sfcdc/backoff.hpp>
#include <sfcdc/call/call_io.hpp>
#include <sfcdc/pubsub/replay_id.hpp>
#include <sfcdc/pubsub/subscription_io.hpp>
#include <sfcdc/zerobus/ingest_stream_io.hpp>

namespace sfcdc::inline v0 {

// The event that a dead letter or a row is of. Owned copies.
struct event_origin {
    std::string event_id;
    std::string schema_id;
    pubsub::replay_id replay_id;
    std::int64_t received_timestamp = 0; // as handle() was told it
};

// ---- actions: to be performed in this order

// An action of the subscription.
struct subscription_action {
    pubsub::action action;
};
// An action of the stream of this outlet.
struct stream_action {
    std::uint32_t outlet;
    zerobus::action action;
};
// The schema of this id is needed: answered by schema_known(), schema_refused() or schema_unavailable(), once for each action.
struct fetch_schema {
    std::string schema_id;
};
// Everything that a delivery asks for.
using delivery_action = std::variant<subscription_action, stream_action, fetch_schema>;

// ---- news

// Once polled, it is to be kept for good before any other function of the delivery is called: no position is due while a letter is not
// polled, and the next one may pass it.
struct dead_letter {
    event_origin origin;
    std::optional<std::uint32_t> outlet; // of a row; nothing: it is an event
    std::uint32_t row_number = 0;        // of a row among the rows of its event for this outlet, from 0
    std::string content;                 // the event's payload, or the row as it was to be sent
    std::string reason;
    std::uint32_t offset = 0; // of an event: the byte of the payload at which decoding failed
    // The position of a refused row among all rows that were added to its outlet, from 0. It is -1 for a row that is too large to be added.
    std::int64_t row_offset = -1;
};

// Why something is interrupted or over, as the machines tell it.
struct delivery_reason : call::reason {
    std::optional<std::uint32_t> outlet{}; // a stream's; nothing: the subscription's, or the delivery's own
};
struct delivery_interrupted { // it goes on by itself
    delivery_reason why;
    time_point until;
};

// Why a delivery takes no events any more.
enum class delivery_fault : std::uint8_t {
    subscription,       // refused for good
    position_unknown,   // Salesforce does not know the position, and nobody has said where to go on
    stream,             // an outlet's stream has failed for good
    undecodable_events, // too many in a row
    stopped_at_letter,  // delivery_options::stop_at_dead_letter
    mistake,            // the user and the machines do not agree
};

// Returns the name of the enumerator, as a label of logs and metrics; "unknown" for a number that names none.
constexpr std::string_view to_string(delivery_fault value) noexcept {
    switch (value) {
    case delivery_fault::subscription: return "subscription";
    case delivery_fault::position_unknown: return "position_unknown";
    case delivery_fault::stream: return "stream";
    case delivery_fault::undecodable_events: return "undecodable_events";
    case delivery_fault::stopped_at_letter: return "stopped_at_letter";
    case delivery_fault::mistake: return "mistake";
    }
    return "unknown";
}
struct delivery_failed { // no event is taken any more, what was taken still becomes durable
    delivery_fault fault;
    delivery_reason why;
    std::string_view what_to_do{}; // of a stream; lives as long as the program
};

// Salesforce did not know the position: it goes on as on_unknown_position says, and what was in between is lost to it.
struct position_replaced {
    pubsub::replay_id lost;
    delivery_reason why;
};
// The subscription is alive, and there are no events now.
struct delivery_keepalive {
    pubsub::replay_id position; // empty where the server does not say that all up to here was handed over
};
// Of a managed subscription: what is older than another commit is refused, and nothing is lost by it.
struct commit_refused {
    std::string message;
};

// Everything that the user of a delivery must know.
using delivery_news = std::variant<dead_letter, delivery_interrupted, delivery_failed, position_replaced,
                                   delivery_keepalive, commit_refused>;

} // namespace sfcdc::inline v0
