// A statement that fails, with an error class of Databricks and its SQLSTATE.
#pragma once

#include <optional>
#include <stdexcept>
#include <string>

namespace emulator {

// The SQLSTATE of an error class; nothing for a class that the emulator does not know. A subclass is behind a dot.
std::optional<std::string> sql_state_of(const std::string& condition);

struct sql_error : std::runtime_error {
    // `condition` must be known.
    sql_error(const std::string& condition, const std::string& because)
        : std::runtime_error("[" + condition + "] " + because + " SQLSTATE: " + sql_state_of(condition).value()),
          sql_state(sql_state_of(condition).value()) {}
    std::string sql_state;
};

} // namespace emulator
