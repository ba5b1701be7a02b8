// Why a call was given up from this side, although the server did not end it.
#pragma once

#include <cstdint>
#include <string_view>

namespace sfcdc::inline v0::call {

// Why a machine gave a call up, or itself, where it was not the server that ended the call.
enum class fault : std::uint8_t {
    none, // the server ended the call, and its status says why

    // of every call
    bad_options,
    open_timed_out,
    token_refused,
    token_unavailable,
    unreadable_response,

    // of a subscription
    server_silent,
    more_events_than_requested,
    events_not_released,

    // of an ingest stream
    ack_timed_out,
    unexpected_response,
    response_incomplete,
    ack_regressed,
    ack_beyond_sent,

    // of the delivery, which then does not agree with its streams
    row_without_event,
};

// Returns the name of the enumerator, as a label of logs and metrics; "unknown" for a number that names none.
constexpr std::string_view to_string(fault value) noexcept {
    switch (value) {
    case fault::none: return "none";
    case fault::bad_options: return "bad_options";
    case fault::open_timed_out: return "open_timed_out";
    case fault::token_refused: return "token_refused";
    case fault::token_unavailable: return "token_unavailable";
    case fault::unreadable_response: return "unreadable_response";
    case fault::server_silent: return "server_silent";
    case fault::more_events_than_requested: return "more_events_than_requested";
    case fault::events_not_released: return "events_not_released";
    case fault::ack_timed_out: return "ack_timed_out";
    case fault::unexpected_response: return "unexpected_response";
    case fault::response_incomplete: return "response_incomplete";
    case fault::ack_regressed: return "ack_regressed";
    case fault::ack_beyond_sent: return "ack_beyond_sent";
    case fault::row_without_event: return "row_without_event";
    }
    return "unknown";
}

// One sentence for each.
constexpr const char* message(fault what) noexcept {
    switch (what) {
    case fault::none: return "the server ended the call";
    case fault::bad_options: return "the options cannot work";
    case fault::open_timed_out: return "the server did not open the call in time";
    case fault::token_refused: return "the login service refused a new token: look at the credentials";
    case fault::token_unavailable: return "the login service could not be asked for a new token";
    case fault::unreadable_response: return "a response of the server cannot be read";
    case fault::server_silent: return "the server sent neither events nor a keepalive in time";
    case fault::more_events_than_requested: return "the server sent more events than it was asked for";
    case fault::events_not_released:
        return "the events handed over were not released in time for the server to keep the call open";
    case fault::ack_timed_out: return "the server did not acknowledge a request in time";
    case fault::unexpected_response: return "the response is of a kind that cannot come here";
    case fault::response_incomplete: return "the response lacks what it must say";
    case fault::ack_regressed: return "an acknowledgement takes an earlier one back";
    case fault::ack_beyond_sent: return "an acknowledgement is for a request that was not sent";
    case fault::row_without_event: return "a stream rejects a row that is not its next one";
    }
    return "unknown fault";
}

} // namespace sfcdc::inline v0::call
