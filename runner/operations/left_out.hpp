// Why an event that was received became no row, although nothing is wrong with it.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string_view>

namespace sfcdc::runner {

// The key of the configuration, or the option, that left it out.
enum class left_out_by : std::uint8_t {
    nothing,     // it becomes rows
    entity,      // entities, exclude_entities
    change_type, // exclude_change_types
    origin,      // exclude_origins
    fields,      // skip_if_only, only_if_changed
    time,        // --from with a time
};
inline constexpr std::size_t left_out_reasons = 6;

// The enumerator's name, as metrics and the log have it.
constexpr std::string_view to_string(left_out_by reason) noexcept {
    constexpr std::string_view names[left_out_reasons] = {"nothing", "entity", "change_type",
                                                          "origin",  "fields", "time"};
    return names[static_cast<std::size_t>(reason)];
}

} // namespace sfcdc::runner
