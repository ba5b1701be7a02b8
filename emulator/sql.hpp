// The SQL that the emulated warehouse understands, in Databricks' dialect: what sfcdc sends, DROP TABLE for tests, and nothing else.
//
//   CREATE TABLE [IF NOT EXISTS] table (column type [NOT NULL] [COMMENT 'text'], ...)
//       [USING DELTA] [COMMENT 'text'] [TBLPROPERTIES ('key' = 'value', ...)]        the three in any order
//   ALTER TABLE table ADD COLUMN[S] (column type [COMMENT 'text'], ...)
//   ALTER TABLE table SET TBLPROPERTIES ('key' = 'value', ...)
//   DROP TABLE [IF EXISTS] table
//   SELECT item, ... [FROM table [WHERE condition AND ...] [ORDER BY column [ASC | DESC], ...]] [LIMIT n]
//       item: an integer, NULL, column, base64(column), count(*), max(column), min(column), max_by(column, column | struct(column, ...)), each [AS name]
//       condition: column IS [NOT] NULL, column = | <> | < | <= | > | >= value, where a value is a literal or :parameter
#pragma once

#include "catalog.hpp"

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <variant>
#include <vector>

namespace emulator::sql {

struct create_table {
    bool if_not_exists = false;
    delta_table table;
};

struct add_columns {
    std::string table;
    std::vector<delta_column> columns;
};

struct set_properties {
    std::string table;
    std::map<std::string, std::string> properties;
};

struct drop_table {
    bool if_exists = false;
    std::string table;
};

struct item {
    enum class kinds { integer, null, column, base64, count, max, min, max_by };
    kinds kind = kinds::integer;
    std::int64_t integer = 0;
    std::string column;              // the value
    std::vector<std::string> orders; // of max_by
    std::string name;                // of the column of the result
};

struct parameter_name {
    std::string name;
};
using value = std::variant<std::int64_t, std::string, parameter_name>;

struct condition {
    std::string column;
    std::string operation; // "IS NULL", "IS NOT NULL", "=", ...
    value right;           // of a comparison
};

struct order {
    std::string column;
    bool descending = false;
};

struct select {
    std::vector<item> items;
    std::string table; // empty: none
    std::vector<condition> where;
    std::vector<order> by;
    std::optional<std::int64_t> limit;
};

using statement = std::variant<create_table, add_columns, set_properties, drop_table, select>;

// Throws sql_error: PARSE_SYNTAX_ERROR for anything else than the above.
statement parse(const std::string& text);

} // namespace emulator::sql
