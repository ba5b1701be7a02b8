// The tables of the Databricks workspace, in one SQLite file. A table is named catalog.schema.table, as it stands.
#pragma once

#include <cstdint>
#include <map>
#include <mutex>
#include <optional>
#include <sqlite3.h>
#include <string>
#include <variant>
#include <vector>

namespace emulator {

struct blob {
    std::string bytes;
};
using cell = std::variant<std::monostate, std::int64_t, double, std::string, blob>;

struct column {
    std::string name;
    std::string type; // as SQLite declares it: INTEGER, REAL, TEXT, BLOB
};

struct table_row {
    std::int64_t wire_offset; // of the request that brought it
    std::int64_t row;         // its place in that request
    std::vector<cell> cells;
};

// A name as SQLite's SQL has it.
std::string in_quotes(const std::string& identifier);
// Names of tables and columns that differ in capitals only are the same.
std::string in_small_letters(std::string name);

class lake {
  public:
    explicit lake(const std::string& path);
    lake(const lake&) = delete;
    lake& operator=(const lake&) = delete;
    ~lake();

    // The columns without _stream_id, _wire_offset and _row; none when there is no such table.
    std::vector<std::string> columns(const std::string& table);
    std::vector<column> typed_columns(const std::string& table);
    // Those of the wanted columns that the table lacks. Case does not count, as in Delta tables.
    std::vector<column> missing(const std::string& table, const std::vector<column>& wanted);
    // Makes the table, or adds what it lacks. With a contract, which is a text of the catalog's, that is stored in the same transaction.
    void add_columns(const std::string& table, const std::vector<column>& wanted,
                     const std::optional<std::string>& contract = std::nullopt);
    // Removes the table with its rows; its contract gives way to the note that the table was dropped.
    void drop(const std::string& table);
    // By table: the contract, or nothing where the table was dropped.
    std::map<std::string, std::optional<std::string>> contracts();
    // How often the table was dropped since the lake was opened. A stream that asks when it is opened writes into no later table.
    std::uint64_t drops(const std::string& table) const;
    // All rows in one transaction: when this returns they are in the file. False, and nothing is written, when the table was dropped
    // since drops() was `drops_seen`.
    [[nodiscard]] bool append(const std::string& table, std::uint64_t drops_seen, const std::string& stream_id,
                              const std::vector<column>& columns, const std::vector<table_row>& rows);
    std::uint64_t rows_written() const;
    // The answer to a query, row by row, as text.
    std::vector<std::vector<std::string>> query(const std::string& sql);
    // The same with values for the parameters of the query (by name, with the colon), and nothing for NULL.
    using text_row = std::vector<std::optional<std::string>>;
    std::vector<text_row> select(const std::string& sql, const std::map<std::string, cell>& parameters = {});

  private:
    void execute(const std::string& sql);
    sqlite3_stmt* prepared(const std::string& sql);
    void in_one_transaction(const std::string& sql);
    [[noreturn]] void fail(const std::string& doing) const;

    mutable std::mutex mutex_;
    sqlite3* database_ = nullptr;
    std::map<std::string, sqlite3_stmt*> statements_;
    std::uint64_t rows_written_ = 0;
    std::map<std::string, std::uint64_t> drops_; // by name in small letters
};

} // namespace emulator
