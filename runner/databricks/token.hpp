// The tokens of Zerobus streams: Unity Catalog OAuth, scoped down to one table each.
#pragma once

#include "../config.hpp"
#include "../io/broker.hpp"

#include <sfcdc/backoff.hpp>

#include <map>
#include <mutex>
#include <stop_token>
#include <string>
#include <utility>

namespace sfcdc::runner::databricks {

struct table_token {
    std::string text; // never logged; empty: none
    time_point renew_at = time_point::min();

    bool good(time_point now) const noexcept { return !text.empty() && now < renew_at; }
};

// Asks once, and blocks for as long as http::send. The token is good until half of its life is over: streams are opened
// with it, and outlive it. Throws failure(refused) when the credentials are refused, http::unavailable when another try
// may help.
table_token ask_for_token(const databricks_config& config, const std::string& table, const std::stop_token& stop);

// One workspace, and the tokens of its tables: one for a table, whatever the number of pipelines that write into it.
class workspace {
  public:
    using tokens = broker<table_token>;

    explicit workspace(databricks_config config) : config_(std::move(config)) {}

    const databricks_config& config() const noexcept { return config_; }
    // From any thread; lives as long as the workspace.
    tokens& tokens_of(const std::string& table);

  private:
    const databricks_config config_;
    std::mutex mutex_;
    std::map<std::string, tokens> tokens_;
};

} // namespace sfcdc::runner::databricks
