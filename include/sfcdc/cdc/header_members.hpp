// The twelve members of ChangeEventHeader in one table. The plan, the reader of headers and the getters are derived from it.
// Source: the Avro schemas of Change Data Capture, which have the same members in the same order in all versions so far.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string_view>

#include <sfcdc/avro/field_set.hpp>
#include <sfcdc/avro/schema.hpp>

namespace sfcdc::inline v0::cdc {

// The record ChangeEventHeader is the first field of every change event. Platform events have no such field.
inline constexpr std::string_view header_name = "ChangeEventHeader";
// The number of the header in the plan of a change event.
inline constexpr avro::field header_field{0};

// The members of ChangeEventHeader, in the order of the schema.
enum class header_member : std::uint8_t {
    entity_name,
    record_ids,
    change_type,
    change_origin,
    transaction_key,
    sequence_number,
    commit_timestamp,
    commit_number,
    commit_user,
    nulled_fields,
    diff_fields,
    changed_fields,
};

// A member of the header, as the schema of a change event must declare it.
struct header_member_type {
    header_member id;
    std::string_view name; // This is the member's name in the schema.
    avro::type type;       // An array is one of strings.
    // The size that nearly all events have, which readers guess; 0 if there is no such size. It is the length of a string,
    // or of the only string of an array, in bytes, and the number of bytes that an integer is encoded in.
    std::uint8_t usual_size;
};

// All members, in the order of header_member; index_of() is the position of one.
inline constexpr header_member_type header_members[] = {
    {header_member::entity_name, "entityName", avro::type::string, 0},
    {header_member::record_ids, "recordIds", avro::type::array, 18},
    {header_member::change_type, "changeType", avro::type::enum_, 1},
    {header_member::change_origin, "changeOrigin", avro::type::string, 0},
    {header_member::transaction_key, "transactionKey", avro::type::string, 36},
    {header_member::sequence_number, "sequenceNumber", avro::type::int_, 1},
    {header_member::commit_timestamp, "commitTimestamp", avro::type::long_, 6},
    {header_member::commit_number, "commitNumber", avro::type::long_, 7},
    {header_member::commit_user, "commitUser", avro::type::string, 18},
    {header_member::nulled_fields, "nulledFields", avro::type::array, 0},
    {header_member::diff_fields, "diffFields", avro::type::array, 0},
    {header_member::changed_fields, "changedFields", avro::type::array, 0},
};

// How many members the header has.
inline constexpr std::uint32_t header_member_count = std::size(header_members);

// The row of a member in the table, which is also its position in the record.
constexpr std::uint32_t index_of(header_member m) noexcept { return static_cast<std::uint32_t>(m); }

// Returns the name of a member in the schema ("entityName"); "unknown" for a number that names no member.
constexpr std::string_view to_string(header_member value) noexcept {
    return index_of(value) < header_member_count ? header_members[index_of(value)].name : "unknown";
}

static_assert(
    [] {
        for (std::uint32_t row = 0; row < header_member_count; ++row)
            if (index_of(header_members[row].id) != row) return false;
        return index_of(header_member::changed_fields) + 1 == header_member_count;
    }(),
    "the table has the order of header_member, and all of its members");

} // namespace sfcdc::inline v0::cdc
