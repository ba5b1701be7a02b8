// Bytes as text: hexadecimal and base64 (RFC 4648), and the check of UTF-8 (Unicode 15, table 3-7).
#pragma once

#include <array>
#include <bit>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <span>
#include <string>
#include <string_view>
#include <utility>

#include <sfcdc/error.hpp>
#include <sfcdc/wire/appender.hpp>
#include <sfcdc/wire/copy.hpp>

namespace sfcdc::wire {

inline std::span<const std::byte> as_bytes(std::string_view text) noexcept {
    return {reinterpret_cast<const std::byte*>(text.data()), text.size()};
}

inline std::string_view as_chars(std::span<const std::byte> bytes) noexcept {
    return {reinterpret_cast<const char*>(bytes.data()), bytes.size()};
}

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

enum class base64_alphabet : std::uint8_t { standard, url };

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

// The length of the well-formed UTF-8 sequence that starts at text[at]; 0 when there is none.
inline std::size_t utf8_sequence(std::string_view text, std::size_t at) noexcept {
    const auto byte = [&](std::size_t i) { return static_cast<unsigned char>(text[at + i]); };
    const auto continues = [&](std::size_t i, unsigned low = 0x80, unsigned high = 0xbf) {
        return text.size() - at > i && byte(i) >= low && byte(i) <= high;
    };
    const unsigned lead = byte(0);
    if (lead < 0x80) return 1;
    if (lead < 0xc2) return 0; // a continuation byte, or an overlong form
    if (lead < 0xe0) return continues(1) ? 2 : 0;
    if (lead < 0xf0) // no overlong form (E0), no surrogate (ED)
        return continues(1, lead == 0xe0 ? 0xa0 : 0x80, lead == 0xed ? 0x9f : 0xbf) && continues(2) ? 3 : 0;
    if (lead < 0xf5) // no overlong form (F0), nothing above U+10FFFF (F4)
        return continues(1, lead == 0xf0 ? 0x90 : 0x80, lead == 0xf4 ? 0x8f : 0xbf) && continues(2) && continues(3)
                   ? 4
                   : 0;
    return 0;
}

// The first byte of `text`, from text[at] on, that is not ASCII; text.size() when there is none.
inline std::size_t find_not_ascii(std::string_view text, std::size_t at = 0) noexcept {
    const std::size_t n = text.size();
#ifdef SFCDC_VECTOR128
    for (; n - at >= 16; at += 16) {
        const __m128i block = _mm_loadu_si128(reinterpret_cast<const __m128i*>(text.data() + at));
        const auto odd = static_cast<unsigned>(_mm_movemask_epi8(block));
        if (odd != 0) return at + static_cast<std::size_t>(std::countr_zero(odd));
    }
#endif
    for (; n - at >= 8; at += 8) {
        const std::uint64_t odd = load_8(text.data() + at) & scalar::tops;
        if (odd != 0) return at + static_cast<std::size_t>(std::countr_zero(odd)) / 8;
    }
    if (at != n && n >= 8) { // the last eight, of which the first were looked at before
        const std::uint64_t odd = (load_8(text.data() + n - 8) & scalar::tops) >> 8 * (8 - (n - at));
        return odd == 0 ? n : at + static_cast<std::size_t>(std::countr_zero(odd)) / 8;
    }
    while (at != n && static_cast<unsigned char>(text[at]) < 0x80) ++at;
    return at;
}

// At most `size` bytes of a text, and no part of a character at their end.
inline std::string_view utf8_prefix(std::string_view text, std::size_t size) noexcept {
    if (text.size() <= size) return text;
    std::size_t at = size; // a character has at most three bytes that continue it
    while (at > 0 && size - at < 3 && (static_cast<unsigned char>(text[at]) & 0xc0) == 0x80) --at;
    return text.substr(0, at);
}

[[gnu::noinline]] inline bool is_utf8(std::string_view text) noexcept {
    for (std::size_t i = 0;;) {
        i = find_not_ascii(text, i);
        do { // characters that are not ASCII often come in a row
            if (i == text.size()) return true;
            const std::size_t n = utf8_sequence(text, i);
            if (n == 0) return false;
            i += n;
        } while (i != text.size() && static_cast<unsigned char>(text[i]) >= 0x80);
    }
}

// Appends `text` with each byte that is not part of well-formed UTF-8 replaced by U+FFFD; returns how many were.
template<class Out> // std::string or wire::appender
std::uint32_t append_utf8(Out& out, std::string_view text) {
    if (is_utf8(text)) [[likely]] {
        out.append(text);
        return 0;
    }
    std::uint32_t replaced = 0;
    for (std::size_t i = 0; i < text.size();) {
        const std::size_t n = utf8_sequence(text, i);
        if (n == 0) {
            out.append("\xEF\xBF\xBD");
            ++replaced;
            ++i;
        } else {
            out.append(text.substr(i, n));
            i += n;
        }
    }
    return replaced;
}

} // namespace sfcdc::wire
