// changedFields, nulledFields and diffFields: bitmaps over field positions, written as Salesforce writes them.
#pragma once

#include <compare>
#include <cstddef>
#include <optional>
#include <set>
#include <string>
#include <vector>

namespace emulator {

struct field_path {
    std::size_t field;
    std::optional<std::size_t> child = std::nullopt; // position in the compound field
    auto operator<=>(const field_path&) const = default;
};

// "0x800000": bit n stands for position n, whole bytes, as few as hold the highest bit, digits in upper case.
std::string bitmap_hex(const std::set<std::size_t>& positions);

// The top-level bitmap, when it has any bit, then "<position of the compound>-0x..." for each compound.
std::vector<std::string> field_bitmaps(const std::set<field_path>& paths);

} // namespace emulator
