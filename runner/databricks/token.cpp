#include "token.hpp"

#include "../failure.hpp"
#include "../http.hpp"
#include "../pause.hpp"

#include <sfcdc/backoff.hpp>

#include <nlohmann/json.hpp>
#include <spdlog/spdlog.h>

#include <algorithm>
#include <charconv>
#include <random>

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

const std::string& table_token::get(const std::stop_token& stop) {
    const auto asked_at = std::chrono::steady_clock::now();
    if (!token_.empty() && asked_at < renew_at_) return token_;
    backoff wait(std::random_device{}());
    for (;;) {
        const http::response answer =
            http::send({.url = config_.workspace_url + "/oidc/v1/token",
                        .form = {{"grant_type", "client_credentials"},
                                 {"scope", "all-apis"},
                                 {"resource", "api://databricks/workspaces/" + workspace_id(config_.zerobus_endpoint)
                                                  + "/zerobusDirectWriteApi"},
                                 {"authorization_details", privileges(table_)}},
                        .basic_user = config_.client_id,
                        .basic_password = config_.client_secret,
                        .bearer = {},
                        .ca_file = config_.ca_file});
        if (answer.ok()) {
            const nlohmann::json body = nlohmann::json::parse(answer.body, nullptr, false);
            if (body.is_object() && body.contains("access_token") && body["access_token"].is_string())
                token_ = body["access_token"].get<std::string>();
            if (token_.empty()
                || std::any_of(token_.begin(), token_.end(), [](char c) { return c <= ' ' || c > '~'; }))
                throw failure(exit_code::refused,
                              "The token endpoint of " + config_.workspace_url
                                  + " gave no usable access_token; check [databricks] workspace_url.");
            renew_at_ =
                asked_at + std::chrono::seconds(lifetime_seconds(body) / 2); // no lifetime: good for this once
            return token_;
        }
        if (!answer.transient())
            throw failure(exit_code::refused,
                          "Databricks refused a token for the table " + table_ + " (HTTP "
                              + std::to_string(answer.status)
                              + "); check [databricks] client_id, client_secret and workspace_url, and that the "
                                "service principal "
                                "has USE CATALOG, USE SCHEMA, SELECT and MODIFY granted on the table itself.");
        const auto delay = answer.retry_after ? std::chrono::milliseconds(*answer.retry_after) : wait.next();
        spdlog::warn("databricks: no token from {} ({}); next try in {} ms", config_.workspace_url,
                     answer.status == 0 ? answer.body : "HTTP " + std::to_string(answer.status), delay.count());
        pause(stop, delay);
    }
}

} // namespace sfcdc::runner::databricks
