#include "doctor/judgements.hpp"

#include "catch.hpp"

#include <string>
#include <vector>

namespace {

using namespace std::chrono_literals;
using namespace sfcdc::runner;
using namespace sfcdc::runner::doctor;

bool says(const judgement& j, verdict is, const char* what, const char* fix = "") {
    INFO(j.what << " / " << j.fix);
    const bool right = j.is == is && j.what.find(what) != j.what.npos && j.fix.find(fix) != j.fix.npos;
    CHECK(right);
    return right;
}

} // namespace

TEST_CASE("a way to a server is judged step by step, and what is behind a failed step is skipped") {
    const auto now = std::chrono::system_clock::now();
    const std::string url = "https://acme.my.salesforce.com";
    auto path = judge_path(url, {}, {probe_stage::name, "no such host"}, now);
    says(path.name, verdict::failed, "acme.my.salesforce.com has no address (no such host)", "spelling");
    CHECK(path.connection.is == verdict::skipped);
    CHECK(path.tls.is == verdict::skipped);
    CHECK_FALSE(path.reached);

    path = judge_path(url, {}, {probe_stage::connect, "refused"}, now);
    says(path.connection, verdict::failed, "nothing answers at acme.my.salesforce.com:443", "firewall");
    says(judge_path(url, {}, {probe_stage::tls_name, "x"}, now).tls, verdict::failed, "of another host");
    says(judge_path(url, {}, {probe_stage::tls_dates, "x"}, now).tls, verdict::failed, "not valid today", "clock");
    says(judge_path(url, {}, {probe_stage::tls_chain, "x"}, now).tls, verdict::failed, "vouches", "ca_file");
    says(judge_path(url, {}, {probe_stage::tls, "x"}, now).tls, verdict::failed, "no TLS");
    says(judge_path(url, {}, {probe_stage::reached, {}, "10.0.0.1", now + 24h * 100}, now).tls, verdict::good,
         "100 days");
    says(judge_path(url, {}, {probe_stage::reached, {}, "10.0.0.1", now + 24h * 3}, now).tls, verdict::warning,
         "3 days", "renew");

    path = judge_path(url, "http://user:pass-word@proxy.example:3128", {probe_stage::proxy, "refused"}, now);
    says(path.proxy, verdict::failed, "the proxy proxy.example:3128 does not connect to acme", "no_proxy");
    CHECK(path.proxy.what.find("pass-word") == std::string::npos);
    CHECK(path.name.is == verdict::skipped);
}

TEST_CASE("proxies are those that each library takes") {
    std::map<std::string, std::string> env;
    const auto variable = [&](const char* name) { return env[name]; };
    const auto curl = [&](const std::string& url) {
        return proxy_for(connecting_library::curl, url, variable).value_or("");
    };
    const auto grpc = [&](const std::string& url) {
        return proxy_for(connecting_library::grpc, url, variable).value_or("");
    };
    CHECK(curl("https://a.example").empty());
    env = {{"http_proxy", "p1"}, {"HTTP_PROXY", "never"}};
    CHECK(curl("https://a.example").empty());
    CHECK(curl("http://a.example") == "p1");
    CHECK(grpc("https://a.example") == "p1");
    env = {{"https_proxy", "p2"}, {"grpc_proxy", "p3"}, {"no_proxy", "localhost, .example, b.test"}};
    CHECK(curl("https://c.test") == "p2");
    CHECK(grpc("https://c.test") == "p3");
    CHECK(curl("https://a.example").empty());
    CHECK(curl("https://xb.test") == "p2"); // whole labels
    CHECK(grpc("https://xb.test").empty()); // ends of texts
    env["no_proxy"] = "*";
    CHECK(curl("https://c.test").empty());
    CHECK(proxy_name("user:secret-word@proxy:8080") == "proxy:8080");
}

TEST_CASE("one of the two ports of the Pub/Sub API is enough") {
    says(judge_ports("443", true, false), verdict::good, "port 443 is open");
    says(judge_ports("7443", true, false), verdict::failed, "port 7443 is closed, and port 443 is open", "port 443");
    says(judge_ports("7443", false, false), verdict::failed, "both closed", "firewall");
    says(judge_ports("50051", false, false), verdict::skipped, "50051");
}

TEST_CASE("a clock may be a minute off") {
    says(judge_clock(60s), verdict::good, "60 s behind");
    says(judge_clock(61s), verdict::failed, "61 s behind", "time server");
    says(judge_clock(-61s), verdict::failed, "61 s ahead of");
    says(judge_clock(1s), verdict::good, "agrees");
}

TEST_CASE("what is left of a limit warns before it is nothing") {
    says(judge_deliveries(50'000, 5'000), verdict::good, "5000 of 50000");
    says(judge_deliveries(50'000, 4'999), verdict::warning, "4999 of 50000", "wait");
    says(judge_deliveries(50'000, 0), verdict::failed, "0 of 50000");
    says(judge_deliveries(1'000'000, -17), verdict::failed, "-17"); // an add-on is counted beyond its end
    says(judge_api_requests(100, 0), verdict::failed, "requests to the API");
}

TEST_CASE("fields that the user may not see are named, but for those that the pipeline leaves out") {
    const std::vector<std::string> schema{"Name", "Phone", "Fax"};
    says(judge_hidden_fields("Account", schema, {"Id", "Name", "Phone", "Fax"}, {}), verdict::good, "all 3 fields");
    says(judge_hidden_fields("Account", schema, {"Name"}, {}), verdict::warning, "may not see Phone, Fax of Account");
    says(judge_hidden_fields("Account", schema, {"Name"}, {{"Contact", "Fax"}, {"*", "phone"}}), verdict::warning,
         "may not see Fax of Account");
    says(judge_hidden_fields("Account", schema, {"Name"}, {{"account", "*"}}), verdict::good, "");
}

TEST_CASE("hosts and the metastore say whether the endpoint is the workspace's") {
    const std::string aws = "https://dbc-1.cloud.databricks.com";
    const std::string endpoint = "https://1234.zerobus.us-west-2.cloud.databricks.com";
    says(judge_region(aws, endpoint, "us-west-2"), verdict::good, "us-west-2");
    says(judge_region(aws, "1234.zerobus.us-west-2.cloud.databricks.com:443", "us-west-2"), verdict::good, "");
    says(judge_region(aws, endpoint, "eu-west-1"), verdict::failed,
         "in the region eu-west-1, and zerobus_endpoint in us-west-2",
         "https://1234.zerobus.eu-west-1.cloud.databricks.com");
    says(judge_region(aws, endpoint, ""), verdict::unknown, "does not say");
    says(judge_region("https://adb-77.4.azuredatabricks.net", endpoint, "westus"), verdict::failed, "Azure");
    says(judge_region("https://adb-77.4.azuredatabricks.net", "https://78.zerobus.westus.azuredatabricks.net",
                      "westus"),
         verdict::failed, "workspace 78, and workspace_url of 77");
    says(
        judge_region("https://77.4.gcp.databricks.com", "https://77.zerobus.us-east1.gcp.databricks.com", "us-east1"),
        verdict::good, "us-east1");
    says(judge_region("http://127.0.0.1:1", "http://127.0.0.1:2", "us-west-2"), verdict::unknown, "names no region");
}

TEST_CASE("Zerobus wants grants on the table itself") {
    const securable_privileges catalog{"CATALOG", "main", {{"USE_CATALOG", ""}}},
        schema{"SCHEMA", "main.crm", {{"USE_SCHEMA", "catalog main"}}};
    const auto of = [&](std::vector<held_privilege> on_table) {
        return judge_grants("app-id", {catalog, schema, {"TABLE", "main.crm.t", std::move(on_table)}});
    };
    says(of({{"SELECT", ""}, {"MODIFY", ""}}), verdict::good, "");
    // Held twice: the direct one counts, whichever comes first.
    says(of({{"SELECT", "schema main.crm"}, {"SELECT", ""}, {"MODIFY", ""}, {"MODIFY", "schema main.crm"}}),
         verdict::good, "");
    says(of({{"SELECT", ""}}), verdict::failed, "MODIFY on main.crm.t is missing",
         "GRANT MODIFY ON TABLE `main`.`crm`.`t` TO `app-id`");
    says(of({{"SELECT", "schema main.crm"}, {"MODIFY", ""}}), verdict::failed, "inherited from schema main.crm only");
    says(of({{"ALL_PRIVILEGES", ""}}), verdict::failed, "ALL PRIVILEGES", "GRANT SELECT, MODIFY ON TABLE");
    says(judge_grants("app-id", {{"CATALOG", "main", {{"ALL_PRIVILEGES", ""}}}, {"SCHEMA", "main.crm", {}}}),
         verdict::failed, "USE SCHEMA on main.crm is missing", "GRANT USE SCHEMA ON SCHEMA `main`.`crm` TO");
}

TEST_CASE("findings are lines, JSON and an exit code") {
    std::vector<std::string> told;
    report r([&](const finding& f) { told.push_back(line_of(f)); });
    CHECK(r.good("dns", "[salesforce] login_url", "a is 1"));
    CHECK(r.code() == exit_code::ok);
    CHECK(r.add("region", "[databricks]", {verdict::unknown, "nobody says it"}));
    CHECK_FALSE(r.add("login", "[salesforce]",
                      judgement_of(failure(exit_code::refused, "It is refused (a; b); check the key."))));
    r.skip("topic", "/event/A__e", "a session");
    CHECK(r.code() == exit_code::refused);
    CHECK_FALSE(r.add("position", "p", {verdict::failed, "two\nlines.", "", exit_code::needs_decision}));
    CHECK(r.code() == exit_code::needs_decision);
    CHECK(told
          == std::vector<std::string>{
              "good     dns of [salesforce] login_url: a is 1.", "unknown  region of [databricks]: nobody says it.",
              "failed   login of [salesforce]: It is refused (a; b). Fix: check the key.",
              "skipped  topic of /event/A__e: it needs a session.", "failed   position of p: two?lines."});
    CHECK(r.summary() == "5 checks: 1 good, 1 unknown, 1 skipped, 2 failed.");
    CHECK(r.json().starts_with(
        R"({"good":false,"exit_code":4,"checks":[{"check":"dns","subject":"[salesforce] login_url",)"
        R"("verdict":"good","what":"a is 1","fix":""},)"));
}
