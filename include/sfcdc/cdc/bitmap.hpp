// A Salesforce field bitmap, hexadecimal digits with the highest bit first, as bits in 64-bit words. Any number of
// digits, either case. Source: Pub/Sub API guide, "Event Deserialization Considerations"; real ones are whole bytes in
// upper case and wider than 64 bits as soon as an object has more than 64 fields.
//
// Sixteen digits are one word. The kernels turn them into it: `vector128` looks at sixteen characters together, `scalar`
// reads digits one by one from a table; both reject anything that is not a digit. Fewer than sixteen, at the front of
// the number, are read together with what stands in front of them, where that may be read, and else from the table.
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

} // namespace scalar

#if defined(__SSE2__) && defined(__x86_64__)
namespace vector128 {

// The last `count` of the 16 characters in front of `end`, from 1 to 16; what stands in front of those is read and
// does not matter.
inline bool read_digits_before(const char* end, std::size_t count, std::uint64_t& word) noexcept {
    const __m128i text = _mm_loadu_si128(reinterpret_cast<const __m128i*>(end - 16));
    const auto at_most = [](__m128i bytes, char limit) {
        return _mm_cmpeq_epi8(_mm_min_epu8(bytes, _mm_set1_epi8(limit)), bytes);
    };
    const __m128i number = _mm_sub_epi8(text, _mm_set1_epi8('0'));
    const __m128i letter =
        _mm_sub_epi8(_mm_or_si128(text, _mm_set1_epi8(0x20)), _mm_set1_epi8('a')); // of either case
    const __m128i is_number = at_most(number, 9);
    const __m128i is_letter = at_most(letter, 5);
    const auto sound = static_cast<unsigned>(_mm_movemask_epi8(_mm_or_si128(is_number, is_letter)));
    const __m128i values = _mm_or_si128(_mm_and_si128(is_number, number),
                                        _mm_and_si128(is_letter, _mm_add_epi8(letter, _mm_set1_epi8(10))));
    // In each pair the first digit is the higher one: both into one byte, and the eight bytes side by side.
    const __m128i pairs =
        _mm_and_si128(_mm_or_si128(_mm_slli_epi16(values, 4), _mm_srli_epi16(values, 8)), _mm_set1_epi16(0xff));
    const auto bytes =
        __builtin_bswap64(static_cast<std::uint64_t>(_mm_cvtsi128_si64(_mm_packus_epi16(pairs, pairs))));
    word = bytes & ~std::uint64_t{0} >> (64 - 4 * count);
    return (sound | 0xffffu >> count) == 0xffff;
}

} // namespace vector128
#endif

// Sets bit first + n of `words` for each bit n of the number that `digits` write (without "0x"; no digits are no
// bits). Bits at or above `count` are an error, zeros there are not. `words` holds at least first + count bits.
// After an error some bits may have been set. `in_front` says how many bytes in front of the digits may be read, which
// spares a short number the table.
inline errc expand_bitmap(std::string_view digits, std::uint32_t first, std::uint32_t count, std::uint64_t* words,
                          std::size_t in_front = 0) noexcept {
    std::uint64_t bit = 0; // of the lowest digit that is not read yet
    for (std::size_t end = digits.size(); end > 0; bit += 64) {
        const std::size_t n = end < 16 ? end : 16;
        std::uint64_t word = 0;
#if defined(__SSE2__) && defined(__x86_64__)
        const bool sound = end + in_front >= 16 ? vector128::read_digits_before(digits.data() + end, n, word)
                                                : scalar::read_digits(digits.data(), n, word);
#else
        const bool sound = scalar::read_digits(digits.data() + end - n, n, word);
        static_cast<void>(in_front);
#endif
        if (!sound) return errc::bitmap_syntax;
        end -= n;
        if (word == 0) continue; // surplus zeros: their place may be behind the last word
        if (bit + static_cast<unsigned>(std::bit_width(word)) > count) return errc::bitmap_bit_beyond_fields;
        const std::uint64_t at = first + bit;
        words[at / 64] |= word << at % 64;
        if (const std::uint64_t high = at % 64 != 0 ? word >> (64 - at % 64) : 0; high != 0)
            words[at / 64 + 1] |= high;
    }
    return errc::none;
}

} // namespace sfcdc::cdc
