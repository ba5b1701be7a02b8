// A field bitmap one bit at a time. Shares no code with include/.
#pragma once

#include <optional>
#include <set>
#include <string_view>

namespace reference {

// The positions of the bits that the digits (without "0x") set; nothing when one is not a hexadecimal digit.
inline std::optional<std::set<std::size_t>> bitmap_positions(std::string_view digits) {
    std::set<std::size_t> out;
    for (std::size_t i = 0; i < digits.size(); ++i) {
        const char c = digits[digits.size() - 1 - i];
        std::size_t digit = std::string_view("0123456789abcdef").find(c);
        if (digit == std::string_view::npos) digit = std::string_view("0123456789ABCDEF").find(c);
        if (digit == std::string_view::npos) return std::nullopt;
        for (std::size_t bit = 0; bit < 4; ++bit)
            if ((digit >> bit & 1) != 0) out.insert(4 * i + bit);
    }
    return out;
}

} // namespace reference
