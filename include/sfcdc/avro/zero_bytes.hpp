// Which bytes are zero, and how many: a null field of a change event is one 0x00 byte, and most fields are null. With
// SSE2 sixteen bytes are looked at together, without it eight.
#pragma once

#include <array>
#include <bit>
#include <cstddef>
#include <cstdint>

#include <sfcdc/wire/word.hpp>

#ifdef SFCDC_VECTOR128
#    include <emmintrin.h>
#endif

namespace sfcdc::avro::detail {

// One bit for each of the 64 bytes at p, lowest first: set where the byte is not zero.
inline std::uint64_t nonzero_64(const std::byte* p) noexcept {
#ifdef SFCDC_VECTOR128
    const __m128i zero = _mm_setzero_si128();
    const auto nulls = [&](int i) {
        const __m128i bytes = _mm_loadu_si128(reinterpret_cast<const __m128i*>(p) + i);
        return static_cast<std::uint64_t>(static_cast<unsigned>(_mm_movemask_epi8(_mm_cmpeq_epi8(bytes, zero))));
    };
    return ~(nulls(0) | nulls(1) << 16 | nulls(2) << 32 | nulls(3) << 48);
#else
    std::uint64_t mask = 0;
    for (int i = 0; i < 64; i += 8) {
        std::uint64_t word = wire::load_8(p + i);
        word |= word >> 4;
        word |= word >> 2;
        word |= word >> 1; // the lowest bit of each byte says whether there is any
        mask |= ((word & 0x0101010101010101u) * 0x0102040810204080u >> 56) << i;
    }
    return mask;
#endif
}

#ifdef SFCDC_VECTOR128
inline __m128i load_16(const void* p) noexcept { return _mm_loadu_si128(static_cast<const __m128i*>(p)); }
// Of sixteen bytes; each becomes 0 or 0xff.
inline __m128i are_zero(const std::byte* p) noexcept { return _mm_cmpeq_epi8(load_16(p), _mm_setzero_si128()); }

// To count only the bytes at an end: a load from n bytes behind the start has ones for the last n of 64 bytes.
inline constexpr std::array<std::uint8_t, 128> last_of_64 = [] {
    std::array<std::uint8_t, 128> bytes{};
    for (std::size_t i = 64; i < bytes.size(); ++i) bytes[i] = 1;
    return bytes;
}();
#else
inline std::size_t count_zeros_8(std::uint64_t bytes) noexcept {
    constexpr std::uint64_t low = 0x7f7f7f7f7f7f7f7fu;
    return static_cast<std::size_t>(std::popcount(~(((bytes & low) + low) | bytes | low)));
}
#endif

// How many zero bytes there are in several short pieces.
class zero_count {
  public:
    // A piece of `size` bytes in front of `end`, in front of which 32 bytes can be read.
    [[gnu::always_inline]] inline void add(const std::byte* end, std::size_t size) noexcept {
#ifdef SFCDC_VECTOR128
        const auto add_ones = [&](__m128i ones) {
            sum_ = _mm_add_epi64(sum_, _mm_sad_epu8(ones, _mm_setzero_si128()));
        };
        for (; size > 32; size -= 16, end -= 16) [[unlikely]]
            add_ones(_mm_and_si128(are_zero(end - 16), _mm_set1_epi8(1)));
        const std::uint8_t* const kept = last_of_64.data() + size;
        add_ones(_mm_add_epi8(_mm_and_si128(are_zero(end - 32), load_16(kept + 32)),
                              _mm_and_si128(are_zero(end - 16), load_16(kept + 48))));
#else
        for (; size >= 8; size -= 8, end -= 8) sum_ += count_zeros_8(wire::load_8(end - 8));
        if (size != 0) sum_ += count_zeros_8(wire::load_8(end - 8) | ~std::uint64_t{0} >> 8 * size);
#endif
    }
    std::size_t sum() const noexcept {
#ifdef SFCDC_VECTOR128
        const __m128i high = _mm_unpackhi_epi64(sum_, sum_);
        return static_cast<std::size_t>(_mm_cvtsi128_si64(_mm_add_epi64(sum_, high)));
#else
        return sum_;
#endif
    }

  private:
#ifdef SFCDC_VECTOR128
    friend std::size_t count_zeros(const std::byte* p, const std::byte* end) noexcept;
    __m128i sum_ = _mm_setzero_si128();
#else
    std::size_t sum_ = 0;
#endif
};

// The same in one piece of at most 4,080 bytes, in front of whose end 64 bytes can be read.
inline std::size_t count_zeros(const std::byte* p, const std::byte* end) noexcept {
    zero_count count;
#ifdef SFCDC_VECTOR128
    __m128i zeros = _mm_setzero_si128(); // 255 times sixteen bytes do not overflow
    for (; end - p >= 64; p += 64)
        for (int i = 0; i < 64; i += 16) zeros = _mm_sub_epi8(zeros, are_zero(p + i));
    const std::uint8_t* const kept = last_of_64.data() + (end - p);
    for (int i = 0; i < 64; i += 16)
        zeros = _mm_add_epi8(zeros, _mm_and_si128(are_zero(end - 64 + i), load_16(kept + i)));
    count.sum_ = _mm_sad_epu8(zeros, _mm_setzero_si128());
#else
    count.add(end, static_cast<std::size_t>(end - p));
#endif
    return count.sum();
}

} // namespace sfcdc::avro::detail
