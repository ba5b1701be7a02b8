#include "record_states.hpp"

#include "identifiers.hpp"

#include <array>
#include <cstdio>
#include <cstring>
#include <limits>
#include <nlohmann/json.hpp>

namespace emulator {
namespace {

// The first byte of a cell. Numbers, times and dates have eight bytes behind it; a text has four bytes of length and its bytes.
enum class tag : char { never, null, false_, true_, integer, real, microseconds, days, text };

constexpr std::int64_t ms_of_a_day = 86'400'000;

template<typename number> void append_bytes(std::string& out, number value) {
    std::array<char, sizeof(number)> bytes{};
    std::memcpy(bytes.data(), &value, sizeof(number));
    out.append(bytes.data(), bytes.size());
}

template<typename number> number bytes_at(std::string_view from, std::size_t at) {
    number value{};
    std::memcpy(&value, from.data() + at, sizeof(number));
    return value;
}

std::int64_t days_of(std::int64_t ms) { return ms / ms_of_a_day - (ms % ms_of_a_day < 0 ? 1 : 0); }

std::string time_of_day(std::int64_t ms) {
    std::array<char, 32> text{};
    std::snprintf(text.data(), text.size(), "%02d:%02d:%02d.%03dZ", static_cast<int>(ms / 3'600'000),
                  static_cast<int>(ms / 60'000 % 60), static_cast<int>(ms / 1'000 % 60),
                  static_cast<int>(ms % 1'000));
    return text.data();
}

std::string text_cell(const std::string& text) {
    std::string made(1, static_cast<char>(tag::text));
    append_bytes(made, static_cast<std::uint32_t>(text.size()));
    return made + text;
}

template<typename number> std::string number_cell(tag kind, number value) {
    std::string made(1, static_cast<char>(kind));
    append_bytes(made, value);
    return made;
}

std::string cell_of(const stated_value& stated) {
    const auto means = [&](std::string_view word) { return stated.field->doc.find(word) != std::string::npos; };
    if (const auto* flag = std::get_if<bool>(&stated.value))
        return std::string(1, static_cast<char>(*flag ? tag::true_ : tag::false_));
    if (const auto* text = std::get_if<std::string>(&stated.value)) return text_cell(*text);
    if (const auto* real = std::get_if<double>(&stated.value)) return number_cell(tag::real, *real);
    if (const auto* integer = std::get_if<std::int64_t>(&stated.value)) {
        if (stated.field->type != "long") return number_cell(tag::integer, *integer);
        if (means("DateOnly")) return number_cell(tag::days, days_of(*integer));
        if (means("TimeOnly")) return text_cell(time_of_day(*integer));
        return number_cell(tag::microseconds, *integer * 1'000);
    }
    return std::string(1, static_cast<char>(tag::null));
}

// The cell at the front of some.
std::string_view front_cell(std::string_view cells) {
    const auto kind = static_cast<tag>(cells.front());
    if (kind == tag::text) return cells.substr(0, 5 + bytes_at<std::uint32_t>(cells, 1));
    return cells.substr(0, kind >= tag::integer ? 9 : 1);
}

void append_cell(std::string& out, std::string_view one_cell) {
    const auto number = [&](const char* unit) {
        out += unit + std::to_string(bytes_at<std::int64_t>(one_cell, 1)) + "}";
    };
    switch (static_cast<tag>(one_cell.front())) {
    case tag::never:
    case tag::null: out += "null"; break;
    case tag::false_: out += R"({"boolean":false})"; break;
    case tag::true_: out += R"({"boolean":true})"; break;
    case tag::integer: number(R"({"number":)"); break;
    case tag::microseconds: number(R"({"microseconds":)"); break;
    case tag::days: number(R"({"days":)"); break;
    case tag::real: out += R"({"number":)" + nlohmann::json(bytes_at<double>(one_cell, 1)).dump() + "}"; break;
    case tag::text: out += R"({"text":)" + nlohmann::json(one_cell.substr(5)).dump() + "}"; break;
    }
}

} // namespace

void append_told(std::string& out, const stated_value& stated) { append_cell(out, cell_of(stated)); }

void record_states::state(record& in, const std::vector<stated_value>& stated) {
    std::vector<std::string> changed;
    std::vector<std::string_view> cells;
    changed.reserve(stated.size()); // the views below look into it
    for (std::string_view left = in.cells; !left.empty(); left.remove_prefix(cells.back().size()))
        cells.push_back(front_cell(left));
    static constexpr char never = static_cast<char>(tag::never);
    for (const stated_value& one : stated) {
        const std::size_t at = one.field->column_number;
        if (at >= cells.size()) cells.resize(at + 1, std::string_view(&never, 1));
        cells[at] = changed.emplace_back(cell_of(one));
    }
    std::string packed;
    for (const std::string_view one_cell : cells) packed += one_cell;
    packed.shrink_to_fit();
    in.cells = std::move(packed);
}

void record_states::create(std::uint64_t number, const std::vector<stated_value>& stated) {
    record& made = records_[number];
    made = {true, false, {}};
    state(made, stated);
}

void record_states::update(std::uint64_t number, const std::vector<stated_value>& stated) {
    state(records_[number], stated);
}

void record_states::doubt(std::uint64_t number) {
    if (const auto found = records_.find(number); found != records_.end()) found->second.in_doubt = true;
}

std::string record_states::lines(std::uint64_t& next, std::size_t limit, std::string_view key_prefix,
                                 const std::vector<std::string>& columns) const {
    std::vector<std::string> names; // as JSON
    for (const std::string& one : columns) names.push_back(nlohmann::json(one).dump() + ":");
    std::string out;
    auto at = records_.lower_bound(next);
    for (; at != records_.end() && limit > 0; ++at, --limit) {
        const record& one = at->second;
        out += R"({"id":")" + record_id(key_prefix, at->first) + R"(","complete":)"
               + (one.complete ? "true" : "false") + R"(,"in_doubt":)" + (one.in_doubt ? "true" : "false")
               + R"(,"fields":{)";
        bool first = true;
        std::size_t column = 0;
        for (std::string_view left = one.cells; !left.empty(); ++column) {
            const std::string_view one_cell = front_cell(left);
            left.remove_prefix(one_cell.size());
            if (static_cast<tag>(one_cell.front()) == tag::never) continue;
            out += std::exchange(first, false) ? "" : ",";
            out += names[column];
            append_cell(out, one_cell);
        }
        out += "}}\n";
    }
    next = at == records_.end() ? std::numeric_limits<std::uint64_t>::max() : at->first;
    return out;
}

} // namespace emulator
