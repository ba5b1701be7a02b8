// The backend `words`: a block of sixteen bytes as two 64-bit numbers, for machines without vector instructions that sfcdc
// knows, and for SFCDC_SCALAR. The operations are those that simd/block.hpp describes.
//
// A byte's arithmetic must not reach its neighbour. So the lower seven bits of each byte are added or subtracted with the
// top bit out of the way, and the top bit is put right by an exclusive or.
// Source: H. S. Warren, "Hacker's Delight" (2nd edition), 2-18, "Multibyte Add, Subtract, Absolute Value".
#pragma once

#include <bit>
#include <cstddef>
#include <cstdint>

#include <sfcdc/simd/word.hpp>

namespace sfcdc::inline v0::simd::words {

inline constexpr std::uint64_t ones = 0x0101010101010101u, tops_of_all = 0x8080808080808080u, lows = ~tops_of_all;

// Spreads the top bit of each byte over the whole byte.
inline std::uint64_t spread(std::uint64_t word) noexcept { return (word & tops_of_all) / 0x80 * 0xff; }
inline std::uint64_t add(std::uint64_t a, std::uint64_t b) noexcept {
    return ((a & lows) + (b & lows)) ^ ((a ^ b) & tops_of_all);
}
inline std::uint64_t subtract(std::uint64_t a, std::uint64_t b) noexcept {
    return ((a | tops_of_all) - (b & lows)) ^ ((a ^ ~b) & tops_of_all);
}
// The top bit of each byte says whether a is less than b; the other bits are undefined.
inline std::uint64_t less(std::uint64_t a, std::uint64_t b) noexcept {
    return (~a & b) | (~(a ^ b) & subtract(a, b));
}
// The top bit of each byte says whether the byte is zero; the other bits are undefined.
inline std::uint64_t is_zero(std::uint64_t a) noexcept { return ~(((a & lows) + lows) | a); }
// The top bits of the eight bytes as a number of eight bits.
inline std::uint32_t top_bits(std::uint64_t word) noexcept {
    return static_cast<std::uint32_t>(((word & tops_of_all) >> 7) * 0x0102040810204080u >> 56);
}
// The first byte of each pair, side by side.
inline std::uint64_t first_of_pairs(std::uint64_t word) noexcept {
    word &= 0x00ff00ff00ff00ffu;
    word = (word | word >> 8) & 0x0000ffff0000ffffu;
    return (word | word >> 16) & 0xffffffffu;
}

class matches {
  public:
    matches() = default;
    matches(std::uint64_t a, std::uint64_t b) noexcept : a_(a), b_(b) {}

    friend matches operator|(matches x, matches y) noexcept { return {x.a_ | y.a_, x.b_ | y.b_}; }
    friend matches operator&(matches x, matches y) noexcept { return {x.a_ & y.a_, x.b_ & y.b_}; }
    friend matches operator^(matches x, matches y) noexcept { return {x.a_ ^ y.a_, x.b_ ^ y.b_}; }
    friend matches and_not(matches x, matches y) noexcept { return {x.a_ & ~y.a_, x.b_ & ~y.b_}; }

    friend bool any(matches x) noexcept { return ((x.a_ | x.b_) & tops_of_all) != 0; }
    friend std::size_t first(matches x) noexcept {
        const std::uint64_t a = x.a_ & tops_of_all, b = x.b_ & tops_of_all;
        return static_cast<std::size_t>(a != 0 ? std::countr_zero(a) : 64 + std::countr_zero(b)) / 8;
    }
    friend std::uint32_t bits(matches x) noexcept { return top_bits(x.a_) | top_bits(x.b_) << 8; }
    friend std::uint32_t bits(matches x, matches y) noexcept { return bits(x) | bits(y) << 16; }
    friend std::uint64_t bits(matches x, matches y, matches z, matches w) noexcept {
        return bits(x, y) | std::uint64_t{bits(z, w)} << 32;
    }

  private:
    std::uint64_t a_ = 0, b_ = 0;
};

// Bit 8 of each pair says whether it is a match; the other bits are undefined.
class pair_matches {
  public:
    pair_matches(std::uint64_t a, std::uint64_t b) noexcept : a_(a), b_(b) {}
    friend std::uint32_t bits(pair_matches x, pair_matches y) noexcept {
        const auto four = [](std::uint64_t word) {
            return static_cast<std::uint32_t>((word >> 8 & 0x0001000100010001u) * 0x0001000200040008u >> 48 & 15);
        };
        return four(x.a_) | four(x.b_) << 4 | four(y.a_) << 8 | four(y.b_) << 12;
    }

  private:
    std::uint64_t a_, b_;
};

class byte_sum;

class block {
  public:
    using sum = byte_sum;
    static constexpr char name[] = "words";
    static constexpr bool is_vector = false;
    static constexpr bool has_lookup = false;

    block() = default;
    static block load(const void* from) noexcept {
        return {load_8(from), load_8(static_cast<const unsigned char*>(from) + 8)};
    }
    static block fill(std::uint8_t byte) noexcept { return {ones * byte, ones * byte}; }
    static block join(std::uint64_t first, std::uint64_t second) noexcept { return {first, second}; }
    void store(void* to) const noexcept {
        store_8(to, a_);
        store_8(static_cast<unsigned char*>(to) + 8, b_);
    }

    friend block operator|(block x, block y) noexcept { return {x.a_ | y.a_, x.b_ | y.b_}; }
    friend block operator&(block x, block y) noexcept { return {x.a_ & y.a_, x.b_ & y.b_}; }
    friend block operator^(block x, block y) noexcept { return {x.a_ ^ y.a_, x.b_ ^ y.b_}; }
    friend block operator+(block x, block y) noexcept { return {add(x.a_, y.a_), add(x.b_, y.b_)}; }
    friend block operator-(block x, block y) noexcept { return {subtract(x.a_, y.a_), subtract(x.b_, y.b_)}; }
    friend block add_saturated(block x, block y) noexcept { return {adds(x.a_, y.a_), adds(x.b_, y.b_)}; }
    friend block subtract_saturated(block x, block y) noexcept { return {subs(x.a_, y.a_), subs(x.b_, y.b_)}; }
    friend block smaller(block x, block y) noexcept {
        return {select(less(x.a_, y.a_), x.a_, y.a_), select(less(x.b_, y.b_), x.b_, y.b_)};
    }
    friend block greater(block x, block y) noexcept {
        return {select(less(x.a_, y.a_), y.a_, x.a_), select(less(x.b_, y.b_), y.b_, x.b_)};
    }

    friend matches equal(block x, block y) noexcept { return {is_zero(x.a_ ^ y.a_), is_zero(x.b_ ^ y.b_)}; }
    friend matches tops(block x) noexcept { return {x.a_, x.b_}; }
    friend block where_equal(block x, block y, block kept) noexcept {
        return {is_zero(x.a_ ^ y.a_) >> 7 & kept.a_, is_zero(x.b_ ^ y.b_) >> 7 & kept.b_};
    }
    friend block count_equal(block counts, block x, block y) noexcept { return counts + where_equal(x, y, fill(1)); }

    template<int Bits> friend block shift_pairs_left(block x) noexcept {
        constexpr std::uint64_t kept = 0x0001000100010001u * (0xffffu << Bits & 0xffffu);
        return {x.a_ << Bits & kept, x.b_ << Bits & kept};
    }
    template<int Bits> friend block shift_pairs_right(block x) noexcept {
        constexpr std::uint64_t kept = 0x0001000100010001u * (0xffffu >> Bits);
        return {x.a_ >> Bits & kept, x.b_ >> Bits & kept};
    }
    friend std::uint64_t first_of_pairs(block x) noexcept {
        return words::first_of_pairs(x.a_) | words::first_of_pairs(x.b_) << 32;
    }
    friend pair_matches equal_pairs(block x, block y) noexcept {
        const auto equal = [](std::uint64_t a, std::uint64_t b) {
            const std::uint64_t pairs = a ^ b;
            return ~(((pairs | pairs >> 8) & 0x00ff00ff00ff00ffu) + 0x00ff00ff00ff00ffu);
        };
        return {equal(x.a_, y.a_), equal(x.b_, y.b_)};
    }
    template<int Bytes> friend block behind(block before, block x) noexcept {
        static_assert(Bytes > 0 && Bytes < 8);
        return {x.a_ << 8 * Bytes | before.b_ >> (64 - 8 * Bytes), x.b_ << 8 * Bytes | x.a_ >> (64 - 8 * Bytes)};
    }

  private:
    friend class byte_sum;
    block(std::uint64_t a, std::uint64_t b) noexcept : a_(a), b_(b) {}
    static std::uint64_t adds(std::uint64_t a, std::uint64_t b) noexcept {
        const std::uint64_t sum = add(a, b);
        return sum | spread((a & b) | ((a | b) & ~sum));
    }
    static std::uint64_t subs(std::uint64_t a, std::uint64_t b) noexcept {
        return subtract(a, b) & ~spread(less(a, b));
    }
    static std::uint64_t select(std::uint64_t which, std::uint64_t yes, std::uint64_t no) noexcept {
        const std::uint64_t mask = spread(which);
        return (yes & mask) | (no & ~mask);
    }

    std::uint64_t a_ = 0, b_ = 0; // bytes 0 to 7, and 8 to 15
};

class byte_sum {
  public:
    void add(block x) noexcept { sum_ += of(x.a_) + of(x.b_); }
    std::size_t total() const noexcept { return static_cast<std::size_t>(sum_); }

  private:
    static std::uint64_t of(std::uint64_t word) noexcept {
        constexpr std::uint64_t even = 0x00ff00ff00ff00ffu;
        return ((word & even) + (word >> 8 & even)) * 0x0001000100010001u >> 48;
    }
    std::uint64_t sum_ = 0;
};

} // namespace sfcdc::inline v0::simd::words
