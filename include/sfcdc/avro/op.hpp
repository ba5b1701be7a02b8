// What the bytes of one field are, as a plan keeps it.
#pragma once

#include <cstdint>
#include <span>
#include <string_view>

#include <sfcdc/avro/field_set.hpp>
#include <sfcdc/avro/schema.hpp>

namespace sfcdc::inline v0::avro {

// The kind of a field once a union of null and one type has been looked through. `width` is float, double and fixed, `text`
// is string and bytes, `compound` a record, `other` what is read by its schema alone.
enum class op_kind : std::uint8_t { boolean, int_, long_, width, text, compound, other };

// Returns the name of a kind, without the underscore that C++ wants; "unknown" for a number that names none.
constexpr std::string_view to_string(op_kind value) noexcept {
    switch (value) {
    case op_kind::boolean: return "boolean";
    case op_kind::int_: return "int";
    case op_kind::long_: return "long";
    case op_kind::width: return "width";
    case op_kind::text: return "text";
    case op_kind::compound: return "compound";
    case op_kind::other: return "other";
    }
    return "unknown";
}

// How the value of one field is read: what a plan knows of the type, so that no decoder looks into the schema.
struct op {
    op_kind kind = op_kind::other;
    bool null_first = false;       // The type is a union that begins with null: a 0x00 byte is the whole field.
    bool optional = false;         // The type is a union of null and one other type.
    std::uint8_t null_branch = 0;  // This branch of an optional field is null.
    bool wanted = true;            // Otherwise a projection leaves it out: the field is skipped and never seen.
    std::uint32_t node = 0;        // The type; of an optional field the one that is not null.
    std::uint32_t width = 0;       // A value of the kind `width` has so many bytes.
    std::uint32_t first_child = 0; // The number of the first child: of a record, or of the first record of a union.
    std::uint32_t child_count = 0;
    std::uint32_t first_place = 0; // The place of the first child in plan::strides().
    std::uint32_t record = 0;      // The node of the record whose fields the children are.
    field parent{};                // The field whose child this one is.
};

namespace detail {

inline constexpr op no_op{};

// Looks through a union of null and one other type.
inline void look_through(const schema& s, std::span<const std::uint32_t> branches, op& o) noexcept {
    if (branches.size() != 2) return;
    for (std::uint8_t i = 0; i < 2; ++i) {
        if (s[branches[i]].type != type::null) continue;
        o.optional = true;
        o.null_branch = i;
        o.node = branches[1 - i];
    }
}

inline void set_kind(const schema::node& n, op& o) noexcept {
    switch (n.type) {
    case type::boolean: o.kind = op_kind::boolean; break;
    case type::int_: o.kind = op_kind::int_; break;
    case type::long_: o.kind = op_kind::long_; break;
    case type::float_:
        o.kind = op_kind::width;
        o.width = 4;
        break;
    case type::double_:
        o.kind = op_kind::width;
        o.width = 8;
        break;
    case type::fixed:
        o.kind = op_kind::width;
        o.width = n.first;
        break;
    case type::bytes:
    case type::string: o.kind = op_kind::text; break;
    case type::record: o.kind = op_kind::compound; break;
    default: break;
    }
}

// The op of a field of this type, without the numbers that only the plan knows.
[[gnu::noinline]] inline op make_op(const schema& s, std::uint32_t node) noexcept {
    op o{.node = node};
    bool has_record = s[node].type == type::record;
    if (has_record) o.record = node;
    if (s[node].type == type::union_) {
        const std::span<const std::uint32_t> branches = s.branches(s[node]);
        o.null_first = s[branches[0]].type == type::null;
        for (const std::uint32_t branch : branches) {
            if (has_record || s[branch].type != type::record) continue;
            has_record = true;
            o.record = branch;
        }
        look_through(s, branches, o);
    }
    if (has_record) o.child_count = s[o.record].count;
    set_kind(s[o.node], o);
    return o;
}

} // namespace detail

} // namespace sfcdc::inline v0::avro
