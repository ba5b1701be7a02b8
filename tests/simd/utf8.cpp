#include "backends.hpp"
#include "catch.hpp"
#include "exact_bytes.hpp"
#include "reference/text.hpp"

#include <cstdint>
#include <random>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include <sfcdc/wire/utf8.hpp>

using namespace sfcdc;

namespace {

bool right_answer(std::string_view text) {
    std::uint32_t wrong = 0;
    static_cast<void>(reference::well_formed(text, wrong));
    return wrong == 0;
}

// By every backend, from a heap block of exactly the size of the text.
void check(const std::string& text) {
    const bool right = right_answer(text);
    const exact_bytes block(text);
    for_each_backend([&]<class Block>() {
        if (wire::is_utf8<Block>(block.text()) != right) {
            INFO(text.size() << " bytes");
            REQUIRE(wire::is_utf8<Block>(block.text()) == right);
        }
    });
}

// The bytes that a code point, or what would be one, has in so many bytes.
std::string encoded(std::uint32_t code, std::size_t size) {
    if (size == 1) return {static_cast<char>(code)};
    std::string out(size, '\0');
    for (std::size_t i = size; i-- > 1; code >>= 6) out[i] = static_cast<char>(0x80 | (code & 0x3f));
    out[0] = static_cast<char>((0xf00u >> size & 0xff) | code);
    return out;
}

// Characters at the ends of their ranges, forms that are too long, surrogates, what is above U+10FFFF, and parts.
std::vector<std::string> pieces() {
    std::vector<std::string> out;
    for (const std::uint32_t code :
         {0x0u,     0x7fu,    0x80u,     0x7ffu,    0x800u,    0xfffu,    0x1000u,   0xcfffu,  0xd000u,
          0xd7ffu,  0xd800u,  0xdbffu,   0xdc00u,   0xdfffu,   0xe000u,   0xffffu,   0x10000u, 0x3ffffu,
          0x40000u, 0xfffffu, 0x100000u, 0x10ffffu, 0x110000u, 0x13ffffu, 0x140000u, 0x1fffffu})
        for (std::size_t size = 1; size <= 4; ++size)
            if (code < (size == 1 ? 0x80u : 1u << (5 * size + 1))) out.push_back(encoded(code, size));
    const std::size_t whole = out.size();
    for (std::size_t i = 0; i < whole; ++i)
        for (std::size_t n = 1; n < out[i].size(); ++n) out.push_back(out[i].substr(0, n));
    for (const char* more : {"\x80", "\xbf", "\xc0", "\xc1", "\xf5", "\xf8\x88\x80\x80\x80", "\xfc", "\xfe", "\xff",
                             "\xc3\xa4\x80", "\xe2\x82\xac\xac", "\xf0\x9f\x9a\xa2\xa2"})
        out.emplace_back(more);
    return out;
}

} // namespace

TEST_CASE("UTF-8: the ends of all ranges, at every place around the borders of blocks") {
    for (const std::string& piece : pieces())
        for (const char* filling : {"a", "\xc3\xa4", "\xe2\x82\xac", "\xf0\x9f\x9a\xa2"})
            for (std::size_t front = 0; front <= 84; ++front) {
                std::string text;
                while (text.size() + std::string_view(filling).size() <= front) text += filling;
                text.append(front - text.size(), 'x');
                text += piece;
                check(text);
                check(text + "x");
                if (front % 8 == 0) check(text + std::string(front, 'y') + filling);
            }
    SUCCEED();
}

TEST_CASE("UTF-8: one odd byte or character at every position of every length") {
    for (std::size_t n = 0; n <= 130; ++n)
        for (const std::string_view piece :
             {"\xc3\xa4", "\xe2\x82\xac", "\xf0\x9f\x9a\xa2", "\xff", "\xc3", "\xe2\x82", "\xbf"})
            for (std::size_t at = 0; at + piece.size() <= n; ++at) {
                std::string text(n, 'a');
                text.replace(at, piece.size(), piece);
                check(text);
            }
    SUCCEED();
}

TEST_CASE("UTF-8: every pair and many triples of bytes that are not ASCII") {
    for (int a = 0x80; a < 256; ++a)
        for (int b = 0; b < 256; ++b) {
            check(std::string(14, 'x') + static_cast<char>(a) + static_cast<char>(b) + "\x80\x80xxxxxx");
            check(std::string{static_cast<char>(a), static_cast<char>(b)} + "\x80yyyyyyy");
            check(std::string{'\xe1', static_cast<char>(a), static_cast<char>(b)} + "\xc3\xa4zzzzz");
            check(std::string{'\xf1', '\x80', static_cast<char>(a), static_cast<char>(b)} + "zzzzzzz");
        }
    SUCCEED();
}

TEST_CASE("UTF-8: random texts, and such with one byte changed") {
    std::mt19937 random(8);
    for (int round = 0; round < 30000; ++round) {
        std::string text;
        const std::size_t n = random() % 130;
        const auto kinds = 1 + random() % 4;
        while (text.size() < n) {
            const std::size_t size = 1 + random() % kinds;
            const std::uint32_t least = size == 1 ? 0 : size == 2 ? 0x80 : size == 3 ? 0x800 : 0x10000;
            const std::uint32_t end = size == 1 ? 0x80 : size == 2 ? 0x800 : size == 3 ? 0xd800 : 0x110000;
            text += encoded(least + static_cast<std::uint32_t>(random()) % (end - least), size);
        }
        check(text);
        REQUIRE(right_answer(text));
        if (text.empty()) continue;
        text[random() % text.size()] = static_cast<char>(random());
        check(text);
        check(text.substr(0, random() % text.size()));
        check(text.substr(random() % text.size()));
    }
}

TEST_CASE("UTF-8 of many texts that lie anywhere is that of each") {
    for_each_backend([]<class Block>() {
        const std::vector<std::string> parts = pieces();
        std::mt19937 random(10);
        std::size_t sound = 0;
        for (int round = 0; round < 3000; ++round) {
            wire::basic_utf8_batch<Block> batch;
            bool right = true;
            for (auto texts = random() % 200; texts > 0; --texts) {
                std::string text(random() % 34, 'a');
                const bool with_part = random() % 3 == 0;
                if (with_part) text += random() % 60 == 0 ? parts[random() % parts.size()] : "\xe2\x82\xac";
                right = right && right_answer(text);
                const std::string behind(random() % 2 == 0 ? 0 : random() % 40, random() % 2 == 0 ? '\x80' : 'b');
                const exact_bytes block(text + behind);
                batch.add(block.text().substr(0, text.size()), block.text().size());
            }
            REQUIRE(batch.good() == right);
            sound += right;
        }
        CHECK((sound > 300 && sound < 2700));
    });
}
