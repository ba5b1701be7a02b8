#include "../catch.hpp"
#include "emulator/identifiers.hpp"
#include "emulator/soap.hpp"
#include "peer.hpp"

#include <openssl/bio.h>
#include <openssl/evp.h>
#include <openssl/pem.h>

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

// ---- JWT bearer

namespace {

// Signed by OpenSSL, as clients do.
std::string assertion_with(const std::string& pem, const json& header, const json& claims) {
    const std::unique_ptr<BIO, decltype(&BIO_free)> text(BIO_new_mem_buf(pem.data(), static_cast<int>(pem.size())),
                                                         BIO_free);
    const std::unique_ptr<EVP_PKEY, decltype(&EVP_PKEY_free)> key(
        PEM_read_bio_PrivateKey(text.get(), nullptr, nullptr, nullptr), EVP_PKEY_free);
    const std::unique_ptr<EVP_MD_CTX, decltype(&EVP_MD_CTX_free)> context(EVP_MD_CTX_new(), EVP_MD_CTX_free);
    std::string token = emulator::base64url(header.dump()) + "." + emulator::base64url(claims.dump());
    std::string signature(512, '\0');
    std::size_t size = signature.size();
    REQUIRE(EVP_DigestSignInit(context.get(), nullptr, EVP_sha256(), nullptr, key.get()) == 1);
    REQUIRE(EVP_DigestSign(context.get(), reinterpret_cast<unsigned char*>(signature.data()), &size,
                           reinterpret_cast<const unsigned char*>(token.data()), token.size())
            == 1);
    signature.resize(size);
    return token + "." + emulator::base64url(signature);
}

} // namespace

TEST_CASE("Salesforce: a login by JWT is verified") {
    peer org;
    const auto post = [&](const std::string& assertion) {
        return org.salesforce_http().Post(
            "/services/oauth2/token",
            httplib::Params{{"grant_type", "urn:ietf:params:oauth:grant-type:jwt-bearer"}, {"assertion", assertion}});
    };
    const auto now =
        std::chrono::duration_cast<std::chrono::seconds>(std::chrono::system_clock::now().time_since_epoch()).count();
    const json header{{"alg", "RS256"}}, claims{{"iss", "sfcdc-emulator-client"},
                                                {"sub", "integration@emulator.example"},
                                                {"aud", "https://login.salesforce.com"},
                                                {"exp", now + 120}};
    const std::string pem = httplib::Client(org.state().urls.control_url).Get("/private_key")->body;
    CHECK(httplib::Client(org.state().urls.control_url).Get("/private_key")->body == pem);
    const std::string good = assertion_with(pem, header, claims);
    REQUIRE(post(good)->status == 200);
    CHECK(org.state().salesforce_tokens.scope_of(json::parse(post(good)->body).at("access_token")));
    const auto refused = [&](const std::string& assertion) {
        const auto response = post(assertion);
        REQUIRE(response->status == 400);
        const json body = json::parse(response->body);
        return body.at("error").get<std::string>() + ": " + body.at("error_description").get<std::string>();
    };
    const auto with = [&](const char* name, const json& value) {
        json changed = claims;
        changed[name] = value;
        return refused(assertion_with(pem, header, changed));
    };
    const std::string invalid = "invalid_grant: invalid assertion";
    CHECK(with("iss", "other") == "invalid_client_id: client identifier invalid");
    CHECK(with("sub", "other@emulator.example") == "invalid_grant: user hasn't approved this consumer");
    CHECK(with("aud", "https://test.salesforce.com") == "invalid_grant: audience is invalid");
    CHECK(with("exp", now - 1) == "invalid_grant: expired authorization code");
    CHECK(with("exp", now + 600) == invalid);
    CHECK(with("exp", std::to_string(now + 60)) == invalid);
    CHECK(refused(assertion_with(pem, {{"alg", "none"}}, claims)) == invalid);
    std::string other_claims = good;
    other_claims.replace(other_claims.find('.') + 1, 1, "x");
    for (const std::string& bad :
         {std::string(), std::string("a.b"), std::string("a.b.c.d"), std::string("*.*.*"), other_claims,
          good.substr(0, good.size() - 4), good.substr(0, good.rfind('.') + 1)})
        CHECK(refused(bad) == invalid);
    peer another;
    const std::string pem_of_another = httplib::Client(another.state().urls.control_url).Get("/private_key")->body;
    CHECK(refused(assertion_with(pem_of_another, header, claims)) == invalid);
}

// ---- SOAP

TEST_CASE("Salesforce: SOAP's login") {
    peer org;
    const auto post = [&](const std::string& user, const std::string& password, const std::string& version = "64.0") {
        return org.salesforce_http().Post("/services/Soap/u/" + version, {{"SOAPAction", "login"}},
                                          "<e:Envelope><e:Body><x:login><x:username>" + emulator::xml_escaped(user)
                                              + "</x:username><x:password>" + emulator::xml_escaped(password)
                                              + "</x:password></x:login></e:Body></e:Envelope>",
                                          "text/xml");
    };
    const std::string user = "integration@emulator.example", password = "sfcdc-emulator-password",
                      whole = password + "sfcdcEmulatorSecurityToken";
    const auto good = post(user, whole);
    REQUIRE(good->status == 200);
    CHECK(org.state().salesforce_tokens.scope_of(*emulator::element_text(good->body, "sessionId")));
    CHECK(emulator::element_text(good->body, "organizationId") == org.state().salesforce.id());
    CHECK(emulator::element_text(good->body, "serverUrl")
              ->starts_with(org.state().urls.salesforce_url + "/services/Soap/u/64.0/"));
    const auto code = [&](const httplib::Result& refused) {
        REQUIRE(refused->status == 500);
        return *emulator::element_text(refused->body, "faultcode");
    };
    CHECK(code(post(user, password)) == "sf:LOGIN_MUST_USE_SECURITY_TOKEN");
    CHECK(code(post(user, "<&>")) == "sf:INVALID_LOGIN");
    CHECK(code(post("other", whole)) == "sf:INVALID_LOGIN");
    CHECK(code(post(user, whole, "65.0")) == "sf:UNSUPPORTED_API_VERSION");
    org.fault({{"op", "login_error"}, {"error", "API_CURRENTLY_DISABLED"}});
    CHECK(code(post(user, whole)) == "sf:API_CURRENTLY_DISABLED");
    org.fault({{"op", "token_status"}, {"side", "salesforce"}, {"status", 503}});
    CHECK(post(user, whole)->status == 503);
    CHECK(post(user, whole)->status == 200);

    CHECK(emulator::element_text("<a:b x='1'>&lt;&#65;&#x42;&amp;&quot;&apos;&gt;</a:b>", "b") == "<AB&\"'>");
    for (const char* const bad :
         {"", "<b>", "<b>x", "<b>&no;</b>", "<b>&#0;</b>", "<b>&lt</b>", "<b><c/></b>", "</b>"})
        CHECK_FALSE(emulator::element_text(bad, "b"));
}

// ---- tokens that are given

TEST_CASE("Salesforce: a token on request, which can be revoked alone") {
    peer org;
    const json first = org.control("/token", json::object()), second = org.control("/token", {{"lifetime_s", 60}});
    CHECK(first.at("instance_url") == org.state().urls.salesforce_url);
    CHECK(first.at("org_id") == org.state().salesforce.id());
    org.fault({{"op", "revoke_token"}, {"token", first.at("access_token")}});
    CHECK_FALSE(org.state().salesforce_tokens.scope_of(first.at("access_token")));
    CHECK(org.state().salesforce_tokens.scope_of(second.at("access_token")));
    org.control("/fault", {{"op", "revoke_token"}, {"token", "no"}}, 400);
}
