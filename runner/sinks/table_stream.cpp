#include "table_stream.hpp"

#include "../io/channel.hpp"
#include "../io/http.hpp"
#include "../operations/failure.hpp"

#include <chrono>
#include <utility>
#include <variant>

namespace sfcdc::runner {
namespace {

using clock = std::chrono::steady_clock;

} // namespace

table_stream::table_stream(std::string table, databricks::workspace& workspace, inbox& in,
                           std::function<void(const zerobus::input&)> tell)
    : table_(std::move(table)),
      tokens_(workspace.tokens_of(table_)),
      tell_(std::move(tell)),
      token_errand_(in),
      calls_(in, open_channel(workspace.config().zerobus_endpoint, workspace.config().ca_file), *this) {}

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
        if (std::exchange(renewing_, false)) tell_(to_stream);
        if (const auto open = std::exchange(waits_for_token_, std::nullopt))
            tell_(zerobus::call_ended{open->call, of_call, {}, why});
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
    if (std::exchange(renewing_, false)) tell_(zerobus::token_renewed{});
    if (const auto open = std::exchange(waits_for_token_, std::nullopt)) open_call(*open);
}

} // namespace sfcdc::runner
