// Finds a name among many by its hash.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string_view>
#include <vector>

#include <sfcdc/limits.hpp>

namespace sfcdc::inline v0::avro::detail {

// A hash table with open addressing. It holds the number of each name, not the name: its owner keeps the names, and says
// whether a number has the name that is looked for. So it can be copied together with its owner. It is not a template over
// what it holds, because all of its users then share one copy of the machine code, which compiles faster.
class name_index {
  public:
    // The index of no name.
    static constexpr std::uint32_t none = 0xffff'ffff;

    // Returns the number that was added for this name, or `none`. `has_name(number)` tells whether a number has it.
    template<class HasName> std::uint32_t find(std::string_view name, HasName has_name) const noexcept {
        if (slots_.empty()) return none;
        const std::uint32_t hash = hash_of(name);
        std::size_t i = hash & mask();
        for (std::size_t probes = 0; probes < limits::name_probes && slots_[i].number != none; ++probes) {
            if (slots_[i].hash == hash && has_name(slots_[i].number)) return slots_[i].number;
            i = (i + 1) & mask();
        }
        return none;
    }
    // Adds a name. Precondition: find() does not know it, and the number is not `none`. Returns false if more names collide than
    // limits::name_probes allows; the index is of no use then.
    [[gnu::noinline]] bool add(std::string_view name, std::uint32_t number) {
        ++count_;
        const bool has_room = 2 * count_ <= slots_.size() || grow();
        return has_room && put({hash_of(name), number});
    }

  private:
    struct slot {
        std::uint32_t hash = 0;
        std::uint32_t number = none;
    };

    std::size_t mask() const noexcept { return slots_.size() - 1; }
    static std::uint32_t hash_of(std::string_view name) noexcept {
        return static_cast<std::uint32_t>(std::hash<std::string_view>()(name));
    }
    // A name is never farther from where its search begins than this looks, so that find() need not look farther.
    bool put(slot s) noexcept {
        std::size_t i = s.hash & mask();
        for (std::size_t probes = 0; probes < limits::name_probes; ++probes) {
            if (slots_[i].number == none) {
                slots_[i] = s;
                return true;
            }
            i = (i + 1) & mask();
        }
        return false;
    }
    // Half of the slots are free at least, so that a search is short. Their number is a power of two.
    bool grow() {
        constexpr std::size_t least = 16;
        std::vector<slot> old(slots_.empty() ? least : 2 * slots_.size());
        old.swap(slots_);
        for (const slot s : old)
            if (s.number != none && !put(s)) return false;
        return true;
    }

    std::vector<slot> slots_;
    std::size_t count_ = 0;
};

} // namespace sfcdc::inline v0::avro::detail
