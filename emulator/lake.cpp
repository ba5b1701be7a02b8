#include "lake.hpp"

#include <algorithm>
#include <iterator>
#include <openssl/evp.h>
#include <stdexcept>

namespace emulator {
namespace {

constexpr std::size_t own_columns = 3; // _stream_id, _wire_offset, _row

// Its name is none that a table of the workspace can have, which have three parts.
constexpr const char* contracts_table =
    "CREATE TABLE IF NOT EXISTS _sfcdc_contracts (name TEXT PRIMARY KEY, contract TEXT);";

std::string in_apostrophes(const std::string& value) {
    std::string text = "'";
    for (const char c : value) text += c == '\'' ? std::string("''") : std::string(1, c);
    return text + "'";
}

std::string keep_contract(const std::string& table, const std::string& contract) {
    return std::string(contracts_table) + "INSERT OR REPLACE INTO _sfcdc_contracts VALUES (" + in_apostrophes(table)
           + ", " + contract + ");";
}

// The value must outlive the next step of the statement. A monostate leaves NULL there.
void bind(sqlite3_stmt* statement, int at, const cell& value) {
    if (const auto* integer = std::get_if<std::int64_t>(&value))
        sqlite3_bind_int64(statement, at, *integer);
    else if (const auto* real = std::get_if<double>(&value))
        sqlite3_bind_double(statement, at, *real);
    else if (const auto* text = std::get_if<std::string>(&value))
        sqlite3_bind_text(statement, at, text->data(), static_cast<int>(text->size()), SQLITE_STATIC);
    else if (const auto* bytes = std::get_if<blob>(&value))
        sqlite3_bind_blob(statement, at, bytes->bytes.data(), static_cast<int>(bytes->bytes.size()), SQLITE_STATIC);
}

// base64() of Databricks: of a blob or a text, with padding; NULL of NULL.
void to_base64(sqlite3_context* context, int, sqlite3_value** arguments) {
    if (sqlite3_value_type(arguments[0]) == SQLITE_NULL) return;
    const auto* bytes = static_cast<const unsigned char*>(sqlite3_value_blob(arguments[0]));
    const int size = sqlite3_value_bytes(arguments[0]);
    std::string text(static_cast<std::size_t>((size + 2) / 3 * 4) + 1, '\0');
    const int written = EVP_EncodeBlock(reinterpret_cast<unsigned char*>(text.data()), bytes, size);
    sqlite3_result_text(context, text.data(), written, SQLITE_TRANSIENT);
}

} // namespace

std::string in_quotes(const std::string& identifier) {
    std::string text = "\"";
    for (const char c : identifier) text += c == '"' ? std::string("\"\"") : std::string(1, c);
    return text + '"';
}

std::string in_small_letters(std::string name) {
    for (char& c : name)
        if (c >= 'A' && c <= 'Z') c = static_cast<char>(c - 'A' + 'a');
    return name;
}

lake::lake(const std::string& path) {
    if (sqlite3_open(path.c_str(), &database_) != SQLITE_OK) fail("opening " + path);
    sqlite3_busy_timeout(database_, 10'000);
    sqlite3_create_function(database_, "base64", 1, SQLITE_UTF8 | SQLITE_DETERMINISTIC, nullptr, &to_base64, nullptr,
                            nullptr);
    execute("PRAGMA journal_mode=WAL");
    // In WAL mode NORMAL survives a killed process, which is the crash that tests can make.
    execute("PRAGMA synchronous=NORMAL");
}

lake::~lake() {
    for (const auto& [sql, statement] : statements_) sqlite3_finalize(statement);
    sqlite3_close(database_);
}

void lake::fail(const std::string& doing) const {
    throw std::runtime_error("lake: " + doing + ": " + sqlite3_errmsg(database_));
}

void lake::execute(const std::string& sql) {
    if (sqlite3_exec(database_, sql.c_str(), nullptr, nullptr, nullptr) != SQLITE_OK) fail(sql.substr(0, 200));
}

sqlite3_stmt* lake::prepared(const std::string& sql) {
    sqlite3_stmt*& statement = statements_[sql];
    if (!statement && sqlite3_prepare_v2(database_, sql.c_str(), -1, &statement, nullptr) != SQLITE_OK)
        fail(sql.substr(0, 200));
    return statement;
}

std::vector<lake::text_row> lake::select(const std::string& sql, const std::map<std::string, cell>& parameters) {
    std::lock_guard lock(mutex_);
    sqlite3_stmt* statement = nullptr;
    if (sqlite3_prepare_v2(database_, sql.c_str(), -1, &statement, nullptr) != SQLITE_OK) fail(sql.substr(0, 200));
    for (const auto& [name, value] : parameters)
        if (const int at = sqlite3_bind_parameter_index(statement, name.c_str()); at > 0) bind(statement, at, value);
    std::vector<text_row> rows;
    while (sqlite3_step(statement) == SQLITE_ROW) {
        text_row& row = rows.emplace_back();
        for (int i = 0; i < sqlite3_column_count(statement); ++i) {
            const auto* text = reinterpret_cast<const char*>(sqlite3_column_text(statement, i));
            row.push_back(text ? std::optional<std::string>(text) : std::nullopt);
        }
    }
    sqlite3_finalize(statement);
    return rows;
}

std::vector<std::vector<std::string>> lake::query(const std::string& sql) {
    std::vector<std::vector<std::string>> rows;
    for (const text_row& row : select(sql)) {
        auto& texts = rows.emplace_back();
        for (const auto& value : row) texts.push_back(value.value_or("NULL"));
    }
    return rows;
}

std::vector<column> lake::typed_columns(const std::string& table) {
    std::vector<column> all;
    for (const auto& row : query("PRAGMA table_info(" + in_quotes(table) + ")"))
        all.push_back({row.at(1), row.at(2)});
    all.erase(all.begin(), all.begin() + std::min<std::ptrdiff_t>(own_columns, std::ssize(all)));
    return all;
}

std::vector<std::string> lake::columns(const std::string& table) {
    std::vector<std::string> names;
    for (const column& one : typed_columns(table)) names.push_back(one.name);
    return names;
}

std::vector<column> lake::missing(const std::string& table, const std::vector<column>& wanted) {
    const auto present = columns(table);
    std::vector<column> lacking;
    for (const auto& one : wanted)
        if (std::none_of(present.begin(), present.end(), [&](const std::string& name) {
                return sqlite3_stricmp(name.c_str(), one.name.c_str()) == 0;
            }))
            lacking.push_back(one);
    return lacking;
}

// Who reads the file meanwhile sees all of it or nothing.
void lake::in_one_transaction(const std::string& sql) {
    try {
        execute("BEGIN;" + sql + "COMMIT");
    } catch (...) {
        sqlite3_exec(database_, "ROLLBACK", nullptr, nullptr, nullptr);
        throw;
    }
}

void lake::drop(const std::string& table) {
    std::lock_guard lock(mutex_);
    in_one_transaction("DROP TABLE IF EXISTS " + in_quotes(table) + ";"
                       + keep_contract(in_small_letters(table), "NULL"));
    ++drops_[in_small_letters(table)];
}

std::map<std::string, std::optional<std::string>> lake::contracts() {
    std::map<std::string, std::optional<std::string>> all;
    if (select("SELECT 1 FROM sqlite_master WHERE name = '_sfcdc_contracts'").empty()) return all;
    for (const text_row& row : select("SELECT name, contract FROM _sfcdc_contracts"))
        all[row.at(0).value()] = row.at(1);
    return all;
}

std::uint64_t lake::drops(const std::string& table) const {
    std::lock_guard lock(mutex_);
    const auto found = drops_.find(in_small_letters(table));
    return found == drops_.end() ? 0 : found->second;
}

void lake::add_columns(const std::string& table, const std::vector<column>& wanted,
                       const std::optional<std::string>& contract) {
    const auto lacking = missing(table, wanted);
    std::lock_guard lock(mutex_);
    std::string sql = "CREATE TABLE IF NOT EXISTS " + in_quotes(table)
                      + " (_stream_id TEXT NOT NULL, _wire_offset INTEGER NOT NULL, _row INTEGER NOT NULL);";
    for (const auto& [name, type] : lacking)
        sql += "ALTER TABLE " + in_quotes(table) + " ADD COLUMN " + in_quotes(name) + " " + type + ";";
    if (contract) sql += keep_contract(in_small_letters(table), in_apostrophes(*contract));
    in_one_transaction(sql);
}

bool lake::append(const std::string& table, std::uint64_t drops_seen, const std::string& stream_id,
                  const std::vector<column>& columns, const std::vector<table_row>& rows) {
    std::string names = "_stream_id, _wire_offset, _row";
    std::string marks = "?, ?, ?";
    for (const auto& [name, type] : columns) {
        names += ", " + in_quotes(name);
        marks += ", ?";
    }
    std::lock_guard lock(mutex_);
    const auto dropped = drops_.find(in_small_letters(table));
    if ((dropped == drops_.end() ? 0 : dropped->second) != drops_seen) return false;
    sqlite3_stmt* insert = prepared("INSERT INTO " + in_quotes(table) + " (" + names + ") VALUES (" + marks + ")");
    execute("BEGIN");
    for (const auto& [wire_offset, number, cells] : rows) {
        sqlite3_bind_text(insert, 1, stream_id.data(), static_cast<int>(stream_id.size()), SQLITE_STATIC);
        sqlite3_bind_int64(insert, 2, wire_offset);
        sqlite3_bind_int64(insert, 3, number);
        for (std::size_t i = 0; i < cells.size(); ++i) bind(insert, static_cast<int>(i + own_columns + 1), cells[i]);
        const int outcome = sqlite3_step(insert);
        sqlite3_reset(insert);
        sqlite3_clear_bindings(insert);
        if (outcome != SQLITE_DONE) {
            sqlite3_exec(database_, "ROLLBACK", nullptr, nullptr, nullptr);
            fail("writing to " + table);
        }
    }
    execute("COMMIT");
    rows_written_ += rows.size();
    return true;
}

std::uint64_t lake::rows_written() const {
    std::lock_guard lock(mutex_);
    return rows_written_;
}

} // namespace emulator
