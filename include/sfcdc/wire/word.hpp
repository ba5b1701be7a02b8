// Eight bytes at a time as one number, of which the first byte is the lowest, on every machine.
#pragma once

#if !defined(__GNUC__)
#    error "sfcdc is written for GCC and Clang: it uses their attributes and built-in functions"
#endif

// Kernels of 128 bits, where there are any and they are not forbidden by SFCDC_SCALAR; all translation units of a program
// must agree on it.
#if defined(__SSE2__) && defined(__x86_64__) && !defined(SFCDC_SCALAR)
#    define SFCDC_VECTOR128
#endif

#include <bit>
#include <cstddef>
#include <cstdint>
#include <cstring>

namespace sfcdc::wire {

inline std::uint64_t load_8(const void* from) noexcept {
    std::uint64_t word = 0;
    if constexpr (std::endian::native == std::endian::little)
        std::memcpy(&word, from, 8);
    else
        for (unsigned i = 0; i < 8; ++i) word |= std::uint64_t{static_cast<const unsigned char*>(from)[i]} << 8 * i;
    return word;
}

inline void store_8(void* to, std::uint64_t word) noexcept {
    if constexpr (std::endian::native == std::endian::little)
        std::memcpy(to, &word, 8);
    else
        for (unsigned i = 0; i < 8; ++i)
            static_cast<unsigned char*>(to)[i] = static_cast<unsigned char>(word >> 8 * i);
}

} // namespace sfcdc::wire
