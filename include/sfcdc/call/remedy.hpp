// What helps after a call that has ended: the words of pubsub/call_end.hpp and of zerobus/status.hpp, whose tables say which
// of them belongs to which end. How long to wait, and how often, is decided in call/patience.hpp.
#pragma once

#include <cstdint>
#include <string_view>

namespace sfcdc::inline v0::call {

// The remedy for a call that has ended.
enum class remedy : std::uint8_t {
    retry,           // the same call again, after a wait
    renew_token,     // a new token first, because the server does not accept the one that the call had
    slow_down,       // the same call again, after a wait of minutes: the server has too much to do
    wait_hours,      // the same call again, after a wait of hours: the allocation of 24 hours is used up
    find_row,        // Zerobus refuses one of the rows in flight: the machine sends fewer until the row is alone
    choose_position, // Salesforce does not know the position: a person says where to go on
    stop,            // the server refuses the call, and would refuse it again
};

// Returns the name of the enumerator, as a label of logs and metrics; "unknown" for a number that names none.
constexpr std::string_view to_string(remedy value) noexcept {
    switch (value) {
    case remedy::retry: return "retry";
    case remedy::renew_token: return "renew_token";
    case remedy::slow_down: return "slow_down";
    case remedy::wait_hours: return "wait_hours";
    case remedy::find_row: return "find_row";
    case remedy::choose_position: return "choose_position";
    case remedy::stop: return "stop";
    }
    return "unknown";
}

} // namespace sfcdc::inline v0::call
