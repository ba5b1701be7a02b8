#include "catch.hpp"
#include "exact_bytes.hpp"

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
    check<wire::scalar::look_at_text>(text, false);
    check<wire::scalar::look_for_escapes>(text, true);
#ifdef SFCDC_COPY_VECTOR128
    check<wire::vector128::look_at_text>(text, false);
    check<wire::vector128::look_for_escapes>(text, true);
#endif
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
