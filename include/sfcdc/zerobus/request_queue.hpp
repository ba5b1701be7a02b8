// Rows that are not known to be durable, in order, in the requests that they travel in; and the search for a row that the
// server refuses without saying which.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <deque>
#include <string>
#include <utility>

#include <sfcdc/backoff.hpp>
#include <sfcdc/zerobus/messages.hpp>

namespace sfcdc::inline v0::zerobus {

// Rows from `begin` up to, not including, `end`, by their logical offsets.
struct offset_range {
    std::int64_t begin = 0, end = 0;
    friend bool operator==(const offset_range&, const offset_range&) = default;
};

// Sent, acknowledged and sent again as a whole.
struct request {
    std::int64_t first; // logical offset of its first row
    record_batch records;
    time_point sent{}; // the last time

    std::int64_t end() const noexcept { return first + static_cast<std::int64_t>(records.size()); }
};

// The requests that are not acknowledged, the oldest first. Owns the rows; it does no I/O and holds no clock.
class request_queue {
  public:
    // `records` holds at least one.
    offset_range push(record_batch&& records) {
        bytes_ += records.message().size();
        const request& added = requests_.emplace_back(request{end_offset_, std::move(records)});
        end_offset_ = added.end();
        return {added.first, added.end()};
    }

    bool empty() const noexcept { return requests_.empty(); }
    std::size_t size() const noexcept { return requests_.size(); }
    std::size_t bytes() const noexcept { return bytes_; }
    request& operator[](std::size_t i) noexcept { return requests_[i]; }
    const request& operator[](std::size_t i) const noexcept { return requests_[i]; }
    const request& front() const noexcept { return requests_.front(); }
    auto begin() const noexcept { return requests_.begin(); }
    auto end() const noexcept { return requests_.end(); }

    // Logical offsets: of the first row that is held, and of the next one that will be.
    std::int64_t begin_offset() const noexcept { return empty() ? end_offset_ : front().first; }
    std::int64_t end_offset() const noexcept { return end_offset_; }

    // The first `count` requests are durable.
    offset_range pop(std::size_t count) {
        const std::int64_t first = begin_offset();
        for (std::size_t i = 0; i < count; ++i) pop_front();
        return {first, begin_offset()};
    }

    // ---- the search: of the first so many requests one holds a row that the server refuses

    // How many may be in flight. Of the suspects it is half: acknowledged, the row is in the other half; refused, it is
    // among them.
    std::size_t window() const noexcept { return suspects_ == 0 ? size() : std::min(size(), (suspects_ + 1) / 2); }

    // The server refused one of the first `in_flight` requests. True when that leaves one row: the first one. Else there is
    // less to look at than before: of a request that was alone, it is the two halves.
    bool narrow(std::size_t in_flight) {
        suspects_ = in_flight;
        if (in_flight > 1) return false;
        if (front().records.size() == 1) return true;
        suspects_ = 2;
        const request whole = std::move(requests_.front());
        request first{whole.first, {}}, second{whole.first, {}};
        first.records.describe(whole.records.descriptor());
        second.records.describe(whole.records.descriptor());
        for (const std::string_view record : whole.records)
            (first.records.size() < whole.records.size() / 2 ? first : second).records.append(record);
        second.first = first.end();
        requests_.front() = std::move(second);
        requests_.push_front(std::move(first));
        return false;
    }

    // Takes out the row that narrow() found.
    std::string pop_refused() {
        std::string record(*front().records.begin());
        pop_front();
        suspects_ = 1; // bad rows come in groups: the next request goes alone
        return record;
    }

  private:
    void pop_front() {
        bytes_ -= front().records.message().size();
        requests_.pop_front();
        if (suspects_ > 0) --suspects_;
    }

    std::deque<request> requests_;
    std::int64_t end_offset_ = 0;
    std::size_t bytes_ = 0;
    std::size_t suspects_ = 0;
};

} // namespace sfcdc::inline v0::zerobus
