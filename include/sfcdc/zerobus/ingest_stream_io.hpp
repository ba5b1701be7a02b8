// What an ingest stream is told (inputs), what it asks for (actions) and what it tells (events). Inputs, actions and reasons are
// those of every call, from call/call_io.hpp; here is what they mean for a stream.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <variant>

#include <sfcdc/call/call_io.hpp>
#include <sfcdc/zerobus/request_queue.hpp>

namespace sfcdc::inline v0::zerobus {

// ---- what happened. Views are read during handle() only.

using call::call_ended;
using call::input;
using call::opened;
using call::response; // an EphemeralStreamResponse
using call::token_refused;
using call::token_renewed;
using call::token_unavailable;

// ---- what to do next

using call::action;
using call::cancel_call;
using call::half_close;
using call::open_call; // token and table name go along as metadata
using call::renew_token;
using call::send_request; // an EphemeralStreamRequest

// ---- what the user must know. Each logical offset comes once, in `durable` or in `row_rejected`, and in order.

using call::fault;
using call::interrupted; // of several that were not polled the last one is kept
using call::reason;

// These rows are durable.
struct durable {
    offset_range rows;
};
struct row_rejected { // the server will not take this row, and all others go on; it is the user's to keep
    std::int64_t offset;
    std::string record;
    std::string reason; // the server's words
};
struct failed { // the last event; what is not durable stays in held()
    call::reason why;
    std::string_view what_to_do; // lives as long as the program
};

// Everything that the user of a stream must know.
using event = std::variant<durable, row_rejected, interrupted, failed>;

} // namespace sfcdc::inline v0::zerobus
