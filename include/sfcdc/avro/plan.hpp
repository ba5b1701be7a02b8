// A schema frozen for decoding: one op for each field, and the dotted names by which fields are found.
//
// The fields of the schema's record come first: number n is its n-th field, and bit n of a Salesforce bitmap. Behind them
// come the children of each compound field (a record, or a union with a record), each compound's children side by side in
// their own order.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <initializer_list>
#include <span>
#include <string_view>
#include <utility>
#include <vector>

#include <sfcdc/avro/field_set.hpp>
#include <sfcdc/avro/name_index.hpp>
#include <sfcdc/avro/name_table.hpp>
#include <sfcdc/avro/op.hpp>
#include <sfcdc/avro/schema.hpp>
#include <sfcdc/avro/stride.hpp>
#include <sfcdc/error.hpp>

namespace sfcdc::inline v0::avro {

// Made by compile() (avro/compile.hpp). Immutable, so that one plan serves all threads. Owns everything that it returns and
// must outlive it. A default-constructed plan, and one that was moved from, has no fields.
class plan {
  public:
    // The special functions go through a dozen containers. They are never inlined, because each copy of them would cost
    // whoever includes this header more to compile than the call costs to make.
    [[gnu::noinline]] plan() = default;
    [[gnu::noinline]] plan(const plan&) = default;
    [[gnu::noinline]] plan(plan&&) noexcept = default;
    [[gnu::noinline]] plan& operator=(const plan&) = default;
    [[gnu::noinline]] plan& operator=(plan&&) noexcept = default;
    [[gnu::noinline]] ~plan() = default;

    const avro::schema& schema() const noexcept { return schema_; }

    // The number of fields of the record: they have the numbers 0 to field_count() - 1.
    std::uint32_t field_count() const noexcept { return field_count_; }
    // The number of all fields, with the children of compound fields.
    std::uint32_t size() const noexcept { return size_; }
    // A set of fields (avro::field_set) has so many words.
    std::uint32_t words() const noexcept { return words_; }
    // A number that no field has, in the word behind those of a set.
    std::uint32_t no_field() const noexcept { return words_ * 64; }

    // "Phone", "BillingAddress.City". Returns a field that is false if the schema has no such name, or if the projection
    // leaves it out.
    avro::field find(std::string_view dotted_name) const noexcept {
        const auto has_name = [&](std::uint32_t f) { return names_[f] == dotted_name; };
        const std::uint32_t number = by_name_.find(dotted_name, has_name);
        return number != detail::name_index::none && ops_[number].wanted ? avro::field{number} : avro::field{};
    }
    // The dotted name, from whose start name_table::readable bytes can be read; an empty name for a field of another plan
    // or for none.
    std::string_view name(avro::field f) const noexcept { return has(f) ? names_[f.number] : std::string_view(); }
    // An op without children for a field of another plan or for none.
    const op& operator[](avro::field f) const noexcept { return has(f) ? ops_[f.number] : detail::no_op; }
    // The child of a compound field at a position of its record; false if there is none.
    avro::field child(avro::field parent, std::uint32_t position) const noexcept {
        const op& o = (*this)[parent];
        return position < o.child_count ? avro::field{o.first_child + position} : avro::field{};
    }

    // The same without a check of the number, for loops over fields that are known to be of this plan.
    std::span<const op> ops() const noexcept { return {ops_.data(), ops_.size()}; }
    const name_table& names() const noexcept { return names_; }
    // By place. A walk begins at the first place and ends at the place behind the record's own fields.
    std::span<const stride> strides() const noexcept { return {strides_.data(), strides_.size()}; }

    // The fields of one type, a union of null and that type included: of boolean, int, long, double and string. Under null the
    // fields of all other types.
    field_set of_type(type t) const noexcept {
        for (std::size_t i = 0; i < own_types.size(); ++i)
            if (own_types[i] == t) return field_set({by_type_.data() + i * words_, words_});
        return {};
    }

    // Whether the type is a union of more than one record. Only the members of the first one have numbers then.
    bool has_several_records(avro::field f) const noexcept {
        const schema::node* const n = has(f) ? &schema_[ops_[f.number].node] : nullptr;
        if (n == nullptr || n->type != type::union_) return false;
        std::uint32_t records = 0;
        for (const std::uint32_t branch : schema_.branches(*n))
            records += schema_[branch].type == type::record ? 1 : 0;
        return records > 1;
    }

    // Whether the plan sees some of the fields only, and which.
    bool is_projection() const noexcept { return is_projection_; }
    field_set wanted() const noexcept { return field_set({wanted_.data(), wanted_.size()}); }

    // A copy of this plan that sees only these fields; a compound brings its children. The others are skipped in the
    // payload, which checks them, and are not noted. An unknown name is an error, whose offset is the position in `names`.
    result<plan> project(std::span<const std::string_view> names) const {
        result<plan> out{*this, {}};
        out.error = out.value.keep_only(names);
        return out;
    }
    result<plan> project(std::initializer_list<std::string_view> names) const {
        return project(std::span<const std::string_view>(names.begin(), names.size()));
    }
    // A copy of this plan that sees all fields that it sees itself, but for these: the opposite of project(). A compound takes
    // its children with it. One of whose children some are left out is still seen, with the others; one whose children are
    // all left out is not, unless it is a union with other types; and a union of several records is left out with the first
    // of its children, since only one of the records has numbered fields. Fields of another plan are passed over. The whole
    // value of a compound, as event::value() gives it, has all of its members, since it is read by the schema: the rows of
    // row/ go by the plan.
    plan without(std::span<const avro::field> fields) const {
        plan out = *this;
        out.leave_out(fields);
        return out;
    }

  protected:
    // Makes a projection of this plan. After an error the plan is as it was.
    sfcdc::error keep_only(std::span<const std::string_view> names) {
        std::vector<avro::field> kept;
        for (const std::string_view name : names) {
            const avro::field f = find(name);
            if (!f) return {errc::unknown_field, static_cast<std::uint32_t>(kept.size())};
            kept.push_back(f);
        }
        is_projection_ = true;
        for (op& o : ops_) o.wanted = false;
        wanted_.assign(words_, 0);
        for (const avro::field f : kept) keep(f);
        return {};
    }
    // Makes a projection of this plan that lacks these fields.
    void leave_out(std::span<const avro::field> fields) noexcept {
        is_projection_ = true;
        for (const avro::field f : fields) {
            if (!has(f)) continue;
            unwant_whole(f.number);
            const avro::field parent = ops_[f.number].parent;
            if (parent && has_several_records(parent)) unwant_whole(parent.number);
        }
        for (std::uint32_t f = 0; f < field_count_; ++f)
            if (ops_[f].kind == op_kind::compound && ops_[f].child_count != 0 && !sees_a_child(ops_[f])) unwant(f);
    }
    // Lets a projection see one field more, with its children.
    void keep(avro::field f) noexcept {
        want(f.number);
        const op& o = ops_[f.number];
        for (std::uint32_t c = 0; c < o.child_count; ++c) want(o.first_child + c);
    }

  private:
    friend class plan_compiler;

    static constexpr std::array own_types{type::boolean, type::int_,   type::long_,
                                          type::double_, type::string, type::null};

    // A number of fields or of words. A move leaves 0 behind, as it leaves the containers empty.
    struct count {
        std::uint32_t value = 0;

        count() = default;
        count(std::uint32_t n) noexcept : value(n) {}
        count(const count&) = default;
        count(count&& other) noexcept : value(std::exchange(other.value, 0)) {}
        count& operator=(const count&) = default;
        count& operator=(count&& other) noexcept {
            value = std::exchange(other.value, 0);
            return *this;
        }
        operator std::uint32_t() const noexcept { return value; }
        count& operator++() noexcept {
            ++value;
            return *this;
        }
    };

    bool has(avro::field f) const noexcept { return f.number < size_; }
    // To be called when all fields are there.
    void sort_by_type() {
        by_type_.assign(own_types.size() * words_, 0);
        for (std::uint32_t f = 0; f < size_; ++f) {
            std::size_t i = 0;
            while (own_types[i] != schema_[ops_[f].node].type && own_types[i] != type::null) ++i;
            by_type_[i * words_ + f / 64] |= std::uint64_t{1} << f % 64;
        }
    }
    void want(std::uint32_t f) noexcept {
        ops_[f].wanted = true;
        wanted_[f / 64] |= std::uint64_t{1} << f % 64;
    }
    void unwant(std::uint32_t f) noexcept {
        ops_[f].wanted = false;
        wanted_[f / 64] &= ~(std::uint64_t{1} << f % 64);
    }
    void unwant_whole(std::uint32_t f) noexcept {
        unwant(f);
        const op& o = ops_[f];
        for (std::uint32_t c = 0; c < o.child_count; ++c) unwant(o.first_child + c);
    }
    bool sees_a_child(const op& compound) const noexcept {
        for (std::uint32_t c = 0; c < compound.child_count; ++c)
            if (ops_[compound.first_child + c].wanted) return true;
        return false;
    }

    avro::schema schema_;
    std::vector<op> ops_;
    std::vector<stride> strides_;
    std::vector<std::uint64_t> wanted_;
    std::vector<std::uint64_t> by_type_; // A set of fields for each of own_types.
    name_table names_;
    detail::name_index by_name_; // The numbers of the fields.
    count field_count_, size_, words_;
    bool is_projection_ = false;
};

} // namespace sfcdc::inline v0::avro
