#include "catch.hpp"

#include "golden/golden.hpp"
#include "row/typed_event.hpp"

#include <string>

#include <sfcdc/row/sql.hpp>
#include <sfcdc/row/typed_layout.hpp>

using namespace sfcdc;

namespace {

std::string columns_of(const row::layout& l) {
    std::string out;
    for (const row::column& c : l.columns()) out += c.name + " " + row::sql_type(c) + "\n";
    return out;
}

const std::string bookkeeping =
    "Id STRING\n_sf_change_type STRING\n_sf_columns_to_update ARRAY<STRING>\n_sf_epoch INT\n"
    "_sf_commit_number BIGINT\n_sf_sequence_number INT\n_sf_record_ordinal INT\n"
    "_sf_committed_at TIMESTAMP\n_sf_replay_id STRING\n_sf_schema_id STRING\n"
    "_sf_snapshot_id STRING\n_sf_transaction_key STRING\n_sf_commit_user STRING\n"
    "_sf_change_origin STRING\n_sf_ingested_at TIMESTAMP\n_sf_rest STRING\n";

cdc::plan plan_of(const std::string& schema) {
    auto [p, bad] = cdc::compile(schema);
    REQUIRE(bad == error{});
    return std::move(p);
}

std::string schema_of(const std::string& fields) {
    std::string out = made::schema();
    out.resize(out.find(R"({"name":"Phone")"));
    return out + fields + "]}";
}

} // namespace

TEST_CASE("typed layout: a field of each kind becomes a column of its type") {
    const cdc::plan p = plan_of(typed_event::schema());
    const auto [l, bad] = row::typed_layout(p);
    REQUIRE(bad == error{});
    CHECK(l.rows() == row::granularity::record);
    CHECK(columns_of(l)
          == bookkeeping
                 + "Name STRING\nSalutation STRING\nFirstName STRING\nLastName STRING\n"
                   "BillingStreet STRING\nBillingCity STRING\nBillingLatitude DOUBLE\n" // "Xyz" is no component
                   "Amount__c DOUBLE\nCount__c DOUBLE\nEmployees INT\nIsActive BOOLEAN\nCreatedDate TIMESTAMP\n"
                   "Birthdate DATE\nOpens__c STRING\nTags__c STRING\nPlace__Latitude__s DOUBLE\n"
                   "Place__Longitude__s DOUBLE\nOffice__Street__s STRING\nOffice__StateCode__s STRING\n"
                   "Notes__c STRING\nBig__c BIGINT\n");
}

TEST_CASE("typed layout: a plan without fields has the columns of bookkeeping alone") {
    CHECK(columns_of(row::typed_layout(cdc::plan()).value) == bookkeeping);
    const auto [nothing, bad] = cdc::compile("{");
    REQUIRE(bad);
    CHECK(columns_of(row::typed_layout(nothing).value) == bookkeeping);
}

TEST_CASE("typed layout: amounts as decimals and picklists as arrays where that is asked for") {
    const cdc::plan p = plan_of(typed_event::schema());
    const row::decimal_field amount[] = {{"Amount__c", 20, 4}, {"Big__c", 38, 0}};
    const auto [l, bad] = row::typed_layout(p, {.decimals = amount, .multi_picklist_arrays = true});
    REQUIRE(bad == error{});
    CHECK(columns_of(l).find("Amount__c DECIMAL(20,4)\n") != std::string::npos);
    CHECK(columns_of(l).find("Big__c DECIMAL(38,0)\n") != std::string::npos);
    CHECK(columns_of(l).find("Tags__c ARRAY<STRING>\n") != std::string::npos);
    const row::decimal_field unknown[] = {{"Amount__c"}, {"Amont__c"}};
    CHECK(row::typed_layout(p, {.decimals = unknown}).error == error{errc::unknown_field, 1});
    const row::decimal_field too_long[] = {{"Amount__c", 39, 2}};
    CHECK(row::typed_layout(p, {.decimals = too_long}).error.code == errc::bad_column_type);
}

TEST_CASE("typed layout: names of components") {
    const cdc::plan p = plan_of(schema_of(
        R"({"name":"Address","type":["null",{"type":"record","name":"Address","fields":[{"name":"City","type":["null","string"]},{"name":"GeocodeAccuracy","type":["null","string"]}]}]},
           {"name":"PersonMailingAddress","type":["null","Address"]},
           {"name":"ns__Site__c","type":["null",{"type":"record","name":"Location","fields":[{"name":"Latitude","type":["null","double"]},{"name":"XyzEncoded","type":["null","string"]}]}]},
           {"name":"Name","type":["null",{"type":"record","name":"PersonName","fields":[{"name":"LastName","type":["null","string"]}]}]})"));
    const auto [l, bad] = row::typed_layout(p);
    REQUIRE(bad == error{});
    CHECK(
        columns_of(l)
        == bookkeeping
               + "City STRING\nGeocodeAccuracy STRING\nPersonMailingCity STRING\nPersonMailingGeocodeAccuracy "
                 "STRING\n"
                 "ns__Site__Latitude__s DOUBLE\nLastName STRING\n"); // no "Name" of a person: events never have the whole
}

TEST_CASE("typed layout: two fields of one column are an error, whatever their capitals") {
    const cdc::plan p = plan_of(schema_of(
        R"({"name":"BillingAddress","type":["null",{"type":"record","name":"Address","fields":[{"name":"City","type":["null","string"]}]}]},
           {"name":"billingcity","type":["null","string"]})"));
    const auto [l, bad] = row::typed_layout(p);
    CHECK(bad == error{errc::column_names_collide, p.find("billingcity").number});
    const cdc::plan id = plan_of(schema_of(R"({"name":"id","type":["null","string"]})"));
    CHECK(row::typed_layout(id).error.code == errc::column_names_collide);
}

TEST_CASE("typed layout: more columns than a table may have are an error") {
    std::string fields;
    for (int i = 0; i < 1985; ++i)
        fields += (i == 0 ? "" : ",") + (R"({"name":"F)" + std::to_string(i) + R"(","type":["null","string"]})");
    CHECK(row::typed_layout(plan_of(schema_of(fields))).error.code == errc::too_many_columns);
    fields.resize(fields.rfind(",{"));
    CHECK(row::typed_layout(plan_of(schema_of(fields))).value.columns().size() == 2000);
}

TEST_CASE("typed layout: a projection has columns for its fields only") {
    const cdc::plan whole = plan_of(typed_event::schema());
    const std::string_view names[] = {"Employees", "BillingAddress"};
    const cdc::plan p = whole.project(names).value;
    CHECK(columns_of(row::typed_layout(p).value)
          == bookkeeping + "BillingStreet STRING\nBillingCity STRING\nBillingLatitude DOUBLE\nEmployees INT\n");
}

TEST_CASE("typed layout: every committed schema has one") {
    for (const golden::event& e : golden::events()) {
        INFO(e.what);
        const cdc::plan p = plan_of(e.schema_json);
        CHECK(row::typed_layout(p).error == error{});
    }
}

TEST_CASE("typed layout: a table is widened behind its columns, which keep their types") {
    const cdc::plan old_plan = plan_of(typed_event::schema({"Employees", "Tags__c"}));
    const row::layout before =
        row::typed_layout(old_plan).value.without(std::vector<std::string_view>{"Amount__c"}).value;
    const row::layout table =
        row::layout::make(
            [&] {
                std::vector<row::column> c(before.columns().begin(), before.columns().end());
                c.push_back(row::column::of_field("amount__C", "Amount__c", row::column_type::string));
                return c;
            }(),
            row::granularity::record)
            .value;
    const cdc::plan p = plan_of(typed_event::schema());
    const row::layout wide = row::widened(table, row::typed_layout(p).value);
    REQUIRE(wide.columns().size() == table.columns().size() + 2);
    for (std::size_t i = 0; i < table.columns().size(); ++i) CHECK(wide.columns()[i] == table.columns()[i]);
    CHECK(wide.columns()[table.columns().size()].name == "Employees");
    CHECK(wide.columns().back().name == "Tags__c");
    CHECK(row::widened(wide, table).columns().size() == wide.columns().size());
}
