// Makes a table fit for rows: creates it where it is missing, adds the columns that it lacks, and waits until Unity Catalog shows them.
#pragma once

#include "refusal.hpp"
#include "rest.hpp"
#include "tables.hpp"

#include <sfcdc/row/layout.hpp>

#include <optional>
#include <stop_token>
#include <string>

namespace sfcdc::runner::databricks {

struct table_orders {
    bool create = false;  // a table that is missing
    bool widen = false;   // a table that lacks columns, by one ALTER TABLE for all of them
    std::string source{}; // of the rows, as the property sfcdc.source of a table that is made; empty: none
};

struct table_state {
    table_description table{};
    bool created = false, widened = false;
    std::optional<refusal> not_widened{}; // why the columns are not there, though they were to be added
};

// Blocks. Somebody else may do the same at the same time: who comes second reads the table again and finds all done. What the table has
// besides is left alone. Refused: the table is missing and may not be created, or cannot be described. Throws stopped;
// failure(refused) when the workspace refuses the credentials.
outcome<table_state> set_up_table(workspace& at, const std::string& name, const row::layout& wanted,
                                  const table_orders& orders, const std::stop_token& stop,
                                  const rest_options& options = {});

} // namespace sfcdc::runner::databricks
