// Which fields of one datum are there, and where they begin.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

#include <sfcdc/avro/field_set.hpp>
#include <sfcdc/avro/nonzero_bits.hpp>
#include <sfcdc/avro/plan.hpp>

namespace sfcdc::inline v0::avro {

// Scratch memory of a walk (avro/walker.hpp): what it says is about the payload and the plan of the last walk. Nothing is
// allocated after the first datum of the widest plan.
class datum {
  public:
    // Precondition: the field is of the plan that the datum was walked along.
    bool has(field f) const noexcept { return (present_[f.number / 64] >> f.number % 64 & 1) != 0; }
    // The offset of the field's value in the payload; of a union of three and more branches, or without null, the offset of
    // the branch index. Precondition: the field is there.
    std::uint32_t begin(field f) const noexcept { return begins_[f.number]; }
    // The offsets of all fields by their numbers: plan::no_field() + 1 of them at least. An offset is undefined where has() is
    // false.
    std::span<const std::uint32_t> begins() const noexcept { return begins_; }
    field_set present() const noexcept { return field_set({present_.data(), words_}); }

    // Makes room for the fields of this plan.
    void prepare(const plan& p) {
        if (begins_.size() > p.no_field()) [[likely]]
            return;
        begins_.resize(p.no_field() + 1); // A place that has no field is noted, too.
        present_.resize(p.words() + 1);
    }
    // Where the begins of this field and of those behind it are noted, for whoever reads the first field in place of the
    // walk. Precondition: prepare().
    std::uint32_t* begins_from(field f) noexcept { return begins_.data() + f.number; }

  private:
    friend class walker;

    std::vector<std::uint64_t> present_; // The first words_ of them are of the plan.
    std::size_t words_ = 0;
    std::vector<std::uint32_t> begins_; // By field number; meaningless where has() is false.
    detail::nonzero_bits nonzero_;
};

} // namespace sfcdc::inline v0::avro
