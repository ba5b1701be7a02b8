// Which bytes of a payload are not zero, as one bit each. In a change event most fields are null, and a null field is one
// 0x00 byte, so that counting zero bits finds the next field that has a value.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <span>

#include <sfcdc/avro/zero_bytes.hpp>
#include <sfcdc/wire/word.hpp>

namespace sfcdc::inline v0::avro::detail {

inline constexpr std::size_t block_bytes = 64; // nonzero_64() looks at so many bytes and makes one word of them.

// The bits of one part of a payload at a time. Scratch memory of a fixed size.
class nonzero_bits {
  public:
    static constexpr std::size_t part_bytes = 4096;

    // Makes the bits of the part that begins at payload[at], and returns the offset at which the part ends. Behind the part
    // there are ones, of which a word may be loaded: a count of zero bits then ends there at the latest. A payload of less
    // than a block has no part, because the kernel reads whole blocks.
    std::size_t fill(std::span<const std::byte> payload, std::size_t at) noexcept {
        const std::size_t first = at & ~std::size_t{7}; // The bits of eight bytes are one byte, which is addressable.
        first_ = first;
        std::uint64_t* word = words_.data();
        std::size_t last = at;
        if (payload.size() >= block_bytes) [[likely]] {
            last = first + part_bytes;
            if (last > payload.size()) last = payload.size();
            word = fill_words(payload.data(), first, last);
        }
        word[0] = word[1] = ~std::uint64_t{0};
        return last;
    }

    // The address that the bits of payload[0] would have. A number and no pointer, because it may be outside of the words.
    std::uintptr_t origin() const noexcept { return reinterpret_cast<std::uintptr_t>(words_.data()) - first_ / 8; }

  private:
    // Returns the word behind the last one that was written.
    std::uint64_t* fill_words(const std::byte* payload, std::size_t first, std::size_t last) noexcept {
        std::uint64_t* word = words_.data();
        std::size_t at = first;
        for (; at + block_bytes <= last; at += block_bytes) wire::store_8(word++, nonzero_64(payload + at));
        const std::size_t rest = last - at;
        if (rest == 0) return word;
        // The block that ends where the part ends is read, in order not to read past it, and moved to its place.
        const std::uint64_t block = nonzero_64(payload + last - block_bytes);
        const std::uint64_t ones_behind = ~std::uint64_t{0} << rest;
        wire::store_8(word++, block >> (block_bytes - rest) | ones_behind);
        return word;
    }

    // One word more than the part has blocks, if it does not end with one, and two for what is behind.
    std::array<std::uint64_t, part_bytes / block_bytes + 3> words_{};
    std::size_t first_ = 0;
};

} // namespace sfcdc::inline v0::avro::detail
