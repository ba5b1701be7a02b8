// A column of a row: its name, its type, and where its content comes from.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <utility>

namespace sfcdc::inline v0::row {

// Column types by their names in Unity Catalog, each with the protobuf type that Zerobus wants for it.
// Source: Databricks' documentation of Zerobus, "Data types".
enum class column_type : std::uint8_t {
    string,       // STRING: string
    integer,      // INT: int32
    bigint,       // BIGINT: int64
    timestamp,    // TIMESTAMP: int64, microseconds since the epoch, UTC
    binary,       // BINARY: bytes
    string_array, // ARRAY<STRING>: repeated string
    boolean,      // BOOLEAN: bool
    double_,      // DOUBLE: double
    decimal,      // DECIMAL(precision, scale): string, the exact number without an exponent
    date,         // DATE: int32, days since the epoch
};

// Returns the name of a type in Unity Catalog ("BIGINT"); that of a decimal is without its digits, which sql_type() adds.
// "UNKNOWN" stands for a number that names none.
constexpr std::string_view to_string(column_type value) noexcept {
    switch (value) {
    case column_type::string: return "STRING";
    case column_type::integer: return "INT";
    case column_type::bigint: return "BIGINT";
    case column_type::timestamp: return "TIMESTAMP";
    case column_type::binary: return "BINARY";
    case column_type::string_array: return "ARRAY<STRING>";
    case column_type::boolean: return "BOOLEAN";
    case column_type::double_: return "DOUBLE";
    case column_type::decimal: return "DECIMAL";
    case column_type::date: return "DATE";
    }
    return "UNKNOWN";
}

// Where a column's content comes from.
enum class column_source : std::uint8_t {
    // the envelope, which is what the protocol says around the payload
    event_id,
    schema_id,
    topic_name,
    org_id,
    replay_id_hex,
    replay_id_base64,
    received_timestamp, // when sfcdc received the event
    received_ms,        // the same in milliseconds since the epoch, as BIGINT
    schema_json,
    payload,
    epoch,       // how often the org's commit numbers have begun anew
    snapshot_id, // of the snapshot that the row is from; null for a change event

    // the header
    change_type,
    entity_name,
    change_origin,
    record_ids,
    changed_fields,
    nulled_fields,
    diff_fields,
    transaction_key,
    sequence_number,
    commit_number,
    commit_user,
    commit_timestamp, // of a platform event its CreatedDate
    commit_ms,        // the same in milliseconds since the epoch, as BIGINT

    // the record that the row is for
    record_ordinal, // which of the event's records it is, from 0
    record_id,      // null where the event names no single record: "001*", GAP_OVERFLOW, a platform event

    // the body as JSON
    body_json,   // all fields but the header, null where the event has no value, doubles with a fraction
    stated_json, // what the event states: a value; null where a field was cleared, or of a new record is empty
    event_json,  // all fields with ChangeEventHeader in front, and the names of its bitmaps in it

    // one field of the body, and what belongs to a table of such columns
    field,
    columns_to_update, // names of the field columns that the event sets, those that it clears included
    rest_json, // what the event states of fields that no column of the layout can hold; null when that is nothing
};

// Returns the name of the enumerator; "unknown" for a number that names none.
constexpr std::string_view to_string(column_source value) noexcept {
    switch (value) {
    case column_source::event_id: return "event_id";
    case column_source::schema_id: return "schema_id";
    case column_source::topic_name: return "topic_name";
    case column_source::org_id: return "org_id";
    case column_source::replay_id_hex: return "replay_id_hex";
    case column_source::replay_id_base64: return "replay_id_base64";
    case column_source::received_timestamp: return "received_timestamp";
    case column_source::received_ms: return "received_ms";
    case column_source::schema_json: return "schema_json";
    case column_source::payload: return "payload";
    case column_source::epoch: return "epoch";
    case column_source::snapshot_id: return "snapshot_id";
    case column_source::change_type: return "change_type";
    case column_source::entity_name: return "entity_name";
    case column_source::change_origin: return "change_origin";
    case column_source::record_ids: return "record_ids";
    case column_source::changed_fields: return "changed_fields";
    case column_source::nulled_fields: return "nulled_fields";
    case column_source::diff_fields: return "diff_fields";
    case column_source::transaction_key: return "transaction_key";
    case column_source::sequence_number: return "sequence_number";
    case column_source::commit_number: return "commit_number";
    case column_source::commit_user: return "commit_user";
    case column_source::commit_timestamp: return "commit_timestamp";
    case column_source::commit_ms: return "commit_ms";
    case column_source::record_ordinal: return "record_ordinal";
    case column_source::record_id: return "record_id";
    case column_source::body_json: return "body_json";
    case column_source::stated_json: return "stated_json";
    case column_source::event_json: return "event_json";
    case column_source::field: return "field";
    case column_source::columns_to_update: return "columns_to_update";
    case column_source::rest_json: return "rest_json";
    }
    return "unknown";
}

// One column: its name, where its value comes from, and, of a field, which one and its type.
struct column {
    std::string name;
    column_source source = column_source::event_id;

    // These belong to column_source::field: the dotted name by which the plan finds it ("BillingAddress.City"), and the
    // type that its values are converted to. Precision and scale belong to a decimal.
    std::string field{};
    column_type field_type = column_type::string;
    std::uint8_t precision = 0, scale = 0;
    bool time_of_day =
        false; // of a text: the field is a time of a day in milliseconds, which becomes "08:30:00.000Z"

    // A column of a field.
    static column of_field(std::string name, std::string field, column_type type) {
        return {std::move(name), column_source::field, std::move(field), type, 0, 0, false};
    }
    // A field as DECIMAL(precision, scale), of at most 38 digits.
    static column of_decimal(std::string name, std::string field, std::uint8_t precision, std::uint8_t scale) {
        return {
            std::move(name), column_source::field, std::move(field), column_type::decimal, precision, scale, false};
    }

    // The type of any other column follows from its source, so that a message and its description cannot disagree.
    constexpr column_type type() const noexcept {
        using enum column_source;
        switch (source) {
        case column_source::field: return field_type;
        case epoch:
        case sequence_number:
        case record_ordinal: return column_type::integer;
        case commit_number:
        case commit_ms:
        case received_ms: return column_type::bigint;
        case commit_timestamp:
        case received_timestamp: return column_type::timestamp;
        case payload: return column_type::binary;
        case record_ids:
        case changed_fields:
        case nulled_fields:
        case diff_fields:
        case columns_to_update: return column_type::string_array;
        default: return column_type::string;
        }
    }
    friend bool operator==(const column&, const column&) = default;
};

// What the protocol says around the payload. The views are used during one append only. An empty text makes the column null.
struct envelope {
    std::string_view event_id{};
    std::string_view schema_id{};
    std::string_view topic_name{};
    std::string_view org_id{};
    std::span<const std::byte> replay_id{};
    std::string_view schema_json{};
    std::int64_t received_timestamp = 0; // milliseconds since the epoch, UTC
    std::int32_t epoch = 0;
    std::string_view snapshot_id{};
};

// Whether an event is one row, or one for each of its records.
enum class granularity : std::uint8_t { event, record };

// Returns the name of the enumerator; "unknown" for a number that names none.
constexpr std::string_view to_string(granularity value) noexcept {
    switch (value) {
    case granularity::event: return "event";
    case granularity::record: return "record";
    }
    return "unknown";
}

} // namespace sfcdc::inline v0::row
