// How long does it take from the bytes of an event to a view from which every value can be read?
#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <type_traits>
#include <utility>
#include <vector>

#include <sfcdc/sfcdc.hpp>

#include "avro_c.hpp"
#include "field_names.hpp"
#include "json_text.hpp"
#include "questions.hpp"

namespace bench {
namespace {

namespace avro = sfcdc::avro;
namespace cdc = sfcdc::cdc;

void append_value(std::string& out, const avro::value& v) {
    using enum avro::type;
    const auto read = [&]<class T>(T into) {
        if (!v.read(into)) throw wrong_answer("a value cannot be read as its own type");
        return into;
    };
    bool first = true;
    const auto separate = [&] { first ? void(first = false) : void(out += ','); };
    switch (v.type()) {
    case null: out += "null"; return;
    case boolean: out += read(false) ? "true" : "false"; return;
    case int_: return append_number(out, read(std::int32_t{}));
    case long_: return append_number(out, read(std::int64_t{}));
    case double_: return append_number(out, read(0.0));
    case string:
    case enum_: return append_quoted(out, read(std::string_view{}));
    case array:
        out += '[';
        v.for_each_item([&](const avro::value& item) { separate(), append_value(out, item); });
        out += ']';
        return;
    case record:
        out += '{';
        v.for_each_field([&](std::string_view name, const avro::value& member) {
            separate(), append_quoted(out, name), out += ':', append_value(out, member);
        });
        out += '}';
        return;
    default: throw std::runtime_error("the data has a type that the check does not know");
    }
}

// Every field by its number, compounds through the numbers of their children.
std::string json_by_fields(const cdc::event& e) {
    const cdc::plan& p = e.plan();
    std::string out = "{";
    for (std::uint32_t i = 0; i < p.field_count(); ++i) {
        const avro::field f{i};
        if (i != 0) out += ',';
        append_quoted(out, p.name(f));
        out += ':';
        if (!e.has_value(f) || e.value(f).type() != avro::type::record) {
            append_value(out, e.value(f));
            continue;
        }
        out += '{';
        for (std::uint32_t c = 0; p.child(f, c); ++c) {
            if (c != 0) out += ',';
            append_quoted(out, p.name(p.child(f, c)).substr(p.name(f).size() + 1));
            out += ':';
            append_value(out, e.value(p.child(f, c)));
        }
        out += '}';
    }
    return out + "}";
}

// The same from the values that hold them: a compound is one value with members.
std::string json_by_values(const cdc::event& e) {
    const cdc::plan& p = e.plan();
    std::string out = "{";
    for (std::uint32_t i = 0; i < p.field_count(); ++i) {
        if (i != 0) out += ',';
        append_quoted(out, p.name({i}));
        out += ':';
        append_value(out, e.value({i}));
    }
    return out + "}";
}

std::string json_of_header(const cdc::event_header& h) {
    std::string out;
    const auto key = [&](std::string_view name) {
        out += out.empty() ? '{' : ',', append_quoted(out, name), out += ':';
    };
    key("entityName"), append_quoted(out, h.entity_name());
    key("recordIds"), append_texts(out, h.record_ids());
    key("changeType"), append_quoted(out, h.change_type_name());
    key("changeOrigin"), append_quoted(out, h.change_origin());
    key("transactionKey"), append_quoted(out, h.transaction_key());
    key("sequenceNumber"), append_number(out, h.sequence_number());
    key("commitTimestamp"), append_number(out, h.commit_timestamp());
    key("commitNumber"), append_number(out, h.commit_number());
    key("commitUser"), append_quoted(out, h.commit_user());
    key("nulledFields"), append_texts(out, h.nulled_fields());
    key("diffFields"), append_texts(out, h.diff_fields());
    key("changedFields"), append_texts(out, h.changed_fields());
    return out + "}";
}

std::vector<std::string> copied(const cdc::field_list& list) {
    std::vector<std::string> out;
    for (const std::string_view name : list) out.emplace_back(name);
    return out;
}

void check(const data_set& data, const cdc::plan& p) {
    avro_c reference(*data.schema_json);
    const field_names names(reference.schema());
    const auto check_one = [&](std::size_t i, const sfcdc::result<cdc::event>& decoded) {
        const auto& [event, bad] = decoded;
        if (bad) wrong("decode", data.name, i, bad.message());
        if (!reference.read(data.events[i])) avro_c::fail();
        const std::string expected = json_of(reference.value());
        const std::string by_fields = json_by_fields(event), by_values = json_by_values(event);
        if (by_fields != expected) wrong("decode by fields", data.name, i, difference(by_fields, expected));
        if (by_values != expected) wrong("decode by values", data.name, i, difference(by_values, expected));
        const avro_value_t header = child(reference.value(), std::size_t{0});
        const std::string getters = json_of_header(event.header());
        if (getters != json_of(header)) wrong("header", data.name, i, difference(getters, json_of(header)));
        const auto listed = [&](const cdc::field_list& list, const char* member) {
            if (copied(list) != names.expand(texts_of(child(header, member))))
                wrong(member, data.name, i, "other names");
        };
        listed(event.changed_fields(), "changedFields");
        listed(event.nulled_fields(), "nulledFields");
        listed(event.diff_fields(), "diffFields");
    };

    cdc::decoder decoder;
    for (std::size_t i = 0; i < data.events.size(); ++i) {
        const guarded_copy payload(data.events[i]);
        check_one(i, decoder.decode(p, payload.view()));
        const auto [header, bad] = cdc::read_header(payload.view());
        if (bad) wrong("header only", data.name, i, bad.message());
        if (!reference.read(data.events[i])) avro_c::fail();
        const std::string alone = json_of_header(header),
                          expected = json_of(child(reference.value(), std::size_t{0}));
        if (alone != expected) wrong("header only", data.name, i, difference(alone, expected));
    }
    // An odd number at a time: pairs, and one that is left over.
    for (std::size_t at = 0; at < data.events.size(); at += 5) {
        std::vector<std::unique_ptr<guarded_copy>> copies;
        std::vector<bytes> payloads;
        for (std::size_t i = at; i < std::min(at + 5, data.events.size()); ++i) {
            copies.push_back(std::make_unique<guarded_copy>(data.events[i]));
            payloads.push_back(copies.back()->view());
        }
        std::size_t next = at;
        decoder.decode_each(p, payloads, [&](std::size_t i, const auto& decoded) {
            if (at + i != next++) wrong("decode", data.name, next, "out of order");
            check_one(at + i, decoded);
        });
        if (next != at + payloads.size()) wrong("decode", data.name, next, "missing");
    }
}

// Five fields across the width of the schema, so that any schema has them.
std::vector<avro::field> five_fields(const cdc::plan& p) {
    std::vector<avro::field> out;
    for (std::uint32_t k = 1; k <= 5; ++k) out.push_back({k * (p.field_count() - 1) / 5});
    return out;
}

cdc::plan projected(const cdc::plan& p) {
    std::vector<std::string_view> names;
    for (const avro::field f : five_fields(p)) names.push_back(p.name(f));
    auto [out, bad] = p.project(names);
    if (bad) throw wrong_answer(bad.message());
    return std::move(out);
}

void check_projection(const data_set& data, const cdc::plan& whole, const cdc::plan& five) {
    avro_c reference(*data.schema_json);
    const std::vector<avro::field> fields = five_fields(whole);
    cdc::decoder decoder;
    for (std::size_t i = 0; i < data.events.size(); ++i) {
        const guarded_copy payload(data.events[i]);
        const auto [event, bad] = decoder.decode(five, payload.view());
        if (bad) wrong("projection", data.name, i, bad.message());
        if (!reference.read(data.events[i])) avro_c::fail();
        for (std::uint32_t f = 1; f < whole.field_count(); ++f) {
            if (std::find(fields.begin(), fields.end(), avro::field{f}) == fields.end()) {
                if (event.has_value({f})) wrong("projection", data.name, i, "a field that was not asked for");
                continue;
            }
            std::string found;
            append_value(found, event.value({f}));
            const std::string expected = json_of(child(reference.value(), f));
            if (found != expected) wrong("projection", data.name, i, difference(found, expected));
        }
    }
}

// What Avro C has done when it returns: every value taken out of the payload as its own type. The sum is of the numbers and of
// the lengths of all texts.
std::uint64_t values_read(const cdc::event& e) {
    std::uint64_t sum = 0;
    const auto add_text = [&](std::string_view text) { keep(text), sum += text.size(); };
    const cdc::event_header h = e.header();
    for (const std::string_view text :
         {h.entity_name(), h.change_type_name(), h.change_origin(), h.transaction_key(), h.commit_user()})
        add_text(text);
    for (const cdc::string_list& list : {h.record_ids(), h.nulled_fields(), h.diff_fields(), h.changed_fields()})
        for (const std::string_view text : list) add_text(text);
    sum += static_cast<std::uint64_t>(h.commit_timestamp() + h.commit_number() + h.sequence_number());
    e.for_each_present([&]<class T>(avro::field, std::string_view, const T& v) {
        if constexpr (std::is_same_v<T, std::string_view>)
            add_text(v);
        else if constexpr (std::is_same_v<T, double>)
            sum += static_cast<std::uint64_t>(v != 0);
        else if constexpr (std::is_integral_v<T>)
            sum += static_cast<std::uint64_t>(v);
    });
    return sum;
}
// The same by Avro C.
std::uint64_t values_read(const avro_value_t& v) {
    switch (avro_value_get_type(&v)) {
    case AVRO_BOOLEAN: {
        int b = 0;
        avro_value_get_boolean(&v, &b);
        return b != 0 ? 1 : 0;
    }
    case AVRO_INT32: return static_cast<std::uint64_t>(int_of(v));
    case AVRO_INT64: return static_cast<std::uint64_t>(long_of(v));
    case AVRO_DOUBLE: {
        double d = 0;
        avro_value_get_double(&v, &d);
        return d != 0 ? 1 : 0;
    }
    case AVRO_STRING:
    case AVRO_ENUM: return text_of(v).size();
    case AVRO_ARRAY:
    case AVRO_RECORD: {
        std::uint64_t sum = 0;
        for (std::size_t i = 0; i < size_of(v); ++i) sum += values_read(child(v, i));
        return sum;
    }
    default: return 0;
    }
}
void check_values_read(const data_set& data, const cdc::plan& p) {
    avro_c reference(*data.schema_json);
    cdc::decoder decoder;
    for (std::size_t i = 0; i < data.events.size(); ++i) {
        const auto [event, bad] = decoder.decode(p, data.events[i]);
        if (bad || !reference.read(data.events[i])) wrong("decode", data.name, i, "cannot be read");
        if (values_read(event) != values_read(reference.value())) wrong("every value read", data.name, i, "the sum");
    }
}

} // namespace

void add_decode(const data_set& data, std::vector<contender>& out) {
    auto [compiled, bad_schema] = cdc::compile(*data.schema_json);
    if (bad_schema) throw wrong_answer(data.name + ": " + bad_schema.message());
    const auto p = std::make_shared<const cdc::plan>(std::move(compiled));
    check(data, *p);
    const auto five = std::make_shared<const cdc::plan>(projected(*p));
    check_projection(data, *p, *five);
    check_values_read(data, *p);

    const auto& events = data.events;
    // decode_each() is how a FetchResponse is decoded: two events under way at a time.
    const auto lane = [&](const char* what, const std::shared_ptr<const cdc::plan>& by, auto look) {
        out.push_back(
            timed(what, events.size(), data.event_bytes, [&events, by, look, d = std::make_shared<cdc::decoder>()] {
                d->decode_each(*by, events, [&](std::size_t, const sfcdc::result<cdc::event>& decoded) {
                    if (decoded.error) throw wrong_answer(decoded.error.message());
                    look(decoded.value);
                    keep(decoded.value);
                });
            }));
    };
    lane("decode", p, [](const cdc::event&) {});
    out.push_back(timed("decode, one at a time", events.size(), data.event_bytes,
                        [&events, p, d = std::make_shared<cdc::decoder>()] {
                            for (const bytes payload : events) {
                                const auto [event, bad] = d->decode(*p, payload);
                                if (bad) throw wrong_answer(bad.message());
                                keep(event);
                            }
                        }));
    out.push_back(timed("header only", events.size(), data.event_bytes, [&events] {
        for (const bytes payload : events) {
            const auto [header, bad] = cdc::read_header(payload);
            if (bad) throw wrong_answer(bad.message());
            keep(header);
        }
    }));
    lane("projection of 5 fields", five, [fields = five_fields(*p)](const cdc::event& e) {
        for (const avro::field f : fields)
            if (e.has_value(f)) keep(e.value(f));
    });

    lane("decode, UTF-8 checked", p, [check = cdc::utf8_check(*p)](const cdc::event& e) {
        if (!check.is_valid(e)) throw wrong_answer("a text is not UTF-8");
    });
    lane("decode, every value read", p, [](const cdc::event& e) { keep(values_read(e)); });

    out.push_back(timed(avro_c_decode, events.size(), data.event_bytes,
                        [&events, reader = std::make_shared<avro_c>(*data.schema_json)] {
                            for (const bytes payload : events) {
                                if (!reader->read(payload)) avro_c::fail();
                                keep(reader->value());
                            }
                        }));
}

} // namespace bench
