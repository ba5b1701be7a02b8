// Base-128 integers and zig-zag, as Avro ("Binary encoding") and protobuf ("Encoding", varints) share them: 7 bits a
// byte, least significant first, the top bit says that another byte follows; zig-zag maps 0,-1,1,-2 to 0,1,2,3.
#pragma once

#include <bit>
#include <cstddef>
#include <cstdint>
#include <string_view>

#include <sfcdc/wire/word.hpp>

namespace sfcdc::inline v0::wire {

// The longest encoding of 64 bits, seven bits a byte.
inline constexpr std::size_t max_varint_bytes = 10;

// Returns the number that Avro and protobuf write for a signed one: 0, -1, 1, -2 become 0, 1, 2, 3.
constexpr std::uint64_t zigzag_encode(std::int64_t v) noexcept {
    return (static_cast<std::uint64_t>(v) << 1) ^ static_cast<std::uint64_t>(v >> 63);
}

// The inverse of zigzag_encode().
constexpr std::int64_t zigzag_decode(std::uint64_t v) noexcept {
    return static_cast<std::int64_t>((v >> 1) ^ (~(v & 1) + 1));
}

// Whether a varint could be read: it may go on behind the input, or not fit 64 bits.
enum class varint_status : std::uint8_t { ok, truncated, too_long };

// Returns the name of the enumerator; "unknown" for a number that names none.
constexpr std::string_view to_string(varint_status value) noexcept {
    switch (value) {
    case varint_status::ok: return "ok";
    case varint_status::truncated: return "truncated";
    case varint_status::too_long: return "too_long";
    }
    return "unknown";
}

// read_varint() of what takes more than one byte.
[[gnu::noinline]] inline varint_status read_long_varint(const std::byte*& p, const std::byte* end,
                                                        std::uint64_t& out) noexcept {
    if (end - p >= 8) [[likely]] {
        std::uint64_t bytes = load_8(p);
        const std::uint64_t ends = ~bytes & 0x8080'8080'8080'8080u;
        if (ends != 0) { // 7 bits of each byte up to the first that ends, joined by pairs
            p += static_cast<std::size_t>(std::countr_zero(ends) / 8 + 1);
            bytes &= (ends ^ (ends - 1)) & 0x7f7f'7f7f'7f7f'7f7fu;
            bytes = (bytes & 0x007f'007f'007f'007fu) | (bytes & 0x7f00'7f00'7f00'7f00u) >> 1;
            bytes = (bytes & 0x0000'3fff'0000'3fffu) | (bytes & 0x3fff'0000'3fff'0000u) >> 2;
            out = (bytes & 0x0fff'ffffu) | (bytes & 0x0fff'ffff'0000'0000u) >> 4;
            return varint_status::ok;
        }
    }
    std::uint64_t value = 0;
    const std::byte* q = p;
    for (unsigned shift = 0;; shift += 7) {
        if (q == end) return varint_status::truncated;
        const std::uint64_t byte = static_cast<unsigned char>(*q++);
        if (shift == 63 && byte > 1) return varint_status::too_long; // the tenth byte has room for one bit
        value |= (byte & 0x7f) << shift;
        if (byte < 0x80) {
            out = value;
            p = q;
            return varint_status::ok;
        }
    }
}

// Reads from [p, end). On success `p` stands behind the integer; otherwise `p` is left where it was.
inline varint_status read_varint(const std::byte*& p, const std::byte* end, std::uint64_t& out) noexcept {
    if (p != end && static_cast<unsigned char>(*p) < 0x80) [[likely]] {
        out = static_cast<unsigned char>(*p++);
        return varint_status::ok;
    }
    return read_long_varint(p, end, out);
}

// write_varint() of what takes more than one byte.
[[gnu::noinline]] inline std::size_t write_long_varint(char* to, std::uint64_t v) noexcept {
    if (v < std::uint64_t{1} << 56) [[likely]] { // 7 bits into each of eight bytes, by halves
        const std::size_t n = static_cast<std::size_t>(std::bit_width(v) + 6) / 7;
        v = (v & 0x0000'0000'0fff'ffffu) | (v & 0x00ff'ffff'f000'0000u) << 4;
        v = (v & 0x0000'3fff'0000'3fffu) | (v & 0x0fff'c000'0fff'c000u) << 2;
        v = (v & 0x007f'007f'007f'007fu) | (v & 0x3f80'3f80'3f80'3f80u) << 1;
        store_8(to, v | (0x8080'8080'8080'8080u & ((std::uint64_t{1} << 8 * (n - 1)) - 1)));
        return n;
    }
    std::size_t n = 0;
    for (; v >= 0x80; v >>= 7) to[n++] = static_cast<char>(v | 0x80);
    to[n++] = static_cast<char>(v);
    return n;
}

// Writes to where there is room for max_varint_bytes, all of which it may write to; returns how many bytes count.
inline std::size_t write_varint(char* to, std::uint64_t v) noexcept {
    if (v >= 0x80) [[unlikely]]
        return write_long_varint(to, v);
    *to = static_cast<char>(v);
    return 1;
}

// Returns how many bytes the varint of `v` takes, 1 to 10.
constexpr std::size_t varint_size(std::uint64_t v) noexcept {
    std::size_t n = 1;
    for (; v >= 0x80; v >>= 7) ++n;
    return n;
}

} // namespace sfcdc::inline v0::wire
