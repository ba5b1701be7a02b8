// What a way of writing rows must offer: JSON, protobuf, SQLite and whatever a user adds are visitors of this concept.
#pragma once

#include <concepts>
#include <cstddef>
#include <cstdint>
#include <span>
#include <string_view>

#include <sfcdc/cdc/event.hpp>
#include <sfcdc/wire/appender.hpp>

namespace sfcdc::inline v0::row {

// A column of a row calls exactly one of these members, once. Texts and bytes are views that end with the call; texts may
// hold bytes that are not UTF-8, which the visitor replaces by U+FFFD or refuses.
//
//   null()                       the column has no value
//   boolean(bool)
//   integer(std::int32_t)        INT
//   bigint(std::int64_t)         BIGINT
//   floating(double)             DOUBLE; may be NaN or infinite
//   decimal(std::string_view)    DECIMAL: digits with at most one point and a minus sign, no exponent
//   date(std::int32_t)           DATE: days since 1970-01-01
//   timestamp(std::int64_t)      TIMESTAMP: microseconds since the epoch, UTC
//   string(text, readable = 0)   STRING; `readable` bytes can be read from the start of the text, if it is not 0
//   string_array(range)          ARRAY<STRING>: a range of std::string_view, iterated at most once
//   binary(bytes)                BINARY
//   hex(bytes), base64(bytes)    STRING: the bytes written that way
//   made_text(append)            STRING of JSON that append(wire::appender&) appends; it returns how many bytes it replaced
template<class V>
concept row_visitor =
    requires(V& v, std::string_view text, std::span<const std::byte> bytes, std::uint32_t (*append)(wire::appender&),
             cdc::string_list strings, cdc::field_list names) {
        v.null();
        v.boolean(true);
        v.integer(std::int32_t{});
        v.bigint(std::int64_t{});
        v.floating(double{});
        v.decimal(text);
        v.date(std::int32_t{});
        v.timestamp(std::int64_t{});
        v.string(text);
        v.string(text, std::size_t{});
        v.string_array(strings);
        v.string_array(names);
        v.binary(bytes);
        v.hex(bytes);
        v.base64(bytes);
        v.made_text(append);
    };

} // namespace sfcdc::inline v0::row
