#include "databricks_rest.hpp"

#include "http_server.hpp"
#include "identifiers.hpp"

#include <algorithm>
#include <charconv>
#include <set>
#include <stdexcept>

namespace emulator {
namespace {

using nlohmann::json;
using namespace std::chrono_literals;

void answer_error(httplib::Response& to, int status, const std::string& code, const std::string& message) {
    answer(to, status, {{"error_code", code}, {"message", message}});
}

// Whether the request may go on; otherwise it is answered. A token of one table's streams opens nothing here.
bool admit(const httplib::Request& request, httplib::Response& response, world& in) {
    std::this_thread::sleep_for(in.settings.latency);
    if (const auto fault = in.fault.take_rest_fault()) {
        if (fault->retry_after_s) response.set_header("Retry-After", std::to_string(*fault->retry_after_s));
        const char* const code = fault->status == 429 ? "REQUEST_LIMIT_EXCEEDED" : "TEMPORARILY_UNAVAILABLE";
        answer_error(response, fault->status, code, "This happens on request.");
        return false;
    }
    const std::string authorization = request.get_header_value("Authorization");
    const auto scope = authorization.starts_with("Bearer ") ? in.databricks_tokens.scope_of(authorization.substr(7))
                                                            : std::optional<std::string>();
    if (!scope)
        answer_error(response, 401, "UNAUTHENTICATED", "The token is unknown or has expired.");
    else if (!scope->empty())
        answer_error(response, 403, "PERMISSION_DENIED", "The token is good for Zerobus only.");
    return scope && scope->empty();
}

// ---- statements --------------------------------------------------------------------------------------------------

const char* name_of(statement_state state) {
    switch (state) {
    case statement_state::pending: return "PENDING";
    case statement_state::running: return "RUNNING";
    case statement_state::succeeded: return "SUCCEEDED";
    case statement_state::failed: return "FAILED";
    case statement_state::canceled: return "CANCELED";
    }
    return "";
}

json data_of(const sql_statement& one) {
    json rows = json::array();
    for (const lake::text_row& row : one.rows) {
        json& cells = rows.emplace_back(json::array());
        for (const auto& value : row) cells.push_back(value ? json(*value) : json());
    }
    return {{"chunk_index", 0}, {"row_offset", 0}, {"row_count", one.rows.size()}, {"data_array", std::move(rows)}};
}

json description_of(const sql_statement& one) {
    json status{{"state", name_of(one.state)}};
    if (one.state == statement_state::failed) {
        status["sql_state"] = one.sql_state;
        status["error"] = {{"error_code", "BAD_REQUEST"}, {"message", one.error}};
    }
    json all{{"statement_id", one.id}, {"status", std::move(status)}};
    if (one.state != statement_state::succeeded) return all;
    json columns = json::array();
    for (const std::string& name : one.columns)
        columns.push_back(
            {{"name", name}, {"position", columns.size()}, {"type_text", "STRING"}, {"type_name", "STRING"}});
    all["manifest"] = {{"format", "JSON_ARRAY"},
                       {"schema", {{"column_count", columns.size()}, {"columns", columns}}},
                       {"total_chunk_count", 1},
                       {"total_row_count", one.rows.size()},
                       {"truncated", false}};
    all["result"] = data_of(one);
    return all;
}

// "0s", "5s" to "50s".
std::chrono::seconds wait_timeout_of(const json& request) {
    const auto text = request.value("wait_timeout", "10s");
    int seconds = -1;
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), seconds);
    const bool fits = seconds == 0 || (seconds >= 5 && seconds <= 50);
    if (error != std::errc() || std::string_view(end) != "s" || !fits)
        throw std::invalid_argument("wait_timeout must be 0s or between 5s and 50s.");
    return std::chrono::seconds(seconds);
}

std::map<std::string, cell> parameters_of(const json& request) {
    static const std::set<std::string> integers{"INT", "BIGINT", "SMALLINT", "TINYINT"};
    std::map<std::string, cell> all;
    for (const json& one : request.value("parameters", json::array())) {
        cell& value = all[":" + one.at("name").get<std::string>()];
        if (!one.contains("value") || one.at("value").is_null()) continue;
        const auto text = one.at("value").get<std::string>();
        if (integers.contains(one.value("type", "STRING")))
            value = std::int64_t{std::stoll(text)};
        else
            value = text;
    }
    return all;
}

void submit(const httplib::Request& request, httplib::Response& response, world& in) {
    if (!admit(request, response, in)) return;
    try {
        const json body = json::parse(request.body);
        if (body.at("warehouse_id") != in.settings.warehouse_id)
            return answer_error(response, 404, "RESOURCE_DOES_NOT_EXIST", "There is no such SQL warehouse.");
        if (body.value("disposition", "INLINE") != "INLINE" || body.value("format", "JSON_ARRAY") != "JSON_ARRAY")
            throw std::invalid_argument("Results are INLINE and JSON_ARRAY here.");
        const auto until = std::chrono::steady_clock::now() + wait_timeout_of(body);
        const std::string id = in.sql_warehouse.submit(body.at("statement").get<std::string>(), parameters_of(body));
        auto now = in.sql_warehouse.look(id);
        while (now && !now->ended() && std::chrono::steady_clock::now() < until && !in.ending) {
            std::this_thread::sleep_for(2ms);
            now = in.sql_warehouse.look(id);
        }
        if (now && !now->ended() && body.value("on_wait_timeout", "CONTINUE") == "CANCEL") {
            in.sql_warehouse.cancel(id);
            now = in.sql_warehouse.look(id);
        }
        answer(response, 200, description_of(now.value()));
    } catch (const json::exception& e) {
        answer_error(response, 400, "MALFORMED_REQUEST", e.what());
    } catch (const std::logic_error& e) { // what stoll and the checks above throw
        answer_error(response, 400, "INVALID_PARAMETER_VALUE", e.what());
    }
}

template<typename action>
void with_statement(const httplib::Request& request, httplib::Response& response, world& in, action run) {
    if (!admit(request, response, in)) return;
    const auto found = in.sql_warehouse.look(request.matches[1]);
    if (!found) return answer_error(response, 404, "NOT_FOUND", "There is no such statement.");
    run(*found);
}

// ---- tables ------------------------------------------------------------------------------------------------------

// What Unity Catalog calls a type whose SQL name is another one.
std::string type_name_of(const std::string& type) {
    static const std::map<std::string, std::string> names{
        {"bigint", "LONG"}, {"smallint", "SHORT"}, {"tinyint", "BYTE"}};
    std::string name = type.substr(0, type.find_first_of("(<"));
    if (const auto found = names.find(name); found != names.end()) return found->second;
    for (char& c : name) c = static_cast<char>(std::toupper(static_cast<unsigned char>(c)));
    return name;
}

bool is_true(const httplib::Request& request, const char* parameter) {
    return request.get_param_value(parameter) == "true";
}

json description_of(const delta_table& table, const delta_table& visible, const world& in) {
    json columns = json::array();
    for (std::size_t i = 0; i < table.columns.size(); ++i) {
        const auto& [name, type, nullable, comment, visible_from] = table.columns[i];
        if (!visible.find(name)) continue;
        json one{{"name", name},
                 {"type_text", type},
                 {"type_name", type_name_of(type)},
                 {"nullable", nullable},
                 {"position", i},
                 {"type_json",
                  json{{"name", name}, {"type", type}, {"nullable", nullable}, {"metadata", json::object()}}.dump()}};
        if (!comment.empty()) one["comment"] = comment;
        columns.push_back(std::move(one));
    }
    const std::string& full = table.name;
    json all{{"name", full.substr(full.rfind('.') + 1)},
             {"catalog_name", full.substr(0, full.find('.'))},
             {"schema_name", full.substr(full.find('.') + 1, full.rfind('.') - full.find('.') - 1)},
             {"full_name", full},
             {"table_id", table.id},
             {"table_type", "MANAGED"},
             {"data_source_format", "DELTA"},
             {"owner", in.settings.databricks_client_id},
             {"columns", std::move(columns)},
             {"properties", table.properties}};
    if (!table.comment.empty()) all["comment"] = table.comment;
    return all;
}

void describe(const httplib::Request& request, httplib::Response& response, world& in) {
    if (!admit(request, response, in)) return;
    in.sql_warehouse.advance();
    const std::string name = request.matches[1];
    const auto& forbidden = in.settings.forbidden_tables;
    if (std::find(forbidden.begin(), forbidden.end(), name) != forbidden.end())
        return answer_error(response, 403, "PERMISSION_DENIED", "User does not have SELECT on Table '" + name + "'.");
    const auto table = in.unity_catalog.find(name), visible = in.unity_catalog.find_visible(name);
    if (!table || !visible)
        return answer_error(response, 404, "TABLE_DOES_NOT_EXIST", "Table '" + name + "' does not exist.");
    answer(response, 200, description_of(*table, *visible, in));
}

// max_results of a request: nothing when all tables are wanted at once, 0 when the workspace chooses.
std::optional<std::size_t> max_results_of(const httplib::Request& request) {
    if (!request.has_param("max_results")) return std::nullopt;
    const std::string text = request.get_param_value("max_results");
    std::size_t number = 0;
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
    if (error != std::errc() || end != text.data() + text.size())
        throw std::invalid_argument("max_results must be a number that is not negative.");
    return number;
}

// Source: Databricks' REST reference, "List tables". A token is the name that the page begins with. Tables that the principal may not
// see are left out of pages that are cut before, so that a page can be empty and have a next one.
void list_tables(const httplib::Request& request, httplib::Response& response, world& in) {
    if (!admit(request, response, in)) return;
    in.sql_warehouse.advance();
    try {
        const std::string catalog_name = request.get_param_value("catalog_name"),
                          schema_name = request.get_param_value("schema_name");
        if (catalog_name.empty() || schema_name.empty())
            throw std::invalid_argument("catalog_name and schema_name are needed.");
        const std::vector<std::string> names = in.unity_catalog.tables_of(catalog_name, schema_name);
        const auto wanted = max_results_of(request);
        constexpr std::size_t longest_page = 50;
        const std::size_t page =
            !wanted ? names.size() : std::min(*wanted == 0 ? longest_page : *wanted, longest_page);
        const std::string token = request.get_param_value("page_token");
        auto at = names.begin();
        if (!token.empty()) {
            at = std::find_if(names.begin(), names.end(), [&](const auto& one) { return base64url(one) == token; });
            if (at == names.end()) throw std::invalid_argument("The page token is not known.");
        }
        const auto end = at + std::min(static_cast<std::ptrdiff_t>(page), names.end() - at);
        const auto& forbidden = in.settings.forbidden_tables;
        json tables = json::array();
        for (; at != end; ++at) {
            if (std::find(forbidden.begin(), forbidden.end(), *at) != forbidden.end()) continue;
            const auto table = in.unity_catalog.find(*at), visible = in.unity_catalog.find_visible(*at);
            if (!table || !visible) continue;
            json& one = tables.emplace_back(description_of(*table, *visible, in));
            if (is_true(request, "omit_columns")) one.erase("columns");
            if (is_true(request, "omit_properties")) one.erase("properties");
        }
        json body{{"tables", std::move(tables)}};
        if (end != names.end()) body["next_page_token"] = base64url(*end);
        answer(response, 200, body);
    } catch (const std::invalid_argument& e) {
        answer_error(response, 400, "INVALID_PARAMETER_VALUE", e.what());
    }
}

// ---- what one may do

// A page without privileges comes first: clients must go on until there is no next one.
void effective_permissions(const httplib::Request& request, httplib::Response& response, world& in) {
    if (!admit(request, response, in)) return;
    const std::string type = request.matches[1], name = request.matches[2];
    const std::map<std::string, std::vector<const char*>> privileges{
        {"catalog", {"USE_CATALOG"}}, {"schema", {"USE_SCHEMA"}}, {"table", {"SELECT", "MODIFY"}}};
    if (const std::string most = request.get_param_value("max_results"); most != "0")
        return answer_error(response, 400, "INVALID_PARAMETER_VALUE", "max_results must be 0 here.");
    if (type == "table" && !in.unity_catalog.find(name))
        return answer_error(response, 404, "TABLE_DOES_NOT_EXIST", "Table '" + name + "' does not exist.");
    if (request.get_param_value("page_token").empty())
        return answer(response, 200, {{"privilege_assignments", json::array()}, {"next_page_token", "more"}});
    const std::string principal = request.get_param_value("principal");
    json granted = json::array();
    for (const char* const privilege : privileges.at(type)) {
        const auto state = type == "table" ? in.fault.grant_of(privilege) : faults::grant_state::direct;
        if (principal != in.settings.databricks_client_id || state == faults::grant_state::missing) continue;
        json one{{"privilege", privilege}};
        if (state == faults::grant_state::inherited)
            one.update(
                json{{"inherited_from_type", "SCHEMA"}, {"inherited_from_name", name.substr(0, name.rfind('.'))}});
        granted.push_back(std::move(one));
    }
    json all = json::array();
    if (!granted.empty()) all.push_back({{"principal", principal}, {"privileges", std::move(granted)}});
    answer(response, 200, {{"privilege_assignments", std::move(all)}});
}

void describe_warehouse(const httplib::Request& request, httplib::Response& response, world& in) {
    if (!admit(request, response, in)) return;
    if (request.matches[1] != in.settings.warehouse_id)
        return answer_error(response, 404, "RESOURCE_DOES_NOT_EXIST", "There is no such SQL warehouse.");
    const bool up = in.fault.warehouse_up_at(false) <= std::chrono::steady_clock::now();
    answer(response, 200,
           {{"id", in.settings.warehouse_id}, {"name", "emulated"}, {"state", up ? "RUNNING" : "STOPPED"}});
}

void metastore_summary(const httplib::Request& request, httplib::Response& response, world& in) {
    if (!admit(request, response, in)) return;
    answer(response, 200, {{"name", "emulated"}, {"cloud", "aws"}, {"region", "us-west-2"}});
}

} // namespace

void serve_databricks_rest(httplib::Server& routes, world& in) {
    routes.Post("/api/2.0/sql/statements",
                [&in](const auto& request, auto& response) { submit(request, response, in); });
    routes.Get("/api/2.0/sql/statements/([^/]+)", [&in](const auto& request, auto& response) {
        with_statement(request, response, in,
                       [&](const sql_statement& one) { answer(response, 200, description_of(one)); });
    });
    routes.Get("/api/2.0/sql/statements/([^/]+)/result/chunks/([0-9]+)", [&in](const auto& request, auto& response) {
        with_statement(request, response, in, [&](const sql_statement& one) {
            if (one.state != statement_state::succeeded || request.matches[2] != "0")
                return answer_error(response, 404, "NOT_FOUND", "There is no such chunk.");
            answer(response, 200, data_of(one));
        });
    });
    routes.Post("/api/2.0/sql/statements/([^/]+)/cancel", [&in](const auto& request, auto& response) {
        with_statement(request, response, in, [&](const sql_statement& one) {
            in.sql_warehouse.cancel(one.id);
            answer(response, 200, json::object());
        });
    });
    routes.Get("/api/2.1/unity-catalog/effective-permissions/(catalog|schema|table)/([^/]+)",
               [&in](const auto& request, auto& response) { effective_permissions(request, response, in); });
    routes.Get("/api/2.0/sql/warehouses/([^/]+)",
               [&in](const auto& request, auto& response) { describe_warehouse(request, response, in); });
    routes.Get("/api/2.1/unity-catalog/metastore_summary",
               [&in](const auto& request, auto& response) { metastore_summary(request, response, in); });
    routes.Get("/api/2.1/unity-catalog/tables",
               [&in](const auto& request, auto& response) { list_tables(request, response, in); });
    routes.Get("/api/2.1/unity-catalog/tables/([^/]+)",
               [&in](const auto& request, auto& response) { describe(request, response, in); });
}

} // namespace emulator
