// What an event says of one field.
#pragma once

#include <cstdint>

namespace sfcdc::cdc {

enum class field_state : std::uint8_t {
    unchanged,  // The event says nothing: the field was not touched, or the event has no body (DELETE, GAP_*).
    null,       // It was cleared, or (CREATE, UNDELETE) is empty, or may not be seen by the subscribing user.
    value,      // A value is there; on an enriched channel also of a field that did not change.
    wrong_type, // From event::get() only: there is a value, but of another type.
};

// What event::get() returns. True if the value is there.
template<class T> struct field_value {
    T value{};
    field_state state = field_state::unchanged;

    explicit operator bool() const noexcept { return state == field_state::value; }
};

} // namespace sfcdc::cdc
