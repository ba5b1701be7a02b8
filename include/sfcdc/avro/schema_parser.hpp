// Makes a schema out of its JSON text.
// Source: Avro specification 1.12, "Schema Declaration", "Names".
#pragma once

#include <algorithm>
#include <charconv>
#include <cstddef>
#include <cstdint>
#include <iterator>
#include <string>
#include <string_view>
#include <system_error>
#include <unordered_map>
#include <utility>
#include <vector>

#include <sfcdc/avro/json_parser.hpp>
#include <sfcdc/avro/schema.hpp>
#include <sfcdc/avro/schema_names.hpp>
#include <sfcdc/error.hpp>
#include <sfcdc/limits.hpp>

namespace sfcdc::avro {

// Used through parse_schema(). Its functions take the JSON value of a type and the namespace around it, and give the node of
// the type; they return false after an error.
class schema_parser {
  public:
    sfcdc::error parse(std::string_view text, schema& out) {
        if (text.size() > limits::schema_bytes) return {errc::schema_too_large, 0};
        const sfcdc::error bad = detail::json_parser(text).parse(json_);
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

    bool fail(errc code, std::uint32_t value) {
        if (!error_) error_ = {code, json_[value].offset};
        return false;
    }

    // The value of an attribute, or detail::none. Of two with the same key the first counts.
    std::uint32_t attribute(std::uint32_t object, std::string_view key) const {
        std::uint32_t i = json_[object].first;
        while (i != detail::none && json_[i].key != key) i = json_[i].next;
        return i;
    }
    // The same for one that must be there and be of this kind.
    bool attribute(std::uint32_t object, std::string_view key, json_kind kind, std::uint32_t& out) {
        out = attribute(object, key);
        if (out != detail::none && json_[out].kind == kind) return true;
        return fail(errc::schema_missing_attribute, object);
    }

    std::uint32_t add(const schema::node& n) {
        out_->nodes_.push_back(n);
        return out_->size() - 1;
    }
    bool within_limits(std::uint32_t value) {
        std::size_t entries = out_->nodes_.size();
        entries += out_->fields_.size();
        entries += out_->symbols_.size();
        entries += out_->branches_.size();
        return entries <= limits::schema_entries || fail(errc::schema_too_large, value);
    }

    bool resolve(std::uint32_t value, const std::string& space, std::uint32_t& node) {
        if (!within_limits(value)) return false;
        switch (json_[value].kind) {
        case json_kind::string: return by_name(value, space, node);
        case json_kind::array: return union_of(value, space, node);
        case json_kind::object: return declaration(value, space, node);
        default: return fail(errc::schema_not_a_type, value);
        }
    }

    bool by_name(std::uint32_t value, const std::string& space, std::uint32_t& node) {
        const std::string& name = json_[value].text;
        node = detail::primitive_of(name);
        if (node != detail::none) return true;
        auto found = named_.find(detail::qualify(name, space));
        if (found == named_.end()) found = named_.find(name); // A type of the empty namespace.
        if (found == named_.end()) return fail(errc::schema_unknown_name, value);
        node = found->second;
        return true;
    }

    // A branch of a union, by what tells it apart from the others.
    struct branch_kind {
        std::uint32_t kind = 0;
        std::uint32_t value = 0; // The JSON value where the branch stands.
        friend bool operator<(const branch_kind& a, const branch_kind& b) {
            return std::pair(a.kind, a.value) < std::pair(b.kind, b.value);
        }
    };
    // Types without a name are told apart by their kind, those with one by their node, numbered behind the kinds.
    std::uint32_t kind_of(std::uint32_t node) const {
        constexpr std::uint32_t kinds_end = static_cast<std::uint32_t>(type::fixed) + 1;
        const avro::type t = (*out_)[node].type;
        const bool is_named = t == type::record || t == type::enum_ || t == type::fixed;
        return is_named ? node + kinds_end : static_cast<std::uint32_t>(t);
    }

    bool union_of(std::uint32_t value, const std::string& space, std::uint32_t& node) {
        std::vector<std::uint32_t> branches;
        std::vector<branch_kind> kinds;
        for (std::uint32_t i = json_[value].first; i != detail::none; i = json_[i].next) {
            std::uint32_t branch = 0;
            if (!resolve(i, space, branch)) return false;
            const bool is_union = (*out_)[branch].type == type::union_;
            if (is_union) return fail(errc::schema_bad_union, i);
            kinds.push_back({kind_of(branch), i});
            branches.push_back(branch);
        }
        if (branches.empty()) return fail(errc::schema_bad_union, value);
        std::sort(kinds.begin(), kinds.end());
        const auto are_same = [](const branch_kind& a, const branch_kind& b) { return a.kind == b.kind; };
        const auto twice = std::adjacent_find(kinds.begin(), kinds.end(), are_same);
        if (twice != kinds.end()) return fail(errc::schema_bad_union, (twice + 1)->value);
        schema::node n{type::union_};
        n.first = static_cast<std::uint32_t>(out_->branches_.size());
        n.count = static_cast<std::uint32_t>(branches.size());
        node = add(n);
        out_->branches_.insert(out_->branches_.end(), branches.begin(), branches.end());
        return true;
    }

    bool declaration(std::uint32_t value, const std::string& space, std::uint32_t& node) {
        const std::uint32_t kind = attribute(value, "type");
        if (kind == detail::none) return fail(errc::schema_missing_attribute, value);
        if (json_[kind].kind != json_kind::string) return resolve(kind, space, node);
        const std::string& word = json_[kind].text;
        if (word == "record" || word == "error") return record(value, space, node);
        if (word == "enum") return enumeration(value, space, node);
        if (word == "fixed") return fixed(value, space, node);
        if (word == "array") return container(value, type::array, "items", space, node);
        if (word == "map") return container(value, type::map, "values", space, node);
        return by_name(kind, space, node);
    }

    bool container(std::uint32_t value, avro::type type, std::string_view key, const std::string& space,
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
    bool own_namespace(std::uint32_t value, std::string& space) {
        const std::uint32_t own = attribute(value, "namespace");
        if (own == detail::none) return true;
        if (json_[own].kind != json_kind::string) return fail(errc::schema_missing_attribute, own);
        space = json_[own].text;
        if (!space.empty() && !detail::is_full_name(space)) return fail(errc::schema_bad_name, own);
        if (space.size() > limits::name_length) return fail(errc::schema_too_large, own);
        return true;
    }

    // Registers the type before its fields are read, so that they may name it. `space` becomes the namespace inside.
    bool declare(std::uint32_t value, avro::type type, std::string& space, std::uint32_t& node) {
        std::uint32_t name = 0;
        if (!attribute(value, "name", json_kind::string, name)) return false;
        if (!own_namespace(value, space)) return false;
        if (!detail::is_full_name(json_[name].text)) return fail(errc::schema_bad_name, name);
        const std::string full = detail::qualify(json_[name].text, space);
        space = detail::namespace_of(full);
        name_bytes_ += full.size();
        const bool too_long = full.size() > limits::name_length || name_bytes_ > limits::name_bytes;
        if (too_long) return fail(errc::schema_too_large, name);
        schema::node n{type};
        n.name = static_cast<std::uint32_t>(out_->names_.size());
        node = add(n);
        const bool is_new = named_.emplace(full, node).second;
        if (!is_new) return fail(errc::schema_duplicate_name, name);
        out_->names_.push_back(full);
        return true;
    }

    // Names that must be different from each other; the views look into json_.
    using name_set = std::unordered_map<std::string_view, std::uint32_t>;

    // The name of a field, at which it gives the JSON value.
    bool field_name(std::uint32_t field, name_set& taken, std::uint32_t& name) {
        if (json_[field].kind != json_kind::object) return fail(errc::schema_not_a_type, field);
        if (!attribute(field, "name", json_kind::string, name)) return false;
        const std::string& text = json_[name].text;
        if (!detail::is_name(text)) return fail(errc::schema_bad_name, name);
        if (text.size() > limits::name_length) return fail(errc::schema_too_large, name);
        const bool is_new = taken.emplace(text, name).second;
        return is_new || fail(errc::schema_duplicate_name, name);
    }

    bool record(std::uint32_t value, std::string space, std::uint32_t& node) {
        std::uint32_t list = 0;
        if (!declare(value, type::record, space, node)) return false;
        if (!attribute(value, "fields", json_kind::array, list)) return false;
        std::vector<schema::field> fields;
        name_set taken;
        for (std::uint32_t i = json_[list].first; i != detail::none; i = json_[i].next) {
            std::uint32_t name = 0;
            if (!field_name(i, taken, name)) return false;
            const std::uint32_t field_type = attribute(i, "type");
            if (field_type == detail::none) return fail(errc::schema_missing_attribute, i);
            schema::field f;
            f.name = json_[name].text;
            const std::uint32_t doc = attribute(i, "doc");
            if (doc != detail::none) f.doc = json_[doc].text;
            if (!resolve(field_type, space, f.node)) return false;
            fields.push_back(std::move(f));
        }
        // Appended only now: records within this one have put their own fields first.
        schema::node& n = out_->nodes_[node];
        n.first = static_cast<std::uint32_t>(out_->fields_.size());
        n.count = static_cast<std::uint32_t>(fields.size());
        for (schema::field& f : fields) out_->fields_.push_back(std::move(f));
        return within_limits(value);
    }

    bool enumeration(std::uint32_t value, std::string space, std::uint32_t& node) {
        std::uint32_t list = 0;
        if (!declare(value, type::enum_, space, node)) return false;
        if (!attribute(value, "symbols", json_kind::array, list)) return false;
        name_set taken;
        schema::node& n = out_->nodes_[node];
        n.first = static_cast<std::uint32_t>(out_->symbols_.size());
        for (std::uint32_t i = json_[list].first; i != detail::none; i = json_[i].next) {
            const json_value& symbol = json_[i];
            const bool is_name = symbol.kind == json_kind::string && detail::is_name(symbol.text);
            if (!is_name) return fail(errc::schema_bad_name, i);
            const bool is_new = taken.emplace(symbol.text, i).second;
            if (!is_new) return fail(errc::schema_duplicate_name, i);
            out_->symbols_.push_back(symbol.text);
            ++n.count;
        }
        return within_limits(value);
    }

    bool fixed(std::uint32_t value, std::string space, std::uint32_t& node) {
        std::uint32_t size = 0;
        if (!declare(value, type::fixed, space, node)) return false;
        if (!attribute(value, "size", json_kind::number, size)) return false;
        const std::string& digits = json_[size].text;
        const char* const last = digits.data() + digits.size();
        const auto [end, bad] = std::from_chars(digits.data(), last, out_->nodes_[node].first);
        const bool is_whole = bad == std::errc() && end == last;
        return is_whole || fail(errc::schema_bad_size, size);
    }

    std::vector<json_value> json_;
    std::unordered_map<std::string, std::uint32_t> named_; // The nodes of the types that have a name.
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

} // namespace sfcdc::avro
