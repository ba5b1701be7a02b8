// Integers as decimal digits, eight at a time by multiplications side by side in one word.
#pragma once

#include <bit>
#include <cstddef>
#include <cstdint>

#include <sfcdc/wire/copy.hpp>

namespace sfcdc::wire {

namespace detail {

// The eight decimal digits of a number below 10^8, zeros in front, one in each byte, the first one lowest.
constexpr std::uint64_t eight_digits(std::uint64_t v) noexcept {
    // Halves of four digits, then quarters of two, then digits; n / 100 is n * 10486 >> 20 for n below 10,000, and
    // n / 10 is n * 103 >> 10 for n below 100.
    const std::uint64_t fours = v / 10'000 | v % 10'000 << 32;
    const std::uint64_t hundreds = (fours * 10'486 >> 20) & 0x0000'007f'0000'007fu;
    const std::uint64_t twos = hundreds | (fours - hundreds * 100) << 16;
    const std::uint64_t tens = (twos * 103 >> 10) & 0x000f'000f'000f'000fu;
    return tens | (twos - tens * 10) << 8;
}

inline constexpr std::uint64_t zeros = 0x3030'3030'3030'3030u; // as characters

inline char* put_eight(char* to, std::uint64_t v) noexcept { return store_8(to, eight_digits(v) | zeros), to + 8; }
// Without the zeros in front.
inline char* put_first(char* to, std::uint64_t v) noexcept {
    const std::uint64_t digits = eight_digits(v);
    const auto skipped = static_cast<unsigned>(std::countr_zero(digits | std::uint64_t{1} << 56)) / 8;
    store_8(to, (digits | zeros) >> 8 * skipped);
    return to + 8 - skipped;
}

} // namespace detail

inline constexpr std::size_t decimal_room = 1 + 3 * 8;

// Writes `v` to where there is room for decimal_room bytes; returns the end of its digits. What stands behind them is
// then undefined.
inline char* write_decimal(char* to, std::int64_t v) noexcept {
    constexpr std::uint64_t eight = 100'000'000, sixteen = eight * eight;
    auto u = static_cast<std::uint64_t>(v);
    if (v < 0) {
        *to++ = '-';
        u = 0 - u;
    }
    if (u < eight) return detail::put_first(to, u);
    if (u < sixteen) return detail::put_eight(detail::put_first(to, u / eight), u % eight);
    return detail::put_eight(detail::put_eight(detail::put_first(to, u / sixteen), u / eight % eight), u % eight);
}

} // namespace sfcdc::wire
