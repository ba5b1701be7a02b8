// One event as people read it: its bytes, what stands at each offset, its header, its bitmaps bit by bit, and the row that it gives.
#pragma once

#include "../disk/letters_file.hpp"

#include <sfcdc/cdc/plan.hpp>
#include <sfcdc/pubsub/replay_id.hpp>
#include <sfcdc/row/layout.hpp>
#include <sfcdc/wire/bytes.hpp>

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>

namespace sfcdc::runner {

// The facts about an event that are not in its payload; each may be empty.
struct explained_event {
    std::string_view event_id{}, schema_id{}, topic_name{}, org_id{};
    std::span<const std::byte> replay_id{};
    std::int64_t received_timestamp = 0; // milliseconds since 1970, UTC
};

// The facts that a letter has kept. The views are of the letter and of `replay_id`, and live as long as both.
inline explained_event event_of(const kept_letter& l, const pubsub::replay_id& replay_id) {
    return {.event_id = l.event_id,
            .schema_id = l.schema_id,
            .topic_name = l.topic_name,
            .org_id = l.org_id,
            .replay_id = wire::as_bytes(replay_id.bytes()),
            .received_timestamp = l.received_timestamp};
}

// The layouts of `--layout`: "sfcdc", "salesforce_zerobus", "lakeflow" and "typed", which is that of the plan. Nothing for another name.
std::optional<row::layout> layout_named(std::string_view name, const cdc::plan& plan);

// "2026-11-28T09:30:00Z" of milliseconds since 1970 in UTC, whose fraction of a second is left out.
std::string time_text(std::int64_t ms);

// A dump of the bytes from `begin` to `end`, sixteen a line, with their offsets and as characters.
std::string hex_dump(std::span<const std::byte> bytes, std::size_t begin, std::size_t end);

struct explanation {
    std::string text;   // lines, each with its line feed
    bool whole = false; // it was decoded; if not, the text says at which byte that ended, and why
};

// The plan has all fields (it is no projection). Long values, long payloads and long lists are cut, and the text says so.
explanation explain(const cdc::plan& plan, std::span<const std::byte> payload, const explained_event& of,
                    const row::layout& rows);

// The fields alone, as far as they can be read, and where reading ended.
explanation explain_fields(const cdc::plan& plan, std::span<const std::byte> payload);

} // namespace sfcdc::runner
