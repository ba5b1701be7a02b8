// A parser of JSON text that keeps the offset of each value, so that an error of a schema can say where it stands.
// Source: RFC 8259. Zeros in front of a number are accepted, because the rules of Parsing Canonical Form speak of them.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include <sfcdc/error.hpp>
#include <sfcdc/limits.hpp>
#include <sfcdc/wire/hex.hpp>

namespace sfcdc::inline v0::avro::detail {

// The index of no value, or of no node of a schema.
inline constexpr std::uint32_t none = 0xffff'ffff;

enum class json_kind : std::uint8_t { literal, number, string, array, object };

// One JSON value; `offset` is where it starts in the text.
struct json_value {
    json_kind kind = json_kind::literal;
    std::uint32_t offset = 0;
    std::uint32_t first = none; // The index of the first child.
    std::uint32_t next = none;  // The index of the next child of the same value.
    std::string_view key;       // A child of an object has a key.
    std::string_view text;      // A string is unescaped here; a number or literal stands as it is written.
};

// The values of one text. Their keys and texts are views into that text, which must outlive the document, and into
// `unescaped`, so that a document can be neither copied nor moved.
struct json_document {
    json_document() = default;
    json_document(const json_document&) = delete;

    std::vector<json_value> values;
    // All strings that have escape sequences, with these replaced. It is not reallocated once a view is made.
    std::string unescaped;
};

// Used once, by parse(). The text must outlive it and the document.
class json_parser {
  public:
    explicit json_parser(std::string_view text) : text_(text) {}

    // Parses the whole text as one value, which gets index 0. The error's offset is in the text. Precondition: the document
    // is empty.
    sfcdc::error parse(json_document& out) {
        out_ = &out.values;
        unescaped_ = &out.unescaped;
        std::uint32_t root = 0;
        if (!value(root, 0)) return error_;
        skip_space();
        if (at_ != text_.size()) fail(errc::json_syntax);
        return error_;
    }

  private:
    static bool is_space(char c) noexcept { return c == ' ' || c == '\t' || c == '\n' || c == '\r'; }

    // All of these return false after an error.
    [[gnu::noinline, gnu::cold]] bool fail(errc code) {
        if (!error_) error_ = {code, static_cast<std::uint32_t>(at_)};
        return false;
    }
    void skip_space() {
        while (at_ < text_.size() && is_space(text_[at_])) ++at_;
    }
    [[gnu::noinline]] bool eat(char c) {
        skip_space();
        if (at_ == text_.size() || text_[at_] != c) return false;
        ++at_;
        return true;
    }

    bool value(std::uint32_t& index, int depth) {
        if (depth > limits::json_depth) return fail(errc::json_too_deep);
        skip_space();
        if (at_ == text_.size()) return fail(errc::json_syntax);
        index = static_cast<std::uint32_t>(out_->size());
        if (index == limits::json_values) return fail(errc::schema_too_large);
        out_->push_back({});
        (*out_)[index].offset = static_cast<std::uint32_t>(at_);
        switch (text_[at_]) {
        case '{': return container(index, depth, json_kind::object, '}');
        case '[': return container(index, depth, json_kind::array, ']');
        case '"': (*out_)[index].kind = json_kind::string; return string((*out_)[index].text);
        default: return scalar(index);
        }
    }

    bool container(std::uint32_t index, int depth, json_kind kind, char closing) {
        (*out_)[index].kind = kind;
        ++at_;
        if (eat(closing)) return true;
        std::uint32_t last = none;
        while (true) {
            std::string_view key;
            if (kind == json_kind::object) {
                skip_space();
                if (!string(key)) return false;
                if (!eat(':')) return fail(errc::json_syntax);
            }
            std::uint32_t child = none;
            if (!value(child, depth + 1)) return false;
            (*out_)[child].key = key;
            std::uint32_t& link = last == none ? (*out_)[index].first : (*out_)[last].next;
            link = child;
            last = child;
            if (eat(closing)) return true;
            if (!eat(',')) return fail(errc::json_syntax);
        }
    }

    [[gnu::noinline]] bool scalar(std::uint32_t index) {
        const std::size_t start = at_;
        constexpr std::string_view ends = ",]} \t\r\n";
        at_ = text_.find_first_of(ends, start);
        if (at_ == std::string_view::npos) at_ = text_.size();
        const std::string_view word = text_.substr(start, at_ - start);
        json_value& v = (*out_)[index];
        v.text = word;
        if (word == "true" || word == "false" || word == "null") return true;
        v.kind = json_kind::number;
        if (is_number(word)) return true;
        at_ = start;
        return fail(errc::json_syntax);
    }

    // RFC 8259, section 6, but with zeros in front: the rules of Parsing Canonical Form speak of them.
    static bool is_number(std::string_view s) noexcept {
        const auto take = [&](std::string_view any_of) {
            const bool found = !s.empty() && any_of.find(s[0]) != std::string_view::npos;
            s.remove_prefix(found ? 1 : 0);
            return found;
        };
        const auto digits = [&] {
            std::size_t n = 0;
            while (take("0123456789")) ++n;
            return n != 0;
        };
        take("-");
        if (!digits()) return false;
        if (take(".") && !digits()) return false;
        if (take("eE")) {
            take("+-");
            if (!digits()) return false;
        }
        return s.empty();
    }

    [[gnu::noinline]] bool hex4(std::uint32_t& out) {
        if (text_.size() - at_ < 4) return fail(errc::json_bad_escape);
        std::uint32_t read = 0;
        for (const char c : text_.substr(at_, 4)) {
            const int digit = wire::hex_digit(c);
            if (digit < 0) return fail(errc::json_bad_escape);
            read = read << 4 | static_cast<std::uint32_t>(digit);
        }
        at_ += 4;
        out = read;
        return true;
    }

    [[gnu::noinline]] bool unicode_escape(std::string& out) {
        std::uint32_t c = 0;
        if (!hex4(c)) return false;
        if (c >= 0xd800 && c < 0xdc00) { // the first half of a surrogate pair
            std::uint32_t low = 0;
            if (text_.substr(at_, 2) != "\\u") return fail(errc::json_bad_escape);
            at_ += 2;
            if (!hex4(low)) return false;
            if (low < 0xdc00 || low > 0xdfff) return fail(errc::json_bad_escape);
            c = 0x10000 + ((c - 0xd800) << 10) + (low - 0xdc00);
        } else if (c >= 0xdc00 && c < 0xe000) {
            return fail(errc::json_bad_escape);
        }
        append_utf8(c, out);
        return true;
    }
    static void append_utf8(std::uint32_t c, std::string& out) {
        const auto put = [&](std::uint32_t byte) { out.push_back(static_cast<char>(byte)); };
        const auto put_rest = [&](unsigned shift) { put(0x80 | (c >> shift & 63)); };
        if (c < 0x80) {
            put(c);
        } else if (c < 0x800) {
            put(0xc0 | c >> 6);
            put_rest(0);
        } else if (c < 0x10000) {
            put(0xe0 | c >> 12);
            put_rest(6);
            put_rest(0);
        } else {
            put(0xf0 | c >> 18);
            put_rest(12);
            put_rest(6);
            put_rest(0);
        }
    }

    bool string(std::string_view& out) {
        if (at_ == text_.size() || text_[at_] != '"') return fail(errc::json_syntax);
        const std::size_t start = ++at_;
        while (at_ != text_.size()) {
            const char c = text_[at_];
            const bool is_control = static_cast<unsigned char>(c) < 0x20;
            if (is_control) return fail(errc::json_syntax);
            if (c == '\\') return escaped_string(start, out);
            if (c == '"') {
                out = text_.substr(start, at_++ - start);
                return true;
            }
            ++at_;
        }
        return fail(errc::json_syntax);
    }
    // Reads a string that began at `start`, whose first escape sequence stands here.
    [[gnu::noinline]] bool escaped_string(std::size_t start, std::string_view& out) {
        // A string without its escape sequences is never longer, so that this is room for all strings of the text.
        if (unescaped_->empty()) unescaped_->reserve(text_.size());
        const std::size_t first = unescaped_->size();
        unescaped_->append(text_.substr(start, at_ - start));
        while (at_ != text_.size()) {
            const char c = text_[at_];
            const bool is_control = static_cast<unsigned char>(c) < 0x20;
            if (is_control) return fail(errc::json_syntax);
            ++at_;
            if (c == '"') {
                out = std::string_view(*unescaped_).substr(first);
                return true;
            }
            if (c != '\\')
                unescaped_->push_back(c);
            else if (!escape(*unescaped_))
                return false;
        }
        return fail(errc::json_syntax);
    }
    // Appends the character that an escape sequence stands for, whose backslash has been read.
    [[gnu::noinline]] bool escape(std::string& out) {
        if (at_ == text_.size()) return fail(errc::json_syntax);
        const char c = text_[at_++];
        switch (c) {
        case '"':
        case '\\':
        case '/': out.push_back(c); return true;
        case 'b': out.push_back('\b'); return true;
        case 'f': out.push_back('\f'); return true;
        case 'n': out.push_back('\n'); return true;
        case 'r': out.push_back('\r'); return true;
        case 't': out.push_back('\t'); return true;
        case 'u': return unicode_escape(out);
        default: return fail(errc::json_bad_escape);
        }
    }

    std::string_view text_;
    std::size_t at_ = 0;
    sfcdc::error error_;
    std::vector<json_value>* out_ = nullptr;
    std::string* unescaped_ = nullptr;
};

} // namespace sfcdc::inline v0::avro::detail
