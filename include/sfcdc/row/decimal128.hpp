// Decimals as Arrow has them: 128 bits of two's complement.
#pragma once

#include <bit>
#include <cstddef>
#include <cstdint>
#include <string_view>

namespace sfcdc::inline v0::row::detail {

// Stores the digits of a decimal, multiplied by ten to the power of `scale`, as two words in the machine's order. Precondition:
// the text is of the form -123.45 with at most `scale` digits behind the point and at most 38 in all.
// Source: Apache Arrow, "Columnar format".
inline void store_decimal128(std::uint64_t* to, std::string_view text, std::uint8_t scale) noexcept {
    std::uint64_t low = 0, high = 0;
    const auto times_ten_plus = [&](std::uint64_t digit) {
        constexpr std::uint64_t half = 0xffff'ffffu;
        const std::uint64_t first = (low & half) * 10 + digit, second = (low >> 32) * 10 + (first >> 32);
        low = second << 32 | (first & half);
        high = high * 10 + (second >> 32);
    };
    const bool negative = text.starts_with('-');
    if (negative) text.remove_prefix(1);
    const std::size_t point = text.find('.');
    std::size_t behind = point == std::string_view::npos ? 0 : text.size() - point - 1;
    for (const char c : text)
        if (c != '.') times_ten_plus(static_cast<std::uint64_t>(c - '0'));
    for (; behind < scale; ++behind) times_ten_plus(0);
    if (negative) {
        low = 0 - low;
        high = ~high + (low == 0 ? 1 : 0);
    }
    constexpr bool little = std::endian::native == std::endian::little;
    to[0] = little ? low : high;
    to[1] = little ? high : low;
}

} // namespace sfcdc::inline v0::row::detail
