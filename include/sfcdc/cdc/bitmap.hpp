// A Salesforce field bitmap, hexadecimal digits with the highest bit first, as bits in 64-bit words. Any number of
// digits, either case. Source: Pub/Sub API guide, "Event Deserialization Considerations"; real ones are whole bytes in
// upper case and wider than 64 bits as soon as an object has more than 64 fields.
//
// Sixteen digits are one word. The kernels turn them into it: `vector128` looks at sixteen characters together, `scalar`
// reads digits one by one from a table; both reject anything that is not a digit. A load of sixteen may also take in
// what stands in front of the digits: how much of that there is to read, the caller says.
#pragma once

#include <array>
#include <bit>
#include <cstddef>
#include <cstdint>
#include <string_view>

#if defined(__SSE2__) && defined(__x86_64__)
#    define SFCDC_BITMAP_VECTOR128
#    include <emmintrin.h>
#endif

#include <sfcdc/avro/zero_bytes.hpp>
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

#ifdef SFCDC_BITMAP_VECTOR128
namespace vector128 {

using avro::detail::load_16;

// What each of sixteen characters is worth; above 15 where it is no digit. Two ranges that saturate, of which the smaller
// value counts. Source: W. Mula, "Parsing hex numbers with validation" (2022).
inline __m128i digit_values(__m128i text) noexcept {
    const auto each = [](int byte) { return _mm_set1_epi8(static_cast<char>(byte)); };
    // '9' becomes 0xff, and '0' 0xf6; what is above wraps to the bottom, and stays there.
    const __m128i numbers = _mm_sub_epi8(_mm_subs_epu8(_mm_add_epi8(text, each(0xff - '9')), each(6)), each(0xf0));
    const __m128i letters =
        _mm_adds_epu8(_mm_sub_epi8(_mm_and_si128(text, each(0xdf)), each('A')), each(10)); // of either case
    return _mm_min_epu8(numbers, letters);
}
// To keep what is behind a number of bytes: zeros, then ones, loaded from somewhere around the middle.
inline constexpr std::array<std::uint8_t, 512> kept_digits = [] {
    std::array<std::uint8_t, 512> bytes{};
    for (std::size_t i = bytes.size() / 2; i < bytes.size(); ++i) bytes[i] = 0xff;
    return bytes;
}();
// The same of the `count` characters in front of `end`; in their place for the others, down to sixteen, zeros.
inline __m128i digit_values_before(const char* end, std::size_t count) noexcept {
    return _mm_and_si128(digit_values(load_16(end - 16)),
                         load_16(kept_digits.data() + kept_digits.size() / 2 - 16 + count));
}
inline bool are_digits(__m128i values) noexcept { // none above 15
    return _mm_movemask_epi8(_mm_adds_epu8(values, _mm_set1_epi8(127 - 15))) == 0;
}
// Sixteen digits' values as one number.
inline std::uint64_t join(__m128i values) noexcept {
    // In each pair the first digit is the higher one: both into one byte, and the eight bytes side by side.
    const __m128i pairs =
        _mm_and_si128(_mm_or_si128(_mm_slli_epi16(values, 4), _mm_srli_epi16(values, 8)), _mm_set1_epi16(0xff));
    return __builtin_bswap64(static_cast<std::uint64_t>(_mm_cvtsi128_si64(_mm_packus_epi16(pairs, pairs))));
}

// As the scalar one; `in_front` bytes in front of the digits may be read.
inline bool read_digits(const char* digits, std::size_t count, std::size_t in_front, std::uint64_t& word) noexcept {
    if (count + in_front >= 16) {
        const __m128i values = digit_values_before(digits + count, count);
        word = join(values);
        return are_digits(values);
    }
    if (count >= 8) { // the first eight and the last eight, which overlap
        const auto load_8 = [](const char* p) { return _mm_loadl_epi64(reinterpret_cast<const __m128i*>(p)); };
        const __m128i values = digit_values(_mm_unpacklo_epi64(load_8(digits), load_8(digits + count - 8)));
        const std::uint64_t both = join(values);
        word = both >> 32 << (4 * (count - 8)) | (both & 0xffff'ffff);
        return are_digits(values);
    }
    return scalar::read_digits(digits, count, word);
}

} // namespace vector128
#endif

// expand_bitmap() for any number at any place.
[[gnu::noinline]] inline errc expand_any_bitmap(std::string_view digits, std::uint32_t first, std::uint32_t count,
                                                std::uint64_t* words, std::size_t in_front) noexcept {
    std::uint64_t* to = words + first / 64;
    const unsigned shift = first % 64;
    std::uint64_t bit = 0; // of the lowest digit that is not read yet
    for (std::size_t end = digits.size(); end > 0; bit += 64, ++to) {
        const std::size_t n = end < 16 ? end : 16;
        end -= n;
        std::uint64_t word = 0;
#ifdef SFCDC_BITMAP_VECTOR128
        const bool sound = vector128::read_digits(digits.data() + end, n, end + in_front, word);
#else
        const bool sound = scalar::read_digits(digits.data() + end, n, word);
        static_cast<void>(in_front);
#endif
        if (!sound) return errc::bitmap_syntax;
        if (word == 0) continue; // surplus zeros: their place may be behind the last word
        if (bit + static_cast<unsigned>(std::bit_width(word)) > count) return errc::bitmap_bit_beyond_fields;
        *to |= word << shift;
        if (const std::uint64_t high = shift != 0 ? word >> (64 - shift) : 0; high != 0) to[1] |= high;
    }
    return errc::none;
}

#ifdef SFCDC_BITMAP_VECTOR128
// The event's own fields, as an event has them: as many words as there are fields, however short the number is. Nothing
// here takes a branch on how long it is, or on which words are zero.
[[gnu::always_inline]] inline bool is_usual_bitmap(std::string_view digits, std::uint32_t count,
                                                   std::size_t in_front) noexcept {
    const std::size_t room = (std::size_t{count} + 63) / 64 * 16;
    return digits.size() <= room && digits.size() + in_front >= room && room <= vector128::kept_digits.size() / 2;
}
template<bool over>
[[gnu::always_inline]] inline errc expand_usual_bitmap(std::string_view digits, std::uint32_t count,
                                                       std::uint64_t* words) noexcept {
    const char* end = digits.data() + digits.size();
    const std::uint8_t* kept = vector128::kept_digits.data() + vector128::kept_digits.size() / 2 - 16 + digits.size();
    std::uint64_t word = 0;
    __m128i all = _mm_setzero_si128();
    for (std::uint64_t *to = words, *const last = words + (std::size_t{count} + 63) / 64; to != last;
         ++to, end -= 16, kept -= 16) {
        const __m128i values =
            _mm_and_si128(vector128::digit_values(vector128::load_16(end - 16)), vector128::load_16(kept));
        all = _mm_max_epu8(all, values);
        word = vector128::join(values);
        *to = over ? word : *to | word;
    }
    if (!vector128::are_digits(all)) return errc::bitmap_syntax;
    return count % 64 != 0 && word >> count % 64 != 0 ? errc::bitmap_bit_beyond_fields : errc::none;
}
#endif

// Sets bit first + n of `words` for each bit n of the number that `digits` write (without "0x"; no digits are no
// bits). Bits at or above `count` are an error, zeros there are not. `words` holds at least first + count bits.
// After an error some bits may have been set. `in_front` says how many bytes in front of the digits may be read, which
// makes it faster.
inline errc expand_bitmap(std::string_view digits, std::uint32_t first, std::uint32_t count, std::uint64_t* words,
                          std::size_t in_front = 0) noexcept {
#ifdef SFCDC_BITMAP_VECTOR128
    if (first == 0 && is_usual_bitmap(digits, count, in_front))
        return expand_usual_bitmap<false>(digits, count, words);
#endif
    return expand_any_bitmap(digits, first, count, words, in_front);
}

// The same for the bits from 0 to count, over words that need not have been cleared.
inline errc write_bitmap(std::string_view digits, std::uint32_t count, std::uint64_t* words,
                         std::size_t in_front) noexcept {
#ifdef SFCDC_BITMAP_VECTOR128
    if (is_usual_bitmap(digits, count, in_front)) [[likely]]
        return expand_usual_bitmap<true>(digits, count, words);
#endif
    for (std::size_t i = 0; i < (std::size_t{count} + 63) / 64; ++i) words[i] = 0;
    return expand_any_bitmap(digits, 0, count, words, in_front);
}

} // namespace sfcdc::cdc
