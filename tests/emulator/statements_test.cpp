#include "../catch.hpp"
#include "emulator/sql.hpp"
#include "emulator/sql_error.hpp"
#include "peer.hpp"

#include <chrono>
#include <cstdlib>
#include <filesystem>
#include <string>
#include <vector>

using namespace test;
using namespace std::chrono_literals;

namespace {

constexpr const char* accounts = "`main`.`crm`.`accounts`";

// A client of the REST API, by its own reading of it.
struct sql_client {
    explicit sql_client(peer& of) : http(of.databricks_http()), warehouse(of.state().settings.warehouse_id) {
        http.set_bearer_token_auth(of.state().databricks_tokens.issue("eyJ", "", std::chrono::seconds(60)));
        http.set_read_timeout(30);
    }

    httplib::Result post(json body) {
        body.emplace("warehouse_id", warehouse);
        return http.Post("/api/2.0/sql/statements", body.dump(), "application/json");
    }
    json send(const std::string& text, const json& parameters = json::array(), const char* wait_timeout = "10s") {
        const auto answer = post({{"statement", text}, {"parameters", parameters}, {"wait_timeout", wait_timeout}});
        if (!answer || answer->status != 200) throw std::runtime_error(answer ? answer->body : "no answer");
        return json::parse(answer->body);
    }
    json look(const json& statement) {
        return json::parse(
            http.Get("/api/2.0/sql/statements/" + statement.at("statement_id").get<std::string>())->body);
    }
    void cancel(const json& statement) {
        http.Post("/api/2.0/sql/statements/" + statement.at("statement_id").get<std::string>() + "/cancel", "{}",
                  "application/json");
    }
    // The rows of a statement that succeeds.
    json rows(const std::string& text, const json& parameters = json::array()) {
        const json answer = send(text, parameters);
        if (answer.at("status").at("state") != "SUCCEEDED") throw std::runtime_error(answer.dump());
        return answer.at("result").at("data_array");
    }
    // The error class and the SQLSTATE of one that fails.
    std::pair<std::string, std::string> failure(const std::string& text, const json& parameters = json::array()) {
        const json status = send(text, parameters).at("status");
        if (status.at("state") != "FAILED") return {status.at("state"), ""};
        const std::string message = status.at("error").at("message"), state = status.at("sql_state");
        if (!message.ends_with("SQLSTATE: " + state)) throw std::runtime_error(message);
        return {message.substr(1, message.find(']') - 1), state};
    }
    httplib::Result describe(const std::string& table) { return http.Get("/api/2.1/unity-catalog/tables/" + table); }
    json table(const std::string& name) { return json::parse(describe(name)->body); }

    httplib::Client http;
    std::string warehouse;
};

std::string state_of(const json& answer) { return answer.at("status").at("state"); }
std::vector<std::string> names_of(const json& table) {
    std::vector<std::string> names;
    for (const json& one : table.at("columns")) names.push_back(one.at("name"));
    return names;
}
using error = std::pair<std::string, std::string>;

} // namespace

TEST_CASE("a table is created, described and widened") {
    peer workspace;
    sql_client sql(workspace);
    CHECK(sql.describe("main.crm.accounts")->status == 404);
    CHECK(sql.table("main.crm.accounts").at("error_code") == "TABLE_DOES_NOT_EXIST");
    const std::string create =
        std::string("CREATE TABLE IF NOT EXISTS ") + accounts
        + " (\n  `Id` STRING NOT NULL COMMENT 'the record\\'s',\n  `a``b` DECIMAL(10,2),\n  tags ARRAY<STRING>,\n  n "
          "BIGINT"
          "\n) USING DELTA\nCOMMENT 'made by a test'\nTBLPROPERTIES ('delta.enableRowTracking' = 'false', 'x' = 'y')";
    CHECK(state_of(sql.send(create)) == "SUCCEEDED");
    CHECK(state_of(sql.send(create)) == "SUCCEEDED");
    const json table = sql.table("main.crm.accounts");
    CHECK(table.at("full_name") == "main.crm.accounts");
    CHECK(table.at("catalog_name") == "main");
    CHECK(table.at("schema_name") == "crm");
    CHECK(table.at("name") == "accounts");
    CHECK(table.at("table_type") == "MANAGED");
    CHECK(table.at("data_source_format") == "DELTA");
    CHECK(table.at("owner") == "sfcdc-emulator-principal");
    CHECK(table.at("comment") == "made by a test");
    CHECK(table.at("properties") == json{{"delta.enableRowTracking", "false"}, {"x", "y"}});
    CHECK(names_of(table) == std::vector<std::string>{"Id", "a`b", "tags", "n"});
    const json& columns = table.at("columns");
    CHECK((columns[0].at("nullable") == false && columns[0].at("comment") == "the record's"
           && columns[0].at("position") == 0));
    CHECK((columns[1].at("type_text") == "decimal(10,2)" && columns[1].at("type_name") == "DECIMAL"
           && columns[1].at("nullable") == true));
    CHECK((columns[2].at("type_text") == "array<string>" && columns[2].at("type_name") == "ARRAY"));
    CHECK((columns[3].at("type_text") == "bigint" && columns[3].at("type_name") == "LONG"
           && columns[3].at("position") == 3));

    CHECK(state_of(sql.send(std::string("ALTER TABLE ") + accounts
                            + " ADD COLUMNS (`Region__c` STRING COMMENT 'Text', s DOUBLE)"))
          == "SUCCEEDED");
    CHECK(state_of(sql.send(std::string("ALTER TABLE ") + accounts + " SET TBLPROPERTIES ('x' = 'z')"))
          == "SUCCEEDED");
    CHECK(names_of(sql.table("main.crm.accounts"))
          == std::vector<std::string>{"Id", "a`b", "tags", "n", "Region__c", "s"});
    CHECK(sql.table("main.crm.accounts").at("properties").at("x") == "z");
    CHECK(sql.table("main.crm.accounts").at("table_id") == table.at("table_id"));
}

TEST_CASE("a statement that fails has the error class and the SQLSTATE of Databricks, and no effect") {
    peer workspace;
    sql_client sql(workspace);
    const std::string create = std::string("CREATE TABLE ") + accounts + " (Id STRING, n INT)",
                      alter = std::string("ALTER TABLE ") + accounts;
    CHECK(sql.failure("SELECT count(*) FROM main.crm.accounts") == error{"TABLE_OR_VIEW_NOT_FOUND", "42P01"});
    CHECK(sql.failure(alter + " ADD COLUMN a STRING") == error{"PARSE_SYNTAX_ERROR", "42601"});
    CHECK(sql.failure(alter + " ADD COLUMN (a STRING)") == error{"TABLE_OR_VIEW_NOT_FOUND", "42P01"});
    CHECK(sql.failure("CREATE TABLE main.crm.accounts (Id STRING, ID INT)")
          == error{"COLUMN_ALREADY_EXISTS", "42711"});
    CHECK(sql.failure("CREATE TABLE main.crm.accounts (Id TEXT)") == error{"UNSUPPORTED_DATATYPE", "0A000"});
    CHECK(sql.describe("main.crm.accounts")->status == 404);
    CHECK(sql.failure(create) == error{"SUCCEEDED", ""});
    CHECK(sql.failure(create) == error{"TABLE_OR_VIEW_ALREADY_EXISTS", "42P07"});
    CHECK(sql.failure(alter + " ADD COLUMNS (a STRING, ID STRING)") == error{"FIELDS_ALREADY_EXISTS", "42710"});
    CHECK(sql.failure(alter + " ADD COLUMNS (a STRING, A STRING)") == error{"COLUMN_ALREADY_EXISTS", "42711"});
    CHECK(sql.failure(alter + " ADD COLUMNS (a STRING NOT NULL)") == error{"DELTA_CANNOT_CHANGE_DATA_TYPE", "429BQ"});
    CHECK(names_of(sql.table("main.crm.accounts")) == std::vector<std::string>{"Id", "n"});
    CHECK(sql.failure("SELECT other FROM main.crm.accounts")
          == error{"UNRESOLVED_COLUMN.WITHOUT_SUGGESTION", "42703"});
    CHECK(sql.failure("SELECT _wire_offset FROM main.crm.accounts")
          == error{"UNRESOLVED_COLUMN.WITHOUT_SUGGESTION", "42703"});
    CHECK(sql.failure("SELECT Id FROM main.crm.accounts WHERE Id = :id") == error{"UNBOUND_SQL_PARAMETER", "42P02"});
    CHECK(sql.failure("SELECT Id, count(*) FROM main.crm.accounts") == error{"MISSING_GROUP_BY", "42803"});
}

TEST_CASE("anything but the statements that sfcdc sends is a syntax error") {
    for (const char* const text : {"",
                                   "SELECT",
                                   "SELEC 1",
                                   "SELECT 1 FROM accounts",
                                   "SELECT 1 FROM a.b",
                                   "SELECT 1 FROM a.b.c.d",
                                   "SELECT * FROM a.b.c",
                                   "SELECT 1; SELECT 1",
                                   "DROP TABLE a.b",
                                   "DROP TABLE IF a.b.c",
                                   "DROP VIEW a.b.c",
                                   "CREATE OR REPLACE TABLE a.b.c (d STRING)",
                                   "CREATE TABLE a.b.c",
                                   "CREATE TABLE a.b.c ()",
                                   "CREATE TABLE a.b.c (d)",
                                   "CREATE TABLE a.b.c (d STRING,)",
                                   "CREATE TABLE a.b.c (d STRING) USING PARQUET",
                                   "CREATE TABLE a.b.c (d STRING) USING DELTA USING DELTA",
                                   "CREATE TABLE a.b.c (d STRING DEFAULT 'x')",
                                   "CREATE TABLE a.b.c (d STRING) TBLPROPERTIES ('a')",
                                   "ALTER TABLE a.b.c ADD COLUMN d STRING",
                                   "ALTER TABLE a.b.c ADD COLUMNS IF NOT EXISTS (d STRING)",
                                   "ALTER TABLE a.b.c DROP COLUMN d",
                                   "ALTER TABLE a.b.c SET TBLPROPERTIES (a = 'b')",
                                   "SELECT sum(a) FROM a.b.c",
                                   "SELECT max_by(a) FROM a.b.c",
                                   "SELECT a FROM a.b.c WHERE a LIKE 'x'",
                                   "SELECT a FROM a.b.c WHERE a = \"x\"",
                                   "SELECT a FROM a.b.c WHERE a = 1 OR b = 1",
                                   "SELECT a FROM a.b.c WHERE a = 'x",
                                   "SELECT `a FROM a.b.c",
                                   "SELECT a FROM a.b.c WHERE a = :",
                                   "SELECT 1x",
                                   "SELECT 99999999999999999999"}) {
        INFO(text);
        try {
            (void)emulator::sql::parse(text);
            FAIL("it was taken");
        } catch (const emulator::sql_error& e) {
            CHECK(e.sql_state == "42601");
            CHECK(std::string(e.what()).starts_with("[PARSE_SYNTAX_ERROR] "));
        }
    }
    for (const char* const text : {"SELECT 1", "select 1;", "SELECT -1 AS x -- a comment", "  SELECT\n1\t",
                                   "SELECT `select` FROM `a`.`b`.`c` LIMIT 1"}) {
        INFO(text);
        CHECK_NOTHROW(emulator::sql::parse(text));
    }
}

TEST_CASE("questions about the rows of a table") {
    peer workspace;
    sql_client sql(workspace);
    CHECK(sql.rows("SELECT 1") == json::parse(R"([["1"]])"));
    REQUIRE(sql.failure("CREATE TABLE main.crm.accounts (Id STRING, epoch INT, number BIGINT, done BOOLEAN, day "
                        "DATE, at TIMESTAMP, org STRING, amount DOUBLE)")
                .first
            == "SUCCEEDED");
    CHECK(sql.rows("SELECT count(*) FROM main.crm.accounts") == json::parse(R"([["0"]])"));
    CHECK(sql.rows("SELECT 1 FROM main.crm.accounts LIMIT 1") == json::array());
    CHECK(sql.rows("SELECT max_by(Id, struct(epoch, number)) FROM main.crm.accounts") == json::parse("[[null]]"));

    ingest_call call(workspace, workspace.zerobus_metadata("main.crm.accounts"));
    REQUIRE(call.create("main.crm.accounts", zerobus::JSON));
    call.send_json(0, {R"({"Id":"a","epoch":0,"number":900,"done":true,"day":-1,"at":1700000000123000,"org":"o'1"})",
                       R"({"Id":"b","epoch":1,"number":5,"done":false,"org":"o'1"})",
                       R"({"Id":"c","epoch":1,"number":4,"org":"o2","amount":1.5})",
                       R"({"Id":"d","epoch":2,"number":1,"org":"o2"})", R"({"Id":"e"})"});
    REQUIRE(call.wait_for_ack(0));

    CHECK(sql.rows("SELECT count(*) AS n FROM main.crm.accounts") == json::parse(R"([["5"]])"));
    CHECK(sql.rows("SELECT 1 FROM `main`.`crm`.`accounts` LIMIT 1") == json::parse(R"([["1"]])"));
    const json org = json::parse(R"([{"name":"org","value":"o'1","type":"STRING"}])");
    // by commit order, of one org: the epoch goes before the number
    CHECK(sql.rows("SELECT max_by(Id, struct(epoch, number)) FROM main.crm.accounts WHERE org = :org", org)
          == json::parse(R"([["b"]])"));
    CHECK(sql.rows("SELECT max_by(Id, struct(epoch, number)), count(*) FROM main.crm.accounts WHERE org = :org AND "
                   "epoch IS NOT NULL",
                   org)
          == json::parse(R"([["b","2"]])"));
    CHECK(sql.rows("SELECT max_by(Id, number), max(number), min(number) FROM main.crm.accounts")
          == json::parse(R"([["a","900","1"]])"));
    CHECK(sql.rows("SELECT Id FROM main.crm.accounts ORDER BY epoch DESC, number DESC LIMIT 2")
          == json::parse(R"([["d"],["b"]])"));
    CHECK(sql.rows("SELECT Id FROM main.crm.accounts WHERE org = 'o2' ORDER BY Id")
          == json::parse(R"([["c"],["d"]])"));
    CHECK(sql.rows("SELECT Id FROM main.crm.accounts WHERE number >= :n ORDER BY number",
                   json::parse(R"([{"name":"n","value":"5","type":"BIGINT"}])"))
          == json::parse(R"([["b"],["a"]])"));
    CHECK(sql.rows("SELECT Id FROM main.crm.accounts WHERE org IS NULL") == json::parse(R"([["e"]])"));
    CHECK(
        sql.rows("SELECT Id FROM main.crm.accounts WHERE org = :org", json::parse(R"([{"name":"org","value":null}])"))
        == json::array());
    CHECK(sql.rows("SELECT done, day, at FROM main.crm.accounts WHERE Id = 'a'")
          == json::parse(R"([["true","1969-12-31","2023-11-14T22:13:20.123Z"]])"));
    CHECK(sql.rows("SELECT done, amount FROM main.crm.accounts WHERE Id = 'c'") == json::parse(R"([[null,"1.5"]])"));
    const json manifest = sql.send("SELECT Id, count(*) FROM main.crm.accounts WHERE Id = ''").at("status");
    CHECK(manifest.at("state") == "FAILED");
    const json answer = sql.send("SELECT Id AS `x y`, epoch FROM main.crm.accounts");
    CHECK(answer.at("manifest").at("total_row_count") == 5);
    CHECK(answer.at("manifest").at("schema").at("columns")[0].at("name") == "x y");
    CHECK(json::parse(
              sql.http
                  .Get("/api/2.0/sql/statements/" + answer.at("statement_id").get<std::string>() + "/result/chunks/0")
                  ->body)
              .at("data_array")
              .size()
          == 5);
}

TEST_CASE("a table that a stream made is described by what came") {
    peer workspace;
    sql_client sql(workspace);
    ingest_call call(workspace, workspace.zerobus_metadata("main.crm.accounts"));
    REQUIRE(call.create("main.crm.accounts", zerobus::JSON));
    call.send_json(0, {R"({"Id":"a","n":1,"x":1.5})"});
    REQUIRE(call.wait_for_ack(0));
    const json table = sql.table("main.crm.accounts");
    CHECK(names_of(table) == std::vector<std::string>{"Id", "n", "x"});
    CHECK(table.at("columns")[1].at("type_name") == "LONG");
    CHECK(sql.rows("SELECT count(*) FROM main.crm.accounts") == json::parse(R"([["1"]])"));
    CHECK(sql.failure("CREATE TABLE main.crm.accounts (Id STRING)").first == "TABLE_OR_VIEW_ALREADY_EXISTS");
}

TEST_CASE("a warehouse that is asleep is started by a statement") {
    peer workspace;
    sql_client sql(workspace);
    workspace.fault({{"op", "warehouse_asleep"}, {"ms", 300}});
    const auto before = std::chrono::steady_clock::now();
    const json first = sql.send("SELECT 1", json::array(), "0s");
    CHECK(state_of(first) == "PENDING");
    CHECK(state_of(sql.look(first)) == "PENDING");
    CHECK(state_of(sql.send("SELECT 1")) == "SUCCEEDED"); // waits for the same start
    CHECK(std::chrono::steady_clock::now() - before >= 300ms);
    CHECK(state_of(sql.look(first)) == "SUCCEEDED");

    workspace.fault({{"op", "warehouse_asleep"}});
    const json never = sql.send("SELECT 1", json::array(), "0s");
    std::this_thread::sleep_for(50ms);
    CHECK(state_of(sql.look(never)) == "PENDING");
    workspace.fault({{"op", "clear"}});
    CHECK(state_of(sql.look(never)) == "SUCCEEDED");
}

TEST_CASE("a statement runs for its time, and is cancelled before it has an effect") {
    peer workspace;
    sql_client sql(workspace);
    workspace.fault({{"op", "slow_statements"}, {"ms", 200}});
    const json slow = sql.send("CREATE TABLE main.crm.accounts (Id STRING)", json::array(), "0s");
    CHECK(state_of(slow) == "RUNNING");
    sql.cancel(slow);
    CHECK(state_of(sql.look(slow)) == "CANCELED");
    std::this_thread::sleep_for(250ms);
    CHECK(state_of(sql.look(slow)) == "CANCELED");
    CHECK(sql.describe("main.crm.accounts")->status == 404);

    // A sender that is gone does not stop its statement.
    (void)sql.send("CREATE TABLE main.crm.accounts (Id STRING)", json::array(), "0s");
    std::this_thread::sleep_for(250ms);
    CHECK(sql.describe("main.crm.accounts")->status == 200);

    const json cut = json::parse(
        sql.post({{"statement", "SELECT 1"}, {"wait_timeout", "0s"}, {"on_wait_timeout", "CANCEL"}})->body);
    CHECK(state_of(cut) == "CANCELED");
    const json ended = sql.send("SELECT 1");
    sql.cancel(ended);
    CHECK(state_of(sql.look(ended)) == "SUCCEEDED");
}

TEST_CASE("statements fail on request") {
    peer workspace;
    sql_client sql(workspace);
    const std::string create = std::string("CREATE TABLE ") + accounts + " (Id STRING)",
                      alter = std::string("ALTER TABLE ") + accounts + " ADD COLUMNS (a INT)";
    workspace.fault(
        {{"op", "sql_error"}, {"condition", "INSUFFICIENT_PERMISSIONS"}, {"verb", "ALTER"}, {"times", 2}});
    CHECK(sql.failure(create).first == "SUCCEEDED");
    CHECK(sql.failure(alter) == error{"INSUFFICIENT_PERMISSIONS", "42501"});
    CHECK(sql.failure(alter) == error{"INSUFFICIENT_PERMISSIONS", "42501"});
    workspace.fault({{"op", "sql_error"}, {"condition", "DELTA_METADATA_CHANGED"}});
    CHECK(sql.failure(alter) == error{"DELTA_METADATA_CHANGED", "2D521"});
    CHECK(names_of(sql.table("main.crm.accounts")) == std::vector<std::string>{"Id"});
    CHECK(sql.failure(alter).first == "SUCCEEDED");
    CHECK(workspace.control("/fault", {{"op", "sql_error"}, {"condition", "NO_SUCH_CLASS"}}, 400).contains("error"));
    workspace.fault({{"op", "sql_error"}, {"condition", "SCHEMA_NOT_FOUND"}});
    workspace.fault({{"op", "clear"}});
    CHECK(sql.failure("SELECT 1").first == "SUCCEEDED");
}

TEST_CASE("a new column is seen after its delay") {
    peer workspace;
    sql_client sql(workspace);
    REQUIRE(sql.failure("CREATE TABLE main.crm.accounts (Id STRING)").first == "SUCCEEDED");
    workspace.fault({{"op", "column_delay"}, {"ms", 300}});
    REQUIRE(sql.failure("ALTER TABLE main.crm.accounts ADD COLUMNS (a INT)").first == "SUCCEEDED");
    CHECK(names_of(sql.table("main.crm.accounts")) == std::vector<std::string>{"Id"});
    // The table has it all the same.
    CHECK(sql.failure("ALTER TABLE main.crm.accounts ADD COLUMNS (a INT)").first == "FIELDS_ALREADY_EXISTS");
    std::this_thread::sleep_for(350ms);
    CHECK(names_of(sql.table("main.crm.accounts")) == std::vector<std::string>{"Id", "a"});
}

TEST_CASE("the REST API is busy on request") {
    peer workspace;
    sql_client sql(workspace);
    workspace.fault({{"op", "rest_status"}, {"status", 429}, {"retry_after_s", 3}});
    const auto busy = sql.post({{"statement", "SELECT 1"}});
    CHECK(busy->status == 429);
    CHECK(busy->get_header_value("Retry-After") == "3");
    CHECK(json::parse(busy->body).at("error_code") == "REQUEST_LIMIT_EXCEEDED");
    workspace.fault({{"op", "rest_status"}, {"status", 503}});
    CHECK(sql.describe("main.crm.accounts")->status == 503);
    CHECK(sql.post({{"statement", "SELECT 1"}})->status == 200);
}

TEST_CASE("requests that are wrong are refused, and tokens of streams open nothing") {
    emulator::options chosen;
    chosen.forbidden_tables = {"main.crm.forbidden"};
    peer workspace(chosen);
    sql_client sql(workspace);
    CHECK(sql.post({{"statement", "SELECT 1"}, {"warehouse_id", "other"}})->status == 404);
    for (const char* const wait : {"4s", "51s", "10", "s", "1m"})
        CHECK(sql.post({{"statement", "SELECT 1"}, {"wait_timeout", wait}})->status == 400);
    CHECK(sql.post({{"text", "SELECT 1"}})->status == 400);
    CHECK(sql.post({{"statement", "SELECT 1"}, {"disposition", "EXTERNAL_LINKS"}})->status == 400);
    CHECK(sql.post({{"statement", "SELECT 1"}, {"parameters", {{{"name", "n"}, {"value", "x"}, {"type", "INT"}}}}})
              ->status
          == 400);
    CHECK(sql.http.Get("/api/2.0/sql/statements/none")->status == 404);

    CHECK(sql.describe("main.crm.forbidden")->status == 403);
    CHECK(sql.failure("SELECT count(*) FROM main.crm.forbidden") == error{"INSUFFICIENT_PERMISSIONS", "42501"});

    sql.http.set_bearer_token_auth(workspace.state().databricks_tokens.issue("eyJ", "main.crm.accounts", 60s));
    CHECK(sql.describe("main.crm.accounts")->status == 403);
    workspace.fault({{"op", "expire_databricks_tokens"}});
    CHECK(sql.describe("main.crm.accounts")->status == 401);
    CHECK(sql.post({{"statement", "SELECT 1"}})->status == 401);
}

// ---- tables of a schema, drops, and what the file of the lake keeps

TEST_CASE("the tables of a schema are listed in pages") {
    emulator::options chosen;
    chosen.forbidden_tables = {"main.crm.t002", "main.crm.t003"};
    peer workspace(chosen);
    sql_client sql(workspace);
    emulator::catalog& tables = workspace.state().unity_catalog;
    for (int i = 0; i < 120; ++i) {
        const std::string number = std::to_string(1000 + i).substr(1);
        REQUIRE(tables.create({.name = "main.crm.t" + number,
                               .id = {},
                               .columns = {{.name = "Id", .type = "string"}},
                               .properties = {{"a", "b"}},
                               .comment = {}}));
    }
    REQUIRE(state_of(sql.send("CREATE TABLE main.crm_2.other (Id STRING)")) == "SUCCEEDED");
    {
        ingest_call made_by_a_stream(workspace, workspace.zerobus_metadata("main.crm.Stream"));
        REQUIRE(made_by_a_stream.create("main.crm.Stream", zerobus::JSON));
        made_by_a_stream.send_json(0, {R"({"x":1})"});
        REQUIRE(made_by_a_stream.wait_for_ack(0));
    }
    const auto page = [&](const std::string& query) {
        const auto answer = sql.http.Get("/api/2.1/unity-catalog/tables?" + query);
        REQUIRE(answer);
        return std::pair(answer->status, json::parse(answer->body));
    };
    // Follows the tokens to the end: the names, and how many each page had.
    const auto all = [&](const std::string& more) {
        std::pair<std::vector<std::string>, std::vector<std::size_t>> found;
        for (std::string token;;) {
            const auto [status, body] =
                page("catalog_name=main&schema_name=crm" + more + (token.empty() ? "" : "&page_token=" + token));
            REQUIRE(status == 200);
            for (const json& one : body.at("tables")) found.first.push_back(one.at("name"));
            found.second.push_back(body.at("tables").size());
            if (!body.contains("next_page_token")) return found;
            token = body.at("next_page_token");
        }
    };
    const auto whole = all("");
    CHECK(whole.second == std::vector<std::size_t>{119});
    CHECK(whole.first.front() == "Stream");
    CHECK(whole.first.at(2) == "t001");
    CHECK(whole.first.at(3) == "t004");
    CHECK(whole.first.back() == "t119");
    CHECK(all("&max_results=0") == std::pair(whole.first, std::vector<std::size_t>{48, 50, 21}));
    CHECK(all("&max_results=1000").second == std::vector<std::size_t>{48, 50, 21});
    const auto small = all("&max_results=2");
    CHECK(small.first == whole.first);
    CHECK(small.second.at(0) == 2);
    CHECK(small.second.at(1) == 1); // t001, and a table that may not be seen
    CHECK(all("&max_results=1").second.at(3) == 0);

    const json one = page("catalog_name=MAIN&schema_name=crm_2").second.at("tables").at(0);
    CHECK(one == sql.table("main.crm_2.other"));
    const auto bare =
        page("catalog_name=main&schema_name=crm&max_results=5&omit_columns=true&omit_properties=true").second;
    CHECK(!bare.at("tables").at(1).contains("columns"));
    CHECK(!bare.at("tables").at(1).contains("properties"));
    CHECK(page("catalog_name=main&schema_name=none").second == json{{"tables", json::array()}});
    for (const char* const wrong :
         {"", "catalog_name=main", "schema_name=crm", "catalog_name=main&schema_name=crm&max_results=-1",
          "catalog_name=main&schema_name=crm&max_results=x",
          "catalog_name=main&schema_name=crm&page_token=unknown"}) {
        INFO(wrong);
        const auto [status, body] = page(wrong);
        CHECK(status == 400);
        CHECK(body.at("error_code") == "INVALID_PARAMETER_VALUE");
    }
    workspace.fault({{"op", "rest_status"}, {"status", 429}, {"retry_after_s", 3}});
    CHECK(page("catalog_name=main&schema_name=crm").first == 429);
    sql.http.set_bearer_token_auth("nothing");
    CHECK(page("catalog_name=main&schema_name=crm").first == 401);
}

TEST_CASE("a dropped table ends its streams, and one of the same name is another table") {
    const bool by_statement = GENERATE(true, false);
    peer workspace;
    sql_client sql(workspace);
    const auto drop = [&](const std::string& table) {
        if (by_statement)
            CHECK(state_of(sql.send("DROP TABLE " + table)) == "SUCCEEDED");
        else
            workspace.fault({{"op", "drop_table"}, {"table", table}});
    };
    const auto create = [&](const std::string& columns) {
        CHECK(state_of(sql.send("CREATE TABLE main.crm.accounts (" + columns + ")")) == "SUCCEEDED");
    };
    CHECK(sql.failure("DROP TABLE main.crm.accounts") == error{"TABLE_OR_VIEW_NOT_FOUND", "42P01"});
    CHECK(state_of(sql.send("DROP TABLE IF EXISTS main.crm.accounts")) == "SUCCEEDED");
    CHECK(workspace.control("/fault", {{"op", "drop_table"}, {"table", "main.crm.accounts"}}, 400).contains("error"));

    create("Id STRING, n INT");
    const json first = sql.table("main.crm.accounts");
    ingest_call idle(workspace, workspace.zerobus_metadata("main.crm.accounts")),
        busy(workspace, workspace.zerobus_metadata("main.crm.accounts")),
        other(workspace, workspace.zerobus_metadata("main.crm.other"));
    REQUIRE(idle.create("main.crm.accounts", zerobus::JSON));
    REQUIRE(busy.create("main.crm.accounts", zerobus::JSON));
    REQUIRE(other.create("main.crm.other", zerobus::JSON));
    busy.send_json(0, {R"({"Id":"a","n":1})"});
    REQUIRE(busy.wait_for_ack(0));
    drop("MAIN.crm.Accounts");
    busy.send_json(1, {R"({"Id":"b","n":2})"});
    CHECK(idle.finish().error_code() == grpc::NOT_FOUND);
    CHECK(busy.finish().error_code() == grpc::NOT_FOUND);
    CHECK(busy.acks == std::vector<std::int64_t>{0});
    other.send_json(0, {R"({"x":1})"});
    CHECK(other.wait_for_ack(0));

    CHECK(sql.describe("main.crm.accounts")->status == 404);
    ingest_call late(workspace, workspace.zerobus_metadata("main.crm.accounts"));
    CHECK(!late.create("main.crm.accounts", zerobus::JSON));
    CHECK(late.finish().error_code() == grpc::NOT_FOUND);

    create("Id STRING, n STRING");
    CHECK(sql.table("main.crm.accounts").at("table_id") != first.at("table_id"));
    CHECK(sql.rows("SELECT count(*) FROM main.crm.accounts") == json::parse(R"([["0"]])"));
    ingest_call again(workspace, workspace.zerobus_metadata("main.crm.accounts"));
    REQUIRE(again.create("main.crm.accounts", zerobus::JSON));
    again.send_json(0, {R"({"Id":"c","n":"three"})"});
    CHECK(again.wait_for_ack(0));
    CHECK(sql.rows("SELECT Id, n FROM main.crm.accounts") == json::parse(R"([["c","three"]])"));
}

TEST_CASE("contracts and drops survive a restart on the same file") {
    // A folder of its own, because SQLite puts files beside the lake.
    std::string folder = (std::filesystem::temp_directory_path() / "sfcdc-lake-XXXXXX").string();
    REQUIRE(mkdtemp(folder.data()));
    emulator::options chosen;
    chosen.lake_path = folder + "/lake.db";
    json before;
    {
        peer workspace(chosen);
        sql_client sql(workspace);
        REQUIRE(state_of(sql.send("CREATE TABLE main.crm.Accounts (Id STRING NOT NULL COMMENT 'it\\'s', amount "
                                  "DECIMAL(10,2)) COMMENT 'kept' TBLPROPERTIES ('a' = 'b')"))
                == "SUCCEEDED");
        REQUIRE(state_of(sql.send("ALTER TABLE main.crm.Accounts ADD COLUMNS (tags ARRAY<STRING>)")) == "SUCCEEDED");
        REQUIRE(state_of(sql.send("ALTER TABLE main.crm.Accounts SET TBLPROPERTIES ('c' = 'd')")) == "SUCCEEDED");
        REQUIRE(state_of(sql.send("CREATE TABLE main.crm.gone (Id STRING)")) == "SUCCEEDED");
        REQUIRE(state_of(sql.send("DROP TABLE main.crm.gone")) == "SUCCEEDED");
        before = sql.table("main.crm.Accounts");
        ingest_call call(workspace, workspace.zerobus_metadata("main.crm.Accounts"));
        REQUIRE(call.create("main.crm.Accounts", zerobus::JSON));
        call.send_json(0, {R"({"Id":"a"})"});
        REQUIRE(call.wait_for_ack(0));
    }
    {
        peer workspace(chosen);
        sql_client sql(workspace);
        CHECK(sql.table("main.crm.Accounts") == before);
        CHECK(before.at("columns").size() == 3);
        CHECK(before.at("properties") == json{{"a", "b"}, {"c", "d"}});
        CHECK(sql.rows("SELECT Id FROM main.crm.accounts") == json::parse(R"([["a"]])"));
        CHECK(sql.failure("CREATE TABLE main.crm.accounts (Id STRING)")
              == error{"TABLE_OR_VIEW_ALREADY_EXISTS", "42P07"});
        ingest_call call(workspace, workspace.zerobus_metadata("main.crm.Accounts"));
        REQUIRE(call.create("main.crm.Accounts", zerobus::JSON));
        call.send_json(0, {R"({"Id":"b","unknown":1})"});
        CHECK(call.finish().error_code() == grpc::INVALID_ARGUMENT);
        ingest_call gone(workspace, workspace.zerobus_metadata("main.crm.gone"));
        CHECK(!gone.create("main.crm.gone", zerobus::JSON));
        CHECK(gone.finish().error_code() == grpc::NOT_FOUND);
    }
    std::filesystem::remove_all(folder);
}

TEST_CASE("a principal without MODIFY creates and reads tables, and alters none") {
    peer workspace;
    sql_client sql(workspace);
    workspace.fault({{"op", "forbid_alter"}});
    CHECK(state_of(sql.send("CREATE TABLE main.crm.accounts (Id STRING)")) == "SUCCEEDED");
    const std::string alter = "ALTER TABLE main.crm.accounts ";
    for (const std::string text : {"ADD COLUMNS (n INT)", "SET TBLPROPERTIES ('a' = 'b')"}) {
        CHECK(sql.failure(alter + text) == error{"INSUFFICIENT_PERMISSIONS", "42501"});
        const std::string message = sql.send(alter + text).at("status").at("error").at("message");
        CHECK(message.find("User does not have MODIFY on Table 'main.crm.accounts'.") != std::string::npos);
    }
    CHECK(sql.rows("SELECT count(*) FROM main.crm.accounts") == json::parse(R"([["0"]])"));
    CHECK(names_of(sql.table("main.crm.accounts")) == std::vector<std::string>{"Id"});
    CHECK(sql.table("main.crm.accounts").at("properties").empty());
    workspace.fault({{"op", "forbid_alter"}, {"on", false}});
    CHECK(state_of(sql.send(alter + "ADD COLUMNS (n INT)")) == "SUCCEEDED");
    workspace.fault({{"op", "forbid_alter"}});
    workspace.fault({{"op", "clear"}});
    CHECK(state_of(sql.send(alter + "ADD COLUMNS (m INT)")) == "SUCCEEDED");
}
