// Where a pipeline begins that has no stored position: what --from says.
#pragma once

#include "config.hpp"

#include <sfcdc/pubsub/replay_id.hpp>

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace sfcdc::runner {

struct start_from {
    start_position preset = start_position::earliest; // counts unless there is a replay id
    pubsub::replay_id replay_id{};                    // not empty: behind this event
    std::optional<std::int64_t> not_before{};         // events committed earlier are left out; ms since 1970 in UTC
};

// "earliest", "latest", a replay id in hexadecimal digits or base64, or a time as in "2026-11-28T09:30:00Z". Salesforce finds no event by its
// time, and replay ids cannot be computed, so that a time begins at the earliest event and leaves out those that are older.
struct start_from_text {
    start_from from{};
    std::string bad{}; // for a message; empty: nothing
};
start_from_text start_from_of(std::string_view written);

} // namespace sfcdc::runner
