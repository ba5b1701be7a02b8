// The token of one Zerobus stream: Unity Catalog OAuth, scoped down to one table.
#pragma once

#include "../config.hpp"

#include <chrono>
#include <stop_token>
#include <string>

namespace sfcdc::runner::databricks {

// Used by one thread.
class table_token {
  public:
    table_token(databricks_config config, std::string table) : config_(std::move(config)), table_(std::move(table)) {}

    // A token that is good for some minutes at least; asks for a new one when half of the old one's life is over.
    // Waits out what is transient, 429 included. Throws failure(refused) when the credentials are refused.
    const std::string& get(const std::stop_token& stop);

    // Zerobus did not accept it: the next get() asks for a new one.
    void refused() noexcept { token_.clear(); }

  private:
    databricks_config config_;
    std::string table_;
    std::string token_; // never logged
    std::chrono::steady_clock::time_point renew_at_;
};

} // namespace sfcdc::runner::databricks
