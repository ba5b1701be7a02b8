// Protobuf's wire format, written by hand: tags and fields appended to a buffer, no message classes.
// Source: protobuf.dev, "Encoding".
#pragma once

#include <bit>
#include <cstdint>
#include <string_view>

#include <sfcdc/wire/appender.hpp>
#include <sfcdc/wire/varint.hpp>

namespace sfcdc::wire {

enum class wire_type : std::uint8_t { varint = 0, fixed64 = 1, length_delimited = 2, fixed32 = 5 };

// Appends fields to what the caller owns; a field is on the wire exactly when it is called, zero or not
// (proto2 presence).
class protobuf_writer {
  public:
    explicit protobuf_writer(appender& out) noexcept : out_(out) {}

    void tag(std::uint32_t field, wire_type type) { number(std::uint64_t{field} << 3 | static_cast<unsigned>(type)); }

    void varint(std::uint32_t field, std::uint64_t value) {
        tag(field, wire_type::varint);
        number(value);
    }
    // int32, int64, bool, enum: negative numbers take ten bytes, as protobuf has it.
    void int64(std::uint32_t field, std::int64_t value) { varint(field, static_cast<std::uint64_t>(value)); }

    void bytes(std::uint32_t field, std::string_view value) {
        tag(field, wire_type::length_delimited);
        number(value.size());
        out_.append(value);
    }

    // A length-delimited field whose body `write()` appends. The length is put in front afterwards: one byte is
    // reserved for it, and only a body of 128 bytes and more is moved.
    template<class Write> void nested(std::uint32_t field, Write&& write) {
        tag(field, wire_type::length_delimited);
        const std::size_t at = out_.size();
        out_.push_back('\0');
        write();
        const std::uint64_t length = out_.size() - at - 1;
        if (length >= 0x80) out_.insert(at, varint_size(length) - 1);
        put(&out_[at], length);
    }

  private:
    static std::size_t put(char* to, std::uint64_t v) noexcept {
        std::size_t n = 0;
        for (; v >= 0x80; v >>= 7) to[n++] = static_cast<char>(v | 0x80);
        to[n++] = static_cast<char>(v);
        return n;
    }
    void number(std::uint64_t v) { out_.advance(put(out_.reserve(max_varint_bytes), v)); }

    appender& out_;
};

} // namespace sfcdc::wire
