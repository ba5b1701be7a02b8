// Whether a JSON text says exactly what an avro_value holds: strict grammar without white space, members in order,
// integers digit by digit, floating-point numbers bit by bit. Shares no code with include/.
#pragma once

#include <cmath>
#include <cstdlib>
#include <string>
#include <string_view>

#include "avro.hpp"
#include "text.hpp"

namespace reference {

class json_match {
  public:
    json_match(const avro_value& expected, std::string_view text) : text_(text) {
        ok_ = value(expected) && (at_ == text_.size() || no("end of text"));
    }
    explicit operator bool() const { return ok_; }
    const std::string& why() const { return why_; }
    // Bytes of ill-formed UTF-8 in the expected texts, each of which must have become U+FFFD.
    std::uint32_t replaced() const { return replaced_; }

  private:
    bool no(const std::string& wanted) {
        if (why_.empty())
            why_ = "wanted " + wanted + " at " + std::to_string(at_) + ": " + std::string(text_.substr(at_, 60));
        return false;
    }
    bool literal(std::string_view word) {
        if (text_.substr(at_, word.size()) != word) return no(std::string(word));
        at_ += word.size();
        return true;
    }
    bool string(const std::string& expected) {
        const std::string clean = well_formed(expected, replaced_);
        const auto got = json_string(text_, at_);
        return (got && *got == clean) || no("string " + clean);
    }
    std::string number_token() {
        const std::size_t end = text_.find_first_not_of("+-.0123456789eE", at_);
        const std::string token(text_.substr(at_, end - at_));
        at_ += token.size();
        return token;
    }
    template<class T> bool real(T expected) {
        if (std::isnan(expected)) return literal("\"NaN\"");
        if (std::isinf(expected)) return literal(expected > 0 ? "\"Infinity\"" : "\"-Infinity\"");
        const std::string token = number_token();
        T got = 0;
        char* end = nullptr;
        if constexpr (sizeof(T) == 4)
            got = std::strtof(token.c_str(), &end);
        else
            got = std::strtod(token.c_str(), &end);
        const bool whole = !token.empty() && *end == '\0' && token[0] != '+' && token[0] != '.';
        return (whole && std::memcmp(&got, &expected, sizeof(T)) == 0) || no("number " + std::to_string(expected));
    }
    bool value(const avro_value& v) {
        if (v.kind == "null") return literal("null");
        if (v.kind == "boolean") return literal(v.truth ? "true" : "false");
        if (v.kind == "int" || v.kind == "long")
            return number_token() == std::to_string(v.integer) || no(std::to_string(v.integer));
        if (v.kind == "float") return real(v.float32);
        if (v.kind == "double") return real(v.float64);
        if (v.kind == "string" || v.kind == "enum") return string(v.text);
        if (v.kind == "bytes" || v.kind == "fixed") return literal("\"" + base64(v.text) + "\"");
        const bool array = v.kind == "array";
        if (!literal(array ? "[" : "{")) return false;
        for (std::size_t i = 0; i < v.items.size(); ++i) {
            if (i != 0 && !literal(",")) return false;
            if (!array && (!string(v.names[i]) || !literal(":"))) return false;
            if (!value(v.items[i])) return false;
        }
        return literal(array ? "]" : "}");
    }

    std::string_view text_;
    std::size_t at_ = 0;
    std::uint32_t replaced_ = 0;
    std::string why_;
    bool ok_ = false;
};

} // namespace reference
