// Any event as rows of its object's typed table. JSON and protobuf agree on every value and on what is null, bound and unbound
// rows are the same, and an event updates only columns of the table, each once.
//
// The first byte has the options and the schema: one of two, or one in front of the first 0x00 0xff. The second byte is the
// precision and the scale of decimals.
#include "typed_rows.hpp"

#include "../tests/reference/protobuf_reader.hpp"

#include <bit>
#include <charconv>
#include <map>
#include <set>
#include <vector>

#include <sfcdc/cdc/decoder.hpp>
#include <sfcdc/row/columns_to_update.hpp>
#include <sfcdc/row/json.hpp>
#include <sfcdc/row/protobuf.hpp>
#include <sfcdc/row/typed_layout.hpp>

using namespace sfcdc;
using fuzz::json_value;
using fuzz::require;

namespace {

std::string base64(std::string_view bytes) {
    std::string out;
    wire::append_base64(out, wire::as_bytes(bytes));
    return out;
}

// One field of a message, and the value that JSON has for it.
void check_value(const row::column& c, const reference::protobuf_field& f, const json_value& v) {
    const auto number = static_cast<std::int64_t>(f.varint);
    switch (c.type()) {
    case row::column_type::boolean: require(v.text == (f.varint == 1 ? "true" : "false") && f.varint <= 1); break;
    case row::column_type::integer:
    case row::column_type::bigint:
    case row::column_type::timestamp: require(v.text == std::to_string(number)); break;
    case row::column_type::date:
        require(v.text == std::string_view(row::date_text(static_cast<std::int32_t>(number))));
        break;
    case row::column_type::double_: {
        const auto d = std::bit_cast<double>(f.fixed64);
        if (v.is == json_value::kind::string) {
            require(v.text == (d != d ? "NaN" : d > 0 ? "Infinity" : "-Infinity") && d - d != 0);
            break;
        }
        double same = 0;
        const char* const end = v.text.data() + v.text.size();
        require(std::from_chars(v.text.data(), end, same).ptr == end);
        require(std::bit_cast<std::uint64_t>(same) == f.fixed64);
        break;
    }
    case row::column_type::binary: require(v.text == base64(f.bytes)); break;
    default: require(v.text == f.bytes && wire::is_utf8(f.bytes)); break;
    }
}

void check_row(const row::layout& l, std::string_view json, std::string_view message) {
    const auto values = fuzz::json_row_reader::read(json);
    const auto columns = l.columns();
    require(values.size() == columns.size());
    std::map<std::uint32_t, std::vector<reference::protobuf_field>> fields;
    for (reference::protobuf_field& f : reference::read_protobuf(message))
        fields[f.number - 1].push_back(std::move(f));
    require(fields.empty() || fields.rbegin()->first < columns.size());
    for (std::uint32_t i = 0; i < columns.size(); ++i) {
        const json_value& v = values[i].second;
        const auto found = fields.find(i);
        require(values[i].first == columns[i].name);
        require(v.absent() == (found == fields.end()));
        if (v.absent()) continue;
        if (v.is == json_value::kind::array) {
            require(v.items.size() == found->second.size());
            for (std::size_t k = 0; k < v.items.size(); ++k) require(v.items[k] == found->second[k].bytes);
            continue;
        }
        require(found->second.size() == 1);
        check_value(columns[i], found->second[0], v);
    }
}

} // namespace

int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    if (size < 2) return 0;
    const std::uint8_t options = data[0], digits = data[1];
    std::span<const std::uint8_t> datum(data + 2, size - 2);
    std::string schema = fuzz::typed_schema((options & 1) != 0);
    if ((options & 2) != 0) {
        const auto [text, rest] = fuzz::split(datum);
        schema.assign(reinterpret_cast<const char*>(text.data()), text.size());
        datum = rest;
    }
    const auto [plan, bad_plan] = cdc::compile(schema);
    if (bad_plan) return 0;
    const fuzz::exact_bytes payload(datum);
    cdc::decoder decoder;
    const auto [event, bad] = decoder.decode(plan, payload);
    if (bad) return 0;

    std::vector<row::decimal_field> decimals;
    const auto precision = static_cast<std::uint8_t>(1 + digits % 38);
    const auto scale = static_cast<std::uint8_t>(digits / 38 % (precision + 1));
    if ((options & 4) != 0)
        for (std::uint32_t f = plan.has_header() ? 1 : 0; f < plan.field_count(); ++f)
            decimals.push_back({.field = plan.name({f}), .precision = precision, .scale = scale});
    const auto [l, bad_table] =
        row::typed_layout(plan, {.decimals = decimals, .multi_picklist_arrays = (options & 8) != 0});
    if (bad_table) return 0;

    const row::bound_layout bound = row::bind(l, plan);
    const row::envelope around{.schema_id = "s", .replay_id = payload, .received_timestamp = -1, .epoch = 1};
    row::for_each_row(l, event, [&](const row::record& of) {
        std::string json, message, unbound_json, unbound_message;
        const std::uint32_t replaced = row::append_json(bound, event, around, json, of);
        require(row::append_protobuf(bound, event, around, message, of) == replaced);
        row::append_json(l, event, around, unbound_json, of);
        row::append_protobuf(l, event, around, unbound_message, of);
        require(json == unbound_json && message == unbound_message);
        check_row(l, json, message);
    });

    std::set<std::string_view> names, updated;
    for (const row::column& c : l.columns()) names.insert(c.name);
    for (const std::string_view name : row::columns_to_update(bound, event))
        require(names.contains(name) && updated.insert(name).second);
    return 0;
}
