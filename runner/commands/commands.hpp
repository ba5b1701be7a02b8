// The subcommands of sfcdc, each with its options as CLI11 fills them. They return the exit code.
#pragma once

#include <filesystem>
#include <optional>
#include <string>
#include <vector>

namespace sfcdc::runner {

struct run_options {
    std::filesystem::path config;
    std::string from; // "", "earliest" or "latest"
};
int run(const run_options& options);

struct decode_options {
    std::filesystem::path schema;
    std::string format = "json"; // json, changed, header
    std::string in = "raw";      // raw, hex, base64
    std::vector<std::string> files;
};
int decode(const decode_options& options);

// What is to be done with tables: `action` is plan, apply, show, current, dedupe or privacy.
struct tables_options {
    std::string action;
    std::filesystem::path config;                        // empty: offline, from schemas alone
    std::vector<std::string> schemas;                    // files (.avsc)
    std::string table = "main.default.{entity}_changes"; // offline: the table of an object
    std::string target; // of the current state; empty: the table's name with _current in place of _changes
    std::string engine = "databricks"; // databricks, spark, duckdb
};
int tables(const tables_options& options);

} // namespace sfcdc::runner
