// A generator of change events in the shapes that live orgs send, the same for the same seed.
#pragma once

#include "change_event.hpp"
#include "dice.hpp"
#include "field_values.hpp"
#include "org.hpp"

#include <cstdint>
#include <string>
#include <vector>

namespace emulator {

class workload {
  public:
    explicit workload(std::uint64_t seed);

    // Announces a run. In the first run Account gets a new field half way, with a few stragglers in the old schema.
    void begin(std::uint64_t event_count);

    // The events of the next transaction, at most `limit` of them, at least one. Tells the org of schema changes.
    std::vector<new_event> next_transaction(std::size_t limit, org& of);

    // A transaction of one event, an update of Account whose payload has `bytes` bytes (one less where no text has the
    // length that is missing, more where everything but the text is larger).
    std::vector<new_event> sized_update(std::size_t bytes);

    // Events of a platform event, whose schema is of make_platform_event_schema().
    std::vector<new_event> platform_events(const event_schema& schema, std::size_t count);

  private:
    enum class kind {
        account_update,
        address_and_geocode,
        split_update,
        create,
        remove,
        undelete,
        gap,
        gap_overflow,
        nulled,
        text_diff,
        person_name,
        contact,
        invoice,
        order_event
    };
    struct transaction {
        std::string key;
        std::string origin;
        std::string user;
        std::int64_t timestamp;
        std::int64_t commit_number;
        std::int64_t sequence = 0;
        std::vector<new_event> events;
    };

    kind next_kind();
    transaction begin_transaction(bool background = false);
    const event_schema& account_schema();
    const std::string& known_record(std::vector<std::string>& records, std::string_view key_prefix);

    void add(transaction& in, const event_schema& schema, change_event_header header, const event_body& body);
    void update(transaction& in, const event_schema& schema, std::vector<std::string> records,
                std::size_t field_count, bool last_modified);
    void create(transaction& in, const event_schema& schema, change_type type, const std::string& record);
    void split_update(transaction& in, std::size_t limit);
    void address_and_geocode(transaction& in, std::size_t limit);
    void nulled(transaction& in);
    void text_diff(transaction& in);
    void person_name(transaction& in);
    void platform_event(transaction& in, const event_schema& schema);

    dice dice_;
    field_values values_;
    std::vector<std::string> accounts_, contacts_, invoices_, deleted_;
    std::uint64_t records_made_ = 0;
    std::int64_t clock_ms_ = 1'771'300'995'000;
    std::int64_t commit_number_ = 12'279'648'331'300;
    std::uint64_t made_ = 0;          // events so far, over all runs
    std::uint64_t extended_from_ = 0; // the event with which Account's schema changes
    std::uint64_t stragglers_until_ = 0;
    bool extended_ = false;
};

} // namespace emulator
