// SQL statements on a warehouse, by the Statement Execution API 2.0. Identifiers are quoted by row::sql_identifier(); values are
// parameters. Source: Databricks REST API, "Statement Execution".
#pragma once

#include "refusal.hpp"
#include "rest.hpp"

#include <cstddef>
#include <optional>
#include <stop_token>
#include <string>
#include <vector>

namespace sfcdc::runner::databricks {

// A value for `:name` in the text of a statement.
struct parameter {
    std::string name;
    std::optional<std::string> value{}; // none: NULL
    std::string type = "STRING";        // "INT", "DECIMAL(10,2)", ...; no ARRAY, MAP or STRUCT
};

struct statement {
    std::string text;
    std::vector<parameter> parameters{};
};

// What a statement gives: texts, also of numbers and booleans. Every row has a value for each column; none is NULL.
struct statement_result {
    std::vector<std::string> columns{};
    std::vector<std::vector<std::optional<std::string>>> rows{};
};

struct statement_options {
    // Its limit holds from sending the statement to its result, the start of a warehouse that sleeps included: seconds for a serverless
    // one, minutes for others.
    rest_options rest{};
    backoff::options polls{std::chrono::seconds(1),
                           std::chrono::seconds(15)}; // from one question how far it is to the next
    std::size_t most_rows = 10'000;                   // a statement with more of them is refused
};

// Runs a statement on the workspace's warehouse and waits for its end. Blocks; the workspace may be used by other threads at the same
// time. A statement that is under way when a stop is asked for, or when the limit of time is over, is cancelled, unless its first
// request has not been answered, so that its id is not known. A cancel may come too late, and a request whose answer is lost is sent
// again: statements must be safe to repeat.
//
// not_found is always about what the statement names; a warehouse that does not exist, or is not configured, is invalid. Throws stopped;
// failure(refused) when the workspace refuses the credentials.
outcome<statement_result> execute(workspace& at, const statement& s, const std::stop_token& stop,
                                  const statement_options& options = {});

} // namespace sfcdc::runner::databricks
