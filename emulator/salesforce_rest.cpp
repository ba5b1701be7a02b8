#include "salesforce_rest.hpp"

#include "http_server.hpp"
#include "identifiers.hpp"

#include <algorithm>
#include <optional>
#include <string_view>

namespace emulator {
namespace {

using nlohmann::json;

// Salesforce promises no size of a page; this one makes clients ask for the next one.
constexpr std::size_t page_size = 2;

// Errors are an array of one object. Source: REST API Developer Guide, "Status Codes and Error Responses".
void refuse_request(httplib::Response& to, int status, const std::string& code, const std::string& message) {
    answer(to, status, json::array({{{"message", message}, {"errorCode", code}}}));
}

// Whether the request may go on; otherwise it is answered.
bool admit_session(const httplib::Request& request, httplib::Response& response, world& in) {
    std::this_thread::sleep_for(in.settings.latency);
    const std::string authorization = request.get_header_value("Authorization");
    if (authorization.starts_with("Bearer ") && in.salesforce_tokens.scope_of(authorization.substr(7))
        && !in.fault.ip_restricted()) {
        response.set_header("Sforce-Limit-Info", "api-usage=120/100000");
        return true;
    }
    refuse_request(response, 401, "INVALID_SESSION_ID", "Session expired or invalid");
    return false;
}

void answer_versions(const httplib::Request&, httplib::Response& response, world& in) {
    std::this_thread::sleep_for(in.settings.latency);
    json all = json::array();
    for (int number = 60; number <= 68; ++number) {
        const std::string version = std::to_string(number) + ".0";
        all.push_back({{"label", "Release " + version}, {"url", "/services/data/v" + version}, {"version", version}});
    }
    answer(response, 200, all);
}

void answer_limits(const httplib::Request& request, httplib::Response& response, world& in) {
    if (!admit_session(request, response, in)) return;
    json all;
    for (const auto& [name, max] : {std::pair{"DailyApiRequests", 100'000},
                                    {"DailyDeliveredPlatformEvents", 50'000},
                                    {"HourlyPublishedPlatformEvents", 250'000}})
        all[name] = {{"Max", max}, {"Remaining", in.fault.limit_left(name).value_or(max - max / 100)}};
    answer(response, 200, all);
}

// "/data/AccountChangeEvent" is AccountChangeEvent.
std::string last_part(const std::string& topic) { return topic.substr(topic.rfind('/') + 1); }

std::vector<std::string> selected_events(world& in) {
    std::vector<std::string> names;
    for (const std::string& topic : in.salesforce.topic_names()) {
        const std::string name = last_part(topic);
        if (topic.starts_with("/data/") && name.ends_with("ChangeEvent")
            && !in.fault.deselected(entity_of_event(name)))
            names.push_back(name);
    }
    return names;
}

// The records of a statement; nothing for one that is not known here.
std::optional<json> records_of(const std::string& statement, world& in) {
    json records = json::array();
    const std::string channel = last_part(custom_channel), channel_member = last_part(custom_channel_member);
    if (statement == "SELECT SelectedEntity FROM PlatformEventChannelMember WHERE EventChannel = 'ChangeEvents'") {
        for (const std::string& name : selected_events(in)) records.push_back({{"SelectedEntity", name}});
    } else if (statement == "SELECT Id, DeveloperName, ChannelType FROM PlatformEventChannel") {
        records.push_back({{"Id", record_id("0YL", 1)},
                           {"DeveloperName", channel.substr(0, channel.size() - 5)},
                           {"ChannelType", "data"}});
    } else if (statement == "SELECT EventChannel, SelectedEntity, FilterExpression FROM PlatformEventChannelMember") {
        for (const std::string& name : selected_events(in))
            records.push_back(
                {{"EventChannel", "ChangeEvents"}, {"SelectedEntity", name}, {"FilterExpression", nullptr}});
        records.push_back({{"EventChannel", channel},
                           {"SelectedEntity", channel_member},
                           {"FilterExpression", "Industry = 'Energy'"}});
    } else if (statement
               == "SELECT QualifiedApiName FROM EntityDefinition WHERE IsCustomizable = TRUE AND KeyPrefix LIKE "
                  "'e%'") {
        for (const std::string& topic : in.salesforce.topic_names())
            if (topic.starts_with("/event/") && topic.ends_with("__e"))
                records.push_back({{"QualifiedApiName", last_part(topic)}});
    } else if (statement == "SELECT EntityName FROM RealTimeEvent WHERE IsEnabled = true") {
        // The user may not subscribe to it: there is no such topic.
        records.push_back({{"EntityName", "LoginEventStream"}});
    } else {
        return std::nullopt;
    }
    return records;
}

// One page of the result. `path` is where the pages behind it are.
void answer_page(httplib::Response& response, const json& records, std::size_t from, const std::string& path) {
    const std::size_t end = std::min(records.size(), from + page_size);
    json body{{"totalSize", records.size()}, {"done", end == records.size()}, {"records", json::array()}};
    for (std::size_t i = from; i < end; ++i) body["records"].push_back(records[i]);
    if (end < records.size()) body["nextRecordsUrl"] = path + "-" + std::to_string(end);
    answer(response, 200, body);
}

void answer_query(const httplib::Request& request, httplib::Response& response, world& in) {
    if (!admit_session(request, response, in)) return;
    const std::string statement = request.get_param_value("q");
    const auto records = records_of(statement, in);
    if (!records)
        return refuse_request(response, 400, "MALFORMED_QUERY", "This statement is not known here: " + statement);
    const std::string path = request.path.ends_with('/') ? request.path : request.path + "/";
    answer_page(response, *records, 0, path + base64url(statement));
}

// The locator of a page is the statement and where the page begins.
void answer_next_page(const httplib::Request& request, httplib::Response& response, world& in) {
    if (!admit_session(request, response, in)) return;
    const auto statement = from_base64url(std::string(request.matches[1]));
    const auto records = statement ? records_of(*statement, in) : std::nullopt;
    if (!records) return refuse_request(response, 400, "INVALID_QUERY_LOCATOR", "invalid query locator");
    const std::size_t from = std::stoul(request.matches[2]);
    answer_page(response, *records, std::min(from, records->size()), request.path.substr(0, request.path.rfind('-')));
}

void describe_object(const httplib::Request& request, httplib::Response& response, world& in) {
    if (!admit_session(request, response, in)) return;
    const std::string object = request.matches[1];
    for (const std::string& topic : in.salesforce.topic_names()) {
        const auto view = in.salesforce.find_topic(topic);
        const auto schema = in.salesforce.find_schema(view ? view->schema_id : "");
        if (!schema || entity_of_event(last_part(topic)) != object) continue;
        const json fields = json::parse(*schema).at("fields");
        json shown = json::array({{{"name", "Id"}, {"type", "id"}}});
        for (const json& field : fields) {
            const auto name = field.at("name").get<std::string>();
            if (name != "ChangeEventHeader" && !in.fault.field_hidden(object, name))
                shown.push_back({{"name", name}, {"type", "string"}});
        }
        return answer(response, 200, {{"name", object}, {"queryable", true}, {"fields", std::move(shown)}});
    }
    refuse_request(response, 404, "NOT_FOUND", "The requested resource does not exist");
}

} // namespace

void serve_salesforce_rest(httplib::Server& routes, world& in) {
    const auto with = [&in](void (*serve)(const httplib::Request&, httplib::Response&, world&)) {
        return [&in, serve](const httplib::Request& request, httplib::Response& response) {
            serve(request, response, in);
        };
    };
    constexpr const char* version = R"(/services/data/v\d+\.0)";
    routes.Get("/services/data/?", with(answer_versions));
    routes.Get(std::string(version) + "/limits/?", with(answer_limits));
    for (const std::string api : {"/tooling/query", "/query"}) {
        routes.Get(std::string(version) + api + "/?", with(answer_query));
        routes.Get(std::string(version) + api + R"(/([A-Za-z0-9_-]+)-(\d{1,9}))", with(answer_next_page));
    }
    routes.Get(std::string(version) + R"(/sobjects/(\w+)/describe/?)", with(describe_object));
}

} // namespace emulator
