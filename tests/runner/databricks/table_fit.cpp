#include "databricks/table_fit.hpp"
#include "operations/failure.hpp"

#include <catch2/catch.hpp>

#include <sfcdc/row/typed_layout.hpp>

#include <string>
#include <utility>
#include <vector>

using namespace sfcdc;
using namespace sfcdc::runner::databricks;
using row::column;
using row::column_type;

namespace {

// What check_fit() complains of, between "rows: " and the full stop; empty: nothing.
std::string complaint(const table_fit& f) {
    try {
        check_fit(f, "t");
        return {};
    } catch (const sfcdc::runner::failure& why) {
        const std::string said = why.what(), front = "The table t cannot take the rows: ";
        REQUIRE(said.starts_with(front));
        return said.substr(front.size(), said.size() - front.size() - 1);
    }
}

table_description table(std::vector<column_description> columns) {
    table_description t;
    t.full_name = "main.crm.accounts";
    t.table_type = "MANAGED";
    t.data_source_format = "DELTA";
    t.columns = std::move(columns);
    return t;
}
column_description has(std::string name, std::string type) {
    column_description c;
    c.name = std::move(name);
    c.type_text = std::move(type);
    return c;
}
std::string names(const row::layout& l) {
    std::string out;
    for (const column& c : l.columns()) out += c.name + ":" + std::string(to_string(c.type())) + " ";
    return out;
}
const row::layout typed = row::layout::make({{"Id", row::column_source::record_id},
                                             {"_sf_rest", row::column_source::rest_json},
                                             column::of_field("Name", "Name", column_type::string),
                                             column::of_field("Amount__c", "Amount__c", column_type::double_)},
                                            row::granularity::record)
                              .value;
const row::layout fixed =
    row::layout::make({{"org_id", row::column_source::org_id}, {"topic", row::column_source::topic_name}}).value;

} // namespace

TEST_CASE("table_fit: a table as the rows want it") {
    const table_fit f = fit(fixed, table({has("topic", "string"), has("org_id", "string"), has("more", "int")}));
    CHECK(f.differences.empty());
    CHECK(!f.blocked());
    CHECK(names(f.rows) == "org_id:STRING topic:STRING ");
    CHECK(f.missing.columns().empty());
}

TEST_CASE(
    "table_fit: rows take the spelling of the table, and its types where values get there exactly or into the rest") {
    const table_fit f = fit(typed, table({has("ID", "string"), has("_sf_rest", "string"), has("name", "string"),
                                          has("amount__c", "decimal(12,2)")}));
    CHECK(f.differences.empty());
    CHECK(names(f.rows) == "ID:STRING _sf_rest:STRING name:STRING amount__c:DECIMAL ");
    CHECK(f.rows.columns()[3].scale == 2);
    CHECK(f.rows.columns()[3].field == "Amount__c");
}

TEST_CASE("table_fit: fields may lack a column where there is one for the rest, and nothing else may") {
    const table_fit f = fit(typed, table({has("Id", "string"), has("_sf_rest", "string")}));
    CHECK(!f.blocked());
    CHECK(names(f.missing) == "Name:STRING Amount__c:DOUBLE ");
    REQUIRE(f.differences.size() == 1);
    CHECK(f.differences[0].is_missing_columns);
    CHECK(f.differences[0].statement
          == "ALTER TABLE `main`.`crm`.`accounts` ADD COLUMNS (`Name` STRING, `Amount__c` DOUBLE)");

    const table_fit no_rest =
        fit(typed, table({has("Id", "string"), has("Name", "string"), has("Amount__c", "double")}));
    CHECK(no_rest.blocked());
    const table_fit of_fixed = fit(fixed, table({has("org_id", "string")}));
    CHECK(of_fixed.blocked());
    CHECK(complaint(of_fixed)
          == "the column topic is missing (ALTER TABLE `main`.`crm`.`accounts` ADD COLUMNS (`topic` STRING))");
}

TEST_CASE("table_fit: columns of other types") {
    const table_fit f = fit(typed, table({has("Id", "string"), has("_sf_rest", "string"), has("Name", "bigint"),
                                          has("Amount__c", "float")}));
    CHECK(!f.blocked());
    CHECK(names(f.rows) == "Id:STRING _sf_rest:STRING ");
    CHECK(names(f.missing).empty()); // ADD COLUMNS would not help
    CHECK(f.differences.size() == 2);
    CHECK(fit(typed, table({has("Id", "bigint"), has("_sf_rest", "string")})).blocked());
    CHECK(fit(fixed, table({has("org_id", "string"), has("topic", "int")})).blocked());
}

TEST_CASE("table_fit: what Zerobus does not take") {
    const auto blocked_by = [](auto&& change) {
        table_description t = table({has("org_id", "string"), has("topic", "string")});
        change(t);
        return complaint(fit(fixed, t));
    };
    CHECK(blocked_by([](auto&) {}).empty());
    CHECK(blocked_by([](auto& t) { t.table_type = "VIEW"; }).starts_with("it is of the type VIEW"));
    CHECK(blocked_by([](auto& t) { t.table_type = "STREAMING_TABLE"; }).empty());
    CHECK(blocked_by([](auto& t) { t.data_source_format = "ICEBERG"; }).starts_with("its format is ICEBERG"));
    CHECK(blocked_by([](auto& t) {
              t.properties["delta.enableRowTracking"] = "true";
          }).find("SET TBLPROPERTIES ('delta.enableRowTracking' = 'false')")
          != std::string::npos);
    CHECK(blocked_by([](auto& t) { t.properties["delta.enableRowTracking"] = "false"; }).empty());
    CHECK(blocked_by([](auto& t) {
              t.properties["delta.feature.catalogManaged"] = "supported";
          }).starts_with("its commits are managed by the catalog"));
    CHECK(blocked_by([](auto& t) {
              t.columns[0].generation_expression = "upper(topic)";
          }).starts_with("the column org_id is generated"));
    CHECK(blocked_by([](auto& t) { t.columns[0].identity = true; }).starts_with("the column org_id is generated"));
    CHECK(blocked_by([](auto& t) {
              t.columns.push_back(has("extra", "int"));
              t.columns.back().nullable = false;
          })
          == "the column extra is NOT NULL, and the rows have no value for it (ALTER TABLE `main`.`crm`.`accounts` "
             "ALTER COLUMN `extra` DROP NOT NULL)");
    // These are said, and the rows go on.
    CHECK(blocked_by([](auto& t) { t.columns[0].nullable = false; }).empty());
    CHECK(blocked_by([](auto& t) { t.columns[0].masked = true; }).empty());
    CHECK(blocked_by([](auto& t) { t.row_filter = true; }).empty());
    CHECK(blocked_by([](auto& t) { t.pipeline_id = "p"; }).empty());
}
