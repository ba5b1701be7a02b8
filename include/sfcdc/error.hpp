// What can go wrong, as values: a code, and the position in the input at which it was noticed.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string_view>

namespace sfcdc::inline v0 {

// What is wrong. The groups say which input it is, and what error::offset counts in it.
enum class [[nodiscard]] errc : std::uint8_t {
    none,

    // schema text; offset = byte in the JSON
    schema_too_large,
    json_syntax,
    json_too_deep,
    json_bad_escape,
    schema_not_a_type,
    schema_missing_attribute,
    schema_bad_name,
    schema_unknown_name,
    schema_duplicate_name,
    schema_bad_union,
    schema_bad_size,
    schema_root_not_a_record,
    schema_header_mismatch,
    unknown_field,

    // datum; offset = byte in the payload
    payload_too_large,
    end_of_data,
    varint_too_long,
    int_out_of_range,
    bad_boolean,
    negative_length,
    length_beyond_end,
    bad_union_index,
    bad_enum_index,
    datum_too_deep,
    too_many_empty_items,
    bad_block_size,
    trailing_bytes,

    // changedFields, nulledFields, diffFields; offset = byte in the payload where the element stands
    bitmap_syntax,
    bitmap_bit_beyond_fields,
    bitmap_parent_not_a_record,

    // diffs of long texts; offset = byte in the diff
    diff_syntax,
    diff_does_not_apply,
    diff_wrong_hash,

    // layouts; offset = position in the list of names or columns
    unknown_column,
    bad_column_name,
    bad_column_type,
    column_names_collide,
    too_many_columns,
    batch_full,
    bound_to_another,

    // protobuf messages; offset = byte in the message
    message_truncated,
    message_bad_tag,

    // texts of bytes; offset = character in the text
    bad_hex,
    bad_base64,
    replay_id_too_long,

    // subscription and ingest stream, mistakes of the user; nothing was taken, and nothing changed
    not_expected_now,
    unknown_call,
    released_too_many,
    record_batch_too_large,
    stream_full,
    stream_closed,

    // checkpoint; offset = which of the rows given, else 0
    checkpoint_full,
    checkpoint_bad_row,
    checkpoint_never_sent,
};

// Returns the name of the enumerator, as a label of logs and metrics; "unknown" for a number that names none.
constexpr std::string_view to_string(errc code) noexcept {
    switch (code) {
    case errc::none: return "none";
    case errc::schema_too_large: return "schema_too_large";
    case errc::json_syntax: return "json_syntax";
    case errc::json_too_deep: return "json_too_deep";
    case errc::json_bad_escape: return "json_bad_escape";
    case errc::schema_not_a_type: return "schema_not_a_type";
    case errc::schema_missing_attribute: return "schema_missing_attribute";
    case errc::schema_bad_name: return "schema_bad_name";
    case errc::schema_unknown_name: return "schema_unknown_name";
    case errc::schema_duplicate_name: return "schema_duplicate_name";
    case errc::schema_bad_union: return "schema_bad_union";
    case errc::schema_bad_size: return "schema_bad_size";
    case errc::schema_root_not_a_record: return "schema_root_not_a_record";
    case errc::schema_header_mismatch: return "schema_header_mismatch";
    case errc::unknown_field: return "unknown_field";
    case errc::payload_too_large: return "payload_too_large";
    case errc::end_of_data: return "end_of_data";
    case errc::varint_too_long: return "varint_too_long";
    case errc::int_out_of_range: return "int_out_of_range";
    case errc::bad_boolean: return "bad_boolean";
    case errc::negative_length: return "negative_length";
    case errc::length_beyond_end: return "length_beyond_end";
    case errc::bad_union_index: return "bad_union_index";
    case errc::bad_enum_index: return "bad_enum_index";
    case errc::datum_too_deep: return "datum_too_deep";
    case errc::too_many_empty_items: return "too_many_empty_items";
    case errc::bad_block_size: return "bad_block_size";
    case errc::trailing_bytes: return "trailing_bytes";
    case errc::bitmap_syntax: return "bitmap_syntax";
    case errc::bitmap_bit_beyond_fields: return "bitmap_bit_beyond_fields";
    case errc::bitmap_parent_not_a_record: return "bitmap_parent_not_a_record";
    case errc::diff_syntax: return "diff_syntax";
    case errc::diff_does_not_apply: return "diff_does_not_apply";
    case errc::diff_wrong_hash: return "diff_wrong_hash";
    case errc::unknown_column: return "unknown_column";
    case errc::bad_column_name: return "bad_column_name";
    case errc::bad_column_type: return "bad_column_type";
    case errc::column_names_collide: return "column_names_collide";
    case errc::too_many_columns: return "too_many_columns";
    case errc::batch_full: return "batch_full";
    case errc::bound_to_another: return "bound_to_another";
    case errc::message_truncated: return "message_truncated";
    case errc::message_bad_tag: return "message_bad_tag";
    case errc::bad_hex: return "bad_hex";
    case errc::bad_base64: return "bad_base64";
    case errc::replay_id_too_long: return "replay_id_too_long";
    case errc::not_expected_now: return "not_expected_now";
    case errc::unknown_call: return "unknown_call";
    case errc::released_too_many: return "released_too_many";
    case errc::record_batch_too_large: return "record_batch_too_large";
    case errc::stream_full: return "stream_full";
    case errc::stream_closed: return "stream_closed";
    case errc::checkpoint_full: return "checkpoint_full";
    case errc::checkpoint_bad_row: return "checkpoint_bad_row";
    case errc::checkpoint_never_sent: return "checkpoint_never_sent";
    }
    return "unknown";
}

// One sentence for each code; the caller adds where.
constexpr const char* message(errc code) noexcept {
    switch (code) {
    case errc::none: return "no error";
    case errc::schema_too_large:
        return "the schema is larger than limits::schema_bytes, or has more types, values or longer names than other "
               "limits allow";
    case errc::json_syntax: return "the schema is not JSON here";
    case errc::json_too_deep: return "the schema is nested deeper than limits::json_depth";
    case errc::json_bad_escape: return "a string of the schema has a bad escape sequence";
    case errc::schema_not_a_type: return "an Avro type was expected here";
    case errc::schema_missing_attribute:
        return "this Avro type lacks an attribute that it must have, or it has the wrong kind";
    case errc::schema_bad_name: return "this is not an Avro name";
    case errc::schema_unknown_name: return "this names a type that is not defined before this place";
    case errc::schema_duplicate_name: return "this name is already taken";
    case errc::schema_bad_union: return "this union holds a union, or two branches that cannot be told apart";
    case errc::schema_bad_size: return "the size of a fixed type must be a whole number from 0 to 4294967295";
    case errc::schema_root_not_a_record: return "an event schema must be a record, with at least one field";
    case errc::schema_header_mismatch: return "a member of ChangeEventHeader has an unexpected type";
    case errc::unknown_field: return "the schema has no field of this name, or a projection left it out";
    case errc::payload_too_large: return "the payload is larger than limits::payload_bytes";
    case errc::end_of_data: return "the payload ends inside a value";
    case errc::varint_too_long: return "a variable-length integer has more than 10 bytes or overflows 64 bits";
    case errc::int_out_of_range: return "an Avro int does not fit 32 bits";
    case errc::bad_boolean: return "an Avro boolean is neither 0 nor 1";
    case errc::negative_length: return "a length is negative";
    case errc::length_beyond_end: return "a length points past the end of the payload";
    case errc::bad_union_index: return "a union index names no branch: the payload was written with another schema";
    case errc::bad_enum_index: return "an enum index names no symbol: the payload was written with another schema";
    case errc::datum_too_deep: return "the payload is nested deeper than limits::datum_depth";
    case errc::too_many_empty_items:
        return "the payload claims more items that take no bytes than limits::empty_items";
    case errc::bad_block_size:
        return "the byte size of an array or map block is negative or goes past the end of the payload";
    case errc::trailing_bytes: return "bytes are left after the event: the payload was written with another schema";
    case errc::bitmap_syntax: return "a field bitmap is not of the form 0xHEX or POSITION-0xHEX";
    case errc::bitmap_bit_beyond_fields:
        return "a field bitmap has a bit past the last field: the event's schema is another one";
    case errc::bitmap_parent_not_a_record: return "a nested field bitmap names a field that is not a compound field";
    case errc::diff_syntax: return "this is not a unified diff with a SHA-256 in its second line";
    case errc::diff_does_not_apply: return "the diff is not for this text";
    case errc::diff_wrong_hash: return "the text that the diff gives does not have the SHA-256 that it should";
    case errc::unknown_column: return "the layout has no column of this name";
    case errc::bad_column_name: return "a column's name is empty, or stands twice";
    case errc::bad_column_type: return "a decimal has 1 to 38 digits, and as many or fewer of them behind the point";
    case errc::column_names_collide:
        return "two fields would have the same column, since tables do not tell capitals from small letters";
    case errc::too_many_columns: return "the table would have more columns than limits::table_columns";
    case errc::bound_to_another:
        return "the layout is bound to another plan than the event's, or is not the batch's own";
    case errc::batch_full: return "the batch holds as many rows or bytes as it may; close it, and add again";
    case errc::message_truncated: return "the message ends inside a field";
    case errc::message_bad_tag: return "this is not the tag of a protobuf field, or it begins a group";
    case errc::bad_hex: return "the text is not an even number of hexadecimal digits";
    case errc::bad_base64: return "the text is not base64";
    case errc::replay_id_too_long: return "a replay id is longer than limits::replay_id_bytes";
    case errc::record_batch_too_large: return "the records are more than limits::request_record_bytes";
    case errc::stream_full: return "the stream holds as much as it may; add again when more is durable";
    case errc::stream_closed: return "the stream is closed or has failed, and takes no more rows";
    case errc::not_expected_now: return "this cannot happen, or be asked for, in the state that the machine is in";
    case errc::unknown_call: return "no call of this number was ever opened";
    case errc::released_too_many: return "more events are released than were handed over";
    case errc::checkpoint_full: return "the checkpoint holds as many events that are not durable as it may";
    case errc::checkpoint_bad_row:
        return "an event has a row on a stream that the checkpoint does not know, or in front of an earlier event's "
               "row";
    case errc::checkpoint_never_sent: return "a stream reports rows as durable that no event has";
    }
    return "unknown error";
}

// An error is a code and a place. It converts to true if something is wrong, as std::error_code does, so that it is named `bad`
// where it is tested. `offset` counts bytes from the start of the input that was read, unless the code's group says otherwise.
struct [[nodiscard]] error {
    errc code = errc::none;
    std::uint32_t offset = 0;

    explicit constexpr operator bool() const noexcept { return code != errc::none; }
    constexpr const char* message() const noexcept { return sfcdc::message(code); }
    friend constexpr bool operator==(const error&, const error&) = default;
};

// A result is a value and an error; if the error says that something is wrong, the value must not be used. It is meant for
// `const auto [plan, bad] = compile(...)`. It does not convert to bool, since its conversion would mean the opposite of the error's:
// ok() is true if the value may be used.
template<class T> struct [[nodiscard]] result {
    T value{};
    sfcdc::error error{};

    constexpr bool ok() const noexcept { return !error; }
};

} // namespace sfcdc::inline v0
