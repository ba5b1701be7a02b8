#include "catch.hpp"
#include "exact_bytes.hpp"
#include "reference/text.hpp"

#include <random>
#include <string>
#include <string_view>

#include <sfcdc/wire/appender.hpp>
#include <sfcdc/wire/base64.hpp>
#include <sfcdc/wire/bytes.hpp>

using namespace sfcdc;

namespace {

std::string base64(std::string_view bytes, wire::base64_alphabet alphabet = wire::base64_alphabet::standard) {
    std::string out;
    wire::append_base64(out, wire::as_bytes(bytes), alphabet);
    return out;
}

std::string random_bytes(std::mt19937_64& random, std::size_t n) {
    std::string out;
    for (std::size_t i = 0; i < n; ++i) out.push_back(static_cast<char>(random()));
    return out;
}

} // namespace

TEST_CASE("base64: the vectors of RFC 4648") {
    const std::pair<std::string_view, std::string_view> known[] = {{"", ""},
                                                                   {"f", "Zg=="},
                                                                   {"fo", "Zm8="},
                                                                   {"foo", "Zm9v"},
                                                                   {"foob", "Zm9vYg=="},
                                                                   {"fooba", "Zm9vYmE="},
                                                                   {"foobar", "Zm9vYmFy"}};
    for (const auto& [bytes, text] : known) {
        CHECK(base64(bytes) == text);
        CHECK(base64(bytes, wire::base64_alphabet::url) == text.substr(0, text.find('=')));
        CHECK(wire::from_base64(text).value == bytes);
        CHECK(wire::from_base64(text.substr(0, text.find('='))).value == bytes);
    }
    CHECK(base64("\xfb\xff\xfe") == "+//+");
    CHECK(base64("\xfb\xff\xfe", wire::base64_alphabet::url) == "-__-");
    CHECK(wire::from_base64("-__-").value == "\xfb\xff\xfe");
    CHECK(wire::from_base64("+/_-").value == "\xfb\xff\xfe");
}

TEST_CASE("base64 round trips in both alphabets") {
    std::mt19937_64 random(3);
    for (std::size_t n = 0; n < 100; ++n) {
        const std::string bytes = random_bytes(random, n);
        CHECK(base64(bytes) == reference::base64(bytes));
        CHECK(wire::from_base64(base64(bytes)).value == bytes);
        CHECK(wire::from_base64(base64(bytes, wire::base64_alphabet::url)).value == bytes);
    }
}

TEST_CASE("base64: errors say at which character") {
    const std::pair<std::string_view, std::uint32_t> bad[] = {
        {"A", 1},                         // a digit over
        {"AAAAA", 5},                     //
        {"Zh==", 2},                      // bits left over that are not zero
        {"Zm9=", 3},     {"Zg=", 0xffff}, // padding may be left out, and also half of it
        {"Zm 9", 2},     {"Zm9v\n", 4},   {"=", 0},     {"Zg===", 2}, {"Z=g=", 1},
        {"\xc3\xa4", 0}, {"==", 0},       {"Zm9v=", 4}, {"A=", 1},
    };
    for (const auto& [text, at] : bad) {
        const exact_bytes block(text);
        INFO(text);
        if (at == 0xffff)
            CHECK(wire::from_base64(block.text()).ok());
        else
            CHECK(wire::from_base64(block.text()).error == error{errc::bad_base64, at});
    }
}

TEST_CASE("base64 of every length, at the end of a string and of an appender") {
    std::mt19937_64 random(7);
    for (std::size_t n = 0; n <= 80; ++n) {
        const std::string bytes = random_bytes(random, n);
        const exact_bytes block(bytes);
        const std::string padded = reference::base64(bytes);
        std::string url = padded.substr(0, padded.find('='));
        for (char& c : url) c = c == '+' ? '-' : c == '/' ? '_' : c;
        const std::string right = ">" + padded + url;
        const auto append = [&](auto& out) {
            wire::append_base64(out, block.span());
            wire::append_base64(out, block.span(), wire::base64_alphabet::url);
        };
        std::string plain = ">", appended = ">";
        append(plain);
        {
            wire::appender to(appended);
            append(to);
        }
        REQUIRE(plain == right);
        REQUIRE(appended == right);
    }
}
