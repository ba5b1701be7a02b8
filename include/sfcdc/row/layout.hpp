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

namespace sfcdc::row {

// Column types by their names in Unity Catalog, with the protobuf type that Zerobus wants for each.
enum class column_type : std::uint8_t {
    string,       // STRING: string
    bigint,       // BIGINT: int64
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
    commit_timestamp,   // ms; of a platform event its CreatedDate
    received_timestamp, // ms: when sfcdc received the event
    body_json,          // all fields but the header, null where the event has no value
    event_json,         // body_json with ChangeEventHeader in front, and the names of its bitmaps in it
    payload,
    schema_json,
};

struct column {
    std::string name;
    column_type type = column_type::string;
    column_source source = column_source::event_id;
};

// What the protocol says around the payload. Views, used during one append only. Empty text: the column is null.
struct envelope {
    std::string_view event_id;
    std::string_view schema_id;
    std::string_view topic_name;
    std::string_view org_id;
    std::span<const std::byte> replay_id;
    std::string_view schema_json;
    std::int64_t received_timestamp = 0; // milliseconds since the epoch, UTC
};

// An ordered list of columns. Owns its names. Protobuf field numbers are positions, from 1.
class layout {
  public:
    explicit layout(std::vector<column> columns) : columns_(std::move(columns)) {}

    std::span<const column> columns() const noexcept { return columns_; }

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
    std::vector<column> columns_;
};

} // namespace sfcdc::row
