// The table of one object: a column for each field of its schema, and the columns that a history of changes needs.
//
// Names and types are those by which CDC, Bulk, REST and Lakeflow Connect tables can be put together: a compound becomes the
// columns that Salesforce names its components by. Sources: Salesforce Object Reference, "Compound Fields"; Databricks'
// documentation of Lakeflow Connect for Salesforce; schemas of real events.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <sfcdc/cdc/plan.hpp>
#include <sfcdc/error.hpp>
#include <sfcdc/limits.hpp>
#include <sfcdc/row/bind.hpp>
#include <sfcdc/row/column.hpp>
#include <sfcdc/row/layout.hpp>

namespace sfcdc::inline v0::row {

// A field that becomes a DECIMAL. An event's schema has amounts as doubles, and does not say how many digits are meant: that
// is known from Salesforce's describe call, or by the user.
struct decimal_field {
    std::string_view field;      // dotted, as in a plan
    std::uint8_t precision = 38; // digits in all
    std::uint8_t scale = 2;      // of them behind the point
};

// The choices that a schema does not make: which fields are decimals, and what becomes of multi-select picklists.
struct typed_options {
    std::span<const decimal_field> decimals{};
    bool multi_picklist_arrays = false; // multi-select picklists as ARRAY<STRING> in place of the text "a;b"
};

// The columns in front of the fields. Their names begin with "_sf_", which no field's name does, and which Delta's change
// data feed does not reserve. Changes are in the order of (_sf_epoch, _sf_commit_number, _sf_sequence_number,
// _sf_record_ordinal), never of a time: commit times have whole seconds.
inline std::vector<column> bookkeeping_columns() {
    using s = column_source;
    return {{"Id", s::record_id},
            {"_sf_change_type", s::change_type},
            {"_sf_columns_to_update", s::columns_to_update},
            {"_sf_epoch", s::epoch},
            {"_sf_commit_number", s::commit_number},
            {"_sf_sequence_number", s::sequence_number},
            {"_sf_record_ordinal", s::record_ordinal},
            {"_sf_committed_at", s::commit_timestamp},
            {"_sf_replay_id", s::replay_id_hex},
            {"_sf_schema_id", s::schema_id},
            {"_sf_snapshot_id", s::snapshot_id},
            {"_sf_transaction_key", s::transaction_key},
            {"_sf_commit_user", s::commit_user},
            {"_sf_change_origin", s::change_origin},
            {"_sf_ingested_at", s::received_timestamp},
            {"_sf_rest", s::rest_json}};
}

namespace detail {

// "Data:DateTime:00N..." is DateTime: what stands between the first two colons. Only `doc` tells Salesforce's times apart;
// the schema id does not depend on it.
constexpr std::string_view doc_type(std::string_view doc) noexcept {
    const std::size_t first = doc.find(':');
    if (first == std::string_view::npos) return {};
    doc.remove_prefix(first + 1);
    return doc.substr(0, doc.find(':'));
}

// The column of a compound's child: Salesforce's name of the component. Empty if the child is no component.
inline std::string component_name(std::string_view compound, std::string_view child) {
    constexpr std::string_view address = "Address", custom = "__c";
    if (repeats_others(child)) return {};
    if (compound == "Name" || compound == address || compound == "Location") return std::string(child);
    if (compound.ends_with(custom)) {
        if (child == "State" || child == "Country") return {}; // custom addresses have the codes only
        return std::string(compound.substr(0, compound.size() - custom.size())) + "__" + std::string(child) + "__s";
    }
    if (compound.ends_with(address)) compound.remove_suffix(address.size());
    return std::string(compound) + std::string(child);
}

// Tables do not tell capitals from small letters.
inline std::string in_small_letters(std::string_view name) {
    std::string out(name);
    for (char& c : out)
        if (c >= 'A' && c <= 'Z') c = static_cast<char>(c - 'A' + 'a');
    return out;
}

class typed_columns {
  public:
    typed_columns(const cdc::plan& p, const typed_options& options) : plan_(p), options_(options) {}

    result<layout> make() {
        columns_ = bookkeeping_columns();
        for (const column& c : columns_) taken_.push_back(in_small_letters(c.name));
        for (std::size_t i = 0; i < options_.decimals.size(); ++i)
            if (!plan_.find(options_.decimals[i].field))
                return {{}, {errc::unknown_field, static_cast<std::uint32_t>(i)}};
        const avro::schema& s = plan_.schema();
        std::span<const avro::schema::field> fields; // of an empty plan none
        if (plan_.field_count() != 0) fields = s.fields(s[s.root()]);
        for (std::uint32_t f = plan_.has_header() ? 1 : 0; f < plan_.field_count(); ++f) {
            const avro::op& o = plan_[{f}];
            const std::string_view name = plan_.name({f});
            if (o.kind != avro::op_kind::compound) add({f}, name, doc_type(fields[f].doc));
            for (std::uint32_t c = 0; c < o.child_count; ++c) {
                const avro::field child = plan_.child({f}, c);
                add(child, component_name(name, plan_.name(child).substr(name.size() + 1)), {});
            }
        }
        if (columns_.size() > limits::table_columns) return {{}, {errc::too_many_columns, 0}};
        std::sort(taken_.begin(), taken_.end());
        if (std::adjacent_find(taken_.begin(), taken_.end()) != taken_.end())
            return {{}, {errc::column_names_collide, first_collision()}};
        return layout::make(std::move(columns_), granularity::record);
    }

  private:
    // A field of an unknown type has no column: _sf_rest has its values.
    void add(avro::field f, std::string_view name, std::string_view doc) {
        if (name.empty() || !plan_[f].wanted) return;
        column c = column::of_field(std::string(name), std::string(plan_.name(f)), column_type::string);
        if (!choose_type(c, f, doc)) return;
        taken_.push_back(in_small_letters(name));
        columns_.push_back(std::move(c));
    }
    bool choose_type(column& c, avro::field f, std::string_view doc) const {
        const avro::schema& s = plan_.schema();
        const avro::type type = s[plan_[f].node].type;
        for (const decimal_field& d : options_.decimals)
            if (d.field == c.field) {
                c.field_type = column_type::decimal;
                c.precision = d.precision;
                c.scale = d.scale;
                return true;
            }
        switch (type) {
        case avro::type::boolean: c.field_type = column_type::boolean; return true;
        case avro::type::int_: c.field_type = column_type::integer; return true;
        case avro::type::long_:
            c.field_type = type_of_long(doc);
            c.time_of_day = c.field_type == column_type::string;
            return true;
        case avro::type::float_:
        case avro::type::double_: c.field_type = column_type::double_; return true;
        case avro::type::bytes:
        case avro::type::fixed: c.field_type = column_type::binary; return true;
        case avro::type::string:
            if (doc == "MultiEnum" && options_.multi_picklist_arrays) c.field_type = column_type::string_array;
            return true;
        case avro::type::enum_:
        case avro::type::array:
        case avro::type::map: return true;
        case avro::type::union_: // the name of an account: a text, or a person's
            for (const std::uint32_t branch : s.branches(s[plan_[f].node]))
                if (s[branch].type == avro::type::string) return true;
            return false;
        default: return false;
        }
    }
    // "Birthday" is what schemas of 2023 call a date.
    static column_type type_of_long(std::string_view doc) noexcept {
        if (doc == "DateTime") return column_type::timestamp;
        if (doc == "DateOnly" || doc == "Birthday") return column_type::date;
        return doc == "TimeOnly" ? column_type::string : column_type::bigint;
    }
    // The number of the second field with a name that another column has.
    std::uint32_t first_collision() const {
        std::vector<std::string> seen;
        for (const column& c : columns_) {
            std::string name = in_small_letters(c.name);
            if (std::find(seen.begin(), seen.end(), name) != seen.end()) return plan_.find(c.field).number;
            seen.push_back(std::move(name));
        }
        return 0;
    }

    const cdc::plan& plan_;
    const typed_options& options_;
    std::vector<column> columns_;
    std::vector<std::string> taken_;
};

} // namespace detail

// Makes the layout of an object's table, one row for each record of an event. Fields that the plan's projection leaves out
// have no column. Errors: two fields that would have one column (the offset is the number of the second one in the plan), more
// columns than a table may have, a decimal of an unknown field (its position in the options) or of too many digits.
inline result<layout> typed_layout(const cdc::plan& p, const typed_options& options = {}) {
    return detail::typed_columns(p, options).make();
}

// The columns of `table` as they are, and behind them those that only `wanted` has: what a table becomes when its
// object has got new fields. A column that both have keeps the type that it has in `table`.
inline layout widened(const layout& table, const layout& wanted) {
    std::vector<column> columns(table.columns().begin(), table.columns().end());
    for (const column& c : wanted.columns()) {
        const auto same = [&](const column& other) {
            return detail::in_small_letters(other.name) == detail::in_small_letters(c.name);
        };
        if (std::none_of(columns.begin(), columns.end(), same)) columns.push_back(c);
    }
    return layout::make(std::move(columns), table.rows()).value; // whose names differ, since both layouts are sound
}

} // namespace sfcdc::inline v0::row
