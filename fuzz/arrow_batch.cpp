// Events of two schemas in batches of one table, flushed and closed at any place: each cell is what the JSON row of the same
// event has, also after payloads, plans and bound layouts are gone.
//
// The first byte has the options. Then come events: a byte that says which schema, what happens behind the event and how often
// the event is added, the payload's length as two bytes, and the payload.
#include "typed_rows.hpp"

#include "../tests/reference/arrow_values.hpp"

#include <algorithm>
#include <bit>
#include <charconv>
#include <memory>
#include <string>
#include <vector>

#include <sfcdc/cdc/decoder.hpp>
#include <sfcdc/row/arrow.hpp>
#include <sfcdc/row/json.hpp>
#include <sfcdc/row/typed_layout.hpp>

using namespace sfcdc;
using fuzz::json_value;
using fuzz::require;

namespace {

std::string text(const ArrowArray& a, std::int64_t row) {
    require(a.n_buffers == 3 && row < a.length);
    const auto begin = reference::item<std::int32_t>(a.buffers[1], row);
    const auto end = reference::item<std::int32_t>(a.buffers[1], row + 1);
    require(0 <= begin && begin <= end);
    return std::string(static_cast<const char*>(a.buffers[2]) + begin, static_cast<std::size_t>(end - begin));
}

bool is_valid(const ArrowArray& a, std::int64_t row) {
    return a.buffers[0] == nullptr || reference::bit(a.buffers[0], row);
}

void check_double(double d, const json_value& v) {
    if (v.is == json_value::kind::string)
        return require(v.text == (d != d ? "NaN" : d > 0 ? "Infinity" : "-Infinity") && d - d != 0);
    double same = 0;
    const char* const end = v.text.data() + v.text.size();
    require(std::from_chars(v.text.data(), end, same).ptr == end);
    require(std::bit_cast<std::uint64_t>(same) == std::bit_cast<std::uint64_t>(d));
}

void check_cell(const row::column& c, const ArrowArray& a, std::int64_t row, const json_value& v) {
    const bool valid = is_valid(a, row);
    if (a.buffers[0] == nullptr) require(a.null_count == 0);
    require(valid == (v.is != json_value::kind::null));
    if (!valid) return;
    switch (c.type()) {
    case row::column_type::boolean: require(v.text == (reference::bit(a.buffers[1], row) ? "true" : "false")); break;
    case row::column_type::integer:
        require(v.text == std::to_string(reference::item<std::int32_t>(a.buffers[1], row)));
        break;
    case row::column_type::date:
        require(v.text == std::string_view(row::date_text(reference::item<std::int32_t>(a.buffers[1], row))));
        break;
    case row::column_type::bigint:
    case row::column_type::timestamp:
        require(v.text == std::to_string(reference::item<std::int64_t>(a.buffers[1], row)));
        break;
    case row::column_type::double_: check_double(reference::item<double>(a.buffers[1], row), v); break;
    case row::column_type::decimal: // 128 bits have no zero with a sign
        require((v.text == "-0" ? "0" : v.text) == reference::decimal(a.buffers[1], row, c.scale));
        break;
    case row::column_type::binary: {
        std::string base64;
        wire::append_base64(base64, wire::as_bytes(text(a, row)));
        require(v.text == base64);
        break;
    }
    case row::column_type::string: require(v.text == text(a, row)); break;
    case row::column_type::string_array: {
        const auto begin = reference::item<std::int32_t>(a.buffers[1], row);
        const auto end = reference::item<std::int32_t>(a.buffers[1], row + 1);
        require(0 <= begin && end - begin == static_cast<std::int64_t>(v.items.size()));
        for (std::int32_t i = begin; i < end; ++i)
            require(text(*a.children[0], i) == v.items[static_cast<std::size_t>(i - begin)]);
        break;
    }
    }
}

// Closes the batch and compares it with the rows.
void check_batch(row::arrow_batch& batch, std::vector<std::string>& rows) {
    ArrowArray array;
    std::memset(&array, 0xa5, sizeof array);
    batch.close(&array);
    const auto columns = batch.layout().columns();
    require(array.length == static_cast<std::int64_t>(rows.size()) && array.offset == 0 && array.null_count == 0);
    require(array.n_children == static_cast<std::int64_t>(columns.size()));
    for (std::size_t i = 0; i < columns.size(); ++i) {
        const ArrowArray& column = *array.children[i];
        std::int64_t nulls = 0;
        require(column.length == array.length && column.offset == 0);
        for (std::int64_t row = 0; row < column.length; ++row) nulls += is_valid(column, row) ? 0 : 1;
        require(column.null_count == nulls);
    }
    for (std::size_t row = 0; row < rows.size(); ++row) {
        if (row != 0 && rows[row] == rows[row - 1] && row % 61 != 0) continue; // an event that was added again
        const auto values = fuzz::json_row_reader::read(rows[row]);
        require(values.size() == columns.size());
        for (std::size_t i = 0; i < columns.size(); ++i)
            check_cell(columns[i], *array.children[i], static_cast<std::int64_t>(row), values[i].second);
    }
    array.release(&array);
    rows.clear();
}

// Lives until the batch is flushed.
struct held {
    cdc::plan plan;
    row::bound_layout bound;

    held(const cdc::plan& p, const row::layout& l) : plan(p), bound(l, plan) {}
    held(const held&) = delete;
};

} // namespace

int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    if (size < 1) return 0;
    const std::uint8_t options = data[0];
    static const cdc::plan first = cdc::compile(fuzz::typed_schema(false)).value;
    static const cdc::plan second = cdc::compile(fuzz::typed_schema(true)).value;
    const row::decimal_field amount[] = {{.field = "Amount__c", .precision = 12, .scale = 2}};
    row::typed_options typed{.multi_picklist_arrays = (options & 1) != 0};
    if ((options & 2) != 0) typed.decimals = amount;
    row::layout l = row::typed_layout((options & 4) != 0 ? second : first, typed).value;
    if ((options & 8) != 0) l = row::widened(l, row::typed_layout((options & 4) != 0 ? first : second, typed).value);

    row::arrow_batch batch(l, options >> 4);
    std::unique_ptr<held> schemas[2];
    std::vector<std::unique_ptr<fuzz::exact_bytes>> payloads;
    std::vector<std::string> rows;
    cdc::decoder decoder;
    for (std::span<const std::uint8_t> in(data + 1, size - 1); in.size() >= 3;) {
        const std::uint8_t op = in[0];
        const std::size_t length = std::min<std::size_t>(in[1] | in[2] << 8, in.size() - 3);
        payloads.push_back(std::make_unique<fuzz::exact_bytes>(in.subspan(3, length)));
        in = in.subspan(3 + length);
        std::unique_ptr<held>& of = schemas[op & 1];
        if (!of) of = std::make_unique<held>((op & 1) != 0 ? second : first, batch.layout());
        const auto [event, bad] = decoder.decode(of->plan, *payloads.back());
        constexpr unsigned times[] = {1, 1, 1, 2, 62, 63, 64, 65};
        if (!bad) {
            const row::envelope around{.schema_id = "s", .replay_id = *payloads.back(), .received_timestamp = 5};
            std::vector<std::string> same;
            row::for_each_row(l, event, [&](const row::record& record) {
                row::append_json(of->bound, event, around, same.emplace_back(), record);
            });
            for (unsigned n = times[op >> 5]; n > 0 && rows.size() < 300; --n) {
                require(batch.append(of->bound, event, around) == errc::none);
                rows.insert(rows.end(), same.begin(), same.end());
                require(batch.rows() == rows.size());
            }
        }
        if ((op & 2) != 0) batch.flush();
        if ((op & 4) != 0) check_batch(batch, rows);
        if ((op & 6) != 0) { // nothing of the events is looked at from now on
            payloads.clear();
            schemas[0].reset();
            schemas[1].reset();
        }
    }
    check_batch(batch, rows);
    return 0;
}
