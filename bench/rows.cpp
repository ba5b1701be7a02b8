// How long does it take from a decoded event to a row? Decoding is not part of it.
#include <algorithm>
#include <array>
#include <bit>
#include <cstdint>
#include <cstdlib>
#include <cstring>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <sfcdc/sfcdc.hpp>

#include "avro_c.hpp"
#include "field_names.hpp"
#include "json_text.hpp"
#include "questions.hpp"

namespace bench {
namespace {

namespace cdc = sfcdc::cdc;
namespace row = sfcdc::row;

constexpr std::array<std::byte, 10> replay_id{std::byte{0}, std::byte{0},    std::byte{0},    std::byte{0},
                                              std::byte{1}, std::byte{0x5d}, std::byte{0x1f}, std::byte{0xa9},
                                              std::byte{0}, std::byte{0}};
constexpr std::string_view replay_id_hex = "00000000015d1fa90000", replay_id_base64 = "AAAAAAFdH6kAAA==";

// The schema's text is left out, as sfcdc leaves it out of all rows but the first of a schema.
const row::envelope around{.event_id = "6c0a3f1e-8f4c-4d7b-9b56-0d8f2a7e91c3",
                           .schema_id = "rWxhM2mCkiRvMDjG8yqJ1A",
                           .topic_name = "/data/AccountChangeEvent",
                           .org_id = "00DxX0000001gPLUAY",
                           .replay_id = replay_id,
                           .schema_json = {},
                           .received_timestamp = 1'750'000'000'123};

// What a column should hold. Null is none of the three.
struct cell {
    std::optional<std::string> text;
    std::optional<std::int64_t> number;
    std::optional<std::vector<std::string>> texts;
};

class expected_row {
  public:
    expected_row(const avro_value_t& event, const field_names& names, bytes payload)
        : event_(event), names_(names), payload_(payload) {
        header_ = child(event, std::size_t{0});
        for (std::size_t i = 0; i < 3; ++i) {
            constexpr const char* members[] = {"changedFields", "nulledFields", "diffFields"};
            raw_[i] = texts_of(child(header_, members[i]));
            named_[i] = names.expand(raw_[i]);
        }
    }

    std::string body_json() const { return json_of(event_, 1); }
    std::string event_json() const {
        std::string out = "{\"ChangeEventHeader\":" + json_of(header_);
        out.pop_back();
        for (std::size_t i = 0; i < 3; ++i) {
            constexpr const char* keys[] = {
                ",\"changedFieldsNames\":", ",\"nulledFieldsNames\":", ",\"diffFieldsNames\":"};
            if (!raw_[i].empty()) append_texts(out += keys[i], named_[i]);
        }
        return out + "}," + body_json().substr(1);
    }

    // What the event says of a field that has no value: true when that it is null.
    bool says_null(const std::string& name, const std::string& parent = {}) const {
        const std::string type = text_of(child(header_, "changeType"));
        if (type == "CREATE" || type == "UNDELETE" || type == "SNAPSHOT") return true;
        const auto listed = [&](const std::vector<std::string>& list, const std::string& n) {
            return std::find(list.begin(), list.end(), n) != list.end();
        };
        return type == "UPDATE"
               && (listed(named_[0], name) || listed(named_[1], name) || listed(named_[0], parent)
                   || listed(named_[1], parent));
    }
    std::string stated_json() const {
        std::string out;
        const auto member = [&](const std::string& name, const std::string& json) {
            out += out.empty() ? '{' : ',';
            append_quoted(out, name);
            out += ':' + json;
        };
        for (std::size_t i = 1; i < size_of(event_); ++i) {
            const avro_value_t v = child(event_, i);
            const avro_type_t type = avro_value_get_type(&v);
            const std::string& name = names_.name(i);
            std::string object;
            for (std::size_t c = 0;
                 c < names_.children(i).size() && (type == AVRO_RECORD || (type == AVRO_NULL && !says_null(name)));
                 ++c) {
                const std::string& inner = names_.children(i)[c];
                const std::string json = type == AVRO_RECORD ? json_of(child(v, c)) : "null";
                if (json == "null" && !says_null(name + "." + inner, name)) continue;
                object += object.empty() ? "" : ",";
                append_quoted(object, inner);
                object += ":" + json;
            }
            if (type == AVRO_RECORD || !object.empty())
                member(name, "{" + object + "}");
            else if (type != AVRO_NULL || says_null(name))
                member(name, json_of(v));
        }
        return out.empty() ? "{}" : out + "}";
    }

    // One for each row that the layout makes of the event.
    std::vector<std::string> ids() const { return texts_of(child(header_, "recordIds")); }

    struct json_columns {
        std::string body, stated, event;
    };
    // JSON columns as the caller has them: those were compared by meaning, digits of numbers may differ.
    cell operator()(const row::column& column, const json_columns& json, std::size_t ordinal) const {
        using enum row::column_source;
        const std::int64_t unit = column.type() == row::column_type::timestamp ? 1000 : 1;
        const auto number = [](std::int64_t n) { return cell{{}, n, {}}; };
        const auto text = [](std::string_view s) { return s.empty() ? cell{} : cell{std::string(s), {}, {}}; };
        const auto member = [&](const char* name) { return cell{text_of(child(header_, name)), {}, {}}; };
        switch (column.source) {
        case event_id: return text(around.event_id);
        case schema_id: return text(around.schema_id);
        case topic_name: return text(around.topic_name);
        case org_id: return text(around.org_id);
        case schema_json: return text(around.schema_json);
        case replay_id_hex: return text(bench::replay_id_hex);
        case replay_id_base64: return text(bench::replay_id_base64);
        case change_type: return member("changeType");
        case entity_name: return member("entityName");
        case change_origin: return member("changeOrigin");
        case record_ids: return {{}, {}, texts_of(child(header_, "recordIds"))};
        case changed_fields: return {{}, {}, named_[0]};
        case nulled_fields: return {{}, {}, named_[1]};
        case diff_fields: return {{}, {}, named_[2]};
        case transaction_key: return member("transactionKey");
        case sequence_number: return number(int_of(child(header_, "sequenceNumber")));
        case commit_number: return number(long_of(child(header_, "commitNumber")));
        case commit_user: return member("commitUser");
        case record_ordinal: return number(static_cast<std::int64_t>(ordinal));
        case record_id: {
            const std::vector<std::string> all = ids();
            return all.empty() || all[ordinal].find('*') != std::string::npos || all[ordinal] == "000000000000000AAA"
                       ? cell{}
                       : text(all[ordinal]);
        }
        case commit_timestamp:
        case commit_ms: return number(long_of(child(header_, "commitTimestamp")) * unit);
        case received_timestamp:
        case received_ms: return number(around.received_timestamp * unit);
        case body_json: return text(json.body);
        case stated_json: return text(json.stated);
        case event_json: return text(json.event);
        case payload: return text({reinterpret_cast<const char*>(payload_.data()), payload_.size()});
        case columns_to_update: break; // updated_columns() knows them
        case rest_json:
        case snapshot_id: return {};
        case epoch: return number(0);
        case field: return field_cell(column.field);
        }
        throw wrong_answer("a column that the check does not know");
    }

    // What the event says of its fields' columns, which are all columns of the layout that have a field.
    std::vector<std::string> updated_columns(const row::layout& l) const {
        std::vector<std::string> out;
        const std::string type = text_of(child(header_, "changeType"));
        const bool whole = type == "CREATE" || type == "UNDELETE" || type == "SNAPSHOT";
        if (!whole && type != "UPDATE") return out;
        out.push_back("_sf_committed_at");
        const auto listed = [&](const std::string& name) {
            for (const std::size_t list : {0, 1})
                if (std::find(named_[list].begin(), named_[list].end(), name) != named_[list].end()) return true;
            return false;
        };
        for (const row::column& c : l.columns())
            if (c.source == row::column_source::field
                && (whole || listed(c.field) || listed(c.field.substr(0, c.field.find('.')))))
                out.push_back(c.name);
        return out;
    }
    cell field_cell(const std::string& path) const {
        const std::size_t dot = path.find('.');
        avro_value_t v = look_through(child(event_, path.substr(0, dot).c_str()));
        if (dot != std::string::npos)
            v = avro_value_get_type(&v) == AVRO_RECORD ? look_through(child(v, path.substr(dot + 1).c_str()))
                                                       : avro_value_t{};
        if (v.iface == nullptr) return {};
        switch (avro_value_get_type(&v)) {
        case AVRO_STRING: return {text_of(v), {}, {}};
        case AVRO_INT32: return {{}, int_of(v), {}};
        case AVRO_INT64: return {{}, long_of(v), {}};
        case AVRO_BOOLEAN: {
            int b = 0;
            avro_value_get_boolean(&v, &b);
            return {{}, b, {}};
        }
        case AVRO_DOUBLE: {
            double d = 0;
            avro_value_get_double(&v, &d);
            return {{}, std::bit_cast<std::int64_t>(d), {}};
        }
        default: return {}; // null, or a record in place of a text
        }
    }

  private:
    avro_value_t event_;
    avro_value_t header_;
    const field_names& names_;
    bytes payload_;
    std::array<std::vector<std::string>, 3> raw_, named_;
};

std::string base64_of(std::string_view in) {
    constexpr char digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    std::string out;
    unsigned bits = 0, held = 0;
    for (const char c : in) {
        held = held << 8 | static_cast<unsigned char>(c);
        for (bits += 8; bits >= 6; bits -= 6) out += digits[held >> (bits - 6) & 63];
    }
    if (bits != 0) out += digits[held << (6 - bits) & 63];
    while (out.size() % 4 != 0) out += '=';
    return out;
}

std::string expected_json(const row::layout& l, const std::vector<cell>& cells) {
    std::string out;
    for (std::size_t i = 0; i < cells.size(); ++i) {
        const row::column& column = l.columns()[i];
        out += i == 0 ? '{' : ',';
        append_quoted(out, column.name);
        out += ':';
        if (cells[i].texts)
            append_texts(out, *cells[i].texts);
        else if (cells[i].number)
            append_number(out, *cells[i].number);
        else if (!cells[i].text)
            out += "null";
        else
            append_quoted(out,
                          column.type() == row::column_type::binary ? base64_of(*cells[i].text) : *cells[i].text);
    }
    return out + "}";
}

bool is_varint(row::column_type type) {
    return type != row::column_type::string && type != row::column_type::binary
           && type != row::column_type::string_array;
}

// One message, read the plain way.
std::vector<cell> read_protobuf(const row::layout& l, std::string_view in) {
    const auto varint = [&] {
        std::uint64_t out = 0;
        for (unsigned shift = 0;; shift += 7) {
            if (in.empty() || shift > 63) throw wrong_answer("protobuf row: bad varint");
            const auto byte = static_cast<unsigned char>(in[0]);
            in.remove_prefix(1);
            out |= std::uint64_t{byte & 0x7fu} << shift;
            if (byte < 0x80) return out;
        }
    };
    std::vector<cell> out(l.columns().size());
    for (std::size_t i = 0; i < out.size(); ++i) // an empty repeated field is not on the wire
        if (l.columns()[i].type() == row::column_type::string_array) out[i].texts.emplace();
    while (!in.empty()) {
        const std::uint64_t tag = varint();
        const std::size_t i = static_cast<std::size_t>(tag >> 3) - 1;
        if (i >= out.size()) throw wrong_answer("protobuf row: unknown field");
        const row::column_type type = l.columns()[i].type();
        if (type == row::column_type::double_) {
            if ((tag & 7) != 1 || in.size() < 8) throw wrong_answer("protobuf row: wrong wire type");
            std::uint64_t bits = 0;
            for (unsigned b = 0; b < 8; ++b) bits |= std::uint64_t{static_cast<unsigned char>(in[b])} << 8 * b;
            out[i].number = static_cast<std::int64_t>(bits);
            in.remove_prefix(8);
            continue;
        }
        if ((tag & 7) != (is_varint(type) ? 0 : 2)) throw wrong_answer("protobuf row: wrong wire type");
        const std::uint64_t n = varint();
        if (is_varint(type)) {
            out[i].number = static_cast<std::int64_t>(n);
            continue;
        }
        if (n > in.size()) throw wrong_answer("protobuf row: a length is too large");
        const std::string text(in.substr(0, static_cast<std::size_t>(n)));
        in.remove_prefix(static_cast<std::size_t>(n));
        if (out[i].texts)
            out[i].texts->push_back(text);
        else
            out[i].text = text;
    }
    return out;
}

bool same(const cell& a, const cell& b) { return a.text == b.text && a.number == b.number && a.texts == b.texts; }

struct named_layout {
    std::string name;
    std::shared_ptr<const row::layout> layout;
};

struct output_bytes {
    std::uint64_t body = 0;
    std::vector<std::uint64_t> json, protobuf; // a layout
};

output_bytes check(const data_set& data, const sfcdc::cdc::plan& p, std::span<const named_layout> layouts) {
    avro_c reference(*data.schema_json);
    const field_names names(reference.schema());
    cdc::decoder decoder;
    output_bytes sizes{0, std::vector<std::uint64_t>(layouts.size()), std::vector<std::uint64_t>(layouts.size())};
    for (std::size_t i = 0; i < data.events.size(); ++i) {
        const guarded_copy payload(data.events[i]);
        const auto [event, bad] = decoder.decode(p, payload.view());
        if (bad) wrong("decode", data.name, i, bad.message());
        if (!reference.read(data.events[i])) avro_c::fail();
        const expected_row expected(reference.value(), names, data.events[i]);

        expected_row::json_columns json;
        row::append_body_json(event, json.body);
        row::append_stated_json(event, json.stated);
        row::append_datum_json(event, json.event);
        const auto compare = [&](const char* what, const std::string& found, const std::string& right) {
            if (!same_json(found, right)) wrong(what, data.name, i, difference(found, right));
        };
        compare("JSON body", json.body, expected.body_json());
        compare("JSON of what is stated", json.stated, expected.stated_json());
        compare("JSON event", json.event, expected.event_json());
        sizes.body += json.body.size();
        for (std::size_t k = 0; k < layouts.size(); ++k) {
            const row::layout& l = *layouts[k].layout;
            std::size_t ordinal = 0;
            row::for_each_row(l, event, [&](const row::record& of) {
                std::vector<cell> cells;
                for (const row::column& c : l.columns()) cells.push_back(expected(c, json, ordinal));
                std::string as_json, as_protobuf;
                row::append_json(l, event, around, as_json, of);
                row::append_protobuf(l, event, around, as_protobuf, of);
                const std::string right = expected_json(l, cells);
                if (as_json != right) wrong("JSON row", data.name, i, difference(as_json, right));
                const std::vector<cell> found = read_protobuf(l, as_protobuf);
                for (std::size_t c = 0; c < cells.size(); ++c)
                    if (!same(found[c], cells[c])) wrong("protobuf row", data.name, i, l.columns()[c].name);
                sizes.json[k] += as_json.size();
                sizes.protobuf[k] += as_protobuf.size();
                ++ordinal;
            });
            const std::size_t ids = expected.ids().size();
            if (ordinal != (l.rows() == row::granularity::event || ids == 0 ? 1 : ids))
                wrong("rows", data.name, i, "their number");
        }
    }
    return sizes;
}

// Typed rows: each column against Avro C, the list of those that the event sets in any order. Returns the bytes of all messages.
std::uint64_t check_typed(const data_set& data, const row::bound_layout& bound) {
    avro_c reference(*data.schema_json);
    const field_names names(reference.schema());
    cdc::decoder decoder;
    std::uint64_t size = 0;
    const row::layout& l = bound.layout();
    for (std::size_t i = 0; i < data.events.size(); ++i) {
        const guarded_copy payload(data.events[i]);
        const auto [event, bad] = decoder.decode(bound.plan(), payload.view());
        if (bad) wrong("decode", data.name, i, bad.message());
        if (!reference.read(data.events[i])) avro_c::fail();
        const expected_row expected(reference.value(), names, data.events[i]);
        std::size_t ordinal = 0;
        row::for_each_row(l, event, [&](const row::record& of) {
            std::string message;
            row::append_protobuf(bound, event, around, message, of);
            const std::vector<cell> found = read_protobuf(l, message);
            for (std::size_t c = 0; c < found.size(); ++c) {
                const row::column& column = l.columns()[c];
                if (column.source == row::column_source::columns_to_update) {
                    std::vector<std::string> listed = *found[c].texts, right = expected.updated_columns(l);
                    std::sort(listed.begin(), listed.end());
                    std::sort(right.begin(), right.end());
                    if (listed != right) wrong("typed row", data.name, i, column.name);
                } else if (!same(found[c], expected(column, {}, ordinal))) {
                    wrong("typed row", data.name, i, column.name);
                }
            }
            size += message.size();
            ++ordinal;
        });
    }
    return size;
}

// Events are decoded in batches outside of the time that counts; each needs a decoder of its own while it is looked at.
constexpr std::size_t batch = 64;

template<class Append>
contender over_events(std::string what, const data_set& data, std::uint64_t output,
                      std::shared_ptr<const sfcdc::cdc::plan> p, Append append) {
    struct memory {
        std::array<cdc::decoder, batch> decoders;
        std::array<cdc::event, batch> events;
        std::string out;
    };
    contender out{.what = std::move(what), .units = data.events.size(), .byte_count = output};
    out.pass = [&data, p, append, m = std::make_shared<memory>()] {
        double sum = 0;
        for (std::size_t at = 0; at < data.events.size(); at += batch) {
            const std::size_t n = std::min(batch, data.events.size() - at);
            for (std::size_t i = 0; i < n; ++i) m->events[i] = m->decoders[i].decode(*p, data.events[at + i]).value;
            m->out.clear();
            sum += time_of([&] {
                for (std::size_t i = 0; i < n; ++i) append(m->events[i], m->out);
            });
            keep(m->out);
        }
        return sum;
    };
    return out;
}

// The whole event as JSON, from a value that has been read outside of the time that counts.
contender avro_c_json(std::string what, const data_set& data) {
    std::uint64_t output = 0;
    const auto to_json = [](const avro_c& reader) {
        char* text = nullptr;
        if (avro_value_to_json(&reader.value(), 1, &text) != 0) avro_c::fail();
        return std::unique_ptr<char, decltype(&std::free)>(text, &std::free);
    };
    const auto reader = std::make_shared<avro_c>(*data.schema_json);
    for (const bytes payload : data.events) {
        if (!reader->read(payload)) avro_c::fail();
        output += std::strlen(to_json(*reader).get());
    }
    contender out{.what = std::move(what), .units = data.events.size(), .byte_count = output};
    out.pass = [&data, reader, to_json] {
        double sum = 0;
        for (const bytes payload : data.events) {
            if (!reader->read(payload)) avro_c::fail();
            sum += time_of([&] { keep(to_json(*reader)); });
        }
        return sum;
    };
    return out;
}

} // namespace

void add_rows(const data_set& data, std::vector<contender>& out) {
    auto [compiled, bad_schema] = sfcdc::cdc::compile(*data.schema_json);
    if (bad_schema) throw wrong_answer(data.name + ": " + bad_schema.message());
    const auto p = std::make_shared<const sfcdc::cdc::plan>(std::move(compiled));
    const named_layout layouts[] = {
        {"sfcdc", std::make_shared<const row::layout>(row::layout::sfcdc())},
        {"salesforce_zerobus", std::make_shared<const row::layout>(row::layout::salesforce_zerobus())},
        {"lakeflow", std::make_shared<const row::layout>(row::layout::lakeflow())},
    };
    const output_bytes sizes = check(data, *p, layouts);

    const std::string json_counterpart = "JSON of the event, Apache Avro C";
    const std::size_t first = out.size();
    out.push_back(over_events("JSON body", data, sizes.body, p,
                              [](const cdc::event& e, std::string& to) { row::append_body_json(e, to); }));
    for (std::size_t k = 0; k < std::size(layouts); ++k) {
        const auto l = layouts[k].layout;
        const auto add = [&](const char* format, std::uint64_t output, auto append) {
            out.push_back(over_events(
                format + layouts[k].name, data, output, p, [l, append](const cdc::event& e, std::string& to) {
                    row::for_each_row(*l, e, [&](const row::record& of) { append(*l, e, around, to, of); });
                }));
        };
        add("JSON row, ", sizes.json[k], [](auto&... all) { row::append_json(all...); });
        add("protobuf row, ", sizes.protobuf[k], [](auto&... all) { row::append_protobuf(all...); });
    }
    struct typed {
        row::layout layout;
        row::bound_layout bound;
        typed(row::layout l, const sfcdc::cdc::plan& of) : layout(std::move(l)), bound(layout, of) {}
    };
    auto [typed_layout, bad_layout] = row::typed_layout(*p);
    if (bad_layout) throw wrong_answer(data.name + ": " + bad_layout.message());
    const auto t = std::make_shared<const typed>(std::move(typed_layout), *p);
    out.push_back(over_events(
        "protobuf row, typed", data, check_typed(data, t->bound), p, [t](const cdc::event& e, std::string& to) {
            row::for_each_row(t->layout, e,
                              [&](const row::record& of) { row::append_protobuf(t->bound, e, around, to, of); });
        }));
    out.push_back(avro_c_json(json_counterpart, data));
    for (std::size_t i = first; i < out.size(); ++i)
        if (out[i].what.starts_with("JSON")) out[i].against = json_counterpart;
}

} // namespace bench
