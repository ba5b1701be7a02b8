// SQL for the tables of layouts: to create them, to widen them, and to make the current state of records from a history of
// changes. Everything is text; nothing is sent. Sources: Databricks' SQL reference (CREATE TABLE, ALTER TABLE, CREATE FLOW ...
// AUTO CDC, MERGE INTO) and DuckDB's documentation (MERGE INTO).
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include <sfcdc/row/column.hpp>
#include <sfcdc/row/layout.hpp>
#include <sfcdc/row/typed_layout.hpp>

namespace sfcdc::inline v0::row {

// Databricks and Spark 4 have one grammar here.
enum class sql_dialect : std::uint8_t { databricks, duckdb };

// Returns the name of the enumerator; "unknown" for a number that names none.
constexpr std::string_view to_string(sql_dialect value) noexcept {
    switch (value) {
    case sql_dialect::databricks: return "databricks";
    case sql_dialect::duckdb: return "duckdb";
    }
    return "unknown";
}

// A name as an identifier: in backticks, or in double quotes for DuckDB; a quote inside is doubled.
inline std::string sql_identifier(std::string_view name, sql_dialect dialect = sql_dialect::databricks) {
    const char quote = dialect == sql_dialect::databricks ? '`' : '"';
    std::string out(1, quote);
    for (const char c : name) out.append(c == quote ? 2 : 1, c);
    return out += quote;
}

// "catalog.schema.table" with each part as an identifier.
inline std::string sql_table_name(std::string_view dotted, sql_dialect dialect = sql_dialect::databricks) {
    std::string out;
    for (;;) {
        const std::size_t dot = dotted.find('.');
        out += sql_identifier(dotted.substr(0, dot), dialect);
        if (dot == std::string_view::npos) return out;
        out += '.';
        dotted.remove_prefix(dot + 1);
    }
}

// A text as a literal. In Databricks a backslash escapes, so that it is doubled, too.
inline std::string sql_literal(std::string_view text, sql_dialect dialect = sql_dialect::databricks) {
    std::string out = "'";
    for (const char c : text) {
        if (dialect == sql_dialect::duckdb)
            out.append(c == '\'' ? 2 : 1, c);
        else
            out.append(c == '\'' || c == '\\' ? "\\" : "").push_back(c);
    }
    return out += '\'';
}

// "DECIMAL(38,2)", "ARRAY<STRING>".
inline std::string sql_type(const column& c, sql_dialect dialect = sql_dialect::databricks) {
    const bool duckdb = dialect == sql_dialect::duckdb;
    switch (c.type()) {
    case column_type::string: return duckdb ? "VARCHAR" : "STRING";
    case column_type::boolean: return "BOOLEAN";
    case column_type::integer: return "INT";
    case column_type::bigint: return "BIGINT";
    case column_type::double_: return "DOUBLE";
    case column_type::date: return "DATE";
    case column_type::timestamp: return duckdb ? "TIMESTAMPTZ" : "TIMESTAMP";
    case column_type::binary: return duckdb ? "BLOB" : "BINARY";
    case column_type::string_array: return duckdb ? "VARCHAR[]" : "ARRAY<STRING>";
    case column_type::decimal: break;
    }
    return "DECIMAL(" + std::to_string(c.precision) + "," + std::to_string(c.scale) + ")";
}

// A type as Unity Catalog writes it ("bigint", "decimal(10,2)", "array<string>"; capitals do not count), as the type of a column
// without a name or a source: of a field. TIMESTAMP_NTZ takes the same values as TIMESTAMP. Nothing for types that rows do not have.
inline std::optional<column> read_sql_type(std::string_view text) {
    std::string small;
    for (const char c : detail::in_small_letters(text))
        if (c != ' ') small += c;
    const auto is = [](column_type type) {
        return column{.name = {}, .source = column_source::field, .field_type = type};
    };
    if (small == "timestamp_ntz") return is(column_type::timestamp);
    for (const column_type type :
         {column_type::string, column_type::integer, column_type::bigint, column_type::timestamp, column_type::binary,
          column_type::string_array, column_type::boolean, column_type::double_, column_type::date})
        if (small == detail::in_small_letters(to_string(type))) return is(type);
    // decimal, decimal(p) or decimal(p,s)
    std::string_view rest = small;
    if (!rest.starts_with("decimal")) return std::nullopt;
    rest.remove_prefix(7);
    column out = is(column_type::decimal);
    out.precision = 10; // of a DECIMAL without digits
    if (rest.empty()) return out;
    if (rest.front() != '(' || rest.back() != ')') return std::nullopt;
    const std::size_t comma = rest.find(',');
    const auto digits = [](std::string_view t) -> std::optional<std::uint8_t> {
        unsigned n = 0;
        for (const char c : t) {
            if (c < '0' || c > '9' || n > 38) return std::nullopt;
            n = 10 * n + static_cast<unsigned>(c - '0');
        }
        return t.empty() || n > 38 ? std::nullopt : std::optional(static_cast<std::uint8_t>(n));
    };
    const std::string_view whole = rest.substr(1, (comma == rest.npos ? rest.size() - 1 : comma) - 1);
    const auto precision = digits(whole);
    const auto scale =
        comma == rest.npos ? std::optional<std::uint8_t>(0) : digits(rest.substr(comma + 1, rest.size() - comma - 2));
    if (!precision || !scale || *precision == 0 || *scale > *precision) return std::nullopt;
    out.precision = *precision;
    out.scale = *scale;
    return out;
}

namespace detail {

// Returns the comment that CREATE TABLE gives a column: it tells people who look at the table what the column holds.
inline std::string comment_of(const column& c) {
    using enum column_source;
    switch (c.source) {
    case field: return "Salesforce field " + c.field;
    case record_id: return "record id";
    case columns_to_update: return "columns that this change sets, those that it clears included";
    case epoch: return "how often commit numbers have begun anew";
    case commit_number: return "order of the transactions";
    case sequence_number: return "order inside a transaction";
    case record_ordinal: return "which of the event's records, from 0";
    case commit_timestamp: return "time of the commit, in whole seconds: no order";
    case replay_id_hex: return "position of the event in its topic";
    case snapshot_id: return "snapshot that the row is from; null for a change";
    case rest_json: return "what the change states of fields without a column, as JSON";
    default: return std::string(to_string(c.source));
    }
}

inline void append_columns(const layout& l, std::string& out, std::string_view separator) {
    bool first = true;
    for (const column& c : l.columns()) {
        if (!first) out += separator;
        first = false;
        out += sql_identifier(c.name) + ' ' + sql_type(c) + " COMMENT " + sql_literal(comment_of(c));
    }
}

} // namespace detail

// CREATE TABLE IF NOT EXISTS for the rows of a layout, with what Zerobus asks of a table: a managed Delta table whose columns
// may all be null, without row tracking. It is never "OR REPLACE", which would take the table away from open streams. `source`, where
// it is not empty, is kept as the table's property `sfcdc.source`: where its rows come from.
inline std::string create_table_sql(const layout& l, std::string_view table, std::string_view source = {}) {
    std::string out = "CREATE TABLE IF NOT EXISTS " + sql_table_name(table) + " (\n  ";
    detail::append_columns(l, out, ",\n  ");
    return out += "\n) USING DELTA\nCOMMENT 'Salesforce change events, appended by sfcdc'\n"
                  "TBLPROPERTIES ('delta.enableRowTracking' = 'false'"
                  + (source.empty() ? std::string() : ", 'sfcdc.source' = " + sql_literal(source)) + ")";
}

// ALTER TABLE ... ADD COLUMNS for the columns that a layout has and the table lacks; empty when it lacks none. One statement,
// because each one ends the streams that read the table. `table_columns` is what the table has now.
inline std::string add_columns_sql(const layout& table_columns, const layout& wanted, std::string_view table) {
    const std::size_t there = table_columns.columns().size();
    const layout wide = widened(table_columns, wanted);
    std::string added;
    for (const column& c : wide.columns().subspan(there))
        (added += added.empty() ? "" : ", ") += sql_identifier(c.name) + ' ' + sql_type(c);
    if (added.empty()) return {};
    return "ALTER TABLE " + sql_table_name(table) + " ADD COLUMNS (" + added + ")";
}

} // namespace sfcdc::inline v0::row
