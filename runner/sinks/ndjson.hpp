// Rows as JSON, one a line, appended to a file or written to standard output.
#pragma once

#include "../disk/durable_file.hpp"
#include "../disk/position_keeper.hpp"
#include "sink.hpp"

#include <string>

namespace sfcdc::runner {

// At least once: after a crash between the rows and the position, the last batch is written again.
class ndjson_sink final : public sink {
  public:
    explicit ndjson_sink(const pipeline_config& pipeline);

    void prove() override;
    std::optional<pubsub::replay_id> open(const position_owner& owner, const std::stop_token& stop) override;
    bool ready() override;
    std::uint32_t add(const cdc::event& event, const row::envelope& around) override;
    void settle() override;
    bool commit(const pubsub::replay_id* position) override;
    std::optional<time_point> timeout() const override { return position_.timeout(); }
    std::string table(std::uint32_t) const override { return file_.path().string(); }

  private:
    row::layout layout_;
    position_keeper position_;
    line_file file_;
    std::string batch_;
    std::int64_t rows_ = 0; // that are in the file or in batch_
};

} // namespace sfcdc::runner
