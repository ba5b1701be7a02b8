#include "zerobus.hpp"

#include "../io/channel.hpp"
#include "../io/http.hpp"
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

zerobus_sink::zerobus_sink(const stream_config& stream, const databricks_config& databricks, inbox& in)
    : stream_config_(stream),
      databricks_(databricks),
      position_(stream.checkpoint),
      token_errand_(in),
      calls_(in, open_channel(databricks.zerobus_endpoint, databricks.ca_file), *this) {}

std::optional<pubsub::replay_id> zerobus_sink::open(const position_owner& owner, const std::stop_token&) {
    owner_ = owner;
    return position_.load(owner);
}

std::optional<zerobus::ingest_stream_options> zerobus_sink::stream() const {
    zerobus::ingest_stream_options o;
    o.table_name = stream_config_.table;
    o.descriptor_proto = row::descriptor_proto(stream_config_.layout);
    o.seed = std::random_device{}();
    return o;
}

bool zerobus_sink::commit(const pubsub::replay_id* position) {
    if (position != nullptr) position_.store(owner_, *position);
    return true;
}

std::uint32_t zerobus_sink::add(const cdc::event& event, const row::envelope& around) {
    std::uint32_t replaced = 0;
    row::for_each_row(stream_config_.layout, event, [&](const row::record& of) {
        record_.clear();
        replaced += row::append_protobuf(stream_config_.layout, event, around, record_, of);
        to().add_row(0, record_);
    });
    return replaced;
}

// ---- calls

void zerobus_sink::tell(const zerobus::input& in) { (void)to().handle(0, in, clock::now()); }
void zerobus_sink::call_opened(std::uint64_t call) noexcept { tell(zerobus::opened{call}); }
void zerobus_sink::call_responded(std::uint64_t call, received_bytes response) noexcept {
    tell(zerobus::response{call, response.view()});
}
void zerobus_sink::call_ended(std::uint64_t call, const call_status& status) noexcept {
    tell(zerobus::call_ended{call, status.code, status.error_code, status.message});
}

void zerobus_sink::perform(zerobus::action& action) {
    if (const auto* const open = std::get_if<zerobus::open_call>(&action)) return open_call(open->call);
    if (auto* const send = std::get_if<zerobus::send_request>(&action))
        return calls_.send(send->call, std::move(send->bytes));
    if (const auto* const close = std::get_if<zerobus::half_close>(&action)) return calls_.half_close(close->call);
    if (const auto* const cancel = std::get_if<zerobus::cancel_call>(&action)) {
        if (cancel->call == waits_for_token_) waits_for_token_ = 0;
        return calls_.cancel(cancel->call);
    }
    renewing_ = true;
    ask_for_token();
}

// A token that has only become old is replaced on the way: the call takes longer to open, and nothing was refused.
void zerobus_sink::open_call(std::uint64_t call) {
    if (!token_.good(clock::now())) {
        waits_for_token_ = call;
        return ask_for_token();
    }
    calls_.open(
        call, "/databricks.zerobus.Zerobus/EphemeralStream",
        {{"authorization", "Bearer " + token_.text}, {"x-databricks-zerobus-table-name", stream_config_.table}});
}

void zerobus_sink::ask_for_token() {
    if (token_errand_.running()) return;
    token_errand_.start([&config = databricks_, &table = stream_config_.table](const std::stop_token& stop) {
        return http::patiently(stop, [&] { return databricks::ask_for_token(config, table, stop); });
    });
}

void zerobus_sink::take_token() {
    const auto answer = [&](const zerobus::input& to_stream, wire::grpc_status of_call, std::string_view why) {
        if (std::exchange(renewing_, false)) tell(to_stream);
        if (const std::uint64_t call = std::exchange(waits_for_token_, 0))
            tell(zerobus::call_ended{call, of_call, {}, why});
    };
    try {
        auto fresh = token_errand_.take();
        if (!fresh) return;
        token_ = std::move(*fresh);
    } catch (const http::unavailable& u) {
        return answer(zerobus::token_unavailable{u.reason}, wire::grpc_status::unavailable, u.reason);
    } catch (const failure& f) {
        token_refusal_ = f.what();
        return answer(zerobus::token_refused{token_refusal_}, wire::grpc_status::unauthenticated,
                      "the token was refused");
    }
    if (std::exchange(renewing_, false)) tell(zerobus::token_renewed{});
    if (const std::uint64_t call = std::exchange(waits_for_token_, 0)) open_call(call);
}

} // namespace sfcdc::runner
