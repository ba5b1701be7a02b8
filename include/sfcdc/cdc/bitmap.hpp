// A Salesforce field bitmap, hexadecimal digits with the highest bit first, as numbers of fields. Any number of digits,
// either case. Source: Pub/Sub API guide, "Event Deserialization Considerations"; real ones are whole bytes in upper case
// and wider than 64 bits as soon as an object has more than 64 fields.
//
// An event changes few fields, so most digits of a wide bitmap are zeros. As with null fields of a payload they are not
// read: up to 64 pairs of digits are turned into one bit each, "00" or not, and only the pairs that are left are looked
// up. Where there are no more than 128 fields, it is sooner done to read all digits, sixteen as one word.
//
// The kernels read whole blocks, and so also what stands in front of the digits: how much of that there is to read, the
// caller says.
#pragma once

#include <array>
#include <bit>
#include <cstddef>
#include <cstdint>
#include <string_view>

#include <sfcdc/avro/field_set.hpp>
#include <sfcdc/error.hpp>
#include <sfcdc/simd/block.hpp>
#include <sfcdc/wire/hex.hpp>

namespace sfcdc::inline v0::cdc {

namespace detail {

// One bit for each of the sixteen pairs of characters at p, lowest first: set where they are not "00".
template<class Block = simd::block> std::uint64_t nonzero_pairs(const char* p) noexcept {
    const Block zeros = Block::fill('0');
    return bits(equal_pairs(Block::load(p), zeros), equal_pairs(Block::load(p + 16), zeros)) ^ 0xffffu;
}

// What each of sixteen characters is worth as a hexadecimal digit; above 15 where it is none. The digits and the letters are
// two ranges that saturate, of which the smaller value counts.
// Source: W. Mula, "Parsing hex numbers with validation" (2022).
template<class Block> Block digit_values(Block text) noexcept {
    const auto each = [](unsigned byte) { return Block::fill(static_cast<std::uint8_t>(byte)); };
    // '9' becomes 0xff, and '0' 0xf6; what is above wraps to the bottom, and stays there.
    const Block numbers = subtract_saturated(text + each(0xff - '9'), each(6)) - each(0xf0);
    const Block letters = add_saturated((text & each(0xdf)) - each('A'), each(10)); // of either case
    return smaller(numbers, letters);
}
// Whether none of the values is above 15.
template<class Block> bool are_digits(Block values) noexcept {
    return !any(tops(add_saturated(values, Block::fill(127 - 15))));
}
// The values of sixteen digits as one number, of which the first digit is the highest.
template<class Block> std::uint64_t join_digits(Block values) noexcept {
    // In each pair the first digit is the higher one: both into one byte, and the eight bytes side by side.
    const Block pairs = shift_pairs_left<4>(values) | shift_pairs_right<8>(values);
    return __builtin_bswap64(first_of_pairs(pairs));
}

} // namespace detail

// Where a bitmap's ones go: their fields in order, and the same as a set.
struct bitmap_target {
    avro::field* fields = nullptr; // the next one; room for `count` and eight more
    std::uint64_t* words = nullptr;
};

namespace detail {

inline constexpr std::array<std::uint16_t, 256> digit_table = [] {
    std::array<std::uint16_t, 256> values{};
    for (std::size_t c = 0; c < 256; ++c) {
        const int digit = wire::hex_digit(static_cast<char>(static_cast<unsigned char>(c)));
        values[c] = digit < 0 ? 0x100 : static_cast<std::uint16_t>(digit); // so high that two of them show it, too
    }
    return values;
}();
inline std::uint32_t digit_value(char c) noexcept { return digit_table[static_cast<unsigned char>(c)]; }

// Appends base + n for each bit n; for one at least.
[[gnu::always_inline]] inline void append_ones(std::uint32_t base, std::uint64_t bits,
                                               avro::field*& fields) noexcept {
    do *fields++ = {base + static_cast<std::uint32_t>(std::countr_zero(bits))};
    while ((bits &= bits - 1) != 0);
}

inline constexpr std::size_t block_digits = 32;
inline constexpr std::uint32_t window_fields = 512; // of which each eight are two digits, and those a bit of a word

// Up to 512 bits, as 1 to 64 pairs of digits in front of `end`, where `blocks` blocks can be read.
template<class Block>
[[gnu::always_inline]] inline errc expand_window(const char* end, std::size_t pairs, std::size_t blocks,
                                                 std::uint32_t count, bitmap_target& to) noexcept {
    const auto block = [&](unsigned n) {
        return nonzero_pairs<Block>(end - (n + 1) * block_digits) << (48 - 16 * n);
    };
    std::uint64_t mask = block(0);
    if (blocks > 1) mask |= block(1);
    if (blocks > 2) mask |= block(2);
    if (blocks > 3) mask |= block(3);
    mask &= ~std::uint64_t{0} << (64 - pairs); // without what stands in front
    avro::field* fields = to.fields;
    while (mask != 0) {
        const auto bit = static_cast<unsigned>(63 - std::countl_zero(mask));
        mask &= ~(std::uint64_t{1} << bit);
        const std::ptrdiff_t at = 2 * static_cast<std::ptrdiff_t>(bit) - 128;
        const std::uint32_t ones = digit_value(end[at]) << 4 | digit_value(end[at + 1]);
        if (ones > 0xff) [[unlikely]]
            return errc::bitmap_syntax;
        const std::uint32_t pair = 63 - bit; // from the end
        append_ones(8 * pair, ones, fields);
        // A byte at a time: one word read and written for several pairs would be a chain through memory.
        constexpr std::uint32_t flip = std::endian::native == std::endian::little ? 0 : 7;
        unsigned char& byte = reinterpret_cast<unsigned char*>(to.words)[pair ^ flip];
        byte = static_cast<unsigned char>(byte | ones);
    }
    if (fields != to.fields && fields[-1].number >= count) return errc::bitmap_bit_beyond_fields;
    to.fields = fields;
    return errc::none;
}

inline constexpr std::uint32_t narrow_fields = 128;

// To keep what is behind a number of bytes: zeros, then ones, loaded from somewhere around the middle.
inline constexpr std::array<std::uint8_t, 64> last_of_32 = [] {
    std::array<std::uint8_t, 64> bytes{};
    for (std::size_t i = 32; i < bytes.size(); ++i) bytes[i] = 0xff;
    return bytes;
}();

// Up to 128 bits, as up to 32 digits in front of `end`, where a block can be read. No branch on how many digits there are.
template<class Block>
[[gnu::always_inline]] inline errc expand_narrow(const char* end, std::size_t size, std::uint32_t count,
                                                 bitmap_target& to) noexcept {
    const auto values_of = [&](unsigned n) {
        return digit_values(Block::load(end - 16 * (n + 1))) & Block::load(last_of_32.data() + 16 + size - 16 * n);
    };
    Block values = values_of(0);
    const std::uint64_t low = join_digits(values);
    std::uint64_t high = 0;
    to.words[0] |= low;
    if (count > 64) {
        const Block second = values_of(1);
        high = join_digits(second);
        to.words[1] |= high;
        values = greater(values, second);
    }
    if (!are_digits(values)) return errc::bitmap_syntax;
    if (count % 64 != 0 && (count > 64 ? high : low) >> count % 64 != 0) return errc::bitmap_bit_beyond_fields;
    if (low != 0) append_ones(0, low, to.fields);
    if (high != 0) append_ones(64, high, to.fields);
    return errc::none;
}

} // namespace detail

// Appends field first + n for each bit n of the number that `digits` write (without "0x"; no digits are no bits), and
// sets these bits of the words, which hold at least first + count bits. Bits at or above `count` are an error, zeros
// there are not. After an error some fields may have been written, and bits been set.
[[gnu::noinline]] inline errc expand_bitmap(std::string_view digits, std::uint32_t first, std::uint32_t count,
                                            bitmap_target& to) noexcept {
    bool fits = true;
    for (std::size_t i = 0; i < digits.size(); ++i) {
        std::uint32_t ones = detail::digit_value(digits[digits.size() - 1 - i]);
        if (ones > 15) return errc::bitmap_syntax;
        for (; ones != 0 && fits; ones &= ones - 1) {
            const std::size_t bit = 4 * i + static_cast<std::size_t>(std::countr_zero(ones));
            fits = bit < count;
            if (!fits) break;
            const std::uint32_t number = first + static_cast<std::uint32_t>(bit);
            *to.fields++ = {number};
            to.words[number / 64] |= std::uint64_t{1} << number % 64;
        }
    }
    return fits ? errc::none : errc::bitmap_bit_beyond_fields;
}

// The same for the event's own fields, from 0 to `count`: faster where many bytes in front of the digits may be read.
template<class Block = simd::block>
[[gnu::always_inline]] inline errc expand_own_bitmap(std::string_view digits, std::uint32_t count, bitmap_target& to,
                                                     std::size_t in_front) noexcept {
    const std::size_t pairs = (std::size_t{count} + 7) / 8, blocks = (pairs + 15) / 16;
    const std::size_t size = digits.size();
    const char* const end = digits.data() + size;
    if (size <= 2 * pairs && size != 0 && size + in_front >= blocks * detail::block_digits) [[likely]] {
        if constexpr (Block::is_vector) // words take longer over the values of all digits
            if (count <= detail::narrow_fields) return detail::expand_narrow<Block>(end, size, count, to);
        if (count <= detail::window_fields && size % 2 == 0) [[likely]]
            return detail::expand_window<Block>(end, size / 2, blocks, count, to);
    }
    return expand_bitmap(digits, 0, count, to);
}

} // namespace sfcdc::inline v0::cdc
