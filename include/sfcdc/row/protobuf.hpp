// Rows as protobuf messages, written straight from the payload, and the DescriptorProto that says what they are.
// proto2 presence: a null column is not on the wire, an empty text or a zero is.
// Source: Zerobus' type mapping (STRING string, INT int32, BIGINT int64, TIMESTAMP int64 us, BINARY bytes,
// ARRAY repeated, unpacked), and
// google/protobuf/descriptor.proto for the numbers of DescriptorProto.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>

#include <sfcdc/cdc/event.hpp>
#include <sfcdc/row/layout.hpp>
#include <sfcdc/row/visit.hpp>
#include <sfcdc/wire/base64.hpp>
#include <sfcdc/wire/bytes.hpp>
#include <sfcdc/wire/hex.hpp>
#include <sfcdc/wire/protobuf.hpp>
#include <sfcdc/wire/utf8.hpp>

namespace sfcdc::row {

namespace detail {

struct protobuf_columns {
    wire::appender& out;
    const wire::protobuf_tag* tag = nullptr;
    std::uint32_t replaced = 0;

    wire::protobuf_writer writer() noexcept { return wire::protobuf_writer(out); }

    void null() {}
    void integer(std::int32_t v) { bigint(v); }
    void bigint(std::int64_t v) { writer().varint(*tag, static_cast<std::uint64_t>(v)); }
    void binary(std::span<const std::byte> v) { writer().bytes(*tag, wire::as_chars(v)); }
    [[gnu::always_inline]] inline void string(std::string_view v) {
        if (!writer().text(*tag, v)) [[unlikely]]
            mended(v);
    }
    // A protobuf string must be UTF-8, or the whole request is refused.
    [[gnu::noinline]] void mended(std::string_view v) {
        made_text([&](wire::appender& to) { return wire::append_utf8(to, v); });
    }
    template<class Range> void string_array(const Range& texts) {
        for (const std::string_view text : texts) string(text);
    }
    void string_array(const cdc::field_list& names) {
        for (const std::string_view name : names) writer().name(*tag, name);
    }
    void hex(std::span<const std::byte> v) {
        writer().head(*tag, 2 * v.size());
        wire::append_hex(out, v);
    }
    void base64(std::span<const std::byte> v) {
        writer().head(*tag, wire::base64_size(v.size()));
        wire::append_base64(out, v);
    }
    template<class Append> void made_text(Append&& append) {
        writer().nested(*tag, [&] { replaced += append(out); });
    }
};

// FieldDescriptorProto.Type
constexpr std::int64_t protobuf_type(column_type type) noexcept {
    switch (type) {
    case column_type::integer: return 5; // TYPE_INT32
    case column_type::bigint:
    case column_type::timestamp: return 3; // TYPE_INT64
    case column_type::binary: return 12;   // TYPE_BYTES
    case column_type::string:
    case column_type::string_array: break;
    }
    return 9; // TYPE_STRING
}

} // namespace detail

// Appends one message; returns how many bytes of ill-formed UTF-8 were replaced by U+FFFD.
inline std::uint32_t append_protobuf(const layout& l, const cdc::event& e, const envelope& around, std::string& out,
                                     const record& of = {}) {
    wire::appender appended(out);
    detail::protobuf_columns columns{appended};
    const source from(e, around, of);
    appended.reserve(512 + std::min<std::size_t>(e.payload().size(), 4096)); // as most rows are; others ask for more
    const wire::protobuf_tag* tag = l.tags().data();
    for (const column& c : l.columns()) {
        columns.tag = tag++;
        visit(c, from, columns);
    }
    return columns.replaced;
}

// A serialised google.protobuf.DescriptorProto of the message that append_protobuf() writes, for
// CreateIngestStreamRequest.descriptor_proto.
inline std::string descriptor_proto(const layout& l, std::string_view message_name = "Row") {
    enum : std::int64_t { label_optional = 1, label_repeated = 3 }; // FieldDescriptorProto.Label
    std::string out;
    {
        wire::appender appended(out);
        wire::protobuf_writer message(appended);
        message.bytes(1, message_name);
        std::int64_t number = 0;
        for (const column& c : l.columns()) {
            message.nested(2, [&] { // FieldDescriptorProto
                message.bytes(1, c.name);
                message.int64(3, ++number);
                message.int64(4, c.type() == column_type::string_array ? label_repeated : label_optional);
                message.int64(5, detail::protobuf_type(c.type()));
            });
        }
    } // what was appended stands in `out` now
    return out;
}

} // namespace sfcdc::row
