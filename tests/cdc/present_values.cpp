#include "catch.hpp"

#include "cdc/made_event.hpp"
#include "exact_bytes.hpp"
#include "golden/golden.hpp"

#include <map>
#include <string>
#include <type_traits>

#include <sfcdc/cdc/decoder.hpp>
#include <sfcdc/cdc/present_values.hpp>
#include <sfcdc/row/json_writer.hpp>

using namespace sfcdc;

namespace {

template<class T> std::string name_of() {
    if constexpr (std::is_same_v<T, bool>) return "bool";
    if constexpr (std::is_same_v<T, std::int32_t>) return "int";
    if constexpr (std::is_same_v<T, std::int64_t>) return "long";
    if constexpr (std::is_same_v<T, float>) return "float";
    if constexpr (std::is_same_v<T, double>) return "double";
    if constexpr (std::is_same_v<T, std::string_view>) return "text";
    if constexpr (std::is_same_v<T, std::span<const std::byte>>) return "bytes";
    if constexpr (std::is_same_v<T, avro::value>) return "value";
}

// A value as its type and its text.
template<class T> std::string described(const T& v) {
    std::string text;
    {
        wire::appender out(text);
        row::json_writer writer(out);
        if constexpr (std::is_same_v<T, bool>)
            writer.boolean(v);
        else if constexpr (std::is_integral_v<T>)
            writer.integer(v);
        else if constexpr (std::is_floating_point_v<T>)
            writer.floating(v);
        else if constexpr (std::is_same_v<T, std::string_view>)
            writer.string(v);
        else if constexpr (std::is_same_v<T, std::span<const std::byte>>)
            writer.base64(v);
        else
            writer.value(v);
    }
    return name_of<T>() + " " + text;
}

std::map<std::string, std::string> present(const cdc::event& e) {
    std::map<std::string, std::string> out;
    e.for_each_present([&](avro::field f, std::string_view name, const auto& value) {
        CHECK(e.plan().name(f) == name);
        CHECK(e.has_value(f));
        CHECK(out.emplace(name, described(value)).second); // each field once
    });
    return out;
}

// The same by asking for each field.
std::map<std::string, std::string> asked(const cdc::event& e) {
    std::map<std::string, std::string> out;
    const cdc::plan& p = e.plan();
    for (std::uint32_t n = 0; n < p.size(); ++n) {
        const avro::field f{n};
        if (!e.has_value(f) || p.header_set().contains(f)) continue;
        const avro::value v = e.value(f);
        if (p[f].child_count != 0 && v.type() == avro::type::record) continue;
        const auto read = [&]<class T>(T into) {
            REQUIRE(v.read(into));
            out.emplace(p.name(f), described(into));
        };
        switch (v.type()) {
        case avro::type::boolean: read(false); break;
        case avro::type::int_: read(std::int32_t{}); break;
        case avro::type::long_: read(std::int64_t{}); break;
        case avro::type::float_: read(float{}); break;
        case avro::type::double_: read(double{}); break;
        case avro::type::string:
        case avro::type::enum_: read(std::string_view{}); break;
        case avro::type::bytes:
        case avro::type::fixed: read(std::span<const std::byte>{}); break;
        default: out.emplace(p.name(f), described(v));
        }
    }
    return out;
}

} // namespace

TEST_CASE("present values: of golden events they are those of get()") {
    for (const golden::event& g : golden::events()) {
        INFO(g.what);
        const auto [p, bad_schema] = cdc::compile(g.schema_json);
        REQUIRE(bad_schema == error{});
        cdc::decoder decoder;
        const exact_bytes payload(g.payload);
        const auto [e, bad] = decoder.decode(p, payload.span());
        REQUIRE(bad == error{});
        CHECK(present(e) == asked(e));
    }
}

TEST_CASE("present values: every Avro type, at the edges of its numbers") {
    std::string schema = made::schema();
    schema.resize(schema.find(R"({"name":"Phone")"));
    schema +=
        R"({"name":"A","type":["null","string"]},{"name":"B","type":["null","boolean"]},{"name":"C","type":["null","int"]},
        {"name":"D","type":["null","long"]},{"name":"E","type":["null","float"]},{"name":"F","type":["null","double"]},
        {"name":"G","type":["null","bytes"]},{"name":"H","type":["null",{"type":"fixed","name":"Three","size":3}]},
        {"name":"I","type":["null",{"type":"enum","name":"Color","symbols":["RED","BLUE"]}]},{"name":"J","type":["null",{"type":"array","items":"int"}]},
        {"name":"K","type":["null","string",{"type":"record","name":"Two","fields":[{"name":"X","type":["null","long"]},{"name":"Y","type":["null",{"type":"record","name":"Deep","fields":[{"name":"Z","type":"int"}]}]}]}]},
        {"name":"L","type":"long"},{"name":"M","type":["string","null"]}]})";
    const auto [p, bad_schema] = cdc::compile(schema);
    REQUIRE(bad_schema == error{});
    const std::int64_t numbers[] = {
        0,         -1,       63, 64, INT32_MAX, INT32_MIN, (std::int64_t{1} << 48) - 1, std::int64_t{1} << 55,
        INT64_MAX, INT64_MIN};
    for (const std::int64_t n : numbers)
        for (const std::size_t length : {0, 1, 63, 64, 9000}) {
            reference::avro_writer w;
            w.integer(1)
                .text(std::string(length, 'a'))
                .integer(1)
                .byte(1)
                .integer(1)
                .integer(static_cast<std::int32_t>(n));
            w.integer(1).integer(n).integer(1).float32(1.5f).integer(1).float64(-2.25).integer(1).text("\x01\x02");
            w.integer(1).raw("abc").integer(1).integer(1).integer(1).integer(2).integer(7).integer(8).integer(0);
            w.integer(2).integer(1).integer(n).integer(1).integer(5).integer(n).integer(0).text("m");
            cdc::decoder decoder;
            const exact_bytes payload(made::payload({}, w.bytes()));
            const auto [e, bad] = decoder.decode(p, payload.span());
            REQUIRE(bad == error{});
            const auto found = present(e);
            CHECK(found == asked(e));
            CHECK(found.size() == 14);
            CHECK(found.at("D") == "long " + std::to_string(n));
            CHECK(found.at("I") == "text \"BLUE\"");
            CHECK(found.at("K.Y") == "value {\"Z\":5}");
        }
}

TEST_CASE("present values: an empty event has none") {
    cdc::event().for_each_present([](avro::field, std::string_view, const auto&) { FAIL("a value"); });
}
