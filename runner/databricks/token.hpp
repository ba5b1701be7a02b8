// The token of one Zerobus stream: Unity Catalog OAuth, scoped down to one table.
#pragma once

#include "../config.hpp"

#include <sfcdc/backoff.hpp>

#include <chrono>
#include <stop_token>
#include <string>
#include <string_view>

namespace sfcdc::runner::databricks {

struct table_token {
    std::string text; // never logged; empty: none
    time_point renew_at = time_point::min();

    bool good(time_point now) const noexcept { return !text.empty() && now < renew_at; }
};

// What the token endpoint's answer says. Text of a peer: a token that no header may carry is none.
struct token_answer {
    std::string access_token; // never logged; empty: none
    std::chrono::seconds lifetime{
        120}; // from 120 to 86,400; without a believable one it is good for the stream it was asked for
};
token_answer read_token_answer(std::string_view body);

// Asks once, and blocks for as long as http::send. The token is good until half of its life is over: streams are opened
// with it, and outlive it. Throws failure(refused) when the credentials are refused, http::unavailable when another try
// may help.
table_token ask_for_token(const databricks_config& config, const std::string& table, const std::stop_token& stop);

} // namespace sfcdc::runner::databricks
