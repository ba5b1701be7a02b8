// The records of one entity as its events have stated them: what a typed table of it must say.
#pragma once

#include "entity_schema.hpp"

#include <cstddef>
#include <cstdint>
#include <map>
#include <string>
#include <string_view>
#include <vector>

namespace emulator {

// What an event says of one field. A value without content is null: the event clears the field, or makes a record without it.
struct stated_value {
    const leaf_field* field;
    scalar value;
};

// Appends the value as JSON in a form that can be compared with a typed table: null, or an object of one member, which is "text",
// "number", "boolean", "microseconds" (since 1970, UTC) or "days" (since 1970-01-01). A time of day is a text, "08:30:00.000Z".
void append_told(std::string& out, const stated_value& stated);

// A record takes a few hundred bytes. Not for several threads.
class record_states {
  public:
    // A new record, or one that comes back: all fields of the schema are stated, and nothing is known of before.
    void create(std::uint64_t number, const std::vector<stated_value>& stated);
    // A record that is not known has existed before the first event, or has come without values (GAP_CREATE, GAP_UNDELETE).
    void update(std::uint64_t number, const std::vector<stated_value>& stated);
    void remove(std::uint64_t number) { records_.erase(number); }
    // It was changed, and nobody said how.
    void doubt(std::uint64_t number);

    std::size_t count() const { return records_.size(); }

    // One JSON object a line for at most `limit` records whose numbers are `next` or greater; moves `next`, to the largest number
    // behind the last one. Fields that no event has stated are left out, cleared ones are null.
    std::string lines(std::uint64_t& next, std::size_t limit, std::string_view key_prefix,
                      const std::vector<std::string>& columns) const;

  private:
    // Cells in the order of the columns, one behind the other; those behind the last one that was stated are left out.
    struct record {
        bool complete = false, in_doubt = false;
        std::string cells;
    };
    static void state(record& in, const std::vector<stated_value>& stated);

    std::map<std::uint64_t, record> records_;
};

} // namespace emulator
