// What cannot become a row: events that cannot be decoded and rows that Databricks refuses, kept whole with the reason, one
// JSON object a line, on the disk before the position moves past them.
#pragma once

#include "config.hpp"

#include <sfcdc/row/layout.hpp>

#include <atomic>
#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>

namespace sfcdc::runner {

class durable_file;

// The event that a row was made of, for as long as the row may still be refused.
struct row_origin {
    explicit row_origin(const row::envelope& around)
        : event_id(around.event_id),
          schema_id(around.schema_id),
          replay_id(reinterpret_cast<const char*>(around.replay_id.data()), around.replay_id.size()),
          received_timestamp(around.received_timestamp) {}

    std::string event_id;
    std::string schema_id;
    std::string replay_id; // bytes
    std::int64_t received_timestamp;
};

// Each function returns with the letter on the disk. With on_undecodable = "stop" it then throws failure(needs_decision).
class dead_letters {
  public:
    explicit dead_letters(const stream_config& stream);
    ~dead_letters();

    // `offset` is the byte of the payload at which decoding failed.
    void event(const row::envelope& around, std::span<const std::byte> payload, std::string_view reason,
               std::uint32_t offset);
    // `record` is the row as it was sent: a protobuf message whose fields are the layout's columns, from 1.
    void row(const row_origin& of, std::string_view record, std::string_view reason);

    // So far. From any thread.
    std::uint64_t events() const noexcept { return events_; }
    std::uint64_t rows() const noexcept { return rows_; }

  private:
    void keep(const row_origin& of, std::string_view reason, std::optional<std::uint32_t> offset,
              const char* body_name, std::span<const std::byte> body);
    void settle(const std::string& said) const;

    const stream_config& stream_;
    std::unique_ptr<durable_file> file_; // opened by the first letter
    std::atomic<std::uint64_t> events_ = 0, rows_ = 0;
};

} // namespace sfcdc::runner
