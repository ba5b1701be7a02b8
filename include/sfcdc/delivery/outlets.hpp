// All outlets of a delivery, and what becomes of their rows: a durable row is settled in the ledger, a refused one is a dead letter.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <deque>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <variant>
#include <vector>

#include <sfcdc/backoff.hpp>
#include <sfcdc/call/call_io.hpp>
#include <sfcdc/checkpoint.hpp>
#include <sfcdc/delivery/news_queue.hpp>
#include <sfcdc/delivery/outlet.hpp>
#include <sfcdc/delivery/position_ledger.hpp>
#include <sfcdc/delivery_io.hpp>
#include <sfcdc/delivery_options.hpp>
#include <sfcdc/zerobus/ingest_stream.hpp>

namespace sfcdc::inline v0::detail {

// Outlets are numbered from 0 and stay where they are. The options, the ledger and the news are those of the delivery, and outlive it.
class outlets {
  public:
    outlets(const delivery_options& options, position_ledger& ledger, news_queue& news)
        : options_(options), ledger_(ledger), news_(news) {
        for (const zerobus::ingest_stream_options& s : options.streams) (void)add_stream(s);
        for (std::uint32_t i = 0; i < options.sinks; ++i) all_.emplace_back(ledger_.open_account());
    }

    // Returns the number of the new outlet.
    std::uint32_t add_stream(const zerobus::ingest_stream_options& to) {
        all_.emplace_back(ledger_.open_account(), to);
        return size() - 1;
    }

    std::uint32_t size() const noexcept { return static_cast<std::uint32_t>(all_.size()); }
    outlet& operator[](std::uint32_t number) { return all_[number]; }
    const outlet& operator[](std::uint32_t number) const { return all_[number]; }
    bool is_stream(std::uint32_t number) const noexcept { return number < all_.size() && all_[number].stream; }

    // Adds a row of an event for a stream. False: the row is larger than a request may be, and is a dead letter.
    bool add_row(std::uint32_t to, std::string_view record, event_origin event) {
        outlet& o = all_[to];
        const std::uint32_t number = o.rows_of_event++;
        if (record.size() > options_.request_bytes) {
            news_.push(dead_letter{std::move(event), to, number, std::string(record),
                                   "the row is larger than a request of Zerobus may be", 0});
            return false;
        }
        o.add(record, {std::move(event), number}, options_.request_bytes);
        return true;
    }
    // Whether rows were added of the event that is being made into rows.
    bool have_rows_of_event() const {
        return std::any_of(all_.begin(), all_.end(), [](const outlet& o) { return o.rows_of_event > 0; });
    }
    // Writes the last row of each outlet that has rows of which the checkpoint was not told.
    void tell(std::vector<row_position>& last_rows) {
        last_rows.clear();
        for (outlet& o : all_)
            if (o.rows > o.told) last_rows.push_back({o.number, (o.told = o.rows) - 1});
    }
    // The next row will be of another event.
    void end_event() noexcept {
        for (outlet& o : all_) o.rows_of_event = 0;
    }

    // Takes what the stream of this outlet tells. Returns why the delivery has failed, if it says that.
    std::optional<delivery_failed> take(std::uint32_t number, zerobus::event& told, time_point now) {
        return std::visit([&](auto& n) { return on(number, all_[number], n, now); }, told);
    }

    // Settles what was in doubt for the verdict time.
    void on_time(time_point now) {
        for (outlet& o : all_) ledger_.on_time(o, now);
    }
    // When something is to be done though nothing has happened: by a stream, or by on_time().
    std::optional<time_point> poll_timeout() const {
        std::optional<time_point> first;
        const auto at = [&](std::optional<time_point> when) {
            if (when && (!first || *when < *first)) first = when;
        };
        for (const outlet& o : all_) {
            if (o.stream) at(o.stream->poll_timeout());
            at(ledger_.verdict_at(o));
        }
        return first;
    }

    // Ends all streams, whatever they hold.
    void abandon() {
        for (outlet& o : all_)
            if (o.stream) o.stream->abandon();
    }
    // Whether nothing will come of any outlet. Sinks that were given up are not waited for.
    bool closed(bool given_up) const {
        return std::all_of(all_.begin(), all_.end(), [&](const outlet& o) { return o.closed(given_up); });
    }

    // What streams hold, and batches that wait for them, in bytes.
    std::size_t held_bytes() const noexcept {
        std::size_t bytes = 0;
        for (const outlet& o : all_) bytes += o.held_bytes();
        return bytes;
    }
    bool in_doubt() const {
        return std::any_of(all_.begin(), all_.end(), [](const outlet& o) { return o.in_doubt > 0; });
    }

  private:
    using failure = std::optional<delivery_failed>;

    failure on(std::uint32_t, outlet& o, zerobus::durable& n, time_point) {
        for (std::int64_t i = n.rows.begin; i < n.rows.end; ++i) o.origins.pop_front();
        ledger_.settle(o, n.rows.end);
        return {};
    }
    failure on(std::uint32_t number, outlet& o, zerobus::row_rejected& n, time_point now) {
        if (n.offset != o.settled + o.in_doubt && !o.frozen)
            return delivery_failed{delivery_fault::mistake,
                                   {call::reason_of(call::fault::row_without_event), number}};
        ++o.refused;
        row_origin of = o.take_origin();
        news_.push(dead_letter{std::move(of.event), number, of.number, std::move(n.record), std::move(n.reason), 0,
                               n.offset});
        if (options_.stop_at_dead_letter) {
            ++o.in_doubt;
            o.frozen = true;
            return delivery_failed{delivery_fault::stopped_at_letter, {{}, number}};
        }
        ledger_.doubt(o, now);
        return {};
    }
    failure on(std::uint32_t number, outlet&, zerobus::interrupted& n, time_point) {
        news_.push(delivery_interrupted{{std::move(n.why), number}, n.until});
        return {};
    }
    failure on(std::uint32_t number, outlet&, zerobus::failed& n, time_point) {
        return delivery_failed{delivery_fault::stream, {std::move(n.why), number}, n.what_to_do};
    }

    const delivery_options& options_;
    position_ledger& ledger_;
    news_queue& news_;
    std::deque<outlet> all_;
};

} // namespace sfcdc::inline v0::detail
