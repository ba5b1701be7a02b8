// What ends the run, and with which exit code. Everything that can be waited out is retried where it happens and never
// gets here.
#pragma once

#include <stdexcept>
#include <string>

namespace sfcdc::runner {

enum class exit_code : int {
    ok = 0,
    failed = 1,        // something broke that is not one of the below
    bad_config = 2,    // found before any connection is made
    refused = 3,       // Salesforce or Databricks refuses: credentials, permission, unknown topic or table
    needs_decision = 4 // only the operator can say how to go on: an expired position, an undecodable event
};

// The message is one or more whole sentences for the operator: which side, which setting, what to do.
class failure : public std::runtime_error {
  public:
    failure(exit_code code, const std::string& what) : std::runtime_error(what), code_(code) {}
    exit_code code() const noexcept { return code_; }

  private:
    exit_code code_;
};

} // namespace sfcdc::runner
