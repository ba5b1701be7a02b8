#include "databricks/statement.hpp"

#include "../http_server.hpp"
#include "catch.hpp"
#include "io/pause.hpp"
#include "workspace.hpp"

#include <nlohmann/json.hpp>

#include <chrono>
#include <string>
#include <thread>
#include <vector>

using namespace std::chrono_literals;
using namespace sfcdc::runner;
using namespace sfcdc::runner::databricks;
using test::answers;
using test::ok;
using test::token;

namespace {

statement_options quick() { return {.rest = test::fast(), .polls = {1ms, 5ms}, .most_rows = 10}; }

outcome<statement_result> run(const test::http_server& server, const statement& s = {"SELECT 1"},
                              const statement_options& options = quick(), const std::stop_token& stop = {}) {
    workspace at(test::config_of(server));
    return execute(at, s, stop, options);
}

test::http_answer in_state(const std::string& state) {
    return ok(R"({"statement_id":"id-1","status":{"state":")" + state + "\"}}");
}
// SUCCEEDED with so many columns, and the rest of the answer.
test::http_answer done(const std::string& columns, const std::string& manifest, const std::string& result) {
    return ok(R"({"statement_id":"id-1","status":{"state":"SUCCEEDED"},"manifest":{"schema":{"columns":[)" + columns
              + "]}" + manifest + R"(},"result":)" + result + "}");
}
constexpr const char* one_column = R"({"name":"a"})";

std::string path_of(const std::string& request) { return request.substr(0, request.find(" HTTP/")); }

// What is wrong with an answer, by its message.
std::string complaint(const test::http_answer& answer, const answers& more = {}) {
    answers all{token(), answer};
    all.insert(all.end(), more.begin(), more.end());
    test::http_server server(all);
    const auto [value, refused] = run(server);
    if (!refused) return {};
    CHECK(refused->what == refusal_class::other);
    CHECK(value.rows.empty());
    return refused->message;
}

} // namespace

TEST_CASE("a statement is sent with its parameters, and its rows are texts or nothing") {
    test::http_server server(answers{token(), done(R"({"name":"a"},{"name":"b"})", R"(,"total_row_count":2)",
                                                   R"({"data_array":[["1",null],["","x"]]})")});
    const auto [value, refused] =
        run(server, {"SELECT a, b FROM t WHERE c = :c", {{"c", "it's \"so\""}, {"d", std::nullopt, "INT"}}});
    REQUIRE_FALSE(refused);
    CHECK(value.columns == std::vector<std::string>{"a", "b"});
    CHECK(value.rows == std::vector<std::vector<std::optional<std::string>>>{{"1", std::nullopt}, {"", "x"}});

    const std::string asked = server.asked().at(1);
    CHECK(path_of(asked) == "POST /api/2.0/sql/statements");
    const auto body = nlohmann::json::parse(asked.substr(asked.find("\r\n\r\n") + 4));
    CHECK(body.at("statement") == "SELECT a, b FROM t WHERE c = :c");
    CHECK(body.at("warehouse_id") == "abc123");
    CHECK(body.at("parameters")
          == nlohmann::json::parse(
              R"([{"name":"c","value":"it's \"so\"","type":"STRING"},{"name":"d","value":null,"type":"INT"}])"));
    CHECK(body.at("disposition") == "INLINE");
    CHECK(body.at("format") == "JSON_ARRAY");
    CHECK(body.at("on_wait_timeout") == "CONTINUE");
    CHECK(body.at("row_limit") == 10);
}

TEST_CASE("a statement without a result has no rows") {
    test::http_server server(answers{token(), ok(R"({"statement_id":"id-1","status":{"state":"SUCCEEDED"}})")});
    const auto [value, refused] = run(server);
    CHECK_FALSE(refused);
    CHECK(value.rows.empty());
}

TEST_CASE("a warehouse that starts and a statement that runs are waited for") {
    test::http_server server(answers{token(),
                                     in_state("PENDING"),
                                     in_state("PENDING"),
                                     {"503 x\r\n", ""},
                                     in_state("RUNNING"),
                                     done(one_column, "", R"({"data_array":[["1"]]})")});
    const auto [value, refused] = run(server);
    REQUIRE_FALSE(refused);
    CHECK(value.rows.size() == 1);
    REQUIRE(server.asked().size() == 6); // and nothing is cancelled
    for (std::size_t i = 2; i < 6; ++i) CHECK(path_of(server.asked()[i]) == "GET /api/2.0/sql/statements/id-1");
}

TEST_CASE("a warehouse that does not start in time is told, and the statement is cancelled") {
    statement_options options = quick();
    options.rest.limit = 300ms;
    for (const auto& [state, said] :
         {std::pair("PENDING", "the SQL warehouse abc123 of [databricks] has not started in time"),
          std::pair("RUNNING", "the statement has not ended in time")}) {
        answers all(2'000, in_state(state));
        all.front() = token();
        test::http_server server(all);
        const auto [value, refused] = run(server, {"SELECT 1"}, options);
        REQUIRE(refused);
        CHECK(refused->what == refusal_class::unavailable);
        CHECK(refused->message == said);
        CHECK(path_of(server.asked().back()) == "POST /api/2.0/sql/statements/id-1/cancel");
    }
}

TEST_CASE("a stop cancels the statement that is under way") {
    statement_options options = quick();
    options.polls = {1ms, 1h};
    options.rest.limit = 10h;
    answers all(2'000, in_state("RUNNING"));
    all.front() = token();
    test::http_server server(all);
    std::stop_source stop;
    // A question how far the statement is shows that its id is known; a stop that comes sooner has nothing to cancel.
    std::jthread soon([&] {
        while (server.asked().size() < 4) std::this_thread::sleep_for(1ms);
        stop.request_stop();
    });
    CHECK_THROWS_AS(run(server, {"SELECT 1"}, options, stop.get_token()), stopped);
    CHECK(path_of(server.asked().back()) == "POST /api/2.0/sql/statements/id-1/cancel");
    CHECK(server.asked().back().find("Authorization: Bearer token\r\n") != std::string::npos);
}

TEST_CASE("a statement that fails says why") {
    test::http_server server(answers{
        token(),
        ok(R"({"statement_id":"id-1","status":{"state":"FAILED","sql_state":"42P01","error":{"error_code":"BAD_REQUEST",)"
           R"("message":"[TABLE_OR_VIEW_NOT_FOUND] there is none"}}})"),
        ok(R"({"statement_id":"id-1","status":{"state":"CANCELED"}})"),
        ok(R"({"statement_id":"id-1","status":{"state":"CLOSED"}})")});
    workspace at(test::config_of(server));
    const auto missing = execute(at, {"SELECT 1 FROM t"}, {}, quick()).refused;
    REQUIRE(missing);
    CHECK(missing->what == refusal_class::not_found);
    CHECK(missing->condition == "TABLE_OR_VIEW_NOT_FOUND");
    CHECK(missing->sql_state == "42P01");
    const auto cancelled = execute(at, {"SELECT 1"}, {}, quick()).refused;
    REQUIRE(cancelled);
    CHECK(cancelled->what == refusal_class::cancelled);
    const auto gone = execute(at, {"SELECT 1"}, {}, quick()).refused;
    REQUIRE(gone);
    CHECK(gone->what == refusal_class::other);
    CHECK(server.asked().size() == 4);
}

TEST_CASE("a warehouse that is missing is no missing table") {
    test::http_server server(
        answers{token(), {"404 x\r\n", R"({"error_code":"RESOURCE_DOES_NOT_EXIST","message":"no warehouse"})"}});
    const auto unknown = run(server).refused;
    REQUIRE(unknown);
    CHECK(unknown->what == refusal_class::invalid);

    databricks_config without = test::config_of(server);
    without.warehouse_id.clear();
    workspace at(without);
    const auto none = execute(at, {"SELECT 1"}, {}, quick()).refused;
    REQUIRE(none);
    CHECK(none->what == refusal_class::invalid);
    CHECK(none->message.starts_with("[databricks] warehouse_id is missing"));
    CHECK(server.asked().size() == 2);
}

TEST_CASE("a result of several chunks is read to its end") {
    test::http_server server(answers{
        token(), done(one_column, R"(,"total_row_count":3)", R"({"data_array":[["1"]],"next_chunk_index":1})"),
        ok(R"({"data_array":[["2"]],"next_chunk_index":2})"), ok(R"({"data_array":[["3"]]})")});
    const auto [value, refused] = run(server);
    REQUIRE_FALSE(refused);
    CHECK(value.rows == std::vector<std::vector<std::optional<std::string>>>{{"1"}, {"2"}, {"3"}});
    CHECK(path_of(server.asked().at(3)) == "GET /api/2.0/sql/statements/id-1/result/chunks/2");
}

TEST_CASE("a chunk that is gone is no missing table, and chunks have the statement's limit of time") {
    const auto first = done(one_column, "", R"({"data_array":[["1"]],"next_chunk_index":1})");
    test::http_server server(answers{token(), first, {"404 x\r\n", R"({"error_code":"NOT_FOUND","message":"x"})"}});
    const auto gone = run(server).refused;
    REQUIRE(gone);
    CHECK(gone->what == refusal_class::other);

    statement_options at_once = quick();
    at_once.rest.limit = 0ms;
    test::http_server slow(answers{token(), first, ok(R"({"data_array":[["2"]]})")});
    const auto late = run(slow, {"SELECT 1"}, at_once).refused;
    REQUIRE(late);
    CHECK(late->what == refusal_class::unavailable);
    CHECK(slow.asked().size() == 2); // the token and the statement: no chunk
}

TEST_CASE("a statement that ends without a reason says so") {
    const auto message = [](const std::string& state) {
        test::http_server server(answers{token(), in_state(state)});
        return run(server).refused.value().message;
    };
    CHECK(message("FAILED") == "the statement failed, and no reason was given");
    CHECK(message("CANCELED") == "the statement was cancelled");
}

TEST_CASE("an answer that breaks the form is refused with a reason, and ends") {
    const auto has = [](const std::string& text, const char* part) { return text.find(part) != std::string::npos; };
    CHECK(has(complaint(ok("{}")), "statement_id"));
    CHECK(has(complaint(ok(R"({"statement_id":7,"status":{"state":"RUNNING"}})")),
              "statement_id: a string was expected"));
    // An id becomes part of a URL.
    for (const char* const id : {"", "../x", "a/b", "a?b", "a b", "a\\u0000b"})
        CHECK(has(complaint(ok(std::string(R"({"statement_id":")") + id + R"(","status":{"state":"RUNNING"}})")),
                  "no form of an id"));
    CHECK(has(complaint(ok(R"({"statement_id":"id-1"})"), {ok("{}")}), "its state is missing"));
    CHECK(has(complaint(in_state("NEW"), {ok("{}")}), "its state is NEW"));
    CHECK(has(complaint(ok(R"({"statement_id":"id-1","status":[]})")), "status: an object was expected"));
    CHECK(has(complaint(done(one_column, "", R"({"data_array":{}})")), "result.data_array: an array was expected"));
    CHECK(has(complaint(done(one_column, "", R"({"data_array":[["1","2"]]})")), "each of the 1 columns"));
    CHECK(has(complaint(done(one_column, "", R"({"data_array":[[]]})")), "each of the 1 columns"));
    CHECK(has(complaint(done(one_column, "", R"({"data_array":["1"]})")), "each of the 1 columns"));
    CHECK(has(complaint(done(one_column, "", R"({"data_array":[[1]]})")), "neither a string nor null"));
    CHECK(has(complaint(done("7", "", R"({"data_array":[["1"]]})")),
              "manifest.schema.columns[0]: an object was expected"));
    CHECK(has(complaint(done(one_column, R"(,"total_row_count":2)", R"({"data_array":[["1"]]})")),
              "2 rows were announced, and 1 came"));
    CHECK(has(complaint(done(one_column, R"(,"truncated":true)", R"({"data_array":[["1"]]})")), "more than 10 rows"));
    std::string rows = R"(["1"])";
    for (int i = 0; i < 10; ++i) rows += R"(,["1"])";
    CHECK(has(complaint(done(one_column, "", R"({"data_array":[)" + rows + "]}")), "more than 10 rows"));
    for (const char* const next : {"0", "-1", "99999999"})
        CHECK(has(
            complaint(done(one_column, "", std::string(R"({"data_array":[["1"]],"next_chunk_index":)") + next + "}")),
            "out of order"));
    CHECK(has(complaint(done(one_column, "", R"({"next_chunk_index":1})"), {ok(R"({"next_chunk_index":1})")}),
              "out of order"));
    CHECK(has(complaint(done(one_column, "", R"({"next_chunk_index":"1"})")),
              "result.next_chunk_index: a whole number was expected"));
}

TEST_CASE("no text of a refusal has the secret or the token") {
    test::http_server server(
        answers{token("a-token-to-hide"),
                {"400 x\r\n", R"({"error_code":"BAD_REQUEST","message":"you sent Bearer a-token-to-hide"})"}});
    const auto refused = run(server).refused;
    REQUIRE(refused);
    CHECK(refused->message == "HTTP 400, BAD_REQUEST: you sent Bearer ***");
}
