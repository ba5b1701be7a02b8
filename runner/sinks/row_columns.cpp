#include "row_columns.hpp"

#include <sfcdc/row/convert.hpp>
#include <sfcdc/row/protobuf.hpp>
#include <sfcdc/wire/base64.hpp>

#include <bit>
#include <chrono>
#include <cmath>
#include <cstdint>
#include <cstdio>
#include <limits>
#include <optional>
#include <span>
#include <utility>

namespace sfcdc::runner {
namespace {

using ordered_json = nlohmann::ordered_json;
using row::column_type;

// JSON has no numbers for these.
ordered_json double_json(double v) {
    if (std::isnan(v)) return "NaN";
    if (std::isinf(v)) return v > 0 ? "Infinity" : "-Infinity";
    return v;
}
std::optional<double> double_of(const ordered_json& v) {
    if (v.is_number()) return v.get<double>();
    if (v == "NaN") return std::numeric_limits<double>::quiet_NaN();
    if (v == "Infinity") return std::numeric_limits<double>::infinity();
    if (v == "-Infinity") return -std::numeric_limits<double>::infinity();
    return std::nullopt;
}

std::optional<std::int32_t> days_of(const ordered_json& v) {
    int year = 0, used = 0;
    unsigned month = 0, day = 0;
    if (!v.is_string()) return std::nullopt;
    const std::string& text = v.get_ref<const std::string&>();
    if (std::sscanf(text.c_str(), "%d-%2u-%2u%n", &year, &month, &day, &used) != 3
        || static_cast<std::size_t>(used) != text.size() || year < -9999 || year > 9999)
        return std::nullopt;
    const std::chrono::year_month_day date{std::chrono::year(year), std::chrono::month(month), std::chrono::day(day)};
    if (!date.ok()) return std::nullopt;
    return static_cast<std::int32_t>(std::chrono::sys_days(date).time_since_epoch().count());
}

wire::wire_type wire_type_of(column_type type) {
    switch (type) {
    case column_type::double_: return wire::wire_type::fixed64;
    case column_type::boolean:
    case column_type::integer:
    case column_type::date:
    case column_type::bigint:
    case column_type::timestamp: return wire::wire_type::varint;
    default: return wire::wire_type::length_delimited;
    }
}

ordered_json value_of(column_type type, const wire::protobuf_reader& in) {
    switch (type) {
    case column_type::double_: return double_json(std::bit_cast<double>(in.number()));
    case column_type::boolean: return in.number() != 0;
    case column_type::integer: return in.int32();
    case column_type::date: return std::string(std::string_view(row::date_text(in.int32())));
    case column_type::bigint:
    case column_type::timestamp: return in.int64();
    case column_type::binary: {
        std::string digits;
        wire::append_base64(digits, wire::as_bytes(in.bytes()));
        return digits;
    }
    default: return std::string(in.bytes());
    }
}

// False where the value does not fit the column.
bool append_value(wire::protobuf_writer& out, std::uint32_t number, column_type type, const ordered_json& value) {
    switch (type) {
    case column_type::double_:
        if (const auto v = double_of(value))
            return out.fixed64({number, wire::wire_type::fixed64}, std::bit_cast<std::uint64_t>(*v)), true;
        return false;
    case column_type::boolean: return value.is_boolean() && (out.varint(number, value.get<bool>() ? 1 : 0), true);
    case column_type::date:
        if (const auto days = days_of(value)) return out.int64(number, *days), true;
        return false;
    case column_type::integer:
        if (!value.is_number_integer() || !std::in_range<std::int32_t>(value.get<std::int64_t>())) return false;
        return out.int64(number, value.get<std::int64_t>()), true;
    case column_type::bigint:
    case column_type::timestamp:
        if (!value.is_number_integer()
            || (value.is_number_unsigned() && value.get<std::uint64_t>() > std::uint64_t{INT64_MAX}))
            return false;
        return out.int64(number, value.get<std::int64_t>()), true;
    case column_type::binary: {
        if (!value.is_string()) return false;
        const auto [bytes, bad] = wire::from_base64(value.get_ref<const std::string&>());
        return !bad && (out.bytes(number, bytes), true);
    }
    case column_type::string_array:
        if (!value.is_array()) return false;
        for (const ordered_json& item : value)
            if (!item.is_string()) return false;
        for (const ordered_json& item : value) out.bytes(number, item.get_ref<const std::string&>());
        return true;
    default: return value.is_string() && (out.bytes(number, value.get_ref<const std::string&>()), true);
    }
}

} // namespace

ordered_json columns_of_row(const row::layout& l, std::string_view message) {
    ordered_json out = ordered_json::object();
    const std::span<const row::column> columns = l.columns();
    wire::protobuf_reader in(message);
    while (in.next()) {
        const std::uint32_t number = in.field();
        if (number == 0 || number > columns.size()) return nullptr;
        const row::column& c = columns[number - 1];
        if (!in.is(number, wire_type_of(c.type()))) return nullptr;
        if (c.type() == column_type::string_array)
            out[c.name].push_back(std::string(in.bytes()));
        else
            out[c.name] = value_of(c.type(), in);
    }
    return in.error() ? ordered_json(nullptr) : out;
}

void append_row(const row::layout& l, const ordered_json& columns, std::string& message,
                std::vector<std::string>& left_out) {
    wire::appender appended(message);
    wire::protobuf_writer out(appended);
    std::size_t taken = 0;
    std::uint32_t number = 0;
    for (const row::column& c : l.columns()) {
        ++number;
        const auto at = columns.find(c.name);
        if (at == columns.end() || at->is_null()) continue;
        ++taken;
        if (!append_value(out, number, c.type(), *at)) left_out.push_back(c.name);
    }
    if (taken == columns.size()) return;
    for (const auto& item : columns.items()) {
        const bool there =
            std::ranges::any_of(l.columns(), [&](const row::column& c) { return c.name == item.key(); });
        if (!there) left_out.push_back(item.key());
    }
}

} // namespace sfcdc::runner
