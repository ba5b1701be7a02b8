#include "catch.hpp"

#include <cstdint>
#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include <sfcdc/avro/compile.hpp>
#include <sfcdc/avro/name_index.hpp>
#include <sfcdc/limits.hpp>

using namespace sfcdc;
using avro::detail::name_index;

TEST_CASE("a name index finds each of many names, and no other") {
    std::vector<std::string> names;
    name_index index;
    const auto find = [&](std::string_view name) {
        return index.find(name, [&](std::uint32_t number) { return names[number] == name; });
    };
    CHECK(find("n0") == name_index::none);
    for (std::uint32_t i = 0; i < 5000; ++i) {
        names.push_back("n" + std::to_string(i));
        REQUIRE(index.add(names.back(), i));
        CHECK(find("n" + std::to_string(i + 1)) == name_index::none);
    }
    const name_index copy = index;
    for (std::uint32_t i = 0; i < 5000; ++i) {
        const std::string name = "n" + std::to_string(i);
        CHECK(find(name) == i);
        CHECK(copy.find(name, [&](std::uint32_t number) { return names[number] == name; }) == i);
    }
    CHECK(find("") == name_index::none);
}

namespace {

// So many names whose hashes end with the same bits, so that all of them begin their search at one place of a table of `slots`.
std::vector<std::string> colliding_names(std::size_t count, std::size_t slots) {
    std::vector<std::string> out;
    for (int i = 0; out.size() < count; ++i) {
        std::string name = "n" + std::to_string(i);
        if ((std::hash<std::string_view>()(name) & (slots - 1)) == 0) out.push_back(std::move(name));
    }
    return out;
}

} // namespace

TEST_CASE("a name index refuses names that were made to collide, and finds those in front of them") {
    const std::vector<std::string> names = colliding_names(limits::name_probes + 1, 2048);
    name_index index;
    const auto find = [&](std::string_view name) {
        return index.find(name, [&](std::uint32_t number) { return names[number] == name; });
    };
    for (std::uint32_t i = 0; i < limits::name_probes; ++i) REQUIRE(index.add(names[i], i));
    for (std::uint32_t i = 0; i < limits::name_probes; ++i) CHECK(find(names[i]) == i);
    CHECK_FALSE(index.add(names.back(), static_cast<std::uint32_t>(limits::name_probes)));
}

TEST_CASE("a schema whose names were made to collide is refused at the first that is too many") {
    const std::vector<std::string> names = colliding_names(limits::name_probes + 1, 2048);
    std::string fields, symbols;
    for (const std::string& name : names) {
        fields += (fields.empty() ? "" : ",") + (R"({"name":")" + name) + R"(","type":"int"})";
        symbols += (symbols.empty() ? "\"" : ",\"") + name + '"';
    }
    const auto refused = [&](const std::string& text) {
        const error bad = avro::compile(text).error;
        CHECK(bad.code == errc::schema_too_large);
        return text.substr(bad.offset, names.back().size() + 2) == '"' + names.back() + '"';
    };
    CHECK(refused(R"({"type":"record","name":"R","fields":[)" + fields + "]}"));
    CHECK(refused(R"({"type":"record","name":"R","fields":[{"name":"f","type":{"type":"enum","name":"E","symbols":[)"
                  + symbols + "]}}]}"));
}
