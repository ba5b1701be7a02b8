// Where the values of an Arrow batch are that are noted and not yet converted, field by field.
#pragma once

#include <bit>
#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

#include <sfcdc/avro/field_set.hpp>

namespace sfcdc::inline v0::row::detail {

// A value of a field: the number of its row among those that are noted, and where it begins in the payload of that row's event.
struct noted_value {
    std::uint32_t row = 0;
    std::uint32_t begin = 0;
};

// Lists of values, one for each field, in the order of the rows. A row adds to a list at most once. The lists have room for
// `room` values: after every room / 2 rows those that have more than room / 2 must be taken out.
class noted_values {
  public:
    static constexpr std::uint32_t room = 128;

    // Empty lists of so many fields.
    void reset(std::uint32_t fields) {
        ends_.resize(fields);
        for (std::uint32_t f = 0; f < fields; ++f) clear(f);
        values_.resize(std::size_t{fields} * stride);
    }
    // Adds a value to the list of each field in `bits`, which are those from `first` on; begins[f] is where that of field f begins.
    [[gnu::always_inline]] inline void add(std::uint32_t first, std::uint64_t bits, std::uint32_t row,
                                           const std::uint32_t* begins) noexcept {
        for (; bits != 0; bits &= bits - 1) {
            const std::uint32_t field = first + static_cast<std::uint32_t>(std::countr_zero(bits));
            values_[ends_[field]++] = {row, begins[field]};
        }
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
};

} // namespace sfcdc::inline v0::row::detail
