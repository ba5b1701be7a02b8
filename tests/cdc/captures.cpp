// Events and schemas of real orgs, which are not part of this repository: run where their folder is, skipped elsewhere. SFCDC_CAPTURES names the folder.
#include "catch.hpp"
#include "exact_bytes.hpp"
#include "golden/golden.hpp"

#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <map>

#include <sfcdc/sfcdc.hpp>

using namespace sfcdc;
using golden::json;

namespace {

std::filesystem::path folder() {
    const char* const named = std::getenv("SFCDC_CAPTURES");
    return named == nullptr ? "" : named;
}

// Before Catch2 counts anything: 77 is what meson takes for skipped.
const bool is_there = [] {
    if (std::filesystem::exists(folder() / "schemas")) return true;
    std::puts("skipped: SFCDC_CAPTURES names no folder of captures");
    std::fflush(stdout);
    std::_Exit(77);
}();

json names(const cdc::field_list& list) {
    json out = json::array();
    for (const std::string_view name : list) out.push_back(std::string(name));
    return out;
}

// Without the members that are null, and without objects that are empty then.
json without_nulls(const json& object) {
    json out = json::object();
    for (const auto& [key, value] : object.items()) {
        if (value.is_null()) continue;
        const json kept = value.is_object() ? without_nulls(value) : value;
        if (!kept.is_object() || !kept.empty()) out[key] = kept;
    }
    return out;
}

} // namespace

TEST_CASE("captures: schema ids") {
    int checked = 0;
    for (const auto& entry : std::filesystem::directory_iterator(folder() / "schemas")) {
        const std::string name = entry.path().filename().string();
        if (entry.path().extension() != ".avsc") continue;
        INFO(name);
        const auto [plan, bad] = cdc::compile(golden::file(entry.path().string()));
        REQUIRE_FALSE(bad);
        ++checked;
        // Its owner changed the namespace: the id in the file's name is the true schema's, not this text's.
        if (name.rfind("OpportunityChangeEvent.", 0) == 0) continue;
        CHECK(avro::schema_id(plan.schema()) == entry.path().stem().extension().string().substr(1));
    }
    CHECK(checked >= 13);
}

TEST_CASE("captures: events") {
    cdc::decoder decoder;
    int whole = 0, header_only = 0;
    const json vectors = json::parse(golden::file((folder() / "payload_vectors.json").string()));
    for (const json& v : vectors) {
        const exact_bytes payload(golden::base64(v.at("payload_b64")));
        INFO(v.at("source").get<std::string>() << " " << v.at("event_id").dump());
        REQUIRE(payload.span().size() == v.at("payload_len").get<std::size_t>());
        const json& expect = v.at("expect");
        if (!v.contains("schema_file")) {
            // The schema is lost, but every change event starts with the same header: it, with nulls behind it.
            ++header_only;
            json head_first = json::parse(golden::schema("AccountChangeEvent.2026.avsc"));
            const json header_field = head_first.at("fields").at(0);
            head_first["fields"] = json::array({header_field});
            for (int i = 0; i < 200; ++i)
                head_first["fields"].push_back({{"name", "f" + std::to_string(i)}, {"type", {"null", "int"}}});
            const std::string schema = head_first.dump();
            const auto [plan, bad_schema] = cdc::compile(schema);
            REQUIRE_FALSE(bad_schema);
            const exact_bytes head(std::string(payload.text().substr(0, v.at("header_len").get<std::size_t>()))
                                   + std::string(200, '\0'));
            const auto [event, bad] = decoder.decode(plan, head.span());
            REQUIRE_FALSE(bad);
            std::string text;
            CHECK(row::append_event_json(event, text) == 0);
            CHECK(json::parse(text).at("header") == expect.at("header"));
            continue;
        }
        ++whole;
        const auto [plan, bad_schema] =
            cdc::compile(golden::file((folder() / "schemas" / v.at("schema_file").get<std::string>()).string()));
        REQUIRE_FALSE(bad_schema);
        const auto [event, bad] = decoder.decode(plan, payload.span());
        REQUIRE_FALSE(bad);
        std::string text;
        CHECK(row::append_event_json(event, text) == 0);
        const json got = json::parse(text);
        CHECK(got.at("header") == expect.at("header"));
        CHECK(names(event.changed_fields()) == expect.at("changedFields_names"));
        CHECK(names(event.nulled_fields()) == expect.at("nulledFields_names"));
        CHECK(names(event.diff_fields()) == expect.at("diffFields_names"));
        CHECK(without_nulls(got.at("body")) == expect.at("non_null_body"));
    }
    CHECK(whole >= 11);
    CHECK(header_only >= 3);
}

TEST_CASE("captures: bitmaps") {
    const json vectors = json::parse(golden::file((folder() / "bitmap_vectors.json").string()));
    int checked = 0;
    const auto positions_of = [&](const std::string& bitmap) {
        std::uint64_t words[4] = {};
        avro::field fields[256 + 8];
        cdc::bitmap_target to{fields, words};
        CHECK(cdc::expand_bitmap(std::string_view(bitmap).substr(2), 0, 256, to) == errc::none);
        json out = json::array();
        for (const avro::field* f = fields; f != to.fields; ++f) out.push_back(f->number);
        ++checked;
        return out;
    };
    for (const json& v : vectors) {
        INFO(v.at("source").get<std::string>());
        if (v.contains("positions")) CHECK(positions_of(v.at("changedFields").at(0)) == v.at("positions"));
        if (v.contains("positions_top")) CHECK(positions_of(v.at("changedFields").at(0)) == v.at("positions_top"));
        if (v.contains("nested"))
            for (const json& element : v.at("changedFields")) {
                const auto text = element.get<std::string>();
                const std::size_t dash = text.find('-');
                if (dash != std::string::npos)
                    CHECK(positions_of(text.substr(dash + 1)) == v.at("nested").at(text.substr(0, dash)));
            }
        if (v.contains(
                "expect_diff")) { // the field list stands in the source's text: Description is 16, LastModifiedDate 22
            CHECK(positions_of(v.at("diffFields").at(0)) == json::array({16}));
            CHECK(positions_of(v.at("changedFields").at(0)) == json::array({16, 22}));
        }
    }
    CHECK(checked >= 7);
}
