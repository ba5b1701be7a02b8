// A plan of an event: an Avro plan that knows ChangeEventHeader.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <initializer_list>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <sfcdc/avro/compile.hpp>
#include <sfcdc/avro/field_set.hpp>
#include <sfcdc/avro/op.hpp>
#include <sfcdc/avro/plan.hpp>
#include <sfcdc/avro/schema.hpp>
#include <sfcdc/cdc/header_members.hpp>
#include <sfcdc/error.hpp>
#include <sfcdc/wire/byte_view.hpp>

namespace sfcdc::inline v0::cdc {

// Made by cdc::compile(). As an avro::plan it is immutable, so that one plan serves all threads, and owns everything that it
// returns. A default-constructed plan has no fields.
class plan : public avro::plan {
  public:
    plan() = default;

    // Whether the first field is a ChangeEventHeader. Platform events have none.
    bool has_header() const noexcept { return has_header_; }
    // A member of the header; false if the schema lacks it, or has no header.
    avro::field member(header_member m) const noexcept { return members_[index_of(m)]; }
    // Whether the header has the members that all schemas known so far have, in that order, and no others.
    bool has_usual_header() const noexcept { return has_usual_header_; }
    // The header and those of its members that the table knows; no words without a header.
    avro::field_set header_set() const noexcept { return avro::field_set({header_set_.data(), header_set_.size()}); }
    // Twice the number of symbols that changeType has, at most 128: the first byte of a symbol is below.
    std::uint32_t change_types_end() const noexcept { return change_types_end_; }
    // The symbol of changeType with this number; empty if the schema has none of it.
    std::string_view change_type_symbol(std::uint64_t number) const noexcept {
        const avro::field f = member(header_member::change_type);
        if (!f) return {};
        const std::span<const std::string> symbols = schema().symbols(schema()[ops()[f.number].node]);
        if (number >= symbols.size()) return {};
        return symbols[static_cast<std::size_t>(number)];
    }

    // As avro::plan::project(); the header is always seen.
    result<plan> project(std::span<const std::string_view> names) const {
        result<plan> out{*this, {}};
        out.error = out.value.keep_only(names);
        if (has_header_ && !out.error) out.value.keep(header_field);
        return out;
    }
    result<plan> project(std::initializer_list<std::string_view> names) const {
        return project(std::span<const std::string_view>(names.begin(), names.size()));
    }
    // Does what avro::plan::without() does, and always keeps the header in the plan.
    plan without(std::span<const avro::field> fields) const {
        plan out = *this;
        out.leave_out(fields);
        if (has_header_) out.keep(header_field);
        return out;
    }

  private:
    friend result<plan> compile(std::string_view schema_json);

    explicit plan(avro::plan&& p) noexcept : avro::plan(std::move(p)) {}

    avro::type type_of(avro::field f) const noexcept {
        const avro::op& o = ops()[f.number];
        return o.optional ? avro::type::union_ : schema()[o.node].type;
    }
    // Whether a member has the type that the table says.
    bool has_type(avro::field f, avro::type type) const noexcept {
        if (type_of(f) != type) return false;
        if (type != avro::type::array) return true;
        const std::uint32_t items = schema()[ops()[f.number].node].first;
        return schema()[items].type == avro::type::string;
    }

    // Looks up the members. Returns an error if one of them has another type than the table says.
    errc resolve_header() {
        const bool is_record = schema()[ops()[0].node].type == avro::type::record;
        has_header_ = is_record && !ops()[0].optional && names()[0] == header_name;
        if (!has_header_) return errc::none;
        header_set_.assign(words(), 0);
        add_to_header(header_field);
        has_usual_header_ = ops()[0].child_count == header_member_count;
        for (const header_member_type& m : header_members) {
            const avro::field f = header_child(m.name);
            if (f && !has_type(f, m.type)) return errc::schema_header_mismatch;
            members_[index_of(m.id)] = f;
            has_usual_header_ = has_usual_header_ && f == child(header_field, index_of(m.id));
            if (f) add_to_header(f);
        }
        count_change_types();
        return errc::none;
    }
    // The child of the header with this name; false if there is none.
    avro::field header_child(std::string_view name) const noexcept {
        constexpr std::size_t prefix_size = header_name.size() + 1;
        std::uint32_t position = 0;
        avro::field f = child(header_field, position);
        while (f && names()[f.number].substr(prefix_size) != name) f = child(header_field, ++position);
        return f;
    }
    void add_to_header(avro::field f) noexcept { header_set_[f.number / 64] |= std::uint64_t{1} << f.number % 64; }
    void count_change_types() noexcept {
        const avro::field f = member(header_member::change_type);
        if (!f) return;
        const std::uint32_t symbols = schema()[ops()[f.number].node].count;
        change_types_end_ = 2 * (symbols < 64 ? symbols : 64);
    }

    std::array<avro::field, header_member_count> members_{};
    std::vector<std::uint64_t> header_set_;
    std::uint32_t change_types_end_ = 0;
    bool has_header_ = false;
    bool has_usual_header_ = false;
};

// Compiles the schema of an event, once for each schema id; it takes some 100 microseconds. `schema_json` is not needed
// afterwards. The value beside an error is an empty plan.
inline result<plan> compile(std::string_view schema_json) {
    result<plan> out;
    avro::plan_compiler compiler;
    out.error = compiler.compile(schema_json);
    if (out.error) return out;
    plan p(compiler.take());
    const errc bad_header = p.resolve_header();
    if (bad_header == errc::none)
        out.value = std::move(p);
    else
        out.error = {bad_header, 0};
    return out;
}
// Compiles a schema whose text the caller has as bytes: a std::vector<std::uint8_t>, a std::span<const char>.
template<wire::binary_range R> result<plan> compile(const R& schema_json) {
    return compile(wire::byte_view(schema_json).text());
}

namespace detail {

// What an event refers to that was not decoded.
inline const plan& empty_plan() noexcept {
    static const plan empty;
    return empty;
}

} // namespace detail

} // namespace sfcdc::inline v0::cdc
