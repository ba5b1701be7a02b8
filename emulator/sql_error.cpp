#include "sql_error.hpp"

#include <map>

namespace emulator {

std::optional<std::string> sql_state_of(const std::string& condition) {
    static const std::map<std::string, std::string> states{
        {"TABLE_OR_VIEW_NOT_FOUND", "42P01"},
        {"TABLE_OR_VIEW_ALREADY_EXISTS", "42P07"},
        {"SCHEMA_NOT_FOUND", "42704"},
        {"CATALOG_NOT_FOUND", "42P08"},
        {"INSUFFICIENT_PERMISSIONS", "42501"},
        {"FIELDS_ALREADY_EXISTS", "42710"},
        {"COLUMN_ALREADY_EXISTS", "42711"},
        {"UNRESOLVED_COLUMN", "42703"},
        {"UNBOUND_SQL_PARAMETER", "42P02"},
        {"MISSING_GROUP_BY", "42803"},
        {"PARSE_SYNTAX_ERROR", "42601"},
        {"UNSUPPORTED_DATATYPE", "0A000"},
        {"DELTA_CANNOT_CHANGE_DATA_TYPE", "429BQ"},
        {"DELTA_METADATA_CHANGED", "2D521"},
        {"DELTA_PROTOCOL_CHANGED", "2D521"},
        {"DELTA_CONCURRENT_APPEND", "2D521"},
        {"DELTA_CONCURRENT_WRITE", "2D521"},
        {"DELTA_CONCURRENT_TRANSACTION", "2D521"},
    };
    const auto found = states.find(condition.substr(0, condition.find('.')));
    return found == states.end() ? std::nullopt : std::optional(found->second);
}

} // namespace emulator
