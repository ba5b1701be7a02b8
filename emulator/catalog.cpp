#include "catalog.hpp"

#include "identifiers.hpp"

#include <algorithm>
#include <array>
#include <nlohmann/json.hpp>
#include <string_view>
#include <strings.h>

namespace emulator {
namespace {

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

std::string text_of(const delta_table& table) {
    nlohmann::json columns = nlohmann::json::array();
    for (const delta_column& one : table.columns)
        columns.push_back(
            {{"name", one.name}, {"type", one.type}, {"nullable", one.nullable}, {"comment", one.comment}});
    return nlohmann::json{{"name", table.name},
                          {"id", table.id},
                          {"columns", std::move(columns)},
                          {"properties", table.properties},
                          {"comment", table.comment}}
        .dump();
}

delta_table table_from(const std::string& text) {
    const auto stored = nlohmann::json::parse(text);
    delta_table table{.name = stored.at("name"),
                      .id = stored.at("id"),
                      .columns = {},
                      .properties = stored.at("properties"),
                      .comment = stored.at("comment")};
    for (const auto& one : stored.at("columns"))
        table.columns.push_back({.name = one.at("name"),
                                 .type = one.at("type"),
                                 .nullable = one.at("nullable"),
                                 .comment = one.at("comment")});
    return table;
}

} // namespace

catalog::catalog(lake& tables, bells& ingest_streams) : lake_(tables), ingest_streams_(ingest_streams) {
    for (const auto& [name, contract] : lake_.contracts()) {
        if (contract)
            tables_.emplace(name, table_from(*contract));
        else
            dropped_.insert(name);
    }
}

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
    lake_.add_columns(table.name, in_sqlite(table.columns), text_of(table));
    std::lock_guard lock(mutex_);
    dropped_.erase(in_small_letters(table.name));
    return tables_.emplace(in_small_letters(table.name), std::move(table)).second;
}

void catalog::add_columns(const std::string& name, const std::vector<delta_column>& columns) {
    change(name, columns, {});
}

void catalog::change(const std::string& name, const std::vector<delta_column>& columns,
                     const std::map<std::string, std::string>& properties) {
    std::lock_guard lock(mutex_);
    const auto found = tables_.find(in_small_letters(name));
    if (found == tables_.end()) return lake_.add_columns(name, in_sqlite(columns)); // a stream has made it
    delta_table changed = found->second;
    changed.columns.insert(changed.columns.end(), columns.begin(), columns.end());
    for (const auto& [key, value] : properties) changed.properties[key] = value;
    lake_.add_columns(name, in_sqlite(columns), text_of(changed));
    found->second = std::move(changed);
}

void catalog::set_properties(const std::string& name, const std::map<std::string, std::string>& properties) {
    change(name, {}, properties);
}

bool catalog::drop(const std::string& name) {
    if (!find(name)) return false;
    {
        std::lock_guard lock(mutex_);
        lake_.drop(name);
        tables_.erase(in_small_letters(name));
        dropped_.insert(in_small_letters(name));
    }
    ingest_streams_.ring();
    return true;
}

bool catalog::dropped(const std::string& name) const {
    std::lock_guard lock(mutex_);
    return dropped_.contains(in_small_letters(name));
}

std::vector<std::string> catalog::tables_of(const std::string& catalog_name, const std::string& schema_name) const {
    const std::string front = in_small_letters(catalog_name + "." + schema_name + ".");
    std::vector<std::string> names;
    for (const auto& row : lake_.query("SELECT name FROM sqlite_master WHERE type = 'table' ORDER BY lower(name)"))
        if (in_small_letters(row.at(0)).starts_with(front)) names.push_back(row.at(0));
    return names;
}

} // namespace emulator
