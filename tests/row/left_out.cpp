// What a plan leaves out stands in no form of a row: values are planted, and looked for in all of them.
#include "catch.hpp"

#include "row/typed_event.hpp"

#include <algorithm>
#include <string>
#include <string_view>
#include <vector>

#include <nlohmann/json.hpp>

#include <sfcdc/row/arrow.hpp>
#include <sfcdc/row/json.hpp>
#include <sfcdc/row/protobuf.hpp>
#include <sfcdc/row/typed_layout.hpp>

using namespace sfcdc;
using typed_event::bitmap;
using typed_event::members;
using typed_event::real;
using typed_event::text;

namespace {

// A value of each field, by which it is found again: texts, and numbers of digits that nothing else has.
typed_event::body planted(bool person) {
    return {{"Name", person ? "record:" + members({text("Planted-Salutation"), text("Planted-FirstName"), {}})
                            : text("Planted-Name")},
            {"BillingAddress", members({text("Planted-Street"), text("Planted-City"), real(-5151.515625), {}})},
            {"Employees", typed_event::number(61'616'161)},
            {"Birthdate", typed_event::number(71'717'171'717)},
            {"Tags__c", text("Planted-Tag;b")},
            {"Place__c", members({real(8181.8125), {}})},
            {"Office__c", members({text("Planted-Office"), {}, {}})},
            {"Notes__c", text("Planted-Notes")}};
}

// Every text that can be made of an event, one behind the other.
std::string all_forms(const cdc::plan& p, std::string_view payload) {
    const exact_bytes block(payload);
    cdc::decoder decoder;
    const auto [event, bad] = decoder.decode(p, block.span());
    REQUIRE_FALSE(bad);
    std::string out;
    row::append_event_json(event, out);
    row::append_body_json(event, out);
    row::append_stated_json(event, out);
    row::append_datum_json(event, out);
    for (std::uint32_t f = 1; f < p.size(); ++f) row::append_field_json(event, {f}, out);

    // A table of the whole schema, in which the fields that are left out have columns; one of what the plan sees; and one
    // without columns of fields, so that everything goes to _sf_rest.
    const row::layout whole = row::typed_layout(cdc::compile(typed_event::schema()).value).value;
    const row::layout seen = row::typed_layout(p).value;
    const row::layout none = row::layout::make(row::bookkeeping_columns()).value;
    for (const row::layout* const l : {&whole, &seen, &none}) {
        const row::bound_layout bound = row::bind(*l, p);
        const row::envelope around{.received_timestamp = 1};
        row::append_json(bound, event, around, out);
        row::append_protobuf(bound, event, around, out);
    }
    return out;
}

const std::vector<std::string>& traces() {
    static const std::vector<std::string> all{"Planted-Name",   "Planted-Salutation", "Planted-FirstName",
                                              "Planted-Street", "Planted-City",       "-5151.515625",
                                              "61616161",       "71717171717",        "Planted-Tag",
                                              "8181.8125",      "Planted-Office",     "Planted-Notes"};
    return all;
}

std::vector<std::string> found(const std::string& in) {
    std::vector<std::string> out;
    for (const std::string& trace : traces())
        if (in.find(trace) != std::string::npos) out.push_back(trace);
    return out;
}

cdc::plan without(const std::vector<std::string>& names) {
    const cdc::plan whole = cdc::compile(typed_event::schema()).value;
    std::vector<avro::field> fields;
    for (const std::string& name : names) {
        INFO(name);
        REQUIRE(whole.find(name));
        fields.push_back(whole.find(name));
    }
    return whole.without(fields);
}

made::header of_type(int change_type, const std::vector<std::string>& changed = {}) {
    made::header h;
    h.change_type = change_type;
    if (!changed.empty()) h.changed = {bitmap(changed)};
    return h;
}
constexpr int create = 0, update = 1;

std::string all_of_an_event(const cdc::plan& p, int change_type, bool person) {
    made::header h = of_type(change_type);
    if (change_type == update) h.changed = {bitmap(typed_event::names())};
    return all_forms(p, typed_event::payload(h, planted(person)));
}

} // namespace

TEST_CASE("left out: a field's value is in no form of a row, and all others are") {
    struct expectation {
        std::vector<std::string> fields, values;
    };
    const expectation all[] = {
        {{"Name"}, {"Planted-Name", "Planted-Salutation", "Planted-FirstName"}},
        {{"Name.FirstName"}, {"Planted-FirstName"}},
        {{"BillingAddress"}, {"Planted-Street", "Planted-City", "-5151.515625"}},
        {{"BillingAddress.City"}, {"Planted-City"}},
        {{"BillingAddress.Latitude", "BillingAddress.Street"}, {"Planted-Street", "-5151.515625"}},
        {{"Employees"}, {"61616161"}},
        {{"Birthdate", "Tags__c"}, {"71717171717", "Planted-Tag"}},
        {{"Place__c.Latitude"}, {"8181.8125"}},
        {{"Office__c.Street", "Office__c.State", "Office__c.StateCode"}, {"Planted-Office"}},
        {{"Notes__c"}, {"Planted-Notes"}}};
    for (const bool person : {false, true})
        for (const int change_type : {create, update}) {
            const std::vector<std::string> there = found(all_of_an_event(without({}), change_type, person));
            CHECK(there.size() == (person ? 11 : 10)); // so that the search can find them
            for (const expectation& e : all) {
                INFO(e.fields.front() << ", change type " << change_type << ", person " << person);
                std::vector<std::string> expected;
                for (const std::string& trace : there)
                    if (std::find(e.values.begin(), e.values.end(), trace) == e.values.end())
                        expected.push_back(trace);
                CHECK(found(all_of_an_event(without(e.fields), change_type, person)) == expected);
            }
        }
}

TEST_CASE("left out: the patch of a long text, and a compound that is said to be one") {
    made::header h = of_type(update, {"Notes__c", "BillingAddress"});
    h.diff = {bitmap({"Notes__c", "BillingAddress"})};
    const std::string payload = typed_event::payload(h, planted(false));
    const auto has = [](const std::string& in, std::string_view what) { return in.find(what) != std::string::npos; };
    CHECK(has(all_forms(without({}), payload), R"("Notes__c\":\"Planted-Notes)"));
    const std::string forms = all_forms(without({"Notes__c", "BillingAddress.City"}), payload);
    CHECK_FALSE(has(forms, "Planted-Notes"));
    CHECK_FALSE(has(forms, "Planted-City"));
    CHECK(has(forms, "Planted-Street"));
}

TEST_CASE("left out: what is cleared is not in _sf_rest either") {
    const auto rest_of = [](const cdc::plan& p, const made::header& h, const typed_event::body& values) {
        const exact_bytes block(typed_event::payload(h, values));
        cdc::decoder decoder;
        const auto [event, bad] = decoder.decode(p, block.span());
        REQUIRE_FALSE(bad);
        const row::layout l = row::typed_layout(p).value;
        std::string out;
        row::append_json(row::bind(l, p), event, {}, out);
        return nlohmann::json::parse(out).at("_sf_rest");
    };
    made::header h = of_type(update, {"Notes__c", "BillingAddress"});
    CHECK(rest_of(without({"Notes__c", "BillingAddress.City"}), h, {}) == nullptr);
    h.diff = {bitmap({"Notes__c"})};
    CHECK(rest_of(without({"Notes__c"}), h, {{"Notes__c", text("p")}}) == nullptr);
    CHECK(rest_of(without({"Employees"}), h, {{"Notes__c", text("p")}}) == R"({"_sf_diff":{"Notes__c":"p"}})");
}

TEST_CASE("left out: Arrow batches") {
    const auto bytes_of = [](const cdc::plan& p) {
        const exact_bytes block(typed_event::payload(of_type(create), planted(true)));
        cdc::decoder decoder;
        const auto [event, bad] = decoder.decode(p, block.span());
        REQUIRE_FALSE(bad);
        row::arrow_batch batch(row::typed_layout(cdc::compile(typed_event::schema()).value).value);
        const row::bound_layout bound = row::bind(batch.layout(), p);
        REQUIRE(batch.append(bound, event, {}) == errc::none);
        ArrowArray array;
        batch.close(&array);
        std::string out;
        for (std::int64_t i = 0; i < array.n_children; ++i) {
            const ArrowArray& column = *array.children[i];
            if (column.n_buffers != 3 || column.length != 1) continue;
            const auto* const ends = static_cast<const std::int32_t*>(column.buffers[1]);
            out.append(static_cast<const char*>(column.buffers[2]), static_cast<std::size_t>(ends[1]));
        }
        array.release(&array);
        return out;
    };
    const std::string whole = bytes_of(without({})),
                      less = bytes_of(without({"Name.FirstName", "BillingAddress", "Notes__c"}));
    for (const char* const trace : {"Planted-FirstName", "Planted-Street", "Planted-City", "Planted-Notes"}) {
        CHECK(whole.find(trace) != std::string::npos);
        CHECK(less.find(trace) == std::string::npos);
    }
    CHECK(less.find("Planted-Salutation") != std::string::npos);
}
