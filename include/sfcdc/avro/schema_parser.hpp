// Makes a schema out of its JSON text.
// Source: Avro specification 1.12, "Schema Declaration", "Names".
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <sfcdc/avro/json_parser.hpp>
#include <sfcdc/avro/name_index.hpp>
#include <sfcdc/avro/schema.hpp>
#include <sfcdc/avro/schema_names.hpp>
#include <sfcdc/error.hpp>
#include <sfcdc/limits.hpp>
#include <sfcdc/wire/decimal.hpp>

namespace sfcdc::inline v0::avro {

// Used through parse_schema(). Its functions take the JSON value of a type and the namespace around it, and give the node of
// the type; they return false after an error.
class schema_parser {
  public:
    sfcdc::error parse(std::string_view text, schema& out) {
        if (text.size() > limits::schema_bytes) return {errc::schema_too_large, 0};
        const sfcdc::error bad = detail::json_parser(text).parse(document_);
        if (bad) return bad;
        out_ = &out;
        for (int t = 0; t <= static_cast<int>(type::string); ++t) {
            const schema::node primitive{static_cast<avro::type>(t)};
            out.nodes_.push_back(primitive);
        }
        resolve(0, "", out.root_);
        return error_;
    }

  private:
    using json_kind = detail::json_kind;
    using json_value = detail::json_value;

    const json_value& json(std::uint32_t value) const noexcept { return document_.values[value]; }

    [[gnu::noinline, gnu::cold]] bool fail(errc code, std::uint32_t value) {
        if (!error_) error_ = {code, json(value).offset};
        return false;
    }

    // The value of an attribute, or detail::none. Of two with the same key the first counts.
    [[gnu::noinline]] std::uint32_t attribute(std::uint32_t object, std::string_view key) const {
        std::uint32_t i = json(object).first;
        while (i != detail::none && json(i).key != key) i = json(i).next;
        return i;
    }
    // The same for one that must be there and be of this kind.
    bool attribute(std::uint32_t object, std::string_view key, json_kind kind, std::uint32_t& out) {
        out = attribute(object, key);
        if (out != detail::none && json(out).kind == kind) return true;
        return fail(errc::schema_missing_attribute, object);
    }

    [[gnu::noinline]] std::uint32_t add(const schema::node& n) {
        out_->nodes_.push_back(n);
        return out_->size() - 1;
    }
    [[gnu::noinline]] bool within_limits(std::uint32_t value) {
        std::size_t entries = out_->nodes_.size();
        entries += out_->fields_.size();
        entries += out_->symbols_.size();
        entries += out_->branches_.size();
        return entries <= limits::schema_entries || fail(errc::schema_too_large, value);
    }

    bool resolve(std::uint32_t value, std::string_view space, std::uint32_t& node) {
        if (!within_limits(value)) return false;
        switch (json(value).kind) {
        case json_kind::string: return by_name(value, space, node);
        case json_kind::array: return union_of(value, space, node);
        case json_kind::object: return declaration(value, space, node);
        default: return fail(errc::schema_not_a_type, value);
        }
    }

    bool by_name(std::uint32_t value, std::string_view space, std::uint32_t& node) {
        const std::string_view name = json(value).text;
        node = detail::primitive_of(name);
        if (node != detail::none) return true;
        node = named(detail::qualify(name, space));
        if (node == detail::none) node = named(name); // A type of the empty namespace.
        return node != detail::none || fail(errc::schema_unknown_name, value);
    }
    // The node of the type with this full name, or detail::none.
    [[gnu::noinline]] std::uint32_t named(std::string_view full_name) const noexcept {
        static_assert(detail::none == detail::name_index::none);
        const auto has_name = [&](std::uint32_t node) { return out_->full_name((*out_)[node]) == full_name; };
        return named_.find(full_name, has_name);
    }

    // Types without a name are told apart by their kind, those with one by their node, numbered behind the kinds.
    static constexpr std::uint32_t kind_of_named(std::uint32_t node) noexcept {
        return node + static_cast<std::uint32_t>(type::fixed) + 1;
    }
    std::uint32_t kind_of(std::uint32_t node) const {
        const avro::type t = (*out_)[node].type;
        const bool is_named = t == type::record || t == type::enum_ || t == type::fixed;
        return is_named ? kind_of_named(node) : static_cast<std::uint32_t>(t);
    }

    bool union_of(std::uint32_t value, std::string_view space, std::uint32_t& node) {
        std::vector<std::uint32_t> branches;
        for (std::uint32_t i = json(value).first; i != detail::none; i = json(i).next) {
            std::uint32_t branch = 0;
            if (!resolve(i, space, branch)) return false;
            const bool is_union = (*out_)[branch].type == type::union_;
            if (is_union) return fail(errc::schema_bad_union, i);
            branches.push_back(branch);
        }
        if (branches.empty()) return fail(errc::schema_bad_union, value);
        const std::uint32_t repeated = repeated_branch(value, branches);
        if (repeated != detail::none) return fail(errc::schema_bad_union, repeated);
        schema::node n{type::union_};
        n.first = static_cast<std::uint32_t>(out_->branches_.size());
        n.count = static_cast<std::uint32_t>(branches.size());
        node = add(n);
        out_->branches_.insert(out_->branches_.end(), branches.begin(), branches.end());
        return true;
    }
    // The JSON value of a branch whose kind an earlier branch of the union has, or detail::none. Of several it is one of
    // the least kind, and of these the first.
    [[gnu::noinline]] std::uint32_t repeated_branch(std::uint32_t value, const std::vector<std::uint32_t>& branches) {
        union_of_kind_.resize(kind_of_named(out_->size()), detail::none);
        std::uint32_t repeated = detail::none;
        std::uint32_t least_kind = detail::none;
        std::uint32_t i = json(value).first;
        for (const std::uint32_t branch : branches) {
            const std::uint32_t kind = kind_of(branch);
            const bool is_repeated = std::exchange(union_of_kind_[kind], value) == value;
            if (is_repeated && kind < least_kind) {
                least_kind = kind;
                repeated = i;
            }
            i = json(i).next;
        }
        return repeated;
    }

    bool declaration(std::uint32_t value, std::string_view space, std::uint32_t& node) {
        const std::uint32_t kind = attribute(value, "type");
        if (kind == detail::none) return fail(errc::schema_missing_attribute, value);
        if (json(kind).kind != json_kind::string) return resolve(kind, space, node);
        const std::string_view word = json(kind).text;
        if (word == "record" || word == "error") return record(value, space, node);
        if (word == "enum") return enumeration(value, space, node);
        if (word == "fixed") return fixed(value, space, node);
        if (word == "array") return container(value, type::array, "items", space, node);
        if (word == "map") return container(value, type::map, "values", space, node);
        return by_name(kind, space, node);
    }

    bool container(std::uint32_t value, avro::type type, std::string_view key, std::string_view space,
                   std::uint32_t& node) {
        const std::uint32_t items = attribute(value, key);
        if (items == detail::none) return fail(errc::schema_missing_attribute, value);
        schema::node n{type};
        if (!resolve(items, space, n.first)) return false;
        node = add(n);
        return true;
    }

    // The namespace that a declaration brings, if it does. An empty one is none at all: Salesforce's enums of 2023 say so,
    // and their schema ids depend on it.
    bool own_namespace(std::uint32_t value, std::string_view& space) {
        const std::uint32_t own = attribute(value, "namespace");
        if (own == detail::none) return true;
        if (json(own).kind != json_kind::string) return fail(errc::schema_missing_attribute, own);
        space = json(own).text;
        if (!space.empty() && !detail::is_full_name(space)) return fail(errc::schema_bad_name, own);
        if (space.size() > limits::name_length) return fail(errc::schema_too_large, own);
        return true;
    }

    // Registers the type before its fields are read, so that they may name it. `space` becomes the namespace inside.
    bool declare(std::uint32_t value, avro::type type, std::string_view& space, std::uint32_t& node) {
        std::uint32_t name = 0;
        if (!attribute(value, "name", json_kind::string, name)) return false;
        if (!own_namespace(value, space)) return false;
        if (!detail::is_full_name(json(name).text)) return fail(errc::schema_bad_name, name);
        std::string full = detail::qualify(json(name).text, space);
        space = detail::namespace_of(json(name).text, space);
        name_bytes_ += full.size();
        const bool too_long = full.size() > limits::name_length || name_bytes_ > limits::name_bytes;
        if (too_long) return fail(errc::schema_too_large, name);
        schema::node n{type};
        n.name = static_cast<std::uint32_t>(out_->names_.size());
        node = add(n);
        if (named(full) != detail::none) return fail(errc::schema_duplicate_name, name);
        if (!named_.add(full, node)) return fail(errc::schema_too_large, name);
        out_->names_.push_back(std::move(full));
        return true;
    }

    // Adds a JSON string to those that must be different from each other.
    [[gnu::noinline]] bool take_name(std::uint32_t name, detail::name_index& taken) {
        const std::string_view text = json(name).text;
        const auto has_name = [&](std::uint32_t other) { return json(other).text == text; };
        if (taken.find(text, has_name) != detail::name_index::none) return fail(errc::schema_duplicate_name, name);
        return taken.add(text, name) || fail(errc::schema_too_large, name);
    }

    // The name of a field, at which it gives the JSON value.
    bool field_name(std::uint32_t field, detail::name_index& taken, std::uint32_t& name) {
        if (json(field).kind != json_kind::object) return fail(errc::schema_not_a_type, field);
        if (!attribute(field, "name", json_kind::string, name)) return false;
        const std::string_view text = json(name).text;
        if (!detail::is_name(text)) return fail(errc::schema_bad_name, name);
        if (text.size() > limits::name_length) return fail(errc::schema_too_large, name);
        return take_name(name, taken);
    }

    bool record(std::uint32_t value, std::string_view space, std::uint32_t& node) {
        std::uint32_t list = 0;
        if (!declare(value, type::record, space, node)) return false;
        if (!attribute(value, "fields", json_kind::array, list)) return false;
        std::vector<declared_field> fields;
        detail::name_index taken;
        for (std::uint32_t i = json(list).first; i != detail::none; i = json(i).next) {
            declared_field f;
            if (!field_name(i, taken, f.name)) return false;
            const std::uint32_t field_type = attribute(i, "type");
            if (field_type == detail::none) return fail(errc::schema_missing_attribute, i);
            f.doc = attribute(i, "doc");
            if (!resolve(field_type, space, f.node)) return false;
            fields.push_back(f);
        }
        // Appended only now: records within this one have put their own fields first.
        schema::node& n = out_->nodes_[node];
        n.first = static_cast<std::uint32_t>(out_->fields_.size());
        n.count = static_cast<std::uint32_t>(fields.size());
        for (const declared_field& f : fields) append(f);
        return within_limits(value);
    }
    // A field whose type is resolved: the JSON values of its name and of its doc, which it may lack, and its node.
    struct declared_field {
        std::uint32_t name = 0;
        std::uint32_t doc = detail::none;
        std::uint32_t node = 0;
    };
    [[gnu::noinline]] void append(const declared_field& declared) {
        schema::field& f = out_->fields_.emplace_back();
        f.name = json(declared.name).text;
        if (declared.doc != detail::none) f.doc = json(declared.doc).text;
        f.node = declared.node;
    }

    bool enumeration(std::uint32_t value, std::string_view space, std::uint32_t& node) {
        std::uint32_t list = 0;
        if (!declare(value, type::enum_, space, node)) return false;
        if (!attribute(value, "symbols", json_kind::array, list)) return false;
        detail::name_index taken;
        schema::node& n = out_->nodes_[node];
        n.first = static_cast<std::uint32_t>(out_->symbols_.size());
        for (std::uint32_t i = json(list).first; i != detail::none; i = json(i).next) {
            const json_value& symbol = json(i);
            const bool is_name = symbol.kind == json_kind::string && detail::is_name(symbol.text);
            if (!is_name) return fail(errc::schema_bad_name, i);
            if (!take_name(i, taken)) return false;
            out_->symbols_.emplace_back(symbol.text);
            ++n.count;
        }
        return within_limits(value);
    }

    bool fixed(std::uint32_t value, std::string_view space, std::uint32_t& node) {
        std::uint32_t size = 0;
        if (!declare(value, type::fixed, space, node)) return false;
        if (!attribute(value, "size", json_kind::number, size)) return false;
        const std::string_view digits = json(size).text;
        const wire::decimal read = wire::read_decimal(digits);
        const bool is_whole = read.length == digits.size() && read.value <= 0xffff'ffff;
        if (!is_whole) return fail(errc::schema_bad_size, size);
        out_->nodes_[node].first = static_cast<std::uint32_t>(read.value);
        return true;
    }

    detail::json_document document_;
    detail::name_index named_;                 // The nodes of the types that have a name.
    std::vector<std::uint32_t> union_of_kind_; // For each kind_of() the last union that has it, by the JSON value.
    std::size_t name_bytes_ = 0;
    schema* out_ = nullptr;
    sfcdc::error error_;
};

// Parses a schema; `text` is not needed afterwards. Errors carry the byte offset of the JSON value that is wrong.
inline result<schema> parse_schema(std::string_view text) {
    result<schema> parsed;
    parsed.error = schema_parser().parse(text, parsed.value);
    return parsed;
}

} // namespace sfcdc::inline v0::avro
