#include "catch.hpp"

#include "row/typed_event.hpp"

#include <string>

#include <sfcdc/row/current_sql.hpp>
#include <sfcdc/row/sql.hpp>

using namespace sfcdc;

TEST_CASE("sql: names and texts are quoted") {
    using enum row::sql_dialect;
    CHECK(row::sql_table_name("main.crm.accounts") == "`main`.`crm`.`accounts`");
    CHECK(row::sql_table_name("a`b.c", databricks) == "`a``b`.`c`");
    CHECK(row::sql_identifier("a\"b", duckdb) == "\"a\"\"b\"");
    CHECK(row::sql_literal("it's \\ so", databricks) == "'it\\'s \\\\ so'");
    CHECK(row::sql_literal("it's \\ so", duckdb) == "'it''s \\ so'");
}

TEST_CASE("sql: a table for Zerobus, and the columns that it lacks") {
    const row::layout small = row::layout::make({{"Id", row::column_source::record_id},
                                                 row::column::of_decimal("Amount__c", "Amount__c", 20, 4)})
                                  .value;
    CHECK(row::create_table_sql(small, "main.crm.changes")
          == "CREATE TABLE IF NOT EXISTS `main`.`crm`.`changes` (\n  `Id` STRING COMMENT 'record id',\n  `Amount__c` "
             "DECIMAL(20,4) COMMENT 'Salesforce field Amount__c'\n)"
             " USING DELTA\nCOMMENT 'Salesforce change events, appended by sfcdc'\n"
             "TBLPROPERTIES ('delta.enableRowTracking' = 'false')");
    const row::layout more =
        row::layout::make({{"Id", row::column_source::record_id},
                           row::column::of_field("amount__c", "Amount__c", row::column_type::double_),
                           row::column::of_field("Region__c", "Region__c", row::column_type::string),
                           row::column::of_field("Tags__c", "Tags__c", row::column_type::string_array)})
            .value;
    CHECK(row::add_columns_sql(small, more, "main.crm.changes")
          == "ALTER TABLE `main`.`crm`.`changes` ADD COLUMNS (`Region__c` STRING, `Tags__c` ARRAY<STRING>)");
    CHECK(row::add_columns_sql(more, small, "main.crm.changes").empty());
}

TEST_CASE("sql: the current state needs the bookkeeping columns") {
    const auto [p, bad] = cdc::compile(typed_event::schema());
    REQUIRE(bad == error{});
    const row::layout l = row::typed_layout(p).value;
    const std::string flow = row::auto_cdc_sql(l, "main.crm.history", "main.crm.accounts");
    CHECK(flow.find("CREATE FLOW `accounts_changes` AS AUTO CDC INTO `main`.`crm`.`accounts`\n")
          != std::string::npos);
    CHECK(
        flow.find("SEQUENCE BY STRUCT(`_sf_epoch`, `_sf_commit_number`, `_sf_sequence_number`, `_sf_record_ordinal`)")
        != std::string::npos);
    CHECK(flow.find("COLUMNS TO UPDATE `_sf_columns_to_update`") != std::string::npos);
    const std::size_t except = flow.find("COLUMNS * EXCEPT (");
    REQUIRE(except != std::string::npos);
    const std::string excluded = flow.substr(except, flow.find(')', except) - except);
    CHECK(excluded.find("_sf_rest") != std::string::npos);
    CHECK(excluded.find("_sf_committed_at") == std::string::npos); // it moves with the record
    CHECK(excluded.find("`Name`") == std::string::npos);
    CHECK(row::merge_sql(l, "h", "b", "t").find("array_contains(l.`_sf_columns_to_update`, 'Amount__c')")
          != std::string::npos);
    const row::layout without = l.without(std::vector<std::string_view>{"_sf_epoch"}).value;
    CHECK(row::auto_cdc_sql(without, "h", "t").empty());
    CHECK(row::merge_sql(without, "h", "b", "t").empty());
}

TEST_CASE("sql: types of Unity Catalog are read") {
    using enum row::column_type;
    const auto type_of = [](std::string_view text) {
        const auto c = row::read_sql_type(text);
        return c ? row::sql_type(*c) : std::string("none");
    };
    for (const auto type : {string, integer, bigint, timestamp, binary, string_array, boolean, double_, date}) {
        const row::column c = row::column::of_field("a", "a", type);
        CHECK(type_of(row::sql_type(c)) == row::sql_type(c));
    }
    CHECK(type_of("array<string>") == "ARRAY<STRING>");
    CHECK(type_of("timestamp_ntz") == "TIMESTAMP");
    CHECK(type_of("decimal") == "DECIMAL(10,0)");
    CHECK(type_of("decimal(12)") == "DECIMAL(12,0)");
    CHECK(type_of("Decimal(38, 18)") == "DECIMAL(38,18)");
    for (const char* const bad :
         {"", "decimal(", "decimal()", "decimal(0,0)", "decimal(39,1)", "decimal(4,5)", "decimal(4,)", "decimal(a,1)",
          "decimal(4,1", "decimal(4)x", "decimal4", "decimal(444444444444444444444,1)", "smallint", "float",
          "struct<a:int>", "array<int>"})
        CHECK(type_of(bad) == "none");
}

TEST_CASE("sql: a view without the rows that came twice") {
    const std::string text = row::dedupe_view_sql(row::layout::sfcdc(), "main.crm.events", "main.crm.unique_events");
    CHECK(
        text
        == "CREATE OR REPLACE VIEW `main`.`crm`.`unique_events` AS\nSELECT `org_id`, `topic`, `replay_id`, "
           "`record_ordinal`, `event_id`, `schema_id`, `entity_name`, `change_type`, `record_id`, `transaction_key`, "
           "`sequence_number`, `commit_number`, `commit_timestamp`, `commit_user`, `change_origin`, "
           "`changed_fields`, "
           "`nulled_fields`, `diff_fields`, `record_data`, `ingested_at`\nFROM (SELECT *, row_number() OVER "
           "(PARTITION BY "
           "`org_id`, `topic`, `replay_id`, `record_ordinal`, `record_id` ORDER BY `ingested_at`) AS _sf_copy FROM "
           "`main`.`crm`.`events`)\nWHERE _sf_copy = 1");
    CHECK(!row::dedupe_view_sql(row::layout::salesforce_zerobus(), "t", "v").empty());
    const row::layout without = row::layout::sfcdc().without(std::vector<std::string_view>{"record_ordinal"}).value;
    CHECK(row::dedupe_view_sql(without, "t", "v").empty());
}

TEST_CASE("sql: what stands in the rest is taken into the current state where its type is the column's") {
    const auto [p, bad] = cdc::compile(typed_event::schema());
    REQUIRE(bad == error{});
    const row::layout l = row::typed_layout(p).value;
    const std::string merge = row::merge_sql(l, "h", "b", "t", row::sql_dialect::duckdb);
    CHECK(merge.find("json_type(h.\"_sf_rest\", '$.\"Name\"')") != std::string::npos);
    const row::layout without = l.without(std::vector<std::string_view>{"_sf_rest"}).value;
    CHECK(row::merge_sql(without, "h", "b", "t", row::sql_dialect::duckdb).find("json_type") == std::string::npos);
}
