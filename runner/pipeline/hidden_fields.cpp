#include "hidden_fields.hpp"

#include "../names.hpp"

#include <algorithm>
#include <set>
#include <utility>

namespace sfcdc::runner {
namespace {

std::string listed(const cdc::plan& p, const std::vector<avro::field>& fields) {
    std::string out;
    for (const avro::field f : fields) out += (out.empty() ? "" : ", ") + std::string(p.name(f));
    return out;
}

// Looks into a type for members that have no field number of their own: records in arrays, in records, and in unions.
class search {
  public:
    search(const avro::schema& s, std::string_view pattern) : schema_(s), pattern_(pattern) {}

    bool finds(std::uint32_t node, const std::string& prefix) {
        const avro::schema::node& n = schema_[node];
        switch (n.type) {
        case avro::type::union_: {
            const auto branches = schema_.branches(n);
            return std::any_of(branches.begin(), branches.end(), [&](std::uint32_t b) { return finds(b, prefix); });
        }
        case avro::type::array:
        case avro::type::map: return finds(n.first, prefix);
        case avro::type::record: {
            if (!seen_.insert(node).second) return false; // a type may be in itself
            const auto members = schema_.fields(n);
            return std::any_of(members.begin(), members.end(), [&](const avro::schema::field& m) {
                const std::string name = prefix + "." + m.name;
                return matches(pattern_, name) || finds(m.node, name);
            });
        }
        default: return false;
        }
    }

  private:
    const avro::schema& schema_;
    const std::string_view pattern_;
    std::set<std::uint32_t> seen_;
};

// Whether a pattern stands for a field, or for a part of it that cannot be hidden alone.
bool stands_for(std::string_view pattern, const cdc::plan& p, avro::field f) {
    if (matches(pattern, p.name(f))) return true;
    const avro::op& o = p[f];
    if (o.kind != avro::op_kind::other) return false; // the children of a compound are fields themselves
    if (o.child_count != 0 && !p.has_several_records(f)) return false;
    return search(p.schema(), pattern).finds(o.node, std::string(p.name(f)));
}

} // namespace

std::string entity_of(const cdc::plan& p) {
    if (p.size() == 0) return {};
    const avro::schema& s = p.schema();
    const std::string& full = s.full_name(s[s.root()]);
    const std::string name = full.substr(full.rfind('.') + 1);
    const std::string entity = entity_of_change_event(name);
    return entity.empty() ? name : entity;
}

std::vector<std::string> hides(const privacy_config& config) {
    std::vector<std::string> out;
    for (const field_pattern& p : config.deny) out.push_back("deny " + p.entity + "." + p.field);
    for (const field_pattern& p : config.tokenise) out.push_back("tokenise " + p.entity + "." + p.field);
    std::sort(out.begin(), out.end());
    return out;
}

hidden_fields::hidden_fields(const privacy_config& config, const std::string& topic)
    : config_(config), one_object_(topic.ends_with("ChangeEvent") || topic.ends_with("__e")) {
    for (const field_pattern& f : config.deny) patterns_.push_back({&f, "deny"});
    for (const field_pattern& f : config.tokenise) patterns_.push_back({&f, "tokenise"});
}

std::vector<avro::field> hidden_fields::matching(const cdc::plan& p, const std::string& entity,
                                                 std::string_view key) {
    std::set<std::uint32_t> found;
    for (pattern& of : patterns_) {
        if (of.key != key || !matches(of.of->entity, entity)) continue;
        for (std::uint32_t f = 0; f < p.size(); ++f) {
            if (p.header_set().contains({f}) || !stands_for(of.of->field, p, {f})) continue;
            of.matched = true;
            found.insert(f);
        }
    }
    std::vector<avro::field> out;
    for (const std::uint32_t f : found) out.push_back({f});
    return out;
}

std::unique_ptr<const hidden_fields::of_schema> hidden_fields::in(const cdc::plan& whole) {
    ++schemas_;
    const std::string entity = entity_of(whole);
    const std::vector<avro::field> denied = matching(whole, entity, "deny");
    const std::vector<avro::field> tokenised = matching(whole, entity, "tokenise");
    std::vector<avro::field> left_out = denied, cannot;
    std::optional<cdc::tokeniser> tokens;
    if (!tokenised.empty()) {
        tokens.emplace(whole, tokenised);
        const cdc::plan before = whole.without(denied);
        for (const avro::field f : tokens->blanked()) {
            left_out.push_back(f);
            if (before.wanted().contains(f)) cannot.push_back(f);
        }
    }
    if (!cannot.empty())
        warnings_.push_back("tokenise: these fields of " + entity
                            + " are no texts, and are left out: " + listed(whole, cannot));
    warn_of_unmatched(entity);

    auto out = std::make_unique<of_schema>();
    out->plan = whole.without(left_out);
    std::vector<avro::field> replaced;
    if (tokens)
        for (const avro::field f : tokens->replaced())
            if (out->plan.wanted().contains(f)) replaced.push_back(f);
    out->tokens = std::move(tokens);
    out->summary = left_out.empty() ? "no field of " + entity + " is left out"
                                    : "left out of " + entity + ": " + listed(whole, left_out);
    if (config_.token_key != nullptr)
        out->summary += replaced.empty() ? "; none becomes a token"
                                         : "; tokens of the key " + std::string(config_.token_key->id()) + ": "
                                               + listed(whole, replaced);
    return out;
}

// On a channel a pattern may match an object that comes later, unless it names this one.
void hidden_fields::warn_of_unmatched(const std::string& entity) {
    for (pattern& p : patterns_) {
        if (p.matched || p.said) continue;
        const bool names_it = p.of->entity.find('*') == std::string::npos && matches(p.of->entity, entity);
        const std::size_t dot = p.of->field.find('.');
        const bool means_it = dot != std::string::npos && matches(entity, p.of->field.substr(0, dot));
        if (one_object_ || names_it || means_it) warn(p, "of " + entity, means_it ? entity : std::string());
    }
}

void hidden_fields::end() {
    if (schemas_ == 0) return;
    for (pattern& p : patterns_)
        if (!p.matched && !p.said) warn(p, "of the " + std::to_string(schemas_) + " schemas of this run");
}

void hidden_fields::warn(pattern& p, const std::string& where, const std::string& entity) {
    p.said = true;
    std::string text(p.key);
    text += ": \"" + p.of->field + "\"" + (p.of->entity == "*" ? "" : " of \"" + p.of->entity + "\"")
            + " matches no field " + where;
    if (!entity.empty())
        text += "; a field of one object is written as " + std::string(p.key) + " = { " + entity + " = [\""
                + p.of->field.substr(p.of->field.find('.') + 1) + "\"] }";
    warnings_.push_back(std::move(text));
}

} // namespace sfcdc::runner
