// A Salesforce field bitmap, hexadecimal digits with the highest bit first, as numbers of fields. Any number of digits,
// either case. Source: Pub/Sub API guide, "Event Deserialization Considerations"; real ones are whole bytes in upper case
// and wider than 64 bits as soon as an object has more than 64 fields.
//
// An event changes few fields, so most digits are zeros. As with null fields of a payload they are not read: up to 64
// pairs of digits are turned into one bit each, "00" or not, and only the pairs that are left are looked up. Where there
// are no more than 128 fields, it is sooner done to read all digits, sixteen as one word.
//
// The kernels are `vector128`, which looks at sixteen characters together, and `scalar`, at eight. They read whole blocks,
// and so also what stands in front of the digits: how much of that there is to read, the caller says.
#pragma once

#include <algorithm>
#include <array>
#include <bit>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <string_view>

#include <sfcdc/avro/field_set.hpp>
#include <sfcdc/avro/zero_bytes.hpp>
#include <sfcdc/error.hpp>
#include <sfcdc/wire/text.hpp>
#include <sfcdc/wire/word.hpp>

namespace sfcdc::cdc {

namespace scalar {

// One bit for each of the sixteen pairs of characters at p, lowest first: set where they are not "00".
inline std::uint64_t nonzero_pairs(const char* p) noexcept {
    std::uint64_t mask = 0;
    for (unsigned i = 0; i < 16; i += 4) {
        std::uint64_t pairs = wire::load_8(p + 2 * i) ^ 0x3030'3030'3030'3030u;
        pairs = (pairs | pairs >> 8) & 0x00ff'00ff'00ff'00ffu;
        pairs = (pairs + 0x00ff'00ff'00ff'00ffu) >> 8 & 0x0001'0001'0001'0001u;
        mask |= (pairs * 0x0001'0002'0004'0008u >> 48 & 15) << i;
    }
    return mask;
}

} // namespace scalar

#if defined(__SSE2__)
namespace vector128 {

using avro::detail::load_16;

// As the scalar one.
inline std::uint64_t nonzero_pairs(const char* p) noexcept {
    const __m128i zeros = _mm_set1_epi8('0');
    const __m128i first = _mm_cmpeq_epi16(load_16(p), zeros), second = _mm_cmpeq_epi16(load_16(p + 16), zeros);
    return static_cast<unsigned>(_mm_movemask_epi8(_mm_packs_epi16(first, second))) ^ 0xffffu;
}

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

} // namespace vector128
namespace widest = vector128;
#else
namespace widest = scalar;
#endif

// Where a bitmap's ones go: their fields in order, and the same as a set.
struct bitmap_target {
    avro::field* fields = nullptr; // the next one; room for `count` and eight more
    std::uint64_t* words = nullptr;
};

namespace detail {

inline constexpr std::array<std::uint8_t, 256> digit_values = [] { // above 15 where it is no digit
    std::array<std::uint8_t, 256> values{};
    for (std::size_t c = 0; c < 256; ++c) {
        const int digit = wire::hex_digit(static_cast<char>(static_cast<unsigned char>(c)));
        values[c] = digit < 0 ? 0x10 : static_cast<std::uint8_t>(digit);
    }
    return values;
}();

inline constexpr std::size_t block_digits = 32;
inline constexpr std::size_t window_digits = 128; // of which each pair is one bit of a word

// Up to 64 pairs, not none, that end at `end`, in front of which `blocks` blocks can be read. `base` is the number of
// their lowest bit, and no bit may have the number `last` or a higher one.
[[gnu::always_inline]] inline errc expand_window(const char* end, std::size_t pairs, std::size_t blocks,
                                                 std::uint32_t base, std::uint32_t last, bitmap_target& to) noexcept {
    std::uint64_t mask = 0;
    for (const char* p = end - blocks * block_digits; p != end; p += block_digits)
        mask = mask >> 16 | widest::nonzero_pairs(p) << 48;
    avro::field* fields = to.fields;
    auto* const bytes = reinterpret_cast<unsigned char*>(to.words);
    while (mask >> (64 - pairs) != 0) { // below that is what stands in front
        const auto pair = static_cast<std::uint32_t>(63 - std::countl_zero(mask));
        mask ^= std::uint64_t{1} << pair;
        const char* const digits = end - 2 * std::size_t{64 - pair};
        const std::uint32_t high = digit_values[static_cast<unsigned char>(digits[0])];
        const std::uint32_t low = digit_values[static_cast<unsigned char>(digits[1])];
        if ((high | low) > 15) [[unlikely]]
            return errc::bitmap_syntax;
        const std::uint32_t ones = high << 4 | low, first = base + 8 * (63 - pair);
        for (std::uint32_t left = ones; left != 0; left &= left - 1)
            *fields++ = {first + static_cast<std::uint32_t>(std::countr_zero(left))};
        if (fields[-1].number >= last) [[unlikely]]
            return errc::bitmap_bit_beyond_fields;
        // A byte at a time: one word read and written for several pairs would be a chain through memory.
        const auto byte = [&](std::size_t number) -> unsigned char& {
            constexpr std::size_t flip = std::endian::native == std::endian::little ? 0 : 7;
            return bytes[number / 8 ^ flip];
        };
        const std::uint32_t shifted = ones << first % 8;
        byte(first) = static_cast<unsigned char>(byte(first) | (shifted & 0xff));
        if (shifted > 0xff) [[unlikely]] // only then: the next one may be behind the last word
            byte(first + 8) = static_cast<unsigned char>(byte(first + 8) | shifted >> 8);
    }
    to.fields = fields;
    return errc::none;
}

// For any number of digits, and with nothing to read in front of them.
[[gnu::noinline]] inline errc expand_copied(std::string_view digits, std::uint32_t first, std::uint32_t last,
                                            bitmap_target& to) noexcept {
    for (std::uint32_t base = first; !digits.empty(); base += 4 * window_digits) {
        const std::size_t size = std::min(digits.size(), window_digits);
        char window[window_digits];
        std::memset(window, '0', sizeof window);
        std::memcpy(window + window_digits - size, digits.data() + digits.size() - size, size);
        const errc bad =
            expand_window(window + window_digits, (size + 1) / 2, window_digits / block_digits, base, last, to);
        if (bad != errc::none) return bad;
        digits.remove_suffix(size);
    }
    return errc::none;
}

#if defined(__SSE2__) && defined(__x86_64__)
inline constexpr std::uint32_t narrow_fields = 128;

// To keep what is behind a number of bytes: zeros, then ones, loaded from somewhere around the middle.
inline constexpr std::array<std::uint8_t, 64> last_of_32 = [] {
    std::array<std::uint8_t, 64> bytes{};
    for (std::size_t i = 32; i < bytes.size(); ++i) bytes[i] = 0xff;
    return bytes;
}();

// Bits from 0 to `count`, of at most as many digits as `blocks` have, which can be read in front of `end`. Nothing here takes a branch on
// how long the number is.
[[gnu::always_inline]] inline errc expand_narrow(const char* end, std::size_t size, std::uint32_t count,
                                                 bitmap_target& to) noexcept {
    const std::uint8_t* const kept = last_of_32.data() + 16 + size;
    avro::field* fields = to.fields;
    const auto word = [&](unsigned n, std::uint64_t& bits) __attribute__((always_inline)) {
        const __m128i values = _mm_and_si128(vector128::digit_values(vector128::load_16(end - 16 * (n + 1))),
                                             vector128::load_16(kept - 16 * n));
        bits = vector128::join(values);
        to.words[n] |= bits;
        return values;
    };
    const auto append = [&](std::uint32_t base, std::uint64_t bits) __attribute__((always_inline)) {
        for (; bits != 0; bits &= bits - 1) *fields++ = {base + static_cast<std::uint32_t>(std::countr_zero(bits))};
    };
    std::uint64_t low = 0, high = 0;
    __m128i values = word(0, low);
    if (count > 64) values = _mm_max_epu8(values, word(1, high));
    if (!vector128::are_digits(values)) return errc::bitmap_syntax;
    if (count % 64 != 0 && (count > 64 ? high : low) >> count % 64 != 0) return errc::bitmap_bit_beyond_fields;
    append(0, low);
    append(64, high);
    to.fields = fields;
    return errc::none;
}
#endif

} // namespace detail

// Appends field first + n for each bit n of the number that `digits` write (without "0x"; no digits are no bits), and
// sets these bits of the words, which hold at least first + count bits. Bits at or above `count` are an error, zeros
// there are not. After an error some fields may have been written, and bits been set. `in_front` says how many bytes in
// front of the digits may be read, which makes it faster.
[[gnu::always_inline]] inline errc expand_bitmap(std::string_view digits, std::uint32_t first, std::uint32_t count,
                                                 bitmap_target& to, std::size_t in_front = 0) noexcept {
    const std::size_t most = (std::size_t{count} + 7) / 8 * 2;
    const std::size_t blocks = (most + detail::block_digits - 1) / detail::block_digits;
    const std::size_t size = digits.size();
    const char* const end = digits.data() + size;
    if (count != 0 && size <= most && size + in_front >= blocks * detail::block_digits) [[likely]] {
#if defined(__SSE2__) && defined(__x86_64__)
        if (first == 0 && count <= detail::narrow_fields) return detail::expand_narrow(end, size, count, to);
#endif
        if (most <= detail::window_digits && size % 2 == 0 && size != 0) [[likely]]
            return detail::expand_window(end, size / 2, blocks, first, first + count, to);
    }
    if (size > most) {
        bool zeros = true;
        for (const char c : digits.substr(0, size - most)) {
            if (wire::hex_digit(c) < 0) return errc::bitmap_syntax;
            zeros &= c == '0';
        }
        if (!zeros) return errc::bitmap_bit_beyond_fields;
        digits.remove_prefix(size - most);
    }
    return detail::expand_copied(digits, first, first + count, to);
}

} // namespace sfcdc::cdc
