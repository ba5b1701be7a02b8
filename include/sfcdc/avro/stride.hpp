// How far it is from one field of a datum to the next, by one formula for all simple types.
//
// The formula holds for a union whose first branch is null and whose index is 1 (the byte 0x02). The field is then the index
// and, by the type of that branch, either fixed bytes, an integer, or a length and so many bytes. There is no branch on the
// type, because a processor would guess it wrong. Where the formula does not hold, the field is read by its schema.
#pragma once

#include <bit>
#include <cstddef>
#include <cstdint>

#include <sfcdc/avro/op.hpp>
#include <sfcdc/avro/schema.hpp>

namespace sfcdc::inline v0::avro {

// One place of a plan, as the walk over a datum sees it (avro/walker.hpp). The places of the record's own fields come
// first, then those of each compound's children. Behind each such group stands one place more, which leads out of it, so
// that a walk goes in and out of compounds as it goes from field to field.
struct alignas(32) stride {
    std::uint32_t number = 0;      // The field's number; plan::no_field() where there is none.
    std::uint32_t run = 0;         // From here on so many fields in a row are one 0x00 byte if they are null.
    std::int32_t next = 1;         // The walk goes on so many places; a compound leads to its first child.
    std::uint32_t check = 0;       // These bits of the first two bytes (little-endian) must be those of 0x0002.
    std::uint32_t fixed = 0;       // Bytes that are always there: the index, and a boolean, float or double.
    std::uint32_t varint_mask = 0; // All ones if the bytes of the integer or length are part of the field.
    std::uint32_t text_mask = 0;   // Ones if as many bytes as the length says are part of the field.
    std::uint8_t varint_end = 0;   // The formula holds for integers and lengths of fewer bytes; by default for none.
    std::uint8_t begin = 1;        // The value is noted to begin so many bytes behind the index (datum::begin()).

    static constexpr std::uint8_t any_varint = 8; // The formula holds whatever stands there, which is no integer.
};

namespace detail {

inline constexpr std::size_t measured_bytes = 8;         // measure() looks at so many bytes of a field.
inline constexpr std::uint32_t index_of_value = 0x02;    // The encoded index of the branch behind null.
inline constexpr std::uint32_t short_length_mask = 0x3f; // A length of one byte has six bits above its sign.
inline constexpr std::uint32_t index_bits = 0xff;        // The first byte of the two that stride::check is about.
inline constexpr std::uint32_t boolean_bits = 0xfe00;    // The second byte is a boolean: 0 or 1.
inline constexpr std::uint32_t short_length_bits =
    0x8100; // The second byte is a length that ends and is not negative.

// Whether the length of a text has two bytes, and how many bytes the text then has with its index and its length.
[[gnu::always_inline]] inline bool measure_long_text(std::uint32_t first, std::size_t& length) noexcept {
    constexpr std::uint32_t bits = 0x8081ff;   // Of three bytes: the index, both top bits, and the sign.
    constexpr std::uint32_t wanted = 0x008002; // The length goes on behind its first byte and ends with its second.
    if ((first & bits) != wanted) return false;
    const std::uint32_t low = first >> 9 & 0x3f;
    const std::uint32_t high = first >> 10 & 0x1fc0;
    length = 3 + (low | high);
    return true;
}

// How many bytes the field has that begins with these eight (little-endian). Returns false where the formula does not hold
// for them; `length` is then meaningless.
[[gnu::always_inline]] inline bool measure(const stride& s, std::uint64_t bytes, std::size_t& length) noexcept {
    const auto first = static_cast<std::uint32_t>(bytes);
    // The integer or length begins behind the index and ends with the first byte without a top bit. The last bit stands in
    // for an integer that ends behind the eight bytes, so that there is something to count up to.
    const std::uint64_t ends = ~bytes & 0x8080'8080'8080'8000u;
    const std::uint64_t guarded = ends | std::uint64_t{1} << 63;
    const auto varint = static_cast<std::uint32_t>(std::countr_zero(guarded)) / 8;
    const auto text = static_cast<std::uint32_t>(bytes >> 9) & s.text_mask;
    length = s.fixed + (varint & s.varint_mask) + text;
    const bool as_expected = ((first ^ index_of_value) & s.check) == 0;
    if (as_expected && static_cast<std::uint8_t>(varint) < s.varint_end) [[likely]]
        return true;
    return s.text_mask != 0 && measure_long_text(first, length);
}

// The stride of field number f, whose type is `node`; its run is left for the plan. A type that the formula does not know
// gets a stride for which it never holds.
inline stride make_stride(const schema& s, std::uint32_t f, std::uint32_t node, const op& o) noexcept {
    const stride unknown{.number = f};
    const schema::node& n = s[node];
    if (n.type != type::union_ || n.count < 2 || !o.null_first) return unknown;
    stride out{.number = f, .check = index_bits, .fixed = 1, .varint_end = stride::any_varint};
    out.begin = n.count == 2 ? 1 : 0;
    const auto integer = [&](std::uint8_t most_bytes) {
        out.varint_mask = ~std::uint32_t{0};
        out.varint_end = most_bytes + 1;
    };
    const std::uint32_t branch = s.branches(n)[1];
    switch (s[branch].type) {
    case type::boolean:
        out.check |= boolean_bits;
        out.fixed += 1;
        return out;
    case type::float_: out.fixed += 4; return out;
    case type::double_: out.fixed += 8; return out;
    case type::int_: integer(4); return out; // A fifth byte may overflow, which has to be checked.
    case type::long_: integer(6); return out;
    case type::bytes:
    case type::string:
        out.check |= short_length_bits;
        out.text_mask = short_length_mask;
        integer(1);
        return out;
    case type::record:
        if (o.child_count == 0 || o.record != branch) return unknown;
        out.next = static_cast<std::int32_t>(o.first_place) - static_cast<std::int32_t>(f);
        return out;
    default: return unknown;
    }
}

} // namespace detail

} // namespace sfcdc::inline v0::avro
