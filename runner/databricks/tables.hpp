// Tables as Unity Catalog describes them, by its REST API: no warehouse is needed, and none is woken.
// Source: Databricks REST API, "Unity Catalog: Tables"; the column metadata of the Delta protocol.
#pragma once

#include "refusal.hpp"
#include "rest.hpp"

#include <cstdint>
#include <map>
#include <optional>
#include <stop_token>
#include <string>
#include <vector>

namespace sfcdc::runner::databricks {

struct column_description {
    std::string name;
    std::string type_text; // as SQL writes it, in small letters: "array<string>", "decimal(10,2)"
    std::string type_name; // the name alone, as Unity Catalog has it: "ARRAY", "DECIMAL", "LONG"
    bool nullable = true;
    std::int64_t position = 0;           // from 0; numbers may be missing
    std::string comment{};               // empty: none
    bool partition = false;              // the table is partitioned by it
    bool masked = false;                 // a column mask stands in front of its values
    std::string generation_expression{}; // not empty: the column is GENERATED ALWAYS AS this
    bool identity = false;               // GENERATED ... AS IDENTITY
};

struct table_description {
    std::string full_name{};          // "catalog.schema.table"
    std::string table_id{};           // another one when the table was dropped and made again
    std::string table_type{};         // "MANAGED", "STREAMING_TABLE", "EXTERNAL", "VIEW", ...
    std::string data_source_format{}; // "DELTA", "ICEBERG", ...
    std::string owner{};
    std::string comment{};
    std::string pipeline_id{}; // not empty: a pipeline owns the table
    bool row_filter = false;
    std::map<std::string, std::string>
        properties{}; // such as "delta.enableRowTracking"; which of them are shown is not documented
    std::vector<column_description> columns{}; // by position
};

// Where the rows of a typed table come from: "ORG_ID TOPIC". Its columns do not say it, so that the table has it as the property
// source_property.
inline constexpr const char* source_property = "sfcdc.source";

// Describes a table, whose three-part name may have any characters but dots in its parts. Blocks. Throws stopped; failure(refused) when
// the workspace refuses the credentials. That the table is missing (not_found) or may not be seen (no_privilege) are outcomes like
// any other; without the grant BROWSE a table that may not be seen can look like one that is missing.
outcome<table_description> describe_table(workspace& at, const std::string& full_name, const std::stop_token& stop,
                                          const rest_options& options = {});

// The full names of the tables of a schema, as far as the principal may know of them. Blocks, asks page by page; more than 10,000 are
// refused. Throws as describe_table().
outcome<std::vector<std::string>> list_tables(workspace& at, const std::string& catalog, const std::string& schema,
                                              const std::stop_token& stop, const rest_options& options = {});

} // namespace sfcdc::runner::databricks
