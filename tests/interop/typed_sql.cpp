// The SQL of a typed table, for engines that run it. usage: typed_sql SCHEMA_FILE databricks|duckdb [DECIMAL_FIELD...]
//
// Standard output is one JSON object: the history's columns with their types in the dialect, and the statements, in which the
// history is called "history", the changed rows "batch" and the current state "current". Each DECIMAL_FIELD becomes a
// DECIMAL(38,2), and multi-select picklists become arrays.
#include <cstdio>
#include <fstream>
#include <iostream>
#include <iterator>
#include <string>
#include <string_view>
#include <vector>

#include <nlohmann/json.hpp>

#include <sfcdc/cdc/decoder.hpp>
#include <sfcdc/row/current_sql.hpp>
#include <sfcdc/row/sql.hpp>

using namespace sfcdc;

int main(int argc, char** argv) {
    const std::string_view name = argc >= 3 ? argv[2] : "";
    if (name != "databricks" && name != "duckdb")
        return std::fputs("usage: typed_sql SCHEMA_FILE databricks|duckdb [DECIMAL_FIELD...]\n", stderr), 2;
    const auto dialect = name == "duckdb" ? row::sql_dialect::duckdb : row::sql_dialect::databricks;
    std::ifstream file(argv[1], std::ios::binary);
    const std::string schema{std::istreambuf_iterator<char>(file), {}};
    const auto [plan, bad_schema] = cdc::compile(schema);
    if (bad_schema) return std::fprintf(stderr, "%s: %s\n", argv[1], bad_schema.message()), 1;
    std::vector<row::decimal_field> decimals;
    for (int i = 3; i < argc; ++i) decimals.push_back({.field = argv[i]});
    const auto [table, bad_table] = row::typed_layout(plan, {.decimals = decimals, .multi_picklist_arrays = true});
    if (bad_table) return std::fprintf(stderr, "%s: %s\n", argv[1], bad_table.message()), 1;

    nlohmann::ordered_json out = {{"columns", nlohmann::ordered_json::array()}};
    for (const row::column& c : table.columns())
        out["columns"].push_back({{"name", c.name},
                                  {"type", row::sql_type(c, dialect)},
                                  {"identifier", row::sql_identifier(c.name, dialect)},
                                  {"is_field", c.source == row::column_source::field}});
    if (dialect == row::sql_dialect::databricks) {
        out["create_history"] = row::create_table_sql(table, "history");
        out["auto_cdc"] = row::auto_cdc_sql(table, "history", "current");
    }
    out["create_current"] = row::create_current_table_sql(table, "current", dialect);
    out["merge"] = row::merge_sql(table, "history", "batch", "current", dialect);
    std::cout << out << '\n';
}
