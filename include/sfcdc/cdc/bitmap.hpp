// A Salesforce field bitmap, hexadecimal digits with the highest bit first, as bits in 64-bit words. Any number of
// digits, either case. Source: Pub/Sub API guide, "Event Deserialization Considerations"; real ones are whole bytes in
// upper case and wider than 64 bits as soon as an object has more than 64 fields.
#pragma once

#include <bit>
#include <cstdint>
#include <string_view>

#include <sfcdc/error.hpp>
#include <sfcdc/wire/text.hpp>

namespace sfcdc::cdc {

// Sets bit first + n of `words` for each bit n of the number that `digits` write (without "0x"; no digits are no
// bits). Bits at or above `count` are an error, zeros there are not. `words` holds at least first + count bits.
// After an error some bits may have been set.
inline errc expand_bitmap(std::string_view digits, std::uint32_t first, std::uint32_t count, std::uint64_t* words) noexcept {
    std::uint64_t bit = 0; // of the lowest digit that is not read yet
    for (std::size_t end = digits.size(); end > 0;) {
        const std::size_t start = end > 16 ? end - 16 : 0;
        std::uint64_t word = 0;
        for (std::size_t i = start; i < end; ++i) {
            const int digit = wire::hex_digit(digits[i]);
            if (digit < 0) return errc::bitmap_syntax;
            word = word << 4 | static_cast<unsigned>(digit);
        }
        if (word != 0) {
            if (bit + static_cast<unsigned>(std::bit_width(word)) > count) return errc::bitmap_bit_beyond_fields;
            const std::uint64_t at = first + bit;
            words[at / 64] |= word << at % 64;
            if (const std::uint64_t high = at % 64 != 0 ? word >> (64 - at % 64) : 0; high != 0) words[at / 64 + 1] |= high;
        }
        bit += 64;
        end = start;
    }
    return errc::none;
}

} // namespace sfcdc::cdc
