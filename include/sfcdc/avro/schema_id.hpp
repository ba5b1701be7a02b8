// Salesforce's schema_id: base64url without padding of the MD5 of the schema's Parsing Canonical Form (22 characters).
// With it a fetched schema is verified, and a store of .avsc files needs no RPC. doc and default do not count, so the
// same id can come with other docs.
// Source: Avro specification 1.12, "Parsing Canonical Form for Schemas"; RFC 1321; checked on ids that Salesforce sent.
#pragma once

#include <array>
#include <bit>
#include <cstdint>
#include <cstring>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include <sfcdc/avro/schema.hpp>
#include <sfcdc/wire/base64.hpp>

namespace sfcdc::avro {

namespace detail {

// MD5 names a schema here; nothing secret or trusted hangs on it.
inline std::array<std::byte, 16> md5(std::string_view text) {
    static constexpr std::uint32_t sines[64] = {
        0xd76aa478, 0xe8c7b756, 0x242070db, 0xc1bdceee, 0xf57c0faf, 0x4787c62a, 0xa8304613, 0xfd469501,
        0x698098d8, 0x8b44f7af, 0xffff5bb1, 0x895cd7be, 0x6b901122, 0xfd987193, 0xa679438e, 0x49b40821,
        0xf61e2562, 0xc040b340, 0x265e5a51, 0xe9b6c7aa, 0xd62f105d, 0x02441453, 0xd8a1e681, 0xe7d3fbc8,
        0x21e1cde6, 0xc33707d6, 0xf4d50d87, 0x455a14ed, 0xa9e3e905, 0xfcefa3f8, 0x676f02d9, 0x8d2a4c8a,
        0xfffa3942, 0x8771f681, 0x6d9d6122, 0xfde5380c, 0xa4beea44, 0x4bdecfa9, 0xf6bb4b60, 0xbebfbc70,
        0x289b7ec6, 0xeaa127fa, 0xd4ef3085, 0x04881d05, 0xd9d4d039, 0xe6db99e5, 0x1fa27cf8, 0xc4ac5665,
        0xf4292244, 0x432aff97, 0xab9423a7, 0xfc93a039, 0x655b59c3, 0x8f0ccc92, 0xffeff47d, 0x85845dd1,
        0x6fa87e4f, 0xfe2ce6e0, 0xa3014314, 0x4e0811a1, 0xf7537e82, 0xbd3af235, 0x2ad7d2bb, 0xeb86d391};
    static constexpr int turns[4][4] = {{7, 12, 17, 22}, {5, 9, 14, 20}, {4, 11, 16, 23}, {6, 10, 15, 21}};

    std::string padded(text);
    padded.push_back('\x80');
    padded.append((120 - padded.size() % 64) % 64, '\0');
    for (unsigned i = 0; i < 8; ++i) padded.push_back(static_cast<char>(std::uint64_t{text.size()} * 8 >> 8 * i));

    std::uint32_t state[4] = {0x67452301, 0xefcdab89, 0x98badcfe, 0x10325476};
    for (std::size_t block = 0; block < padded.size(); block += 64) {
        std::uint32_t words[16] = {};
        for (std::size_t i = 0; i < 64; ++i)
            words[i / 4] |= std::uint32_t{static_cast<unsigned char>(padded[block + i])} << 8 * (i % 4);
        std::uint32_t a = state[0], b = state[1], c = state[2], d = state[3];
        for (std::uint32_t i = 0; i < 64; ++i) {
            std::uint32_t mix = 0, word = 0;
            switch (i / 16) {
            case 0: mix = (b & c) | (~b & d), word = i; break;
            case 1: mix = (d & b) | (~d & c), word = (5 * i + 1) % 16; break;
            case 2: mix = b ^ c ^ d, word = (3 * i + 5) % 16; break;
            default: mix = c ^ (b | ~d), word = 7 * i % 16; break;
            }
            const std::uint32_t rotated = std::rotl(a + mix + sines[i] + words[word], turns[i / 16][i % 4]);
            a = d, d = c, c = b, b += rotated;
        }
        state[0] += a, state[1] += b, state[2] += c, state[3] += d;
    }
    std::array<std::byte, 16> digest{};
    for (std::size_t i = 0; i < 16; ++i) digest[i] = static_cast<std::byte>(state[i / 4] >> 8 * (i % 4));
    return digest;
}

// A named type is written out where it first stands and by its name afterwards; `written` remembers which were.
inline void append_canonical(const schema& s, std::uint32_t index, std::vector<bool>& written, std::string& out) {
    static constexpr std::string_view primitives[] = {"\"null\"",  "\"boolean\"", "\"int\"",   "\"long\"",
                                                      "\"float\"", "\"double\"",  "\"bytes\"", "\"string\""};
    const schema::node& n = s[index];
    const auto separated = [&](std::size_t i) {
        if (i != 0) out.push_back(',');
    };
    if (n.type <= type::string) {
        out.append(primitives[static_cast<std::size_t>(n.type)]);
        return;
    }
    if (n.type == type::array || n.type == type::map) {
        out.append(n.type == type::array ? R"({"type":"array","items":)" : R"({"type":"map","values":)");
        append_canonical(s, n.first, written, out);
        out.push_back('}');
        return;
    }
    if (n.type == type::union_) {
        out.push_back('[');
        for (std::size_t i = 0; i < n.count; ++i) {
            separated(i);
            append_canonical(s, s.branches(n)[i], written, out);
        }
        out.push_back(']');
        return;
    }
    if (written[index]) {
        out.append("\"").append(s.full_name(n)).append("\"");
        return;
    }
    written[index] = true;
    out.append(R"({"name":")").append(s.full_name(n));
    switch (n.type) {
    case type::fixed: out.append(R"(","type":"fixed","size":)").append(std::to_string(n.first)).append("}"); break;
    case type::enum_:
        out.append(R"(","type":"enum","symbols":[)");
        for (std::size_t i = 0; i < n.count; ++i) {
            separated(i);
            out.append("\"").append(s.symbols(n)[i]).append("\"");
        }
        out.append("]}");
        break;
    default:
        out.append(R"(","type":"record","fields":[)");
        for (std::size_t i = 0; i < n.count; ++i) {
            separated(i);
            out.append(R"({"name":")").append(s.fields(n)[i].name).append(R"(","type":)");
            append_canonical(s, s.fields(n)[i].node, written, out);
            out.push_back('}');
        }
        out.append("]}");
        break;
    }
}

} // namespace detail

inline std::string canonical_form(const schema& s) {
    std::string out;
    std::vector<bool> written(s.size());
    detail::append_canonical(s, s.root(), written, out);
    return out;
}

inline std::string schema_id(const schema& s) {
    const auto digest = detail::md5(canonical_form(s));
    std::string id;
    wire::append_base64(id, digest, wire::base64_alphabet::url);
    return id;
}

} // namespace sfcdc::avro
