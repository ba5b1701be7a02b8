// Rows as JSON, one a line, appended to a file or written to standard output.
#pragma once

#include "../durable_file.hpp"
#include "sink.hpp"

#include <atomic>
#include <string>

namespace sfcdc::runner {

// At least once: after a crash between the rows and the position, the last batch is written again.
class ndjson_sink final : public sink {
  public:
    explicit ndjson_sink(const stream_config& stream);

    std::optional<pubsub::replay_id> open(const position_owner& owner) override;
    std::uint32_t add(const cdc::event& event, const row::envelope& around) override;
    void commit(const pubsub::replay_id& position, const std::stop_token& stop) override;
    bool drain(std::chrono::milliseconds) override { return true; }
    std::uint64_t rows_durable() const override { return rows_durable_; }

  private:
    std::filesystem::path path_;
    row::layout layout_;
    checkpoint_file checkpoint_;
    position_owner owner_;
    std::unique_ptr<durable_file> file_;
    std::string batch_;
    std::uint64_t batch_rows_ = 0;
    std::atomic<std::uint64_t> rows_durable_ = 0;
};

} // namespace sfcdc::runner
