// Reads single values of a datum that a walk has found sound: their lengths and integers have been checked, and are not
// checked again. Source: Avro specification 1.12, "Binary Encoding".
#pragma once

#include <bit>
#include <cstddef>
#include <cstdint>
#include <span>
#include <string_view>

#include <sfcdc/wire/bytes.hpp>
#include <sfcdc/wire/varint.hpp>
#include <sfcdc/wire/word.hpp>

namespace sfcdc::inline v0::avro {

// The places of values in one payload. It does not own the payload, which must have been walked along the plan that the
// places come from, without an error.
class sound_payload {
  public:
    sound_payload() = default;
    explicit sound_payload(std::span<const std::byte> payload) noexcept
        : begin_(payload.data()), end_(payload.data() + payload.size()) {}

    std::span<const std::byte> bytes() const noexcept { return {begin_, end_}; }
    std::byte byte(std::uint32_t at) const noexcept { return begin_[at]; }
    bool boolean(std::uint32_t at) const noexcept { return begin_[at] != std::byte{0}; }

    // An int or a long.
    [[gnu::always_inline]] inline std::int64_t integer(std::uint32_t at) const noexcept {
        const std::byte* const from = begin_ + at;
        if (end_ - from < 8) [[unlikely]]
            return bytewise(from);
        const std::uint64_t word = wire::load_8(from);
        const std::uint64_t ends = ~word & 0x8080'8080'8080'8080u;
        if (ends == 0) [[unlikely]]
            return bytewise(from);
        // The bytes of the number, then groups of 7, 14 and 28 bits beside each other.
        std::uint64_t n = word & (ends ^ (ends - 1)) & 0x7f7f'7f7f'7f7f'7f7fu;
        n = (n & 0x007f'007f'007f'007fu) | (n & 0x7f00'7f00'7f00'7f00u) >> 1;
        n = (n & 0x0000'3fff'0000'3fffu) | (n & 0x3fff'0000'3fff'0000u) >> 2;
        n = (n & 0x0000'0000'0fff'ffffu) | (n & 0x0fff'ffff'0000'0000u) >> 4;
        return wire::zigzag_decode(n);
    }

    // How many bytes an int or a long has: a writer may have made more of them than it needs.
    std::uint32_t integer_bytes(std::uint32_t at) const noexcept {
        std::uint32_t n = 1;
        while ((begin_[at + n - 1] & std::byte{0x80}) != std::byte{0}) ++n;
        return n;
    }

    float float_(std::uint32_t at) const noexcept {
        std::uint32_t bits = 0;
        for (std::uint32_t i = 0; i < 4; ++i) bits |= static_cast<std::uint32_t>(begin_[at + i]) << 8 * i;
        return std::bit_cast<float>(bits);
    }
    double double_(std::uint32_t at) const noexcept { return std::bit_cast<double>(wire::load_8(begin_ + at)); }

    // A string or bytes.
    std::string_view text(std::uint32_t at) const noexcept {
        const std::byte* const from = begin_ + at;
        const auto length = static_cast<std::uint32_t>(*from);
        if (length >= 0x80) [[unlikely]]
            return long_text(from);
        return wire::as_chars({from + 1, length / 2});
    }
    // How many bytes can be read from the start of a text of this payload.
    std::size_t readable(std::string_view text) const noexcept {
        return static_cast<std::size_t>(reinterpret_cast<const char*>(end_) - text.data());
    }

  private:
    [[gnu::noinline]] std::int64_t bytewise(const std::byte* from) const noexcept {
        std::uint64_t raw = 0;
        static_cast<void>(wire::read_varint(from, end_, raw));
        return wire::zigzag_decode(raw);
    }
    [[gnu::noinline]] std::string_view long_text(const std::byte* from) const noexcept {
        std::uint64_t length = 0;
        static_cast<void>(wire::read_varint(from, end_, length));
        return wire::as_chars({from, static_cast<std::size_t>(length / 2)});
    }

    const std::byte *begin_ = nullptr, *end_ = nullptr;
};

} // namespace sfcdc::inline v0::avro
