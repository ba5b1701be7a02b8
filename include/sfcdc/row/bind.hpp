// A layout and a plan put together: each column of a field has the field's number, and the way from the Avro type to the
// column's type. It is made once for each schema; then no name is looked up for an event.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include <sfcdc/cdc/plan.hpp>
#include <sfcdc/row/column.hpp>
#include <sfcdc/row/layout.hpp>

namespace sfcdc::inline v0::row {

// How a value of one Avro type becomes a value of a column's type.
enum class conversion : std::uint8_t {
    none, // there is no way: the column is null, and the value belongs to column_source::rest_json
    boolean,
    integer,            // int, and long where it fits 32 bits
    bigint,             // int, long
    float_to_double,    // float
    double_,            // double
    integer_to_double,  // int
    double_to_decimal,  // exact, or it does not fit
    integer_to_decimal, // int, long; the same
    ms_to_timestamp,    // long, milliseconds since the epoch
    ms_to_date,         // long, milliseconds since the epoch: the day that they are in
    ms_to_time,         // long, milliseconds of a day: "08:30:00.000Z"
    text,               // string
    text_to_array,      // string, whose items are separated by semicolons
    bytes,              // bytes, fixed
    symbol,             // enum
    texts,              // array of strings, of the header
    json,               // any other type, as JSON text
    by_value,           // a union of several types: the value's own type decides
};

// Returns the name of a conversion, without the underscore that C++ wants; "unknown" for a number that names none.
constexpr std::string_view to_string(conversion value) noexcept {
    switch (value) {
    case conversion::none: return "none";
    case conversion::boolean: return "boolean";
    case conversion::integer: return "integer";
    case conversion::bigint: return "bigint";
    case conversion::float_to_double: return "float_to_double";
    case conversion::double_: return "double";
    case conversion::integer_to_double: return "integer_to_double";
    case conversion::double_to_decimal: return "double_to_decimal";
    case conversion::integer_to_decimal: return "integer_to_decimal";
    case conversion::ms_to_timestamp: return "ms_to_timestamp";
    case conversion::ms_to_date: return "ms_to_date";
    case conversion::ms_to_time: return "ms_to_time";
    case conversion::text: return "text";
    case conversion::text_to_array: return "text_to_array";
    case conversion::bytes: return "bytes";
    case conversion::symbol: return "symbol";
    case conversion::texts: return "texts";
    case conversion::json: return "json";
    case conversion::by_value: return "by_value";
    }
    return "unknown";
}

// Whether a value may turn out not to fit the column, whose value is null then.
constexpr bool may_not_fit(conversion how) noexcept {
    using enum conversion;
    return how == integer || how == double_to_decimal || how == integer_to_decimal || how == ms_to_timestamp
           || how == ms_to_date || how == ms_to_time || how == by_value;
}

// The field of a column in one plan.
struct bound_field {
    static constexpr std::uint32_t no_column = 0xffff'ffff;

    avro::field field{};
    conversion how = conversion::none;
    std::uint32_t next = no_column; // another column of the same field

    explicit constexpr operator bool() const noexcept { return how != conversion::none; }
};

namespace detail {

// The way from one Avro type, which is neither null nor a union, to a column's type. A long in a column of text is a time of
// a day, because Salesforce has no other long that becomes a text.
constexpr conversion conversion_from(avro::type from, column_type to) noexcept {
    using enum conversion;
    const bool is_integer = from == avro::type::int_ || from == avro::type::long_;
    switch (to) {
    case column_type::boolean: return from == avro::type::boolean ? boolean : none;
    case column_type::integer: return is_integer ? integer : none;
    case column_type::bigint: return is_integer ? bigint : none;
    case column_type::double_:
        if (from == avro::type::double_) return double_;
        if (from == avro::type::float_) return float_to_double;
        return from == avro::type::int_ ? integer_to_double : none;
    case column_type::decimal:
        if (from == avro::type::double_) return double_to_decimal;
        return is_integer ? integer_to_decimal : none;
    case column_type::timestamp: return from == avro::type::long_ ? ms_to_timestamp : none;
    case column_type::date: return from == avro::type::long_ ? ms_to_date : none;
    case column_type::binary: return from == avro::type::bytes || from == avro::type::fixed ? bytes : none;
    case column_type::string_array: return from == avro::type::string ? text_to_array : none;
    case column_type::string: break;
    }
    switch (from) {
    case avro::type::string: return text;
    case avro::type::enum_: return symbol;
    case avro::type::long_: return ms_to_time;
    case avro::type::array:
    case avro::type::map: return json;
    default: return none;
    }
}

// Children of an address or a location that hold its coordinates a second time.
constexpr bool repeats_others(std::string_view child) noexcept { return child == "Xyz" || child == "XyzEncoded"; }

// Finds the field that a column names. The result is false if the plan lacks the field, or has it as a type without a way.
inline bound_field bind_column(const column& c, const cdc::plan& p) noexcept {
    if (c.source != column_source::field) return {};
    bound_field out{.field = p.find(c.field)};
    if (!out.field) return out;
    const avro::op& o = p[out.field];
    const avro::schema& s = p.schema();
    out.how = conversion_from(s[o.node].type, c.type());
    if (s[o.node].type == avro::type::union_)
        for (const std::uint32_t branch : s.branches(s[o.node]))
            if (conversion_from(s[branch].type, c.type()) != conversion::none) out.how = conversion::by_value;
    return out;
}

} // namespace detail

// Immutable; one serves all threads. It looks into the layout and the plan, which must outlive it.
class bound_layout {
  public:
    bound_layout(const row::layout& l, const cdc::plan& p) : layout_(&l), plan_(&p) {
        column_of_.assign(p.size(), bound_field::no_column);
        held_.assign(p.words(), 0);
        risky_.assign(p.words(), 0);
        compounds_.assign(p.words(), 0);
        held_apart_.assign(p.words(), 0);
        for (const avro::field f : p.header_set()) add(held_apart_, f);
        const std::span<const column> columns = l.columns();
        fields_.resize(columns.size());
        for (std::uint32_t i = static_cast<std::uint32_t>(columns.size()); i-- > 0;) {
            if (columns[i].source != column_source::field) continue;
            bound_field& b = fields_[i] = detail::bind_column(columns[i], p);
            if (!b) continue;
            b.next = column_of_[b.field.number];
            column_of_[b.field.number] = i;
            add(held_, b.field);
            if (may_not_fit(b.how)) add(risky_, b.field);
        }
        for (std::uint32_t f = p.has_header() ? 1 : 0; f < p.field_count(); ++f)
            if (p[{f}].child_count != 0) add_compound(p, {f});
        for (std::uint32_t i = 0; i < columns.size(); ++i) {
            if (columns[i].source == column_source::commit_timestamp) commit_time_column_ = i;
            if (columns[i].source != column_source::field) others_.push_back(i);
        }
        if (commit_time_column_ != bound_field::no_column) add_settable(commit_time_column_);
        for (std::uint32_t f = 0; f < p.size(); ++f)
            for (std::uint32_t c = column_of_[f]; c != bound_field::no_column; c = fields_[c].next) add_settable(c);
    }
    bound_layout(const row::layout&&, const cdc::plan&) = delete; // The bound layout refers to the layout.
    bound_layout(const row::layout&, const cdc::plan&&) = delete; // The bound layout refers to the plan.

    const row::layout& layout() const noexcept { return *layout_; }
    const cdc::plan& plan() const noexcept { return *plan_; }

    // By the position of a column; false for one that is of no field, or whose field the plan lacks or has as another type.
    const bound_field& operator[](std::size_t column) const noexcept { return fields_[column]; }
    // The first column of a field of the plan; bound_field::no_column when it has none.
    std::uint32_t column_of(avro::field f) const noexcept { return column_of_[f.number]; }
    // Positions of the columns that are of no field.
    std::span<const std::uint32_t> other_columns() const noexcept { return {others_.data(), others_.size()}; }
    // The position of the column of the commit time; bound_field::no_column when there is none.
    std::uint32_t commit_time_column() const noexcept { return commit_time_column_; }
    // The columns that an event sets which states all fields: that of the commit time, and those of fields in the order of the plan. Their names
    // stand in settable_names() one behind the other, each up to its end in settable_ends().
    std::span<const std::uint32_t> settable() const noexcept { return {settable_.data(), settable_.size()}; }
    std::string_view settable_names() const noexcept { return settable_names_; }
    bool settable_names_are_ascii() const noexcept { return settable_names_are_ascii_; }
    std::span<const std::int32_t> settable_ends() const noexcept {
        return {settable_ends_.data(), settable_ends_.size()};
    }
    // The fields that have a column, and those of them whose values may not fit it.
    avro::field_set held() const noexcept { return avro::field_set({held_.data(), held_.size()}); }
    avro::field_set risky() const noexcept { return avro::field_set({risky_.data(), risky_.size()}); }
    // The fields that need no column: those of the header, which has sources of its own, compounds whose children all have
    // columns or are left out by the plan's projection, and the children that repeat others ("Xyz", which some schemas of 2023 have).
    avro::field_set held_apart() const noexcept { return avro::field_set({held_apart_.data(), held_apart_.size()}); }
    // The fields of the plan that have children.
    avro::field_set compounds() const noexcept { return avro::field_set({compounds_.data(), compounds_.size()}); }

  private:
    void add_settable(std::uint32_t column) {
        settable_.push_back(column);
        const std::string& name = layout_->columns()[column].name;
        settable_names_ += name;
        for (const char c : name)
            settable_names_are_ascii_ = settable_names_are_ascii_ && static_cast<signed char>(c) >= 0;
        settable_ends_.push_back(static_cast<std::int32_t>(settable_names_.size()));
    }
    void add_compound(const cdc::plan& p, avro::field f) {
        add(compounds_, f);
        const std::size_t prefix = p.name(f).size() + 1;
        bool all_held = p[f].kind == avro::op_kind::compound;
        for (std::uint32_t c = 0; c < p[f].child_count; ++c) {
            const avro::field child = p.child(f, c);
            if (detail::repeats_others(p.name(child).substr(prefix))) add(held_apart_, child);
            all_held = all_held && (held().contains(child) || held_apart().contains(child) || !p[child].wanted);
        }
        if (all_held) add(held_apart_, f);
    }
    static void add(std::vector<std::uint64_t>& words, avro::field f) noexcept {
        words[f.number / 64] |= std::uint64_t{1} << f.number % 64;
    }

    const row::layout* layout_;
    const cdc::plan* plan_;
    std::vector<bound_field> fields_;
    std::vector<std::uint32_t> column_of_, others_;
    std::uint32_t commit_time_column_ = bound_field::no_column;
    std::vector<std::uint32_t> settable_;
    std::string settable_names_;
    bool settable_names_are_ascii_ = true;
    std::vector<std::int32_t> settable_ends_;
    std::vector<std::uint64_t> held_, risky_, compounds_, held_apart_;
};

inline bound_layout bind(const layout& l, const cdc::plan& p) { return {l, p}; }
bound_layout bind(const layout&&, const cdc::plan&) = delete; // The bound layout refers to the layout.
bound_layout bind(const layout&, const cdc::plan&&) = delete; // The bound layout refers to the plan.

} // namespace sfcdc::inline v0::row
