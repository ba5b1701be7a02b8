#include "token.hpp"

#include "../failure.hpp"
#include "../http.hpp"

#include <nlohmann/json.hpp>

#include <algorithm>
#include <charconv>
#include <chrono>

namespace sfcdc::runner::databricks {
namespace {

// The first label of the Zerobus host.
std::string workspace_id(const std::string& endpoint) {
    const std::size_t scheme = endpoint.find("://");
    const std::string host = scheme == std::string::npos ? endpoint : endpoint.substr(scheme + 3);
    return host.substr(0, host.find_first_of(".:/"));
}

// Unity Catalog writes expires_in as a number or as a string; 0 when there is none.
std::int64_t lifetime_seconds(const nlohmann::json& answer) {
    if (!answer.contains("expires_in")) return 0;
    const nlohmann::json& value = answer["expires_in"];
    if (value.is_number_integer()) return value.get<std::int64_t>();
    std::int64_t seconds = 0;
    if (value.is_string()) {
        const std::string& text = value.get_ref<const std::string&>();
        std::from_chars(text.data(), text.data() + text.size(), seconds);
    }
    return seconds;
}

std::string privileges(const std::string& table) {
    const std::string catalog = table.substr(0, table.find('.')), schema = table.substr(0, table.rfind('.'));
    const auto grant = [](const char* type, const std::string& path, std::vector<std::string> list) {
        return nlohmann::ordered_json{{"type", "unity_catalog_privileges"},
                                      {"privileges", std::move(list)},
                                      {"object_type", type},
                                      {"object_full_path", path}};
    };
    nlohmann::ordered_json on_table = grant("TABLE", table, {"SELECT", "MODIFY"});
    on_table["operations"] = {"zerobuswrite"};
    return nlohmann::ordered_json::array(
               {grant("CATALOG", catalog, {"USE CATALOG"}), grant("SCHEMA", schema, {"USE SCHEMA"}), on_table})
        .dump();
}

} // namespace

table_token ask_for_token(const databricks_config& config, const std::string& table) {
    const auto asked_at = std::chrono::steady_clock::now();
    const http::response answer =
        http::send({.url = config.workspace_url + "/oidc/v1/token",
                    .form = {{"grant_type", "client_credentials"},
                             {"scope", "all-apis"},
                             {"resource", "api://databricks/workspaces/" + workspace_id(config.zerobus_endpoint)
                                              + "/zerobusDirectWriteApi"},
                             {"authorization_details", privileges(table)}},
                    .basic_user = config.client_id,
                    .basic_password = config.client_secret,
                    .bearer = {},
                    .ca_file = config.ca_file});
    if (answer.transient())
        throw http::unavailable{"no token from " + config.workspace_url + " (" + http::why(answer) + ")",
                                answer.retry_after};
    if (!answer.ok())
        throw failure(exit_code::refused,
                      "Databricks refused a token for the table " + table + " (HTTP " + std::to_string(answer.status)
                          + "); check [databricks] client_id, client_secret and workspace_url, and that the service "
                            "principal has USE CATALOG, USE SCHEMA, SELECT and MODIFY granted on the table itself.");
    const nlohmann::json body = nlohmann::json::parse(answer.body, nullptr, false);
    std::string text;
    if (body.is_object() && body.contains("access_token") && body["access_token"].is_string())
        text = body["access_token"].get<std::string>();
    if (text.empty() || std::any_of(text.begin(), text.end(), [](char c) { return c <= ' ' || c > '~'; }))
        throw failure(exit_code::refused, "The token endpoint of " + config.workspace_url
                                              + " gave no usable access_token; check [databricks] workspace_url.");
    // Without a lifetime it is good for the next minute, that is for the stream that it was asked for.
    const std::int64_t life = std::clamp<std::int64_t>(lifetime_seconds(body), 120, 86'400);
    return {std::move(text), asked_at + std::chrono::seconds(life / 2)};
}

} // namespace sfcdc::runner::databricks
