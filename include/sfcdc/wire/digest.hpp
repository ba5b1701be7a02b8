// SHA-256, which Salesforce puts into the diff of a long text so that its reader can check the text that the diff gives.
// Source: FIPS 180-4, sections 5.1.1, 5.3.3 and 6.2.
#pragma once

#include <array>
#include <bit>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <string_view>

namespace sfcdc::inline v0::wire {

namespace detail {

// Takes the 64 bytes at `block` into the state of the digest.
inline void sha256_block(std::array<std::uint32_t, 8>& state, const unsigned char* block) noexcept {
    static constexpr std::uint32_t rounds[64] = {
        0x428a2f98, 0x71374491, 0xb5c0fbcf, 0xe9b5dba5, 0x3956c25b, 0x59f111f1, 0x923f82a4, 0xab1c5ed5,
        0xd807aa98, 0x12835b01, 0x243185be, 0x550c7dc3, 0x72be5d74, 0x80deb1fe, 0x9bdc06a7, 0xc19bf174,
        0xe49b69c1, 0xefbe4786, 0x0fc19dc6, 0x240ca1cc, 0x2de92c6f, 0x4a7484aa, 0x5cb0a9dc, 0x76f988da,
        0x983e5152, 0xa831c66d, 0xb00327c8, 0xbf597fc7, 0xc6e00bf3, 0xd5a79147, 0x06ca6351, 0x14292967,
        0x27b70a85, 0x2e1b2138, 0x4d2c6dfc, 0x53380d13, 0x650a7354, 0x766a0abb, 0x81c2c92e, 0x92722c85,
        0xa2bfe8a1, 0xa81a664b, 0xc24b8b70, 0xc76c51a3, 0xd192e819, 0xd6990624, 0xf40e3585, 0x106aa070,
        0x19a4c116, 0x1e376c08, 0x2748774c, 0x34b0bcb5, 0x391c0cb3, 0x4ed8aa4a, 0x5b9cca4f, 0x682e6ff3,
        0x748f82ee, 0x78a5636f, 0x84c87814, 0x8cc70208, 0x90befffa, 0xa4506ceb, 0xbef9a3f7, 0xc67178f2};
    std::uint32_t w[64] = {};
    for (std::size_t i = 0; i < 64; ++i) w[i / 4] = w[i / 4] << 8 | block[i];
    for (std::size_t i = 16; i < 64; ++i) {
        const std::uint32_t s0 = std::rotr(w[i - 15], 7) ^ std::rotr(w[i - 15], 18) ^ w[i - 15] >> 3;
        const std::uint32_t s1 = std::rotr(w[i - 2], 17) ^ std::rotr(w[i - 2], 19) ^ w[i - 2] >> 10;
        w[i] = w[i - 16] + s0 + w[i - 7] + s1;
    }
    auto [a, b, c, d, e, f, g, h] = state;
    for (std::size_t i = 0; i < 64; ++i) {
        const std::uint32_t t1 =
            h + (std::rotr(e, 6) ^ std::rotr(e, 11) ^ std::rotr(e, 25)) + ((e & f) ^ (~e & g)) + rounds[i] + w[i];
        const std::uint32_t t2 =
            (std::rotr(a, 2) ^ std::rotr(a, 13) ^ std::rotr(a, 22)) + ((a & b) ^ (a & c) ^ (b & c));
        h = g, g = f, f = e, e = d + t1, d = c, c = b, b = a, a = t1 + t2;
    }
    state[0] += a, state[1] += b, state[2] += c, state[3] += d;
    state[4] += e, state[5] += f, state[6] += g, state[7] += h;
}

inline constexpr std::array<std::uint32_t, 8> sha256_start = {0x6a09e667, 0xbb67ae85, 0x3c6ef372, 0xa54ff53a,
                                                              0x510e527f, 0x9b05688c, 0x1f83d9ab, 0x5be0cd19};

// The digest of the bytes that the state has taken, whose number is a multiple of 64, and the text's behind them.
inline std::array<std::byte, 32> sha256_end(std::array<std::uint32_t, 8> state, std::uint64_t taken,
                                            std::string_view text) noexcept {
    const auto* const bytes = reinterpret_cast<const unsigned char*>(text.data());
    const std::size_t whole = text.size() / 64 * 64, rest = text.size() - whole;
    for (std::size_t i = 0; i < whole; i += 64) sha256_block(state, bytes + i);

    // The rest, a one bit, zeros, and the length in bits as eight bytes: one block, or two when the length needs room.
    unsigned char last[128] = {};
    if (rest != 0) std::memcpy(last, bytes + whole, rest);
    last[rest] = 0x80;
    const std::size_t end = rest < 56 ? 64 : 128;
    for (std::size_t i = 0; i < 8; ++i)
        last[end - 1 - i] = static_cast<unsigned char>((taken + text.size()) * 8 >> 8 * i);
    for (std::size_t i = 0; i < end; i += 64) sha256_block(state, last + i);

    std::array<std::byte, 32> digest{};
    for (std::size_t i = 0; i < 32; ++i) digest[i] = static_cast<std::byte>(state[i / 4] >> (24 - 8 * (i % 4)));
    return digest;
}

} // namespace detail

// The SHA-256 of the text's bytes, first byte first. It allocates nothing and reads the text once.
inline std::array<std::byte, 32> sha256(std::string_view text) noexcept {
    return detail::sha256_end(detail::sha256_start, 0, text);
}

} // namespace sfcdc::inline v0::wire
