// JSON written the plain way, and compared by meaning: for checking answers, never timed.
#pragma once

#include <avro.h>

#include <algorithm>
#include <charconv>
#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <stdexcept>
#include <string>
#include <string_view>

#include "avro_c.hpp"

namespace bench {

inline void append_quoted(std::string& out, std::string_view text) {
    out += '"';
    for (const char c : text) {
        constexpr std::string_view special = "\"\\\b\f\n\r\t";
        const auto u = static_cast<unsigned char>(c);
        char escape[8];
        if (const std::size_t at = special.find(c); at != special.npos)
            (out += '\\') += "\"\\bfnrt"[at];
        else if (u >= 0x20)
            out += c;
        else
            std::snprintf(escape, sizeof escape, "\\u%04x", u), out += escape;
    }
    out += '"';
}

template<class Number> void append_number(std::string& out, Number v) {
    char text[32];
    out.append(text, std::to_chars(text, text + sizeof text, v).ptr);
}

template<class Range> void append_texts(std::string& out, const Range& texts) {
    out += '[';
    bool first = true;
    for (const auto& text : texts) {
        if (!first) out += ',';
        first = false;
        append_quoted(out, text);
    }
    out += ']';
}

// Of a record the members from `first_member` on.
inline void append_json(std::string& out, avro_value_t v, std::size_t first_member = 0) {
    v = look_through(v);
    switch (avro_value_get_type(&v)) {
    case AVRO_NULL: out += "null"; return;
    case AVRO_BOOLEAN: {
        int truth = 0;
        avro_value_get_boolean(&v, &truth);
        out += truth != 0 ? "true" : "false";
        return;
    }
    case AVRO_INT32: {
        std::int32_t n = 0;
        avro_value_get_int(&v, &n);
        return append_number(out, n);
    }
    case AVRO_INT64: return append_number(out, long_of(v));
    case AVRO_DOUBLE: {
        double x = 0;
        avro_value_get_double(&v, &x);
        return append_number(out, x);
    }
    case AVRO_STRING:
    case AVRO_ENUM: return append_quoted(out, text_of(v));
    case AVRO_ARRAY:
        out += '[';
        for (std::size_t i = 0; i < size_of(v); ++i) {
            if (i != 0) out += ',';
            append_json(out, child(v, i));
        }
        out += ']';
        return;
    case AVRO_RECORD:
        out += '{';
        for (std::size_t i = first_member; i < size_of(v); ++i) {
            if (i != first_member) out += ',';
            const char* name = nullptr;
            const avro_value_t member = child(v, i, &name);
            append_quoted(out, name);
            out += ':';
            append_json(out, member);
        }
        out += '}';
        return;
    default: throw std::runtime_error("the data has a type that the check does not know");
    }
}

inline std::string json_of(const avro_value_t& v, std::size_t first_member = 0) {
    std::string out;
    append_json(out, v, first_member);
    return out;
}

// Equal but for the way numbers are written: 1e+06 is 1000000.
inline bool same_json(std::string_view a, std::string_view b) {
    const auto starts_number = [](std::string_view s, std::size_t i) {
        return s[i] == '-' || (s[i] >= '0' && s[i] <= '9');
    };
    bool inside_text = false;
    std::size_t i = 0, k = 0;
    while (i < a.size() && k < b.size()) {
        if (!inside_text && starts_number(a, i) && starts_number(b, k)) {
            double x = 0, y = 0; // integers above 2^53 are compared as text below
            const char* const x_end = std::from_chars(a.data() + i, a.data() + a.size(), x).ptr;
            const char* const y_end = std::from_chars(b.data() + k, b.data() + b.size(), y).ptr;
            const std::string_view x_text(a.data() + i, x_end), y_text(b.data() + k, y_end);
            if (x != y || (x_text != y_text && (x > 9e15 || x < -9e15))) return false;
            i += x_text.size();
            k += y_text.size();
            continue;
        }
        if (a[i] != b[k]) return false;
        if (inside_text && a[i] == '\\') {
            if (i + 1 == a.size() || k + 1 == b.size() || a[i + 1] != b[k + 1]) return false;
            ++i, ++k;
        } else if (a[i] == '"') {
            inside_text = !inside_text;
        }
        ++i, ++k;
    }
    return i == a.size() && k == b.size();
}

// Where two texts part, for a message.
inline std::string difference(std::string_view found, std::string_view expected) {
    const auto at = static_cast<std::size_t>(
        std::mismatch(found.begin(), found.end(), expected.begin(), expected.end()).first - found.begin());
    const std::size_t from = at < 30 ? 0 : at - 30;
    return std::string(found.substr(from, 80)) + "\n  for " + std::string(expected.substr(from, 80));
}

} // namespace bench
