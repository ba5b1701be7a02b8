// MD5, by which Salesforce names schemas; nothing secret or trusted hangs on it. Source: RFC 1321.
#pragma once

#include <array>
#include <bit>
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

namespace sfcdc::inline v0::avro::detail {

inline constexpr std::uint32_t md5_sines[64] = {
    0xd76aa478, 0xe8c7b756, 0x242070db, 0xc1bdceee, 0xf57c0faf, 0x4787c62a, 0xa8304613, 0xfd469501,
    0x698098d8, 0x8b44f7af, 0xffff5bb1, 0x895cd7be, 0x6b901122, 0xfd987193, 0xa679438e, 0x49b40821,
    0xf61e2562, 0xc040b340, 0x265e5a51, 0xe9b6c7aa, 0xd62f105d, 0x02441453, 0xd8a1e681, 0xe7d3fbc8,
    0x21e1cde6, 0xc33707d6, 0xf4d50d87, 0x455a14ed, 0xa9e3e905, 0xfcefa3f8, 0x676f02d9, 0x8d2a4c8a,
    0xfffa3942, 0x8771f681, 0x6d9d6122, 0xfde5380c, 0xa4beea44, 0x4bdecfa9, 0xf6bb4b60, 0xbebfbc70,
    0x289b7ec6, 0xeaa127fa, 0xd4ef3085, 0x04881d05, 0xd9d4d039, 0xe6db99e5, 0x1fa27cf8, 0xc4ac5665,
    0xf4292244, 0x432aff97, 0xab9423a7, 0xfc93a039, 0x655b59c3, 0x8f0ccc92, 0xffeff47d, 0x85845dd1,
    0x6fa87e4f, 0xfe2ce6e0, 0xa3014314, 0x4e0811a1, 0xf7537e82, 0xbd3af235, 0x2ad7d2bb, 0xeb86d391};

class md5_state {
  public:
    void add(const char* block) noexcept {
        std::uint32_t words[16] = {};
        for (std::size_t i = 0; i < block_bytes; ++i) {
            const std::uint32_t byte = static_cast<unsigned char>(block[i]);
            words[i / 4] |= byte << 8 * (i % 4);
        }
        std::uint32_t a = state_[0];
        std::uint32_t b = state_[1];
        std::uint32_t c = state_[2];
        std::uint32_t d = state_[3];
        for (std::uint32_t i = 0; i < 64; ++i) {
            const step s = step_of(i, b, c, d);
            const std::uint32_t sum = a + s.mix + md5_sines[i] + words[s.word];
            const std::uint32_t rotated = std::rotl(sum, turns[i / 16][i % 4]);
            a = d;
            d = c;
            c = b;
            b += rotated;
        }
        state_[0] += a;
        state_[1] += b;
        state_[2] += c;
        state_[3] += d;
    }
    std::array<std::byte, 16> digest() const noexcept {
        std::array<std::byte, 16> out{};
        for (std::size_t i = 0; i < out.size(); ++i) {
            const std::uint32_t word = state_[i / 4];
            out[i] = static_cast<std::byte>(word >> 8 * (i % 4));
        }
        return out;
    }

    static constexpr std::size_t block_bytes = 64;

  private:
    static constexpr int turns[4][4] = {{7, 12, 17, 22}, {5, 9, 14, 20}, {4, 11, 16, 23}, {6, 10, 15, 21}};

    struct step {
        std::uint32_t mix;
        std::uint32_t word; // The number of the block's word.
    };
    static step step_of(std::uint32_t i, std::uint32_t b, std::uint32_t c, std::uint32_t d) noexcept {
        switch (i / 16) {
        case 0: return {(b & c) | (~b & d), i};
        case 1: return {(d & b) | (~d & c), (5 * i + 1) % 16};
        case 2: return {b ^ c ^ d, (3 * i + 5) % 16};
        default: return {c ^ (b | ~d), 7 * i % 16};
        }
    }

    std::uint32_t state_[4] = {0x67452301, 0xefcdab89, 0x98badcfe, 0x10325476};
};

inline std::array<std::byte, 16> md5(std::string_view text) {
    const std::uint64_t bits = std::uint64_t{text.size()} * 8;
    std::string padded(text);
    padded.push_back('\x80');
    padded.append((120 - padded.size() % 64) % 64, '\0');
    for (unsigned i = 0; i < 8; ++i) padded.push_back(static_cast<char>(bits >> 8 * i));
    md5_state state;
    for (std::size_t at = 0; at < padded.size(); at += md5_state::block_bytes) state.add(padded.data() + at);
    return state.digest();
}

} // namespace sfcdc::inline v0::avro::detail
