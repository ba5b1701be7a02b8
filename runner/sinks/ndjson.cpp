#include "ndjson.hpp"

#include <sfcdc/row/json.hpp>

namespace sfcdc::runner {

ndjson_sink::ndjson_sink(const pipeline_config& pipeline)
    : layout_(pipeline.layout), position_(pipeline.checkpoint), file_(pipeline.path) {}

void ndjson_sink::prove() {
    file_.prove();
    position_.prove();
}

std::optional<pubsub::replay_id> ndjson_sink::open(const position_owner& owner, const std::stop_token&) {
    return position_.open(owner);
}

// A turn may have more events than the memory should have of their lines.
bool ndjson_sink::ready() {
    constexpr std::size_t enough = 4u << 20;
    if (batch_.size() >= enough) settle();
    return true;
}

std::uint32_t ndjson_sink::add(const cdc::event& event, const row::envelope& around) {
    std::uint32_t replaced = 0;
    row::for_each_row(layout_, event, [&](const row::record& of) {
        replaced += row::append_json(layout_, event, around, batch_, of);
        batch_.push_back('\n');
        rows_ = to().add_row(0) + 1;
    });
    return replaced;
}

void ndjson_sink::settle() {
    if (batch_.empty()) return;
    file_.append(batch_);
    batch_.clear();
    (void)to().durable(0, rows_);
}

bool ndjson_sink::commit(const pubsub::replay_id* position) {
    return position_.store(position, std::chrono::steady_clock::now());
}

} // namespace sfcdc::runner
