// A change event before it is encoded.
#pragma once

#include "bitmap.hpp"
#include "schemas.hpp"

#include <cstdint>
#include <map>
#include <set>
#include <string>
#include <variant>
#include <vector>

namespace emulator {

using scalar = std::variant<std::monostate, bool, std::int64_t, double, std::string>;
using compound = std::vector<scalar>; // one for each child, in the order of the schema
using field_value = std::variant<scalar, compound>;

// In the order of the schema's symbols.
enum class change_type {
    create,
    update,
    remove,
    undelete,
    gap_create,
    gap_update,
    gap_remove,
    gap_undelete,
    gap_overflow,
    snapshot
};

struct change_event_header {
    std::vector<std::string> record_ids = {};
    change_type type = change_type::update;
    std::string change_origin = {};
    std::string transaction_key = {};
    std::int64_t sequence_number = 1;
    std::int64_t commit_timestamp = 0;
    std::int64_t commit_number = 0;
    std::string commit_user = {};
    std::set<field_path> nulled_fields = {};
    std::set<field_path> diff_fields = {};
    std::set<field_path> changed_fields = {};
};

// Position to value; what is not in it is null.
using event_body = std::map<std::size_t, field_value>;

std::string encode_change_event(const event_schema& schema, const change_event_header& header,
                                const event_body& body);
std::string encode_platform_event(const event_schema& schema, const event_body& body);

} // namespace emulator
