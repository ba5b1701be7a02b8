#include "table_fit.hpp"

#include "../names.hpp"
#include "../operations/failure.hpp"

#include <sfcdc/row/bind.hpp>
#include <sfcdc/row/sql.hpp>

#include <algorithm>
#include <optional>
#include <utility>

namespace sfcdc::runner::databricks {
namespace {

using row::column;
using row::column_source;

bool holds_json(column_source source) {
    // Not the rest: the texts for the current state read it as a text.
    return source == column_source::body_json || source == column_source::stated_json
           || source == column_source::event_json;
}

// The column as rows can fill it in this table; nothing where they cannot.
std::optional<column> taken_as(const column& wanted, const column_description& there) {
    if (!there.generation_expression.empty() || there.identity) return std::nullopt;
    column out = wanted;
    out.name = there.name;
    if (holds_json(wanted.source) && in_small_letters(there.type_text) == "variant") return out;
    const auto type = row::read_sql_type(there.type_text);
    if (!type) return std::nullopt;
    if (wanted.source != column_source::field)
        return type->type() == wanted.type() ? std::optional(out) : std::nullopt;
    out.field_type = type->field_type;
    out.precision = type->precision;
    out.scale = type->scale;
    return out;
}

// A value of the wanted type reaches a column of the other one, exactly or into the rest.
bool may_become(row::column_type wanted, row::column_type there) {
    using enum row::column_type;
    if (wanted == there) return true;
    switch (there) {
    case bigint: return wanted == integer;
    case double_: return wanted == integer;
    case decimal: return wanted == double_ || wanted == integer || wanted == bigint;
    case integer: return wanted == bigint;
    case string_array: return wanted == string;
    case string: return wanted == string_array;
    default: return false;
    }
}

class comparison {
  public:
    comparison(const row::layout& wanted, const table_description& table)
        : wanted_(wanted), table_(table), name_(row::sql_table_name(table.full_name)) {
        has_rest_ = std::any_of(wanted.columns().begin(), wanted.columns().end(),
                                [](const column& c) { return c.source == column_source::rest_json; });
    }

    table_fit make() {
        of_table();
        for (const column_description& there : table_.columns) of_column(there);
        std::vector<column> rows, missing, missing_fields;
        for (const column& c : wanted_.columns()) {
            const column_description* const there = find(c.name);
            if (there == nullptr) {
                (may_lack(c) ? missing_fields : missing).push_back(c);
            } else if (auto taken = taken_as(c, *there); taken && may_become(c.type(), taken->type())) {
                rows.push_back(std::move(*taken));
            } else {
                other_type(c, *there);
            }
        }
        of_missing(missing, true);
        of_missing(missing_fields, false);
        missing.insert(missing.end(), missing_fields.begin(), missing_fields.end());
        out_.rows = row::layout::make(std::move(rows), wanted_.rows()).value;
        out_.missing = row::layout::make(std::move(missing), wanted_.rows()).value;
        return std::move(out_);
    }

  private:
    void add(bool blocks, std::string what, std::string statement = {}) {
        out_.differences.push_back({false, false, blocks, std::move(what), std::move(statement)});
    }
    bool may_lack(const column& c) const { return has_rest_ && c.source == column_source::field; }
    const column_description* find(const std::string& name) const {
        const std::string small = in_small_letters(name);
        for (const column_description& c : table_.columns)
            if (in_small_letters(c.name) == small) return &c;
        return nullptr;
    }
    const column* wanted(const std::string& name) const {
        const std::string small = in_small_letters(name);
        for (const column& c : wanted_.columns())
            if (in_small_letters(c.name) == small) return &c;
        return nullptr;
    }

    void of_table() {
        const bool taken = table_.table_type == "MANAGED" || table_.table_type == "STREAMING_TABLE";
        if (!taken && !table_.table_type.empty())
            add(true, "it is of the type " + table_.table_type + ", and Zerobus writes into managed tables only");
        if (table_.data_source_format != "DELTA" && !table_.data_source_format.empty())
            add(true, "its format is " + table_.data_source_format + ", and Zerobus writes into Delta tables only");
        const auto is_on = [&](const char* property) {
            const auto at = table_.properties.find(property);
            return at != table_.properties.end()
                   && (at->second == "true" || at->second == "supported" || at->second == "enabled");
        };
        if (is_on("delta.enableRowTracking")) {
            add(true, "row tracking is on, and Zerobus wants it off",
                "ALTER TABLE " + name_ + " SET TBLPROPERTIES ('delta.enableRowTracking' = 'false')");
            out_.differences.back().is_row_tracking = true;
        }
        if (is_on("delta.feature.catalogManaged"))
            add(true, "its commits are managed by the catalog, which Zerobus does not support",
                "ALTER TABLE " + name_ + " DROP FEATURE catalogManaged");
        if (!table_.pipeline_id.empty() && table_.table_type != "STREAMING_TABLE")
            add(false, "the pipeline " + table_.pipeline_id + " owns it, which may undo changes to it");
        if (table_.row_filter) add(false, "it has a row filter, and what Zerobus makes of one is not documented");
    }
    void of_column(const column_description& there) {
        if (!there.generation_expression.empty() || there.identity)
            add(true, "the column " + there.name
                          + " is generated, and Zerobus opens no stream into a table with such a column");
        if (there.masked)
            add(false, "the column " + there.name + " has a mask, and what Zerobus makes of one is not documented");
        if (!there.nullable && wanted(there.name) == nullptr)
            add(true, "the column " + there.name + " is NOT NULL, and the rows have no value for it",
                drop_not_null(there));
        else if (!there.nullable)
            add(false, "the column " + there.name + " is NOT NULL, so that a row without a value for it is refused",
                drop_not_null(there));
    }
    std::string drop_not_null(const column_description& there) const {
        return "ALTER TABLE " + name_ + " ALTER COLUMN " + row::sql_identifier(there.name) + " DROP NOT NULL";
    }
    void of_missing(const std::vector<column>& columns, bool blocks) {
        if (columns.empty()) return;
        std::string names;
        for (const column& c : columns) names += (names.empty() ? "" : ", ") + c.name;
        out_.differences.push_back(
            {.is_missing_columns = true,
             .blocks = blocks,
             .what = (columns.size() == 1 ? "the column " : "the columns ") + names
                     + (columns.size() == 1 ? " is missing" : " are missing"),
             .statement = add_columns_statement(table_.full_name, row::layout::make(columns).value)});
    }
    // Delta changes no type in place; with column mapping the old column can be put aside.
    void other_type(const column& c, const column_description& there) {
        const std::string aside = row::sql_identifier(there.name + "_before");
        add(!may_lack(c),
            "the column " + there.name + " is " + there.type_text + ", and the rows have " + row::sql_type(c)
                + (may_lack(c) ? " there, whose values go to the column of the rest" : " there"),
            "ALTER TABLE " + name_ + " RENAME COLUMN " + row::sql_identifier(there.name) + " TO " + aside + "; "
                + add_columns_statement(table_.full_name, row::layout::make({c}).value));
    }

    const row::layout& wanted_;
    const table_description& table_;
    const std::string name_;
    bool has_rest_ = false;
    table_fit out_;
};

} // namespace

bool table_fit::blocked() const noexcept {
    return std::any_of(differences.begin(), differences.end(), [](const difference& d) { return d.blocks; });
}

table_fit fit(const row::layout& wanted, const table_description& table) { return comparison(wanted, table).make(); }

std::string add_columns_statement(const std::string& table, const row::layout& columns) {
    return row::add_columns_sql({}, columns, table);
}

void check_fit(const table_fit& fit, const std::string& table) {
    std::string blocking;
    for (const difference& d : fit.differences) {
        if (!d.blocks) continue;
        blocking += (blocking.empty() ? "" : "; ") + d.what;
        if (!d.statement.empty()) blocking += " (" + d.statement + ")";
    }
    if (!blocking.empty())
        throw failure(exit_code::refused, "The table " + table + " cannot take the rows: " + blocking + ".");
}

} // namespace sfcdc::runner::databricks
