// An ordered list of columns. The names, types and meanings of the layouts that are made here are an interface: tables and
// queries of users depend on them.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <sfcdc/error.hpp>
#include <sfcdc/row/column.hpp>
#include <sfcdc/wire/protobuf.hpp>

namespace sfcdc::inline v0::row {

// An ordered list of columns, and whether an event is one row or one for each of its records. Owns its names. Protobuf
// field numbers are positions, from 1.
class layout {
  public:
    layout() = default;
    // Names that are empty or stand twice are an error, and so is a decimal of no digits or more than 38; its offset is the
    // position of the column.
    static result<layout> make(std::vector<column> columns, granularity rows = granularity::event) {
        for (std::size_t i = 0; i < columns.size(); ++i)
            if (columns[i].type() == column_type::decimal
                && (columns[i].precision == 0 || columns[i].precision > 38
                    || columns[i].scale > columns[i].precision))
                return {{}, {errc::bad_column_type, static_cast<std::uint32_t>(i)}};
        for (std::size_t i = 0; i < columns.size(); ++i)
            if (columns[i].name.empty() || find({columns.data(), i}, columns[i].name) != nullptr)
                return {{}, {errc::bad_column_name, static_cast<std::uint32_t>(i)}};
        return {layout(std::move(columns), rows), {}};
    }

    std::span<const column> columns() const noexcept { return {columns_.data(), columns_.size()}; }
    granularity rows() const noexcept { return rows_; }
    // Whether it has columns that need bind(): those of fields, and those that depend on them.
    bool has_fields() const noexcept { return has_fields_; }
    // Of each column's field in a message.
    std::span<const wire::protobuf_tag> tags() const noexcept { return {tags_.data(), tags_.size()}; }

    // The same with these columns only, in the order given; without these; and with another name for one. An unknown
    // name is an error (its offset is the position in `names`), and so is a new name that is empty or stands twice.
    result<layout> only(std::span<const std::string_view> names) const {
        std::vector<column> kept;
        for (std::size_t i = 0; i < names.size(); ++i) {
            const column* const c = find(columns(), names[i]);
            if (c == nullptr) return {{}, {errc::unknown_column, static_cast<std::uint32_t>(i)}};
            kept.push_back(*c);
        }
        return make(std::move(kept), rows_);
    }
    result<layout> without(std::span<const std::string_view> names) const {
        std::vector<column> kept = columns_;
        for (std::size_t i = 0; i < names.size(); ++i) {
            auto dropped = kept.begin();
            while (dropped != kept.end() && dropped->name != names[i]) ++dropped;
            if (dropped == kept.end()) return {{}, {errc::unknown_column, static_cast<std::uint32_t>(i)}};
            kept.erase(dropped);
        }
        return {layout(std::move(kept), rows_), {}};
    }
    result<layout> renamed(std::string_view from, std::string_view to) const {
        std::vector<column> all = columns_;
        auto c = all.begin();
        while (c != all.end() && c->name != from) ++c;
        if (c == all.end()) return {{}, {errc::unknown_column, 0}};
        if (to.empty() || (from != to && find(columns(), to) != nullptr)) return {{}, {errc::bad_column_name, 0}};
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
            tags_.emplace_back(static_cast<std::uint32_t>(tags_.size() + 1), wire_type_of(c.type()));
            has_fields_ |= c.source == column_source::field || c.source == column_source::columns_to_update
                           || c.source == column_source::rest_json;
        }
    }
    static wire::wire_type wire_type_of(column_type type) noexcept {
        switch (type) {
        case column_type::double_: return wire::wire_type::fixed64;
        case column_type::string:
        case column_type::binary:
        case column_type::string_array:
        case column_type::decimal: return wire::wire_type::length_delimited;
        default: return wire::wire_type::varint;
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
    bool has_fields_ = false;
};

} // namespace sfcdc::inline v0::row
