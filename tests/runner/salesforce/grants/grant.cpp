#include "salesforce/grants/grant.hpp"

#include "catch.hpp"
#include "config/config.hpp"
#include "folder.hpp"
#include "http_server.hpp"
#include "keys.hpp"
#include "operations/failure.hpp"
#include "operations/log.hpp"
#include "salesforce/grants/soap_messages.hpp"
#include "salesforce/login.hpp"

#include <cstdlib>
#include <filesystem>
#include <map>
#include <string>
#include <utility>
#include <vector>

// Its names are not those of other tests that are compiled together with it.
namespace grants_test {
namespace {

using namespace sfcdc::runner;
using salesforce::all_grants;
using salesforce::find_grant;
using salesforce::wrong_host;

const std::string rows = "[[pipeline]]\ntopic = \"/data/A\"\nsink = \"sqlite\"\npath = \"rows.db\"\n";
const std::string my_domain = "login_url = \"https://acme.my.salesforce.com\"\n";

config load(const std::string& salesforce) {
    return parse_config("[salesforce]\n" + salesforce + rows, "sfcdc.toml");
}
std::string complaint(const std::string& salesforce) {
    try {
        (void)load(salesforce);
        return {};
    } catch (const failure& f) {
        CHECK(f.code() == exit_code::bad_config);
        return f.what();
    }
}
bool has(const std::string& text, const std::string& part) {
    INFO(text);
    INFO(part);
    const bool found = text.find(part) != std::string::npos;
    CHECK(found);
    return found;
}

struct key_in_a_file {
    explicit key_in_a_file(const std::string& pem) {
        folder.write("key.pem", pem);
        std::filesystem::permissions(folder / "key.pem", std::filesystem::perms(0600));
    }
    std::string path() const { return (folder / "key.pem").string(); }
    std::string jwt(const std::string& more = "", const std::string& url = my_domain) const {
        return url + "client_id = \"app\"\nusername = \"u@acme.example\"\nprivate_key_file = \"" + path() + "\"\n"
               + more;
    }
    test::folder folder;
};

// The first login, whose requests `server` has seen.
salesforce::session log_in(const config& c) { return salesforce::log_in(c.salesforce.at(""), {}); }
std::string refusal(const config& c) {
    try {
        (void)log_in(c);
        return "none";
    } catch (const failure& f) {
        CHECK(f.code() == exit_code::refused);
        return f.what();
    } catch (const http::unavailable& u) {
        return "unavailable: " + u.reason;
    }
}

} // namespace

TEST_CASE("grants are four, and each has a key of its own") {
    REQUIRE(all_grants().size() == 4);
    for (const auto& g : all_grants()) {
        CHECK(find_grant(g.name) == &g);
        CHECK(g.find(g.own_key) != nullptr);
        for (const auto& other : all_grants())
            if (&other != &g) CHECK(other.find(g.own_key) == nullptr);
    }
    CHECK(find_grant("password") == nullptr);
}

TEST_CASE("the keys show the grant; another grant's key is named") {
    const key_in_a_file key(test::pem_of(test::rsa_key().get()));
    const auto grant_of = [](const std::string& text) { return load(text).salesforce.at("").grant; };
    const std::string credentials = "client_id = \"a\"\nclient_secret = \"b\"\n",
                      soap = "username = \"u\"\npassword = \"p\"\n",
                      token = "instance_url = \"https://acme.my.salesforce.com\"\naccess_token = \"00D!x\"\n";
    CHECK(grant_of(my_domain + credentials) == "client_credentials");
    CHECK(grant_of(key.jwt()) == "jwt_bearer");
    CHECK(grant_of(my_domain + soap) == "soap");
    CHECK(grant_of(token) == "access_token");
    CHECK(load(token).salesforce.at("").login_url == "https://acme.my.salesforce.com");
    CHECK(grant_of("grant = \"soap\"\nsecurity_token = \"t\"\n" + my_domain + soap) == "soap");

    has(complaint(my_domain + credentials + soap), ":6: [salesforce] password: is a key of grant = \"soap\", and "
                                                   "client_secret one of \"client_credentials\"; say by "
                                                   "grant which is meant");
    has(complaint("grant = \"client_credentials\"\n" + my_domain + credentials + soap),
        ":7: [salesforce] password: is a key of grant = \"soap\"; this section logs in by \"client_credentials\"");
    has(complaint(my_domain + credentials + "username = \"u\"\n"),
        ":5: [salesforce] username: is a key of grant = \"jwt_bearer\" and \"soap\"; this section logs in by "
        "\"client_credentials\", since no other grant is named");
    has(complaint(my_domain + token), "[salesforce] login_url: is a key of grant = ");
    has(complaint("grant = \"password\"\n" + my_domain),
        "[salesforce] grant: one of \"access_token\", \"client_credentials\", \"jwt_bearer\", \"soap\" was expected, "
        "not "
        "\"password\"");
    has(complaint("grant = \"jwt_bearer\"\n" + my_domain), "[salesforce] private_key_file: missing");
    has(complaint("grant = \"access_token\"\naccess_token = \"x\"\n"), "[salesforce] instance_url: missing");
    has(complaint("grant = \"soap\"\n" + my_domain + "username = \"u\"\npassword = \"\"\n"),
        "[salesforce] password: must not be empty");
}

TEST_CASE("what cannot work is said before a connection") {
    const key_in_a_file key(test::pem_of(test::rsa_key().get()));
    const std::string login = "login_url = \"https://login.salesforce.com\"\n",
                      sandbox = "login_url = \"https://acme--qa.sandbox.my.salesforce.com\"\n",
                      credentials = "client_id = \"a\"\nclient_secret = \"b\"\n",
                      soap = "username = \"u\"\npassword = \"p\"\n";
    has(complaint(login + credentials), "client credentials work on the org's My Domain host only");
    CHECK(complaint(sandbox + credentials).empty());
    for (const std::string& url : {login, sandbox, std::string("login_url = \"https://test.salesforce.com\"\n")}) {
        CHECK(complaint(key.jwt("", url)).empty());
        CHECK(complaint(url + soap).empty());
    }
    has(complaint("instance_url = \"https://login.salesforce.com\"\naccess_token = \"x\"\n"),
        "[salesforce] instance_url: the instance URL of the org was expected");
    has(complaint("instance_url = \"https://acme.my.salesforce.com\"\naccess_token = \"[REDACTED] Use sf\"\n"),
        "[salesforce] access_token: it has characters that no token has");
    CHECK(wrong_host("https://acme.my.salesforce.com").empty());
    CHECK(wrong_host("https://acme.lightning.force.com").ends_with("https://acme.my.salesforce.com"));
    CHECK(wrong_host("https://acme--qa.sandbox.lightning.force.com")
              .ends_with("https://acme--qa.sandbox.my.salesforce.com"));
    CHECK(wrong_host("https://acme.my.salesforce-setup.com/lightning").ends_with("https://acme.my.salesforce.com"));
    CHECK(wrong_host("https://acme.my.salesforce.com/services/oauth2/token")
              .ends_with("https://acme.my.salesforce.com"));

    has(complaint(key.jwt("audience = \"login\"\n")), "[salesforce] audience: a URL was expected");
    std::filesystem::permissions(key.path(), std::filesystem::perms(0644));
    has(complaint(key.jwt()),
        "[salesforce] private_key_file: " + key.path() + ": every user of the machine may read");
    key.folder.write("key.pem", "no key");
    has(complaint(key.jwt()), "[salesforce] private_key_file: " + key.path() + " has no private key in PEM form");
    std::filesystem::remove(key.path());
    has(complaint(key.jwt()), "[salesforce] private_key_file: " + key.path() + " cannot be read");
}

TEST_CASE("secrets of each grant are hidden") {
    (void)complaint(my_domain
                    + "username = \"u\"\npassword = \"pass-of-soap\"\nsecurity_token = \"token-of-soap\"\n");
    (void)complaint("instance_url = \"https://acme.my.salesforce.com\"\naccess_token = \"00D!given-token\"\n");
    (void)complaint("grant = \"jwt_bearer\"\nprivate_key_passphrase = \"open sesame\"\n");
    CHECK(sfcdc::runner::log::one_line("pass-of-soaptoken-of-soap 00D!given-token open sesame") == "****** *** ***");
}

TEST_CASE("a key that is replaced by another one is another credential") {
    const key_in_a_file key("one");
    salesforce::login_settings s;
    s.keys["private_key_file"] = secret(key.path());
    const auto& jwt = *find_grant("jwt_bearer");
    const std::string before = identity_of(jwt, s);
    CHECK(identity_of(jwt, s) == before);
    key.folder.write("key.pem", "two");
    CHECK(identity_of(jwt, s) != before);
}

TEST_CASE("SOAP: a session without another request, and faults in words") {
    const auto answer = [](const std::string& body, const std::string& head = "200 OK\r\n") {
        return std::vector<test::http_answer>{
            {head, "<e:Envelope xmlns:e=\"x\"><e:Body>" + body + "</e:Body></e:Envelope>"}};
    };
    const auto settings = [](const std::string& url) {
        return load("login_url = \"" + url
                    + "\"\nusername = \"o&b\"\npassword = \"p<w\"\nsecurity_token = \"tok\"\n");
    };
    {
        test::http_server server([&](const std::string& url) {
            return answer(
                "<loginResponse><result><serverUrl>" + url
                + "/services/Soap/u/64.0/00D</serverUrl><sessionId>00D!s</sessionId><userInfo><organizationId>"
                  "00D000000000001EAA</organizationId></userInfo></result></loginResponse>");
        });
        const auto s = log_in(settings(server.url()));
        CHECK(s.access_token == "00D!s");
        CHECK(s.instance_url == server.url());
        CHECK(s.org_id == "00D000000000001EAA");
        REQUIRE(server.asked().size() == 1);
        const std::string asked = server.asked()[0];
        has(asked, "POST /services/Soap/u/64.0 HTTP");
        has(asked, "SOAPAction: login\r\n");
        has(asked, "Content-Type: text/xml; charset=UTF-8\r\n");
        has(asked, "<urn:username>o&amp;b</urn:username><urn:password>p&lt;wtok</urn:password>");
    }
    const auto fault = [&](const std::string& code) {
        test::http_server server(answer("<e:Fault><faultcode>sf:" + code + "</faultcode><faultstring>" + code
                                            + ": in words</faultstring></e:Fault>",
                                        "500 Internal Server Error\r\n"));
        return refusal(settings(server.url()));
    };
    has(fault("INVALID_LOGIN"), ": INVALID_LOGIN (in words); check [salesforce] username, password, security_token");
    has(fault("LOGIN_MUST_USE_SECURITY_TOKEN"), "set [salesforce] security_token");
    has(fault("PASSWORD_LOCKOUT"), "is locked");
    has(fault("API_DISABLED_FOR_ORG"), "grant = \"jwt_bearer\"");
    has(fault("API_CURRENTLY_DISABLED"), "unavailable: login at ");
    test::http_server page(std::vector<test::http_answer>{{"500 Internal Server Error\r\n", "<html/>"},
                                                          {"403 Forbidden\r\n", "<html/>"}});
    has(refusal(settings(page.url())), "unavailable: ");
    has(refusal(settings(page.url())), "unavailable: ");
}

TEST_CASE("a given token is asked for its org, and its end is said") {
    test::http_server server(
        std::vector<test::http_answer>{{"200 OK\r\n", R"({"organization_id":"00D000000000001EAA"})"},
                                       {"403 Forbidden\r\n", "Bad_OAuth_Token"},
                                       {"403 Forbidden\r\n", "<html>proxy</html>"}});
    const test::folder folder;
    folder.write("token", "00D!first\n");
    const config c = load("instance_url = \"" + server.url()
                          + "/\"\naccess_token = \"${file:" + (folder / "token").string() + "}\"\n");
    CHECK(log_in(c).org_id == "00D000000000001EAA");
    const std::string ended = refusal(c);
    has(ended, "Salesforce does not accept [salesforce] access_token: it has expired");
    has(ended, "sf org display");
    has(refusal(c), "unavailable: ");
    folder.write("token", "00D!second\n");
    has(server.asked()[0], "GET /services/oauth2/userinfo HTTP");
    has(server.asked()[0], "Authorization: Bearer 00D!first\r\n");
}

TEST_CASE("JWT: what is sent, and what its refusals mean") {
    const key_in_a_file key(test::pem_of(test::rsa_key().get()));
    const auto refused = [&](const std::string& error, const std::string& description, const std::string& more = "") {
        test::http_server server(std::vector<test::http_answer>{
            {"400 Bad Request\r\n", R"({"error":")" + error + R"(","error_description":")" + description + "\"}"}});
        const std::string said = refusal(load(key.jwt(more, "login_url = \"" + server.url() + "\"\n")));
        has(server.asked().at(0),
            "grant_type=urn%3Aietf%3Aparams%3Aoauth%3Agrant-type%3Ajwt-bearer&assertion=eyJhbGciOiJSUzI1NiJ9.");
        return said;
    };
    has(refused("invalid_grant", "user hasn't approved this consumer"), "pre-authorized");
    has(refused("invalid_grant", "audience is invalid", "audience = \"https://test.salesforce.com\"\n"),
        "the assertion was for https://test.salesforce.com");
    has(refused("invalid_grant", "expired authorization code"), "check the clock");
    has(refused("invalid_grant", "invalid assertion"), "the certificate that belongs to private_key_file");
    has(refused("invalid_client_id", "client identifier invalid"),
        "check [salesforce] client_id: the org of login_url has no such app");
}

} // namespace grants_test
