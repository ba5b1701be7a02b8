// Events and rows as JSON text, appended to the caller's buffer. Exact: integers keep all 64 bits, doubles are the
// shortest text that reads back to the same bits, NaN and infinities (which JSON does not have) are strings, bytes and
// fixed are base64. Text that is not UTF-8 becomes U+FFFD; every function returns how many bytes were replaced so.
#pragma once

#include <algorithm>
#include <bit>
#include <charconv>
#include <cmath>
#include <cstdint>
#include <cstring>
#include <span>
#include <string>
#include <string_view>

#include <sfcdc/avro/datum.hpp>
#include <sfcdc/avro/plan.hpp>
#include <sfcdc/cdc/event.hpp>
#include <sfcdc/row/layout.hpp>
#include <sfcdc/wire/appender.hpp>
#include <sfcdc/wire/text.hpp>

namespace sfcdc::row {

// Appends JSON values one after the other and counts what was not UTF-8. Commas and brackets are the caller's.
class json_writer {
  public:
    explicit json_writer(wire::appender& out) noexcept : out_(out) {}

    std::uint32_t replaced() const noexcept { return replaced_; }

    void raw(std::string_view text) { out_.append(text); }
    void null() { out_.append("null"); }
    void boolean(bool v) { out_.append(v ? "true" : "false"); }
    void integer(std::int64_t v) { number(v); }

    template<class Float> void floating(Float v) {
        if (std::isfinite(v))
            number(v);
        else
            out_.append(std::isnan(v) ? "\"NaN\"" : v > 0 ? "\"Infinity\"" : "\"-Infinity\"");
    }

    void string(std::string_view text) {
        out_.push_back('"');
        const char* p = text.data();
        const char* const end = p + text.size();
        for (;;) {
            char* to = out_.reserve(static_cast<std::size_t>(end - p) + 8);
            char* const start = to;
            for (std::uint64_t word = 0; end - p >= 8; p += 8, to += 8) { // eight at a time, as long as all are plain
                std::memcpy(&word, p, 8);
                if (!all_plain(word)) break;
                std::memcpy(to, &word, 8);
            }
            while (p != end && is_plain(*p)) *to++ = *p++;
            out_.advance(static_cast<std::size_t>(to - start));
            if (p == end) break;
            p += escaped(text, static_cast<std::size_t>(p - text.data()));
        }
        out_.push_back('"');
    }

    void base64(std::span<const std::byte> bytes) {
        out_.push_back('"');
        wire::append_base64(out_, bytes);
        out_.push_back('"');
    }

    // The text that append(appender&) appends, as a string. It is written in place: it must be UTF-8 without control
    // characters, as JSON, hexadecimal digits and base64 are, so that only quotes and backslashes want an escape.
    template<class Append> void quoted(Append&& append) {
        out_.push_back('"');
        const std::size_t at = out_.size();
        append(out_);
        const std::size_t length = out_.size() - at;
        const auto special = [](char c) { return c == '"' || c == '\\'; };
        const char* const text = &out_[at];
        const auto escapes = static_cast<std::size_t>(std::count_if(text, text + length, special));
        char* to = out_.reserve(escapes) + escapes;
        out_.advance(escapes);
        for (const char* from = to - escapes;
             from != to;) { // from behind, until all that is left stands where it should
            *--to = *--from;
            if (special(*to)) *--to = '\\';
        }
        out_.push_back('"');
    }

    // "key": with a comma in front unless it is the first of its object. The name is one of Avro or of a column; those
    // of Avro and of the layouts need no escapes, others are escaped as any text.
    void key(std::string_view name, bool& first) {
        separate(first);
        string(name);
        out_.push_back(':');
    }
    // The same for an Avro name, which has only letters, digits and underscores.
    void avro_key(std::string_view name, bool& first) {
        char* to = out_.reserve(name.size() + 4);
        char* const start = to;
        if (!first) *to++ = ',';
        first = false;
        *to++ = '"';
        std::memcpy(to, name.data(), name.size());
        to += name.size();
        *to++ = '"';
        *to++ = ':';
        out_.advance(static_cast<std::size_t>(to - start));
    }
    void separate(bool& first) {
        if (!first) out_.push_back(',');
        first = false;
    }

    template<class Range> void strings(const Range& texts) {
        out_.push_back('[');
        bool first = true;
        for (const std::string_view text : texts) separate(first), string(text);
        out_.push_back(']');
    }

    void value(const avro::value& v) {
        using enum avro::type;
        switch (v.type()) {
        case boolean: return this->boolean(read<bool>(v));
        case int_:
        case long_: return integer(read<std::int64_t>(v));
        case float_: return floating(read<float>(v));
        case double_: return floating(read<double>(v));
        case string:
        case enum_: return this->string(read<std::string_view>(v));
        case bytes:
        case fixed: return base64(read<std::span<const std::byte>>(v));
        case array: {
            bool first = true;
            out_.push_back('[');
            v.for_each_item([&](const avro::value& item) { separate(first), value(item); });
            out_.push_back(']');
            return;
        }
        case map:
        case record: {
            bool first = true;
            out_.push_back('{');
            const auto member = [&](std::string_view name, const avro::value& m) { key(name, first), value(m); };
            v.for_each_entry(member);
            v.for_each_field([&](std::string_view name, const avro::value& m) { avro_key(name, first), value(m); });
            out_.push_back('}');
            return;
        }
        default: return this->null();
        }
    }

  private:
    template<class T> static T read(const avro::value& v) noexcept {
        T out{};
        v.read(out);
        return out;
    }
    template<class T> void number(T v) {
        char* const to = out_.reserve(32);
        out_.advance(static_cast<std::size_t>(std::to_chars(to, to + 32, v).ptr - to));
    }
    static bool is_plain(char c) noexcept {
        const auto u = static_cast<unsigned char>(c);
        return u >= 0x20 && u < 0x80 && u != '"' && u != '\\';
    }
    // Whether none of eight bytes is below a space, a quote, a backslash, or not ASCII. The tests for "below" and for
    // zero (of what a quote is xored with) borrow from the next byte only when they hold for this one.
    static bool all_plain(std::uint64_t word) noexcept {
        constexpr std::uint64_t ones = 0x0101010101010101u, tops = 0x8080808080808080u;
        const auto any_zero = [](std::uint64_t v) { return (v - ones) & ~v; };
        const std::uint64_t below_space = (word - ones * 0x20) & ~word;
        return ((below_space | any_zero(word ^ ones * '"') | any_zero(word ^ ones * '\\') | word) & tops) == 0;
    }
    // Writes the one character at text[at] that needs care; returns how many bytes it takes.
    std::size_t escaped(std::string_view text, std::size_t at) {
        const auto u = static_cast<unsigned char>(text[at]);
        if (u >= 0x80) {
            const std::size_t n = wire::utf8_sequence(text, at);
            if (n != 0) return out_.append(text.substr(at, n)), n;
            ++replaced_;
            out_.append("\xEF\xBF\xBD");
            return 1;
        }
        constexpr char digits[] = "0123456789abcdef";
        switch (u) {
        case '"': out_.append("\\\""); break;
        case '\\': out_.append("\\\\"); break;
        case '\b': out_.append("\\b"); break;
        case '\f': out_.append("\\f"); break;
        case '\n': out_.append("\\n"); break;
        case '\r': out_.append("\\r"); break;
        case '\t': out_.append("\\t"); break;
        default:
            out_.append("\\u00");
            out_.push_back(digits[u >> 4]);
            out_.push_back(digits[u & 15]);
            break;
        }
        return 1;
    }

    wire::appender& out_;
    std::uint32_t replaced_ = 0;
};

namespace detail {

enum class body : std::uint8_t {
    all_fields, // null where the event has no value
    stated,     // a value where there is one, null where it was cleared, nothing where it is unchanged
};

// The members of an object: every field of the event but the header, compounds as objects.
inline void append_fields(json_writer& json, const cdc::event& e, body which, bool& first) {
    const avro::plan& p = e.plan();
    const cdc::event::states states = e.field_states(); // looked up once: there may be hundreds of fields
    const auto stated = [&](avro::field f) {
        return p[f].wanted && (which == body::all_fields || states[f] != cdc::field_state::unchanged);
    };
    const auto append = [&](avro::field f) {
        const avro::op& o = p[f];
        if (o.child_count == 0) {
            if (!stated(f)) return;
            json.avro_key(p.name(f), first);
            return json.value(e.value(f));
        }
        // A compound that is absent can still say something of its children: that one was cleared.
        // Of a union with two records only the first has numbered children; another is printed as any value.
        bool compound = e.has_value(f) && e.value(f).node() == o.record;
        for (std::uint32_t c = 0; !compound && !e.has_value(f) && c < o.child_count; ++c) {
            const avro::field child = p.child(f, c);
            if (!p[child].wanted) continue;
            compound = (!o.wanted && (which == body::all_fields || e.has_value(child)))
                       || (which == body::stated && states[child] == cdc::field_state::null
                           && states[f] == cdc::field_state::unchanged);
        }
        if (!compound && !stated(f)) return;
        json.avro_key(p.name(f), first);
        if (!compound) return json.value(e.value(f));
        bool first_child = true;
        json.raw("{");
        for (std::uint32_t c = 0; c < o.child_count; ++c) {
            const avro::field child = p.child(f, c);
            if (!stated(child)) continue;
            json.avro_key(p.name(child).substr(p.name(f).size() + 1), first_child);
            json.value(e.value(child));
        }
        json.raw("}");
    };
    const std::uint32_t begin = e.has_header() ? 1 : 0;
    if (which == body::all_fields || !states.few()) {
        for (std::uint32_t i = begin; i < p.field_count(); ++i) append({i});
        return;
    }
    // An update says something of few fields: those of the lists and of the body, and the compounds of such children.
    for (std::uint32_t word = 0; word * 64 < p.field_count(); ++word) {
        std::uint64_t bits = states.named(word);
        for (const avro::field f : p.compounds())
            if (f.number / 64 == word && states.any_named(p[f].first_child, p[f].child_count))
                bits |= std::uint64_t{1} << f.number % 64;
        if (word == 0) bits &= ~std::uint64_t{begin};
        if (const std::uint32_t left = p.field_count() - word * 64; left < 64) bits &= (std::uint64_t{1} << left) - 1;
        for (; bits != 0; bits &= bits - 1) append({word * 64 + static_cast<std::uint32_t>(std::countr_zero(bits))});
    }
}

inline std::uint32_t append_body(const cdc::event& e, body which, wire::appender& out) {
    json_writer json(out);
    bool first = true;
    json.raw("{");
    append_fields(json, e, which, first);
    json.raw("}");
    return json.replaced();
}

// The members of ChangeEventHeader, in the schema's order and with the names that the schema gives them.
inline void append_header_members(json_writer& json, const cdc::event& e, bool& first) {
    const avro::plan& p = e.plan();
    const avro::field header{0};
    for (std::uint32_t c = 0; c < p[header].child_count; ++c) {
        const avro::field member = p.child(header, c);
        json.avro_key(p.name(member).substr(p.name(header).size() + 1), first);
        json.value(e.value(member));
    }
}

inline void append_header(json_writer& json, const cdc::event& e) {
    bool first = true;
    json.raw("{");
    if (e.has_header()) append_header_members(json, e, first);
    json.raw("}");
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
    json.raw("{");
    if (e.has_header()) {
        json.key("ChangeEventHeader", first);
        json.raw("{");
        bool first_member = true;
        append_header_members(json, e, first_member);
        const auto names = [&](std::string_view key, const cdc::string_list& raw, const cdc::field_list& fields) {
            if (!raw.empty()) json.key(key, first_member), json.strings(fields);
        };
        names("changedFieldsNames", e.header().changed_fields(), e.changed_fields());
        names("nulledFieldsNames", e.header().nulled_fields(), e.nulled_fields());
        names("diffFieldsNames", e.header().diff_fields(), e.diff_fields());
        json.raw("}");
    }
    append_fields(json, e, body::all_fields, first);
    json.raw("}");
    return json.replaced();
}

} // namespace detail

// {"header":{...},"changed":[names],"nulled":[names],"diff":[names],"body":{...}}: what `sfcdc decode` prints. In the
// body a value is present, null is cleared, and a field that the event does not touch is absent. The header of a
// platform event is {}.
inline std::uint32_t append_event_json(const cdc::event& e, std::string& out) {
    wire::appender appended(out);
    json_writer json(appended);
    bool first = true;
    json.raw("{\"header\":");
    detail::append_header(json, e);
    json.raw(",");
    detail::append_field_lists(json, e);
    json.raw(",\"body\":{");
    detail::append_fields(json, e, detail::body::stated, first);
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
inline std::uint32_t append_field_lists_json(const cdc::event& e, std::string& out) {
    wire::appender appended(out);
    json_writer json(appended);
    json.raw("{");
    detail::append_field_lists(json, e);
    json.raw("}");
    return json.replaced();
}

// The value of column_source::body_json.
inline std::uint32_t append_body_json(const cdc::event& e, std::string& out) {
    wire::appender appended(out);
    return detail::append_body(e, detail::body::all_fields, appended);
}

// The value of column_source::stated_json.
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

// Which of an event's records a row is for. Layouts with one row an event have the first one only.
struct record {
    std::uint32_t ordinal = 0;
    std::string_view id; // empty: no single record
};

// Calls f(record) once for each row that the event gives in this layout; at least once, also without record ids.
template<class F> void for_each_row(const layout& l, const cdc::event& e, F&& f) {
    const auto single = [](std::string_view id) { // "001*" is all accounts, the other stands for an overflow
        return id.find('*') == std::string_view::npos && id != "000000000000000AAA" ? id : std::string_view();
    };
    std::uint32_t ordinal = 0;
    for (const std::string_view id : e.header().record_ids()) {
        f(record{ordinal++, single(id)});
        if (l.rows() == granularity::event) return;
    }
    if (ordinal == 0) f(record{});
}

// What a row is made from; the header is looked up once for all columns.
struct source {
    source(const cdc::event& e, const envelope& a, const record& r) noexcept
        : event(e), around(a), of(r), header(e.header()) {}
    const cdc::event& event;
    const envelope& around;
    const record& of;
    cdc::event_header header;
};

// Calls one of visitor.null(), .integer(std::int32_t), .bigint(std::int64_t), .string(std::string_view), .binary(std::span<const std::byte>),
// .string_array(range of std::string_view), .made_text(append) with what goes into a column. `append(wire::appender&)`
// appends a text that is made for the row, JSON or a replay id, and returns how many bytes were replaced; nothing is
// allocated for it. Every way of writing a row goes through here.
template<class Visitor> void visit(const column& c, const source& from, Visitor&& visitor) {
    const auto& [e, around, of, header] = from;
    const auto text = [&](std::string_view s) { s.empty() ? visitor.null() : visitor.string(s); };
    const auto time = [&](std::int64_t ms) { // in the unit of the column; a time out of its range stays what it is
        constexpr std::int64_t most = 9'223'372'036'854'775;
        visitor.bigint(c.type == column_type::timestamp && ms >= -most && ms <= most ? ms * 1000 : ms);
    };
    const auto replay_id = [&](auto&& append) {
        if (around.replay_id.empty()) return visitor.null();
        visitor.made_text([&](wire::appender& out) { return append(out), std::uint32_t{0}; });
    };
    switch (c.source) {
    case column_source::event_id: return text(around.event_id);
    case column_source::schema_id: return text(around.schema_id);
    case column_source::topic_name: return text(around.topic_name);
    case column_source::org_id: return text(around.org_id);
    case column_source::schema_json: return text(around.schema_json);
    case column_source::replay_id_hex:
        return replay_id([&](wire::appender& out) { wire::append_hex(out, around.replay_id); });
    case column_source::replay_id_base64:
        return replay_id([&](wire::appender& out) { wire::append_base64(out, around.replay_id); });
    // A platform event has neither; the word is what the Python library writes then.
    case column_source::change_type: return visitor.string(e.has_header() ? header.change_type_name() : "UNKNOWN");
    case column_source::entity_name: return visitor.string(e.has_header() ? header.entity_name() : "UNKNOWN");
    case column_source::change_origin: return visitor.string(header.change_origin()); // empty: a background change
    case column_source::record_ids: return visitor.string_array(header.record_ids());
    case column_source::changed_fields: return visitor.string_array(e.changed_fields());
    case column_source::nulled_fields: return visitor.string_array(e.nulled_fields());
    case column_source::diff_fields: return visitor.string_array(e.diff_fields());
    case column_source::transaction_key: return text(header.transaction_key());
    case column_source::sequence_number:
        return e.has_header() ? visitor.integer(header.sequence_number()) : visitor.null();
    case column_source::commit_number:
        return e.has_header() ? visitor.bigint(header.commit_number()) : visitor.null();
    case column_source::commit_user: return text(header.commit_user());
    case column_source::record_ordinal: return visitor.integer(static_cast<std::int32_t>(of.ordinal));
    case column_source::record_id: return text(of.id);
    case column_source::commit_timestamp: {
        if (e.has_header()) return time(header.commit_timestamp());
        const avro::field created = e.plan().find("CreatedDate");
        const auto at = created ? e.get<std::int64_t>(created) : cdc::field_value<std::int64_t>{};
        return time(at ? at.value : around.received_timestamp);
    }
    case column_source::received_timestamp: return time(around.received_timestamp);
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
}

namespace detail {

struct json_columns {
    json_writer& writer;
    std::uint32_t replaced = 0; // inside JSON that is itself the text of a column

    void null() { writer.null(); }
    void integer(std::int32_t v) { writer.integer(v); }
    void bigint(std::int64_t v) { writer.integer(v); }
    void string(std::string_view v) { writer.string(v); }
    void binary(std::span<const std::byte> v) { writer.base64(v); }
    template<class Range> void string_array(const Range& v) { writer.strings(v); }
    template<class Append> void made_text(Append&& append) {
        writer.quoted([&](wire::appender& out) { replaced += append(out); });
    }
};

} // namespace detail

// One row as a JSON object; JSON columns are strings that hold JSON, as Zerobus wants them.
inline std::uint32_t append_json(const layout& l, const cdc::event& e, const envelope& around, std::string& out,
                                 const record& of = {}) {
    wire::appender appended(out);
    json_writer writer(appended);
    detail::json_columns columns{writer};
    const source from(e, around, of);
    bool first = true;
    writer.raw("{");
    for (const column& c : l.columns()) {
        writer.key(c.name, first);
        visit(c, from, columns);
    }
    writer.raw("}");
    return writer.replaced() + columns.replaced;
}

} // namespace sfcdc::row
