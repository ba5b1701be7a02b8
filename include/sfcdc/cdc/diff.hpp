// diffFields: for long texts Salesforce sends a unified diff in place of the value, with the SHA-256 of the whole new
// text in it. Applied to the text as it was, it gives the new one; the hash says whether it did.
// Source: Change Data Capture Developer Guide, "Data Diff in Change Events"; FIPS 180-4.
#pragma once

#include <array>
#include <bit>
#include <charconv>
#include <cstdint>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <sfcdc/error.hpp>
#include <sfcdc/wire/text.hpp>

namespace sfcdc::cdc {

namespace detail {

inline std::array<std::byte, 32> sha256(std::string_view text) {
    static constexpr std::uint32_t rounds[64] = {
        0x428a2f98, 0x71374491, 0xb5c0fbcf, 0xe9b5dba5, 0x3956c25b, 0x59f111f1, 0x923f82a4, 0xab1c5ed5,
        0xd807aa98, 0x12835b01, 0x243185be, 0x550c7dc3, 0x72be5d74, 0x80deb1fe, 0x9bdc06a7, 0xc19bf174,
        0xe49b69c1, 0xefbe4786, 0x0fc19dc6, 0x240ca1cc, 0x2de92c6f, 0x4a7484aa, 0x5cb0a9dc, 0x76f988da,
        0x983e5152, 0xa831c66d, 0xb00327c8, 0xbf597fc7, 0xc6e00bf3, 0xd5a79147, 0x06ca6351, 0x14292967,
        0x27b70a85, 0x2e1b2138, 0x4d2c6dfc, 0x53380d13, 0x650a7354, 0x766a0abb, 0x81c2c92e, 0x92722c85,
        0xa2bfe8a1, 0xa81a664b, 0xc24b8b70, 0xc76c51a3, 0xd192e819, 0xd6990624, 0xf40e3585, 0x106aa070,
        0x19a4c116, 0x1e376c08, 0x2748774c, 0x34b0bcb5, 0x391c0cb3, 0x4ed8aa4a, 0x5b9cca4f, 0x682e6ff3,
        0x748f82ee, 0x78a5636f, 0x84c87814, 0x8cc70208, 0x90befffa, 0xa4506ceb, 0xbef9a3f7, 0xc67178f2};
    std::string padded(text);
    padded.push_back('\x80');
    padded.append((120 - padded.size() % 64) % 64, '\0');
    for (int i = 7; i >= 0; --i) padded.push_back(static_cast<char>(std::uint64_t{text.size()} * 8 >> 8 * i));

    std::uint32_t state[8] = {0x6a09e667, 0xbb67ae85, 0x3c6ef372, 0xa54ff53a,
                              0x510e527f, 0x9b05688c, 0x1f83d9ab, 0x5be0cd19};
    for (std::size_t block = 0; block < padded.size(); block += 64) {
        std::uint32_t w[64] = {};
        for (std::size_t i = 0; i < 64; ++i) w[i / 4] = w[i / 4] << 8 | static_cast<unsigned char>(padded[block + i]);
        for (std::size_t i = 16; i < 64; ++i) {
            const std::uint32_t s0 = std::rotr(w[i - 15], 7) ^ std::rotr(w[i - 15], 18) ^ w[i - 15] >> 3;
            const std::uint32_t s1 = std::rotr(w[i - 2], 17) ^ std::rotr(w[i - 2], 19) ^ w[i - 2] >> 10;
            w[i] = w[i - 16] + s0 + w[i - 7] + s1;
        }
        auto [a, b, c, d, e, f, g, h] = state;
        for (std::size_t i = 0; i < 64; ++i) {
            const std::uint32_t t1 =
                h + (std::rotr(e, 6) ^ std::rotr(e, 11) ^ std::rotr(e, 25)) + ((e & f) ^ (~e & g)) + rounds[i] + w[i];
            const std::uint32_t t2 =
                (std::rotr(a, 2) ^ std::rotr(a, 13) ^ std::rotr(a, 22)) + ((a & b) ^ (a & c) ^ (b & c));
            h = g, g = f, f = e, e = d + t1, d = c, c = b, b = a, a = t1 + t2;
        }
        state[0] += a, state[1] += b, state[2] += c, state[3] += d, state[4] += e, state[5] += f, state[6] += g,
            state[7] += h;
    }
    std::array<std::byte, 32> digest{};
    for (std::size_t i = 0; i < 32; ++i) digest[i] = static_cast<std::byte>(state[i / 4] >> (24 - 8 * (i % 4)));
    return digest;
}

// The lines of a text without their line feeds; a text that ends with one has no empty line behind it.
inline std::vector<std::string_view> lines_of(std::string_view text) {
    std::vector<std::string_view> lines;
    while (!text.empty()) {
        const std::size_t end = text.find('\n');
        lines.push_back(text.substr(0, end));
        text.remove_prefix(end == std::string_view::npos ? text.size() : end + 1);
    }
    return lines;
}

} // namespace detail

// The new text of a field in event::diff_fields(): `old_text` is the field's text before the event, `diff` the value in
// the event. An error when the diff is not one, is for another old text, or the result does not have its hash; the
// offset is in `diff`. What Salesforce's hash makes of a line feed at the end is not documented, so both are tried.
inline result<std::string> apply_diff(std::string_view old_text, std::string_view diff) {
    const auto fail = [&](errc code, const char* at) -> result<std::string> {
        return {{}, {code, static_cast<std::uint32_t>(at - diff.data())}};
    };
    const std::vector<std::string_view> old_lines = detail::lines_of(old_text), lines = detail::lines_of(diff);
    if (lines.size() < 2 || !lines[0].starts_with("---") || !lines[1].starts_with("+++ "))
        return fail(errc::diff_syntax, diff.data());
    const auto [hash, bad_hash] = wire::from_hex(lines[1].substr(4));
    if (bad_hash || hash.size() != 32) return fail(errc::diff_syntax, lines[1].data() + 4);

    std::vector<std::string_view> fresh;
    std::size_t next = 0; // line of the old text that was not looked at yet
    for (std::size_t i = 2; i < lines.size();) {
        // @@ -FIRST[,COUNT] +FIRST[,COUNT] @@
        const std::string_view head = lines[i];
        std::size_t first = 0;
        if (!head.starts_with("@@ -")) return fail(errc::diff_syntax, head.data());
        const auto [end, bad] = std::from_chars(head.data() + 4, head.data() + head.size(), first);
        if (bad != std::errc()) return fail(errc::diff_syntax, head.data());
        // A hunk that takes no lines counts the line that it stands behind, any other its first line.
        const bool takes_none =
            std::string_view(end, static_cast<std::size_t>(head.data() + head.size() - end)).starts_with(",0");
        if (!takes_none && first == 0) return fail(errc::diff_syntax, head.data());
        const std::size_t start = takes_none ? first : first - 1;
        if (start < next || start > old_lines.size()) return fail(errc::diff_does_not_apply, head.data());
        for (; next < start; ++next) fresh.push_back(old_lines[next]);
        for (++i; i < lines.size() && !lines[i].starts_with("@@ -"); ++i) {
            const std::string_view line = lines[i];
            const char kind = line.empty() ? ' ' : line[0]; // an empty context line may have lost its space
            const std::string_view rest = line.empty() ? line : line.substr(1);
            if (kind == '\\') continue; // "\ No newline at end of file"
            if (kind == '+') {
                fresh.push_back(rest);
                continue;
            }
            if (kind != ' ' && kind != '-') return fail(errc::diff_syntax, line.data());
            if (next == old_lines.size() || old_lines[next] != rest)
                return fail(errc::diff_does_not_apply, line.data());
            if (kind == ' ') fresh.push_back(rest);
            ++next;
        }
    }
    for (; next < old_lines.size(); ++next) fresh.push_back(old_lines[next]);

    std::string text;
    for (const std::string_view& line : fresh) text.append(&line == &fresh.front() ? "" : "\n").append(line);
    for (int with_line_feed = 0; with_line_feed < 2; ++with_line_feed) {
        const auto digest = detail::sha256(text);
        if (wire::as_chars(digest) == hash) return {std::move(text), {}};
        text.push_back('\n');
    }
    return fail(errc::diff_wrong_hash, lines[1].data() + 4);
}

} // namespace sfcdc::cdc
