// What a subscription is told (inputs), what it asks for (actions) and what it tells (events). Inputs, actions and reasons are
// those of every call, from call/call_io.hpp; here is what they mean for a subscription.
#pragma once

#include <variant>

#include <sfcdc/call/call_io.hpp>
#include <sfcdc/pubsub/messages.hpp>
#include <sfcdc/pubsub/replay_id.hpp>

namespace sfcdc::inline v0::pubsub {

// ---- what happened. `received` and `committed` point into the bytes of the response that they came in: those must live
// until poll_event() has nothing more to give.

using call::call_ended;
using call::input;
using call::opened;
using call::response; // a FetchResponse or ManagedFetchResponse
using call::token_refused;
using call::token_renewed;
using call::token_unavailable;

// ---- what to do next

using call::action; // but for half_close, which a subscription never asks for
using call::cancel_call;
using call::open_call; // accesstoken, instanceurl and tenantid go along as metadata
using call::renew_token;
using call::send_request; // a FetchRequest or ManagedFetchRequest

// ---- what the user must know

using call::fault;
using call::interrupted;
using call::reason;

struct received { // events, in order; they count as unreleased from now on
    fetch_response response;
};
// The server has no events now, and says that the subscription is alive.
struct keepalive {
    // All events up to here were handed over. Empty where the server does not say so.
    replay_id position;
};
struct committed { // the answer to a commit; for all commits up to this one, and maybe an error
    commit_replay_response response;
};
struct failed { // remedy is choose_position: it waits for choose(); or stop: it is closed
    reason why;
};

// Everything that the user of a subscription must know.
using event = std::variant<received, keepalive, committed, interrupted, failed>;

} // namespace sfcdc::inline v0::pubsub
