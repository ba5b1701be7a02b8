#include "reference/text.hpp"
#include "catch.hpp"
#include "exact_bytes.hpp"

#include <random>

#include <sfcdc/wire/appender.hpp>
#include <sfcdc/wire/text.hpp>

using namespace sfcdc;

namespace {

std::string hex(std::string_view bytes) {
    std::string out;
    wire::append_hex(out, wire::as_bytes(bytes));
    return out;
}
std::string base64(std::string_view bytes, wire::base64_alphabet alphabet = wire::base64_alphabet::standard) {
    std::string out;
    wire::append_base64(out, wire::as_bytes(bytes), alphabet);
    return out;
}
bool is_utf8(std::string_view text) {
    const exact_bytes block(text);
    return wire::is_utf8(block.text());
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

TEST_CASE("UTF-8: the edges of each length") {
    const std::string_view good[] = {"",
                                     "a",
                                     "\x7f",
                                     "\xc2\x80",
                                     "\xdf\xbf",
                                     "\xe0\xa0\x80",
                                     "\xed\x9f\xbf",
                                     "\xee\x80\x80",
                                     "\xef\xbf\xbf",
                                     "\xf0\x90\x80\x80",
                                     "\xf4\x8f\xbf\xbf"};
    for (const std::string_view s : good) {
        CHECK(is_utf8(s));
        CHECK(is_utf8(std::string(9, 'x') + std::string(s)));
    }
    const std::string_view bad[] = {"\x80",
                                    "\xbf",
                                    "\xc0\x80",
                                    "\xc1\xbf", // continuation, overlong of two
                                    "\xe0\x80\x80",
                                    "\xe0\x9f\xbf", // overlong of three
                                    "\xf0\x80\x80\x80",
                                    "\xf0\x8f\xbf\xbf", // overlong of four
                                    "\xed\xa0\x80",
                                    "\xed\xbf\xbf", // surrogates
                                    "\xf4\x90\x80\x80",
                                    "\xf5\x80\x80\x80",
                                    "\xf8\x88\x80\x80\x80",
                                    "\xff",
                                    "\xfe", // above U+10FFFF
                                    "\xc2",
                                    "\xe2\x82",
                                    "\xf0\x9f\x9a",
                                    "\xe2",
                                    "\xf0", // truncated
                                    "\xc2\x41",
                                    "\xe2\x41\x80",
                                    "\xe2\x82\x41",
                                    "\xf0\x9f\x9a\x41",
                                    "\xc2\xc2"};
    for (const std::string_view s : bad) {
        CHECK_FALSE(is_utf8(s));
        CHECK_FALSE(is_utf8(std::string(8, 'x') + std::string(s)));
        CHECK_FALSE(is_utf8(std::string(s) + "x"));
    }
}

TEST_CASE("UTF-8: every lead byte and every second byte, against code points") {
    for (unsigned a = 0; a < 256; ++a)
        for (unsigned b = 0; b < 256; ++b) {
            const std::string text = {static_cast<char>(a), static_cast<char>(b), '\x80', '\xbf'};
            for (std::size_t n = 1; n <= 4; ++n) {
                const exact_bytes block(std::string_view(text).substr(0, n));
                if (wire::utf8_sequence(block.text(), 0)
                    != reference::character_length(block.text(), 0).value_or(0)) {
                    INFO(a << " " << b << " of " << n);
                    REQUIRE(wire::utf8_sequence(block.text(), 0)
                            == reference::character_length(block.text(), 0).value_or(0));
                }
            }
        }
}

TEST_CASE("UTF-8: the start of a text ends between characters") {
    using namespace std::string_view_literals;
    CHECK(wire::utf8_prefix("abc", 3) == "abc");
    CHECK(wire::utf8_prefix("abc", 2) == "ab");
    const std::string_view text = "a\xc3\xa4\xe2\x82\xac\xf0\x9f\x98\x80z"; // characters of 1, 2, 3 and 4 bytes
    const std::size_t ends[] = {0, 1, 1, 3, 3, 3, 6, 6, 6, 6, 10, 11};
    for (std::size_t size = 0; size < std::size(ends); ++size)
        CHECK(wire::utf8_prefix(text, size) == text.substr(0, ends[size]));
    CHECK(wire::utf8_prefix("\x80\x80\x80\x80\x80\x80"sv, 5).size()
          >= 2); // not UTF-8: no more is left out than a character has
}

TEST_CASE("what is not UTF-8 becomes U+FFFD, byte by byte, and is counted") {
    std::string out = ">";
    CHECK(wire::append_utf8(out, "z\xc3\xa4") == 0);
    CHECK(wire::append_utf8(out, "\xe2\x82|\xff") == 3);
    CHECK(out == ">z\xc3\xa4\xef\xbf\xbd\xef\xbf\xbd|\xef\xbf\xbd");
    std::mt19937_64 random(4);
    for (int i = 0; i < 2000; ++i) {
        // Mostly leads and continuations, so that sequences come about.
        std::string text = random_bytes(random, static_cast<std::size_t>(random() % 12));
        for (char& c : text)
            if (random() % 2 != 0) c = static_cast<char>(0x80 | (static_cast<unsigned char>(c) & 0x3f));
        const exact_bytes block(text);
        std::string got;
        std::uint32_t expected = 0;
        const std::string clean = reference::well_formed(text, expected);
        REQUIRE(wire::append_utf8(got, block.text()) == expected);
        REQUIRE(got == clean);
        REQUIRE(wire::is_utf8(block.text()) == (expected == 0));
    }
}

TEST_CASE("the first byte that is not ASCII, from every position of every length") {
    for (std::size_t n = 0; n <= 80; ++n)
        for (std::size_t at = 0; at <= n; ++at) {
            std::string text(n, 'a');
            if (at < n) text[at] = '\x80';
            const exact_bytes block(text);
            for (std::size_t from = 0; from <= n; ++from)
                if (const std::size_t right = from <= at ? at : n; wire::find_not_ascii(block.text(), from) != right)
                    REQUIRE(wire::find_not_ascii(block.text(), from) == right);
        }
    SUCCEED();
}

TEST_CASE("UTF-8: one character or one odd byte at every position of every length") {
    for (std::size_t n = 0; n <= 80; ++n)
        for (const std::string_view piece :
             {"\xc3\xa4", "\xe2\x82\xac", "\xf0\x9f\x9a\xa2", "\xff", "\xc3", "\xe2\x82", "\xbf"})
            for (std::size_t at = 0; at + piece.size() <= n; ++at) {
                std::string text(n, 'a');
                text.replace(at, piece.size(), piece);
                if (at % 3 == 0 && at >= 2) text.replace(at - 2, 2, "\xc3\xbc"); // right in front
                std::uint32_t wrong = 0;
                const std::string clean = reference::well_formed(text, wrong);
                std::string got;
                if (is_utf8(text) != (wrong == 0)) REQUIRE(is_utf8(text) == (wrong == 0));
                if (wire::append_utf8(got, text) != wrong || got != clean) REQUIRE(got == clean);
            }
    SUCCEED();
}

TEST_CASE("hexadecimal and base64 of every length, at the end of a string and of an appender") {
    std::mt19937_64 random(7);
    for (std::size_t n = 0; n <= 80; ++n) {
        const std::string bytes = random_bytes(random, n);
        const exact_bytes block(bytes);
        std::string digits;
        for (const char c : bytes)
            for (const int shift : {4, 0}) digits += "0123456789abcdef"[static_cast<unsigned char>(c) >> shift & 15];
        const std::string padded = reference::base64(bytes);
        std::string url = padded.substr(0, padded.find('='));
        for (char& c : url) c = c == '+' ? '-' : c == '/' ? '_' : c;
        const std::string right = ">" + digits + padded + url;
        const auto append = [&](auto& out) {
            wire::append_hex(out, block.span());
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
