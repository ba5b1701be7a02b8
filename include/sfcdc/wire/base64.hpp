// Bytes as base64, in both alphabets (RFC 4648, sections 4 and 5).
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <utility>

#include <sfcdc/error.hpp>
#include <sfcdc/wire/appender.hpp>

namespace sfcdc::inline v0::wire {

// The last two digits: '+' and '/' in the standard alphabet, '-' and '_' in that for URLs. Source: RFC 4648.
enum class base64_alphabet : std::uint8_t { standard, url };

// Returns the name of the enumerator; "unknown" for a number that names none.
constexpr std::string_view to_string(base64_alphabet value) noexcept {
    switch (value) {
    case base64_alphabet::standard: return "standard";
    case base64_alphabet::url: return "url";
    }
    return "unknown";
}

// How many characters so many bytes take in the padded form.
constexpr std::size_t base64_size(std::size_t bytes) noexcept { return (bytes + 2) / 3 * 4; }

// The standard alphabet is padded with '=', the url alphabet (schema ids) is not.
template<class Out> // std::string or wire::appender
void append_base64(Out& out, std::span<const std::byte> bytes, base64_alphabet alphabet = base64_alphabet::standard) {
    constexpr char standard[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    constexpr char url[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
    const bool padded = alphabet == base64_alphabet::standard;
    const char* const digits = padded ? standard : url;
    const std::size_t whole = bytes.size() / 3, rest = bytes.size() % 3;
    char* to = extend(out, padded ? base64_size(bytes.size()) : 4 * whole + (rest == 0 ? 0 : rest + 1));
    const std::byte* from = bytes.data();
    const auto byte = [&](std::size_t i) { return static_cast<std::uint32_t>(from[i]); };
    const auto digit = [&](std::uint32_t group, int n) { return digits[group >> (18 - 6 * n) & 63]; };
    for (const std::byte* const last = from + 3 * whole; from != last; from += 3, to += 4) {
        const std::uint32_t group = byte(0) << 16 | byte(1) << 8 | byte(2);
        for (int n = 0; n < 4; ++n) to[n] = digit(group, n);
    }
    if (rest == 0) return;
    const std::uint32_t group = byte(0) << 16 | (rest == 2 ? byte(1) << 8 : 0);
    *to++ = digit(group, 0);
    *to++ = digit(group, 1);
    if (rest == 2) *to++ = digit(group, 2);
    if (padded && rest == 1) *to++ = '=';
    if (padded) *to++ = '=';
}

// Takes either alphabet, with or without padding; white space is an error.
inline result<std::string> from_base64(std::string_view text) {
    std::size_t length = text.size();
    while (length > 0 && text[length - 1] == '=' && text.size() - length < 2) --length;
    if (length != text.size() && length % 4 < 2) // there is nothing to be padded
        return {{}, {errc::bad_base64, static_cast<std::uint32_t>(length)}};
    std::string out;
    out.reserve(length * 3 / 4);
    std::uint32_t group = 0;
    unsigned bits = 0;
    for (std::size_t i = 0; i < length; ++i) {
        const char c = text[i];
        std::uint32_t digit = 0;
        if (c >= 'A' && c <= 'Z')
            digit = static_cast<std::uint32_t>(c - 'A');
        else if (c >= 'a' && c <= 'z')
            digit = static_cast<std::uint32_t>(c - 'a') + 26;
        else if (c >= '0' && c <= '9')
            digit = static_cast<std::uint32_t>(c - '0') + 52;
        else if (c == '+' || c == '-')
            digit = 62;
        else if (c == '/' || c == '_')
            digit = 63;
        else
            return {{}, {errc::bad_base64, static_cast<std::uint32_t>(i)}};
        group = group << 6 | digit;
        bits += 6;
        if (bits >= 8) {
            bits -= 8;
            out.push_back(static_cast<char>(group >> bits & 0xff));
        }
    }
    // One digit over is no byte, and the bits that are left over must be zero.
    if (bits >= 6 || (group & ((1u << bits) - 1)) != 0)
        return {{}, {errc::bad_base64, static_cast<std::uint32_t>(length)}};
    return {std::move(out), {}};
}

} // namespace sfcdc::inline v0::wire
