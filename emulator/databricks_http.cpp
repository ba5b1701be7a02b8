#include "databricks_http.hpp"

#include "http_server.hpp"

#include <algorithm>
#include <stdexcept>

namespace emulator {
namespace {

using nlohmann::json;

std::string basic_authorization(const std::string& id, const std::string& secret) {
    return httplib::make_basic_authentication_header(id, secret).second;
}

std::string resource_of(const std::string& workspace) {
    return "api://databricks/workspaces/" + workspace + "/zerobusDirectWriteApi";
}

// A client that reaches the emulator as localhost takes that, or even the port with it, for the workspace id.
std::string port_of(const std::string& endpoint) { return endpoint.substr(endpoint.rfind(':') + 1); }

// The one table that authorization_details ask for. Throws std::invalid_argument when they are not what Zerobus
// needs.
std::string table_of(const std::string& authorization_details) {
    const json details = json::parse(authorization_details, nullptr, false);
    if (!details.is_array()) throw std::invalid_argument("authorization_details is not a JSON array");
    std::map<std::string, std::string> paths;
    const std::map<std::string, std::vector<std::string>> privileges{
        {"CATALOG", {"USE CATALOG"}}, {"SCHEMA", {"USE SCHEMA"}}, {"TABLE", {"MODIFY", "SELECT"}}};
    for (const json& detail : details) {
        if (!detail.is_object() || detail.value("type", "") != "unity_catalog_privileges")
            throw std::invalid_argument("the type must be unity_catalog_privileges");
        const auto type = detail.value("object_type", "");
        const auto wanted = privileges.find(type);
        if (wanted == privileges.end()) throw std::invalid_argument("object_type \"" + type + "\" is not known");
        auto asked = detail.value("privileges", std::vector<std::string>());
        std::sort(asked.begin(), asked.end());
        if (asked != wanted->second) throw std::invalid_argument("wrong privileges on the " + type);
        // Clients of before June 2026 send none.
        const json operations = detail.value("operations", json());
        if (!operations.is_null() && (type != "TABLE" || operations != json::array({"zerobuswrite"})))
            throw std::invalid_argument("operations on the " + type + " are not [\"zerobuswrite\"]");
        if (!paths.emplace(type, detail.value("object_full_path", "")).second)
            throw std::invalid_argument("two entries for a " + type);
    }
    if (paths.size() != 3) throw std::invalid_argument("entries for CATALOG, SCHEMA and TABLE are needed");
    const std::string& table = paths["TABLE"];
    const auto is_child = [](const std::string& path, const std::string& parent) {
        return !parent.empty() && path.starts_with(parent + ".") && path.size() > parent.size() + 1
               && path.find('.', parent.size() + 1) == std::string::npos;
    };
    if (!is_child(paths["SCHEMA"], paths["CATALOG"]) || !is_child(table, paths["SCHEMA"]))
        throw std::invalid_argument("the object_full_paths do not belong together");
    return table;
}

void token(const httplib::Request& request, httplib::Response& response, world& in) {
    std::this_thread::sleep_for(in.settings.latency);
    if (const auto fault = in.fault.take_token_fault(faults::side::databricks)) {
        if (fault->retry_after_s) response.set_header("Retry-After", std::to_string(*fault->retry_after_s));
        answer_oauth_error(response, fault->status, "temporarily_unavailable", "try again");
        return;
    }
    in.count.logins += 1;
    if (request.get_header_value("Authorization")
        != basic_authorization(in.settings.databricks_client_id, in.settings.databricks_client_secret))
        return answer_oauth_error(response, 401, "invalid_client", "Client authentication failed");
    if (request.get_param_value("grant_type") != "client_credentials")
        return answer_oauth_error(response, 400, "unsupported_grant_type", "grant_type must be client_credentials");
    if (request.get_param_value("scope") != "all-apis")
        return answer_oauth_error(response, 400, "invalid_scope", "scope must be all-apis");

    std::string table; // without details: a token for the REST API, which Zerobus does not take
    if (request.has_param("resource") || request.has_param("authorization_details")) {
        const std::string resource = request.get_param_value("resource");
        const bool known = resource == resource_of(workspace_id) || resource == resource_of("localhost")
                           || resource == resource_of("localhost:" + port_of(in.urls.zerobus_endpoint));
        if (!known)
            return answer_oauth_error(response, 400, "invalid_target", "resource \"" + resource + "\" is not known");
        try {
            table = table_of(request.get_param_value("authorization_details"));
        } catch (const std::exception& e) {
            return answer_oauth_error(response, 400, "invalid_authorization_details", e.what());
        }
    }
    const auto lifetime = in.settings.token_lifetime;
    json body{{"access_token", in.databricks_tokens.issue("eyJ", table, lifetime)},
              {"token_type", "Bearer"},
              {"scope", "all-apis"},
              {"expires_in", lifetime.count()}};
    if (in.fault.expires_in_quoted()) body["expires_in"] = std::to_string(lifetime.count());
    answer(response, 200, body);
}

} // namespace

void serve_databricks_logins(httplib::Server& routes, world& in) {
    routes.Post("/oidc/v1/token", [&in](const auto& request, auto& response) { token(request, response, in); });
}

} // namespace emulator
