#include "../catch.hpp"

#include "emulator/avro_writer.hpp"
#include "emulator/bitmap.hpp"
#include "emulator/identifiers.hpp"
#include "emulator/schema_id.hpp"
#include "emulator/schemas.hpp"

#include <limits>
#include <stdexcept>

using namespace emulator;

namespace {

template<typename action> std::string written(action write) {
    avro_writer out;
    write(out);
    return lower_hex(out.take());
}

} // namespace

TEST_CASE("the schema id is the MD5 of the canonical form") {
    // As Salesforce sent it, with the id that it gave.
    const std::string schema =
        R"({"type":"record","name":"Order_Event__e","namespace":"com.sforce.eventbus","fields":[)"
        R"({"name":"CreatedDate","type":"long","doc":"CreatedDate:DateTime"},)"
        R"({"name":"CreatedById","type":"string","doc":"CreatedBy:EntityId"},)"
        R"({"name":"Order_Number__c","type":["null","string"],"doc":"Data:Text:00NgL00000vXMFS","default":null},)"
        R"({"name":"City__c","type":["null","string"],"doc":"Data:Text:00NgL00000vXNGM","default":null},)"
        R"({"name":"Amount__c","type":["null","double"],"doc":"Data:Double:00NgL00000vXNVG","default":null}]})";
    CHECK(schema_id_of(schema) == "_CADE3qaegX3ECEW0rlbYA");
    // Equal shape, equal id: docs and defaults do not count.
    CHECK(all_schemas().order_event.id == "_CADE3qaegX3ECEW0rlbYA");
    CHECK_THROWS_AS(schema_id_of("{"), std::invalid_argument);
    CHECK_THROWS_AS(schema_id_of(R"({"type":"thing","name":"x"})"), std::invalid_argument);
}

TEST_CASE("a namespace within a schema counts, and an empty one is none") {
    const auto with = [](const std::string& inner) {
        return schema_id_of(R"({"type":"record","name":"A","namespace":"n.s","fields":[{"name":"e","type":)"
                            R"({"type":"enum","name":"E",)"
                            + inner + R"("symbols":["X"]}}]})");
    };
    CHECK(with("") == with(R"("namespace":"n.s",)"));
    CHECK(with("") != with(R"("namespace":"",)"));
}

TEST_CASE("schemas have the shape of live ones") {
    const org_schemas& all = all_schemas();
    CHECK(all.account.id != all.account_extended.id);
    CHECK(all.account.id.size() == 22);
    CHECK(all.account.position("LastModifiedDate") == 23);
    CHECK(all.account.position("ShippingAddress") == 6);
    const std::size_t added = all.account_extended.position("Credit_Hold__c");
    CHECK(added + 1 < all.account_extended.fields.size());
    CHECK(all.account.fields[added].name == all.account_extended.fields[added + 1].name);
    CHECK(all.invoice.entity_name == "Invoice__c");
    CHECK(all.account.json.find(
              R"({"name":"ShippingAddress","type":["null","Address"],"doc":"Data:Address","default":null})")
          != std::string::npos);
}

TEST_CASE("Avro numbers, strings and arrays") {
    CHECK(written([](auto& out) { out.write_long(0); }) == "00");
    CHECK(written([](auto& out) { out.write_long(-1); }) == "01");
    CHECK(written([](auto& out) { out.write_long(1); }) == "02");
    CHECK(written([](auto& out) { out.write_long(-64); }) == "7f");
    CHECK(written([](auto& out) { out.write_long(64); }) == "8001");
    CHECK(written([](auto& out) { out.write_long(1771300995000); }) == "f0fea19c8d67");
    CHECK(written([](auto& out) { out.write_long(std::numeric_limits<std::int64_t>::max()); })
          == "feffffffffffffffff01");
    CHECK(written([](auto& out) { out.write_long(std::numeric_limits<std::int64_t>::min()); })
          == "ffffffffffffffffff01");
    CHECK(written([](auto& out) { out.write_double(3233.0); }) == "000000000042a940");
    CHECK(written([](auto& out) { out.write_boolean(true); }) == "01");
    CHECK(written([](auto& out) { out.write_string("Zürich"); }) == "0e5ac3bc72696368");
    CHECK(written([](auto& out) { out.write_strings({}); }) == "00");
    CHECK(written([](auto& out) { out.write_strings({"a", "bc"}); }) == "04026104626300");
}

TEST_CASE("bitmaps are written as Salesforce writes them") {
    CHECK(bitmap_hex({}) == "0x");
    CHECK(bitmap_hex({0}) == "0x01");
    CHECK(bitmap_hex({5, 6, 7, 10, 24, 26, 29, 30}) == "0x650004E0");
    CHECK(bitmap_hex({23}) == "0x800000");
    CHECK(bitmap_hex({71, 82}) == "0x0400800000000000000000");
    CHECK(field_bitmaps({{23}, {6, 0}}) == std::vector<std::string>{"0x800000", "6-0x01"});
    CHECK(field_bitmaps({{6, 7}, {6, 8}}) == std::vector<std::string>{"6-0x0180"});
    CHECK(field_bitmaps({{7, 1}, {4, 4}, {7, 2}}) == std::vector<std::string>{"4-0x10", "7-0x06"});
    CHECK(field_bitmaps({}).empty());
}

TEST_CASE("identifiers") {
    const std::string id = record_id("001", 123'456'789);
    CHECK(id.size() == 18);
    CHECK(id.starts_with("001Em0"));
    CHECK(record_id("001", 1) != record_id("001", 2));
    dice first(7), second(7);
    CHECK(uuid(first) == uuid(second));
    CHECK(uuid(first).size() == 36);
    CHECK(base64url(std::string("\xff\xfe\xfd\xfc", 4)) == "__79_A");
}
