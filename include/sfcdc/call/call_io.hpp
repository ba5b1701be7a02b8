// This header says what a machine that keeps a call alive is told (inputs), what it asks for (actions), and why it is interrupted or
// over. pubsub::subscription and zerobus::ingest_stream share it, so that one piece of I/O can perform what both ask for.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <variant>

#include <sfcdc/backoff.hpp>
#include <sfcdc/call/fault.hpp>
#include <sfcdc/call/remedy.hpp>
#include <sfcdc/limits.hpp>
#include <sfcdc/wire/grpc_status.hpp>
#include <sfcdc/wire/utf8.hpp>

namespace sfcdc::inline v0::call {

// ---- what happened ---------------------------------------------------------------------------------------------------
// `call` is the number of the open_call that the input is about. What comes late, from a call that the machine does not want
// any more, changes nothing. handle() copies the texts of refusals and of a call's end; how long the bytes of a response must live is
// said beside each machine's own inputs.

// The call is started and takes requests. Not to be tied to the server's initial metadata: Salesforce's may come as late as
// the first keepalive.
struct opened {
    std::uint64_t call;
};
// A message of the server's. The I/O must take large ones: 100 events of 1 MB are possible.
struct response {
    std::uint64_t call;
    std::string_view bytes;
};
// By the server or by the connection, or for want of a token (unauthenticated). After cancel_call it need not be told.
struct call_ended {
    std::uint64_t call;
    wire::grpc_status status = wire::grpc_status::ok;
    std::string_view error_code{}; // Salesforce's trailer "error-code"
    std::string_view message{};
};
// The answers to renew_token. A machine that needs a token and has not asked yet takes token_renewed, too: somebody else may have
// renewed a token that is shared. At any other time they say nothing.
struct token_renewed {};
struct token_refused { // the login service does not accept the credentials
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

// A call of this method is to be opened, with the token and without a message.
struct open_call {
    std::uint64_t call;      // 1, 2, 3, ...
    std::string_view method; // the HTTP/2 path; lives as long as the program. The token goes along as metadata
};
// A message is to be sent in a call.
struct send_request {
    std::uint64_t call;
    std::string bytes; // one message
};
struct half_close { // behind all that was to be sent
    std::uint64_t call;
};
struct cancel_call { // the call is over for the machine
    std::uint64_t call;
};
struct renew_token { // the token that this call had is not valid
    std::uint64_t call;
};

// Everything that a machine may ask for.
using action = std::variant<open_call, send_request, half_close, cancel_call, renew_token>;

// ---- what the user must know -----------------------------------------------------------------------------------------

// Why a call is over. Owned copies; texts are cut to limits::peer_text_bytes.
struct reason {
    call::remedy remedy = call::remedy::retry; // what follows
    // The machine noticed this by itself. None: the server ended the call, with the status and the error code below.
    call::fault fault = call::fault::none;
    bool budget_used_up = false; // another attempt might help, but there were enough of them
    wire::grpc_status status = wire::grpc_status::ok;
    std::string error_code{}; // Salesforce's, without its prefix
    std::string message{};    // the words of the server or of the login service, or what is wrong with a response
};

// Returns the reason for a fault that the machine noticed by itself; `message` has a login service's words, or what is wrong with a
// response.
inline reason reason_of(call::fault fault, std::string_view message = {}) {
    return {.fault = fault, .message = std::string(wire::utf8_prefix(message, limits::peer_text_bytes))};
}
// Returns the reason for a call that the server ended.
inline reason reason_of(const call_ended& end, std::string_view error_code = {}) {
    return {.status = end.status,
            .error_code = std::string(wire::utf8_prefix(error_code, limits::peer_text_bytes)),
            .message = std::string(wire::utf8_prefix(end.message, limits::peer_text_bytes))};
}

struct interrupted { // it goes on by itself
    reason why;
    time_point until; // the next attempt, if there is something to be done then
};

} // namespace sfcdc::inline v0::call
