// One place where the rows of a delivery go: a stream of Zerobus, or a sink of the user's own.
#pragma once

#include <cstddef>
#include <cstdint>
#include <deque>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>

#include <sfcdc/delivery/position_ledger.hpp>
#include <sfcdc/delivery_io.hpp>
#include <sfcdc/zerobus/ingest_stream.hpp>

namespace sfcdc::inline v0::detail {

// The event that a row is of, and the number of the row among those of its event for this outlet.
struct row_origin {
    event_origin event;
    std::uint32_t number;
};

// A row of a stream is in one place at a time: it waits here, or the stream holds it, or it is settled or in doubt.
struct outlet : counted_rows {
    explicit outlet(counted_rows account) : counted_rows(account) {}
    outlet(counted_rows account, const zerobus::ingest_stream_options& to) : counted_rows(account), stream(to) {}

    std::optional<zerobus::ingest_stream> stream{}; // nothing: a sink of the user's own
    std::deque<zerobus::record_batch> waiting{};    // for room in the stream
    std::size_t waiting_bytes = 0;                  // of the records in `waiting`
    std::shared_ptr<const std::string>
        descriptor{};                 // of the rows that are added; null: the one of the stream's options
    std::deque<row_origin> origins{}; // of the rows of a stream that are neither settled nor in doubt
    std::int64_t refused = 0;         // so many of the rows are dead letters
    std::uint32_t rows_of_event = 0;  // of the event that is being made into rows

    // Rows that are added from now on are of this message type. The same one again changes nothing: no batch ends for it.
    void describe(std::shared_ptr<const std::string> of_rows) {
        const bool same = of_rows && descriptor ? *of_rows == *descriptor : of_rows == descriptor;
        if (!same) descriptor = std::move(of_rows);
    }
    // Adds a row for the stream, in batches of at most `request_bytes` and of one descriptor. The record is copied.
    void add(std::string_view record, row_origin of, std::size_t request_bytes) {
        if (waiting.empty() || waiting.back().record_bytes() + record.size() > request_bytes
            || waiting.back().descriptor() != descriptor)
            waiting.emplace_back().describe(descriptor);
        waiting.back().append(record);
        waiting_bytes += record.size();
        origins.push_back(std::move(of));
        ++rows;
    }
    // Hands as many batches to the stream as it has room for. `last` says that no further row will be added: the stream is closed behind
    // what waits.
    void hand_over(bool last) {
        while (!waiting.empty()) {
            const std::size_t bytes = waiting.front().record_bytes();
            if (stream->add(std::move(waiting.front())).error) break;
            waiting_bytes -= bytes;
            waiting.pop_front();
        }
        if (last && waiting.empty()) stream->close();
    }
    // Returns the origin of the oldest row that has one, and forgets it.
    row_origin take_origin() {
        row_origin of = std::move(origins.front());
        origins.pop_front();
        return of;
    }

    std::size_t held_bytes() const noexcept { return stream ? stream->held_bytes() + waiting_bytes : 0; }
    // Whether nothing will come of it any more. A sink that was given up is not waited for.
    bool closed(bool given_up) const noexcept { return stream ? stream->closed() : given_up || settled >= rows; }
};

} // namespace sfcdc::inline v0::detail
