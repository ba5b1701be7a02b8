// Where a column of an Arrow batch takes its values from: a place in the payload, for many events together, or a visit of each
// row. Members of the header are fields of the plan, and so they can be read as those of the body are.
#pragma once

#include <cstdint>
#include <string_view>
#include <vector>

#include <sfcdc/cdc/plan.hpp>
#include <sfcdc/row/bind.hpp>

namespace sfcdc::inline v0::row::detail {

struct arrow_source {
    avro::field field{};
    conversion how = conversion::none; // none: the column has no place, and each row is visited
    bool empty_is_null = false;        // of a text
    // Of a union of several types: its index where the value is a text.
    bool has_branch = false;
    std::int64_t branch = 0;
    std::uint32_t symbols = 0; // of an enum: its type in the schema

    explicit operator bool() const noexcept { return how != conversion::none; }
};

// A member of the header, if the plan has it, and the source is one.
inline arrow_source header_source(column_source source, const cdc::plan& p) noexcept {
    using enum cdc::header_member;
    const auto member = [&](cdc::header_member m, conversion how, bool empty_is_null = false) {
        const avro::field f = p.member(m);
        return f ? arrow_source{.field = f, .how = how, .empty_is_null = empty_is_null} : arrow_source{};
    };
    switch (source) {
    case column_source::entity_name: return member(entity_name, conversion::text);
    case column_source::change_origin: return member(change_origin, conversion::text);
    case column_source::transaction_key: return member(transaction_key, conversion::text, true);
    case column_source::commit_user: return member(commit_user, conversion::text, true);
    case column_source::record_ids: return member(record_ids, conversion::texts);
    case column_source::sequence_number: return member(sequence_number, conversion::integer);
    case column_source::commit_number: return member(commit_number, conversion::bigint);
    case column_source::commit_ms: return member(commit_timestamp, conversion::bigint);
    case column_source::change_type: {
        arrow_source out = member(change_type, conversion::symbol);
        if (out) out.symbols = p.ops()[out.field.number].node;
        return out;
    }
    default: return {};
    }
}

inline arrow_source source_of(const bound_layout& bound, std::size_t position) noexcept {
    const column& c = bound.layout().columns()[position];
    const cdc::plan& p = bound.plan();
    if (c.source != column_source::field) return header_source(c.source, p);
    const bound_field& b = bound[position];
    arrow_source out{.field = b.field, .how = b.how};
    const avro::schema& s = p.schema();
    if (!b) return {};
    switch (b.how) {
    case conversion::symbol: out.symbols = p[b.field].node; return out;
    case conversion::by_value: break;
    case conversion::bytes: // a fixed has no length in front of it
        return s[p[b.field].node].type == avro::type::bytes ? out : arrow_source{};
    case conversion::json:
    case conversion::text_to_array: return {};
    default: return out;
    }
    // Account.Name is a text or a record, and only the text has this column.
    const auto branches = s.branches(s[p[b.field].node]);
    std::uint32_t convertible = 0;
    for (std::uint32_t i = 0; i < branches.size(); ++i) {
        if (conversion_from(s[branches[i]].type, c.type()) == conversion::none) continue;
        ++convertible;
        out.has_branch = s[branches[i]].type == avro::type::string;
        out.branch = i;
    }
    if (convertible != 1 || !out.has_branch) return {};
    out.how = conversion::text;
    return out;
}

} // namespace sfcdc::inline v0::row::detail
