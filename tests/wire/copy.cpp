#include "backends.hpp"
#include "catch.hpp"
#include "exact_bytes.hpp"

#include <algorithm>
#include <cstring>
#include <memory>
#include <string>

#include <sfcdc/wire/copy.hpp>

using namespace sfcdc;

namespace {

bool wants_escape(char c) { return static_cast<unsigned char>(c) < 0x20 || c == '"' || c == '\\'; }

// Copies from a block of exactly this size into another one, so that a sanitizer sees each byte too many.
template<class Look> void check(const std::string& text, bool escapes) {
    const exact_bytes from(text);
    const std::unique_ptr<char[]> to(new char[text.size()]);
    const Look seen = wire::copy_looking<Look>(to.get(), from.text());
    bool ascii = true, special = false;
    for (const char c : text) {
        ascii = ascii && static_cast<unsigned char>(c) < 0x80;
        special = special || wants_escape(c);
    }
    bool right = std::string_view(to.get(), text.size()) == text && seen.ascii() == ascii;
    if constexpr (requires { seen.escapes(); }) right = right && escapes && seen.escapes() == special;
    if (!right) {
        INFO(text.size() << " bytes");
        REQUIRE(right);
    }
}
void check_all(const std::string& text) {
    for_each_backend([&]<class Block>() {
        check<wire::basic_look_at_text<Block>>(text, false);
        check<wire::basic_look_for_escapes<Block>>(text, true);
    });
}

} // namespace

TEST_CASE("copied text: one odd byte at every position of every length") {
    for (std::size_t n = 0; n <= 140; ++n) {
        std::string text(n, '~');
        for (std::size_t i = 0; i < n; ++i) text[i] = static_cast<char>('a' + i % 26);
        check_all(text);
        for (std::size_t at = 0; at < n; ++at)
            for (const char odd :
                 {'\0', '\x1f', ' ', '!', '"', '#', '[', '\\', ']', '\x7f', '\x80', '\xa2', '\xdc', '\xff'}) {
                std::string one = text;
                one[at] = odd;
                check_all(one);
            }
    }
    SUCCEED();
}

TEST_CASE("copied text: every byte, and every byte beside every other") {
    for (int a = 0; a < 256; ++a) {
        for (const std::size_t n : {1u, 2u, 3u, 5u, 8u, 13u, 16u, 33u, 64u, 65u, 200u})
            check_all(std::string(n, static_cast<char>(a)));
        for (int b = 0; b < 256; ++b) // a test for "below" that borrows would see the neighbour
            check_all(std::string(8, 'x') + static_cast<char>(a) + static_cast<char>(b) + std::string(7, 'x'));
    }
    SUCCEED();
}

TEST_CASE("text with more behind it: one odd byte at every position of every length, and behind the text") {
    const auto check = [](const std::string& block, std::size_t n) {
        const exact_bytes from(block);
        const std::string_view text = from.text().substr(0, n);
        bool ascii = true, special = false;
        for (const char c : text) {
            ascii = ascii && static_cast<unsigned char>(c) < 0x80;
            special = special || wants_escape(c);
        }
        const std::unique_ptr<char[]> to(new char[block.size()]);
        for_each_backend([&]<class Block>() {
            bool right = wire::copy_padded<wire::basic_look_at_text<Block>>(to.get(), text) == ascii;
            right = right && std::string_view(to.get(), n) == text;
            right = right
                    && wire::copy_padded<wire::basic_look_for_escapes<Block>>(to.get(), text) == (ascii && !special);
            right = right && std::string_view(to.get(), n) == text;
            if (!right) {
                INFO(n << " bytes");
                REQUIRE(right);
            }
        });
    };
    for (std::size_t n = 0; n <= 80; ++n) {
        std::string block(std::max(n, wire::padded_room), '~');
        for (std::size_t i = 0; i < n; ++i) block[i] = static_cast<char>('a' + i % 26);
        check(block, n);
        for (std::size_t at = 0; at < block.size(); ++at)
            for (const char odd : {'\0', '\x1f', ' ', '"', '\\', '\x7f', '\x80', '\xff'}) {
                std::string one = block;
                one[at] = odd;
                check(one, n);
            }
    }
    SUCCEED();
}

TEST_CASE("text is copied whole, whatever is in it") {
    for (std::size_t n = 0; n <= 140; ++n) {
        std::string text(n, '\0');
        for (std::size_t i = 0; i < n; ++i) text[i] = static_cast<char>(7 * i + n);
        const exact_bytes from(text);
        const std::unique_ptr<char[]> to(new char[n]);
        wire::copy_text(to.get(), from.text());
        REQUIRE(std::string_view(to.get(), n) == text);
    }
}

TEST_CASE("text is copied with its quotes and backslashes escaped, in no more room than was asked for") {
    const auto check = [](const std::string& text) {
        std::string right;
        for (const char c : text) right += c == '"' || c == '\\' ? std::string("\\") + c : std::string(1, c);
        const std::size_t size = 2 * text.size() + 2 * wire::quoted_room; // as json_writer::quoted() has it
        const std::unique_ptr<char[]> room(new char[size]);
        for_each_backend([&]<class Block>() {
            std::memset(room.get(), '"', size); // what lies behind the text is not part of it
            char* const from = room.get() + text.size() + wire::quoted_room;
            if (!text.empty()) std::memcpy(from, text.data(), text.size());
            const char* const end = wire::copy_quoted<Block>(room.get(), from, text.size());
            const std::string got(room.get(), static_cast<std::size_t>(end - room.get()));
            if (got != right) REQUIRE(got == right);
        });
    };
    for (std::size_t n = 0; n <= 80; ++n) {
        check(std::string(n, 'x'));
        check(std::string(n, '"'));
        for (std::size_t at = 0; at < n; ++at)
            for (const std::size_t every :
                 {std::size_t{1000}, std::size_t{1}, std::size_t{2}, std::size_t{7}, std::size_t{16}}) {
                std::string text(n, 'x');
                for (std::size_t i = at; i < n; i += every) text[i] = i % 2 == 0 ? '"' : '\\';
                check(text);
            }
    }
    // Each byte at each place of a block: only the two are escaped.
    for (std::size_t at = 0; at < 16; ++at)
        for (int a = 0; a < 256; ++a)
            for (const char b : {'"', '\\', '#', '!', ']', '[', 'x', '\xa2', '\0'})
                for (const char filling : {'x', '\xff'}) {
                    std::string text(17, filling);
                    text[at] = static_cast<char>(a);
                    text[(at + 1) % 16] = b;
                    check(text);
                }
    SUCCEED();
}
