#include "catch.hpp"

#include <set>

#include <sfcdc/sfcdc.hpp>

#include "linked_twice.hpp"

TEST_CASE("rules: two translation units share one definition of everything") {
    CHECK(addresses_elsewhere() == addresses());
    const std::string_view schema = R"({"type":"record","name":"X__e","fields":[{"name":"a","type":"int"}]})";
    CHECK(json_elsewhere(schema, sfcdc::wire::as_bytes("\x02"))
          == R"({"header":{},"changed":[],"nulled":[],"diff":[],"body":{"a":1}})");
    CHECK(json_elsewhere(schema, {}) == std::string(sfcdc::message(sfcdc::errc::end_of_data)));
}

TEST_CASE("rules: every error has a sentence of its own") {
    std::set<std::string> sentences;
    const int count = static_cast<int>(sfcdc::errc::checkpoint_never_sent) + 1;
    for (int code = 0; code < count; ++code) sentences.insert(sfcdc::message(static_cast<sfcdc::errc>(code)));
    CHECK(sentences.size() == static_cast<std::size_t>(count));
    CHECK(sentences.count("unknown error") == 0);
    CHECK(sfcdc::message(static_cast<sfcdc::errc>(250)) == std::string("unknown error"));
}

TEST_CASE("rules: the version is one") {
    CHECK(sfcdc::version
          == std::to_string(SFCDC_VERSION_MAJOR) + "." + std::to_string(SFCDC_VERSION_MINOR) + "."
                 + std::to_string(SFCDC_VERSION_PATCH));
    CHECK(std::string(sfcdc::version) == SFCDC_PROJECT_VERSION); // what meson.build says
}
