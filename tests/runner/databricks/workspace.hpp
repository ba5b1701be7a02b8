// A workspace that is an HTTP server of a test: its first answer is a token.
#pragma once

#include "../http_server.hpp"

#include "config/config.hpp"
#include "databricks/rest.hpp"

#include <chrono>
#include <string>
#include <vector>

namespace test {

using answers = std::vector<http_answer>;

inline http_answer ok(const std::string& body) { return {"200 OK\r\n", body}; }
inline http_answer token(const std::string& text = "token") {
    return ok(R"({"access_token":")" + text + R"(","expires_in":3600})");
}

inline sfcdc::runner::databricks_config config_of(const http_server& server) {
    return {.workspace_url = server.url(),
            .zerobus_endpoint = "1234.zerobus.example:443",
            .warehouse_id = "abc123",
            .credentials = {sfcdc::runner::secret("user"), sfcdc::runner::secret("hidden-secret")}};
}

// Waits of milliseconds, and 20 seconds in all: longer than any test takes.
inline sfcdc::runner::databricks::rest_options fast() {
    sfcdc::runner::databricks::rest_options options;
    options.patience.waits = {std::chrono::milliseconds(1), std::chrono::milliseconds(20)};
    options.patience.refused_wait = std::chrono::milliseconds(1);
    options.limit = std::chrono::seconds(20);
    return options;
}

} // namespace test
