#include "catch.hpp"

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include <sfcdc/avro/name_index.hpp>

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
        index.add(names.back(), i);
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
