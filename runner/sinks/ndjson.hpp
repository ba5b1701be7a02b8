// Rows as JSON, one a line, appended to a file or written to standard output.
#pragma once

#include "../durable_file.hpp"
#include "sink.hpp"

#include <string>

namespace sfcdc::runner {

// At least once: after a crash between the rows and the position, the last batch is written again.
class ndjson_sink final : public sink {
  public:
    explicit ndjson_sink(const stream_config& stream);

    std::optional<pubsub::replay_id> open(const position_owner& owner) override;
    added add(const cdc::event& event, const row::envelope& around) override;
    dealt_with settle(time_point now) override;
    void store(const pubsub::replay_id& position) override;

  private:
    std::filesystem::path path_;
    row::layout layout_;
    checkpoint_file checkpoint_;
    position_owner owner_;
    std::unique_ptr<durable_file> file_;
    std::string batch_;
    std::int64_t rows_ = 0;
};

} // namespace sfcdc::runner
