// Which bytes are zero, and how many: a null field of a change event is one 0x00 byte, and most fields are null.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>

#include <sfcdc/simd/block.hpp>

namespace sfcdc::inline v0::avro::detail {

// One bit for each of the 64 bytes at p, lowest first: set where the byte is not zero.
template<class Block = simd::block> std::uint64_t nonzero_64(const std::byte* p) noexcept {
    const auto nulls = [&](std::size_t at) { return equal(Block::load(p + at), Block()); };
    return ~bits(nulls(0), nulls(16), nulls(32), nulls(48));
}

// To count only the bytes at an end: a load from n bytes behind the start has ones for the last n of 64 bytes.
inline constexpr std::array<std::uint8_t, 128> last_of_64 = [] {
    std::array<std::uint8_t, 128> bytes{};
    for (std::size_t i = 64; i < bytes.size(); ++i) bytes[i] = 1;
    return bytes;
}();

// A block of ones at the zero bytes of the sixteen at p, if `kept` has ones there, too.
template<class Block> Block zeros_in(const std::byte* p, Block kept) noexcept {
    return where_equal(Block::load(p), Block(), kept);
}

// Counts the zero bytes of several short pieces.
template<class Block> class basic_zero_count {
  public:
    // A piece of `size` bytes in front of `end`, in front of which 32 bytes can be read.
    [[gnu::always_inline]] inline void add(const std::byte* end, std::size_t size) noexcept {
        for (; size > 32; size -= 16, end -= 16) [[unlikely]]
            sum_.add(zeros_in(end - 16, Block::fill(1)));
        const std::uint8_t* const kept = last_of_64.data() + size;
        sum_.add(zeros_in(end - 32, Block::load(kept + 32)) + zeros_in(end - 16, Block::load(kept + 48)));
    }
    std::size_t sum() const noexcept { return sum_.total(); }

  private:
    typename Block::sum sum_;
};
using zero_count = basic_zero_count<simd::block>;

// Counts the zero bytes in one piece of at most 4,080 bytes, in front of whose end 64 bytes can be read.
template<class Block = simd::block> std::size_t count_zeros(const std::byte* p, const std::byte* end) noexcept {
    Block zeros; // 255 times sixteen bytes do not overflow
    for (; end - p >= 64; p += 64)
        for (std::size_t i = 0; i < 64; i += 16) zeros = count_equal(zeros, Block::load(p + i), Block());
    const std::uint8_t* const kept = last_of_64.data() + (end - p);
    for (std::size_t i = 0; i < 64; i += 16) zeros = zeros + zeros_in(end - 64 + i, Block::load(kept + i));
    typename Block::sum count;
    count.add(zeros);
    return count.total();
}

} // namespace sfcdc::inline v0::avro::detail
