// An org whose schemas change: random transactions over the records of many entities, and the state that they lead to.
#pragma once

#include "dice.hpp"
#include "entity_schema.hpp"
#include "event_history.hpp"
#include "field_values.hpp"
#include "org.hpp"
#include "record_states.hpp"

#include <cstddef>
#include <cstdint>
#include <deque>
#include <mutex>
#include <nlohmann/json_fwd.hpp>
#include <string>
#include <string_view>
#include <vector>

namespace emulator {

// The same for the same seed and the same calls. Used from any thread.
//
// GAP events carry no values: GAP_DELETE removes the record from what is known, GAP_UPDATE leaves it in doubt, and a record that
// GAP_CREATE or GAP_UNDELETE tell of becomes known with the first event that states something of it. Each entity has records of
// before the first event, of which nothing is known either. No event is a diff of a long text.
class changing_workload {
  public:
    // Gives the org a topic for each entity; their names are Entity00__c and so on. With `tells`, transactions come with statements.
    changing_workload(std::uint64_t seed, std::size_t entities, bool tells, org& of);

    bool empty() const { return entities_.empty(); }

    // Announces a run, in which so many changes of schemas happen at random moments: also between the events of one transaction,
    // and several at a time. Throws std::invalid_argument when there are no entities.
    void begin(std::uint64_t event_count, std::uint64_t schema_changes);

    struct transaction {
        std::vector<new_event> events;
        std::vector<event_statement> statements; // one for each event, or none
    };
    // At most `limit` events, at least one.
    transaction next_transaction(std::size_t limit);

    // The rest throws std::invalid_argument, with a sentence, when there is no such entity.

    // Changes a schema now, and says what was done. Later events come in the new schema, but for some stragglers.
    nlohmann::json change_schema(const std::string& entity, const schema_change& wanted);
    // Name, topic, current and former schema ids, columns and count of known records of each entity.
    nlohmann::json description() const;
    // Lines about records, from record number `next` on; see record_states.
    std::string record_lines(const std::string& entity, std::uint64_t& next, std::size_t limit) const;

  private:
    struct entity {
        entity_schema schema;
        std::string key_prefix;
        std::uint64_t records_made;
        std::vector<std::uint64_t> live, deleted;
        record_states states;
        std::uint64_t stragglers = 0; // so many events may still come in the replaced schema
    };

    std::size_t index_of(const std::string& name) const;
    nlohmann::json change(entity& of, const schema_change& wanted);
    const schema_version& version_for_next_event(entity& of);

    void begin_transaction();
    std::uint64_t new_record(entity& of);
    std::size_t some_record(entity& of); // an index into `live`
    std::vector<std::uint64_t> some_records(entity& of, std::size_t count);
    void bury(entity& of, std::size_t live_index);
    bool revive(entity& of); // false when nothing was deleted

    scalar value_of(const field_shape& field);
    void create(entity& of, change_type type);
    void update(entity& of, const std::vector<std::uint64_t>& records, std::size_t field_count, bool last_modified);
    void update_compound(const schema_version& version, std::size_t position, change_event_header& header,
                         event_body& body);
    void without_values(entity& of, change_type type, const std::vector<std::uint64_t>& records);
    void gap(entity& of);
    void add(entity& of, const schema_version& version, change_event_header header, const event_body& body,
             const std::vector<stated_value>& stated);

    org& org_;
    const bool tells_;
    mutable std::mutex mutex_;
    dice dice_, schema_dice_;
    field_values values_;
    std::deque<entity> entities_;           // whose schemas do not move
    std::deque<std::uint64_t> changes_due_; // by the number of the event in front of which they happen
    std::uint64_t made_ = 0;
    std::int64_t clock_ms_ = 1'771'300'995'000;

    // The transaction that is being made.
    transaction made_now_;
    change_event_header header_now_;
};

} // namespace emulator
