// The token of one Zerobus stream: Unity Catalog OAuth, scoped down to one table.
#pragma once

#include "../config.hpp"

#include <sfcdc/backoff.hpp>

#include <stop_token>
#include <string>

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

} // namespace sfcdc::runner::databricks
