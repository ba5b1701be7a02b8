#include "token.hpp"

#include "../io/http.hpp"
#include "../operations/failure.hpp"
#include "../operations/log.hpp"
#include "answers.hpp"

#include <nlohmann/json.hpp>

namespace sfcdc::runner::databricks {
namespace {

// The first label of the Zerobus host.
std::string workspace_id(const std::string& endpoint) {
    const std::size_t scheme = endpoint.find("://");
    const std::string host = scheme == std::string::npos ? endpoint : endpoint.substr(scheme + 3);
    return host.substr(0, host.find_first_of(".:/"));
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

using form = std::vector<std::pair<std::string, std::string>>;

// `what` and `rights` are for the sentence about a refusal.
access_token ask(const databricks_config& config, const std::string& what, const std::string& rights, form details,
                 const std::stop_token& stop) {
    const client_credentials::texts own = config.credentials.read(config.section);
    const auto asked_at = std::chrono::steady_clock::now();
    details.insert(details.begin(), {{"grant_type", "client_credentials"}, {"scope", "all-apis"}});
    const http::response answer = http::send({.url = config.workspace_url + "/oidc/v1/token",
                                              .form = std::move(details),
                                              .basic_user = own.client_id,
                                              .basic_password = own.client_secret,
                                              .bearer = {},
                                              .ca_file = config.ca_file},
                                             stop);
    if (answer.transient())
        throw http::unavailable{"no token from " + config.workspace_url + " (" + http::why(answer) + ")",
                                answer.retry_after};
    // A page in place of an answer says nothing of the credentials: it is waited out like no answer.
    if (!answer.json())
        throw http::unavailable{"no token from " + config.workspace_url + " (HTTP " + std::to_string(answer.status)
                                    + " and no answer of an OAuth service)",
                                {}};
    if (!answer.ok())
        throw failure(exit_code::refused, "Databricks refused a token for " + what + " (HTTP "
                                              + std::to_string(answer.status) + "); check " + config.section
                                              + " client_id, client_secret and workspace_url, and that the service "
                                                "principal has "
                                              + rights + ".");
    const token_answer read = read_token_answer(answer.body);
    log::hide(read.access_token);
    if (read.access_token.empty())
        throw failure(exit_code::refused, "The token endpoint of " + config.workspace_url
                                              + " gave no usable access_token; check " + config.section
                                              + " workspace_url.");
    return {read.access_token, asked_at + read.lifetime / 2};
}

} // namespace

access_token ask_for_token(const databricks_config& config, const std::string& table, const std::stop_token& stop) {
    return ask(config, "the table " + table, "USE CATALOG, USE SCHEMA, SELECT and MODIFY granted on the table itself",
               {{"resource",
                 "api://databricks/workspaces/" + workspace_id(config.zerobus_endpoint) + "/zerobusDirectWriteApi"},
                {"authorization_details", privileges(table)}},
               stop);
}

access_token ask_for_rest_token(const databricks_config& config, const std::stop_token& stop) {
    return ask(config, "its REST API", "access to the workspace", {}, stop);
}

workspace::tokens& workspace::tokens_of(const std::string& table) {
    const std::scoped_lock lock(mutex_);
    return tokens_
        .try_emplace(
            table, [this] { return config_.credentials.identity(); },
            [this, table](const std::stop_token& stop) { return ask_for_token(config_, table, stop); })
        .first->second;
}

} // namespace sfcdc::runner::databricks
