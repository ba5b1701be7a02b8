// The SQL warehouse: statements on their way from PENDING to an end. They work on the catalog and on the rows of the lake.
#pragma once

#include "catalog.hpp"
#include "faults.hpp"
#include "lake.hpp"
#include "sql_error.hpp"

#include <chrono>
#include <deque>
#include <map>
#include <mutex>
#include <optional>
#include <string>
#include <vector>

namespace emulator {

enum class statement_state { pending, running, succeeded, failed, canceled };

struct sql_statement {
    std::string id;
    std::string text;
    std::map<std::string, cell> parameters; // by name, with the colon
    std::chrono::steady_clock::time_point sent;
    statement_state state = statement_state::pending;
    std::string error, sql_state; // of one that failed
    std::vector<std::string> columns;
    std::vector<lake::text_row> rows;

    bool ended() const { return state != statement_state::pending && state != statement_state::running; }
};

// Used from any thread. A statement whose time has come is executed as soon as somebody asks anything, in the order in which they were
// sent: also one whose sender is gone.
class warehouse {
  public:
    // `forbidden_tables`: the principal has no grants on them.
    warehouse(catalog& tables, lake& rows, faults& fault, const std::vector<std::string>& forbidden_tables)
        : tables_(tables), rows_(rows), fault_(fault), forbidden_tables_(forbidden_tables) {}

    std::string submit(std::string text, std::map<std::string, cell> parameters);
    std::optional<sql_statement> look(const std::string& id);
    // Nothing happens to a statement that has ended.
    void cancel(const std::string& id);
    // Executes what is due.
    void advance();
    // The texts of the statements that are still known, a thousand at least, in the order in which they were sent.
    std::vector<std::string> texts();

  private:
    void advance_locked();
    void execute(sql_statement& one);

    catalog& tables_;
    lake& rows_;
    faults& fault_;
    const std::vector<std::string>& forbidden_tables_;
    std::mutex mutex_;
    std::deque<sql_statement> statements_;
};

} // namespace emulator
