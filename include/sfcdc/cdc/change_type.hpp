// What kind of change an event tells of. Source: Change Data Capture Developer Guide, "ChangeEventHeader Fields".
#pragma once

#include <cstddef>
#include <cstdint>
#include <string_view>

namespace sfcdc::inline v0::cdc {

// `unknown` is a symbol that this version does not know. event_header::change_type_name() of an event still spells it; that
// of read_header() cannot, because without a schema there is only the symbol's number.
enum class change_type : std::uint8_t {
    create,
    update,
    delete_,
    undelete,
    gap_create,
    gap_update,
    gap_delete,
    gap_undelete,
    gap_overflow,
    snapshot,
    unknown,
};

// The symbols in the order of the enum in Salesforce's schemas. Older schemas end before SNAPSHOT.
inline constexpr std::string_view change_type_symbols[] = {
    "CREATE",     "UPDATE",     "DELETE",       "UNDELETE",     "GAP_CREATE",
    "GAP_UPDATE", "GAP_DELETE", "GAP_UNDELETE", "GAP_OVERFLOW", "SNAPSHOT",
};

// Returns the symbol of a change type ("GAP_CREATE"); "UNKNOWN" for `unknown` and for a number that names no change type.
constexpr std::string_view to_string(change_type value) noexcept {
    const auto i = static_cast<std::size_t>(value);
    return i < std::size(change_type_symbols) ? change_type_symbols[i] : "UNKNOWN";
}
static_assert(std::size(change_type_symbols) == static_cast<std::size_t>(change_type::unknown),
              "every change type but unknown has a symbol");

// The change type that a symbol names. `likely` is the number of the symbol in its schema, which mostly is its number in
// change_type_symbols, too; it is only a hint.
constexpr change_type change_type_from(std::string_view symbol, std::uint64_t likely = 0) noexcept {
    constexpr std::uint8_t count = std::size(change_type_symbols);
    if (likely < count && symbol == change_type_symbols[likely]) [[likely]]
        return static_cast<change_type>(likely);
    for (std::uint8_t i = 0; i < count; ++i)
        if (symbol == change_type_symbols[i]) return static_cast<change_type>(i);
    return change_type::unknown;
}

} // namespace sfcdc::inline v0::cdc
