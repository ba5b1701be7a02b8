// What cannot become a row: events that cannot be decoded and rows that Databricks refuses, kept whole with the reason, one
// JSON object a line, on the disk before the position moves past them.
#pragma once

#include "../config.hpp"
#include "durable_file.hpp"

#include <sfcdc/row/layout.hpp>

#include <nlohmann/json_fwd.hpp>

#include <atomic>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <unordered_set>

namespace sfcdc::runner {

// The event that a row was made of, for as long as the row may still be refused.
struct row_origin {
    row_origin(const row::envelope& around, std::uint32_t which)
        : event_id(around.event_id),
          schema_id(around.schema_id),
          replay_id(reinterpret_cast<const char*>(around.replay_id.data()), around.replay_id.size()),
          received_timestamp(around.received_timestamp),
          number(which) {}

    std::string event_id;
    std::string schema_id;
    std::string replay_id;           // bytes
    std::int64_t received_timestamp; // milliseconds since 1970
    std::uint32_t number;            // of the row among the rows of its event, from 0
};

// Each function returns with the letter on the disk. With on_undecodable = "stop" it then throws failure(needs_decision).
// An event that comes again after a restart is the same letter, and is not written twice: the end of the file is read for that.
class dead_letters {
  public:
    explicit dead_letters(const stream_config& stream) : stream_(stream), file_(stream.dead_letters) {}

    // Throws failure unless a letter could be written.
    void prove() const { file_.prove(); }

    // `offset` is the byte of the payload at which decoding failed.
    void event(const row::envelope& around, std::span<const std::byte> payload, std::string_view reason,
               std::uint32_t offset);
    // `record` is the row as it was sent: a protobuf message whose fields are the layout's columns, from 1.
    void row(const row_origin& of, std::string_view record, std::string_view reason);

    // So far, with those that an earlier run has written. From any thread.
    std::uint64_t events() const noexcept { return events_; }
    std::uint64_t rows() const noexcept { return rows_; }

  private:
    void keep(const row_origin& of, std::string_view reason, const nlohmann::ordered_json& content);
    void open();
    void settle(const std::string& said) const;

    const stream_config& stream_;
    line_file file_;
    bool open_ = false;                     // by the first letter
    std::unordered_set<std::string> known_; // what tells the letters of earlier runs apart
    std::atomic<std::uint64_t> events_ = 0, rows_ = 0;
};

} // namespace sfcdc::runner
