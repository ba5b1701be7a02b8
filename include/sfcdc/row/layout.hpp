// Which columns a row has and what goes into each. The names, types and meanings of a layout are an interface: tables
// and queries of users depend on them.
#pragma once

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
    commit_timestamp,   // ms, or us in a timestamp column; of a platform event its CreatedDate
    received_timestamp, // ms, or us in a timestamp column: when sfcdc received the event
    body_json,          // all fields but the header, null where the event has no value
    stated_json,        // what the event states: a value where there is one, null where it was cleared, else nothing
    event_json,         // body_json with ChangeEventHeader in front, and the names of its bitmaps in it
    payload,
    schema_json,
};

namespace detail {

// Whether it is written as a number, whatever the column's type says.
constexpr bool is_number(column_source source) noexcept {
    switch (source) {
    case column_source::sequence_number:
    case column_source::commit_number:
    case column_source::record_ordinal:
    case column_source::commit_timestamp:
    case column_source::received_timestamp: return true;
    default: return false;
    }
}

} // namespace detail

struct column {
    std::string name;
    column_type type = column_type::string;
    column_source source = column_source::event_id;
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
    explicit layout(std::vector<column> columns, granularity rows = granularity::event)
        : columns_(std::move(columns)), rows_(rows) {
        tags_.reserve(columns_.size());
        for (const column& c : columns_)
            tags_.emplace_back(static_cast<std::uint32_t>(tags_.size() + 1), detail::is_number(c.source)
                                                                                 ? wire::wire_type::varint
                                                                                 : wire::wire_type::length_delimited);
    }

    std::span<const column> columns() const noexcept { return columns_; }
    granularity rows() const noexcept { return rows_; }
    // Of each column's field in a message.
    std::span<const wire::protobuf_tag> tags() const noexcept { return tags_; }

    // The same with these columns only, in the order given; without these; and with another name for one. An unknown
    // name is an error (its offset is the position in `names`), and so is a name that is taken.
    result<layout> only(std::span<const std::string_view> names) const {
        std::vector<column> kept;
        for (std::size_t i = 0; i < names.size(); ++i) {
            const column* const c = find(columns_, names[i]);
            if (c == nullptr || find(kept, names[i]) != nullptr)
                return {{}, {errc::unknown_column, static_cast<std::uint32_t>(i)}};
            kept.push_back(*c);
        }
        return {layout(std::move(kept), rows_), {}};
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
        for (column& c : all) {
            if (c.name != from) continue;
            if (from != to && find(columns_, to) != nullptr) break;
            c.name = to;
            return {layout(std::move(all), rows_), {}};
        }
        return {{}, {errc::unknown_column, 0}};
    }

    // One row for each record id, with everything that is needed to rebuild order and transactions. org_id, topic,
    // replay_id and record_ordinal together are unique: what comes twice is found by them.
    static layout sfcdc() {
        using enum column_type;
        using s = column_source;
        return layout({{"org_id", string, s::org_id},
                       {"topic", string, s::topic_name},
                       {"replay_id", string, s::replay_id_hex},
                       {"record_ordinal", integer, s::record_ordinal},
                       {"event_id", string, s::event_id},
                       {"schema_id", string, s::schema_id},
                       {"entity_name", string, s::entity_name},
                       {"change_type", string, s::change_type},
                       {"record_id", string, s::record_id},
                       {"transaction_key", string, s::transaction_key},
                       {"sequence_number", integer, s::sequence_number},
                       {"commit_number", bigint, s::commit_number},
                       {"commit_timestamp", timestamp, s::commit_timestamp},
                       {"commit_user", string, s::commit_user},
                       {"change_origin", string, s::change_origin},
                       {"changed_fields", string_array, s::changed_fields},
                       {"nulled_fields", string_array, s::nulled_fields},
                       {"diff_fields", string_array, s::diff_fields},
                       {"record_data", string, s::stated_json},
                       {"ingested_at", timestamp, s::received_timestamp}},
                      granularity::record);
    }

    // The table of the Python library salesforce-zerobus, column by column, so that queries on it go on working.
    // `timestamp` is the commit time, as documented there. schema_json has 10 to 20 KB: sfcdc fills it when the schema
    // changes, not in each row, unless told to.
    static layout salesforce_zerobus() {
        using enum column_type;
        using s = column_source;
        return layout({{"event_id", string, s::event_id},
                       {"schema_id", string, s::schema_id},
                       {"replay_id", string, s::replay_id_hex},
                       {"timestamp", bigint, s::commit_timestamp},
                       {"change_type", string, s::change_type},
                       {"entity_name", string, s::entity_name},
                       {"change_origin", string, s::change_origin},
                       {"record_ids", string_array, s::record_ids},
                       {"changed_fields", string_array, s::changed_fields},
                       {"nulled_fields", string_array, s::nulled_fields},
                       {"diff_fields", string_array, s::diff_fields},
                       {"record_data_json", string, s::body_json},
                       {"payload_binary", binary, s::payload},
                       {"schema_json", string, s::schema_json},
                       {"org_id", string, s::org_id},
                       {"processed_timestamp", bigint, s::received_timestamp}});
    }

    // The table of the Salesforce Pub/Sub connector for Lakeflow.
    static layout lakeflow() {
        using enum column_type;
        using s = column_source;
        return layout({{"replay_id", string, s::replay_id_base64},
                       {"event_payload", binary, s::payload},
                       {"schema_id", string, s::schema_id},
                       {"topic_name", string, s::topic_name},
                       {"timestamp", bigint, s::received_timestamp},
                       {"decoded_event", string, s::event_json}});
    }

  private:
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
