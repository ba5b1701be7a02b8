// A whole event as JSON text, and its parts, appended to the caller's buffer; row::json_writer says how values are written.
// Every function returns how many bytes were replaced because they were not UTF-8.
#pragma once

#include <bit>
#include <cstdint>
#include <string>
#include <string_view>

#include <sfcdc/cdc/event.hpp>
#include <sfcdc/cdc/plan.hpp>
#include <sfcdc/row/json_writer.hpp>
#include <sfcdc/wire/appender.hpp>

namespace sfcdc::inline v0::row {

namespace detail {

enum class body : std::uint8_t {
    all_fields, // null where the event has no value, numbers with a fraction where they are doubles
    stated,     // a value where there is one, null where it was cleared or is empty, nothing where it is unchanged
    // As stated, but a compound without a value whose children were all cleared is null as a whole. Where only some were
    // cleared it is an object of those, since the event does not say that the others are empty.
    stated_whole,
};

// The members of an object: every field of the event but the header, compounds as objects.
class body_members {
  public:
    body_members(json_writer& json, const cdc::event& e, const cdc::event::states& states, body which,
                 bool& first) noexcept
        : json_(json),
          plan_(e.plan()),
          states_(states),
          all_(which == body::all_fields),
          cleared_is_null_(which == body::stated_whole),
          first_(first) {}

    void append() {
        if (all_ || !states_.few())
            for (std::uint32_t f = plan_.has_header() ? 1 : 0; f < plan_.field_count(); ++f) append({f});
        else
            append_named();
    }

  private:
    // Of an update, or of an event without a body, which say something of few fields: of those that have a value or are
    // in a list, and of the compounds of such children.
    void append_named() {
        if (const std::span<const avro::field> listed = states_.all_named(); !listed.empty()) [[likely]] {
            for (const avro::field f : listed) append(f);
            return;
        }
        const std::uint32_t fields = plan_.field_count();
        std::uint32_t behind = fields; // the members of the header, which come first of all children
        if (plan_.has_header()) behind += plan_.ops()[0].child_count;
        std::uint32_t child = next_named(behind);
        for (std::uint32_t word = 0; word * 64 < fields; ++word) {
            std::uint64_t bits = states_.named(word);
            if (word == 0 && plan_.has_header()) bits &= ~std::uint64_t{1};
            if (fields - word * 64 < 64) bits &= (std::uint64_t{1} << (fields - word * 64)) - 1;
            while (child != plan_.no_field()
                   && plan_.ops()[child].parent.number / 64 == word) { // they are in that order
                const std::uint32_t parent = plan_.ops()[child].parent.number;
                bits |= std::uint64_t{1} << parent % 64;
                child = next_named(plan_.ops()[parent].first_child + plan_.ops()[parent].child_count);
            }
            for (; bits != 0; bits &= bits - 1)
                append({word * 64 + static_cast<std::uint32_t>(std::countr_zero(bits))});
        }
    }
    // The first field from this number on that has a value or is in a list.
    std::uint32_t next_named(std::uint32_t number) const noexcept {
        std::uint64_t skipped = (std::uint64_t{1} << number % 64) - 1;
        for (std::uint32_t word = number / 64; word < plan_.words(); ++word, skipped = 0)
            if (const std::uint64_t bits = states_.named(word) & ~skipped; bits != 0)
                return word * 64 + static_cast<std::uint32_t>(std::countr_zero(bits));
        return plan_.no_field();
    }

    bool stated(avro::field f) const noexcept {
        return plan_.ops()[f.number].wanted && (all_ || states_[f] != cdc::field_state::unchanged);
    }
    void value(avro::field f) {
        if (states_.has_value(f))
            json_.value(states_.value(f));
        else
            json_.null();
    }
    void append(avro::field f) {
        if (plan_.ops()[f.number].child_count != 0) return append_compound(f);
        if (states_.has_value(f)) { // so it is stated
            json_.avro_key(plan_.names()[f.number], first_);
            json_.value(states_.value(f));
        } else if (stated(f)) {
            json_.avro_key(plan_.names()[f.number], first_);
            json_.null();
        }
    }
    // How many children of a compound are stated.
    [[gnu::noinline]] std::uint32_t children_stated(avro::field f) const noexcept {
        std::uint32_t count = 0;
        for (std::uint32_t c = 0; c < plan_.ops()[f.number].child_count; ++c)
            count += stated(plan_.child(f, c)) ? 1 : 0;
        return count;
    }
    void append_compound(avro::field f) {
        const avro::op& o = plan_.ops()[f.number];
        bool object = false;
        if (states_.has_value(f)) {
            // Of a union with two records only the first has numbered children; another is printed as any value.
            object = states_.value(f).node() == o.record;
        } else if (!stated(f)) { // the event can still say of its children that they were cleared
            const std::uint32_t children = children_stated(f);
            if (children == 0) return;
            object = !cleared_is_null_ || !o.wanted || children != o.child_count;
        }
        json_.avro_key(plan_.names()[f.number], first_);
        if (!object) return value(f);
        json_.raw('{');
        bool first_child = true;
        const std::size_t prefix = plan_.names()[f.number].size() + 1;
        const auto member = [&](avro::field child) {
            json_.avro_key(plan_.names()[child.number].substr(prefix), first_child);
            value(child);
        };
        const std::uint32_t end = o.first_child + o.child_count;
        if (all_ || !states_.few() || states_.listed(f))
            for (std::uint32_t c = o.first_child; c < end; ++c) {
                if (stated({c})) member({c});
            }
        else
            for (std::uint32_t c = next_named(o.first_child); c < end; c = next_named(c + 1))
                if (plan_.ops()[c].wanted) member({c});
        json_.raw('}');
    }

    json_writer& json_;
    const cdc::plan& plan_;
    const cdc::event::states states_; // looked up once: there may be hundreds of fields
    const bool all_, cleared_is_null_;
    bool& first_;
};

// The value of a field as far as the plan sees it: of a compound in a projection the children that are not left out.
inline void append_seen_value(json_writer& json, const cdc::event& e, avro::field f) {
    const avro::op& o = e.plan()[f];
    const avro::value v = e.value(f);
    if (!e.plan().is_projection() || o.child_count == 0 || !e.has_value(f) || v.node() != o.record)
        return json.value(v);
    json.raw('{');
    bool first = true;
    for (std::uint32_t c = o.first_child; c < o.first_child + o.child_count; ++c) {
        if (!e.plan()[{c}].wanted) continue;
        json.avro_key(e.plan().name({c}).substr(e.plan().name(f).size() + 1), first);
        json.value(e.value({c}));
    }
    json.raw('}');
}

inline void append_fields(json_writer& json, const cdc::event& e, body which, bool& first) {
    body_members(json, e, e.field_states(), which, first).append();
}

inline std::uint32_t append_body(const cdc::event& e, const cdc::event::states& states, body which,
                                 wire::appender& out) {
    json_writer json(out, which == body::all_fields ? json_numbers::fractional : json_numbers::shortest);
    bool first = true;
    json.raw('{');
    body_members(json, e, states, which, first).append();
    json.raw('}');
    return json.replaced();
}
inline std::uint32_t append_body(const cdc::event& e, body which, wire::appender& out) {
    return append_body(e, e.field_states(), which, out);
}

// The members of ChangeEventHeader, in the schema's order and with the names that the schema gives them.
inline void append_header_members(json_writer& json, const cdc::event& e, bool& first) {
    const cdc::plan& p = e.plan();
    const avro::field header{0};
    for (std::uint32_t c = 0; c < p[header].child_count; ++c) {
        const avro::field member = p.child(header, c);
        json.avro_key(p.name(member).substr(p.name(header).size() + 1), first);
        json.value(e.value(member));
    }
}

inline void append_header(json_writer& json, const cdc::event& e) {
    bool first = true;
    json.raw('{');
    if (e.has_header()) append_header_members(json, e, first);
    json.raw('}');
}

inline void append_field_lists(json_writer& json, const cdc::event& e) {
    json.raw("\"changed\":");
    json.strings(e.changed_fields());
    json.raw(",\"nulled\":");
    json.strings(e.nulled_fields());
    json.raw(",\"diff\":");
    json.strings(e.diff_fields());
}

inline std::uint32_t append_datum(const cdc::event& e, wire::appender& out) {
    json_writer json(out);
    bool first = true;
    json.raw('{');
    if (e.has_header()) {
        json.key("ChangeEventHeader", first);
        json.raw('{');
        bool first_member = true;
        append_header_members(json, e, first_member);
        const auto names = [&](std::string_view key, const cdc::string_list& raw, const cdc::field_list& fields) {
            if (!raw.empty()) json.key(key, first_member), json.strings(fields);
        };
        names("changedFieldsNames", e.header().changed_fields(), e.changed_fields());
        names("nulledFieldsNames", e.header().nulled_fields(), e.nulled_fields());
        names("diffFieldsNames", e.header().diff_fields(), e.diff_fields());
        json.raw('}');
    }
    append_fields(json, e, body::all_fields, first);
    json.raw('}');
    return json.replaced();
}

} // namespace detail

// Appends {"header":{...},"changed":[names],"nulled":[names],"diff":[names],"body":{...}}, which is what `sfcdc decode`
// prints. In the body a value is present, null is cleared or empty, and a field that the event does not touch is absent. A
// compound that has no value is null, too, if all of its children were cleared; if only some were, it is an object of those.
// The header of a platform event is {}.
inline std::uint32_t append_event_json(const cdc::event& e, std::string& out) {
    wire::appender appended(out);
    json_writer json(appended);
    bool first = true;
    json.raw("{\"header\":");
    detail::append_header(json, e);
    json.raw(',');
    detail::append_field_lists(json, e);
    json.raw(",\"body\":{");
    detail::append_fields(json, e, detail::body::stated_whole, first);
    json.raw("}}");
    return json.replaced();
}

// Its parts alone: {header members}, and {"changed":[names],"nulled":[names],"diff":[names]}.
inline std::uint32_t append_header_json(const cdc::event& e, std::string& out) {
    wire::appender appended(out);
    json_writer json(appended);
    detail::append_header(json, e);
    return json.replaced();
}
// Appends the lists of the header as an object of arrays of names; returns how many bytes were no UTF-8 and were
// replaced.
inline std::uint32_t append_field_lists_json(const cdc::event& e, std::string& out) {
    wire::appender appended(out);
    json_writer json(appended);
    json.raw('{');
    detail::append_field_lists(json, e);
    json.raw('}');
    return json.replaced();
}

// Appends the value of column_source::body_json: all fields, null where the event has no value, doubles as json_numbers::fractional
// has them. A compound without a value is null, whatever the event says of its children.
inline std::uint32_t append_body_json(const cdc::event& e, std::string& out) {
    wire::appender appended(out);
    return detail::append_body(e, detail::body::all_fields, appended);
}

// Appends the value of column_source::stated_json: a value where there is one, null where a field was cleared or is empty,
// nothing where it is unchanged. Children that were cleared are stated each, {"BillingAddress":{"City":null}}, also when
// their compound has no value.
inline std::uint32_t append_stated_json(const cdc::event& e, std::string& out) {
    wire::appender appended(out);
    return detail::append_body(e, detail::body::stated, appended);
}

// The value of column_source::event_json: the datum as the Lakeflow connector shows it. Where a bitmap list is not
// empty, "changedFieldsNames", "nulledFieldsNames" and "diffFieldsNames" stand in the header beside it.
inline std::uint32_t append_datum_json(const cdc::event& e, std::string& out) {
    wire::appender appended(out);
    return detail::append_datum(e, appended);
}

// Appends the value of one field; a compound is an object with all of its children that the plan sees. It is null if the event
// has no value of the field: event::state() tells whether the field was cleared or is unchanged. A field of another plan is null,
// too.
inline std::uint32_t append_field_json(const cdc::event& e, avro::field f, std::string& out) {
    wire::appender appended(out);
    json_writer json(appended);
    detail::append_seen_value(json, e, f);
    return json.replaced();
}

} // namespace sfcdc::inline v0::row
