// The states of a subscription, and what each input does in each of them.
//
// The state after each input. "." nothing changes, "!" a mistake of the user's, which is refused and changes nothing.
//
//   | input                  | waiting | opening   | streaming | token_due | renewing  | choosing | closed |
//   |------------------------|---------|-----------|-----------|-----------|-----------|----------|--------|
//   | opened                 | .       | streaming | !         | .         | .         | .        | .      |
//   | response               | .       | !         | .         | .         | .         | .        | .      |
//   | broken response        | .       | !         | waiting   | .         | .         | .        | .      |
//   | ended, retry           | .       | waiting   | waiting   | .         | .         | .        | .      |
//   | ended, slow_down       | .       | waiting   | waiting   | .         | .         | .        | .      |
//   | ended, wait_hours      | .       | waiting   | waiting   | .         | .         | .        | .      |
//   | ended, renew_token     | .       | token_due | token_due | .         | .         | .        | .      |
//   | ended, choose_position | .       | choosing  | choosing  | .         | .         | .        | .      |
//   | ended, stop            | .       | closed    | closed    | .         | .         | .        | .      |
//   | token_renewed          | .       | .         | .         | waiting   | waiting   | .        | .      |
//   | token_refused          | .       | .         | .         | .         | token_due | .        | .      |
//   | token_unavailable      | .       | .         | .         | .         | token_due | .        | .      |
//   | choose()               | !       | !         | !         | !         | !         | waiting  | !      |
//   | release()              | .       | .         | .         | .         | .         | .        | .      |
//   | commit()               | .       | .         | .         | .         | .         | -        | !      |
//   | close()                | closed  | closed    | closed    | closed    | closed    | closed   | closed |
//   | time                   | opening | waiting   | waiting   | renewing  | .         | .        | .      |
//
// In a state without a call, opened, response and ended come from an earlier call and are too late to matter. Refusals
// ("ended, stop", token_refused, budgets that are used up) close a subscription that never was healthy; one that was tries
// again first, as call::patience says. A managed subscription has no choosing: it is closed instead; another one has no
// commit().
#pragma once

#include <cstdint>
#include <string_view>

namespace sfcdc::inline v0::pubsub {

// What a subscription waits for: the columns of the table above.
enum class subscription_state : std::uint8_t { waiting, opening, streaming, token_due, renewing, choosing, closed };

// Returns the name of the enumerator, as a label of logs and metrics; "unknown" for a number that names none.
constexpr std::string_view to_string(subscription_state value) noexcept {
    switch (value) {
    case subscription_state::waiting: return "waiting";
    case subscription_state::opening: return "opening";
    case subscription_state::streaming: return "streaming";
    case subscription_state::token_due: return "token_due";
    case subscription_state::renewing: return "renewing";
    case subscription_state::choosing: return "choosing";
    case subscription_state::closed: return "closed";
    }
    return "unknown";
}

} // namespace sfcdc::inline v0::pubsub
