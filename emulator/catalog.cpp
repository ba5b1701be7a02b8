#include "catalog.hpp"

#include "identifiers.hpp"

#include <algorithm>
#include <array>
#include <string_view>
#include <strings.h>

namespace emulator {
namespace {

std::string in_small_letters(std::string name) {
    for (char& c : name)
        if (c >= 'A' && c <= 'Z') c = static_cast<char>(c - 'A' + 'a');
    return name;
}

struct type_pair {
    std::string_view delta, sqlite;
};
constexpr std::array<type_pair, 14> simple_types{
    {{"string", "TEXT"},
     {"bigint", "INTEGER"},
     {"double", "REAL"},
     {"binary", "BLOB"},
     // The first one of each kind is that of a column that a stream made.
     {"int", "INTEGER"},
     {"smallint", "INTEGER"},
     {"tinyint", "INTEGER"},
     {"float", "REAL"},
     {"boolean", "INTEGER"},
     {"date", "INTEGER"},
     {"timestamp", "INTEGER"},
     {"timestamp_ntz", "INTEGER"},
     {"variant", "TEXT"},
     {"decimal", "TEXT"}}};

std::string sqlite_type(const std::string& type) {
    const std::string name = type.substr(0, type.find('('));
    for (const auto& [delta, sqlite] : simple_types)
        if (name == delta) return std::string(sqlite);
    return "TEXT"; // arrays are JSON
}

std::string delta_type(const std::string& sqlite_type) {
    for (const auto& [delta, sqlite] : simple_types)
        if (sqlite_type == sqlite) return std::string(delta);
    return "string";
}

std::vector<column> in_sqlite(const std::vector<delta_column>& columns) {
    std::vector<column> all;
    for (const delta_column& one : columns) all.push_back({one.name, sqlite_type(one.type)});
    return all;
}

} // namespace

const delta_column* delta_table::find(const std::string& column) const {
    const auto found = std::find_if(columns.begin(), columns.end(), [&](const delta_column& one) {
        return strcasecmp(one.name.c_str(), column.c_str()) == 0;
    });
    return found == columns.end() ? nullptr : &*found;
}

bool is_delta_type(const std::string& type) {
    if (type.starts_with("array<") && type.ends_with('>')) {
        const std::string item = type.substr(6, type.size() - 7);
        return !item.starts_with("array") && is_delta_type(item);
    }
    const auto parenthesis = type.find('(');
    if (parenthesis != std::string::npos && type.substr(0, parenthesis) != "decimal") return false;
    const std::string name = type.substr(0, parenthesis);
    return std::any_of(simple_types.begin(), simple_types.end(),
                       [&](const type_pair& one) { return one.delta == name; });
}

std::optional<delta_table> catalog::find(const std::string& name) const {
    {
        std::lock_guard lock(mutex_);
        if (const auto found = tables_.find(in_small_letters(name)); found != tables_.end()) return found->second;
    }
    const std::vector<column> columns = lake_.typed_columns(name);
    if (columns.empty()) return std::nullopt;
    delta_table made{.name = name, .id = "made-by-a-stream", .columns = {}, .properties = {}, .comment = {}};
    made.contract = false;
    for (const column& one : columns) made.columns.push_back({one.name, delta_type(one.type)});
    return made;
}

std::optional<delta_table> catalog::find_visible(const std::string& name) const {
    auto table = find(name);
    const auto now = std::chrono::steady_clock::now();
    if (table) std::erase_if(table->columns, [&](const delta_column& one) { return one.visible_from > now; });
    return table;
}

bool catalog::create(delta_table table) {
    if (find(table.name)) return false;
    table.id = fresh_uuid();
    lake_.add_columns(table.name, in_sqlite(table.columns));
    std::lock_guard lock(mutex_);
    return tables_.emplace(in_small_letters(table.name), std::move(table)).second;
}

void catalog::add_columns(const std::string& name, const std::vector<delta_column>& columns) {
    lake_.add_columns(name, in_sqlite(columns));
    std::lock_guard lock(mutex_);
    if (const auto found = tables_.find(in_small_letters(name)); found != tables_.end())
        found->second.columns.insert(found->second.columns.end(), columns.begin(), columns.end());
}

void catalog::set_properties(const std::string& name, const std::map<std::string, std::string>& properties) {
    std::lock_guard lock(mutex_);
    if (const auto found = tables_.find(in_small_letters(name)); found != tables_.end())
        for (const auto& [key, value] : properties) found->second.properties[key] = value;
}

} // namespace emulator
