#include "catch.hpp"

#include <sfcdc/wire/byte_view.hpp>

#include <array>
#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <type_traits>
#include <vector>

using namespace sfcdc;

TEST_CASE("byte view: the same bytes in every form that users have them in") {
    const std::string text("a\0b", 3);
    const std::vector<std::uint8_t> numbers(text.begin(), text.end());
    const std::vector<char> characters(text.begin(), text.end());
    std::array<std::byte, 3> bytes{std::byte{'a'}, std::byte{0}, std::byte{'b'}};
    const wire::byte_view views[] = {text,
                                     std::string_view(text),
                                     numbers,
                                     characters,
                                     bytes,
                                     std::span(bytes),
                                     std::span<const std::byte>(bytes),
                                     std::span<const unsigned char>(numbers),
                                     std::span<const char>(characters)};
    for (const wire::byte_view& v : views) {
        CHECK(v.text() == text);
        CHECK(v.span().size() == 3);
        CHECK(v.span()[2] == std::byte{'b'});
    }
    CHECK(wire::byte_view(text).text().data() == text.data());
    struct buffer {
        std::span<const std::byte> bytes;
        operator std::span<const std::byte>() const { return bytes; }
    };
    CHECK(wire::byte_view(buffer{bytes}).text() == text);
    const std::byte array[2] = {std::byte{'c'}, std::byte{'d'}};
    CHECK(wire::byte_view(array).text() == "cd");
    CHECK(wire::byte_view().size() == 0);
    CHECK(wire::byte_view(std::string()).text().empty());
}

TEST_CASE("byte view: what is none, and what would be gone") {
    static_assert(!std::is_convertible_v<const char*, wire::byte_view>);
    static_assert(!std::is_convertible_v<const char(&)[4], wire::byte_view>);
    static_assert(!std::is_convertible_v<std::vector<int>, wire::byte_view>);
    static_assert(!std::is_convertible_v<std::wstring, wire::byte_view>);
    static_assert(wire::owning_temporary<std::string>);
    static_assert(wire::owning_temporary<const std::vector<std::byte>>);
    static_assert(wire::owning_temporary<std::array<unsigned char, 2>>);
    static_assert(!wire::owning_temporary<std::string&>);
    static_assert(!wire::owning_temporary<std::string_view>);
    static_assert(!wire::owning_temporary<std::span<const std::byte>>);
    static_assert(wire::binary_range<std::vector<std::uint8_t>>);
    static_assert(!wire::binary_range<std::string>);
}
