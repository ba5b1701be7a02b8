// What a subscription is told (inputs), what it asks for (actions) and what it tells (events).
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <variant>

#include <sfcdc/backoff.hpp>
#include <sfcdc/error.hpp>
#include <sfcdc/pubsub/call_end.hpp>
#include <sfcdc/pubsub/messages.hpp>
#include <sfcdc/pubsub/replay_id.hpp>
#include <sfcdc/wire/grpc_status.hpp>

namespace sfcdc::pubsub {

// ---- what happened ---------------------------------------------------------------------------------------------------
// `call` is the number of the open_call that the input is about. Views are read by handle(), and events point into
// them: they must live until poll_event() has nothing more to give.

// The call is started and takes requests. Not to be tied to the server's initial metadata: they may come as late as the
// first keepalive.
struct opened {
    std::uint64_t call;
};
// A message of the server's. The I/O must take large ones: 100 events of 1 MB are possible.
struct response {
    std::uint64_t call;
    std::string_view bytes;
};
struct call_ended { // by the server or by the connection; after cancel_call it need not be told
    std::uint64_t call;
    wire::grpc_status status = wire::grpc_status::ok;
    std::string_view error_code{}; // trailer "error-code"
    std::string_view message{};
};
struct token_renewed {};
struct token_refused {};     // the login service said no
struct token_unavailable {}; // it could not be asked

// std::monostate: nothing, the wait for poll_timeout() is over.
using input =
    std::variant<std::monostate, opened, response, call_ended, token_renewed, token_refused, token_unavailable>;

// ---- what to do next -------------------------------------------------------------------------------------------------

struct open_call {
    std::uint64_t call;      // 1, 2, 3, ...
    std::string_view method; // the HTTP/2 path; accesstoken, instanceurl and tenantid go along as metadata
};
struct send_request {
    std::uint64_t call;
    std::string bytes; // a FetchRequest or ManagedFetchRequest
};
struct cancel_call { // the call is over for the subscription
    std::uint64_t call;
};
struct renew_token { // the token that this call had is not valid any more
    std::uint64_t call;
};

using action = std::variant<open_call, send_request, cancel_call, renew_token>;

// ---- what the user must know -----------------------------------------------------------------------------------------

struct reason {
    call::remedy remedy = call::remedy::retry;
    errc fault = errc::none;     // what the subscription itself noticed; none: the server ended the call, as follows
    bool budget_used_up = false; // another try might help, but there were enough of them
    wire::grpc_status status = wire::grpc_status::ok;
    std::string_view error_code{}; // without error_code_prefix
    std::string_view message{};
};

struct received { // events, in order; they count as unreleased from now on
    fetch_response response;
};
struct keepalive {
    // All events up to here were handed over. Empty where the server does not say so.
    replay_id position;
};
struct committed { // the answer to a commit; for all commits up to this one, and maybe an error
    commit_replay_response response;
};
struct interrupted { // it goes on by itself
    reason why;
    time_point until; // the next attempt
};
struct failed { // remedy is choose_position: it waits for choose(); or stop: it is closed
    reason why;
};

using event = std::variant<received, keepalive, committed, interrupted, failed>;

} // namespace sfcdc::pubsub
