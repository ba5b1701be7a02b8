#include "warehouse.hpp"

#include "identifiers.hpp"
#include "sql.hpp"

#include <algorithm>
#include <cctype>
#include <utility>

namespace emulator {
namespace {

std::string first_word(const std::string& text) {
    std::string word;
    for (const char c : text) {
        if (!std::isalpha(static_cast<unsigned char>(c))) break;
        word += static_cast<char>(std::toupper(static_cast<unsigned char>(c)));
    }
    return word;
}

// A SELECT in SQLite's dialect. The lake holds booleans, dates and times as the numbers that Zerobus takes; here they become the texts
// that a result has.
class translation {
  public:
    translation(const sql::select& query, const delta_table* table, std::map<std::string, cell>& parameters)
        : query_(query), table_(table), parameters_(parameters) {}

    std::string text() {
        const bool aggregates = std::any_of(query_.items.begin(), query_.items.end(), [](const sql::item& one) {
            using enum sql::item::kinds;
            return one.kind != integer && one.kind != null && one.kind != column && one.kind != base64;
        });
        std::string out, list;
        bool only_max_by = true;
        for (const sql::item& one : query_.items) {
            if (aggregates && one.kind == sql::item::kinds::column)
                throw sql_error("MISSING_GROUP_BY", "The query does not include a GROUP BY clause.");
            only_max_by &= one.kind == sql::item::kinds::max_by;
            list += (list.empty() ? "" : ", ") + item_text(one);
        }
        out = "SELECT " + list;
        // max_by is a query of its own; a FROM around nothing else would repeat it for every row.
        if (!query_.table.empty() && !only_max_by) {
            out += from();
            std::string by;
            for (const auto& [column, descending] : query_.by)
                by += (by.empty() ? " ORDER BY " : ", ") + quoted(column) + (descending ? " DESC" : " ASC");
            out += by;
        }
        if (query_.limit) out += " LIMIT " + std::to_string(*query_.limit);
        return out;
    }

  private:
    const delta_column& column_of(const std::string& name) const {
        const delta_column* const found = table_ ? table_->find(name) : nullptr;
        if (!found)
            throw sql_error("UNRESOLVED_COLUMN.WITHOUT_SUGGESTION",
                            "A column, variable, or function parameter with name `" + name + "` cannot be resolved.");
        return *found;
    }
    std::string quoted(const std::string& name) const { return in_quotes(column_of(name).name); }

    std::string shown(const std::string& name, const std::string& expression) const {
        const std::string& type = column_of(name).type;
        if (type == "boolean") return "CASE " + expression + " WHEN 1 THEN 'true' WHEN 0 THEN 'false' END";
        if (type == "date") return "date(" + expression + " * 86400, 'unixepoch')";
        if (type == "timestamp") return "strftime('%Y-%m-%dT%H:%M:%fZ', " + expression + " / 1000000.0, 'unixepoch')";
        return expression;
    }

    std::string item_text(const sql::item& one) {
        using enum sql::item::kinds;
        switch (one.kind) {
        case integer: return std::to_string(one.integer);
        case null: return "NULL";
        case base64: return "base64(" + quoted(one.column) + ")";
        case count: return "count(*)";
        case column: return shown(one.column, quoted(one.column));
        case max: return shown(one.column, "max(" + quoted(one.column) + ")");
        case min: return shown(one.column, "min(" + quoted(one.column) + ")");
        case max_by: break;
        }
        // A struct is never null, whatever its members are; null members come first, here as there.
        std::string by;
        for (const std::string& name : one.orders) by += (by.empty() ? "" : ", ") + quoted(name) + " DESC";
        std::string inner = from();
        if (one.orders.size() == 1)
            inner += (query_.where.empty() ? " WHERE " : " AND ") + quoted(one.orders.front()) + " IS NOT NULL";
        return "(SELECT " + shown(one.column, quoted(one.column)) + inner + " ORDER BY " + by + " LIMIT 1)";
    }

    std::string from() {
        std::string out = " FROM " + in_quotes(table_->name);
        const char* word = " WHERE ";
        for (const auto& [name, operation, right] : query_.where) {
            out += std::exchange(word, " AND ") + quoted(name) + " " + operation;
            if (operation.starts_with("IS")) continue;
            if (const auto* integer = std::get_if<std::int64_t>(&right)) {
                out += " " + std::to_string(*integer);
            } else if (const auto* parameter = std::get_if<sql::parameter_name>(&right)) {
                if (!parameters_.contains(":" + parameter->name))
                    throw sql_error("UNBOUND_SQL_PARAMETER", "Found the unbound parameter: " + parameter->name + ".");
                out += " :" + parameter->name;
            } else {
                const std::string own = ":_literal" + std::to_string(parameters_.size());
                parameters_[own] = std::get<std::string>(right);
                out += " " + own;
            }
        }
        return out;
    }

    const sql::select& query_;
    const delta_table* table_;
    std::map<std::string, cell>& parameters_;
};

// A statement that was parsed, on its way into the catalog or the lake.
class execution {
  public:
    execution(catalog& tables, lake& rows, const faults& fault, const std::vector<std::string>& forbidden_tables,
              sql_statement& of)
        : tables_(tables), rows_(rows), fault_(fault), forbidden_tables_(forbidden_tables), statement_(of) {}

    void operator()(const sql::create_table& create) {
        check_grants(create.table.name, "CREATE TABLE");
        check_columns(create.table.columns, nullptr);
        if (!tables_.create(create.table) && !create.if_not_exists)
            throw sql_error("TABLE_OR_VIEW_ALREADY_EXISTS",
                            "Cannot create table or view `" + create.table.name + "` because it already exists.");
    }

    void operator()(const sql::add_columns& add) {
        check_may_alter(add.table);
        const delta_table table = existing(add.table, "MODIFY");
        check_columns(add.columns, &table);
        std::vector<delta_column> added = add.columns;
        for (delta_column& one : added) one.visible_from = std::chrono::steady_clock::now() + fault_.column_delay();
        tables_.add_columns(add.table, added);
    }

    void operator()(const sql::set_properties& set) {
        check_may_alter(set.table);
        (void)existing(set.table, "MODIFY");
        tables_.set_properties(set.table, set.properties);
    }

    void operator()(const sql::drop_table& drop) {
        check_grants(drop.table, "MANAGE");
        if (!tables_.drop(drop.table) && !drop.if_exists)
            throw sql_error("TABLE_OR_VIEW_NOT_FOUND", "The table or view `" + drop.table + "` cannot be found.");
    }

    void operator()(const sql::select& query) {
        std::optional<delta_table> table;
        if (!query.table.empty()) table = existing(query.table, "SELECT");
        std::map<std::string, cell> parameters = statement_.parameters;
        const std::string text = translation(query, table ? &*table : nullptr, parameters).text();
        for (const sql::item& one : query.items) statement_.columns.push_back(one.name);
        statement_.rows = rows_.select(text, parameters);
    }

  private:
    void check_grants(const std::string& table, const std::string& privilege) const {
        if (std::find(forbidden_tables_.begin(), forbidden_tables_.end(), table) != forbidden_tables_.end())
            refuse(table, privilege);
    }
    void check_may_alter(const std::string& table) const {
        if (fault_.alter_forbidden()) refuse(table, "MODIFY");
    }
    [[noreturn]] static void refuse(const std::string& table, const std::string& privilege) {
        throw sql_error("INSUFFICIENT_PERMISSIONS",
                        "Insufficient privileges: User does not have " + privilege + " on Table '" + table + "'.");
    }

    delta_table existing(const std::string& name, const std::string& privilege) const {
        check_grants(name, privilege);
        auto table = tables_.find(name);
        if (!table) throw sql_error("TABLE_OR_VIEW_NOT_FOUND", "The table or view `" + name + "` cannot be found.");
        return *table;
    }

    // `to`: the table that they are added to; nullptr: they are those of a new one.
    static void check_columns(const std::vector<delta_column>& columns, const delta_table* to) {
        delta_table seen{.name = {}, .id = {}, .columns = {}, .properties = {}, .comment = {}};
        for (const delta_column& one : columns) {
            if (to && to->find(one.name))
                throw sql_error("FIELDS_ALREADY_EXISTS",
                                "Cannot add column, because `" + one.name + "` already exists.");
            if (to && !one.nullable)
                throw sql_error("DELTA_CANNOT_CHANGE_DATA_TYPE",
                                "Cannot change data type: adding non-nullable column " + one.name + ".");
            if (seen.find(one.name))
                throw sql_error("COLUMN_ALREADY_EXISTS", "The column `" + one.name + "` already exists.");
            seen.columns.push_back(one);
        }
    }

    catalog& tables_;
    lake& rows_;
    const faults& fault_;
    const std::vector<std::string>& forbidden_tables_;
    sql_statement& statement_;
};

} // namespace

std::string warehouse::submit(std::string text, std::map<std::string, cell> parameters) {
    (void)fault_.warehouse_up_at(true);
    std::lock_guard lock(mutex_);
    sql_statement& one = statements_.emplace_back();
    one.id = fresh_uuid();
    one.text = std::move(text);
    one.parameters = std::move(parameters);
    one.sent = std::chrono::steady_clock::now();
    return one.id;
}

std::optional<sql_statement> warehouse::look(const std::string& id) {
    std::lock_guard lock(mutex_);
    advance_locked();
    for (const sql_statement& one : statements_)
        if (one.id == id) return one;
    return std::nullopt;
}

void warehouse::cancel(const std::string& id) {
    std::lock_guard lock(mutex_);
    advance_locked();
    for (sql_statement& one : statements_)
        if (one.id == id && !one.ended()) one.state = statement_state::canceled;
}

void warehouse::advance() {
    std::lock_guard lock(mutex_);
    advance_locked();
}

std::vector<std::string> warehouse::texts() {
    std::lock_guard lock(mutex_);
    std::vector<std::string> all;
    for (const sql_statement& one : statements_) all.push_back(one.text);
    return all;
}

void warehouse::advance_locked() {
    const auto now = std::chrono::steady_clock::now(), up_at = fault_.warehouse_up_at(false);
    const auto time = fault_.statement_time();
    for (sql_statement& one : statements_) {
        if (one.ended()) continue;
        if (now < up_at) {
            one.state = statement_state::pending;
        } else if (now < std::max(one.sent, up_at) + time) {
            one.state = statement_state::running;
        } else {
            execute(one);
        }
    }
    while (statements_.size() > 1'000 && statements_.front().ended()) statements_.pop_front();
}

void warehouse::execute(sql_statement& one) {
    try {
        if (const auto condition = fault_.take_sql_error(first_word(one.text)))
            throw sql_error(*condition, "This happens on request.");
        std::visit(execution(tables_, rows_, fault_, forbidden_tables_, one), sql::parse(one.text));
        one.state = statement_state::succeeded;
    } catch (const sql_error& e) {
        one.state = statement_state::failed;
        one.error = e.what();
        one.sql_state = e.sql_state;
    }
}

} // namespace emulator
