#include "ndjson.hpp"

#include <sfcdc/row/json.hpp>

namespace sfcdc::runner {

ndjson_sink::ndjson_sink(const stream_config& stream)
    : layout_(stream.layout), position_(stream.checkpoint), file_(stream.path) {}

void ndjson_sink::prove() {
    file_.prove();
    position_.prove();
}

std::optional<pubsub::replay_id> ndjson_sink::open(const position_owner& owner, const std::stop_token&) {
    owner_ = owner;
    return position_.load(owner);
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
        file_.append(batch_);
        batch_.clear();
    }
    return {rows_, 0};
}

bool ndjson_sink::commit(const pubsub::replay_id* position) {
    if (position != nullptr) position_.store(owner_, *position);
    return true;
}

} // namespace sfcdc::runner
