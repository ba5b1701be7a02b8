// The phases of a call of an ingest stream and the states of the stream, and what each input does in them.
//
// What an input about a call does, by the phase of that call. "." nothing changes, "!" a mistake of the user's, which is refused
// and changes nothing.
//
//   | about a call | none | opening | creating | streaming   | draining    | half_closed |
//   |--------------|------|---------|----------|-------------|-------------|-------------|
//   | opened       | .    | create  | !        | !           | !           | !           |
//   | created      | .    | broken  | start    | broken      | broken      | broken      |
//   | ack          | .    | broken  | broken   | acknowledge | acknowledge | acknowledge |
//   | same ack     | .    | broken  | broken   | .           | .           | .           |
//   | close_signal | .    | broken  | broken   | rotate      | .           | .           |
//   | bad          | .    | broken  | broken   | broken      | broken      | broken      |
//   | ended        | .    | lost    | lost     | lost        | left        | left        |
//   | time         | .    | broken  | broken   | broken      | half_close  | cancel      |
//
//     create       create_stream is sent
//     start        rows may be sent
//     acknowledge  the requests up to there are durable, and the server is in good health
//     rotate       nothing more is sent; the call drains for as long as the server said; the next one is opened
//     broken       the server breaks the protocol or does not answer: cancelled; what is in flight goes out on the next call
//     lost         status_rules say what helps: again later, a new token, find the bad row, or stop. When, and whether a refusal
//                  is tried again first, is what call::patience says
//     left         expected; what is in flight goes out on the next call (a bad row is looked for first)
//     none         a call of before: what still comes from it changes nothing
//     bad          unreadable, of no known kind, incomplete, or an ack that is negative, taken back or beyond what was sent
//     time         open_limit; ack_limit of the oldest request in flight; the server's time when draining; drain_limit
//
// And what the others do, by the state of the stream; inputs about calls count in all states but `closed`:
//
//   | about the stream  | running | renewing | closing | closed |
//   |-------------------|---------|----------|---------|--------|
//   | add()             | taken   | taken    | !       | !      |
//   | close()           | closing | closing  | .       | .      |
//   | abandon()         | closed  | closed   | closed  | .      |
//   | token_renewed     | .       | running  | .       | .      |
//   | token_refused     | .       | failed   | .       | .      |
//   | token_unavailable | .       | again    | .       | .      |
//
//     renewing       no call is opened until there is a new token; a stream that is closing can be renewing too
//     again          the token is asked for again after a wait
//     failed         the event, with what to do; closed. A stream that was healthy asks again first, as call::patience says
#pragma once

#include <cstdint>

namespace sfcdc::inline v0::zerobus {

// Counts of what an ingest stream has done since it was made. They never decrease.
struct ingest_stream_counts {
    std::uint64_t acknowledgements = 0; // responses that made at least one request durable
    std::uint64_t resends = 0; // requests that were in flight when their call was lost, and so go out on the next one
    std::uint64_t rotations = 0; // times that the server announced the end of a call
};

} // namespace sfcdc::inline v0::zerobus

namespace sfcdc::inline v0::zerobus::detail {

enum class call_phase : std::uint8_t { none, opening, creating, streaming, draining, half_closed };

// Of the token of the calls. A stream whose token is due or asked for is renewing.
enum class token_state : std::uint8_t {
    good,
    due,   // to be asked for before the next call
    asked, // the answer is awaited
};

} // namespace sfcdc::inline v0::zerobus::detail
