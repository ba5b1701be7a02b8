// A table as it is, against the columns that rows are to have: what the rows can carry, what differs, and the SQL that mends it.
// Compares texts; asks nobody. Source: what Zerobus asks of a table, in Databricks' documentation of Zerobus.
#pragma once

#include "tables.hpp"

#include <sfcdc/row/layout.hpp>

#include <string>
#include <vector>

namespace sfcdc::runner::databricks {

// One thing in which a table is not as the rows want it.
struct difference {
    bool is_missing_columns = false;
    bool is_row_tracking = false;
    bool blocks = true; // Zerobus refuses the rows because of it, or values would be lost; otherwise the rows go on
    std::string what;   // a clause with a subject: "the column Name is missing"
    std::string statement{}; // SQL that mends it, for the owner of the table; empty: no statement does
};

struct table_fit {
    row::layout rows;    // the wanted columns that the table has and takes, in its spelling and with its types
    row::layout missing; // the wanted columns that it lacks
    std::vector<difference> differences; // all of them; those of missing columns, too

    bool blocked() const noexcept;
};

// A layout with a column of rest_json may lack columns of fields in the table: their values stand there. What it lacks besides blocks.
table_fit fit(const row::layout& wanted, const table_description& table);

// ALTER TABLE ... ADD COLUMNS for these columns; empty for none.
std::string add_columns_statement(const std::string& table, const row::layout& columns);

// Throws failure(refused) with all differences that block, where there are some.
void check_fit(const table_fit& fit, const std::string& table);

} // namespace sfcdc::runner::databricks
