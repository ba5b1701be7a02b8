#include "listing.hpp"

#include "world.hpp"

#include <algorithm>
#include <nlohmann/json.hpp>

namespace emulator {
namespace {

constexpr fault_description faults_of_both_sides[] = {
    {"subscribe_error", "`code`, `times` (1)",
     "open subscriptions end with this code of the Pub/Sub API, once, and the next ones at their first request"},
    {"forbid_schema", "`record`", "GetSchema refuses schemas of this record name"},
    {"drop_subscribers", "", "open subscriptions end with OK"},
    {"silence_subscribe", "`ms`", "subscriptions send nothing, as if half open"},
    {"expire_salesforce_tokens", "`end_streams` (true)",
     "all sessions end; and with them the subscriptions, with service.auth.error"},
    {"revoke_token", "`token`, `end_streams` (true)",
     "a token of Salesforce is not valid any more, others are; ends subscriptions as above"},
    {"expire_databricks_tokens", "", "all tokens of Databricks end"},
    {"expire_retention", "", "every replay id of before is gone"},
    {"undecodable", "`times` (1)", "the next events are published cut short"},
    {"stop_managed_subscription", "`name`",
     "its call ends with managed.subscription.config.stopped, and so do new ones"},
    {"delete_managed_subscription", "`name`", "the same with managed.subscription.config.deleted"},
    {"hold_managed_subscription", "`name`, `ms`",
     "new calls end with managed.subscription.already.active for so long, as if the network had lost a client "
     "without closing its "
     "connection"},
    {"rotate_streams", "`duration_ms` (null)",
     "streams of Zerobus get a close_stream_signal, then UNAVAILABLE after `duration_ms`"},
    {"zerobus_error", "`code`, `when`, `times` (1)",
     "a gRPC status. `when` is `\"create\"`: the next create_stream fails; or `\"stream\"`: an open stream ends, or "
     "the next to open"},
    {"hold_acks", "`ms`", "no acknowledgements for so long"},
    {"late_ack_after_half_close", "", "open streams acknowledge only after the client's half-close"},
    {"poison", "`column`, `value`", "a request with such a row is refused"},
    {"drop_table", "`table`", "the same as DROP TABLE: its rows are gone, and streams into it end with NOT_FOUND"},
    {"warehouse_asleep", "`ms` (null)",
     "the next statement starts the SQL warehouse, which takes so long; with null it never starts"},
    {"slow_statements", "`ms`", "statements run for so long"},
    {"sql_error", "`condition`, `verb` (null), `times` (1)",
     "the next statements that begin with this word (null: with any) fail with this error class, and have no effect"},
    {"forbid_alter", "`on` (true)",
     "the principal has no MODIFY: ALTER TABLE fails with INSUFFICIENT_PERMISSIONS, CREATE TABLE and SELECT work"},
    {"column_delay", "`ms`",
     "a column that ALTER TABLE adds is seen by table descriptions and by Zerobus only after so long"},
    {"rest_status", "`status`, `times` (1), `retry_after_s`", "the REST API (statements, tables) answers so"},
    {"token_status", "`side`, `status`, `times` (1), `retry_after_s`",
     "the token endpoint of `\"salesforce\"` or `\"databricks\"` answers so"},
    {"login_error", "`error`, `description` (empty), `times` (1)",
     "the next logins to Salesforce are refused so: as an OAuth error, or as the fault code of SOAP"},
    {"quoted_expires_in", "`on` (true)", "`expires_in` of a token comes as a string"},
    {"restrict_ip", "`on` (true)",
     "sessions are given, and none is accepted, as from an address that the user's profile does not allow"},
    {"clock_skew", "`s`", "the `Date` of all HTTP answers is off by so many seconds"},
    {"org_limit", "`name`, `remaining`", "what `/limits` says is left of it"},
    {"deselect", "`entity`",
     "Change Data Capture is off for this object: the query lacks it, and its topic is unknown"},
    {"forbid_topic", "`topic`, `code`",
     "calls for the topic end with the code; with subscription.topic.cannot.subscribe GetTopic says that one may "
     "not"},
    {"hide_field", "`object`, `field`", "the user may not see the field: the description of the object lacks it"},
    {"grant", "`privilege`, `how`",
     "`SELECT` or `MODIFY` on tables is `\"missing\"` or `\"inherited\"`, as effective privileges tell it"},
    {"clear", "", "ends all of these"},
};

std::string escaped(std::string_view text) {
    std::string out;
    for (const char c : text) {
        if (c == '&')
            out += "&amp;";
        else if (c == '<')
            out += "&lt;";
        else if (c == '>')
            out += "&gt;";
        else if (c != '`') // Markdown's sign for code
            out += c;
    }
    return out;
}

std::string as_row(std::string_view first, std::string_view second, std::string_view third) {
    return "<tr><td><code>" + escaped(first) + "</code><td>" + escaped(second) + "<td>" + escaped(third) + "\n";
}

std::string name_of(const control_route& route) {
    return std::string(route.method) + " " + std::string(route.path) + std::string(route.query);
}

} // namespace

std::span<const fault_description> all_faults() { return faults_of_both_sides; }

bool is_fault(std::string_view op) {
    return std::ranges::any_of(all_faults(), [&](const fault_description& one) { return one.op == op; });
}

nlohmann::ordered_json listing_json(const world& in) {
    nlohmann::ordered_json all{
        {"salesforce_url", in.urls.salesforce_url},  {"pubsub_endpoint", in.urls.pubsub_endpoint},
        {"databricks_url", in.urls.databricks_url},  {"zerobus_endpoint", in.urls.zerobus_endpoint},
        {"routes", nlohmann::ordered_json::array()}, {"faults", nlohmann::ordered_json::array()}};
    for (const control_route& one : control_routes())
        all["routes"].push_back(
            {{"method", one.method}, {"path", one.path}, {"query", one.query}, {"what", one.what}});
    for (const fault_description& one : all_faults())
        all["faults"].push_back({{"op", one.op}, {"members", one.members}, {"what", one.what}});
    return all;
}

std::string listing_html(const world& in) {
    std::string page = "<!doctype html><html lang=\"en\"><meta charset=\"utf-8\"><title>sfcdc-emulator</title>\n"
                       "<style>body{font:15px/1.5 sans-serif;margin:2em auto;max-width:70em;padding:0 1em}"
                       "td{padding:.2em 1em .2em 0;vertical-align:top}td:first-child{white-space:nowrap}</style>\n"
                       "<h1>sfcdc-emulator</h1>\n<p>A Salesforce org and a Databricks workspace. "
                       "<a href=\"/sfcdc.toml\">The configuration of sfcdc for them</a>.</p>\n<table>\n";
    page += as_row("salesforce_url", "", in.urls.salesforce_url);
    page += as_row("pubsub_endpoint", "", in.urls.pubsub_endpoint);
    page += as_row("databricks_url", "", in.urls.databricks_url);
    page += as_row("zerobus_endpoint", "", in.urls.zerobus_endpoint);
    page += "</table>\n<h2>Routes</h2>\n<table>\n";
    for (const control_route& one : control_routes()) page += as_row(name_of(one), "", one.what);
    page += "</table>\n<h2>Faults</h2>\n<p><code>curl -d '{\"op\": \"drop_subscribers\"}' "
            + escaped(in.urls.control_url) + "/fault</code></p>\n<table>\n";
    for (const fault_description& one : all_faults()) page += as_row(one.op, one.members, one.what);
    return page + "</table>\n</html>\n";
}

std::string listing_markdown() {
    std::string text = "| route | |\n|---|---|\n";
    for (const control_route& one : control_routes())
        text += "| `" + name_of(one) + "` | " + std::string(one.what) + " |\n";
    text += "\n| `op` | members | what happens |\n|---|---|---|\n";
    for (const fault_description& one : all_faults())
        text += "| `" + std::string(one.op) + "` |" + (one.members.empty() ? "" : " ") + std::string(one.members)
                + " | " + std::string(one.what) + " |\n";
    return text;
}

} // namespace emulator
