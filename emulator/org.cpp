#include "org.hpp"

#include "counted_rows.hpp"
#include "identifiers.hpp"
#include "schema_id.hpp"

#include <algorithm>
#include <nlohmann/json.hpp>

namespace emulator {

org::org(std::uint64_t seed, std::optional<std::size_t> retention_events, bells& subscribers)
    : id_(record_id("00D", 7'000'000)),
      user_id_(record_id("005", 41)),
      retention_events_(retention_events),
      subscribers_(subscribers),
      dice_(seed ^ 0x5e9a11ce),
      counter_(0x1790000 + dice_.below(0x10000)),
      origin_{counter_, 0} {
    const org_schemas& all = all_schemas();
    for (const event_schema* schema :
         {&all.account, &all.account_extended, &all.contact, &all.invoice, &all.order_event})
        schemas_[schema->id] = schema->json;
    for (const event_schema* schema : {&all.account, &all.contact, &all.invoice, &all.order_event})
        topics_[schema->topic_name].schema_id = schema->id;
    topics_[all_changes_topic];
    topics_[custom_channel];
}

std::string org::replay_id(std::uint64_t counter) {
    std::string bytes;
    for (int shift = 56; shift >= 0; shift -= 8) bytes += static_cast<char>((counter >> shift) & 0xff);
    return bytes + std::string(2, '\0');
}

std::optional<org::topic_view> org::find_topic(const std::string& name) const {
    std::lock_guard lock(mutex_);
    const auto found = topics_.find(name);
    if (found == topics_.end()) return std::nullopt;
    return topic_view{found->second.schema_id};
}

std::vector<std::string> org::topic_names() const {
    std::lock_guard lock(mutex_);
    std::vector<std::string> names;
    for (const auto& one : topics_) names.push_back(one.first);
    return names;
}

void org::add_topic(const std::string& topic_name, const std::string& schema_id) {
    std::lock_guard lock(mutex_);
    topics_[topic_name].schema_id = schema_id;
}

void org::set_topic_schema(const std::string& topic_name, const std::string& schema_id) {
    std::lock_guard lock(mutex_);
    topics_.at(topic_name).schema_id = schema_id;
}

std::string org::add_schema(const std::string& schema_json) {
    std::string id = schema_id_of(schema_json);
    std::lock_guard lock(mutex_);
    schemas_[id] = schema_json;
    return id;
}

std::optional<std::string> org::find_schema(const std::string& schema_id) const {
    std::lock_guard lock(mutex_);
    const auto found = schemas_.find(schema_id);
    if (found == schemas_.end()) return std::nullopt;
    return found->second;
}

std::vector<std::string> org::publish(std::vector<new_event> events) {
    std::vector<std::string> replay_ids;
    const auto now = std::chrono::steady_clock::now();
    {
        std::lock_guard lock(mutex_);
        for (new_event& event : events) {
            event.published = now;
            counter_ += 1 + (dice_.chance(300) ? 1 + dice_.below(40) : 0);
            replay_ids.push_back(replay_id(counter_));
            topics_.at(event.topic_name).entries.push_back(log_.size());
            if (event.topic_name.starts_with("/data/") && event.topic_name != all_changes_topic)
                topics_.at(all_changes_topic).entries.push_back(log_.size());
            if (event.topic_name == custom_channel_member) topics_.at(custom_channel).entries.push_back(log_.size());
            event.payload.shrink_to_fit(); // a writer leaves room for as much again
            log_.push_back({counter_, std::move(event)});
        }
        if (retention_events_ && log_.size() > *retention_events_) {
            const std::size_t keep_from = log_.size() - *retention_events_;
            for (; first_retained_ < keep_from; ++first_retained_) log_[first_retained_].event.payload = {};
        }
    }
    subscribers_.ring();
    return replay_ids;
}

std::string org::newest_replay_id() const {
    return replay_id(log_.empty() || origin_.index == log_.size() ? origin_.counter : log_.back().counter);
}

std::optional<std::size_t> org::locate(replay_preset preset, const std::string& id) const {
    std::lock_guard lock(mutex_);
    if (preset == replay_preset::latest) return log_.size();
    if (preset == replay_preset::earliest) return first_retained_;
    if (id == replay_id(origin_.counter) && origin_.index >= first_retained_) return origin_.index;
    if (id.size() != 10) return std::nullopt;
    std::uint64_t counter = 0;
    for (std::size_t i = 0; i < 8; ++i) counter = (counter << 8) | static_cast<unsigned char>(id[i]);
    const auto found =
        std::lower_bound(log_.begin() + static_cast<std::ptrdiff_t>(first_retained_), log_.end(), counter,
                         [](const stored_event& e, std::uint64_t c) { return e.counter < c; });
    if (found == log_.end() || replay_id(found->counter) != id) return std::nullopt;
    return static_cast<std::size_t>(found - log_.begin()) + 1;
}

org::page org::read(const std::string& topic_name, std::size_t from, std::size_t limit) const {
    std::lock_guard lock(mutex_);
    const auto& entries = topics_.at(topic_name).entries;
    auto entry = std::lower_bound(entries.begin(), entries.end(), from);
    page found{{}, from, {}, entry != entries.end() && *entry < first_retained_};
    if (found.expired) return found;
    for (; entry != entries.end() && found.events.size() < limit; ++entry) found.events.push_back(log_[*entry]);
    const bool caught_up = entry == entries.end();
    // What lies between belongs to other topics and need not be looked at again.
    found.next = caught_up ? log_.size() : *entry;
    if (!found.events.empty())
        found.latest_replay_id = replay_id(found.events.back().counter);
    else if (caught_up)
        found.latest_replay_id = newest_replay_id();
    return found;
}

void org::expire_everything() {
    std::lock_guard lock(mutex_);
    for (; first_retained_ < log_.size(); ++first_retained_) log_[first_retained_].event.payload = {};
    counter_ += 1;
    origin_ = {counter_, log_.size()};
}

std::string org::published_lines(std::size_t& from, std::size_t limit, bool with_payloads) const {
    std::lock_guard lock(mutex_);
    std::string lines;
    for (std::size_t end = std::min(log_.size(), from + limit); from < end; ++from) {
        const auto& [counter, event] = log_[from];
        nlohmann::ordered_json line{{"replay_id", lower_hex(replay_id(counter))},
                                    {"topic", event.topic_name},
                                    {"entity", event.entity},
                                    {"event_id", event.id},
                                    {"schema_id", event.schema_id},
                                    {"records", event.records},
                                    {"published_us", microseconds(event.published)}};
        if (event.undecodable) line["undecodable"] = true;
        if (with_payloads) line["payload"] = lower_hex(event.payload);
        lines += line.dump() + '\n';
    }
    return lines;
}

std::size_t org::published() const {
    std::lock_guard lock(mutex_);
    return log_.size();
}

} // namespace emulator
