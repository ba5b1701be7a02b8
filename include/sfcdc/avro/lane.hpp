// The fast walk over a part of a payload: a step from one field that is there to the next takes no branch on which fields
// are null or of what type, because a processor guesses those wrong.
#pragma once

#include <bit>
#include <cstddef>
#include <cstdint>

#include <sfcdc/avro/stride.hpp>
#include <sfcdc/wire/word.hpp>

namespace sfcdc::inline v0::avro::detail {

// The state of such a walk. It is small, so that a copy of it is kept in registers: what step() stores could alias the
// original. Offsets count from the start of the payload.
//
// Invariant: the field of `place` begins at `at`, and `at` is at most `last`.
struct lane {
    const stride* place = nullptr;
    std::size_t at = 0;
    std::size_t last = 0; // The part ends here.
    const std::byte* payload = nullptr;
    std::uintptr_t nonzero = 0;       // nonzero_bits::origin()
    std::uint64_t* present = nullptr; // Which fields are there is noted here,
    std::uint32_t* begins = nullptr;  // and here where they begin.

    // Which of the next bytes are not zero, lowest bit first: of 57 bytes at least, as far as one load tells. Zeros behind
    // them.
    [[gnu::always_inline]] inline std::uint64_t look() const noexcept {
        return wire::load_8(reinterpret_cast<const void*>(nonzero + at / 8)) >> at % 8;
    }

    // Goes over the nulls in front of the next field that has a value, and over that field. Returns false at a place for
    // which the formula of the strides does not hold, which includes the end of the datum and of the part; `place` and `at`
    // are then there.
    //
    // `ahead` is what is left of a look(), or 0 if nothing is known. What one step leaves of it is for the next one, whose
    // place then does not wait for a load.
    [[gnu::always_inline]] inline bool step(std::uint64_t& ahead) noexcept {
        skip_nulls(ahead);
        ahead = 0;
        if (last - at < measured_bytes) [[unlikely]]
            return false;
        const stride& s = *place;
        const std::uint64_t seen = look();
        std::size_t length = 0;
        const bool measured = measure(s, wire::load_8(payload + at), length);
        if (!measured || length > last - at) [[unlikely]]
            return false;
        const std::uint32_t number = s.number;
        begins[number] = static_cast<std::uint32_t>(at) + s.begin;
        present[number / 64] |= std::uint64_t{1} << number % 64;
        at += length;
        place += s.next;
        if (length < 64) [[likely]] // A shift by more is undefined.
            ahead = seen >> length;
        return true;
    }

  private:
    // A zero byte is a null field only where such fields stand in a row, so that their number is a bound.
    [[gnu::always_inline]] inline void skip_nulls(std::uint64_t ahead) noexcept {
        if (ahead == 0) [[unlikely]]
            ahead = look();
        std::size_t nulls = 0;
        if (ahead == 0) [[unlikely]]
            nulls = count_long_run(nonzero, at, place->run);
        else
            nulls = static_cast<std::size_t>(std::countr_zero(ahead));
        nulls = nulls < place->run ? nulls : place->run;
        at += nulls;
        place += nulls;
    }

    // Counts the zero bytes from a place on where one look() shows nothing else. Returns `most` or more if there are so many.
    // The count ends at the ones behind the part at the latest.
    [[gnu::noinline]] static std::size_t count_long_run(std::uintptr_t nonzero, std::size_t at,
                                                        std::size_t most) noexcept {
        std::size_t nulls = 64 - at % 8;
        for (std::uintptr_t word = nonzero + at / 8 + 8; nulls < most; word += 8) {
            const std::uint64_t ahead = wire::load_8(reinterpret_cast<const void*>(word));
            if (ahead != 0) return nulls + static_cast<std::size_t>(std::countr_zero(ahead));
            nulls += 64;
        }
        return nulls;
    }
};

} // namespace sfcdc::inline v0::avro::detail
