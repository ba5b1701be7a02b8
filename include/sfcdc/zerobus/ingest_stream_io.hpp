// What an ingest stream is told (inputs), what it asks for (actions) and what it tells (events).
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <variant>

#include <sfcdc/backoff.hpp>
#include <sfcdc/error.hpp>
#include <sfcdc/wire/grpc_status.hpp>
#include <sfcdc/zerobus/request_queue.hpp>

namespace sfcdc::zerobus {

// ---- what happened ---------------------------------------------------------------------------------------------------
// `call` is the number of the open_call that the input is about; what comes from a call that is no longer wanted is ignored.
// Views are read during handle() only.

// The call is started and takes requests.
struct opened {
    std::uint64_t call;
};
struct response {
    std::uint64_t call;
    std::string_view bytes; // one EphemeralStreamResponse
};
// By the server or by the connection, or for want of a token (unauthenticated); after cancel_call it need not be told.
struct call_ended {
    std::uint64_t call;
    wire::grpc_status status = wire::grpc_status::ok;
    std::string_view message{};
};
// The answers to renew_token; at any other time they say nothing.
struct token_renewed {};
struct token_refused { // for good
    std::string_view message{};
};
struct token_unavailable { // it could not be asked for now
    std::string_view message{};
};

// std::monostate: nothing, the wait for poll_timeout() is over.
using input =
    std::variant<std::monostate, opened, response, call_ended, token_renewed, token_refused, token_unavailable>;

// ---- what to do next -------------------------------------------------------------------------------------------------
// To be performed in this order; what is about a call that has ended meanwhile is void.

struct open_call {
    std::uint64_t call; // 1, 2, 3, ...; token and table name go along as metadata
};
struct send_request {
    std::uint64_t call;
    std::string bytes; // one EphemeralStreamRequest
};
struct half_close { // behind all that was to be sent
    std::uint64_t call;
};
struct cancel_call {
    std::uint64_t call;
};
struct renew_token { // the one that this call had is not valid
    std::uint64_t call;
};

using action = std::variant<open_call, send_request, half_close, cancel_call, renew_token>;

// ---- what the user must know -----------------------------------------------------------------------------------------
// Each logical offset comes once, in `durable` or in `row_rejected`, and in order.

struct durable {
    offset_range rows;
};
struct row_rejected { // the server will not take this row, and all others go on; it is the user's to keep
    std::int64_t offset;
    std::string record;
    std::string reason; // the server's words
};
struct interrupted {          // it goes on by itself; of several that were not polled the last one is kept
    sfcdc::error cause;       // its offset is that in a response that could not be read
    wire::grpc_status status; // unknown where the server did not end the call
    std::string message;      // the server's words
    time_point until;         // the next attempt, when there are rows for it
};
struct failed { // the last event; what is not durable stays in held()
    sfcdc::error cause;
    wire::grpc_status status;
    std::string message;
    std::string_view what_to_do; // lives as long as the program
};

using event = std::variant<durable, row_rejected, interrupted, failed>;

} // namespace sfcdc::zerobus
