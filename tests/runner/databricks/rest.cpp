#include "databricks/rest.hpp"

#include "../http_server.hpp"
#include "catch.hpp"
#include "databricks/answers.hpp"
#include "io/pause.hpp"
#include "operations/failure.hpp"
#include "workspace.hpp"

#include <chrono>
#include <string>
#include <thread>
#include <vector>

using namespace std::chrono_literals;
using namespace sfcdc::runner;
using namespace sfcdc::runner::databricks;
using test::answers;
using test::fast;
using test::ok;
using test::token;

namespace {

outcome<nlohmann::json> get(const test::http_server& server, const rest_options& options = fast(),
                            const std::stop_token& stop = {}) {
    workspace at(test::config_of(server));
    return rest_session(at, options, stop).get("/api/2.1/thing");
}

} // namespace

TEST_CASE("a request carries the token, and its answer is an object") {
    test::http_server server(answers{token("rest"), ok(R"({"a":1})")});
    const auto [answer, refused] = get(server);
    REQUIRE_FALSE(refused);
    CHECK(answer.at("a") == 1);
    REQUIRE(server.asked().size() == 2);
    CHECK(server.asked()[1].starts_with("GET /api/2.1/thing HTTP/1.1\r\n"));
    CHECK(server.asked()[1].find("Authorization: Bearer rest\r\n") != std::string::npos);
}

TEST_CASE("a post sends JSON, whatever bytes its texts have") {
    test::http_server server(answers{token(), ok("{}")});
    workspace at(test::config_of(server));
    CHECK_FALSE(rest_session(at, fast(), {}).post("/api/x", {{"text", "a\xff\"" + std::string(1, '\0')}}).refused);
    const std::string asked = server.asked().at(1);
    CHECK(asked.starts_with("POST /api/x HTTP/1.1\r\n"));
    CHECK(asked.find("Content-Type: application/json\r\n") != std::string::npos);
    CHECK(asked.ends_with("\r\n\r\n{\"text\":\"a\xef\xbf\xbd\\\"\\u0000\"}"));
}

TEST_CASE("what waiting may help is asked again until the limit") {
    for (const char* const status : {"408 x", "429 x", "500 x", "503 x", "504 x"}) {
        INFO(status);
        test::http_server server(
            answers{token(), {std::string(status) + "\r\n", "{}"}, {std::string(status) + "\r\n", ""}, ok("{}")});
        CHECK_FALSE(get(server).refused);
        CHECK(server.asked().size() == 4);
    }
    // A page in place of an answer is none, whatever its status says.
    test::http_server pages(
        answers{token(), ok("<html>"), {"404 x\r\n", "<html>"}, {"403 x\r\n", ""}, ok("[]"), ok("{}")});
    CHECK_FALSE(get(pages).refused);
}

TEST_CASE("Retry-After is waited for") {
    test::http_server server(answers{token(), {"429 x\r\nRetry-After: 1\r\n", "{}"}, ok("{}")});
    const auto before = std::chrono::steady_clock::now();
    CHECK_FALSE(get(server).refused);
    CHECK(std::chrono::steady_clock::now() - before >= 1s);

    // A service that asks for more than there is time is not waited for.
    test::http_server hours(answers{
        token(), {"429 x\r\nRetry-After: 3600\r\n", R"({"error_code":"REQUEST_LIMIT_EXCEEDED","message":"why"})"}});
    const auto [answer, refused] = get(hours);
    REQUIRE(refused);
    CHECK(refused->what == refusal_class::throttled);
    CHECK(refused->message.find("why") != std::string::npos);
}

TEST_CASE("when the limit is over, the last reason is told") {
    rest_options options = fast();
    options.limit = 300ms;
    answers busy(1'000, {"503 x\r\n", "{}"});
    busy.front() = token();
    test::http_server server(busy);
    const auto [answer, refused] = get(server, options);
    REQUIRE(refused);
    CHECK(refused->what == refusal_class::unavailable);
    CHECK(refused->message == "HTTP 503");
}

TEST_CASE("what waiting does not help is refused at once") {
    const std::pair<const char*, refusal_class> cases[] = {{"400 x", refusal_class::invalid},
                                                           {"403 x", refusal_class::no_privilege},
                                                           {"404 x", refusal_class::not_found},
                                                           {"409 x", refusal_class::conflict},
                                                           {"501 x", refusal_class::other}};
    for (const auto& [status, what] : cases) {
        INFO(status);
        test::http_server server(
            answers{token(), {std::string(status) + "\r\n", R"({"error_code":"NEW_CODE","message":"no"})"}});
        const auto [answer, refused] = get(server);
        REQUIRE(refused);
        CHECK(refused->what == what);
        CHECK(server.asked().size() == 2);
    }
}

TEST_CASE("a token that is not accepted is renewed, and not for ever") {
    test::http_server server(answers{token("old"), {"401 x\r\n", ""}, token("new"), ok("{}")});
    CHECK_FALSE(get(server).refused);
    CHECK(server.asked().at(3).find("Bearer new\r\n") != std::string::npos);

    test::http_server expired(answers{token("old"),
                                      {"403 x\r\n", R"({"error_code":403,"message":"Invalid access token."})"},
                                      token("new"),
                                      ok("{}")});
    CHECK_FALSE(get(expired).refused);
    CHECK(expired.asked().at(3).find("Bearer new\r\n") != std::string::npos);

    answers never;
    for (int i = 0; i < 10; ++i)
        never.insert(never.end(), {token("t" + std::to_string(i)),
                                   {"401 x\r\n", R"({"error_code":"UNAUTHENTICATED","message":"no"})"}});
    test::http_server refuses(never);
    const auto [answer, refused] = get(refuses);
    REQUIRE(refused);
    CHECK(refused->what == refusal_class::no_privilege);
    CHECK(refuses.asked().size() <= 12);

    test::http_server wrong(answers{{"401 x\r\n", R"({"error":"invalid_client"})"}});
    CHECK_THROWS_AS(get(wrong), failure);
}

TEST_CASE("an answer that is too long or nested too deeply is not waited for, and not taken") {
    test::http_server longer(answers{token(), ok(R"({"a":")" + std::string(17u << 20, 'x') + "\"}")});
    const auto [answer, refused] = get(longer);
    REQUIRE(refused);
    CHECK(refused->what == refusal_class::other);
    CHECK(refused->message.find("longer than") != std::string::npos);

    const auto nested = [](std::size_t depth) {
        return R"({"a":)" + std::string(depth, '[') + std::string(depth, ']') + "}";
    };
    CHECK(read_object(nested(63)));
    CHECK_FALSE(read_object(nested(64)));
    CHECK_FALSE(read_object(nested(1'000'000)));
    CHECK(read_object(R"({"[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[":"\"[["})"));
    // Brackets behind a quote that is escaped are in the string.
    CHECK(read_object("{\"a\":\"\\\"" + std::string(100, '[') + "\"}"));
    CHECK_FALSE(read_object("{"));
    CHECK_FALSE(read_object("[{}]"));
}

TEST_CASE("a stop ends a wait at once") {
    rest_options patient;
    patient.patience.waits = {1h, 1h};
    patient.limit = 10h;
    test::http_server server(answers{token(), {"503 x\r\n", "{}"}});
    std::stop_source stop;
    std::jthread soon([&] {
        while (server.asked().size() < 2) std::this_thread::sleep_for(1ms);
        stop.request_stop();
    });
    CHECK_THROWS_AS(get(server, patient, stop.get_token()), stopped);
}

TEST_CASE("members of another type are told by where they stand") {
    const auto said = [](const char* text, auto read) {
        const auto object = read_object(text);
        REQUIRE(object);
        std::string bad;
        read(members(*object, "", bad));
        return bad;
    };
    CHECK(said(R"({"a":"x"})", [](const members& m) { CHECK(m.text("a") == "x"); }).empty());
    CHECK(said(R"({"a":null})", [](const members& m) {
              CHECK((m.text("a").empty() && !m.has("a") && m.flag("a", true)));
          }).empty());
    CHECK(said(R"({"a":5})", [](const members& m) { CHECK(m.text("a").empty()); }) == "a: a string was expected");
    CHECK(said(R"({"a":1e3})", [](const members& m) { CHECK_FALSE(m.number("a")); })
          == "a: a whole number was expected");
    CHECK(said(R"({"a":18446744073709551615})", [](const members& m) { CHECK_FALSE(m.number("a")); })
          == "a: a whole number was expected");
    CHECK(said(R"({"a":-5})", [](const members& m) { CHECK(m.number("a") == -5); }).empty());
    CHECK(said(R"({"a":"true"})", [](const members& m) { CHECK(m.flag("a", true)); })
          == "a: true or false was expected");
    CHECK(said(R"({"a":[]})", [](const members& m) { (void)m.object("a"); }) == "a: an object was expected");
    CHECK(said(R"({"a":{}})", [](const members& m) { CHECK(m.list("a").empty()); }) == "a: an array was expected");
    CHECK(said(R"({"a":{"b":1}})", [](const members& m) { (void)m.object("a").text("b"); })
          == "a.b: a string was expected");
    CHECK(said(R"({"a":[{},{"b":1}]})",
               [](const members& m) { m.each("a", [](const members& e) { (void)e.text("b"); }); })
          == "a[1].b: a string was expected");
    CHECK(said(R"({"a":[{},7]})", [](const members& m) { m.each("a", [](const members&) {}); })
          == "a[1]: an object was expected");
    // the first mistake is the one that is told
    CHECK(said(R"({"a":1,"b":2})", [](const members& m) { (void)m.text("b"), (void)m.text("a"); })
          == "b: a string was expected");
}
