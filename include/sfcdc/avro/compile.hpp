// From the JSON text of a schema to a plan.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <sfcdc/avro/field_set.hpp>
#include <sfcdc/avro/op.hpp>
#include <sfcdc/avro/plan.hpp>
#include <sfcdc/avro/schema.hpp>
#include <sfcdc/avro/schema_parser.hpp>
#include <sfcdc/avro/stride.hpp>
#include <sfcdc/error.hpp>
#include <sfcdc/limits.hpp>
#include <sfcdc/wire/byte_view.hpp>

namespace sfcdc::inline v0::avro {

// Used through compile().
class plan_compiler {
  public:
    sfcdc::error compile(std::string_view schema_json) {
        auto [parsed, bad] = parse_schema(schema_json);
        if (bad) return bad;
        plan_.schema_ = std::move(parsed);
        const schema& s = plan_.schema_;
        const schema::node& root = s[s.root()];
        if (root.type != type::record || root.count == 0) return {errc::schema_root_not_a_record, 0};
        add_fields(root);
        if (!add_children()) return {errc::schema_too_large, 0};
        plan_.words_ = (plan_.size() + 63) / 64;
        add_strides(0, root);
        for (const std::uint32_t compound : compounds_)
            add_strides(plan_.ops_[compound].first_child, s[plan_.ops_[compound].record]);
        plan_.wanted_.assign(plan_.words(), 0);
        for (std::uint32_t f = 0; f < plan_.size(); ++f) plan_.want(f);
        plan_.sort_by_type();
        if (!index_names()) return {errc::schema_too_large, 0};
        return {};
    }
    plan take() noexcept { return std::move(plan_); }

  private:
    // Adds a field, whose name may be given in two pieces.
    [[gnu::noinline]] void add(const op& o, std::string_view name, std::string_view rest = {}) {
        plan_.ops_.push_back(o);
        plan_.names_.add(name, rest);
        ++plan_.size_;
    }
    void add_fields(const schema::node& root) {
        plan_.field_count_ = root.count;
        for (const schema::field& f : plan_.schema_.fields(root)) add(detail::make_op(plan_.schema_, f.node), f.name);
    }

    // The children of all compounds. Returns false if there are too many of them, or their names are too long.
    bool add_children() {
        std::uint32_t place = plan_.field_count_ + 1;
        for (std::uint32_t parent = 0; parent < plan_.field_count_; ++parent) {
            const std::uint32_t count = plan_.ops_[parent].child_count;
            if (count == 0) continue;
            if (plan_.size() + count > limits::schema_entries) return false;
            compounds_.push_back(parent);
            plan_.ops_[parent].first_child = plan_.size();
            plan_.ops_[parent].first_place = place;
            place += count + 1;
            if (!add_children_of(parent)) return false;
        }
        return true;
    }
    bool add_children_of(std::uint32_t parent) {
        std::string prefix(plan_.names_[parent]); // A copy, because the table of names grows meanwhile.
        prefix.push_back('.');
        const schema& s = plan_.schema_;
        for (const schema::field& f : s.fields(s[plan_.ops_[parent].record])) {
            op child = detail::make_op(s, f.node);
            // Salesforce nests one level deep. What is deeper is read through avro::value, not by its own number.
            if (child.kind == op_kind::compound) child.kind = op_kind::other;
            child.child_count = 0;
            child.parent = field{parent};
            name_bytes_ += prefix.size() + f.name.size();
            if (name_bytes_ > limits::name_bytes) return false;
            add(child, prefix, f.name);
        }
        return true;
    }

    // The places of the fields of one record, of which the first has the number `first`, and the way out behind them.
    void add_strides(std::uint32_t first, const schema::node& record) {
        std::vector<stride>& places = plan_.strides_;
        const std::size_t first_place = places.size();
        std::uint32_t number = first;
        for (const schema::field& f : plan_.schema_.fields(record)) {
            places.push_back(detail::make_stride(plan_.schema_, number, f.node, plan_.ops_[number]));
            ++number;
        }
        places.push_back(way_out(plan_.ops_[first].parent));
        std::uint32_t run = 0;
        for (std::uint32_t i = record.count; i-- > 0;) {
            run = plan_.ops_[first + i].null_first ? run + 1 : 0;
            places[first_place + i].run = run;
        }
    }
    // From the children of a compound it is to the field behind the compound, over no bytes; for the record's own fields it
    // is the end of the datum.
    stride way_out(field compound) const noexcept {
        stride out{.number = plan_.no_field()};
        if (!compound) return out;
        const auto here = static_cast<std::int32_t>(plan_.strides_.size());
        out.varint_end = stride::any_varint;
        out.next = static_cast<std::int32_t>(compound.number + 1) - here;
        return out;
    }

    bool index_names() {
        for (std::uint32_t f = 0; f < plan_.size(); ++f)
            if (!plan_.by_name_.add(plan_.names_[f], f)) return false;
        return true;
    }

    plan plan_;
    std::vector<std::uint32_t> compounds_;
    std::size_t name_bytes_ = 0;
};

// Compiles the schema of a record. `schema_json` is not needed afterwards. The value beside an error is an empty plan.
inline result<plan> compile(std::string_view schema_json) {
    plan_compiler compiler;
    if (const error bad = compiler.compile(schema_json)) return {plan(), bad};
    return {compiler.take(), {}};
}
// Compiles a schema whose text the caller has as bytes: a std::vector<std::uint8_t>, a std::span<const char>.
template<wire::binary_range R> result<plan> compile(const R& schema_json) {
    return compile(wire::byte_view(schema_json).text());
}

} // namespace sfcdc::inline v0::avro
