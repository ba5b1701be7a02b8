// Bytes as hexadecimal digits (RFC 4648, section 8).
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <span>
#include <string>
#include <string_view>
#include <utility>

#include <sfcdc/error.hpp>
#include <sfcdc/wire/appender.hpp>

namespace sfcdc::inline v0::wire {

// Appends two lower-case digits for each byte.
template<class Out> // std::string or wire::appender
void append_hex(Out& out, std::span<const std::byte> bytes) {
    static constexpr std::array<std::array<char, 2>, 256> pairs = [] {
        std::array<std::array<char, 2>, 256> made{};
        for (std::size_t b = 0; b < 256; ++b) made[b] = {"0123456789abcdef"[b >> 4], "0123456789abcdef"[b & 15]};
        return made;
    }();
    char* to = extend(out, 2 * bytes.size());
    for (const std::byte b : bytes) {
        std::memcpy(to, pairs[static_cast<unsigned char>(b)].data(), 2);
        to += 2;
    }
}

// The value of a hexadecimal digit of either case, or -1.
constexpr int hex_digit(char c) noexcept {
    if (c >= '0' && c <= '9') return c - '0';
    if (c >= 'a' && c <= 'f') return c - 'a' + 10;
    if (c >= 'A' && c <= 'F') return c - 'A' + 10;
    return -1;
}

// Returns the bytes that hex digits of either case stand for. Error: errc::bad_hex, with the position of the
// character that is no digit, or of the end.
inline result<std::string> from_hex(std::string_view text) {
    std::string out;
    out.reserve(text.size() / 2);
    for (std::size_t i = 0; i < text.size(); i += 2) {
        const int high = hex_digit(text[i]);
        const int low = i + 1 < text.size() ? hex_digit(text[i + 1]) : -1;
        if (high < 0 || low < 0) return {{}, {errc::bad_hex, static_cast<std::uint32_t>(high < 0 ? i : i + 1)}};
        out.push_back(static_cast<char>(high << 4 | low));
    }
    return {std::move(out), {}};
}

} // namespace sfcdc::inline v0::wire
