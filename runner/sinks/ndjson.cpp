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

sink::added ndjson_sink::add(const cdc::event& event, const row::envelope& around) {
    added out;
    row::for_each_row(layout_, event, [&](const row::record& of) {
        out.replaced_bytes += row::append_json(layout_, event, around, batch_, of);
        batch_.push_back('\n');
        ++out.rows;
    });
    rows_ += out.rows;
    return out;
}

sink::dealt_with ndjson_sink::settle(time_point) {
    if (!batch_.empty()) {
        file_->write(batch_);
        file_->sync();
        batch_.clear();
    }
    return {rows_, 0};
}

void ndjson_sink::store(const pubsub::replay_id& position) { checkpoint_.store(owner_, position); }

} // namespace sfcdc::runner
