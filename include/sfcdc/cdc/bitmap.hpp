// A Salesforce field bitmap, hexadecimal digits with the highest bit first, as bits in 64-bit words. Any number of
// digits, either case. Source: Pub/Sub API guide, "Event Deserialization Considerations"; real ones are whole bytes in
// upper case and wider than 64 bits as soon as an object has more than 64 fields.
//
// Sixteen digits are one word. The kernels turn them into it: `vector128` looks at all sixteen together, `scalar` reads
// them one by one from a table; both reject anything that is not a digit. Fewer than sixteen digits, at the front of
// the number, are read by overlapping with the ones behind them, or, in a short number, from the table.
#pragma once

#include <array>
#include <bit>
#include <cstddef>
#include <cstdint>
#include <string_view>

#if defined(__SSE2__)
#    include <emmintrin.h>
#endif

#include <sfcdc/error.hpp>
#include <sfcdc/wire/text.hpp>

namespace sfcdc::cdc {

namespace scalar {

inline constexpr std::array<std::uint8_t, 256> digit_values = [] {
    std::array<std::uint8_t, 256> values{};
    for (std::size_t c = 0; c < 256; ++c) {
        const int digit = wire::hex_digit(static_cast<char>(static_cast<unsigned char>(c)));
        values[c] = digit < 0 ? 0xff : static_cast<std::uint8_t>(digit);
    }
    return values;
}();

// `count` digits, at most 16, as a number; false when one of them is none.
inline bool read_digits(const char* digits, std::size_t count, std::uint64_t& word) noexcept {
    std::uint64_t number = 0;
    std::uint8_t seen = 0;
    for (std::size_t i = 0; i < count; ++i) {
        const std::uint8_t value = digit_values[static_cast<unsigned char>(digits[i])];
        seen |= value;
        number = number << 4 | (value & 15);
    }
    word = number;
    return seen < 16;
}

inline bool read_16_digits(const char* digits, std::uint64_t& word) noexcept { return read_digits(digits, 16, word); }

} // namespace scalar

#if defined(__SSE2__) && defined(__x86_64__)
namespace vector128 {

inline bool read_16_digits(const char* digits, std::uint64_t& word) noexcept {
    const __m128i text = _mm_loadu_si128(reinterpret_cast<const __m128i*>(digits));
    const auto at_most = [](__m128i bytes, char limit) {
        return _mm_cmpeq_epi8(_mm_min_epu8(bytes, _mm_set1_epi8(limit)), bytes);
    };
    const __m128i number = _mm_sub_epi8(text, _mm_set1_epi8('0'));
    const __m128i letter =
        _mm_sub_epi8(_mm_or_si128(text, _mm_set1_epi8(0x20)), _mm_set1_epi8('a')); // of either case
    const __m128i is_number = at_most(number, 9);
    const __m128i is_letter = at_most(letter, 5);
    if (_mm_movemask_epi8(_mm_or_si128(is_number, is_letter)) != 0xffff) return false;
    const __m128i values = _mm_or_si128(_mm_and_si128(is_number, number),
                                        _mm_and_si128(is_letter, _mm_add_epi8(letter, _mm_set1_epi8(10))));
    // In each pair the first digit is the higher one: both into one byte, and the eight bytes side by side.
    const __m128i pairs =
        _mm_and_si128(_mm_or_si128(_mm_slli_epi16(values, 4), _mm_srli_epi16(values, 8)), _mm_set1_epi16(0xff));
    const auto bytes = static_cast<std::uint64_t>(_mm_cvtsi128_si64(_mm_packus_epi16(pairs, pairs)));
    word = __builtin_bswap64(bytes);
    return true;
}

} // namespace vector128
#endif

// Sets bit first + n of `words` for each bit n of the number that `digits` write (without "0x"; no digits are no
// bits). Bits at or above `count` are an error, zeros there are not. `words` holds at least first + count bits.
// After an error some bits may have been set.
inline errc expand_bitmap(std::string_view digits, std::uint32_t first, std::uint32_t count,
                          std::uint64_t* words) noexcept {
#if defined(__SSE2__) && defined(__x86_64__)
    using vector128::read_16_digits;
#else
    using scalar::read_16_digits;
#endif
    std::uint64_t bit = 0; // of the lowest digit that is not read yet
    for (std::size_t end = digits.size(); end > 0; bit += 64) {
        std::uint64_t word = 0;
        bool sound = true;
        if (end >= 16) {
            sound = read_16_digits(digits.data() + end - 16, word);
            end -= 16;
        } else if (digits.size() >= 16) {
            sound = read_16_digits(digits.data(), word);
            word >>= 4 * (16 - end);
            end = 0;
        } else {
            sound = scalar::read_digits(digits.data(), end, word);
            end = 0;
        }
        if (!sound) return errc::bitmap_syntax;
        if (word == 0) continue;
        if (bit + static_cast<unsigned>(std::bit_width(word)) > count) return errc::bitmap_bit_beyond_fields;
        const std::uint64_t at = first + bit;
        words[at / 64] |= word << at % 64;
        if (const std::uint64_t high = at % 64 != 0 ? word >> (64 - at % 64) : 0; high != 0)
            words[at / 64 + 1] |= high;
    }
    return errc::none;
}

} // namespace sfcdc::cdc
