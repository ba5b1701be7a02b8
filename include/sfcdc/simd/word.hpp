// Eight bytes as one number, of which the first byte is the lowest, on every machine.
#pragma once

#if !defined(__GNUC__)
#    error "sfcdc is written for GCC and Clang: it uses their attributes and built-in functions"
#endif

#include <bit>
#include <cstdint>
#include <cstring>

namespace sfcdc::inline v0::simd {

// Reads eight bytes, at any alignment.
inline std::uint64_t load_8(const void* from) noexcept {
    std::uint64_t word = 0;
    std::memcpy(&word, from, 8);
    if constexpr (std::endian::native == std::endian::big) word = __builtin_bswap64(word);
    return word;
}

// Writes eight bytes, at any alignment.
inline void store_8(void* to, std::uint64_t word) noexcept {
    if constexpr (std::endian::native == std::endian::big) word = __builtin_bswap64(word);
    std::memcpy(to, &word, 8);
}

} // namespace sfcdc::inline v0::simd
