// Names that other programs for the same job have for their settings: whoever moves from one of them finds the key that is meant.
#pragma once

#include <span>
#include <string>
#include <string_view>

namespace sfcdc::runner {

struct former_key {
    std::string_view name; // in small letters
    std::string_view program;
    std::string_view here; // what stands in its place, as the rest of "here ..."
};

// docs/moving.md has the same names. The rows live as long as the program.
std::span<const former_key> former_keys() noexcept;

// A clause for the message about an unknown key; empty: no other program is known to have it. Capitals do not count.
std::string hint_about_former_key(std::string_view written);

} // namespace sfcdc::runner
