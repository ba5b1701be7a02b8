// Reads ChangeEventHeader in the form that it has in practice: the twelve members, short lengths, arrays of one block. The
// header is the first record of every change event and half of the work of decoding a small one, so it has a reader of its
// own, which needs no schema. Everything else is left to slower readers, which also make the errors.
#pragma once

#include <bit>
#include <cstddef>
#include <cstdint>
#include <span>
#include <utility>

#include <sfcdc/cdc/header_members.hpp>
#include <sfcdc/wire/word.hpp>

namespace sfcdc::inline v0::cdc::detail {

// The most encoded bytes of an integer that the reader takes: a fifth byte of an int may overflow, and eight bytes are
// looked at together.
constexpr std::size_t most_integer_bytes(avro::type type) noexcept { return type == avro::type::int_ ? 4 : 8; }

// A length of at most two bytes, of which both are read before the second is known to be one.
inline constexpr std::size_t length_bytes = 2;

constexpr std::size_t greater_of(std::size_t a, std::size_t b) noexcept { return a > b ? a : b; }

// How many bytes must follow so that the members from this row of the table on are read without asking for the end of the
// payload. A string without a usual size, and each string of an array, ask for what is behind themselves.
constexpr std::size_t bytes_needed(std::size_t row) noexcept {
    if (row == header_member_count) return 0;
    const header_member_type& member = header_members[row];
    const std::size_t behind = bytes_needed(row + 1);
    const std::size_t usual = member.usual_size;
    switch (member.type) {
    case avro::type::string:
        if (usual == 0) return length_bytes;
        return greater_of(length_bytes, 1 + usual + behind);
    case avro::type::array: {
        const std::size_t items = usual == 0 ? 0 : 1 + usual + 1; // One string, and the zero that ends the array.
        return 1 + greater_of(length_bytes, items + behind);
    }
    case avro::type::enum_: return 1 + behind;
    default: return most_integer_bytes(member.type) + behind;
    }
}

class usual_header_reader {
  public:
    usual_header_reader(std::span<const std::byte> payload, std::uint32_t change_types_end,
                        std::uint32_t* begins) noexcept
        : bytes_(payload.data()), size_(payload.size()), change_types_end_(change_types_end), begins_(begins) {}

    [[gnu::always_inline]] inline std::size_t read() noexcept {
        if (size_ < least_payload) return 0;
        const bool usual = read_members(std::make_index_sequence<header_member_count>());
        return usual ? at_ : 0;
    }

  private:
    // No change event is shorter; the first member needs fewer bytes.
    static constexpr std::size_t least_payload = 64;
    static_assert(bytes_needed(0) <= least_payload);
    static constexpr std::uint32_t continued = 0x80; // The bit of a byte that says that an integer goes on.

    template<std::size_t... Rows>
    [[gnu::always_inline]] inline bool read_members(std::index_sequence<Rows...>) noexcept {
        return (read_member<Rows>() && ...);
    }
    template<std::size_t Row> [[gnu::always_inline]] inline bool read_member() noexcept {
        constexpr header_member_type member = header_members[Row];
        constexpr std::size_t behind = bytes_needed(Row + 1);
        begins_[Row] = static_cast<std::uint32_t>(at_);
        if constexpr (member.type == avro::type::string) {
            return read_string<member.usual_size>(behind);
        } else if constexpr (member.type == avro::type::array) {
            return read_strings<member.usual_size>(behind);
        } else if constexpr (member.type == avro::type::enum_) {
            return read_symbol();
        } else {
            static_assert(bytes_needed(Row) >= 8, "eight bytes are loaded at an integer");
            return read_integer(member.usual_size, most_integer_bytes(member.type));
        }
    }

    // Where a member has one size in practice it is guessed by a branch, so that the place of the next member does not wait
    // for a load.
    template<std::uint32_t Usual> [[gnu::always_inline]] inline bool read_string(std::size_t behind) noexcept {
        if constexpr (Usual != 0) {
            if (byte(at_) == 2 * Usual) [[likely]] {
                at_ += 1 + Usual;
                return true;
            }
        }
        std::uint32_t length = byte(at_++);
        if (length >= continued) [[unlikely]] {
            length = (length & 0x7f) | byte(at_++) << 7;
            if (length >= 1u << 14) return false;
        }
        at_ += length / 2;
        const bool negative = (length & 1) != 0;
        return !negative && at_ + behind <= size_;
    }

    template<std::uint32_t Usual> [[gnu::always_inline]] inline bool read_strings(std::size_t behind) noexcept {
        if constexpr (Usual != 0) {
            constexpr std::uint32_t end = 2 + Usual;
            if (byte(at_) == 2 && byte(at_ + 1) == 2 * Usual && byte(at_ + end) == 0) [[likely]] {
                at_ += end + 1;
                return true;
            }
        }
        const std::uint32_t count = byte(at_++);
        if ((count & (continued | 1)) != 0) return false;
        for (std::uint32_t n = 0; n < count; n += 2)
            if (!skip_item(behind)) return false;
        return count == 0 || byte(at_++) == 0;
    }
    // A bitmap may have more than 63 digits or not, and nothing tells beforehand: there is no branch on that.
    [[gnu::always_inline]] inline bool skip_item(std::size_t behind) noexcept {
        const std::uint32_t low = byte(at_);
        const std::uint32_t is_long = low >> 7;
        const std::uint32_t high = byte(at_ + 1) & (0 - is_long);
        at_ += 1 + is_long + ((low & 0x7f) / 2 | high << 6);
        const bool unusual = ((low & 1) | (high & continued)) != 0;
        return !unusual && at_ + behind + length_bytes <= size_;
    }

    [[gnu::always_inline]] inline bool read_symbol() noexcept {
        const std::uint32_t symbol = byte(at_++);
        return symbol < change_types_end_ && (symbol & 1) == 0;
    }

    [[gnu::always_inline]] inline bool read_integer(std::size_t usual, std::size_t most) noexcept {
        const std::uint64_t ends = ~wire::load_8(bytes_ + at_) & 0x8080'8080'8080'8080u;
        const std::uint64_t usual_bytes = ~std::uint64_t{0} >> (64 - 8 * usual);
        const std::uint64_t usual_end = usual_bytes & ~(usual_bytes >> 1);
        std::size_t length = usual;
        if ((ends & usual_bytes) != usual_end)
            length = ends == 0 ? 9 : static_cast<std::size_t>(std::countr_zero(ends) + 1) / 8;
        at_ += length;
        return length <= most;
    }

    std::uint32_t byte(std::size_t at) const noexcept { return static_cast<std::uint32_t>(bytes_[at]); }

    const std::byte* bytes_;
    std::size_t size_;
    std::size_t at_ = 0;
    std::uint32_t change_types_end_;
    std::uint32_t* begins_;
};

// Reads the header at the start of a payload. Writes the offset of each member to `begins`, which has room for all of them,
// and returns where the header ends. Returns 0 if something in it is unusual, which does not mean that it is wrong; what
// has been written to `begins` is then meaningless. `change_types_end` is twice the number of symbols that changeType may
// have, at most 128: the byte of a symbol is twice its number.
inline std::size_t read_usual_header(std::span<const std::byte> payload, std::uint32_t change_types_end,
                                     std::uint32_t* begins) noexcept {
    return usual_header_reader(payload, change_types_end, begins).read();
}

} // namespace sfcdc::inline v0::cdc::detail
