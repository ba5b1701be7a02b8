// Numbers as decimal digits, eight at a time by multiplications side by side in one word.
#pragma once

#include <bit>
#include <cstddef>
#include <cstdint>
#include <string_view>

#include <sfcdc/wire/word.hpp>

namespace sfcdc::inline v0::wire {

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

// How many bytes write_decimal() may write: a sign, and digits eight at a time.
inline constexpr std::size_t decimal_room = 1 + 4 * 8;

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

// The same of a double of up to six decimal places, as amounts, quantities and coordinates have; null, and nothing counts,
// where it is another one. What is written is what std::to_chars writes, the shortest text that reads back: decimals of up
// to 15 digits are all different as doubles, and fixed notation is not longer than the other here.
inline char* write_short_decimal(char* to, double v) noexcept {
    constexpr std::int64_t million = 1'000'000;
    const double size = v < 0 ? -v : v;
    if (!(size >= 0.001 && size < 1e9)) return nullptr;
    const auto millionths = static_cast<std::int64_t>(size * million + 0.5);
    if (static_cast<double>(millionths) / million != size) return nullptr;
    const std::int64_t whole = millionths / million, fraction = millionths % million;
    if (fraction == 0 && whole % 100'000 == 0) return nullptr; // 1e+05
    *to = '-';
    to = write_decimal(to + (v < 0 ? 1 : 0), whole);
    if (fraction == 0) return to;
    const std::uint64_t digits = detail::eight_digits(static_cast<std::uint64_t>(fraction) * 100);
    *to = '.';
    store_8(to + 1, digits | detail::zeros);
    return to + 9 - std::countl_zero(digits) / 8;
}

// The unsigned decimal number at the start of a text.
struct decimal {
    std::uint64_t value = 0; // It is 2^32 for all numbers that are greater.
    std::size_t length = 0;  // The number has so many digits; 0 if there is none.
};
// Reads the digits at the start of the text, without a sign; what follows them is left alone.
inline decimal read_decimal(std::string_view text) noexcept {
    constexpr std::uint64_t most = std::uint64_t{1} << 32;
    decimal read;
    for (const char c : text) {
        if (c < '0' || c > '9') break;
        read.value = read.value * 10 + static_cast<std::uint64_t>(c - '0');
        if (read.value > most) read.value = most;
        ++read.length;
    }
    return read;
}

} // namespace sfcdc::inline v0::wire
