#include "zerobus.hpp"

#include "../io/channel.hpp"
#include "../io/http.hpp"
#include "../names.hpp"
#include "../operations/failure.hpp"

#include <sfcdc/row/protobuf.hpp>

#include <chrono>
#include <random>
#include <utility>
#include <variant>

namespace sfcdc::runner {
namespace {

using clock = std::chrono::steady_clock;

} // namespace

// ---- one table

table_stream::table_stream(std::string table, databricks::workspace& workspace, inbox& in, std::uint32_t outlet)
    : table_(std::move(table)),
      outlet_(outlet),
      tokens_(workspace.tokens_of(table_)),
      token_errand_(in),
      calls_(in, open_channel(workspace.config().zerobus_endpoint, workspace.config().ca_file), *this) {}

void table_stream::tell(const zerobus::input& in) { (void)delivery_->handle(outlet_, in, clock::now()); }
void table_stream::call_opened(std::uint64_t call) noexcept { tell(zerobus::opened{call}); }
void table_stream::call_responded(std::uint64_t call, received_bytes response) noexcept {
    tell(zerobus::response{call, response.view()});
}
void table_stream::call_ended(std::uint64_t call, const call_status& status) noexcept {
    tell(zerobus::call_ended{call, status.code, status.error_code, status.message});
}

void table_stream::perform(zerobus::action& action) {
    if (const auto* const open = std::get_if<zerobus::open_call>(&action)) return open_call(*open);
    if (std::holds_alternative<zerobus::renew_token>(action)) {
        renewing_ = true;
        refused_ = token_.generation;
        return ask_for_token();
    }
    if (const auto* const over = std::get_if<zerobus::cancel_call>(&action))
        if (waits_for_token_ && over->call == waits_for_token_->call) waits_for_token_.reset();
    calls_.perform(action);
}

// A token that has only become old is replaced on the way: the call takes longer to open, and nothing was refused.
void table_stream::open_call(const zerobus::open_call& open) {
    if (!token_.credential.good(clock::now())) {
        waits_for_token_ = open;
        return ask_for_token();
    }
    calls_.open(open.call, std::string(open.method),
                {{"authorization", "Bearer " + token_.credential.text}, {"x-databricks-zerobus-table-name", table_}});
}

void table_stream::ask_for_token() {
    if (token_errand_.running()) return;
    token_errand_.start(
        [this, refused = refused_](const std::stop_token& stop) { return tokens_.newer_than(refused, stop); });
}

void table_stream::take_token() {
    const auto answer = [&](const zerobus::input& to_stream, wire::grpc_status of_call, std::string_view why) {
        if (std::exchange(renewing_, false)) tell(to_stream);
        if (const auto open = std::exchange(waits_for_token_, std::nullopt))
            tell(zerobus::call_ended{open->call, of_call, {}, why});
    };
    try {
        auto fresh = token_errand_.take();
        if (!fresh) return;
        token_ = std::move(*fresh);
    } catch (const http::unavailable&) { // why is logged by who has asked
        return answer(zerobus::token_unavailable{}, wire::grpc_status::unavailable, "there is no token");
    } catch (const failure& f) {
        token_refusal_ = f.what();
        return answer(zerobus::token_refused{token_refusal_}, wire::grpc_status::unauthenticated,
                      "the token was refused");
    }
    if (std::exchange(renewing_, false)) tell(zerobus::token_renewed{});
    if (const auto open = std::exchange(waits_for_token_, std::nullopt)) open_call(*open);
}

// ---- all tables of a pipeline

zerobus_sink::zerobus_sink(const pipeline_config& pipeline, databricks::workspace& workspace, inbox& in)
    : config_(pipeline), table_by_entity_(has_entity(pipeline.table)), workspace_(workspace), inbox_(in) {
    if (!pipeline.checkpoint.empty()) position_.emplace(pipeline.checkpoint);
}

std::optional<pubsub::replay_id> zerobus_sink::open(const position_owner& owner, const std::stop_token&) {
    owner_ = owner;
    return position_ ? position_->load(owner) : std::nullopt;
}

zerobus::ingest_stream_options zerobus_sink::options_of(const std::string& table) const {
    zerobus::ingest_stream_options o;
    o.table_name = table;
    o.descriptor_proto = row::descriptor_proto(config_.layout);
    o.seed = std::random_device{}();
    return o;
}

std::uint32_t zerobus_sink::make_stream(const std::string& table) {
    const auto outlet = static_cast<std::uint32_t>(streams_.size());
    streams_.push_back(std::make_unique<table_stream>(table, workspace_, inbox_, outlet));
    return outlet;
}

// Tables whose names are known are opened at the start, so that one that is missing shows at the start.
std::vector<zerobus::ingest_stream_options> zerobus_sink::streams() {
    if (!table_by_entity_) make_stream(config_.table);
    for (const std::string& entity : config_.filter.entities)
        if (table_by_entity_) outlets_.emplace(entity, make_stream(table_of(config_.table, entity)));
    std::vector<zerobus::ingest_stream_options> all;
    all.reserve(streams_.size());
    for (const auto& s : streams_) all.push_back(options_of(s->table()));
    return all;
}

void zerobus_sink::attach(delivery& to) {
    sink::attach(to);
    for (const auto& s : streams_) s->attach(to);
}

std::uint32_t zerobus_sink::outlet_for(const cdc::event& event) {
    if (!table_by_entity_) return 0;
    const std::string_view entity = event.header().entity_name();
    if (const auto at = outlets_.find(entity); at != outlets_.end()) return at->second;
    const std::uint32_t outlet = make_stream(table_of(config_.table, entity));
    outlets_.emplace(entity, outlet);
    streams_.back()->attach(to());
    (void)to().add_stream(options_of(streams_.back()->table()));
    return outlet;
}

bool zerobus_sink::commit(const pubsub::replay_id* position) {
    if (position != nullptr) position_->store(owner_, *position);
    return true;
}

std::uint32_t zerobus_sink::add(const cdc::event& event, const row::envelope& around) {
    const std::uint32_t outlet = outlet_for(event);
    std::uint32_t replaced = 0;
    row::for_each_row(config_.layout, event, [&](const row::record& of) {
        record_.clear();
        replaced += row::append_protobuf(config_.layout, event, around, record_, of);
        to().add_row(outlet, record_);
    });
    return replaced;
}

void zerobus_sink::settle() {
    for (const auto& s : streams_) s->take_token();
}

} // namespace sfcdc::runner
