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

// What a column holds, for the people who look at the table.
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

// A row of a history, as the texts for the current state see it: the names of its columns as identifiers.
class history_columns {
  public:
    history_columns(const layout& l, sql_dialect dialect) {
        for (const column& c : l.columns()) {
            using enum column_source;
            const std::string name = sql_identifier(c.name, dialect);
            switch (c.source) {
            case record_id: id = name; break;
            case change_type: change = name; break;
            case columns_to_update: updates = name; break;
            case epoch: order[0] = name; break;
            case commit_number: order[1] = name; break;
            case sequence_number: order[2] = name; break;
            case record_ordinal: order[3] = name; break;
            default: break;
            }
            if (c.source != field && c.source != record_id && c.source != commit_timestamp)
                (excluded += excluded.empty() ? "" : ", ") += name;
        }
    }
    bool complete() const noexcept {
        for (const std::string& name : order)
            if (name.empty()) return false;
        return !id.empty() && !change.empty() && !updates.empty();
    }
    // The columns by which changes are ordered, each behind a prefix.
    std::string ordered(std::string_view prefix = {}) const {
        std::string out;
        for (const std::string& name : order) ((out += out.empty() ? "" : ", ") += prefix) += name;
        return out;
    }
    std::string deletes() const { return change + " IN ('DELETE', 'GAP_DELETE')"; }
    // A gap tells that something was missed, not what; but a gap of a DELETE says all.
    std::string tells() const { return "(" + change + " NOT LIKE 'GAP%' OR " + change + " = 'GAP_DELETE')"; }

    std::string id, change, updates, order[4];
    std::string excluded; // what the table of the current state does not have
};

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
// may all be null, without row tracking. It is never "OR REPLACE", which would take the table away from open streams.
inline std::string create_table_sql(const layout& l, std::string_view table) {
    std::string out = "CREATE TABLE IF NOT EXISTS " + sql_table_name(table) + " (\n  ";
    detail::append_columns(l, out, ",\n  ");
    return out += "\n) USING DELTA\nCOMMENT 'Salesforce change events, appended by sfcdc'\n"
                  "TBLPROPERTIES ('delta.enableRowTracking' = 'false')";
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

// The current state of the records as a streaming table of Databricks' AUTO CDC, from the history that a typed layout wrote.
// Three statements, separated by semicolons, for a pipeline. Empty when the layout lacks one of the bookkeeping columns.
inline std::string auto_cdc_sql(const layout& l, std::string_view history, std::string_view target) {
    const detail::history_columns h(l, sql_dialect::databricks);
    if (!h.complete()) return {};
    const std::size_t dot = target.rfind('.');
    const std::string name(dot == std::string_view::npos ? target : target.substr(dot + 1));
    const std::string view = sql_identifier(name + "_changes_in"), flow = sql_identifier(name + "_changes");
    return "CREATE TEMPORARY VIEW " + view + " AS\nSELECT * FROM STREAM(" + sql_table_name(history) + ")\nWHERE "
           + h.id + " IS NOT NULL AND " + h.tells() + ";\n\nCREATE OR REFRESH STREAMING TABLE "
           + sql_table_name(target) + ";\n\nCREATE FLOW " + flow + " AS AUTO CDC INTO " + sql_table_name(target)
           + "\nFROM STREAM(" + view + ")\nKEYS (" + h.id + ")\nAPPLY AS DELETE WHEN " + h.deletes()
           + "\nSEQUENCE BY STRUCT(" + h.ordered() + ")\nCOLUMNS * EXCEPT (" + h.excluded
           + ")\nSTORED AS SCD TYPE 1\nCOLUMNS TO UPDATE " + h.updates + ";\n";
}

// A view of a table without the rows that an at-least-once delivery has written twice: of rows of one record and event the first that
// came stays. Empty when the layout's columns do not say which rows are the same.
inline std::string dedupe_view_sql(const layout& l, std::string_view table, std::string_view view,
                                   sql_dialect dialect = sql_dialect::databricks) {
    std::string keys, received;
    bool has_id = false, has_place = false;
    for (const column& c : l.columns()) {
        using enum column_source;
        const std::string name = sql_identifier(c.name, dialect);
        if (c.source == received_timestamp || c.source == received_ms) received = name;
        has_id = has_id || c.source == replay_id_hex || c.source == replay_id_base64;
        has_place = has_place || c.source == record_ordinal;
        if (c.source == org_id || c.source == topic_name || c.source == replay_id_hex || c.source == replay_id_base64
            || c.source == record_ordinal || c.source == snapshot_id || c.source == record_id)
            keys += (keys.empty() ? "" : ", ") + name;
    }
    if (!has_id || received.empty() || (l.rows() == granularity::record && !has_place)) return {};
    return "CREATE OR REPLACE VIEW " + sql_table_name(view, dialect) + " AS\nSELECT * FROM "
           + sql_table_name(table, dialect) + "\nQUALIFY row_number() OVER (PARTITION BY " + keys + " ORDER BY "
           + received + ") = 1";
}

// The table that merge_sql() keeps: the record id, the fields, whether the record was ever seen whole, and the place of its last
// change in the order of changes. A field that was never seen is null, and `_sf_complete` is false then.
inline std::string create_current_table_sql(const layout& l, std::string_view table,
                                            sql_dialect dialect = sql_dialect::databricks) {
    std::string out = "CREATE TABLE IF NOT EXISTS " + sql_table_name(table, dialect) + " (\n  ";
    for (const column& c : l.columns())
        if (c.source == column_source::record_id || c.source == column_source::field)
            out += sql_identifier(c.name, dialect) + ' ' + sql_type(c, dialect) + ",\n  ";
    out += sql_identifier("_sf_complete", dialect) + " BOOLEAN";
    using enum column_source;
    for (const column& c : l.columns())
        if (c.source == epoch || c.source == commit_number || c.source == sequence_number
            || c.source == record_ordinal)
            out += ",\n  " + sql_identifier(c.name, dialect) + ' ' + sql_type(c, dialect);
    return out += "\n)";
}

// A MERGE that brings the current state of the records in `batch` up to date, for engines without AUTO CDC. It folds the whole
// history of these records, so that the order of arrival, duplicates and repeated runs do not matter: for each column the last
// change that lists it counts, behind the record's last DELETE. `history` and `batch` have the layout's columns, `target` those
// of create_current_table_sql(). Empty when the layout lacks one of the bookkeeping columns.
inline std::string merge_sql(const layout& l, std::string_view history, std::string_view batch,
                             std::string_view target, sql_dialect dialect = sql_dialect::databricks) {
    const detail::history_columns h(l, dialect);
    if (!h.complete()) return {};
    const bool duckdb = dialect == sql_dialect::duckdb;
    const std::string complete = sql_identifier("_sf_complete", dialect);
    const std::string order = duckdb ? "row(" + h.ordered("h.") + ")" : "struct(" + h.ordered("h.") + ")";
    std::string folds, sets, names, values;
    for (const column& c : l.columns()) {
        if (c.source != column_source::field) continue;
        const std::string name = sql_identifier(c.name, dialect), literal = sql_literal(c.name, dialect);
        // A null would be passed over by arg_max and max_by, so that each value is wrapped.
        folds += duckdb ? "    arg_max({v: l." + name + "}, l.s) FILTER (WHERE list_contains(l." + h.updates + ", "
                              + literal + ")).v AS " + name + ",\n"
                        : "    (max_by(struct(l." + name + " AS v), l.s) FILTER (WHERE array_contains(l." + h.updates
                              + ", " + literal + "))).v AS " + name + ",\n";
        sets += name + " = f." + name + ", ";
        names += name + ", ";
        values += "f." + name + ", ";
    }
    for (std::size_t i = 0; i < 4; ++i) {
        const std::string part = duckdb ? "f.s[" + std::to_string(i + 1) + "]" : "f.s." + h.order[i];
        sets += (i == 0 ? complete + " = f." + complete + ", " : ", ") + h.order[i] + " = " + part;
        values += (i == 0 ? "f." + complete + ", " : ", ") + part;
    }
    const std::string dead = duckdb
                                 ? "max(s) FILTER (WHERE " + h.deletes() + ") OVER (PARTITION BY " + h.id + ")"
                                 : "max(CASE WHEN " + h.deletes() + " THEN s END) OVER (PARTITION BY " + h.id + ")";
    return "MERGE INTO " + sql_table_name(target, dialect) + " t USING (\n  WITH ids AS (SELECT DISTINCT " + h.id
           + " FROM " + sql_table_name(batch, dialect) + " WHERE " + h.id + " IS NOT NULL),\n  r AS (SELECT h.*, "
           + order + " AS s FROM " + sql_table_name(history, dialect) + " h JOIN ids ON h." + h.id + " = ids." + h.id
           + " WHERE " + h.tells() + "),\n  d AS (SELECT *, " + dead
           + " AS dead FROM r),\n  l AS (SELECT * FROM d WHERE dead IS NULL OR s > dead)\n  SELECT i." + h.id + ",\n"
           + folds + "    coalesce(bool_or(l." + h.change + " IN ('CREATE', 'UNDELETE', 'SNAPSHOT')), false) AS "
           + complete + ",\n    max(l.s) AS s\n  FROM ids i LEFT JOIN l ON l." + h.id + " = i." + h.id
           + " GROUP BY i." + h.id + ") f\nON t." + h.id + " = f." + h.id
           + "\nWHEN MATCHED AND f.s IS NULL THEN DELETE\nWHEN MATCHED THEN UPDATE SET " + sets
           + "\nWHEN NOT MATCHED AND f.s IS NOT NULL THEN INSERT (" + h.id + ", " + names + complete + ", "
           + h.ordered() + ") VALUES (f." + h.id + ", " + values + ")";
}

} // namespace sfcdc::inline v0::row
