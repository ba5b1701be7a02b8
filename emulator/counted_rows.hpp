// Rows that are counted instead of stored: the lake of a measurement, whose own work must not be what is measured.
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <map>
#include <mutex>
#include <string>
#include <string_view>
#include <vector>

namespace emulator {

// What is kept of one row. Together, replay id and ordinal say which row it is, so that a reader of the list sees what is
// missing and what came twice.
struct counted_row {
    std::string replay_id;           // as the column has it; empty where the table has no such column
    std::uint64_t record_ordinal{0}; // 0 where the table has no such column
    std::uint64_t checksum{0};
    std::size_t bytes{0};
    // The epoch until the row has been acknowledged.
    std::chrono::steady_clock::time_point acknowledged{};
};

// Reads the rows of one stream. It walks the top-level fields of the protobuf message and decodes nothing but the two
// columns that name a row.
class row_counter {
  public:
    // Precondition: descriptor_proto is a DescriptorProto, as make_proto_decoder() checks. `without` are columns that the
    // checksum leaves out, because the same event has other values in them in each run, such as the time of its arrival.
    row_counter(const std::string& descriptor_proto, const std::vector<std::string>& without);

    // Throws refusal when the record is no protobuf message.
    counted_row count(std::string_view record) const;

  private:
    std::uint32_t replay_id_ = 0; // field numbers; 0 is none
    std::uint32_t record_ordinal_ = 0;
    std::vector<std::uint32_t> without_;
};

// The rows of all tables, in the order in which they came.
class counted_rows {
  public:
    // Returns the place of the first one within its table.
    std::size_t append(const std::string& table, std::vector<counted_row> rows);
    // `count` rows from `first` on are acknowledged now.
    void acknowledge(const std::string& table, std::size_t first, std::size_t count);

    std::size_t count() const;
    std::size_t count(const std::string& table) const;
    // One JSON array a line: replay id, ordinal, checksum, bytes, and the microseconds of the steady clock at which the row
    // was acknowledged, or null. At most `limit` rows from `from` on; moves `from`.
    std::string lines(const std::string& table, std::size_t& from, std::size_t limit) const;

  private:
    mutable std::mutex mutex_;
    std::map<std::string, std::vector<counted_row>> tables_;
};

// A moment as the control interface writes it: only differences of two of them mean something.
std::int64_t microseconds(std::chrono::steady_clock::time_point at);

} // namespace emulator
