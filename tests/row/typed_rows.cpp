// Rows of typed tables: values in their types, the three states of a field, and what no column can hold.
#include "catch.hpp"

#include "golden/golden.hpp"
#include "row/typed_event.hpp"

#include <random>
#include <set>
#include <string>

#include <sfcdc/row/json.hpp>
#include <sfcdc/row/protobuf.hpp>
#include <sfcdc/row/typed_layout.hpp>

#if defined(SFCDC_TESTS_HAVE_PROTOBUF)
#    include "row/dynamic_row.hpp"
#endif

using namespace sfcdc;
using namespace typed_event;
using nlohmann::ordered_json;

namespace {

const row::envelope around{.schema_id = "schema-1", .received_timestamp = 1'760'000'001'234, .epoch = 3};

row::layout layout_for(const cdc::plan& p, const row::typed_options& options = {}) {
    auto [l, bad] = row::typed_layout(p, options);
    REQUIRE(bad == error{});
    return std::move(l);
}

// The row of an event in all forms, which must agree.
ordered_json row_of(const row::layout& l, const decoded& d, const row::record& of = {0, "001xx0000000001AAA"}) {
    const row::bound_layout bound = row::bind(l, d.plan);
    std::string json, unbound;
    CHECK(row::append_json(bound, d.event, around, json, of) == 0);
    row::append_json(l, d.event, around, unbound, of);
    CHECK(json == unbound);
    ordered_json out = ordered_json::parse(json);
#if defined(SFCDC_TESTS_HAVE_PROTOBUF)
    std::string message, unbound_message;
    CHECK(row::append_protobuf(bound, d.event, around, message, of) == 0);
    row::append_protobuf(l, d.event, around, unbound_message, of);
    const ordered_json read = dynamic_row::read(row::descriptor_proto(l), message);
    CHECK(read == dynamic_row::read(row::descriptor_proto(l), unbound_message));
    for (std::size_t i = 0; i < l.columns().size(); ++i) {
        const std::string& name = l.columns()[i].name;
        INFO(name);
        const ordered_json& value = out.at(name);
        if (value.is_null() || (value.is_array() && value.empty()))
            CHECK_FALSE(read.contains(name));
        else if (l.columns()[i].type() == row::column_type::date) // days there, a date here
            CHECK(std::string(std::string_view(row::date_text(read.at(name).get<std::int32_t>())))
                  == value.get<std::string>());
        else
            CHECK(read.at(name) == value);
    }
#endif
    return out;
}

made::header update(const std::vector<std::string>& changed) {
    made::header h;
    h.change_type = 1;
    h.changed = {bitmap(changed)};
    return h;
}
made::header create() {
    made::header h;
    h.change_type = 0;
    return h;
}

} // namespace

TEST_CASE("typed rows: values in the types of their columns") {
    const body values{{"Name", text("Acme")},
                      {"BillingAddress", members({text("Main St"), {}, real(52.5), text("copy")})},
                      {"Amount__c", real(12.25)},
                      {"Count__c", real(-3)},
                      {"Employees", number(-7)},
                      {"IsActive", std::string("\x01")},
                      {"CreatedDate", number(1'760'000'000'123)},
                      {"Birthdate", number(-86'400'000)},
                      {"Opens__c", number(30'600'000)},
                      {"Tags__c", text("a;b")},
                      {"Place__c", members({real(1.5), real(-2)})},
                      {"Office__c", members({text("High St"), {}, text("CA")})},
                      {"Notes__c", text("n")},
                      {"Big__c", number(9'007'199'254'740'993)}};
    const decoded d(schema(), typed_event::payload(create(), values));
    const row::decimal_field amount[] = {{"Amount__c", 38, 2}};
    const ordered_json r = row_of(layout_for(d.plan, {.decimals = amount, .multi_picklist_arrays = true}), d);
    CHECK(r.at("Id") == "001xx0000000001AAA");
    CHECK(r.at("_sf_change_type") == "CREATE");
    CHECK(r.at("_sf_epoch") == 3);
    CHECK(r.at("_sf_committed_at") == 1'760'000'000'000'000);
    CHECK(r.at("_sf_snapshot_id") == nullptr);
    CHECK(r.at("_sf_rest") == nullptr);
    CHECK(r.at("Name") == "Acme");
    CHECK(r.at("FirstName") == nullptr);
    CHECK(r.at("BillingStreet") == "Main St");
    CHECK(r.at("BillingCity") == nullptr);
    CHECK(r.at("BillingLatitude") == 52.5);
    CHECK(r.at("Amount__c") == "12.25");
    CHECK(r.at("Count__c") == -3.0);
    CHECK(r.at("Employees") == -7);
    CHECK(r.at("IsActive") == true);
    CHECK(r.at("CreatedDate") == 1'760'000'000'123'000);
    CHECK(r.at("Birthdate") == "1969-12-31");
    CHECK(r.at("Opens__c") == "08:30:00.000Z");
    CHECK(r.at("Tags__c") == ordered_json({"a", "b"}));
    CHECK(r.at("Place__Longitude__s") == -2.0);
    CHECK(r.at("Office__StateCode__s") == "CA");
    CHECK(r.at("Big__c") == 9'007'199'254'740'993);
}

TEST_CASE("typed rows: a name is a text, or the parts of a person's") {
    const row::layout l = layout_for(decoded(schema(), typed_event::payload(create(), {})).plan);
    const decoded person(
        schema(), typed_event::payload(create(), {{"Name", "record:" + members({{}, text("Ada"), text("Byron")})}}));
    const ordered_json r = row_of(l, person);
    CHECK(r.at("Name") == nullptr);
    CHECK(r.at("FirstName") == "Ada");
    CHECK(r.at("LastName") == "Byron");
    CHECK(r.at("_sf_rest") == nullptr);
}

TEST_CASE("typed rows: an update says what it sets, clears, and leaves alone") {
    made::header h = update({"Employees", "Notes__c"});
    h.changed.push_back("2-0x02"); // BillingAddress.City
    h.nulled = {bitmap({"Amount__c"})};
    const decoded d(schema(), typed_event::payload(h, {{"Employees", number(5)},
                                                       {"BillingAddress", members({{}, text("Bern"), {}, {}})}}));
    const ordered_json r = row_of(layout_for(d.plan), d);
    CHECK(r.at("_sf_columns_to_update")
          == ordered_json({"_sf_committed_at", "Amount__c", "Employees", "Notes__c", "BillingCity"}));
    CHECK(r.at("Employees") == 5);      // a value
    CHECK(r.at("Notes__c") == nullptr); // cleared: listed and null
    CHECK(r.at("Amount__c") == nullptr);
    CHECK(r.at("Count__c") == nullptr); // unchanged: not listed
    CHECK(r.at("BillingCity") == "Bern");
    CHECK(r.at("_sf_rest") == nullptr);
}

TEST_CASE("typed rows: a compound in a list stands for all of its components") {
    const decoded d(schema(), typed_event::payload(update({"BillingAddress"}), {}));
    const ordered_json r = row_of(layout_for(d.plan), d);
    CHECK(r.at("_sf_columns_to_update")
          == ordered_json({"_sf_committed_at", "BillingStreet", "BillingCity", "BillingLatitude"}));
}

TEST_CASE("typed rows: events without a body set nothing, those of a whole record all that the schema has") {
    for (const int type : {2, 4, 5, 6, 7, 8, 10}) { // DELETE, the gaps, an unknown one
        made::header h;
        h.change_type = type;
        h.changed = {bitmap({"Employees"})};
        const decoded d(schema(), typed_event::payload(h, {}));
        CHECK(row_of(layout_for(d.plan), d).at("_sf_columns_to_update") == ordered_json::array());
    }
    const decoded old(schema({"Employees", "Place__c"}),
                      typed_event::payload(create(), {}, {"Employees", "Place__c"}));
    const row::layout l = layout_for(decoded(schema(), typed_event::payload(create(), {})).plan);
    ordered_json all = ordered_json::array({"_sf_committed_at"});
    for (const row::column& c : l.columns())
        if (c.source == row::column_source::field && c.field != "Employees" && !c.field.starts_with("Place__c"))
            all.push_back(c.name);
    const ordered_json listed = row_of(l, old).at("_sf_columns_to_update");
    CHECK(std::set<std::string>(listed.begin(), listed.end()) == std::set<std::string>(all.begin(), all.end()));
}

TEST_CASE("typed rows: fields without a column go to the rest") {
    const row::layout l = layout_for(decoded(schema({"Employees", "Place__c", "Name"}),
                                             typed_event::payload(create(), {}, {"Employees", "Place__c", "Name"}))
                                         .plan);
    made::header h = update({"Employees", "Notes__c", "Place__c"});
    h.nulled = {bitmap({"Name"})};
    const decoded d(schema(), typed_event::payload(h, {{"Employees", number(5)},
                                                       {"Notes__c", text("n")},
                                                       {"Place__c", members({real(1.5), {}})}}));
    const ordered_json r = row_of(l, d);
    CHECK(r.at("Notes__c") == "n");
    CHECK(r.at("_sf_columns_to_update") == ordered_json({"_sf_committed_at", "Notes__c"}));
    CHECK(ordered_json::parse(r.at("_sf_rest").get<std::string>())
          == ordered_json::parse(R"({"Name":null,"Employees":5,"Place__c":{"Latitude":1.5,"Longitude":null}})"));
    // A compound that is cleared as a whole.
    const decoded place(schema(), typed_event::payload(update({"Place__c"}), {}));
    CHECK(row_of(l, place).at("_sf_rest") == R"({"Place__c":null})");
    const decoded half(schema(), typed_event::payload(update({"Office__c"}), {}));
    CHECK(row_of(l, half).at("_sf_rest") == R"({"Office__c":{"State":null}})");
    // A new record's empty fields are no news.
    const decoded c(schema(), typed_event::payload(create(), {{"Employees", number(6)}, {"Name", text("Acme")}}));
    CHECK(row_of(l, c).at("_sf_rest") == R"({"Name":"Acme","Employees":6})");
    const decoded nothing(schema(), typed_event::payload(create(), {}));
    CHECK(row_of(l, nothing).at("_sf_rest") == nullptr);
    // Custom addresses have columns for the codes only.
    const decoded office(schema(),
                         typed_event::payload(create(), {{"Office__c", members({{}, text("Bavaria"), {}})}}));
    CHECK(row_of(l, office).at("_sf_rest") == R"({"Office__c":{"State":"Bavaria"}})");
}

TEST_CASE("typed rows: a value that does not fit its column goes to the rest, and is not listed") {
    const row::layout now = layout_for(decoded(schema(), typed_event::payload(create(), {})).plan);
    SECTION("the field has another type") {
        const decoded d(schema({}, "\"string\""),
                        typed_event::payload(update({"Amount__c"}), {{"Amount__c", text("12 EUR")}}));
        const ordered_json r = row_of(now, d);
        CHECK(r.at("Amount__c") == nullptr);
        CHECK(r.at("_sf_columns_to_update") == ordered_json({"_sf_committed_at"}));
        CHECK(r.at("_sf_rest") == R"({"Amount__c":"12 EUR"})");
    }
    SECTION("more decimals than the column has") {
        const row::decimal_field amount[] = {{"Amount__c", 38, 2}};
        const decoded d(schema(), typed_event::payload(update({"Amount__c"}), {{"Amount__c", real(0.125)}}));
        const ordered_json r = row_of(layout_for(d.plan, {.decimals = amount}), d);
        CHECK(r.at("Amount__c") == nullptr);
        CHECK(r.at("_sf_columns_to_update") == ordered_json({"_sf_committed_at"}));
        CHECK(r.at("_sf_rest") == R"({"Amount__c":0.125})");
    }
    SECTION("times out of range") {
        const decoded d(schema(), typed_event::payload(create(), {{"CreatedDate", number(INT64_MAX)},
                                                                  {"Birthdate", number(INT64_MIN)},
                                                                  {"Opens__c", number(-1)}}));
        const ordered_json r = row_of(now, d);
        const ordered_json& listed = r.at("_sf_columns_to_update");
        for (const char* name : {"CreatedDate", "Birthdate", "Opens__c"}) {
            CHECK(r.at(name) == nullptr);
            CHECK(std::count(listed.begin(), listed.end(), name) == 0);
        }
        // A new record sets all others.
        std::size_t fields = 1; // the time of the commit
        for (const row::column& c : now.columns()) fields += c.source == row::column_source::field ? 1 : 0;
        CHECK(listed.size() == fields - 3);
        CHECK(r.at("_sf_rest")
              == R"({"CreatedDate":9223372036854775807,"Birthdate":-9223372036854775808,"Opens__c":-1})");
    }
    SECTION("a patch is no value") {
        made::header h = update({"Notes__c", "Employees"});
        h.diff = {bitmap({"Notes__c"})};
        const decoded d(schema(),
                        typed_event::payload(h, {{"Notes__c", text("--- \n+++ ")}, {"Employees", number(1)}}));
        const ordered_json r = row_of(now, d);
        CHECK(r.at("Notes__c") == nullptr);
        CHECK(r.at("_sf_columns_to_update") == ordered_json({"_sf_committed_at", "Employees"}));
        CHECK(r.at("_sf_rest") == R"({"_sf_diff":{"Notes__c":"--- \n+++ "}})");
    }
}

TEST_CASE("typed rows: columns of one's own choice") {
    using source = row::column_source;
    const auto [l, bad] =
        row::layout::make({{"position", source::replay_id_hex},
                           row::column::of_field("city", "BillingAddress.City", row::column_type::string),
                           row::column::of_field("n", "Employees", row::column_type::bigint),
                           row::column::of_field("again", "Employees", row::column_type::double_),
                           row::column::of_field("gone", "Gone__c", row::column_type::string)});
    REQUIRE(bad == error{});
    const decoded d(schema(),
                    typed_event::payload(create(), {{"Employees", number(5)},
                                                    {"BillingAddress", members({{}, text("Bern"), {}, {}})}}));
    const ordered_json r = row_of(l, d);
    CHECK(r.dump() == R"({"position":null,"city":"Bern","n":5,"again":5,"gone":null})");
}

TEST_CASE("typed rows: text that is not UTF-8 is mended in both forms") {
    const decoded d(schema(), typed_event::payload(create(), {{"Notes__c", text("a\xff"
                                                                                "b")}}));
    const row::layout l = layout_for(d.plan);
    const row::bound_layout bound = row::bind(l, d.plan);
    std::string json, message;
    CHECK(row::append_json(bound, d.event, around, json) == 1);
    CHECK(row::append_protobuf(bound, d.event, around, message) == 1);
    CHECK(ordered_json::parse(json).at("Notes__c")
          == "a\xEF\xBF\xBD"
             "b");
    CHECK(message.find("a\xEF\xBF\xBD"
                       "b")
          != std::string::npos);
}

TEST_CASE("typed rows: golden events give the same row in both forms") {
    for (const golden::event& e : golden::events()) {
        INFO(e.what);
        const decoded d(e.schema_json, e.payload);
        const ordered_json r = row_of(layout_for(d.plan), d);
        CHECK(r.at("_sf_schema_id") == "schema-1");
        if (!e.expect.at("diff").empty()) continue;
        for (const auto& [name, value] : e.expect.at("body").items()) // what the event states stands in its column
            if (value.is_string() && r.contains(name)) CHECK(r.at(name) == value);
    }
}
