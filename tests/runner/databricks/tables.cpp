#include "databricks/tables.hpp"

#include "../http_server.hpp"
#include "catch.hpp"
#include "workspace.hpp"

#include <string>
#include <tuple>
#include <vector>

using namespace sfcdc::runner::databricks;
using test::answers;
using test::ok;
using test::token;

namespace {

outcome<table_description> describe(const test::http_server& server, const std::string& name = "main.crm.accounts") {
    workspace at(test::config_of(server));
    return describe_table(at, name, {}, test::fast());
}
std::string complaint(const std::string& body) {
    test::http_server server(answers{token(), ok(body)});
    const auto refused = describe(server).refused;
    if (!refused) return {};
    CHECK(refused->what == refusal_class::other);
    return refused->message;
}

} // namespace

TEST_CASE("a table is described by its columns, kinds and properties") {
    test::http_server server(answers{token(), ok(R"json({
        "name":"accounts","full_name":"main.crm.accounts","table_id":"t-1","table_type":"MANAGED","data_source_format":"DELTA","owner":"o",
        "properties":{"delta.enableRowTracking":"false"},"created_at":1700000000000,
        "columns":[
          {"name":"Amount","type_text":"decimal(10,2)","type_name":"DECIMAL","position":3,"nullable":false,"comment":"c",
           "type_json":"{\"name\":\"Amount\",\"type\":\"decimal(10,2)\",\"nullable\":false,\"metadata\":{\"delta.generationExpression\":\"1 + 1\"}}"},
          {"name":"Id","type_text":"string","type_name":"STRING","position":0,"partition_index":0,"type_json":"\"string\""},
          {"name":"N","type_text":"bigint","type_name":"LONG","position":1,"mask":{"function_name":"f"},
           "type_json":"{\"metadata\":{\"delta.identity.start\":1}}"}]})json")});
    const auto [table, refused] = describe(server);
    REQUIRE_FALSE(refused);
    CHECK(table.full_name == "main.crm.accounts");
    CHECK(table.table_id == "t-1");
    CHECK(table.table_type == "MANAGED");
    CHECK(table.data_source_format == "DELTA");
    CHECK(table.owner == "o");
    CHECK(table.pipeline_id.empty());
    CHECK_FALSE(table.row_filter);
    CHECK(table.properties.at("delta.enableRowTracking") == "false");
    REQUIRE(table.columns.size() == 3); // by position
    const auto& [id, n, amount] = std::tie(table.columns[0], table.columns[1], table.columns[2]);
    CHECK((id.name == "Id" && id.type_text == "string" && id.type_name == "STRING" && id.nullable && id.partition
           && !id.masked));
    CHECK((n.name == "N" && n.identity && n.masked && n.generation_expression.empty() && !n.partition));
    CHECK((amount.name == "Amount" && !amount.nullable && amount.position == 3 && amount.comment == "c"));
    CHECK(amount.generation_expression == "1 + 1");
    CHECK_FALSE(amount.identity);
    CHECK(server.asked().at(1).starts_with("GET /api/2.1/unity-catalog/tables/main.crm.accounts HTTP/1.1\r\n"));
}

TEST_CASE("a name is one segment of the path, whatever it has in it") {
    test::http_server server(answers{token(), ok(R"({"full_name":"x"})")});
    CHECK_FALSE(describe(server, "a.b c.d/../e?f#g").refused);
    CHECK(server.asked().at(1).starts_with(
        "GET /api/2.1/unity-catalog/tables/a.b%20c.d%2F..%2Fe%3Ff%23g HTTP/1.1\r\n"));
}

TEST_CASE("a table that is missing, and one that may not be seen, are outcomes") {
    test::http_server server(answers{
        token(),
        {"404 x\r\n",
         R"({"error_code":"TABLE_DOES_NOT_EXIST","message":"Table 'main.crm.accounts' does not exist."})"},
        token(),
        {"403 x\r\n",
         R"({"error_code":"PERMISSION_DENIED","message":"User does not have USE SCHEMA on Schema 'main.crm'."})"}});
    const auto missing = describe(server).refused;
    REQUIRE(missing);
    CHECK(missing->what == refusal_class::not_found);
    CHECK(missing->condition == "TABLE_DOES_NOT_EXIST");
    const auto hidden = describe(server).refused;
    REQUIRE(hidden);
    CHECK(hidden->what == refusal_class::no_privilege);
    CHECK(hidden->message.find("USE SCHEMA on Schema 'main.crm'") != std::string::npos);
}

TEST_CASE("columns without positions keep their order") {
    std::string columns;
    for (int i = 0; i < 40; ++i)
        columns += (i == 0 ? "" : ",") + std::string(R"({"name":"c)") + std::to_string(i) + "\"}";
    test::http_server server(answers{token(), ok(R"({"full_name":"a","columns":[)" + columns + "]}")});
    const auto [table, refused] = describe(server);
    REQUIRE_FALSE(refused);
    REQUIRE(table.columns.size() == 40);
    for (int i = 0; i < 40; ++i) CHECK(table.columns[static_cast<std::size_t>(i)].name == "c" + std::to_string(i));
}

TEST_CASE("a description of another form is refused with the place of the mistake") {
    CHECK(complaint(R"({"full_name":"a","columns":[{"name":"a"}]})").empty());
    CHECK(complaint("{}").ends_with("full_name: a name was expected"));
    CHECK(complaint(R"({"full_name":"a","columns":{}})").ends_with("columns: an array was expected"));
    CHECK(
        complaint(R"({"full_name":"a","columns":[{"name":"a"},5]})").ends_with("columns[1]: an object was expected"));
    CHECK(complaint(R"({"full_name":"a","columns":[{}]})").ends_with("columns[0].name: a name was expected"));
    CHECK(complaint(R"({"full_name":"a","columns":[{"name":"a","nullable":"no"}]})")
              .ends_with("columns[0].nullable: true or false was expected"));
    CHECK(complaint(R"({"full_name":"a","columns":[{"name":"a","position":"0"}]})")
              .ends_with("columns[0].position: a whole number was expected"));
    CHECK(complaint(R"({"full_name":"a","columns":[{"name":"a","type_json":{}}]})")
              .ends_with("columns[0].type_json: a string was expected"));
    CHECK(complaint(R"({"full_name":"a","properties":{"a":1}})").ends_with("properties.a: a string was expected"));
    CHECK(complaint(R"({"full_name":"a","table_type":1})").ends_with("table_type: a string was expected"));
    // Metadata of a form that is not known say nothing, and are no mistake.
    for (const char* const json :
         {"{", "[]", R"({\"metadata\":5})", R"({\"metadata\":{\"delta.generationExpression\":5}})"})
        CHECK(complaint(std::string(R"({"full_name":"a","columns":[{"name":"a","type_json":")") + json + R"("}]})")
                  .empty());
}
