// The events that a delivery has received and not made into rows, in the order of the topic, with the positions of keepalives between
// them; and how many more there is room for.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <deque>
#include <iterator>
#include <memory>
#include <optional>
#include <utility>

#include <sfcdc/limits.hpp>
#include <sfcdc/pubsub/messages.hpp>
#include <sfcdc/pubsub/replay_id.hpp>

namespace sfcdc::inline v0::detail {

// Keeps the bytes of a response alive until all of its events are taken out, and the next call of drop_used_up().
class held_events {
  public:
    // Appends the events of one response. `bytes` is its size, `owner` keeps the bytes alive and is not null; `events` has at least one.
    void push(const pubsub::event_list& events, std::size_t bytes, std::shared_ptr<const void> owner,
              std::int64_t received_timestamp) {
        event_bytes_ = std::max({bytes / events.size(), event_bytes_.value_or(0) / 8 * 7, std::size_t{1}});
        bytes_ += bytes;
        size_ += events.size();
        entries_.push_back({std::move(owner), events.begin(), bytes, received_timestamp, {}});
    }

    // Appends the position of a keepalive, which counts when everything in front of it is taken out. It replaces the position of a
    // keepalive that is directly in front of it. Empty where the server does not say a position.
    void push_keepalive(pubsub::replay_id position) {
        if (entries_.empty() || !entries_.back().is_keepalive())
            entries_.push_back({nullptr, {}, 0, 0, std::move(position)});
        else if (!position.empty())
            entries_.back().position = std::move(position);
    }

    // Frees the responses in front that have no event left.
    void drop_used_up() {
        while (!entries_.empty() && entries_.front().is_used_up()) {
            bytes_ -= entries_.front().bytes;
            entries_.pop_front();
        }
    }

    // Whether the next one is an event. Else it is a keepalive, or a response to be dropped, or there is nothing.
    bool at_event() const noexcept {
        return !entries_.empty() && !entries_.front().is_keepalive() && !entries_.front().is_used_up();
    }
    bool at_keepalive() const noexcept { return !entries_.empty() && entries_.front().is_keepalive(); }

    // Of the event in front; precondition: at_event(). The views live until drop_used_up() behind the last event of a response.
    const pubsub::consumer_event& front() const noexcept { return *entries_.front().next; }
    std::int64_t received_timestamp() const noexcept { return entries_.front().received_timestamp; }
    void pop() {
        ++entries_.front().next;
        --size_;
    }

    // Takes the keepalive in front out; precondition: at_keepalive().
    pubsub::replay_id pop_keepalive() {
        pubsub::replay_id position = std::move(entries_.front().position);
        entries_.pop_front();
        return position;
    }

    // Forgets all of it, events and keepalives.
    void clear() {
        entries_.clear();
        bytes_ = size_ = 0;
    }

    bool empty() const noexcept { return entries_.empty(); }
    // The number of events that are not taken out.
    std::size_t size() const noexcept { return size_; }
    // The size of the responses that are not dropped, in bytes.
    std::size_t bytes() const noexcept { return bytes_; }

    // Returns how many events may be under way so that all together take no more than `share` bytes, if they are of the size that events
    // have had lately. It is at least one while nothing is held, and at most 100.
    std::uint32_t allowed(std::size_t share) const noexcept {
        const std::size_t left = bytes_ >= share ? 0 : share - bytes_;
        const std::size_t events = left / event_bytes_.value_or(limits::event_bytes);
        return static_cast<std::uint32_t>(std::clamp<std::size_t>(events, bytes_ == 0 ? 1 : 0, 100));
    }

  private:
    // The events of a response, or a keepalive.
    struct entry {
        std::shared_ptr<const void> owner; // null: a keepalive
        pubsub::event_list::iterator next{};
        std::size_t bytes = 0;
        std::int64_t received_timestamp = 0;
        pubsub::replay_id position{}; // of a keepalive

        bool is_keepalive() const noexcept { return !owner; }
        bool is_used_up() const noexcept { return owner && next == std::default_sentinel; }
    };

    std::deque<entry> entries_;
    std::size_t bytes_ = 0, size_ = 0;
    std::optional<std::size_t> event_bytes_{}; // the size of an event as seen lately; nothing before the first one
};

} // namespace sfcdc::inline v0::detail
