#include "databricks/token.hpp"

#include "catch.hpp"
#include "io/http.hpp"
#include "operations/failure.hpp"
#include "workspace.hpp"

#include <chrono>
#include <string>
#include <vector>

namespace {

using namespace std::chrono_literals;
using sfcdc::runner::databricks_config;
using sfcdc::runner::failure;
using sfcdc::runner::secret;
using sfcdc::runner::databricks::access_token;
using sfcdc::runner::databricks::ask_for_token;

using test::answers;
using test::http_answer;
using test::ok;

access_token ask(const http_answer& a) {
    test::http_server server(answers{a});
    return ask_for_token({.workspace_url = server.url(),
                          .zerobus_endpoint = "https://1234.zerobus.westeurope.azuredatabricks.net",
                          .credentials = {secret("user"), secret("pass")},
                          .ca_file = {}},
                         "main.sales.events", {});
}

// Whether the token is good for so long and not longer, give or take the time that the test itself takes.
bool good_for(const access_token& token, std::chrono::seconds life) {
    const auto now = std::chrono::steady_clock::now();
    return token.good(now) && token.good(now + life - 30s) && !token.good(now + life);
}

} // namespace

TEST_CASE("a token is kept until half of its life is over, whether that is a number or a text") {
    CHECK(good_for(ask(ok(R"({"access_token":"t","expires_in":3600})")), 1800s));
    CHECK(good_for(ask(ok(R"({"access_token":"t","expires_in":"3600"})")), 1800s));
    CHECK_FALSE(access_token().good(std::chrono::steady_clock::now()));
}

TEST_CASE("a token without a believable life is kept for a minute, and none for more than half a day") {
    for (const char* const life : {"", R"(,"expires_in":0)", R"(,"expires_in":-5)", R"(,"expires_in":null)",
                                   R"(,"expires_in":"soon")", R"(,"expires_in":[])"}) {
        INFO(life);
        CHECK(good_for(ask(ok(std::string(R"({"access_token":"t")") + life + "}")), 60s));
    }
    CHECK(good_for(ask(ok(R"({"access_token":"t","expires_in":9223372036854775807})")), 43'200s));
}

TEST_CASE("a token that no header may carry is refused") {
    CHECK(ask(ok(R"({"access_token":"a!~","expires_in":60})")).text == "a!~");
    for (const char* const body :
         {R"({"access_token":"a\nb"})", R"({"access_token":"a\u0000b"})", R"({"access_token":"a b"})",
          R"({"access_token":"a\u007f"})", R"({"access_token":"\u00e4"})", R"({"access_token":""})",
          R"({"access_token":5})", R"({})"}) {
        INFO(body);
        try {
            (void)ask(ok(body));
            FAIL("it was taken");
        } catch (const failure& f) {
            CHECK(f.code() == sfcdc::runner::exit_code::refused);
        }
    }
}

TEST_CASE("a token endpoint that is busy says when to come back, one that refuses ends it") {
    using sfcdc::runner::http::unavailable;
    for (const char* const status : {"408 x", "429 x", "500 x", "503 x"}) {
        INFO(status);
        CHECK_THROWS_AS(ask({std::string(status) + "\r\n", "{}"}), unavailable);
    }
    try {
        (void)ask({"429 Too Many Requests\r\nRetry-After: 17\r\n", "{}"});
        FAIL("it was taken");
    } catch (const unavailable& u) {
        CHECK(u.retry_after == 17s);
        CHECK(u.reason.find("pass") == std::string::npos);
    }
    for (const char* const status : {"302 Found\r\nLocation: http://127.0.0.1:1/", "400 x", "401 x", "403 x"}) {
        INFO(status);
        CHECK_THROWS_AS(ask({std::string(status) + "\r\n", R"({"access_token":"t"})"}),
                        failure); // whatever else it says
    }
}

TEST_CASE("an HTTP request that is not answered, or too much, is told as no answer") {
    namespace http = sfcdc::runner::http;
    const auto get = [](const std::string& url) {
        return http::send(
            {.url = url, .form = {}, .basic_user = {}, .basic_password = {}, .bearer = "secret", .ca_file = {}}, {});
    };
    {
        test::http_server server(answers{ok(std::string(2u << 20, 'x')), ok("small")});
        const http::response too_much = get(server.url());
        CHECK(too_much.status == 0);
        CHECK(too_much.transient());
        CHECK(too_much.body.find("secret") == std::string::npos);
        CHECK(get(server.url()).body == "small");
        CHECK(server.asked().at(1).find("Authorization: Bearer secret\r\n") != std::string::npos);
    }
    std::string nobody;
    {
        test::http_server gone(answers{});
        nobody = gone.url();
    }
    CHECK(get(nobody).status == 0);
    CHECK(get("file:///etc/passwd").body.find("root:") == std::string::npos);
}

TEST_CASE("a token of the REST API is asked for without a table, and is another one than a table's") {
    test::http_server server(
        answers{ok(R"({"access_token":"rest"})"), ok(R"({"access_token":"table"})"), {"401 x\r\n", "{}"}});
    const databricks_config config{.workspace_url = server.url(),
                                   .zerobus_endpoint = "1234.zerobus.example:443",
                                   .credentials = {secret("user"), secret("pass-of-user")}};
    sfcdc::runner::databricks::workspace workspace(config);
    CHECK(workspace.rest_tokens().newer_than(0, {}).credential.text == "rest");
    CHECK(workspace.tokens_of("main.sales.events").newer_than(0, {}).credential.text == "table");
    CHECK(workspace.rest_tokens().newer_than(0, {}).credential.text == "rest"); // the one that it has
    const std::string asked = server.asked().at(0);
    CHECK(asked.ends_with("\r\n\r\ngrant_type=client_credentials&scope=all-apis"));
    try {
        (void)sfcdc::runner::databricks::ask_for_rest_token(config, {});
        FAIL("it was taken");
    } catch (const failure& f) {
        CHECK(std::string(f.what()).find("[databricks] client_id") != std::string::npos);
        CHECK(std::string(f.what()).find("password") == std::string::npos);
    }
}

TEST_CASE("the request for a token names the workspace, the table and what is done with it") {
    test::http_server server(answers{ok(R"({"access_token":"t"})")});
    (void)ask_for_token({.workspace_url = server.url(),
                         .zerobus_endpoint = "1234.zerobus.example:443",
                         .credentials = {secret("user"), secret("p&=ss")},
                         .ca_file = {}},
                        "main.sales.events", {});
    const std::string asked = server.asked().at(0);
    const auto has = [&](const char* what) { return asked.find(what) != std::string::npos; };
    CHECK(has("POST /oidc/v1/token HTTP/1.1\r\n"));
    CHECK(has("Authorization: Basic dXNlcjpwJj1zcw==\r\n"));
    CHECK(has("grant_type=client_credentials&scope=all-apis"));
    CHECK(has("%2Fworkspaces%2F1234%2FzerobusDirectWriteApi"));
    CHECK(has("%22main%22"));
    CHECK(has("%22main.sales%22"));
    CHECK(has("%22main.sales.events%22"));
    CHECK(has("zerobuswrite"));
}
