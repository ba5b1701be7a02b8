#include "../catch.hpp"
#include "avro_reader.hpp"

#include "emulator/org.hpp"
#include "emulator/workload.hpp"

#include <algorithm>
#include <map>
#include <set>

using namespace emulator;
using nlohmann::ordered_json;

namespace {

std::vector<stored_event> run(std::uint64_t seed, std::size_t count) {
    bells nobody;
    org to(seed, std::nullopt, nobody);
    workload generator(seed);
    generator.begin(count);
    std::vector<new_event> events;
    while (events.size() < count)
        for (auto& event : generator.next_transaction(count - events.size(), to)) events.push_back(std::move(event));
    REQUIRE(events.size() == count);
    to.publish(events);
    auto stored = to.read(all_changes_topic, 0, count).events;
    for (auto& order : to.read("/event/Order_Event__e", 0, count).events) stored.push_back(std::move(order));
    std::sort(stored.begin(), stored.end(), [](const auto& a, const auto& b) { return a.counter < b.counter; });
    return stored;
}

} // namespace

TEST_CASE("the same seed makes the same events") {
    const auto first = run(5, 2000), second = run(5, 2000), other = run(6, 2000);
    REQUIRE(first.size() == 2000);
    for (std::size_t i = 0; i < first.size(); ++i) {
        REQUIRE(first[i].counter == second[i].counter);
        REQUIRE(first[i].event.id == second[i].event.id);
        REQUIRE(first[i].event.payload == second[i].event.payload);
    }
    CHECK(first[0].event.payload != other[0].event.payload);
}

TEST_CASE("20,000 events keep what a bus promises, and have every shape") {
    constexpr std::size_t count = 20'000;
    const auto events = run(1, count);
    REQUIRE(events.size() == count);

    std::map<std::string, ordered_json> schemas;
    for (const event_schema* schema : {&all_schemas().account, &all_schemas().account_extended,
                                       &all_schemas().contact, &all_schemas().invoice, &all_schemas().order_event})
        schemas[schema->id] = ordered_json::parse(schema->json);

    std::map<std::string, int> shapes;
    std::set<std::string> ids;
    std::string previous_key;
    std::int64_t previous_number = 0, previous_sequence = 0;
    std::size_t old_schema_after_new = 0;
    bool seen_new = false;
    for (std::size_t i = 0; i < count; ++i) {
        const auto& [counter, event] = events[i];
        if (i > 0) REQUIRE(counter > events[i - 1].counter);
        REQUIRE(!event.payload.empty());
        REQUIRE(ids.insert(event.id).second);
        const ordered_json datum = test::avro_reader::read(schemas.at(event.schema_id), event.payload);
        shapes[event.entity] += 1;
        seen_new = seen_new || event.schema_id == all_schemas().account_extended.id;
        if (seen_new && event.schema_id == all_schemas().account.id) ++old_schema_after_new;
        if (event.entity == "Order_Event__e") continue;

        const ordered_json& header = datum.at("ChangeEventHeader");
        REQUIRE(header.at("entityName") == event.entity);
        for (const auto& record : header.at("recordIds")) REQUIRE(record.get<std::string>().size() == 18);
        const std::string type = header.at("changeType");
        shapes[type] += 1;
        const auto changed = header.at("changedFields").get<std::vector<std::string>>();
        if (type != "UPDATE")
            REQUIRE(changed.empty());
        else
            REQUIRE(!changed.empty());
        if (changed.size() == 1 && changed[0].find('-') != std::string::npos && header.at("changeOrigin") == "")
            shapes["geocode"] += 1;
        if (header.at("recordIds").size() > 1) {
            shapes["several records"] += 1;
        }
        if (!header.at("nulledFields").empty()) shapes["nulled"] += 1;
        if (!header.at("diffFields").empty()) shapes["diff"] += 1;
        if (datum.contains("Name") && datum.at("Name").is_object()) shapes["record in a union of three"] += 1;

        const std::string key = header.at("transactionKey");
        const std::int64_t number = header.at("commitNumber"), sequence = header.at("sequenceNumber");
        REQUIRE(number >= previous_number);
        if (number == previous_number) {
            REQUIRE(key == previous_key);
            REQUIRE(sequence == previous_sequence + 1);
            shapes["split"] += 1;
        } else {
            REQUIRE(key != previous_key);
        }
        if (number > (std::int64_t{1} << 53)) shapes["large commit number"] += 1;
        previous_key = key;
        previous_number = number;
        previous_sequence = sequence;
    }
    for (const char* shape : {"Account",
                              "Contact",
                              "Invoice__c",
                              "Order_Event__e",
                              "CREATE",
                              "UPDATE",
                              "DELETE",
                              "UNDELETE",
                              "GAP_UPDATE",
                              "GAP_CREATE",
                              "GAP_DELETE",
                              "GAP_UNDELETE",
                              "GAP_OVERFLOW",
                              "geocode",
                              "several records",
                              "nulled",
                              "diff",
                              "record in a union of three",
                              "split",
                              "large commit number"}) {
        CAPTURE(shape);
        CHECK(shapes[shape] > 0);
    }
    CHECK(old_schema_after_new > 0);
    CHECK(old_schema_after_new < 2000);
    CHECK(shapes["Order_Event__e"] > 200);
    CHECK(shapes["Order_Event__e"] < 800);
}
