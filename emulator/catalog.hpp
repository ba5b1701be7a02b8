// The tables of the lake as Unity Catalog knows them. A table that CREATE TABLE has made is a contract: its columns are what Zerobus
// takes. Any other table is made by the first stream into it, and takes whatever comes.
#pragma once

#include "bells.hpp"
#include "lake.hpp"

#include <chrono>
#include <map>
#include <mutex>
#include <optional>
#include <set>
#include <string>
#include <vector>

namespace emulator {

struct delta_column {
    std::string name;
    std::string type; // as SQL writes it, in small letters: "bigint", "decimal(10,2)", "array<string>"
    bool nullable = true;
    std::string comment = {};
    std::chrono::steady_clock::time_point visible_from{}; // to table descriptions and to Zerobus
};

struct delta_table {
    std::string name; // catalog.schema.table
    std::string id;   // a UUID
    std::vector<delta_column> columns;
    std::map<std::string, std::string> properties;
    std::string comment;
    bool contract = true; // made by CREATE TABLE

    // Case does not count.
    const delta_column* find(const std::string& column) const;
};

// Whether it is one that the emulator's tables can have: a simple type, or an array of such.
bool is_delta_type(const std::string& type);

// Used from any thread. Case does not count in names. Contracts are kept in the file of the lake, beside the rows; when a column can be
// seen is not.
class catalog {
  public:
    // Drops ring the streams.
    catalog(lake& tables, bells& ingest_streams);

    // The table with all of its columns, or with those that others see now.
    std::optional<delta_table> find(const std::string& name) const;
    std::optional<delta_table> find_visible(const std::string& name) const;
    // False when there is one already, however it was made.
    bool create(delta_table table);
    // The table must exist and lack the columns.
    void add_columns(const std::string& name, const std::vector<delta_column>& columns);
    void set_properties(const std::string& name, const std::map<std::string, std::string>& properties);
    // Removes the table with its rows, and ends the streams into it. False when there is none.
    bool drop(const std::string& name);
    // Whether there was a table until somebody dropped it: a stream makes no new one.
    bool dropped(const std::string& name) const;
    // The full names of the tables of a schema, in order.
    std::vector<std::string> tables_of(const std::string& catalog_name, const std::string& schema_name) const;

  private:
    void change(const std::string& name, const std::vector<delta_column>& columns,
                const std::map<std::string, std::string>& properties);

    lake& lake_;
    mutable std::mutex mutex_;
    bells& ingest_streams_;
    std::map<std::string, delta_table> tables_; // by name in small letters
    std::set<std::string> dropped_;             // so, too
};

} // namespace emulator
