// SQL that makes the current state of records from a history of changes, and a history without rows that came twice. Everything is text;
// nothing is sent. Sources: Databricks' SQL reference (CREATE FLOW ... AUTO CDC, MERGE INTO, VARIANT functions) and DuckDB's documentation
// (MERGE INTO, JSON functions).
#pragma once

#include <cstddef>
#include <string>
#include <string_view>

#include <sfcdc/row/column.hpp>
#include <sfcdc/row/layout.hpp>
#include <sfcdc/row/sql.hpp>

namespace sfcdc::inline v0::row {

namespace detail {

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
            case rest_json: rest = name; break;
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

    std::string id, change, updates, rest, order[4];
    std::string excluded; // what the table of the current state does not have
};

// SQL that reads from the column of the rest what an event stated of a field while the table had no column for it, in a history `h`. A
// value that is not as the column's values are is left there, because the field had another type. Only whole numbers that are meant as
// times cannot be told from those that are not.
class rest_value {
  public:
    rest_value(const column& c, const std::string& rest, sql_dialect dialect)
        : duckdb_(dialect == sql_dialect::duckdb) {
        const std::size_t dot = c.field.find('.');
        const std::string source = duckdb_ ? "h." + rest : "parse_json(h." + rest + ")";
        path_ = source + ", " + path(c.field);
        is_null_ = type_of(path_) + " = " + null_type();
        if (dot != std::string::npos) // a compound that is null as a whole
            is_null_ += " OR " + type_of(source + ", " + path(c.field.substr(0, dot))) + " = " + null_type();
        value_ = value_of(c);
    }
    // Whether there are values that can be taken. Of decimals and arrays there are none.
    explicit operator bool() const noexcept { return !value_.empty(); }
    // True where the rest states the field, null or false else.
    std::string stated() const {
        return "(" + is_null_ + " OR (" + type_of(path_) + " IN (" + types_ + ") AND " + value_ + " IS NOT NULL))";
    }
    // Null where the event has cleared the field.
    const std::string& value() const noexcept { return value_; }

  private:
    std::string null_type() const { return duckdb_ ? "'NULL'" : "'VOID'"; }
    std::string type_of(const std::string& at) const {
        // The digits of a decimal are not of interest.
        return duckdb_ ? "json_type(" + at + ")"
                       : "regexp_replace(schema_of_variant(variant_get(" + at + ", 'variant')), '[(].*', '')";
    }
    std::string path(std::string_view field) const {
        std::string out = "'$";
        for (;;) {
            const std::size_t dot = field.find('.');
            (out += duckdb_ ? ".\"" : ".") += field.substr(0, dot);
            if (duckdb_) out += '"';
            if (dot == std::string_view::npos) return out += '\'';
            field.remove_prefix(dot + 1);
        }
    }
    std::string as(const char* in_duckdb, const char* in_spark) const {
        return duckdb_ ? "TRY_CAST(json_extract_string(" + path_ + ") AS " + in_duckdb + ")"
                       : "try_variant_get(" + path_ + ", '" + in_spark + "')";
    }
    // The whole number of the rest where it is in the range, null elsewhere: engines stop at a time that they cannot have.
    std::string number(const char* least, const char* most) const {
        const std::string n = as("BIGINT", "bigint");
        return "CASE WHEN " + n + " BETWEEN " + least + " AND " + most + " THEN " + n + " END";
    }
    std::string value_of(const column& c) {
        constexpr const char *year_1 = "-62135596800000", *year_9999 = "253402300799999"; // milliseconds
        types_ = duckdb_ ? "'BIGINT', 'UBIGINT'" : "'BIGINT'";
        switch (c.type()) {
        case column_type::boolean: types_ = "'BOOLEAN'"; return as("BOOLEAN", "boolean");
        case column_type::integer: return as("INT", "int");
        case column_type::bigint: return as("BIGINT", "bigint");
        case column_type::double_:
            types_ += duckdb_ ? ", 'DOUBLE'" : ", 'DOUBLE', 'DECIMAL'";
            return as("DOUBLE", "double");
        case column_type::timestamp: {
            const std::string ms = number(year_1, year_9999);
            return duckdb_ ? "timezone('UTC', epoch_ms(" + ms + "))" : "timestamp_millis(" + ms + ")";
        }
        case column_type::date: {
            const std::string ms = number(year_1, year_9999);
            return duckdb_ ? "CAST(epoch_ms(" + ms + ") AS DATE)"
                           : "date_add(DATE '1970-01-01', CAST(floor((" + ms + ") / 86400000) AS INT))";
        }
        case column_type::string:
            if (c.time_of_day) {
                const std::string ms = number("0", "86399999");
                return duckdb_ ? "strftime(epoch_ms(" + ms + "), '%H:%M:%S.%gZ')"
                               : "concat(date_format(timestampadd(MILLISECOND, " + ms
                                     + ", TIMESTAMP_NTZ '1970-01-01 00:00:00'), 'HH:mm:ss.SSS'), 'Z')";
            }
            types_ = duckdb_ ? "'VARCHAR'" : "'STRING'";
            return as("VARCHAR", "string");
        default: return {};
        }
    }

    bool duckdb_;
    std::string path_, types_, is_null_, value_;
};

// The columns of a history `h` as the current state is made from them: what stands in the rest is put into the columns that the table
// has meanwhile. A list of SELECT.
inline std::string history_with_rest(const layout& l, const history_columns& h, sql_dialect dialect) {
    if (h.rest.empty()) return "h.*";
    const bool duckdb = dialect == sql_dialect::duckdb;
    std::string columns, stated;
    for (const column& c : l.columns()) {
        const std::string name = sql_identifier(c.name, dialect);
        if (c.source == column_source::columns_to_update) continue;
        columns += (columns.empty() ? "" : ", ");
        if (c.source == column_source::field)
            if (const rest_value value(c, h.rest, dialect); value) {
                columns += "CASE WHEN h." + h.rest + " IS NOT NULL AND " + value.stated() + " THEN " + value.value()
                           + " ELSE h." + name + " END AS " + name;
                stated += (stated.empty() ? "" : ", ") + std::string("CASE WHEN ") + value.stated() + " THEN "
                          + sql_literal(c.name, dialect) + " END";
                continue;
            }
        columns += "h." + name;
    }
    const std::string list = "h." + h.updates;
    // A null in a list of names is no name; DuckDB does not look for it, and a flow of Databricks gets none.
    const std::string both =
        duckdb ? "list_concat(" + list + ", [" + stated + "])"
               : "concat(coalesce(" + list + ", array()), filter(array(" + stated + "), x -> x IS NOT NULL))";
    return columns + ", "
           + (stated.empty() ? list : "CASE WHEN h." + h.rest + " IS NULL THEN " + list + " ELSE " + both + " END")
           + " AS " + h.updates;
}

} // namespace detail

// The current state of the records as a streaming table of Databricks' AUTO CDC, from the history that a typed layout wrote.
// Three statements, separated by semicolons, for a pipeline. Empty when the layout lacks one of the bookkeeping columns.
inline std::string auto_cdc_sql(const layout& l, std::string_view history, std::string_view target) {
    const detail::history_columns h(l, sql_dialect::databricks);
    if (!h.complete()) return {};
    const std::size_t dot = target.rfind('.');
    const std::string name(dot == std::string_view::npos ? target : target.substr(dot + 1));
    const std::string view = sql_identifier(name + "_changes_in"), flow = sql_identifier(name + "_changes");
    return "CREATE TEMPORARY VIEW " + view + " AS\nSELECT " + detail::history_with_rest(l, h, sql_dialect::databricks)
           + "\nFROM STREAM(" + sql_table_name(history) + ") h\nWHERE " + h.id + " IS NOT NULL AND " + h.tells()
           + ";\n\nCREATE OR REFRESH STREAMING TABLE " + sql_table_name(target) + ";\n\nCREATE FLOW " + flow
           + " AS AUTO CDC INTO " + sql_table_name(target) + "\nFROM STREAM(" + view + ")\nKEYS (" + h.id
           + ")\nAPPLY AS DELETE WHEN " + h.deletes() + "\nSEQUENCE BY STRUCT(" + h.ordered()
           + ")\nCOLUMNS * EXCEPT (" + h.excluded + ")\nSTORED AS SCD TYPE 1\nCOLUMNS TO UPDATE " + h.updates + ";\n";
}

// A view of a table without the rows that an at-least-once delivery has written twice: of rows of one record and event the first that
// came stays. Empty when the layout's columns do not say which rows are the same.
inline std::string dedupe_view_sql(const layout& l, std::string_view table, std::string_view view,
                                   sql_dialect dialect = sql_dialect::databricks) {
    std::string keys, received, names;
    bool has_id = false, has_place = false;
    for (const column& c : l.columns()) {
        using enum column_source;
        const std::string name = sql_identifier(c.name, dialect);
        names += (names.empty() ? "" : ", ") + name;
        if (c.source == received_timestamp || c.source == received_ms) received = name;
        has_id = has_id || c.source == replay_id_hex || c.source == replay_id_base64;
        has_place = has_place || c.source == record_ordinal;
        if (c.source == org_id || c.source == topic_name || c.source == replay_id_hex || c.source == replay_id_base64
            || c.source == record_ordinal || c.source == snapshot_id || c.source == record_id)
            keys += (keys.empty() ? "" : ", ") + name;
    }
    if (!has_id || received.empty() || (l.rows() == granularity::record && !has_place)) return {};
    // Not by QUALIFY, which Spark lacks before 4.2.
    return "CREATE OR REPLACE VIEW " + sql_table_name(view, dialect) + " AS\nSELECT " + names
           + "\nFROM (SELECT *, row_number() OVER (PARTITION BY " + keys + " ORDER BY " + received
           + ") AS _sf_copy FROM " + sql_table_name(table, dialect) + ")\nWHERE _sf_copy = 1";
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
           + " FROM " + sql_table_name(batch, dialect) + " WHERE " + h.id + " IS NOT NULL),\n  r AS (SELECT "
           + detail::history_with_rest(l, h, dialect) + ", " + order + " AS s FROM "
           + sql_table_name(history, dialect) + " h JOIN ids ON h." + h.id + " = ids." + h.id + " WHERE " + h.tells()
           + "),\n  d AS (SELECT *, " + dead
           + " AS dead FROM r),\n  l AS (SELECT * FROM d WHERE dead IS NULL OR s > dead)\n  SELECT i." + h.id + ",\n"
           + folds + "    coalesce(bool_or(l." + h.change + " IN ('CREATE', 'UNDELETE', 'SNAPSHOT')), false) AS "
           + complete + ",\n    max(l.s) AS s\n  FROM ids i LEFT JOIN l ON l." + h.id + " = i." + h.id
           + " GROUP BY i." + h.id + ") f\nON t." + h.id + " = f." + h.id
           + "\nWHEN MATCHED AND f.s IS NULL THEN DELETE\nWHEN MATCHED THEN UPDATE SET " + sets
           + "\nWHEN NOT MATCHED AND f.s IS NOT NULL THEN INSERT (" + h.id + ", " + names + complete + ", "
           + h.ordered() + ") VALUES (f." + h.id + ", " + values + ")";
}

} // namespace sfcdc::inline v0::row
