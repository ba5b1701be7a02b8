// The Salesforce org: schemas, topics, and one log of events that every topic is a filter over.
#pragma once

#include "bells.hpp"
#include "dice.hpp"
#include "schemas.hpp"

#include <chrono>
#include <cstdint>
#include <deque>
#include <map>
#include <mutex>
#include <optional>
#include <string>
#include <vector>

namespace emulator {

inline constexpr const char* all_changes_topic = "/data/ChangeEvents";
// A custom channel, and the only topic whose events it has.
inline constexpr const char* custom_channel = "/data/Sales__chn";
inline constexpr const char* custom_channel_member = "/data/AccountChangeEvent";

struct new_event {
    std::string topic_name; // of the event's own entity
    std::string entity = {};
    std::string id = {};
    std::string schema_id = {};
    std::string payload = {};
    bool undecodable = false;                          // damaged on purpose
    std::size_t records = 1;                           // that it names
    std::chrono::steady_clock::time_point published{}; // filled by publish()
};

struct stored_event {
    std::uint64_t counter; // the replay id, as a number
    new_event event;
};

enum class replay_preset { latest, earliest, custom };

class org {
  public:
    org(std::uint64_t seed, std::optional<std::size_t> retention_events, bells& subscribers);

    const std::string& id() const { return id_; }
    const std::string& user_id() const { return user_id_; }

    // ---- topics and schemas
    struct topic_view {
        std::string schema_id; // blank for a channel of several entities
    };
    std::optional<topic_view> find_topic(const std::string& name) const;
    std::vector<std::string> topic_names() const; // in order
    void add_topic(const std::string& topic_name, const std::string& schema_id);
    void set_topic_schema(const std::string& topic_name, const std::string& schema_id);
    std::string add_schema(const std::string& schema_json);
    std::optional<std::string> find_schema(const std::string& schema_id) const;

    // ---- the log
    // Replay ids, in order. Topics must exist.
    std::vector<std::string> publish(std::vector<new_event> events);

    // Where a subscription starts: an index into the log, or nothing when the replay id is unknown or expired.
    std::optional<std::size_t> locate(replay_preset preset, const std::string& replay_id) const;

    struct page {
        std::vector<stored_event> events;
        std::size_t next;             // the log index to go on from
        std::string latest_replay_id; // safe to resume from, once these events are handled
        bool expired;                 // the reader was too slow: its place in the log is gone
    };
    page read(const std::string& topic_name, std::size_t from, std::size_t limit) const;

    void expire_everything();

    // Lines of JSON about at most `limit` events from `from` on; moves `from`.
    std::string published_lines(std::size_t& from, std::size_t limit, bool with_payloads = false) const;
    std::size_t published() const;

    static std::string replay_id(std::uint64_t counter);

  private:
    struct topic {
        std::string schema_id;
        std::vector<std::size_t> entries; // indices into the log
    };
    // A position without an event of its own: the start of the log, and where retention last wiped it.
    struct mark {
        std::uint64_t counter;
        std::size_t index;
    };
    std::string newest_replay_id() const;

    const std::string id_;
    const std::string user_id_;
    const std::optional<std::size_t> retention_events_;
    bells& subscribers_;

    mutable std::mutex mutex_;
    dice dice_;
    std::map<std::string, topic> topics_;
    std::map<std::string, std::string> schemas_;
    std::deque<stored_event> log_;
    std::size_t first_retained_ = 0;
    std::uint64_t counter_;
    mark origin_;
};

} // namespace emulator
