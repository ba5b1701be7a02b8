// The backend `sse2`: a block of sixteen bytes in an SSE register, on every x86-64 processor. A compiler that may use SSSE3
// (-mssse3, -march=x86-64-v2) gives it table lookups. The operations are those that simd/block.hpp describes.
#pragma once

#if defined(__SSE2__) && defined(__x86_64__) && !defined(SFCDC_SCALAR)
#    define SFCDC_SIMD_SSE2

#    include <bit>
#    include <cstddef>
#    include <cstdint>

#    ifdef __SSSE3__
#        include <tmmintrin.h>
#    else
#        include <emmintrin.h>
#    endif

namespace sfcdc::inline v0::simd::sse2 {

// The top bit of each byte is the answer for that byte; the other bits are undefined.
class matches {
  public:
    matches() = default;
    explicit matches(__m128i v) noexcept : v_(v) {}

    friend matches operator|(matches x, matches y) noexcept { return matches(_mm_or_si128(x.v_, y.v_)); }
    friend matches operator&(matches x, matches y) noexcept { return matches(_mm_and_si128(x.v_, y.v_)); }
    friend matches operator^(matches x, matches y) noexcept { return matches(_mm_xor_si128(x.v_, y.v_)); }
    friend matches and_not(matches x, matches y) noexcept { return matches(_mm_andnot_si128(y.v_, x.v_)); }

    friend std::uint32_t bits(matches x) noexcept { return static_cast<std::uint32_t>(_mm_movemask_epi8(x.v_)); }
    friend std::uint32_t bits(matches x, matches y) noexcept { return bits(x) | bits(y) << 16; }
    friend std::uint64_t bits(matches x, matches y, matches z, matches w) noexcept {
        return std::uint64_t{bits(x)} | std::uint64_t{bits(y)} << 16 | std::uint64_t{bits(z)} << 32
               | std::uint64_t{bits(w)} << 48;
    }
    friend bool any(matches x) noexcept { return bits(x) != 0; }
    friend std::size_t first(matches x) noexcept {
        return static_cast<std::size_t>(std::countr_zero(bits(x) | 1u << 16));
    }

  private:
    __m128i v_ = _mm_setzero_si128();
};

class pair_matches {
  public:
    explicit pair_matches(__m128i v) noexcept : v_(v) {}
    friend std::uint32_t bits(pair_matches x, pair_matches y) noexcept {
        return static_cast<std::uint32_t>(_mm_movemask_epi8(_mm_packs_epi16(x.v_, y.v_)));
    }

  private:
    __m128i v_;
};

class byte_sum;

class block {
  public:
    using sum = byte_sum;
#    ifdef __SSSE3__
    static constexpr char name[] = "ssse3";
    static constexpr bool has_lookup = true;
#    else
    static constexpr char name[] = "sse2";
    static constexpr bool has_lookup = false;
#    endif
    static constexpr bool is_vector = true;

    block() = default;
    static block load(const void* from) noexcept { return _mm_loadu_si128(static_cast<const __m128i*>(from)); }
    static block fill(std::uint8_t byte) noexcept { return _mm_set1_epi8(static_cast<char>(byte)); }
    static block join(std::uint64_t first, std::uint64_t second) noexcept {
        return _mm_set_epi64x(static_cast<long long>(second), static_cast<long long>(first));
    }
    void store(void* to) const noexcept { _mm_storeu_si128(static_cast<__m128i*>(to), v_); }

    friend block operator|(block x, block y) noexcept { return _mm_or_si128(x.v_, y.v_); }
    friend block operator&(block x, block y) noexcept { return _mm_and_si128(x.v_, y.v_); }
    friend block operator^(block x, block y) noexcept { return _mm_xor_si128(x.v_, y.v_); }
    friend block operator+(block x, block y) noexcept { return _mm_add_epi8(x.v_, y.v_); }
    friend block operator-(block x, block y) noexcept { return _mm_sub_epi8(x.v_, y.v_); }
    friend block add_saturated(block x, block y) noexcept { return _mm_adds_epu8(x.v_, y.v_); }
    friend block subtract_saturated(block x, block y) noexcept { return _mm_subs_epu8(x.v_, y.v_); }
    friend block smaller(block x, block y) noexcept { return _mm_min_epu8(x.v_, y.v_); }
    friend block greater(block x, block y) noexcept { return _mm_max_epu8(x.v_, y.v_); }

    friend matches equal(block x, block y) noexcept { return matches(_mm_cmpeq_epi8(x.v_, y.v_)); }
    friend matches tops(block x) noexcept { return matches(x.v_); }
    friend block where_equal(block x, block y, block kept) noexcept {
        return _mm_and_si128(_mm_cmpeq_epi8(x.v_, y.v_), kept.v_);
    }
    friend block count_equal(block counts, block x, block y) noexcept {
        return _mm_sub_epi8(counts.v_, _mm_cmpeq_epi8(x.v_, y.v_)); // a match is 0xff, which is -1
    }

    template<int Bits> friend block shift_pairs_left(block x) noexcept { return _mm_slli_epi16(x.v_, Bits); }
    template<int Bits> friend block shift_pairs_right(block x) noexcept { return _mm_srli_epi16(x.v_, Bits); }
    friend std::uint64_t first_of_pairs(block x) noexcept {
        const __m128i pairs = _mm_and_si128(x.v_, _mm_set1_epi16(0xff));
        return static_cast<std::uint64_t>(_mm_cvtsi128_si64(_mm_packus_epi16(pairs, pairs)));
    }
    friend pair_matches equal_pairs(block x, block y) noexcept { return pair_matches(_mm_cmpeq_epi16(x.v_, y.v_)); }
    template<int Bytes> friend block behind(block before, block x) noexcept {
#    ifdef __SSSE3__
        return _mm_alignr_epi8(x.v_, before.v_, 16 - Bytes);
#    else
        return _mm_or_si128(_mm_slli_si128(x.v_, Bytes), _mm_srli_si128(before.v_, 16 - Bytes));
#    endif
    }
#    ifdef __SSSE3__
    friend block lookup(block table, block indexes) noexcept { return _mm_shuffle_epi8(table.v_, indexes.v_); }
#    endif

  private:
    friend class byte_sum;
    block(__m128i v) noexcept : v_(v) {}
    __m128i v_ = _mm_setzero_si128();
};

class byte_sum {
  public:
    void add(block x) noexcept { sum_ = _mm_add_epi64(sum_, _mm_sad_epu8(x.v_, _mm_setzero_si128())); }
    std::size_t total() const noexcept {
        const __m128i high = _mm_unpackhi_epi64(sum_, sum_);
        return static_cast<std::size_t>(_mm_cvtsi128_si64(_mm_add_epi64(sum_, high)));
    }

  private:
    __m128i sum_ = _mm_setzero_si128();
};

} // namespace sfcdc::inline v0::simd::sse2

#endif
