// The backend `neon`: a block of sixteen bytes in a register of Advanced SIMD, on every little-endian 64-bit Arm processor.
// The operations are those that simd/block.hpp describes.
//
// NEON has no instruction that gathers one bit of each byte. Where only the first match is asked for, each byte is narrowed to
// four bits (shrn); where all are, each byte keeps one bit of its own, and pairs are added until eight bytes are one.
// Source: D. Kutenin, "Porting x86 vector bitmask optimizations to Arm NEON" (2022).
#pragma once

#if defined(__aarch64__) && defined(__ARM_NEON) && !defined(__AARCH64EB__) && !defined(SFCDC_SCALAR)
#    define SFCDC_SIMD_NEON

#    include <arm_neon.h>

#    include <bit>
#    include <cstddef>
#    include <cstdint>

namespace sfcdc::inline v0::simd::neon {

// All bits of a byte are the answer for that byte.
class matches {
  public:
    matches() = default;
    explicit matches(uint8x16_t v) noexcept : v_(v) {}

    friend matches operator|(matches x, matches y) noexcept { return matches(vorrq_u8(x.v_, y.v_)); }
    friend matches operator&(matches x, matches y) noexcept { return matches(vandq_u8(x.v_, y.v_)); }
    friend matches operator^(matches x, matches y) noexcept { return matches(veorq_u8(x.v_, y.v_)); }
    friend matches and_not(matches x, matches y) noexcept { return matches(vbicq_u8(x.v_, y.v_)); }

    friend bool any(matches x) noexcept { return vmaxvq_u8(x.v_) != 0; }
    friend std::size_t first(matches x) noexcept {
        const uint8x8_t nibbles = vshrn_n_u16(vreinterpretq_u16_u8(x.v_), 4);
        return static_cast<std::size_t>(std::countr_zero(vget_lane_u64(vreinterpret_u64_u8(nibbles), 0))) / 4;
    }
    friend std::uint32_t bits(matches x) noexcept { return static_cast<std::uint32_t>(bits(x, {}, {}, {})); }
    friend std::uint32_t bits(matches x, matches y) noexcept {
        return static_cast<std::uint32_t>(bits(x, y, {}, {}));
    }
    friend std::uint64_t bits(matches x, matches y, matches z, matches w) noexcept {
        const uint8x16_t own = {1, 2, 4, 8, 16, 32, 64, 128, 1, 2, 4, 8, 16, 32, 64, 128};
        const uint8x16_t first = vpaddq_u8(vandq_u8(x.v_, own), vandq_u8(y.v_, own));
        const uint8x16_t second = vpaddq_u8(vandq_u8(z.v_, own), vandq_u8(w.v_, own));
        const uint8x16_t both = vpaddq_u8(first, second);
        return vgetq_lane_u64(vreinterpretq_u64_u8(vpaddq_u8(both, both)), 0);
    }

  private:
    uint8x16_t v_ = vdupq_n_u8(0);
};

class pair_matches {
  public:
    explicit pair_matches(uint16x8_t v) noexcept : v_(v) {}
    friend std::uint32_t bits(pair_matches x, pair_matches y) noexcept {
        return bits(matches(vuzp1q_u8(vreinterpretq_u8_u16(x.v_), vreinterpretq_u8_u16(y.v_))));
    }

  private:
    uint16x8_t v_;
};

class byte_sum;

class block {
  public:
    using sum = byte_sum;
    static constexpr char name[] = "neon";
    static constexpr bool is_vector = true;
    static constexpr bool has_lookup = true;

    block() = default;
    static block load(const void* from) noexcept { return vld1q_u8(static_cast<const std::uint8_t*>(from)); }
    static block fill(std::uint8_t byte) noexcept { return vdupq_n_u8(byte); }
    static block join(std::uint64_t first, std::uint64_t second) noexcept {
        return vreinterpretq_u8_u64(vcombine_u64(vcreate_u64(first), vcreate_u64(second)));
    }
    void store(void* to) const noexcept { vst1q_u8(static_cast<std::uint8_t*>(to), v_); }

    friend block operator|(block x, block y) noexcept { return vorrq_u8(x.v_, y.v_); }
    friend block operator&(block x, block y) noexcept { return vandq_u8(x.v_, y.v_); }
    friend block operator^(block x, block y) noexcept { return veorq_u8(x.v_, y.v_); }
    friend block operator+(block x, block y) noexcept { return vaddq_u8(x.v_, y.v_); }
    friend block operator-(block x, block y) noexcept { return vsubq_u8(x.v_, y.v_); }
    friend block add_saturated(block x, block y) noexcept { return vqaddq_u8(x.v_, y.v_); }
    friend block subtract_saturated(block x, block y) noexcept { return vqsubq_u8(x.v_, y.v_); }
    friend block smaller(block x, block y) noexcept { return vminq_u8(x.v_, y.v_); }
    friend block greater(block x, block y) noexcept { return vmaxq_u8(x.v_, y.v_); }

    friend matches equal(block x, block y) noexcept { return matches(vceqq_u8(x.v_, y.v_)); }
    friend matches tops(block x) noexcept { return matches(vcltzq_s8(vreinterpretq_s8_u8(x.v_))); }
    friend block where_equal(block x, block y, block kept) noexcept {
        return vandq_u8(vceqq_u8(x.v_, y.v_), kept.v_);
    }
    friend block count_equal(block counts, block x, block y) noexcept {
        return vsubq_u8(counts.v_, vceqq_u8(x.v_, y.v_)); // a match is 0xff, which is -1
    }

    template<int Bits> friend block shift_pairs_left(block x) noexcept {
        return vreinterpretq_u8_u16(vshlq_n_u16(vreinterpretq_u16_u8(x.v_), Bits));
    }
    template<int Bits> friend block shift_pairs_right(block x) noexcept {
        return vreinterpretq_u8_u16(vshrq_n_u16(vreinterpretq_u16_u8(x.v_), Bits));
    }
    friend std::uint64_t first_of_pairs(block x) noexcept {
        return vget_lane_u64(vreinterpret_u64_u8(vmovn_u16(vreinterpretq_u16_u8(x.v_))), 0);
    }
    friend pair_matches equal_pairs(block x, block y) noexcept {
        return pair_matches(vceqq_u16(vreinterpretq_u16_u8(x.v_), vreinterpretq_u16_u8(y.v_)));
    }
    template<int Bytes> friend block behind(block before, block x) noexcept {
        return vextq_u8(before.v_, x.v_, 16 - Bytes);
    }
    friend block lookup(block table, block indexes) noexcept { return vqtbl1q_u8(table.v_, indexes.v_); }

  private:
    friend class byte_sum;
    block(uint8x16_t v) noexcept : v_(v) {}
    uint8x16_t v_ = vdupq_n_u8(0);
};

class byte_sum {
  public:
    void add(block x) noexcept { sum_ = vpadalq_u32(sum_, vpaddlq_u16(vpaddlq_u8(x.v_))); }
    std::size_t total() const noexcept { return static_cast<std::size_t>(vaddvq_u64(sum_)); }

  private:
    uint64x2_t sum_ = vdupq_n_u64(0);
};

} // namespace sfcdc::inline v0::simd::neon

#endif
