#include "../catch.hpp"
#include "peer.hpp"

using namespace test;

namespace {

httplib::Params salesforce_form(httplib::Params changed = {}) {
    httplib::Params form{{"grant_type", "client_credentials"},
                         {"client_id", "sfcdc-emulator-client"},
                         {"client_secret", "sfcdc-emulator-secret"}};
    for (const auto& [key, value] : changed) {
        form.erase(key);
        form.emplace(key, value);
    }
    return form;
}

json details(const std::string& catalog, const std::string& schema, const std::string& table) {
    const auto entry = [](const char* type, const json& privileges, const std::string& path) {
        return json{{"type", "unity_catalog_privileges"},
                    {"privileges", privileges},
                    {"object_type", type},
                    {"object_full_path", path}};
    };
    return json::array({entry("CATALOG", {"USE CATALOG"}, catalog), entry("SCHEMA", {"USE SCHEMA"}, schema),
                        entry("TABLE", {"SELECT", "MODIFY"}, table)});
}

httplib::Result databricks_login(peer& to, const json& authorization_details, const std::string& secret,
                                 const std::string& workspace = "127") {
    auto client = to.databricks_http();
    client.set_basic_auth("sfcdc-emulator-principal", secret);
    return client.Post("/oidc/v1/token", httplib::Params{{"grant_type", "client_credentials"},
                                                         {"scope", "all-apis"},
                                                         {"resource", "api://databricks/workspaces/" + workspace
                                                                          + "/zerobusDirectWriteApi"},
                                                         {"authorization_details", authorization_details.dump()}});
}

constexpr const char* good_secret = "sfcdc-emulator-principal-secret";

} // namespace

TEST_CASE("Salesforce: a token, and who it belongs to") {
    peer org;
    auto client = org.salesforce_http();
    const auto response = client.Post("/services/oauth2/token", salesforce_form());
    REQUIRE(response);
    REQUIRE(response->status == 200);
    const json login = json::parse(response->body);
    CHECK(login.at("instance_url") == org.state().urls.salesforce_url);
    CHECK(login.at("token_type") == "Bearer");
    CHECK(login.at("issued_at").is_string());
    const std::string org_id = org.state().salesforce.id();
    CHECK(login.at("id").get<std::string>().starts_with("https://login.salesforce.com/id/" + org_id + "/"));

    const std::string token = login.at("access_token");
    const auto info = client.Get("/services/oauth2/userinfo", {{"Authorization", "Bearer " + token}});
    REQUIRE(info->status == 200);
    CHECK(json::parse(info->body).at("organization_id") == org_id);
    CHECK(client.Get("/services/oauth2/userinfo")->status == 401);
    CHECK(client.Get("/services/oauth2/userinfo", {{"Authorization", "Bearer no"}})->status == 403);
    org.fault({{"op", "expire_salesforce_tokens"}});
    CHECK(client.Get("/services/oauth2/userinfo", {{"Authorization", "Bearer " + token}})->status == 403);
}

TEST_CASE("Salesforce: refused logins say why") {
    peer org;
    auto client = org.salesforce_http();
    const auto error_with = [&](httplib::Params changed) {
        const auto response = client.Post("/services/oauth2/token", salesforce_form(changed));
        REQUIRE(response->status == 400);
        return json::parse(response->body).at("error").get<std::string>();
    };
    CHECK(error_with({{"client_id", "other"}}) == "invalid_client_id");
    CHECK(error_with({{"client_secret", "other"}}) == "invalid_client");
    CHECK(error_with({{"grant_type", "password"}}) == "unsupported_grant_type");
}

TEST_CASE("Databricks: a token for one table") {
    peer workspace;
    const auto response = databricks_login(workspace, details("c", "c.s", "c.s.t"), good_secret);
    REQUIRE(response->status == 200);
    const json login = json::parse(response->body);
    CHECK(login.at("expires_in") == 3600);
    CHECK(workspace.state().databricks_tokens.scope_of(login.at("access_token")) == "c.s.t");

    workspace.fault({{"op", "quoted_expires_in"}});
    CHECK(json::parse(databricks_login(workspace, details("c", "c.s", "c.s.t"), good_secret)->body).at("expires_in")
          == "3600");
}

TEST_CASE("Databricks: refused logins say why") {
    peer workspace;
    CHECK(databricks_login(workspace, details("c", "c.s", "c.s.t"), "wrong")->status == 401);
    CHECK(databricks_login(workspace, details("c", "c.s", "c.s.t"), good_secret, "4711")->status == 400);
    CHECK(databricks_login(workspace, details("c", "d.s", "d.s.t"), good_secret)->status == 400);
    CHECK(databricks_login(workspace, details("c", "c.s", "c.s"), good_secret)->status == 400);
    CHECK(databricks_login(workspace, details("c", "c.s", "c.s.t.u"), good_secret)->status == 400);
    CHECK(databricks_login(workspace, json::object(), good_secret)->status == 400);
    json fewer = details("c", "c.s", "c.s.t");
    fewer[2]["privileges"] = {"SELECT"};
    CHECK(databricks_login(workspace, fewer, good_secret)->status == 400);
    // What is to be done with the table is said by newer clients only, and then rightly.
    json operations = details("c", "c.s", "c.s.t");
    operations[2]["operations"] = {"zerobuswrite"};
    CHECK(databricks_login(workspace, operations, good_secret)->status == 200);
    for (const json& wrong :
         {json::array(), json("zerobuswrite"), json({"zerobusread"}), json({"zerobuswrite", "other"})}) {
        operations[2]["operations"] = wrong;
        CHECK(databricks_login(workspace, operations, good_secret)->status == 400);
    }
}

TEST_CASE("token endpoints fail on request") {
    peer both;
    both.fault({{"op", "token_status"}, {"side", "databricks"}, {"status", 429}, {"retry_after_s", 2}, {"times", 1}});
    const auto limited = databricks_login(both, details("c", "c.s", "c.s.t"), good_secret);
    CHECK(limited->status == 429);
    CHECK(limited->get_header_value("Retry-After") == "2");
    CHECK(databricks_login(both, details("c", "c.s", "c.s.t"), good_secret)->status == 200);
    both.fault({{"op", "token_status"}, {"side", "salesforce"}, {"status", 503}, {"times", 2}});
    auto client = both.salesforce_http();
    CHECK(client.Post("/services/oauth2/token", salesforce_form())->status == 503);
    CHECK(client.Post("/services/oauth2/token", salesforce_form())->status == 503);
    CHECK(client.Post("/services/oauth2/token", salesforce_form())->status == 200);
}
