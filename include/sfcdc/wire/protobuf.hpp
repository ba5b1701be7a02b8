// Protobuf's wire format, written by hand: tags and fields appended to a buffer, no message classes.
// Source: protobuf.dev, "Encoding".
#pragma once

#include <bit>
#include <cstdint>
#include <string>
#include <string_view>

#include <sfcdc/wire/varint.hpp>

namespace sfcdc::wire {

enum class wire_type : std::uint8_t { varint = 0, fixed64 = 1, length_delimited = 2, fixed32 = 5 };

// Appends fields to a buffer that the caller owns; a field is on the wire exactly when it is called, zero or not
// (proto2 presence).
class protobuf_writer {
  public:
    explicit protobuf_writer(std::string& out) noexcept : out_(out) {}

    void tag(std::uint32_t field, wire_type type) { append_varint(out_, std::uint64_t{field} << 3 | static_cast<unsigned>(type)); }

    void varint(std::uint32_t field, std::uint64_t value) {
        tag(field, wire_type::varint);
        append_varint(out_, value);
    }
    // int32, int64, bool, enum: negative numbers take ten bytes, as protobuf has it.
    void int64(std::uint32_t field, std::int64_t value) { varint(field, static_cast<std::uint64_t>(value)); }

    void bytes(std::uint32_t field, std::string_view value) {
        tag(field, wire_type::length_delimited);
        append_varint(out_, value.size());
        out_.append(value);
    }

    // A length-delimited field whose body `write()` appends. The length is put in front afterwards: one byte is
    // reserved for it, and only a body of 128 bytes and more is moved.
    template <class Write>
    void nested(std::uint32_t field, Write&& write) {
        tag(field, wire_type::length_delimited);
        const std::size_t at = out_.size();
        out_.push_back('\0');
        write();
        std::uint64_t length = out_.size() - at - 1;
        char prefix[max_varint_bytes];
        std::size_t n = 0;
        for (; length >= 0x80; length >>= 7) prefix[n++] = static_cast<char>(length | 0x80);
        prefix[n++] = static_cast<char>(length);
        out_[at] = prefix[0];
        if (n > 1) out_.insert(at + 1, prefix + 1, n - 1);
    }

  private:
    std::string& out_;
};

} // namespace sfcdc::wire
