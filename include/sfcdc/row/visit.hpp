// What goes into the columns of a row: a column's meaning is written here, once for all ways of writing rows.
#pragma once

#include <cstdint>
#include <span>
#include <string_view>

#include <sfcdc/avro/plan.hpp>
#include <sfcdc/cdc/event.hpp>
#include <sfcdc/row/event_json.hpp>
#include <sfcdc/row/layout.hpp>
#include <sfcdc/row/source.hpp>
#include <sfcdc/wire/appender.hpp>

namespace sfcdc::row {

// Calls one of visitor.null(), .integer(std::int32_t), .bigint(std::int64_t), .string(std::string_view), .string_array(range of
// std::string_view), .binary(std::span<const std::byte>), .hex(the same, as digits), .base64(the same), .made_text(append) with
// what goes into a column. `append(wire::appender&)` appends JSON that is made for the row, and returns how many bytes
// were replaced; nothing is allocated for it. Every way of writing a row goes through here.
template<class Visitor>
[[gnu::always_inline]] inline void visit(const column& c, const source& from, Visitor&& visitor) {
    const cdc::event& e = from.event;
    const envelope& around = from.around;
    const header_values& header = from.header;
    const auto microseconds = [](std::int64_t ms) { // a time out of their range stays what it is
        constexpr std::int64_t most = 9'223'372'036'854'775;
        return ms >= -most && ms <= most ? ms * 1000 : ms;
    };
    std::string_view text;     // of the sources that are one
    bool may_be_empty = false; // and is not null then
    switch (c.source) {
    case column_source::event_id: text = around.event_id; break;
    case column_source::schema_id: text = around.schema_id; break;
    case column_source::topic_name: text = around.topic_name; break;
    case column_source::org_id: text = around.org_id; break;
    case column_source::schema_json: text = around.schema_json; break;
    case column_source::transaction_key: text = header.transaction_key; break;
    case column_source::commit_user: text = header.commit_user; break;
    case column_source::record_id: text = from.of.id; break;
    // A platform event has neither; the word is what the Python library writes then.
    case column_source::change_type:
        text = e.has_header() ? header.change_type : "UNKNOWN";
        may_be_empty = true;
        break;
    case column_source::entity_name:
        text = e.has_header() ? header.entity_name : "UNKNOWN";
        may_be_empty = true;
        break;
    case column_source::change_origin: // empty: a background change
        text = header.change_origin;
        may_be_empty = true;
        break;
    case column_source::replay_id_hex:
        return around.replay_id.empty() ? visitor.null() : visitor.hex(around.replay_id);
    case column_source::replay_id_base64:
        return around.replay_id.empty() ? visitor.null() : visitor.base64(around.replay_id);
    case column_source::record_ids: return visitor.string_array(header.record_ids);
    case column_source::changed_fields: return visitor.string_array(e.changed_fields());
    case column_source::nulled_fields: return visitor.string_array(e.nulled_fields());
    case column_source::diff_fields: return visitor.string_array(e.diff_fields());
    case column_source::sequence_number:
        return e.has_header() ? visitor.integer(header.sequence_number) : visitor.null();
    case column_source::commit_number: return e.has_header() ? visitor.bigint(header.commit_number) : visitor.null();
    case column_source::record_ordinal: return visitor.integer(static_cast<std::int32_t>(from.of.ordinal));
    case column_source::commit_timestamp: return visitor.bigint(microseconds(from.commit_ms));
    case column_source::received_timestamp: return visitor.bigint(microseconds(around.received_timestamp));
    case column_source::commit_ms: return visitor.bigint(from.commit_ms);
    case column_source::received_ms: return visitor.bigint(around.received_timestamp);
    case column_source::stated_json:
        return visitor.made_text(
            [&](wire::appender& out) { return detail::append_body(e, detail::body::stated, out); });
    case column_source::body_json:
        return visitor.made_text(
            [&](wire::appender& out) { return detail::append_body(e, detail::body::all_fields, out); });
    case column_source::event_json:
        return visitor.made_text([&](wire::appender& out) { return detail::append_datum(e, out); });
    case column_source::payload: return visitor.binary(e.payload());
    }
    text.empty() && !may_be_empty ? visitor.null() : visitor.string(text);
}

} // namespace sfcdc::row
