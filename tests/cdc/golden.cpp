// Every committed event: whole, cut at each byte, with bytes too many, and with each bit turned over.
#include "golden/golden.hpp"
#include "catch.hpp"
#include "exact_bytes.hpp"

#include <set>
#include <sstream>
#include <vector>

#include <sfcdc/sfcdc.hpp>

using namespace sfcdc;
using golden::json;

namespace {

std::string event_json(const cdc::event& e) {
    std::string out;
    CHECK(row::append_event_json(e, out) == 0);
    return out;
}

} // namespace

TEST_CASE("golden: schema ids") {
    std::set<std::string> seen;
    for (const golden::event& e : golden::events()) {
        if (!seen.insert(e.schema_file).second) continue;
        INFO(e.schema_file);
        const auto [schema, bad] = avro::parse_schema(e.schema_json);
        REQUIRE_FALSE(bad);
        CHECK(avro::schema_id(schema) == e.schema_id);
    }
    CHECK(seen.size() == 6);
}

TEST_CASE("golden: the documentation's example has the id that Salesforce gave it") {
    const auto [schema, bad] = avro::parse_schema(golden::schema("Order_Event__e.avsc"));
    REQUIRE_FALSE(bad);
    CHECK(avro::schema_id(schema) == "_CADE3qaegX3ECEW0rlbYA");
}

TEST_CASE("golden: each event decodes to what the generator says") {
    cdc::decoder decoder; // one for all: what an event left behind must not show in the next
    CHECK(golden::events().size() == 31);
    for (const golden::event& e : golden::events()) {
        INFO(e.what);
        const auto [plan, bad_schema] = cdc::compile(e.schema_json);
        REQUIRE_FALSE(bad_schema);
        const exact_bytes payload(e.payload);
        const auto [event, bad] = decoder.decode(plan, payload.span());
        REQUIRE_FALSE(bad);
        const json got = json::parse(event_json(event));
        CHECK(got == e.expect);
        // Beyond equality of numbers: an integer stays an integer, whatever its size.
        if (e.expect.at("header").contains("commitNumber"))
            CHECK(got.at("header").at("commitNumber").dump() == e.expect.at("header").at("commitNumber").dump());
        CHECK(event.has_header() == !e.expect.at("header").empty());
        CHECK(event.changed_fields().size() == e.expect.at("changed").size());
        CHECK(event.nulled_fields().size() == e.expect.at("nulled").size());
        CHECK(event.diff_fields().size() == e.expect.at("diff").size());
    }
}

TEST_CASE("golden: an event that ends too early is an error, wherever") {
    cdc::decoder decoder;
    for (const golden::event& e : golden::events()) {
        INFO(e.what);
        const auto [plan, bad_schema] = cdc::compile(e.schema_json);
        REQUIRE_FALSE(bad_schema);
        const std::vector<std::string_view> names = {plan.name({plan.field_count() - 1})};
        const auto [projected, bad_name] = plan.project(names);
        REQUIRE_FALSE(bad_name);
        const exact_bytes whole(e.payload);
        for (std::size_t cut = 0; cut < e.payload.size(); ++cut) {
            const exact_bytes payload(std::string_view(e.payload).substr(0, cut));
            const error bad = decoder.decode(plan, payload.span()).error;
            // By other ways it is the same error; and what stands beside it is not harmed.
            bool same = decoder.decode(projected, payload.span()).error == bad;
            const std::span<const std::byte> three[] = {payload.span(), whole.span(), payload.span()};
            decoder.decode_each(plan, three, [&](std::size_t i, const result<cdc::event>& each) {
                same = same && each.error == (i == 1 ? error{} : bad);
            });
            if (!same) FAIL("cut at " << cut);
            if (!bad || bad.offset > cut) {
                INFO("cut at " << cut);
                REQUIRE(bad);
                REQUIRE(bad.offset <= cut);
            }
        }
    }
}

TEST_CASE("golden: bytes too many are an error at the first of them") {
    cdc::decoder decoder;
    for (const golden::event& e : golden::events()) {
        INFO(e.what);
        const auto [plan, bad_schema] = cdc::compile(e.schema_json);
        REQUIRE_FALSE(bad_schema);
        const std::string tails[] = {std::string(1, '\0'), std::string(40, '\0'), "\xff", "\x02\x02"};
        for (const std::string& tail : tails) {
            const exact_bytes payload(e.payload + tail);
            const error expected{errc::trailing_bytes, static_cast<std::uint32_t>(e.payload.size())};
            CHECK(decoder.decode(plan, payload.span()).error == expected);
            const std::span<const std::byte> two[] = {payload.span(), payload.span()};
            decoder.decode_each(plan, two,
                                [&](std::size_t, const result<cdc::event>& each) { CHECK(each.error == expected); });
        }
    }
}

TEST_CASE("golden: no turned bit does harm, and an event that still decodes can be printed") {
    cdc::decoder decoder;
    std::size_t decoded = 0, refused = 0;
    for (const golden::event& e : golden::events()) {
        INFO(e.what);
        const auto [plan, bad_schema] = cdc::compile(e.schema_json);
        REQUIRE_FALSE(bad_schema);
        for (std::size_t bit = 0; bit < 8 * e.payload.size(); ++bit) {
            std::string changed = e.payload;
            changed[bit / 8] = static_cast<char>(changed[bit / 8] ^ 1 << bit % 8);
            const exact_bytes payload(changed);
            const auto [event, bad] = decoder.decode(plan, payload.span());
            if (bad) {
                ++refused;
                if (bad.offset > changed.size()) REQUIRE(bad.offset <= changed.size());
                continue;
            }
            ++decoded;
            std::string out;
            row::append_event_json(event, out);
            if (!wire::is_utf8(out) || !json::accept(out)) {
                INFO("bit " << bit);
                REQUIRE(wire::is_utf8(out));
                REQUIRE(json::accept(out));
            }
        }
    }
    CHECK(decoded > 1000);
    CHECK(refused > 1000);
}

namespace {

// What the header says through its getters.
std::string described(const cdc::event_header& h) {
    std::ostringstream out;
    const auto list = [&](const cdc::string_list& texts) {
        for (const std::string_view t : texts) out << t << ',';
        out << '|';
    };
    out << h.entity_name() << '|' << h.change_type_name() << '|' << h.change_origin() << '|' << h.transaction_key()
        << '|' << h.sequence_number() << '|' << h.commit_timestamp() << '|' << h.commit_number() << '|'
        << h.commit_user() << '|';
    list(h.record_ids()), list(h.changed_fields()), list(h.nulled_fields()), list(h.diff_fields());
    return out.str();
}

} // namespace

TEST_CASE("golden: the header alone, without a schema, is that of the event") {
    cdc::decoder decoder;
    for (const golden::event& e : golden::events()) {
        if (e.expect.at("header").empty()) continue;
        INFO(e.what);
        const auto [plan, bad_schema] = cdc::compile(e.schema_json);
        REQUIRE_FALSE(bad_schema);
        const exact_bytes payload(e.payload);
        const auto [event, bad] = decoder.decode(plan, payload.span());
        REQUIRE_FALSE(bad);
        const auto [header, bad_header] = cdc::read_header(payload.span());
        REQUIRE_FALSE(bad_header);
        CHECK(described(header) == described(event.header()));
        CHECK(header.change_type() == event.header().change_type());
        // Of a payload that is cut the header is whole, or it is an error.
        std::size_t errors = 0;
        for (std::size_t cut = 0; cut <= e.payload.size(); ++cut) {
            const exact_bytes less(std::string_view(e.payload).substr(0, cut));
            const auto [part, bad_part] = cdc::read_header(less.span());
            if (bad_part) ++errors;
            REQUIRE((bad_part ? bad_part.offset <= cut && part.entity_name().empty()
                              : described(part) == described(header)));
        }
        // Behind the header stands at least one byte for each field of the body.
        CHECK(errors + plan.field_count() - 1 <= e.payload.size() + 1);
        CHECK(errors > 60);
    }
}

TEST_CASE("golden: two payloads in turns are what they are alone") {
    cdc::decoder alone, in_turns;
    for (const std::string schema : {"AccountChangeEvent.2023.avsc", "AccountChangeEvent.2026.avsc",
                                     "ContactChangeEvent.avsc", "Shipment__ChangeEvent.avsc"}) {
        const auto [plan, bad_schema] = cdc::compile(golden::schema(schema));
        REQUIRE_FALSE(bad_schema);
        // Good ones, cut ones, empty ones and those of other schemas, side by side.
        std::vector<exact_bytes> blocks;
        for (const golden::event& e : golden::events()) {
            blocks.emplace_back(e.payload);
            blocks.emplace_back(std::string_view(e.payload).substr(0, e.payload.size() / (1 + blocks.size() % 5)));
            if (blocks.size() % 7 == 0) blocks.emplace_back("");
            if (e.schema_file == schema) blocks.emplace_back(e.payload);
        }
        for (std::size_t count = 0; count <= blocks.size(); count += count < 5 ? 1 : 13) {
            std::vector<std::span<const std::byte>> payloads;
            for (std::size_t i = 0; i < count; ++i) payloads.push_back(blocks[i].span());
            std::size_t next = 0;
            in_turns.decode_each(plan, payloads, [&](std::size_t i, const result<cdc::event>& r) {
                REQUIRE(i == next++);
                const auto expected = alone.decode(plan, payloads[i]);
                REQUIRE(r.error == expected.error);
                if (r.error) return;
                REQUIRE(r.value.payload().data() == payloads[i].data());
                std::string one, other;
                row::append_event_json(r.value, one);
                row::append_event_json(expected.value, other);
                REQUIRE(one == other);
            });
            REQUIRE(next == count);
        }
    }
}

TEST_CASE("golden: a projection sees its fields as the whole plan does, and nothing else") {
    cdc::decoder all, some;
    for (const golden::event& e : golden::events()) {
        INFO(e.what);
        const auto [plan, bad_schema] = cdc::compile(e.schema_json);
        REQUIRE_FALSE(bad_schema);
        const exact_bytes payload(e.payload);
        const auto [event, bad] = all.decode(plan, payload.span());
        REQUIRE_FALSE(bad);
        const std::uint32_t header = plan.has_header() ? 1 : 0;
        for (std::uint32_t step = 1; step < 7; ++step) {
            std::vector<std::string_view> names;
            std::set<std::uint32_t> wanted;
            for (std::uint32_t f = header; f < plan.size(); f += step) {
                if (plan.has_header() && plan[{f}].parent == avro::field{0}) continue;
                names.push_back(plan.name({f}));
                wanted.insert(f);
                for (std::uint32_t c = 0; c < plan[{f}].child_count; ++c) wanted.insert(plan[{f}].first_child + c);
            }
            const auto [projected, bad_names] = plan.project(names);
            REQUIRE_FALSE(bad_names);
            const auto [part, bad_part] = some.decode(projected, payload.span());
            REQUIRE_FALSE(bad_part);
            for (std::uint32_t f = 0; f < plan.size(); ++f) {
                const bool in_header = plan.has_header() && (f == 0 || plan[{f}].parent == avro::field{0});
                const bool sees = in_header || wanted.count(f) != 0;
                REQUIRE(projected.find(plan.name({f})) == (sees ? avro::field{f} : avro::field{}));
                if (!sees) continue;
                REQUIRE(part.has_value({f}) == event.has_value({f}));
                const auto printed = [&](const avro::value& v) {
                    std::string out;
                    wire::appender appended(out);
                    row::json_writer(appended).value(v);
                    return std::string(out.data(), appended.size());
                };
                REQUIRE(printed(part.value({f})) == printed(event.value({f})));
                REQUIRE(part.state({f}) == event.state({f}));
            }
            // Of the body nothing is printed that was not asked for.
            std::string text;
            row::append_body_json(part, text);
            const json body = json::parse(text);
            for (const auto& [name, value] : body.items()) {
                const std::uint32_t f = plan.find(name).number;
                bool asked = wanted.count(f) != 0;
                for (std::uint32_t c = 0; c < plan[{f}].child_count; ++c)
                    asked = asked || wanted.count(plan[{f}].first_child + c) != 0;
                REQUIRE(asked);
            }
            // What it steps over is checked all the same.
            const exact_bytes less(std::string_view(e.payload).substr(0, e.payload.size() - 1));
            REQUIRE(some.decode(projected, less.span()).error == all.decode(plan, less.span()).error);
            REQUIRE_FALSE(all.decode(plan, payload.span()).error); // `event` looks into this decoder
        }
    }
}

TEST_CASE("golden: an event read with another schema is refused") {
    // The same org, three years apart: the address lost a child. Nearly every event is longer or shorter then.
    const auto [plan, bad_schema] = cdc::compile(golden::schema("ContactChangeEvent.avsc"));
    REQUIRE_FALSE(bad_schema);
    cdc::decoder decoder;
    for (const golden::event& e : golden::events()) {
        if (e.schema_file == "ContactChangeEvent.avsc") continue;
        INFO(e.what);
        const exact_bytes payload(e.payload);
        CHECK(decoder.decode(plan, payload.span()).error);
    }
}
