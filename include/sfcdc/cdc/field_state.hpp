// What an event says of one field.
#pragma once

#include <cstdint>
#include <string_view>

namespace sfcdc::inline v0::cdc {

// An event says one of these of each field.
enum class field_state : std::uint8_t {
    unchanged,  // The event says nothing: the field was not touched, or the event has no body (DELETE, GAP_*).
    null,       // It was cleared, or (CREATE, UNDELETE) is empty, or may not be seen by the subscribing user.
    value,      // A value is there; on an enriched channel also of a field that did not change.
    wrong_type, // From event::get() only: there is a value, but of another type.
};

// Returns the name of the enumerator; "unknown" for a number that names none.
constexpr std::string_view to_string(field_state value) noexcept {
    switch (value) {
    case field_state::unchanged: return "unchanged";
    case field_state::null: return "null";
    case field_state::value: return "value";
    case field_state::wrong_type: return "wrong_type";
    }
    return "unknown";
}

// What event::get() returns. True if the value is there.
template<class T> struct field_value {
    T value{};
    field_state state = field_state::unchanged;

    explicit operator bool() const noexcept { return state == field_state::value; }
};

} // namespace sfcdc::inline v0::cdc
