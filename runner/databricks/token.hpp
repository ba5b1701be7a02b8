// The tokens of a Databricks workspace, by OAuth client credentials: those of Zerobus streams are scoped down to one table each,
// that of the REST API (SQL, Unity Catalog) has the rights of the service principal, and Zerobus does not take it.
#pragma once

#include "../config/config.hpp"
#include "../io/broker.hpp"

#include <sfcdc/backoff.hpp>

#include <map>
#include <mutex>
#include <stop_token>
#include <string>
#include <utility>

namespace sfcdc::runner::databricks {

struct access_token {
    std::string text; // never logged; empty: none
    time_point renew_at = time_point::min();

    bool good(time_point now) const noexcept { return !text.empty() && now < renew_at; }
};

// Asks once for a token of one table's streams, and blocks for as long as http::send. The token is good until half of its life
// is over: streams are opened with it, and outlive it. Throws failure(refused) when the credentials are refused,
// http::unavailable when another try may help.
access_token ask_for_token(const databricks_config& config, const std::string& table, const std::stop_token& stop);
// The same for a token of the REST API.
access_token ask_for_rest_token(const databricks_config& config, const std::stop_token& stop);

// One workspace, and its tokens: one for a table, whatever the number of pipelines that write into it, and one for the REST API.
class workspace {
  public:
    using tokens = broker<access_token>;

    explicit workspace(databricks_config config)
        : config_(std::move(config)),
          rest_tokens_([this] { return config_.credentials.identity(); },
                       [this](const std::stop_token& stop) { return ask_for_rest_token(config_, stop); }) {}

    const databricks_config& config() const noexcept { return config_; }
    // Both from any thread; they live as long as the workspace.
    tokens& tokens_of(const std::string& table);
    tokens& rest_tokens() noexcept { return rest_tokens_; }

  private:
    const databricks_config config_;
    tokens rest_tokens_;
    std::mutex mutex_;
    std::map<std::string, tokens> tokens_;
};

} // namespace sfcdc::runner::databricks
