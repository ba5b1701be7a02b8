// Managed subscriptions: the org keeps the position of each, and lets one client at a time receive its events.
#pragma once

#include "identifiers.hpp"
#include "org.hpp"

#include <algorithm>
#include <cctype>
#include <chrono>
#include <cstdint>
#include <deque>
#include <mutex>
#include <optional>
#include <stdexcept>
#include <string>
#include <utility>
#include <vector>

namespace emulator {

// A ManagedEventSubscription record as an administrator sets it up.
struct managed_declaration {
    std::string name; // the developer name
    std::string topic_name;
    std::string id = {}; // 18 characters with the key prefix 18x; the emulator makes one if this is empty

    // Reads NAME=TOPIC or NAME=TOPIC=ID. Throws std::invalid_argument with a sentence about what is wrong.
    static managed_declaration parse(const std::string& text) {
        const std::size_t topic = text.find('=');
        if (topic == std::string::npos) throw std::invalid_argument("\"" + text + "\" is not NAME=TOPIC[=ID].");
        const std::size_t id = text.find('=', topic + 1);
        managed_declaration parsed{.name = text.substr(0, topic),
                                   .topic_name = text.substr(topic + 1, id - std::min(id, topic + 1))};
        if (id != std::string::npos) parsed.id = text.substr(id + 1);
        if (parsed.name.empty() || parsed.topic_name.empty())
            throw std::invalid_argument("\"" + text + "\" is not NAME=TOPIC[=ID].");
        const bool characters =
            std::all_of(parsed.id.begin(), parsed.id.end(), [](unsigned char c) { return std::isalnum(c) != 0; });
        if (id != std::string::npos && (parsed.id.size() != 18 || !parsed.id.starts_with("18x") || !characters))
            throw std::invalid_argument("\"" + parsed.id + "\" is not a record id of 18 characters with prefix 18x.");
        return parsed;
    }
};

// One managed subscription. All members may be called from any thread.
class managed_subscription {
  public:
    managed_subscription(managed_declaration declared, const org& events, replay_preset default_replay)
        : declared_(std::move(declared)), events_(events), default_replay_(default_replay) {}

    const std::string& name() const { return declared_.name; }
    const std::string& topic_name() const { return declared_.topic_name; }
    const std::string& id() const { return declared_.id; }
    // Salesforce takes record ids of 15 characters, too, which lack the three that make ids independent of case.
    bool has_id(const std::string& id) const {
        return id == declared_.id || (id.size() == 15 && declared_.id.starts_with(id));
    }

    // ---- the client
    // Makes the caller the only client until it calls release(). Sets `start` to the index into the org's log from which
    // the client gets events: behind the committed position. Without one, or when it has expired, the default decides;
    // Salesforce has a setting for each of the two cases. What is published once active() is true comes behind `start`.
    // Returns an error code, and changes nothing, if the caller cannot be the client.
    std::optional<std::string> acquire(std::size_t& start) {
        std::lock_guard lock(mutex_);
        if (!ended_with_.empty()) return ended_with_;
        if (active_ || std::chrono::steady_clock::now() < held_until_) return "managed.subscription.already.active";
        std::optional<std::size_t> behind;
        if (committed_) behind = events_.locate(replay_preset::custom, committed_->replay_id);
        start = behind ? *behind : default_start();
        active_ = true;
        return std::nullopt;
    }
    void release() {
        std::lock_guard lock(mutex_);
        active_ = false;
    }

    // ---- the position
    // Where a call goes on whose place in the log is older than the retention.
    std::size_t default_start() const { return *events_.locate(default_replay_, {}); }

    // Says that everything in front of this index was sent to the client, in this call or an earlier one.
    void sent(std::size_t end) {
        std::lock_guard lock(mutex_);
        sent_end_ = std::max(sent_end_, end);
    }
    // Stores the position. Returns a sentence if it is refused; the position then stays what it was.
    std::optional<std::string> commit(const std::string& replay_id) {
        std::lock_guard lock(mutex_);
        if (replay_id.empty()) return "The commit has no replay id.";
        const auto index = events_.locate(replay_preset::custom, replay_id);
        if (!index) return "The replay id is not valid or has expired.";
        if (*index > sent_end_) return "The replay id is of an event that was not delivered yet.";
        if (committed_ && *index < committed_->index) return "The replay id is older than the committed one.";
        committed_ = position{replay_id, *index};
        return std::nullopt;
    }

    // ---- seen and set from outside
    bool active() const {
        std::lock_guard lock(mutex_);
        return active_;
    }
    std::optional<std::string> committed() const {
        std::lock_guard lock(mutex_);
        return committed_ ? std::optional(committed_->replay_id) : std::nullopt;
    }
    // The error code with which calls end after an administrator stopped or deleted the subscription, else empty.
    std::string ended_with() const {
        std::lock_guard lock(mutex_);
        return ended_with_;
    }
    void end_with(const std::string& code) {
        std::lock_guard lock(mutex_);
        ended_with_ = code;
    }
    // No client can have it for so long, as if an earlier one had vanished without a trace.
    void hold(std::chrono::milliseconds duration) {
        std::lock_guard lock(mutex_);
        held_until_ = std::chrono::steady_clock::now() + duration;
    }

  private:
    struct position {
        std::string replay_id;
        std::size_t index; // of the log entry behind it; it still orders positions after the retention forgot them
    };

    const managed_declaration declared_;
    const org& events_;
    const replay_preset default_replay_;

    mutable std::mutex mutex_;
    std::optional<position> committed_;
    std::size_t sent_end_ = 0;
    bool active_ = false;
    std::chrono::steady_clock::time_point held_until_{};
    std::string ended_with_;
};

// The managed subscriptions of the org. Their number is fixed, so that pointers to them stay valid.
class managed_subscriptions {
  public:
    // Throws std::invalid_argument if a topic does not exist, or a name or an id is there twice.
    managed_subscriptions(const std::vector<managed_declaration>& declared, const org& events,
                          replay_preset default_replay) {
        for (managed_declaration one : declared) {
            if (one.id.empty()) one.id = record_id("18x", 101 + all_.size());
            if (!events.find_topic(one.topic_name))
                throw std::invalid_argument("The managed subscription " + one.name + " has no topic: there is no "
                                            + one.topic_name + ".");
            if (find_name(one.name) || find_id(one.id))
                throw std::invalid_argument("The managed subscription " + one.name
                                            + " has the name or the id of another one.");
            all_.emplace_back(std::move(one), events, default_replay);
        }
    }

    managed_subscription* find_name(const std::string& name) {
        return find([&](const managed_subscription& s) { return s.name() == name; });
    }
    managed_subscription* find_id(const std::string& id) {
        return find([&](const managed_subscription& s) { return s.has_id(id); });
    }
    std::deque<managed_subscription>& all() { return all_; }

  private:
    template<typename condition> managed_subscription* find(condition holds) {
        const auto found = std::find_if(all_.begin(), all_.end(), holds);
        return found == all_.end() ? nullptr : &*found;
    }

    std::deque<managed_subscription> all_; // neither copied nor moved, because of the mutex
};

} // namespace emulator
