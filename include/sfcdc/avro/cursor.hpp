// Reads the primitives of Avro's binary encoding from a span of bytes. The first error sticks: the cursor is then at
// its end, every read gives zero or nothing, and the caller looks at error() once, when it is done.
// Source: Avro specification 1.12, "Binary Encoding".
#pragma once

#include <bit>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <span>
#include <string_view>

#include <sfcdc/error.hpp>
#include <sfcdc/limits.hpp>
#include <sfcdc/wire/varint.hpp>

namespace sfcdc::inline v0::avro {

// Does not own the bytes; they must outlive the cursor and every view that it returns. Error offsets count from the
// first byte of the span.
//
// The fast walks do not use the readers that are marked noinline. A copy of these in each place would take longer to compile
// than it would save.
class cursor {
  public:
    using bytes = std::span<const std::byte>;

    explicit cursor(bytes from, std::size_t at = 0) noexcept
        : begin_(from.data()), at_(begin_ + at), end_(begin_ + from.size()) {}

    const std::byte* position() const noexcept { return at_; }
    const std::byte* end() const noexcept { return end_; }
    std::uint32_t offset() const noexcept { return static_cast<std::uint32_t>(at_ - begin_); }
    std::size_t remaining() const noexcept { return static_cast<std::size_t>(end_ - at_); }
    bool failed() const noexcept { return error_.code != errc::none; }
    const sfcdc::error& error() const noexcept { return error_; }

    void fail(errc code) noexcept { fail(code, at_); }
    [[gnu::noinline, gnu::cold]] void fail(errc code, const std::byte* where) noexcept {
        if (failed()) return;
        error_ = {code, static_cast<std::uint32_t>(where - begin_)};
        at_ = end_;
    }

    // Moves over bytes that the caller has already looked at; n is at most remaining().
    void advance(std::size_t n) noexcept { at_ += n; }

    bool skip(std::uint64_t n) noexcept {
        if (n > remaining()) [[unlikely]] {
            fail(errc::end_of_data);
            return false;
        }
        at_ += n;
        return true;
    }

    std::int64_t read_long() noexcept {
        std::uint64_t raw = 0;
        switch (wire::read_varint(at_, end_, raw)) {
        case wire::varint_status::ok: return wire::zigzag_decode(raw);
        case wire::varint_status::truncated: fail(errc::end_of_data); break;
        case wire::varint_status::too_long: fail(errc::varint_too_long); break;
        }
        return 0;
    }

    [[gnu::noinline]] std::int32_t read_int() noexcept {
        const std::byte* const start = at_;
        const std::int64_t wide = read_long();
        const auto narrow = static_cast<std::int32_t>(wide);
        if (narrow == wide) [[likely]]
            return narrow;
        fail(errc::int_out_of_range, start);
        return 0;
    }

    bool read_boolean() noexcept {
        if (at_ == end_) [[unlikely]] {
            fail(errc::end_of_data);
            return false;
        }
        const auto value = static_cast<unsigned char>(*at_);
        if (value > 1) [[unlikely]] {
            fail(errc::bad_boolean);
            return false;
        }
        ++at_;
        return value == 1;
    }

    float read_float() noexcept { return std::bit_cast<float>(read_fixed<std::uint32_t>()); }
    double read_double() noexcept { return std::bit_cast<double>(read_fixed<std::uint64_t>()); }

    // bytes and string: a length and that many bytes.
    [[gnu::noinline]] bytes read_bytes() noexcept {
        const std::byte* const start = at_;
        const std::int64_t length = read_long();
        // A negative length is a huge one without its sign.
        if (static_cast<std::uint64_t>(length) > remaining()) [[unlikely]] {
            fail(length < 0 ? errc::negative_length : errc::length_beyond_end, start);
            return {};
        }
        const std::byte* const first = at_;
        at_ += length;
        return {first, static_cast<std::size_t>(length)};
    }
    std::string_view read_string() noexcept {
        const bytes text = read_bytes();
        return {reinterpret_cast<const char*>(text.data()), text.size()};
    }

    // The head of the next block of an array or map: how many items follow, 0 at the end. A negative count is followed
    // by the block's size in bytes, which is checked against what is there and otherwise not needed.
    [[gnu::noinline]] std::uint64_t read_block() noexcept {
        const std::byte* const start = at_;
        const std::int64_t count = read_long();
        if (count >= 0) [[likely]]
            return static_cast<std::uint64_t>(count);
        const std::int64_t size = read_long();
        if (static_cast<std::uint64_t>(size) > remaining()) [[unlikely]] {
            fail(errc::bad_block_size, start);
            return 0;
        }
        return ~static_cast<std::uint64_t>(count) + 1;
    }

  private:
    template<class U> U read_fixed() noexcept { // little-endian on the wire
        if (remaining() < sizeof(U)) [[unlikely]] {
            fail(errc::end_of_data);
            return 0;
        }
        U value = 0;
        if constexpr (std::endian::native == std::endian::little) {
            std::memcpy(&value, at_, sizeof(U));
        } else {
            for (std::size_t i = 0; i < sizeof(U); ++i) {
                const auto byte = static_cast<U>(at_[i]);
                value |= static_cast<U>(byte << (8 * i));
            }
        }
        at_ += sizeof(U);
        return value;
    }

    const std::byte* begin_;
    const std::byte* at_;
    const std::byte* end_;
    sfcdc::error error_;
};

} // namespace sfcdc::inline v0::avro
