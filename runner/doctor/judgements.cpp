#include "judgements.hpp"

#include "../io/url.hpp"
#include "../names.hpp"

#include <sfcdc/row/sql.hpp>

#include <algorithm>
#include <array>
#include <string_view>

namespace sfcdc::runner::doctor {
namespace {

using namespace std::chrono;

constexpr days soon{14};

// A list for a sentence: "a, b and 7 more".
std::string listed(const std::vector<std::string>& names, std::size_t most = 12) {
    std::string text;
    const std::size_t shown = std::min(names.size(), most);
    for (std::size_t i = 0; i < shown; ++i) text += (i == 0 ? "" : ", ") + names[i];
    if (shown < names.size()) text += " and " + std::to_string(names.size() - shown) + " more";
    return text;
}

std::string place_of(const std::string& url) {
    const auto parts = url_parts::of(url);
    if (!parts) return url;
    return parts->host + ":" + (!parts->port.empty() ? parts->port : parts->scheme == "http" ? "80" : "443");
}

// A cloud's ends of host names.
struct cloud {
    std::string_view name, end;
};
constexpr std::array<cloud, 3> clouds{
    {{"AWS", ".cloud.databricks.com"}, {"Azure", ".azuredatabricks.net"}, {"Google Cloud", ".gcp.databricks.com"}}};

const cloud* cloud_of(const std::string& host) {
    const auto found =
        std::find_if(clouds.begin(), clouds.end(), [&](const cloud& c) { return host.ends_with(c.end); });
    return found == clouds.end() ? nullptr : &*found;
}

// "https://1234.zerobus.us-west-2.cloud.databricks.com" is workspace 1234 in us-west-2.
struct zerobus_host {
    std::string workspace_id, region;
};
std::optional<zerobus_host> zerobus_host_of(const std::string& host, const cloud& in) {
    constexpr std::string_view middle = ".zerobus.";
    const std::string front = host.substr(0, host.size() - in.end.size());
    const std::size_t at = front.find(middle);
    if (at == front.npos || at == 0) return std::nullopt;
    return zerobus_host{front.substr(0, at), front.substr(at + middle.size())};
}

// The workspace's id, where its host has it: "adb-1234.5.azuredatabricks.net", "1234.5.gcp.databricks.com".
std::string id_in_host(const std::string& host, const cloud& in) {
    if (in.name == "AWS") return {};
    std::string label = host.substr(0, host.find('.'));
    if (label.starts_with("adb-")) label.erase(0, 4);
    return label.find_first_not_of("0123456789") == label.npos ? label : std::string();
}

std::string spaced(std::string privilege) {
    std::replace(privilege.begin(), privilege.end(), '_', ' ');
    return privilege;
}

judgement judge_left(const std::string& of, std::int64_t max, std::int64_t remaining, const std::string& fix) {
    const std::string left = std::to_string(remaining) + " of " + std::to_string(max) + " " + of + " are left";
    if (remaining <= 0) return {verdict::failed, left, fix};
    if (remaining < max / 10) return {verdict::warning, left, fix};
    return {verdict::good, left};
}

} // namespace

path_judgements judge_path(const std::string& url, const std::optional<std::string>& proxy, const probe_result& found,
                           system_clock::time_point now) {
    const bool tls = url.starts_with("https://");
    const std::string place = place_of(url), host = place.substr(0, place.rfind(':'));
    const judgement not_reached{verdict::skipped, "the server was not reached"};
    path_judgements out;
    out.name = out.connection = out.tls = not_reached;
    out.reached = found.stage == probe_stage::reached;
    if (!proxy) {
        out.proxy = {verdict::good, "the connection is made without a proxy"};
    } else if (found.stage == probe_stage::proxy) {
        out.proxy = {verdict::failed,
                     "the proxy " + proxy_name(*proxy) + " does not connect to " + place + " (" + found.said + ")",
                     "check https_proxy, http_proxy, grpc_proxy and no_proxy of the environment, and that the proxy "
                     "may connect to "
                         + place};
        return out;
    } else {
        out.proxy = {verdict::good, "the connection is made by the proxy " + proxy_name(*proxy)};
    }
    if (found.stage == probe_stage::name) {
        out.name = {verdict::failed, "the host " + host + " has no address (" + found.said + ")",
                    "check the host's spelling, and the resolver of this machine"};
        return out;
    }
    if (proxy)
        out.name = {verdict::good, "the proxy looks up " + host};
    else if (found.address.empty() || found.address == host)
        out.name = {verdict::good, host + (found.address.empty() ? " has an address" : " is an address")};
    else
        out.name = {verdict::good, host + " is " + found.address};
    if (found.stage == probe_stage::connect) {
        out.connection = {verdict::failed, "nothing answers at " + place + " (" + found.said + ")",
                          "check the port, and that the firewall lets this machine connect to " + place};
        return out;
    }
    out.connection = {verdict::good, place + " answers"};
    if (!tls) {
        out.tls = {verdict::good, "the connection is not encrypted, as http:// says"};
        return out;
    }
    switch (found.stage) {
    case probe_stage::tls_name:
        out.tls = {verdict::failed, "the certificate at " + place + " is of another host (" + found.said + ")",
                   "check the host's spelling, and that no proxy or DNS server leads to another machine"};
        break;
    case probe_stage::tls_dates:
        out.tls = {verdict::failed, "the certificate at " + place + " is not valid today (" + found.said + ")",
                   "check the clock of this machine; where it is right, the server needs another certificate"};
        break;
    case probe_stage::tls_chain:
        out.tls = {verdict::failed, "nobody known vouches for the certificate at " + place + " (" + found.said + ")",
                   "a proxy that opens TLS has a CA of its own: name it in ca_file; otherwise install the package "
                   "ca-certificates"};
        break;
    case probe_stage::reached: {
        out.tls = {verdict::good, "the certificate is valid"};
        if (!found.certificate_ends) break;
        const auto left = floor<days>(*found.certificate_ends - now);
        out.tls.what = "the certificate is valid for " + std::to_string(left.count()) + " days";
        if (left < soon) out.tls.is = verdict::warning, out.tls.fix = "whoever runs the server must renew it";
        break;
    }
    default:
        out.tls = {verdict::failed, "no TLS can be spoken with " + place + " (" + found.said + ")",
                   "check that the port is one of TLS, and that nothing in between opens the connection"};
    }
    return out;
}

judgement judge_ports(const std::string& port, bool is_443_open, bool is_7443_open) {
    if (port != "443" && port != "7443")
        return {verdict::skipped, "the endpoint's port is " + port + ", and no other is known"};
    const bool own = port == "443" ? is_443_open : is_7443_open, other = port == "443" ? is_7443_open : is_443_open;
    const std::string the_other = port == "443" ? "7443" : "443";
    if (own)
        return {verdict::good, "port " + port + " is open, and port " + the_other
                                   + (other ? ", too" : " is not, which is not needed")};
    if (other)
        return {verdict::failed, "port " + port + " is closed, and port " + the_other + " is open",
                "set pubsub_endpoint to port " + the_other};
    return {verdict::failed, "ports 443 and 7443 are both closed",
            "the firewall must let this machine connect to one of them"};
}

judgement judge_clock(seconds ahead) {
    const auto by = ahead < seconds(0) ? -ahead : ahead;
    const std::string difference = "the clock of this machine is " + std::to_string(by.count()) + " s "
                                   + (ahead > seconds(0) ? "behind" : "ahead of") + " that of Salesforce";
    if (by > seconds(60))
        return {verdict::failed, difference,
                "set the clock, and let it follow a time server: logins by JWT and certificates are judged by it, "
                "and the "
                "lag that metrics show is wrong by as much"};
    return {verdict::good,
            by <= seconds(1) ? "the clock of this machine agrees with that of Salesforce" : difference};
}

judgement judge_api_requests(std::int64_t max, std::int64_t remaining) {
    return judge_left("requests to the API in 24 hours", max, remaining,
                      "logins and schemas need few of them: find who uses them up (Setup, System Overview), or wait");
}

judgement judge_deliveries(std::int64_t max, std::int64_t remaining) {
    return judge_left(
        "events that the org may deliver", max, remaining,
        "wait until deliveries of before have left the period, subscribe to fewer topics or less often (each "
        "subscriber's events count), or buy more");
}

judgement judge_hidden_fields(const std::string& object, const std::vector<std::string>& in_schema,
                              const std::vector<std::string>& described, const std::vector<field_pattern>& denied) {
    std::vector<std::string> hidden;
    for (const std::string& field : in_schema) {
        const bool is_denied = std::any_of(denied.begin(), denied.end(), [&](const field_pattern& p) {
            return matches(p.entity, object) && matches(p.field, field);
        });
        if (!is_denied && std::find(described.begin(), described.end(), field) == described.end())
            hidden.push_back(field);
    }
    if (hidden.empty())
        return {verdict::good, "the user may see all " + std::to_string(in_schema.size()) + " fields of " + object};
    return {verdict::warning,
            "the user may not see " + listed(hidden) + " of " + object + ", whose values come as null",
            "give the user read access to the fields (a permission set's field permissions), or leave them out with "
            "deny"};
}

judgement judge_region(const std::string& workspace_url, const std::string& zerobus_endpoint,
                       const std::string& region) {
    const auto workspace = url_parts::of(workspace_url);
    const auto endpoint = url_parts::of(
        zerobus_endpoint.find("://") == zerobus_endpoint.npos ? "https://" + zerobus_endpoint : zerobus_endpoint);
    const cloud* const there = endpoint ? cloud_of(endpoint->host) : nullptr;
    const auto named = there != nullptr ? zerobus_host_of(endpoint->host, *there) : std::nullopt;
    if (!named || !workspace)
        return {verdict::unknown, "the host of zerobus_endpoint names no region, so that the stream decides"};
    const std::string form = "zerobus_endpoint is https://WORKSPACE_ID.zerobus.REGION" + std::string(there->end)
                             + " with id and region of the workspace";
    const cloud* const here = cloud_of(workspace->host);
    if (here != nullptr && here != there)
        return {verdict::failed,
                "the workspace is at " + std::string(here->name) + ", and zerobus_endpoint at "
                    + std::string(there->name),
                form};
    if (here != nullptr)
        if (const std::string id = id_in_host(workspace->host, *here); !id.empty() && id != named->workspace_id)
            return {verdict::failed,
                    "zerobus_endpoint is that of the workspace " + named->workspace_id + ", and workspace_url of "
                        + id,
                    form};
    if (!region.empty() && region != named->region)
        return {verdict::failed,
                "the workspace is in the region " + region + ", and zerobus_endpoint in " + named->region,
                "set zerobus_endpoint to https://" + named->workspace_id + ".zerobus." + region
                    + std::string(there->end)};
    if (region.empty()) return {verdict::unknown, "the workspace does not say its region"};
    return {verdict::good, "zerobus_endpoint is in " + region + ", as the workspace is"};
}

judgement judge_grants(const std::string& principal, const std::vector<securable_privileges>& of) {
    std::string missing, statements;
    for (const securable_privileges& on : of) {
        const bool on_itself = on.type == "TABLE"; // neither ALL PRIVILEGES nor inheritance will do
        std::string lacking;
        for (const std::string& privilege :
             on_itself ? std::vector<std::string>{"SELECT", "MODIFY"} : std::vector<std::string>{"USE_" + on.type}) {
            bool holds = false;
            std::string nearly;
            for (const held_privilege& h : on.held) {
                const bool same = h.name == privilege, direct = h.inherited_from.empty();
                if (!same && h.name != "ALL_PRIVILEGES") continue;
                if (!on_itself || (same && direct))
                    holds = true;
                else
                    nearly =
                        direct ? "comes with ALL PRIVILEGES only" : "is inherited from " + h.inherited_from + " only";
            }
            if (holds) continue;
            missing += (missing.empty() ? "" : ", ") + spaced(privilege) + " on " + on.name + " "
                       + (nearly.empty() ? "is missing" : nearly + ", which Zerobus does not accept");
            lacking += (lacking.empty() ? "" : ", ") + spaced(privilege);
        }
        if (!lacking.empty())
            statements += (statements.empty() ? "GRANT " : "; GRANT ") + lacking + " ON " + on.type + " "
                          + row::sql_table_name(on.name) + " TO " + row::sql_identifier(principal);
    }
    if (missing.empty()) return {verdict::good, "the principal has what Zerobus asks for"};
    return {verdict::failed, missing, statements};
}

} // namespace sfcdc::runner::doctor
