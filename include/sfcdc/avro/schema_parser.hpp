// Makes a schema out of its JSON text.
// Source: Avro specification 1.12, "Schema Declaration", "Names".
#pragma once

#include <algorithm>
#include <charconv>
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
#include <sfcdc/error.hpp>
#include <sfcdc/limits.hpp>

namespace sfcdc::avro {

// Used through parse_schema().
class schema_parser {
  public:
    sfcdc::error parse(std::string_view text, schema& out) {
        if (text.size() > limits::schema_bytes) return {errc::schema_too_large, 0};
        if (const sfcdc::error bad = detail::json_parser(text).parse(json_)) return bad;
        out_ = &out;
        for (int t = 0; t <= static_cast<int>(type::string); ++t) out.nodes_.push_back({static_cast<avro::type>(t)});
        resolve(0, "", out.root_);
        return error_;
    }

  private:
    using json_kind = detail::json_kind;

    bool fail(errc code, std::uint32_t value) {
        if (!error_) error_ = {code, json_[value].offset};
        return false;
    }

    // The value of an attribute, or `none`. Of two with the same key the first counts.
    std::uint32_t attribute(std::uint32_t object, std::string_view key) const {
        for (std::uint32_t i = json_[object].first; i != detail::none; i = json_[i].next)
            if (json_[i].key == key) return i;
        return detail::none;
    }
    bool attribute(std::uint32_t object, std::string_view key, json_kind kind, std::uint32_t& out) {
        out = attribute(object, key);
        return (out != detail::none && json_[out].kind == kind) || fail(errc::schema_missing_attribute, object);
    }

    static bool is_name(std::string_view s) noexcept {
        for (std::size_t i = 0; i < s.size(); ++i) {
            const char c = s[i];
            const bool letter = (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') || c == '_';
            if (!letter && (i == 0 || c < '0' || c > '9')) return false;
        }
        return !s.empty();
    }
    static bool is_full_name(std::string_view s) noexcept {
        for (;;) {
            const std::size_t dot = s.find('.');
            if (!is_name(s.substr(0, dot))) return false;
            if (dot == std::string_view::npos) return true;
            s.remove_prefix(dot + 1);
        }
    }
    static std::string qualify(std::string_view name, std::string_view space) {
        if (space.empty() || name.find('.') != std::string_view::npos) return std::string(name);
        return std::string(space) + "." + std::string(name);
    }

    std::uint32_t add(const schema::node& n) {
        out_->nodes_.push_back(n);
        return out_->size() - 1;
    }
    bool within_limits(std::uint32_t value) {
        const std::size_t entries =
            out_->nodes_.size() + out_->fields_.size() + out_->symbols_.size() + out_->branches_.size();
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
        static constexpr std::string_view primitives[] = {"null",  "boolean", "int",   "long",
                                                          "float", "double",  "bytes", "string"};
        const std::string& name = json_[value].text;
        for (std::uint32_t i = 0; i < std::size(primitives); ++i)
            if (name == primitives[i]) return node = i, true;
        auto found = named_.find(qualify(name, space));
        if (found == named_.end()) found = named_.find(name); // a type of the empty namespace
        if (found == named_.end()) return fail(errc::schema_unknown_name, value);
        node = found->second;
        return true;
    }

    bool union_of(std::uint32_t value, const std::string& space, std::uint32_t& node) {
        std::vector<std::uint32_t> branches;
        std::vector<std::pair<std::uint32_t, std::uint32_t>> kinds; // and where they stand
        constexpr std::uint32_t kinds_end = static_cast<std::uint32_t>(type::fixed) + 1;
        for (std::uint32_t i = json_[value].first; i != detail::none; i = json_[i].next) {
            std::uint32_t branch = 0;
            if (!resolve(i, space, branch)) return false;
            const schema::node& b = (*out_)[branch];
            if (b.type == type::union_) return fail(errc::schema_bad_union, i);
            // Types without a name are told apart by their kind, those with one by their node, numbered behind the kinds.
            const bool named = b.type == type::record || b.type == type::enum_ || b.type == type::fixed;
            kinds.emplace_back(named ? branch + kinds_end : static_cast<std::uint32_t>(b.type), i);
            branches.push_back(branch);
        }
        std::sort(kinds.begin(), kinds.end());
        const auto twice = std::adjacent_find(kinds.begin(), kinds.end(),
                                              [](const auto& a, const auto& b) { return a.first == b.first; });
        if (twice != kinds.end()) return fail(errc::schema_bad_union, (twice + 1)->second);
        if (branches.empty()) return fail(errc::schema_bad_union, value);
        node = add({type::union_, static_cast<std::uint32_t>(out_->branches_.size()),
                    static_cast<std::uint32_t>(branches.size())});
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
        if (word == "array" || word == "map") {
            const std::uint32_t items = attribute(value, word == "array" ? "items" : "values");
            if (items == detail::none) return fail(errc::schema_missing_attribute, value);
            schema::node container{word == "array" ? type::array : type::map};
            if (!resolve(items, space, container.first)) return false;
            node = add(container);
            return true;
        }
        return by_name(kind, space, node);
    }

    // Registers the type before its fields are read, so that they may name it. `space` becomes the namespace inside.
    bool declare(std::uint32_t value, avro::type type, std::string& space, std::uint32_t& node) {
        std::uint32_t name = 0;
        if (!attribute(value, "name", json_kind::string, name)) return false;
        // An empty namespace is none at all: Salesforce's enums of 2023 say so, and their schema ids depend on it.
        if (const std::uint32_t own = attribute(value, "namespace"); own != detail::none) {
            if (json_[own].kind != json_kind::string) return fail(errc::schema_missing_attribute, own);
            space = json_[own].text;
            if (!space.empty() && !is_full_name(space)) return fail(errc::schema_bad_name, own);
            if (space.size() > limits::name_length) return fail(errc::schema_too_large, own);
        }
        if (!is_full_name(json_[name].text)) return fail(errc::schema_bad_name, name);
        const std::string full = qualify(json_[name].text, space);
        const std::size_t dot = full.rfind('.');
        space = dot == std::string::npos ? std::string() : full.substr(0, dot);
        if (full.size() > limits::name_length || (name_bytes_ += full.size()) > limits::name_bytes)
            return fail(errc::schema_too_large, name);
        node = add({type, 0, 0, static_cast<std::uint32_t>(out_->names_.size())});
        if (!named_.emplace(full, node).second) return fail(errc::schema_duplicate_name, name);
        out_->names_.push_back(full);
        return true;
    }

    bool record(std::uint32_t value, std::string space, std::uint32_t& node) {
        std::uint32_t list = 0;
        if (!declare(value, type::record, space, node) || !attribute(value, "fields", json_kind::array, list))
            return false;
        std::vector<schema::field> fields;
        std::unordered_map<std::string_view, std::uint32_t> taken; // views into json_
        for (std::uint32_t i = json_[list].first; i != detail::none; i = json_[i].next) {
            std::uint32_t name = 0;
            if (json_[i].kind != json_kind::object) return fail(errc::schema_not_a_type, i);
            if (!attribute(i, "name", json_kind::string, name)) return false;
            if (!is_name(json_[name].text)) return fail(errc::schema_bad_name, name);
            if (json_[name].text.size() > limits::name_length) return fail(errc::schema_too_large, name);
            if (!taken.emplace(json_[name].text, name).second) return fail(errc::schema_duplicate_name, name);
            const std::uint32_t field_type = attribute(i, "type");
            if (field_type == detail::none) return fail(errc::schema_missing_attribute, i);
            schema::field f{json_[name].text, {}, 0};
            if (const std::uint32_t doc = attribute(i, "doc"); doc != detail::none) f.doc = json_[doc].text;
            if (!resolve(field_type, space, f.node)) return false;
            fields.push_back(std::move(f));
        }
        // Appended only now: records within this one have put their own fields first.
        out_->nodes_[node].first = static_cast<std::uint32_t>(out_->fields_.size());
        out_->nodes_[node].count = static_cast<std::uint32_t>(fields.size());
        out_->fields_.insert(out_->fields_.end(), std::make_move_iterator(fields.begin()),
                             std::make_move_iterator(fields.end()));
        return within_limits(value);
    }

    bool enumeration(std::uint32_t value, std::string space, std::uint32_t& node) {
        std::uint32_t list = 0;
        if (!declare(value, type::enum_, space, node) || !attribute(value, "symbols", json_kind::array, list))
            return false;
        std::unordered_map<std::string_view, std::uint32_t> taken;
        out_->nodes_[node].first = static_cast<std::uint32_t>(out_->symbols_.size());
        for (std::uint32_t i = json_[list].first; i != detail::none; i = json_[i].next) {
            if (json_[i].kind != json_kind::string || !is_name(json_[i].text)) return fail(errc::schema_bad_name, i);
            if (!taken.emplace(json_[i].text, i).second) return fail(errc::schema_duplicate_name, i);
            out_->symbols_.push_back(json_[i].text);
            ++out_->nodes_[node].count;
        }
        return within_limits(value);
    }

    bool fixed(std::uint32_t value, std::string space, std::uint32_t& node) {
        std::uint32_t size = 0;
        if (!declare(value, type::fixed, space, node) || !attribute(value, "size", json_kind::number, size))
            return false;
        const std::string& digits = json_[size].text;
        const auto [end, bad] =
            std::from_chars(digits.data(), digits.data() + digits.size(), out_->nodes_[node].first);
        return (bad == std::errc() && end == digits.data() + digits.size()) || fail(errc::schema_bad_size, size);
    }

    std::vector<detail::json_value> json_;
    std::unordered_map<std::string, std::uint32_t> named_;
    std::size_t name_bytes_ = 0;
    schema* out_ = nullptr;
    sfcdc::error error_;
};

// `text` is not needed afterwards. Errors carry the byte offset of the JSON value that is wrong.
inline result<schema> parse_schema(std::string_view text) {
    result<schema> parsed;
    parsed.error = schema_parser().parse(text, parsed.value);
    return parsed;
}

} // namespace sfcdc::avro
