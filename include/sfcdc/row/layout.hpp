// Which columns a row has and what goes into each. The names, types and meanings of a layout are an interface: tables
// and queries of users depend on them.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <sfcdc/error.hpp>
#include <sfcdc/wire/protobuf.hpp>

namespace sfcdc::row {

// Column types by their names in Unity Catalog, with the protobuf type that Zerobus wants for each.
enum class column_type : std::uint8_t {
    string,       // STRING: string
    integer,      // INT: int32
    bigint,       // BIGINT: int64
    timestamp,    // TIMESTAMP: int64, microseconds since the epoch, UTC
    binary,       // BINARY: bytes
    string_array, // ARRAY<STRING>: repeated string
};

// Where a column's content comes from.
enum class column_source : std::uint8_t {
    event_id,
    schema_id,
    topic_name,
    org_id,
    replay_id_hex,
    replay_id_base64,
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
    record_ordinal,     // which of the event's records the row is for, from 0
    record_id,          // null where the event names no single record: "001*", GAP_OVERFLOW, a platform event
    commit_timestamp,   // of a platform event its CreatedDate
    received_timestamp, // when sfcdc received the event
    commit_ms,          // the same two in milliseconds since the epoch, as BIGINT
    received_ms,
    body_json,   // all fields but the header, null where the event has no value
    stated_json, // what the event states: a value; null where a field was cleared, or of a new record is empty
    event_json,  // body_json with ChangeEventHeader in front, and the names of its bitmaps in it
    payload,
    schema_json,
};

struct column {
    std::string name;
    column_source source = column_source::event_id;

    // What the source is, is what the column is: a message and its description cannot disagree.
    constexpr column_type type() const noexcept {
        using enum column_source;
        switch (source) {
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
        case diff_fields: return column_type::string_array;
        default: return column_type::string;
        }
    }
};

// What the protocol says around the payload. Views, used during one append only. Empty text: the column is null.
struct envelope {
    std::string_view event_id{};
    std::string_view schema_id{};
    std::string_view topic_name{};
    std::string_view org_id{};
    std::span<const std::byte> replay_id{};
    std::string_view schema_json{};
    std::int64_t received_timestamp = 0; // milliseconds since the epoch, UTC
};

enum class granularity : std::uint8_t { event, record };

// An ordered list of columns, and whether an event is one row or one for each of its records. Owns its names. Protobuf
// field numbers are positions, from 1.
class layout {
  public:
    layout() = default;
    // Names that are empty or stand twice are an error; its offset is the position of the column.
    static result<layout> make(std::vector<column> columns, granularity rows = granularity::event) {
        for (std::size_t i = 0; i < columns.size(); ++i)
            if (columns[i].name.empty() || find(std::span(columns).first(i), columns[i].name) != nullptr)
                return {{}, {errc::bad_column_name, static_cast<std::uint32_t>(i)}};
        return {layout(std::move(columns), rows), {}};
    }

    std::span<const column> columns() const noexcept { return columns_; }
    granularity rows() const noexcept { return rows_; }
    // Of each column's field in a message.
    std::span<const wire::protobuf_tag> tags() const noexcept { return tags_; }

    // The same with these columns only, in the order given; without these; and with another name for one. An unknown
    // name is an error (its offset is the position in `names`), and so is a new name that is empty or stands twice.
    result<layout> only(std::span<const std::string_view> names) const {
        std::vector<column> kept;
        for (std::size_t i = 0; i < names.size(); ++i) {
            const column* const c = find(columns_, names[i]);
            if (c == nullptr) return {{}, {errc::unknown_column, static_cast<std::uint32_t>(i)}};
            kept.push_back(*c);
        }
        return make(std::move(kept), rows_);
    }
    result<layout> without(std::span<const std::string_view> names) const {
        std::vector<column> kept = columns_;
        for (std::size_t i = 0; i < names.size(); ++i)
            if (std::erase_if(kept, [&](const column& c) { return c.name == names[i]; }) == 0)
                return {{}, {errc::unknown_column, static_cast<std::uint32_t>(i)}};
        return {layout(std::move(kept), rows_), {}};
    }
    result<layout> renamed(std::string_view from, std::string_view to) const {
        std::vector<column> all = columns_;
        const auto c = std::find_if(all.begin(), all.end(), [&](const column& each) { return each.name == from; });
        if (c == all.end()) return {{}, {errc::unknown_column, 0}};
        if (to.empty() || (from != to && find(columns_, to) != nullptr)) return {{}, {errc::bad_column_name, 0}};
        c->name = to;
        return {layout(std::move(all), rows_), {}};
    }

    // One row for each record id, with everything that is needed to rebuild order and transactions. org_id, topic,
    // replay_id and record_ordinal together are unique: what comes twice is found by them.
    static layout sfcdc() {
        using s = column_source;
        return layout({{"org_id", s::org_id},
                       {"topic", s::topic_name},
                       {"replay_id", s::replay_id_hex},
                       {"record_ordinal", s::record_ordinal},
                       {"event_id", s::event_id},
                       {"schema_id", s::schema_id},
                       {"entity_name", s::entity_name},
                       {"change_type", s::change_type},
                       {"record_id", s::record_id},
                       {"transaction_key", s::transaction_key},
                       {"sequence_number", s::sequence_number},
                       {"commit_number", s::commit_number},
                       {"commit_timestamp", s::commit_timestamp},
                       {"commit_user", s::commit_user},
                       {"change_origin", s::change_origin},
                       {"changed_fields", s::changed_fields},
                       {"nulled_fields", s::nulled_fields},
                       {"diff_fields", s::diff_fields},
                       {"record_data", s::stated_json},
                       {"ingested_at", s::received_timestamp}},
                      granularity::record);
    }

    // The table of the Python library salesforce-zerobus, column by column, so that queries on it go on working.
    // `timestamp` is the commit time, as documented there. schema_json has 10 to 20 KB: sfcdc fills it in the first row of
    // each schema id, unless told to do so more often.
    static layout salesforce_zerobus() {
        using s = column_source;
        return layout({{"event_id", s::event_id},
                       {"schema_id", s::schema_id},
                       {"replay_id", s::replay_id_hex},
                       {"timestamp", s::commit_ms},
                       {"change_type", s::change_type},
                       {"entity_name", s::entity_name},
                       {"change_origin", s::change_origin},
                       {"record_ids", s::record_ids},
                       {"changed_fields", s::changed_fields},
                       {"nulled_fields", s::nulled_fields},
                       {"diff_fields", s::diff_fields},
                       {"record_data_json", s::body_json},
                       {"payload_binary", s::payload},
                       {"schema_json", s::schema_json},
                       {"org_id", s::org_id},
                       {"processed_timestamp", s::received_ms}});
    }

    // The table of the Salesforce Pub/Sub connector for Lakeflow.
    static layout lakeflow() {
        using s = column_source;
        return layout({{"replay_id", s::replay_id_base64},
                       {"event_payload", s::payload},
                       {"schema_id", s::schema_id},
                       {"topic_name", s::topic_name},
                       {"timestamp", s::received_ms},
                       {"decoded_event", s::event_json}});
    }

  private:
    explicit layout(std::vector<column> columns, granularity rows = granularity::event)
        : columns_(std::move(columns)), rows_(rows) {
        tags_.reserve(columns_.size());
        for (const column& c : columns_) {
            const column_type t = c.type();
            const bool number = t == column_type::integer || t == column_type::bigint || t == column_type::timestamp;
            tags_.emplace_back(static_cast<std::uint32_t>(tags_.size() + 1),
                               number ? wire::wire_type::varint : wire::wire_type::length_delimited);
        }
    }
    static const column* find(std::span<const column> columns, std::string_view name) noexcept {
        for (const column& c : columns)
            if (c.name == name) return &c;
        return nullptr;
    }

    std::vector<column> columns_;
    std::vector<wire::protobuf_tag> tags_;
    granularity rows_ = granularity::event;
};

} // namespace sfcdc::row
