// The walk over fields of which something else has said which are there, as the header of an update does. The fields are
// looked up where they must be, so that their places do not wait for each other and nulls are not looked for.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>

#include <sfcdc/avro/field_set.hpp>
#include <sfcdc/avro/stride.hpp>
#include <sfcdc/avro/zero_bytes.hpp>
#include <sfcdc/wire/word.hpp>

namespace sfcdc::inline v0::avro {

// Which fields of a datum are said to be there, behind its first field.
struct presence_hint {
    std::span<const field> own;    // The record's own fields in the order of their numbers, without the first one.
    field_set all;                 // The same as a set, with the children of compounds.
    std::size_t children_left = 0; // `all` has so many children of compounds.
};

namespace detail {

// The kernels of zero_bytes.hpp read more than the bytes that they are asked about.
inline constexpr std::size_t read_in_front_of_piece =
    32; // zero_count::add() may read so many bytes before a piece ends.
inline constexpr std::size_t read_in_front_of_end = 64;  // The same of count_zeros().
inline constexpr std::size_t countable_bytes = 255 * 16; // count_zeros() counts in bytes, sixteen side by side.

// The fields that are read, and the proof that there are no others.
//
// Every field that is not read must be one 0x00 byte. That is proved in the end without a look at each of them: the bytes
// outside of the fields that were read are all zero if there are as many zero bytes in the whole, without those within
// the fields, as there are bytes outside.
class hinted_walk {
  public:
    // Precondition: fits().
    hinted_walk(std::span<const std::byte> payload, std::size_t start, std::uint32_t* begins) noexcept
        : payload_(payload.data()), size_(payload.size()), start_(start), at_(start), begins_(begins) {}

    // Whether the kernels may be used on a body that starts here.
    static bool fits(std::size_t start, std::size_t size) noexcept {
        return start >= read_in_front_of_piece && size >= read_in_front_of_end && size - start <= countable_bytes;
    }

    [[gnu::always_inline]] inline void skip_nulls(std::size_t count) noexcept { at_ += count; }

    // The field here. Returns false if the formula of the strides does not hold for it, or if it goes beyond the end.
    [[gnu::always_inline]] inline bool read(const stride& s, std::uint32_t number) noexcept {
        if (at_ + measured_bytes > size_) [[unlikely]]
            return false;
        std::size_t length = 0;
        if (!measure(s, wire::load_8(payload_ + at_), length)) [[unlikely]]
            return false;
        begins_[number] = static_cast<std::uint32_t>(at_) + s.begin;
        at_ += length;
        bytes_read_ += length;
        if (at_ > size_) [[unlikely]]
            return false;
        zeros_read_.add(payload_ + at_, length);
        return true;
    }

    // Whether the walk has come to the end of the payload, and everything that was not read is null.
    [[gnu::always_inline]] inline bool is_whole() const noexcept {
        if (at_ != size_) return false;
        const std::size_t zeros = count_zeros(payload_ + start_, payload_ + size_);
        const std::size_t bytes_outside = size_ - start_ - bytes_read_;
        return zeros - zeros_read_.sum() == bytes_outside;
    }

  private:
    const std::byte* payload_;
    std::size_t size_;
    std::size_t start_;
    std::size_t at_;
    std::uint32_t* begins_;
    std::size_t bytes_read_ = 0;
    zero_count zeros_read_;
};

} // namespace detail

} // namespace sfcdc::inline v0::avro
