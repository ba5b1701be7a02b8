// Rows as protobuf messages, written straight from the payload, and the DescriptorProto that says what they are.
// proto2 presence: a null column is not on the wire, an empty text or a zero is.
// Source: Zerobus' type mapping (STRING and DECIMAL string, BOOLEAN bool, INT int32, BIGINT int64, DOUBLE double, DATE int32 days,
// TIMESTAMP int64 us, BINARY bytes, ARRAY repeated, unpacked), and
// google/protobuf/descriptor.proto for the numbers of DescriptorProto.
#pragma once

#include <algorithm>
#include <bit>
#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>

#include <sfcdc/cdc/event.hpp>
#include <sfcdc/row/bind.hpp>
#include <sfcdc/row/layout.hpp>
#include <sfcdc/row/visit.hpp>
#include <sfcdc/wire/base64.hpp>
#include <sfcdc/wire/bytes.hpp>
#include <sfcdc/wire/hex.hpp>
#include <sfcdc/wire/protobuf.hpp>
#include <sfcdc/wire/utf8.hpp>

namespace sfcdc::inline v0::row {

namespace detail {

struct protobuf_columns {
    wire::appender& out;
    const wire::protobuf_tag* tag = nullptr;
    std::uint32_t replaced = 0;

    wire::protobuf_writer writer() noexcept { return wire::protobuf_writer(out); }

    void null() {}
    void boolean(bool v) { writer().varint(*tag, v ? 1 : 0); }
    void integer(std::int32_t v) { bigint(v); }
    void date(std::int32_t days) { bigint(days); }
    void timestamp(std::int64_t us) { bigint(us); }
    void floating(double v) { writer().fixed64(*tag, std::bit_cast<std::uint64_t>(v)); }
    void decimal(std::string_view v) { writer().bytes(*tag, v); }
    void bigint(std::int64_t v) { writer().varint(*tag, static_cast<std::uint64_t>(v)); }
    void binary(std::span<const std::byte> v) { writer().bytes(*tag, wire::as_chars(v)); }
    [[gnu::always_inline]] inline void string(std::string_view v, std::size_t = 0) {
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
    case column_type::double_: return 1; // TYPE_DOUBLE
    case column_type::boolean: return 8; // TYPE_BOOL
    case column_type::integer:
    case column_type::date: return 5; // TYPE_INT32
    case column_type::bigint:
    case column_type::timestamp: return 3; // TYPE_INT64
    case column_type::binary: return 12;   // TYPE_BYTES
    case column_type::string:
    case column_type::string_array:
    case column_type::decimal: break;
    }
    return 9; // TYPE_STRING
}

} // namespace detail

// Appends one message; returns how many bytes of ill-formed UTF-8 were replaced by U+FFFD. Only the fields that the event
// has are looked at, so that a wide table costs nothing more; their columns stand behind the others, in the plan's order.
inline std::uint32_t append_protobuf(const bound_layout& bound, const cdc::event& e, const envelope& around,
                                     std::string& out, const record& of = {}) {
    wire::appender appended(out);
    detail::protobuf_columns columns{appended};
    const source from(e, around, of, &bound);
    const std::span<const column> all = bound.layout().columns();
    const wire::protobuf_tag* const tags = bound.layout().tags().data();
    appended.reserve(512 + std::min<std::size_t>(e.payload().size(), 4096)); // as most rows are; others ask for more
    for (const std::uint32_t i : bound.other_columns()) {
        columns.tag = tags + i;
        visit(all[i], from, columns);
    }
    const auto present = e.present().words(), held = bound.held().words(), diffs = e.diff_fields().set().words();
    for (std::uint32_t word = 0; word < held.size(); ++word) {
        std::uint64_t bits = present[word] & held[word];
        if (!diffs.empty()) [[unlikely]]
            bits &= ~diffs[word]; // their values are patches
        for (; bits != 0; bits &= bits - 1) {
            std::uint32_t i = bound.column_of({64 * word + static_cast<std::uint32_t>(std::countr_zero(bits))});
            do {
                columns.tag = tags + i;
                static_cast<void>(visit_field(all[i], bound[i], e, columns));
                i = bound[i].next;
            } while (i != bound_field::no_column);
        }
    }
    return columns.replaced;
}

// The same for an event of any schema. A layout without columns of fields needs no bind(); one with them is bound here, for
// this row alone, which takes as long as compile().
inline std::uint32_t append_protobuf(const layout& l, const cdc::event& e, const envelope& around, std::string& out,
                                     const record& of = {}) {
    if (l.has_fields()) return append_protobuf(bind(l, e.plan()), e, around, out, of);
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

} // namespace sfcdc::inline v0::row
