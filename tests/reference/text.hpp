// UTF-8 by computing code points, and strict JSON strings. Slow and plain; shares no code with include/.
#pragma once

#include <cstdint>
#include <cstdlib>
#include <optional>
#include <string>
#include <string_view>

namespace reference {

// How many bytes the character at `at` takes; nothing when it is not one that Unicode allows in UTF-8.
inline std::optional<std::size_t> character_length(std::string_view text, std::size_t at) {
    const auto unit = [&](std::size_t i) { return static_cast<std::uint32_t>(static_cast<unsigned char>(text[i])); };
    std::size_t length = 0;
    std::uint32_t point = 0;
    if (unit(at) < 0x80)
        length = 1, point = unit(at);
    else if ((unit(at) & 0xe0) == 0xc0)
        length = 2, point = unit(at) & 0x1f;
    else if ((unit(at) & 0xf0) == 0xe0)
        length = 3, point = unit(at) & 0x0f;
    else if ((unit(at) & 0xf8) == 0xf0)
        length = 4, point = unit(at) & 0x07;
    else
        return std::nullopt;
    if (at + length > text.size()) return std::nullopt;
    for (std::size_t i = 1; i < length; ++i) {
        if ((unit(at + i) & 0xc0) != 0x80) return std::nullopt;
        point = point * 64 + (unit(at + i) & 0x3f);
    }
    const std::uint32_t least[] = {0, 0, 0x80, 0x800, 0x10000};
    if (point < least[length] || point > 0x10ffff || (point >= 0xd800 && point <= 0xdfff)) return std::nullopt;
    return length;
}

// Each byte that is not part of a character becomes U+FFFD; `replaced` counts them.
inline std::string well_formed(std::string_view text, std::uint32_t& replaced) {
    std::string out;
    for (std::size_t i = 0; i < text.size();) {
        if (const auto n = character_length(text, i)) {
            out.append(text.substr(i, *n));
            i += *n;
        } else {
            out.append("\xEF\xBF\xBD");
            ++replaced;
            ++i;
        }
    }
    return out;
}

inline std::string utf8(std::uint32_t point) {
    std::string out;
    const auto tail = [&](int shift) { out.push_back(static_cast<char>(0x80 | ((point >> shift) & 0x3f))); };
    if (point < 0x80)
        out.push_back(static_cast<char>(point));
    else if (point < 0x800)
        out.push_back(static_cast<char>(0xc0 | (point >> 6))), tail(0);
    else if (point < 0x10000)
        out.push_back(static_cast<char>(0xe0 | (point >> 12))), tail(6), tail(0);
    else
        out.push_back(static_cast<char>(0xf0 | (point >> 18))), tail(12), tail(6), tail(0);
    return out;
}

// Reads a JSON string that starts at text[at]; nothing when it is not one. `at` is then behind it.
inline std::optional<std::string> json_string(std::string_view text, std::size_t& at) {
    const auto hex = [&](std::size_t i) -> std::optional<std::uint32_t> {
        if (i + 4 > text.size()) return std::nullopt;
        std::uint32_t v = 0;
        for (const char c : text.substr(i, 4)) {
            const std::size_t digit = std::string_view("0123456789abcdef").find(c);
            if (digit == std::string_view::npos) return std::nullopt;
            v = v * 16 + static_cast<std::uint32_t>(digit);
        }
        return v;
    };
    if (at >= text.size() || text[at] != '"') return std::nullopt;
    std::string out;
    for (++at; at < text.size();) {
        const char c = text[at];
        if (c == '"') return ++at, out;
        if (static_cast<unsigned char>(c) < 0x20) return std::nullopt;
        if (c != '\\') {
            const auto n = character_length(text, at);
            if (!n) return std::nullopt;
            out.append(text.substr(at, *n));
            at += *n;
            continue;
        }
        if (at + 1 >= text.size()) return std::nullopt;
        const std::string_view shorts = "\"\\/bfnrt", meant = "\"\\/\b\f\n\r\t";
        if (const std::size_t k = shorts.find(text[at + 1]); k != std::string_view::npos) {
            out.push_back(meant[k]);
            at += 2;
        } else if (const auto point = hex(at + 2); text[at + 1] == 'u' && point) {
            out += utf8(*point);
            at += 6;
        } else {
            return std::nullopt;
        }
    }
    return std::nullopt;
}

inline std::string base64(std::string_view bytes) {
    const char* const digits = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    std::string bits, out;
    for (const char c : bytes)
        for (int i = 7; i >= 0; --i) bits.push_back((static_cast<unsigned char>(c) >> i & 1) != 0 ? '1' : '0');
    while (bits.size() % 6 != 0) bits.push_back('0');
    for (std::size_t i = 0; i < bits.size(); i += 6)
        out.push_back(digits[std::strtol(bits.substr(i, 6).c_str(), nullptr, 2)]);
    while (out.size() % 4 != 0) out.push_back('=');
    return out;
}

} // namespace reference
