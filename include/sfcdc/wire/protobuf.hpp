// Protobuf's wire format by hand, in both directions: fields appended to a buffer, and read as views; no message classes.
// Source: protobuf.dev, "Encoding".
#pragma once

#include <bit>
#include <cstdint>
#include <cstring>
#include <string_view>

#include <sfcdc/error.hpp>
#include <sfcdc/wire/appender.hpp>
#include <sfcdc/wire/copy.hpp>
#include <sfcdc/wire/utf8.hpp>
#include <sfcdc/wire/varint.hpp>

namespace sfcdc::inline v0::wire {

// How the value behind a tag is encoded. Source: Protocol Buffers, "Encoding".
enum class wire_type : std::uint8_t { varint = 0, fixed64 = 1, length_delimited = 2, fixed32 = 5 };

// Returns the name of the enumerator; "unknown" for a number that names none.
constexpr std::string_view to_string(wire_type value) noexcept {
    switch (value) {
    case wire_type::varint: return "varint";
    case wire_type::fixed64: return "fixed64";
    case wire_type::length_delimited: return "length_delimited";
    case wire_type::fixed32: return "fixed32";
    }
    return "unknown";
}

// A field's number and wire type as they stand in front of it. Who writes many messages of a kind keeps them.
class protobuf_tag {
  public:
    protobuf_tag(std::uint32_t field, wire_type type) noexcept {
        char text[max_varint_bytes] = {};
        size_ =
            static_cast<std::uint8_t>(write_varint(text, std::uint64_t{field} << 3 | static_cast<unsigned>(type)));
        std::memcpy(bytes_, text, 5); // it never has more
    }
    static constexpr std::size_t room = sizeof(std::uint64_t);
    // Writes to where there is room for `room` bytes; returns the end of the tag.
    char* write(char* to) const noexcept {
        std::memcpy(to, this, room); // five bytes at most count
        return to + size_;
    }

  private:
    char bytes_[room - 1] = {};
    std::uint8_t size_ = 0;
};

// Appends fields to what the caller owns; a field is on the wire exactly when it is called, zero or not
// (proto2 presence).
class protobuf_writer {
  public:
    explicit protobuf_writer(appender& out) noexcept : out_(out) {}

    void tag(std::uint32_t field, wire_type type) {
        out_.advance_to(protobuf_tag(field, type).write(out_.reserve(protobuf_tag::room)));
    }

    void varint(const protobuf_tag& tag, std::uint64_t value) {
        char* const to = tag.write(out_.reserve(protobuf_tag::room + max_varint_bytes));
        out_.advance_to(to + write_varint(to, value));
    }
    void varint(std::uint32_t field, std::uint64_t value) { varint(protobuf_tag(field, wire_type::varint), value); }
    // double, fixed64: eight bytes, the lowest first.
    void fixed64(const protobuf_tag& tag, std::uint64_t bits) {
        char* const to = tag.write(out_.reserve(protobuf_tag::room + 8));
        store_8(to, bits);
        out_.advance_to(to + 8);
    }
    // int32, int64, bool, enum: negative numbers take ten bytes, as protobuf has it.
    void int64(std::uint32_t field, std::int64_t value) { varint(field, static_cast<std::uint64_t>(value)); }

    // A length-delimited field whose body of `length` bytes is written next.
    void head(const protobuf_tag& tag, std::uint64_t length) { varint(tag, length); }
    void head(std::uint32_t field, std::uint64_t length) {
        head(protobuf_tag(field, wire_type::length_delimited), length);
    }
    void bytes(const protobuf_tag& tag, std::string_view value) {
        char* const to = put_head(tag, value.size());
        copy_text(to, value);
        out_.advance_to(to + value.size());
    }
    void bytes(std::uint32_t field, std::string_view value) {
        bytes(protobuf_tag(field, wire_type::length_delimited), value);
    }
    // The same for ASCII text of which padded_room bytes can be read.
    [[gnu::always_inline]] inline void name(const protobuf_tag& tag, std::string_view value) {
        char* const to = put_head(tag, value.size(), padded_room);
        static_cast<void>(copy_padded<look_at_text>(to, value));
        out_.advance_to(to + value.size());
    }
    // The same for a string, which protobuf wants to be UTF-8. False, and nothing is appended, when it is not.
    [[gnu::always_inline]] inline bool text(const protobuf_tag& tag, std::string_view value) {
        char* const to = put_head(tag, value.size());
        if (!copy_looking<look_at_text>(to, value).ascii() && !is_utf8(value)) [[unlikely]]
            return false;
        out_.advance_to(to + value.size());
        return true;
    }

    // A length-delimited field whose body `write()` appends. The length is put in front afterwards: one byte is
    // reserved for it, and only a body of 128 bytes and more is moved.
    template<class Write> void nested(const protobuf_tag& tag, Write&& write) {
        char* const to = tag.write(out_.reserve(protobuf_tag::room + 1));
        out_.advance_to(to + 1);
        const std::size_t start = out_.size();
        write();
        const std::uint64_t length = out_.size() - start;
        if (length < 0x80) {
            out_[start - 1] = static_cast<char>(length);
            return;
        }
        char head[max_varint_bytes];
        const std::size_t n = write_varint(head, length);
        out_.insert(start, n - 1);
        std::memcpy(&out_[start - 1], head, n);
    }
    template<class Write> void nested(std::uint32_t field, Write&& write) {
        nested(protobuf_tag(field, wire_type::length_delimited), write);
    }

  private:
    // Tag and length, with room for so many bytes and `more` behind them, which are not taken yet.
    [[gnu::always_inline]] inline char* put_head(const protobuf_tag& tag, std::size_t length, std::size_t more = 0) {
        char* const to = tag.write(out_.reserve(protobuf_tag::room + max_varint_bytes + length + more));
        return to + write_varint(to, length);
    }

    appender& out_;
};

// Walks the fields of one message:
//
//     protobuf_reader in(bytes);
//     while (in.next())
//         if (in.is(1, wire_type::length_delimited)) name = in.bytes();
//     if (in.error()) ...
//
// What the caller does not ask for, unknown fields and known ones of another wire type, is stepped over, as protobuf
// has it; of a field that comes twice the last one counts. The first error sticks and ends the walk; its offset counts
// from the start of these bytes. Groups (wire types 3 and 4), which proto3 does not have, are an error. A view: the
// bytes must outlive it and what it returns.
class protobuf_reader {
  public:
    explicit protobuf_reader(std::string_view message) noexcept : begin_(message.data()), rest_(message) {}

    // Moves to the next field and reads it; false at the end of the message and after an error.
    bool next() noexcept {
        if (rest_.empty()) return false;
        const char* const start = rest_.data();
        std::uint64_t tag = 0;
        if (!take(tag)) return false;
        field_ = static_cast<std::uint32_t>(tag >> 3);
        type_ = static_cast<wire_type>(tag & 7);
        // 32 bits in at most five bytes, as Google's parser has it.
        if (tag > 0xffff'ffff || rest_.data() - start > 5 || field_ == 0) return fail(errc::message_bad_tag, start);
        switch (type_) {
        case wire_type::varint: return take(number_);
        case wire_type::fixed64: return take_fixed(8);
        case wire_type::fixed32: return take_fixed(4);
        case wire_type::length_delimited: {
            const char* const length_at = rest_.data();
            std::uint64_t length = 0;
            if (!take(length)) return false;
            if (length > rest_.size()) return fail(errc::message_truncated, length_at);
            bytes_ = rest_.substr(0, static_cast<std::size_t>(length));
            rest_.remove_prefix(bytes_.size());
            return true;
        }
        }
        return fail(errc::message_bad_tag, start);
    }

    std::uint32_t field() const noexcept { return field_; }
    bool is(std::uint32_t field, wire_type type) const noexcept { return field_ == field && type_ == type; }
    // Of a varint or fixed field: its bits.
    std::uint64_t number() const noexcept { return number_; }
    // int32 and enum: protobuf keeps the low 32 bits of whatever was sent.
    std::int32_t int32() const noexcept { return static_cast<std::int32_t>(static_cast<std::uint32_t>(number_)); }
    std::int64_t int64() const noexcept { return static_cast<std::int64_t>(number_); }
    // Of a length-delimited field: bytes, string, or a message to be read by a reader of its own.
    std::string_view bytes() const noexcept { return bytes_; }

    const sfcdc::error& error() const noexcept { return error_; }

  private:
    bool fail(errc code, const char* where) noexcept {
        error_ = {code, static_cast<std::uint32_t>(where - begin_)};
        rest_ = {};
        return false;
    }
    bool take(std::uint64_t& out) noexcept {
        const std::byte* p = reinterpret_cast<const std::byte*>(rest_.data());
        const std::byte* const start = p;
        switch (read_varint(p, start + rest_.size(), out)) {
        case varint_status::ok: rest_.remove_prefix(static_cast<std::size_t>(p - start)); return true;
        case varint_status::truncated: return fail(errc::message_truncated, rest_.data());
        case varint_status::too_long: break;
        }
        return fail(errc::varint_too_long, rest_.data());
    }
    bool take_fixed(std::size_t size) noexcept { // little-endian
        if (rest_.size() < size) return fail(errc::message_truncated, rest_.data());
        number_ = 0;
        for (std::size_t i = size; i-- > 0;) number_ = number_ << 8 | static_cast<unsigned char>(rest_[i]);
        rest_.remove_prefix(size);
        return true;
    }

    const char* begin_;
    std::string_view rest_;
    std::string_view bytes_;
    std::uint64_t number_ = 0;
    std::uint32_t field_ = 0;
    wire_type type_ = wire_type::varint;
    sfcdc::error error_;
};

} // namespace sfcdc::inline v0::wire
