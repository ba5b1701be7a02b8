// What goes into the columns of a row: a column's meaning is written here, once for all ways of writing rows.
#pragma once

#include <cstdint>
#include <span>
#include <string_view>

#include <sfcdc/cdc/event.hpp>
#include <sfcdc/row/column.hpp>
#include <sfcdc/row/columns_to_update.hpp>
#include <sfcdc/row/convert.hpp>
#include <sfcdc/row/event_json.hpp>
#include <sfcdc/row/rest_json.hpp>
#include <sfcdc/row/source.hpp>
#include <sfcdc/row/visitor.hpp>
#include <sfcdc/wire/appender.hpp>

namespace sfcdc::inline v0::row {

// Shows a visitor what goes into a column that is of no field. Every way of writing a row goes through here and
// visit_field().
template<row_visitor V> [[gnu::always_inline]] inline void visit(const column& c, const source& from, V& visitor) {
    const cdc::event& e = from.event;
    const envelope& around = from.around;
    const header_values& header = from.header;
    // The header's times are Salesforce's own; one out of the range of microseconds stays what it is.
    const auto microseconds = [](std::int64_t ms) { return microseconds_of(ms).value_or(ms); };
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
    case column_source::commit_timestamp: return visitor.timestamp(microseconds(from.commit_ms));
    case column_source::received_timestamp: return visitor.timestamp(microseconds(around.received_timestamp));
    case column_source::commit_ms: return visitor.bigint(from.commit_ms);
    case column_source::received_ms: return visitor.bigint(around.received_timestamp);
    case column_source::stated_json:
        return visitor.made_text(
            [&](wire::appender& out) { return detail::append_body(e, from.states, detail::body::stated, out); });
    case column_source::body_json:
        return visitor.made_text(
            [&](wire::appender& out) { return detail::append_body(e, from.states, detail::body::all_fields, out); });
    case column_source::event_json:
        return visitor.made_text([&](wire::appender& out) { return detail::append_datum(e, out); });
    case column_source::payload: return visitor.binary(e.payload());
    case column_source::epoch: return visitor.integer(around.epoch);
    case column_source::snapshot_id: text = around.snapshot_id; break;
    case column_source::columns_to_update:
        return visitor.string_array(columns_to_update(*from.bound, e, from.states));
    case column_source::rest_json: {
        const rest_of_event rest(*from.bound, e, from.states);
        if (rest.empty()) [[likely]]
            return visitor.null();
        return visitor.made_text([&](wire::appender& out) { return rest.append(out); });
    }
    case column_source::field: return visitor.null(); // visit_field() has the others
    }
    text.empty() && !may_be_empty ? visitor.null() : visitor.string(text);
}

// Shows a visitor one column of a row, of a field or not; `position` is the column's in the layout.
template<row_visitor V>
[[gnu::always_inline]] inline void visit(const bound_layout& bound, std::size_t position, const source& from,
                                         V& visitor) {
    const column& c = bound.layout().columns()[position];
    if (c.source != column_source::field) return visit(c, from, visitor);
    const bound_field& b = bound[position];
    if (!b || !from.event.has_value(b.field) || from.event.diff_fields().contains(b.field)
        || !visit_field(c, b, from.event, visitor))
        visitor.null();
}

} // namespace sfcdc::inline v0::row
