#include "catch.hpp"
#include "cdc/made_event.hpp"
#include "exact_bytes.hpp"
#include "reference/avro_writer.hpp"

#include <cstdint>
#include <string>
#include <string_view>

#include <sfcdc/cdc/utf8_check.hpp>

using namespace sfcdc;

namespace {

// The name of the first field that is not UTF-8, "" when all are; the payload ends where its heap block ends.
std::string invalid_field(const cdc::plan& p, const std::string& bytes) {
    const exact_bytes block(bytes);
    cdc::decoder decoder;
    const auto [event, bad] = decoder.decode(p, block.span());
    REQUIRE_FALSE(bad);
    const cdc::utf8_check check(p);
    const avro::field f = check.first_invalid(event);
    CHECK(check.is_valid(event) == !f);
    return f ? std::string(p.name(f)) : "";
}

// Of a thing with these values: Phone, Address.City and Name, which is a text or a record.
std::string thing(const made::header& h, std::string_view phone, std::string_view city, std::string_view name,
                  bool name_is_record = false) {
    reference::avro_writer w;
    w.integer(1).text(phone);
    w.integer(1).integer(0).integer(1).text(city);
    w.integer(0);
    if (name_is_record)
        w.integer(2).integer(0).integer(1).text(name);
    else
        w.integer(1).text(name);
    w.integer(0);
    return made::payload(h, w.bytes());
}
made::header created() {
    made::header h;
    h.change_type = 0;
    return h;
}

} // namespace

TEST_CASE("UTF-8 of an event: each text of header and body") {
    const auto [plan, bad_schema] = cdc::compile(made::schema());
    REQUIRE_FALSE(bad_schema);
    for (const std::string_view wrong : {"\xff", "\xe2\x82", "\x80", "\xed\xa0\x80"})
        for (const std::size_t front : {0u, 7u, 20u, 31u, 32u, 33u, 63u, 64u, 100u, 200u}) {
            const std::string bad = std::string(front, 'x') + std::string(wrong);
            const std::string good = std::string(front, 'x') + "\xc3\xa4";
            const auto in_header = [&](auto change) {
                made::header h = created();
                change(h, bad);
                const std::string found = invalid_field(plan, thing(h, "1", "2", "3"));
                h = created();
                change(h, good);
                CHECK(invalid_field(plan, thing(h, good, good, good)).empty());
                return found;
            };
            using text = const std::string&;
            const std::string h = "ChangeEventHeader.";
            CHECK(in_header([](made::header& m, text t) { m.entity = t; }) == h + "entityName");
            CHECK(in_header([](made::header& m, text t) { m.ids = {"a", t}; }) == h + "recordIds");
            CHECK(in_header([](made::header& m, text t) { m.origin = t; }) == h + "changeOrigin");
            CHECK(in_header([](made::header& m, text t) { m.key = t; }) == h + "transactionKey");
            CHECK(in_header([](made::header& m, text t) { m.user = t; }) == h + "commitUser");
            CHECK(invalid_field(plan, thing(created(), bad, "2", "3")) == "Phone");
            CHECK(invalid_field(plan, thing(created(), "1", bad, "3")) == "Address.City");
            CHECK(invalid_field(plan, thing(created(), "1", "2", bad)) == "Name");
            CHECK(invalid_field(plan, thing(created(), "1", "2", bad, true)) == "Name");
            CHECK(invalid_field(plan, thing(created(), good, good, good, true)).empty());
        }
}

TEST_CASE("UTF-8 of an event: texts that are cut and go on in the next one") {
    const auto [plan, bad_schema] = cdc::compile(made::schema());
    REQUIRE_FALSE(bad_schema);
    CHECK(invalid_field(plan, thing(created(), "\xe2\x82", "\xac", "3")) == "Phone");
    CHECK(invalid_field(plan, thing(created(), "1", "\xac", "3")) == "Address.City");
}

TEST_CASE("UTF-8 of an event: an update, and a projection, which is not asked for what it does not see") {
    const auto [plan, bad_schema] = cdc::compile(made::schema());
    REQUIRE_FALSE(bad_schema);
    made::header h;
    h.changed = {"0x02"};
    reference::avro_writer w;
    w.integer(1).text("\xff").integer(0).integer(0).integer(0).integer(0);
    CHECK(invalid_field(plan, made::payload(h, w.bytes())) == "Phone");
    const std::string_view city[] = {"Address.City"};
    const auto [seen, unknown] = plan.project(city);
    REQUIRE_FALSE(unknown);
    CHECK(invalid_field(seen, thing(created(), "\xff", "2", "\xff")).empty());
    CHECK(invalid_field(seen, thing(created(), "1", "\xff", "3")) == "Address.City");
}

TEST_CASE("UTF-8 of an event: texts within other types, of an event without a header") {
    const auto [plan, bad_schema] = cdc::compile(R"({"type":"record","name":"E","fields":[
        {"name":"Bytes","type":"bytes"},
        {"name":"List","type":{"type":"array","items":["null","string"]}},
        {"name":"Map","type":{"type":"map","values":"int"}},
        {"name":"Tree","type":{"type":"record","name":"T","fields":[
            {"name":"Next","type":["null",{"type":"record","name":"U","fields":[{"name":"Back","type":["null","T"]}]}]},
            {"name":"Text","type":["null","string"]}]}},
        {"name":"Loop","type":["null","int","U"]},
        {"name":"Number","type":["null","int","long"]},
        {"name":"Plain","type":"string"}]})");
    REQUIRE_FALSE(bad_schema);
    const auto event = [](std::string_view item, std::string_view key, std::string_view deep, std::string_view loop,
                          std::string_view plain) {
        reference::avro_writer w;
        w.text("\xff"); // bytes are no text
        w.integer(2).integer(0).integer(1).text(item).integer(0);
        w.integer(1).text(key).integer(-5).integer(0);
        w.integer(1).integer(1).integer(0).integer(1).text(deep).integer(0); // Tree.Next.Back.Text
        w.integer(2).integer(1).integer(0).integer(1).text(loop);            // Loop.Back.Text
        w.integer(2).integer(-300);
        return w.text(plain).bytes();
    };
    CHECK(invalid_field(plan, event("a", "b", "c", "d", "e")).empty());
    CHECK(invalid_field(plan, event("\xc3\xa4", "\xc3\xa4", "\xc3\xa4", "\xc3\xa4", "\xc3\xa4")).empty());
    CHECK(invalid_field(plan, event("\xff", "b", "c", "d", "e")) == "List");
    CHECK(invalid_field(plan, event("a", "\xff", "c", "d", "e")) == "Map");
    CHECK(invalid_field(plan, event("a", "b", "\xff", "d", "e")) == "Tree.Next");
    CHECK(invalid_field(plan, event("a", "b", "c", "\xff", "e")) == "Loop");
    CHECK(invalid_field(plan, event("a", "b", "c", "d", "\xff")) == "Plain");
}
