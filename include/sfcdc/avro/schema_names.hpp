// The names of Avro types. Source: Avro specification 1.12, "Names".
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

#include <sfcdc/avro/json_parser.hpp>

namespace sfcdc::inline v0::avro::detail {

// In the order of avro::type.
inline constexpr std::string_view primitive_names[] = {
    "null", "boolean", "int", "long", "float", "double", "bytes", "string",
};

// The node of a primitive type, which is the same in every schema; `none` if the name is another one.
[[gnu::noinline]] constexpr std::uint32_t primitive_of(std::string_view name) noexcept {
    for (std::uint32_t i = 0; i < std::size(primitive_names); ++i)
        if (name == primitive_names[i]) return i;
    return none;
}

constexpr bool is_letter(char c) noexcept { return (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') || c == '_'; }
constexpr bool is_digit(char c) noexcept { return c >= '0' && c <= '9'; }

// A letter, then letters and digits.
[[gnu::noinline]] constexpr bool is_name(std::string_view s) noexcept {
    if (s.empty() || is_digit(s[0])) return false;
    for (const char c : s)
        if (!is_letter(c) && !is_digit(c)) return false;
    return true;
}
// Names with dots between them.
[[gnu::noinline]] constexpr bool is_full_name(std::string_view s) noexcept {
    while (true) {
        const std::size_t dot = s.find('.');
        if (!is_name(s.substr(0, dot))) return false;
        if (dot == std::string_view::npos) return true;
        s.remove_prefix(dot + 1);
    }
}

// The full name of what is called so in a namespace. A name with a dot is a full name already.
[[gnu::noinline]] inline std::string qualify(std::string_view name, std::string_view space) {
    const bool is_full = space.empty() || name.find('.') != std::string_view::npos;
    std::string out;
    if (!is_full) out.append(space).append(".");
    out.append(name);
    return out;
}
// The namespace of what is called so in a namespace: a view into one of both.
inline std::string_view namespace_of(std::string_view name, std::string_view space) noexcept {
    const std::size_t dot = name.rfind('.');
    return dot == std::string_view::npos ? space : name.substr(0, dot);
}

} // namespace sfcdc::inline v0::avro::detail
