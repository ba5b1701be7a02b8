// ChangeEventHeader as it always is. It is the first record of every change event and half of the work of a small one, and
// it is the same in all schemas: so it is read straight, for cdc::read_header() without any schema.
// Source: the Avro schemas of Change Data Capture.
#pragma once

#include <bit>
#include <cstddef>
#include <cstdint>
#include <span>

#include <sfcdc/wire/word.hpp>

namespace sfcdc::avro {

// The members of ChangeEventHeader in all schemas known so far: 12, in the order of avro::header_fields.
inline constexpr std::uint32_t usual_header_members = 12;

// At the start of a payload: notes where each member begins and returns where the header ends; 0 when something in it is unusual, which does not mean that it is wrong.
// `change_types_end` is twice the number of symbols that changeType may have, at most 128.
//
// Where a text has one length in practice (record and user ids, the transaction key), or an integer one size, that is
// guessed by a branch: the next member's place then does not wait for a load.
inline std::size_t usual_header(std::span<const std::byte> payload, std::uint32_t change_types_end,
                                std::uint32_t* begins) noexcept {
    const std::byte* const bytes = payload.data();
    const std::size_t size = payload.size();
    std::size_t at = 0;
    const auto byte = [&](std::size_t i) { return static_cast<std::uint32_t>(bytes[i]); };
    const auto begin = [&](std::uint32_t member) { begins[member] = static_cast<std::uint32_t>(at); };
    // Each of these asks that `more` bytes follow, so that what comes next need not ask.
    const auto text = [&](std::size_t more) __attribute__((always_inline)) {
        std::uint32_t length = byte(at++);
        if (length >= 0x80) [[unlikely]] {
            length = (length & 0x7f) | byte(at++) << 7;
            if (length >= 1u << 14) return false;
        }
        at += length / 2;
        return (length & 1) == 0 && at + more <= size;
    };
    const auto usual_text = [&](std::uint32_t length, std::size_t more) __attribute__((always_inline)) {
        if (byte(at) != 2 * length) [[unlikely]]
            return text(more);
        at += 1 + length;
        return true;
    };
    const auto texts = [&](std::size_t more) __attribute__((always_inline)) { // an array of them in one block
        const std::uint32_t count = byte(at++);
        if ((count & 0x81) != 0) return false;
        for (std::uint32_t n = 0; n < count; n += 2) {
            // A bitmap may have more than 63 digits or not: no branch on that.
            const std::uint32_t low = byte(at), is_long = low >> 7, high = byte(at + 1) & (0 - is_long);
            at += 1 + is_long + ((low & 0x7f) / 2 | high << 6);
            if (((low & 1) | (high & 0x80)) != 0 || at + more + 2 > size) return false;
        }
        return count == 0 || byte(at++) == 0;
    };
    const auto varint = [&](std::uint32_t usual, std::uint32_t most) __attribute__((always_inline)) {
        const std::uint64_t ends = ~wire::load_8(bytes + at) & 0x8080808080808080u;
        const std::uint64_t usual_bytes = ~std::uint64_t{0} >> (64 - 8 * usual);
        std::uint32_t length = usual;
        if ((ends & usual_bytes) != (usual_bytes & ~(usual_bytes >> 1)))
            length = ends == 0 ? 9 : static_cast<std::uint32_t>(std::countr_zero(ends) + 1) / 8;
        at += length;
        return length <= most;
    };
    // What there must be behind a text of unknown length: the members up to the next such text.
    constexpr std::size_t ids = 1 + 1 + 18 + 1 + 1 + 2, rest = 37 + 5 + 8 + 8 + 19 + 1 + 1 + 3;
    if (size < 64) return 0;
    begin(0); // entityName
    if (!text(ids)) return 0;
    begin(1); // recordIds
    if (byte(at) == 2 && byte(at + 1) == 36 && byte(at + 20) == 0) [[likely]]
        at += 21;
    else if (!texts(3))
        return 0;
    begin(2); // changeType
    const std::uint32_t symbol = byte(at++);
    if (symbol >= change_types_end || (symbol & 1) != 0) return 0;
    begin(3); // changeOrigin
    if (!text(rest)) return 0;
    begin(4); // transactionKey
    if (!usual_text(36, rest - 37)) return 0;
    begin(5); // sequenceNumber
    if (!varint(1, 4)) return 0;
    begin(6); // commitTimestamp
    if (!varint(6, 8)) return 0;
    begin(7); // commitNumber
    if (!varint(7, 8)) return 0;
    begin(8); // commitUser
    if (!usual_text(18, 5)) return 0;
    begin(9); // nulledFields
    if (!texts(4)) return 0;
    begin(10); // diffFields
    if (!texts(3)) return 0;
    begin(11); // changedFields
    if (!texts(0)) return 0;
    return at;
}

} // namespace sfcdc::avro
