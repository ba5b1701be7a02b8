#include "ndjson.hpp"

#include <sfcdc/row/json.hpp>

#include <unistd.h>

namespace sfcdc::runner {

ndjson_sink::ndjson_sink(const stream_config& stream)
    : path_(stream.path), layout_(stream.layout), checkpoint_(stream.checkpoint) {}

std::optional<pubsub::replay_id> ndjson_sink::open(const position_owner& owner) {
    owner_ = owner;
    file_ = path_ == "-" ? std::make_unique<durable_file>(STDOUT_FILENO)
                         : std::make_unique<durable_file>(path_, durable_file::mode::append);
    return checkpoint_.load(owner);
}

std::uint32_t ndjson_sink::add(const cdc::event& event, const row::envelope& around) {
    std::uint32_t replaced = 0;
    row::for_each_row(layout_, event, [&](const row::record& of) {
        replaced += row::append_json(layout_, event, around, batch_, of);
        batch_.push_back('\n');
        ++batch_rows_;
    });
    return replaced;
}

void ndjson_sink::commit(const pubsub::replay_id& position, const std::stop_token&) {
    if (!batch_.empty()) {
        file_->write(batch_);
        file_->sync();
        batch_.clear();
        rows_durable_ += std::exchange(batch_rows_, 0);
    }
    checkpoint_.store(owner_, position);
}

} // namespace sfcdc::runner
