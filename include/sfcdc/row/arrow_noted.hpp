// Where the values of an Arrow batch are that are noted and not yet converted, field by field.
#pragma once

#include <array>
#include <bit>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <span>
#include <vector>

#include <sfcdc/cdc/event.hpp>
#include <sfcdc/cdc/header_members.hpp>
#include <sfcdc/cdc/plan.hpp>

namespace sfcdc::inline v0::row::detail {

// A value of a field: the number of its row among those that are noted, and where it begins in the payload of that row's event.
struct noted_value {
    std::uint32_t row = 0;
    std::uint32_t begin = 0;
};

// Lists of values, one for each field, in the order of the rows. A row adds to a list at most once. The lists have room for
// `room` values: after every room / 2 rows those that have more than room / 2 must be taken out.
//
// Each row has all members of the usual header, so that their places are copied as they are, and lists are made of them later.
class noted_values {
  public:
    static constexpr std::uint32_t room = 128;

    // Empty lists for events of this plan, of the fields in `wanted`, which has the plan's number of words.
    void reset(const cdc::plan& p, std::span<const std::uint64_t> wanted) {
        ends_.resize(p.no_field());
        for (std::uint32_t f = 0; f < p.no_field(); ++f) clear(f);
        values_.resize(std::size_t{p.no_field()} * stride);
        others_.assign(wanted.begin(), wanted.end());
        members_.clear();
        rows_ = 0;
        if (!p.has_usual_header()) return;
        first_member_ = p.member(cdc::header_member::entity_name).number;
        for (std::uint32_t f = first_member_; f < first_member_ + cdc::header_member_count; ++f) {
            if ((others_[f / 64] >> f % 64 & 1) == 0) continue;
            others_[f / 64] &= ~(std::uint64_t{1} << f % 64);
            members_.push_back(f);
        }
    }
    // Notes where the values of a row begin.
    [[gnu::always_inline]] inline void add(std::uint32_t row, const cdc::event& e) noexcept {
        const std::uint64_t* const present = e.present().words().data();
        const std::uint64_t* const diffs = e.diff_fields().set().words().data();
        const std::uint32_t* const begins = e.offsets().data();
        if (!members_.empty()) std::memcpy(headers_[rows_++].data(), begins + first_member_, sizeof headers_[0]);
        for (std::uint32_t word = 0; word < others_.size(); ++word) {
            std::uint64_t bits = present[word] & others_[word];
            if (diffs != nullptr) [[unlikely]]
                bits &= ~diffs[word]; // a patch is no value
            for (; bits != 0; bits &= bits - 1) {
                const std::uint32_t field = 64 * word + static_cast<std::uint32_t>(std::countr_zero(bits));
                values_[ends_[field]++] = {row, begins[field]};
            }
        }
    }
    // Makes the lists of the header's members if they have so many values or more. `end` is the number behind the last row's.
    void make_header_lists(std::size_t least, std::uint32_t end) noexcept {
        if (rows_ < least) return;
        for (const std::uint32_t field : members_) {
            noted_value* to = &values_[ends_[field]];
            ends_[field] += rows_;
            for (std::uint32_t i = 0; i < rows_; ++i) *to++ = {end - rows_ + i, headers_[i][field - first_member_]};
        }
        rows_ = 0;
    }
    std::span<const noted_value> of(std::uint32_t field) const noexcept {
        return {&values_[std::size_t{field} * stride], ends_[field] - field * stride};
    }
    void clear(std::uint32_t field) noexcept { ends_[field] = field * stride; }

  private:
    // An odd number of cache lines, so that the lists are not all in a few sets of a cache.
    static constexpr std::uint32_t stride = room + 8;

    std::vector<std::uint32_t> ends_; // where the list of a field ends among all values
    std::vector<noted_value> values_;
    std::vector<std::uint64_t> others_;  // the wanted fields that are no members of the header, as a set
    std::vector<std::uint32_t> members_; // the wanted members of the header
    std::uint32_t first_member_ = 0;     // the field that is the header's first member
    std::uint32_t rows_ = 0;             // rows whose members are in no list
    std::array<std::array<std::uint32_t, cdc::header_member_count>, room> headers_;
};

} // namespace sfcdc::inline v0::row::detail
