#include "catch.hpp"
#include "exact_bytes.hpp"

#include <random>
#include <string>
#include <string_view>

#include <sfcdc/wire/appender.hpp>
#include <sfcdc/wire/bytes.hpp>
#include <sfcdc/wire/hex.hpp>

using namespace sfcdc;

namespace {

std::string hex(std::string_view bytes) {
    std::string out;
    wire::append_hex(out, wire::as_bytes(bytes));
    return out;
}

std::string random_bytes(std::mt19937_64& random, std::size_t n) {
    std::string out;
    for (std::size_t i = 0; i < n; ++i) out.push_back(static_cast<char>(random()));
    return out;
}

} // namespace

TEST_CASE("hexadecimal") {
    CHECK(hex("") == "");
    CHECK(hex(std::string("\x00\x0f\xf0\xff", 4)) == "000ff0ff");
    CHECK(wire::from_hex("").value.empty());
    CHECK(wire::from_hex("00aAFf").value == std::string("\x00\xaa\xff", 3));
    for (int c = 0; c < 256; ++c) {
        const char digit = static_cast<char>(c);
        const std::size_t at = std::string_view("0123456789abcdefABCDEF").find(digit);
        CHECK(wire::hex_digit(digit)
              == (at == std::string_view::npos ? -1 : static_cast<int>(at < 16 ? at : at - 6)));
    }
    std::mt19937_64 random(2);
    for (std::size_t n = 0; n < 40; ++n) {
        const std::string bytes = random_bytes(random, n);
        CHECK(wire::from_hex(hex(bytes)).value == bytes);
    }
}

TEST_CASE("hexadecimal: errors say at which character") {
    const std::pair<std::string_view, std::uint32_t> bad[] = {{"0", 1},    {"000", 3},  {"g0", 0}, {"0g", 1},
                                                              {"00 0", 2}, {"0x00", 1}, {"00-", 2}};
    for (const auto& [text, at] : bad) {
        const exact_bytes block(text);
        CHECK(wire::from_hex(block.text()).error == error{errc::bad_hex, at});
        CHECK(wire::from_hex(block.text()).value.empty());
    }
}

TEST_CASE("hexadecimal of every length, at the end of a string and of an appender") {
    std::mt19937_64 random(7);
    for (std::size_t n = 0; n <= 80; ++n) {
        const std::string bytes = random_bytes(random, n);
        const exact_bytes block(bytes);
        std::string right = ">";
        for (const char c : bytes)
            for (const int shift : {4, 0}) right += "0123456789abcdef"[static_cast<unsigned char>(c) >> shift & 15];
        std::string plain = ">", appended = ">";
        wire::append_hex(plain, block.span());
        {
            wire::appender to(appended);
            wire::append_hex(to, block.span());
        }
        REQUIRE(plain == right);
        REQUIRE(appended == right);
    }
}
