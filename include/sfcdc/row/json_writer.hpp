// Values as JSON text. Exact: integers keep all 64 bits, doubles are the shortest text that reads back to the same bits, NaN
// and infinities (which JSON does not have) are strings, bytes and fixed are base64. Text that is not UTF-8 becomes U+FFFD.
#pragma once

#include <charconv>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <span>
#include <string>
#include <string_view>
#include <type_traits>

#include <sfcdc/avro/value.hpp>
#include <sfcdc/wire/appender.hpp>
#include <sfcdc/wire/base64.hpp>
#include <sfcdc/wire/copy.hpp>
#include <sfcdc/wire/decimal.hpp>
#include <sfcdc/wire/hex.hpp>
#include <sfcdc/wire/utf8.hpp>

namespace sfcdc::inline v0::row {

// How a floating-point number is written. Both read back to the same bits.
enum class json_numbers : std::uint8_t {
    shortest, // 5, 2.5, 1e+05
    // 5.0, 2.5, 100000.0: with a fraction or an exponent, so that whoever infers types from a text finds no integer. The exponent
    // is left to numbers below 10^-4 and from 10^16 on. These are the texts of Python's json.dumps().
    fractional,
};

// Appends JSON values one after the other and counts what was not UTF-8. Commas and brackets are the caller's.
class json_writer {
  public:
    explicit json_writer(wire::appender& out, json_numbers numbers = json_numbers::shortest) noexcept
        : out_(out), fractional_(numbers == json_numbers::fractional) {}

    std::uint32_t replaced() const noexcept { return replaced_; }

    void raw(std::string_view text) { out_.append(text); }
    void raw(char c) { out_.push_back(c); }
    void null() {
        std::memcpy(out_.reserve(4), "null", 4);
        out_.advance(4);
    }
    void boolean(bool v) {
        std::memcpy(out_.reserve(5), v ? "true\0" : "false", 5);
        out_.advance(v ? 4 : 5);
    }
    void integer(std::int64_t v) { out_.advance_to(wire::write_decimal(out_.reserve(wire::decimal_room), v)); }

    template<class Float> void floating(Float v) {
        const bool is_finite = v - v == 0; // An infinity minus itself is no number.
        if (!is_finite) return not_finite(v);
        if (fractional_) return with_fraction(v);
        char* const to = out_.reserve(wire::decimal_room);
        if constexpr (std::is_same_v<Float, double>)
            if (char* const end = wire::write_short_decimal(to, v); end != nullptr) return out_.advance_to(end);
        out_.advance_to(std::to_chars(to, to + wire::decimal_room, v).ptr);
    }

    // `readable` bytes can be read from its start.
    void string(std::string_view text, std::size_t readable = 0) {
        if (readable < wire::padded_room) return string_alone(text);
        char* const to = out_.reserve(text.size() + wire::padded_room + 2);
        if (!wire::copy_padded<wire::look_for_escapes>(to + 1, text)) [[unlikely]]
            return string_alone(text);
        to[0] = '"';
        to[text.size() + 1] = '"';
        out_.advance(text.size() + 2);
    }

    void hex(std::span<const std::byte> bytes) {
        out_.push_back('"');
        wire::append_hex(out_, bytes);
        out_.push_back('"');
    }
    void base64(std::span<const std::byte> bytes) {
        out_.push_back('"');
        wire::append_base64(out_, bytes);
        out_.push_back('"');
    }

    // The text that append(appender&) appends, as a string. It is written in place: it must be UTF-8 without control
    // characters, as JSON, hexadecimal digits and base64 are, so that only quotes and backslashes want an escape.
    template<class Append> void quoted(Append&& append) {
        out_.push_back('"');
        const std::size_t at = out_.size();
        append(out_);
        const std::size_t length = out_.size() - at;
        out_.reserve(length + 2 * wire::quoted_room);
        char* const to = &out_[at];
        char* const from = to + length + wire::quoted_room; // from where the copy cannot reach what it is made from
        std::memcpy(from, to, length);
        out_.advance_to(wire::copy_quoted(to, from, length));
        out_.push_back('"');
    }

    // "key": with a comma in front unless it is the first of its object. The name is one of Avro or of a column; those
    // of Avro and of the layouts need no escapes, others are escaped as any text.
    void key(std::string_view name, bool& first) {
        separate(first);
        string(name);
        out_.push_back(':');
    }
    // The same for a name of a plan, or its end; it has only letters, digits and underscores.
    void avro_key(std::string_view name, bool& first) {
        char* to = out_.reserve(name.size() + wire::padded_room + 4);
        *to = ',';
        to += first ? 0 : 1;
        first = false;
        *to++ = '"';
        static_cast<void>(wire::copy_padded<wire::look_at_text>(to, name));
        to += name.size();
        *to++ = '"';
        *to++ = ':';
        out_.advance_to(to);
    }
    void separate(bool& first) {
        if (!first) out_.push_back(',');
        first = false;
    }

    template<class Range> [[gnu::noinline]] void strings(const Range& texts) {
        out_.push_back('[');
        bool first = true;
        for (const std::string_view text : texts) separate(first), string(text);
        out_.push_back(']');
    }

    void value(const avro::value& v) {
        using enum avro::type;
        if (v.type() == string) { // as most are
            const auto text = read<std::string_view>(v);
            return this->string(text, v.readable(text));
        }
        switch (v.type()) {
        case boolean: return this->boolean(read<bool>(v));
        case int_:
        case long_: return integer(read<std::int64_t>(v));
        case float_: return floating(read<float>(v));
        case double_: return floating(read<double>(v));
        case string:
        case enum_: return this->string(read<std::string_view>(v));
        case bytes:
        case fixed: return base64(read<std::span<const std::byte>>(v));
        case array: {
            bool first = true;
            out_.push_back('[');
            v.for_each_item([&](const avro::value& item) { separate(first), value(item); });
            out_.push_back(']');
            return;
        }
        case map:
        case record: {
            bool first = true;
            out_.push_back('{');
            const auto member = [&](std::string_view name, const avro::value& m) { key(name, first), value(m); };
            v.for_each_entry(member);
            v.for_each_field(member);
            out_.push_back('}');
            return;
        }
        default: return this->null();
        }
    }

  private:
    // Writes as a string what JSON has no number for. The copy is no vectorised one, which g++ 12 takes to read behind such a
    // short literal.
    [[gnu::noinline]] void not_finite(double v) {
        const std::string_view text = v != v ? "\"NaN\"" : v > 0 ? "\"Infinity\"" : "\"-Infinity\"";
        std::memcpy(extend(out_, text.size()), text.data(), text.size());
    }
    template<class Float> [[gnu::noinline]] void with_fraction(Float v) {
        const Float size = v < 0 ? -v : v;
        const bool fixed = size == 0 || (size >= Float(1e-4) && size < Float(1e16));
        char* const to = out_.reserve(wire::decimal_room);
        char* end = std::to_chars(to, to + wire::decimal_room, v,
                                  fixed ? std::chars_format::fixed : std::chars_format::scientific)
                        .ptr;
        if (fixed && std::memchr(to, '.', static_cast<std::size_t>(end - to)) == nullptr) {
            *end++ = '.';
            *end++ = '0';
        }
        out_.advance_to(end);
    }
    template<class T> static T read(const avro::value& v) noexcept {
        T out{};
        v.read(out);
        return out;
    }
    // What cannot be read beyond its end.
    void string_alone(std::string_view text) {
        char* const to = out_.reserve(text.size() + 2);
        const auto seen = wire::copy_looking<wire::look_for_escapes>(to + 1, text);
        if (seen.escapes() || (!seen.ascii() && !wire::is_utf8(text))) [[unlikely]]
            return string_with_escapes(text);
        to[0] = '"';
        to[text.size() + 1] = '"';
        out_.advance(text.size() + 2);
    }
    static bool is_plain(char c) noexcept {
        const auto u = static_cast<unsigned char>(c);
        return u >= 0x20 && u < 0x80 && u != '"' && u != '\\';
    }
    [[gnu::noinline]] void string_with_escapes(std::string_view text) {
        out_.push_back('"');
        for (std::size_t i = 0; i != text.size();) {
            std::size_t n = i; // plain up to here
            while (n != text.size() && is_plain(text[n])) ++n;
            out_.append(text.substr(i, n - i));
            i = n == text.size() ? n : n + escaped(text, n);
        }
        out_.push_back('"');
    }
    // Writes the one character at text[at] that needs care; returns how many bytes it takes.
    std::size_t escaped(std::string_view text, std::size_t at) {
        const auto u = static_cast<unsigned char>(text[at]);
        if (u >= 0x80) {
            const std::size_t n = wire::utf8_sequence(text, at);
            if (n != 0) return out_.append(text.substr(at, n)), n;
            ++replaced_;
            out_.append("\xEF\xBF\xBD");
            return 1;
        }
        constexpr char digits[] = "0123456789abcdef";
        switch (u) {
        case '"': out_.append("\\\""); break;
        case '\\': out_.append("\\\\"); break;
        case '\b': out_.append("\\b"); break;
        case '\f': out_.append("\\f"); break;
        case '\n': out_.append("\\n"); break;
        case '\r': out_.append("\\r"); break;
        case '\t': out_.append("\\t"); break;
        default:
            out_.append("\\u00");
            out_.push_back(digits[u >> 4]);
            out_.push_back(digits[u & 15]);
            break;
        }
        return 1;
    }

    wire::appender& out_;
    std::uint32_t replaced_ = 0;
    const bool fractional_;
};

// Appends one value of any Avro type to `out`: a record or a map as an object, an array as an array, and a value that has no schema as
// null. Returns how many bytes were replaced because they were not UTF-8.
inline std::uint32_t append_value_json(const avro::value& v, std::string& out) {
    wire::appender appended(out);
    json_writer json(appended);
    json.value(v);
    return json.replaced();
}

} // namespace sfcdc::inline v0::row
