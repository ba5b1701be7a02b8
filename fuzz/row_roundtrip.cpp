// A schema and a payload as rows: what is written as JSON is UTF-8 and closes what it opens, and a protobuf row is a
// sequence of whole fields in ascending order.
#include "fuzz.hpp"

#include <sfcdc/cdc/decoder.hpp>
#include <sfcdc/row/json.hpp>
#include <sfcdc/row/protobuf.hpp>

#include <iterator>
#include <string>

using namespace sfcdc;

namespace {

// Brackets outside of strings are balanced, strings end, and nothing below a space stands anywhere.
void check_json(std::string_view text) {
    fuzz::require(wire::is_utf8(text));
    std::string open;
    bool in_string = false;
    for (std::size_t i = 0; i < text.size(); ++i) {
        const char c = text[i];
        fuzz::require(static_cast<unsigned char>(c) >= 0x20);
        if (in_string) {
            if (c == '\\')
                ++i;
            else if (c == '"')
                in_string = false;
        } else if (c == '"') {
            in_string = true;
        } else if (c == '{' || c == '[') {
            open.push_back(c);
        } else if (c == '}' || c == ']') {
            fuzz::require(!open.empty() && open.back() == (c == '}' ? '{' : '['));
            open.pop_back();
        }
    }
    fuzz::require(!in_string && open.empty());
}

void check_protobuf(const row::layout& layout, std::string_view message) {
    const auto bytes = wire::as_bytes(message);
    const std::byte* p = bytes.data();
    const std::byte* const end = p + bytes.size();
    for (std::uint64_t last = 0; p != end;) {
        std::uint64_t tag = 0, value = 0;
        fuzz::require(wire::read_varint(p, end, tag) == wire::varint_status::ok);
        const std::uint64_t field = tag >> 3;
        fuzz::require(field >= 1 && field <= layout.columns().size() && field >= last);
        last = field;
        const row::column& column = layout.columns()[static_cast<std::size_t>(field - 1)];
        const bool number = row::detail::protobuf_type(column.type()) <= 5;
        fuzz::require((tag & 7) == (number ? 0u : 2u));
        fuzz::require(wire::read_varint(p, end, value) == wire::varint_status::ok);
        if (number) continue;
        fuzz::require(value <= static_cast<std::size_t>(end - p));
        if (column.type() != row::column_type::binary)
            fuzz::require(wire::is_utf8({reinterpret_cast<const char*>(p), static_cast<std::size_t>(value)}));
        p += value;
    }
}

// The value of a member of a JSON object that the library wrote, which is without spaces; nothing if it has none.
std::string_view member(std::string_view object, std::string_view name) {
    const std::string key = '"' + std::string(name) + "\":";
    std::size_t depth = 0, begin = 0;
    bool in_string = false;
    for (std::size_t i = 0; i < object.size(); ++i) {
        const char c = object[i];
        if (in_string) {
            if (c == '\\') ++i;
            in_string = c != '"';
            continue;
        }
        if (begin != 0 && depth == 1 && (c == ',' || c == '}')) return object.substr(begin, i - begin);
        if (c == '"' && depth == 1 && begin == 0 && object[i - 1] != ':' && object.substr(i).starts_with(key)) {
            begin = i + key.size();
            i = begin - 1;
            continue;
        }
        if (c == '"') in_string = true;
        if (c == '{' || c == '[') ++depth;
        if (c == '}' || c == ']') --depth;
    }
    return {};
}

// A compound without a value is null, unless it is told of its children alone that they were cleared: then stated JSON has
// those, and the body of the event's JSON, too, if they are not all that there are.
void check_null_compounds(const cdc::event& event) {
    std::string body, stated, whole;
    row::append_body_json(event, body);
    row::append_stated_json(event, stated);
    row::append_event_json(event, whole);
    const std::string_view decoded = member(whole, "body");
    const cdc::plan& plan = event.plan();
    for (std::uint32_t f = plan.has_header() ? 1 : 0; f < plan.field_count(); ++f) {
        if (plan[avro::field{f}].child_count == 0 || event.has_value({f})) continue;
        const std::string_view name = plan.name({f});
        fuzz::require(member(body, name) == "null");
        std::string cleared;
        bool all = true;
        for (std::uint32_t c = 0; c < plan[avro::field{f}].child_count; ++c) {
            const avro::field child = plan.child({f}, c);
            const bool said = event.state(child) == cdc::field_state::null;
            all = all && said;
            if (!said) continue;
            cleared += cleared.empty() ? "{\"" : ",\"";
            cleared.append(plan.name(child).substr(name.size() + 1)).append("\":null");
        }
        if (!cleared.empty()) cleared += '}';
        if (event.state({f}) == cdc::field_state::null) cleared = "null";
        fuzz::require(member(stated, name) == cleared);
        fuzz::require(member(decoded, name) == (all ? "null" : cleared));
    }
}

// What rows read of the header is what is read without a schema.
void check_header(const cdc::event& event) {
    if (!event.plan().has_usual_header()) return;
    const row::header_values values(event);
    const auto [header, bad] = cdc::read_header(event.payload());
    fuzz::require(!bad);
    fuzz::require(values.entity_name == header.entity_name());
    fuzz::require(values.change_origin == header.change_origin());
    fuzz::require(values.transaction_key == header.transaction_key());
    fuzz::require(values.sequence_number == header.sequence_number());
    fuzz::require(values.commit_timestamp == header.commit_timestamp());
    fuzz::require(values.commit_number == header.commit_number());
    fuzz::require(values.commit_user == header.commit_user());
    auto id = header.record_ids().begin();
    for (const std::string_view text : values.record_ids) fuzz::require(text == *id), ++id;
    fuzz::require(id == std::default_sentinel);
}

} // namespace

int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    const auto [schema, datum] = fuzz::split({data, size});
    const fuzz::exact_bytes text(schema), payload(datum);
    const auto [plan, bad_plan] = cdc::compile(text.text());
    if (bad_plan) return 0;
    cdc::decoder decoder;
    const auto [event, bad] = decoder.decode(plan, payload);
    if (bad) return 0;
    const row::envelope around{.event_id = "e",
                               .schema_id = "s",
                               .topic_name = "/data/T",
                               .org_id = "o",
                               .replay_id = payload,
                               .schema_json = text.text(),
                               .received_timestamp = -1};
    check_header(event);
    check_null_compounds(event);
    std::string out;
    for (const row::layout& layout :
         {row::layout::salesforce_zerobus(), row::layout::lakeflow(), row::layout::sfcdc()}) {
        out.clear();
        row::append_json(layout, event, around, out);
        check_json(out);
        row::for_each_row(layout, event, [&](const row::record& of) {
            out.clear();
            row::append_protobuf(layout, event, around, out, of);
            check_protobuf(layout, out);
        });
    }
    out.clear();
    row::append_event_json(event, out);
    check_json(out);
    return 0;
}
