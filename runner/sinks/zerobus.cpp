#include "zerobus.hpp"

#include "../channel.hpp"
#include "../failure.hpp"
#include "../http.hpp"

#include <sfcdc/limits.hpp>
#include <sfcdc/row/protobuf.hpp>

#include <spdlog/spdlog.h>

#include <algorithm>
#include <chrono>
#include <random>
#include <utility>

namespace sfcdc::runner {
namespace {

using clock = std::chrono::steady_clock;

// How long the position waits behind rows that were refused for a row that is taken. Far below the 72 hours after which a position
// is lost, and longer than an idle night.
constexpr std::chrono::hours longest_verdict{12};

// How a call ends that could not even be started.
constexpr std::string_view no_token = "there is no token that is good for a new stream";

zerobus::ingest_stream_options options(const stream_config& stream) {
    zerobus::ingest_stream_options o;
    o.table_name = stream.table;
    o.descriptor_proto = row::descriptor_proto(stream.layout);
    o.seed = std::random_device{}();
    return o;
}

} // namespace

zerobus_sink::zerobus_sink(const stream_config& stream, const databricks_config& databricks, dead_letters& letters,
                           inbox& in)
    : stream_config_(stream),
      databricks_(databricks),
      letters_(letters),
      position_(stream.checkpoint),
      stream_(options(stream)),
      token_errand_(in),
      calls_(in, open_channel(databricks.zerobus_endpoint, databricks.ca_file), *this) {}

std::optional<pubsub::replay_id> zerobus_sink::open(const position_owner& owner, const std::stop_token&) {
    owner_ = owner;
    auto stored = position_.load(owner);
    has_position_ = stored.has_value();
    return stored;
}

bool zerobus_sink::commit(const pubsub::replay_id* position) {
    if (position == nullptr) return true;
    position_.store(owner_, *position);
    has_position_ = true;
    return true;
}

std::optional<time_point> zerobus_sink::timeout() const {
    const auto of_stream = stream_.poll_timeout();
    if (refused_in_a_row_ == 0) return of_stream;
    const time_point verdict = first_refused_ + longest_verdict;
    return of_stream ? std::min(*of_stream, verdict) : verdict;
}

sink::added zerobus_sink::add(const cdc::event& event, const row::envelope& around) {
    added out;
    std::size_t of_event = 0;
    row::for_each_row(stream_config_.layout, event, [&](const row::record& of) {
        std::string record;
        out.replaced_bytes += row::append_protobuf(stream_config_.layout, event, around, record, of);
        const auto number = static_cast<std::uint32_t>(of_event++);
        if (record.size() > limits::request_record_bytes)
            return letters_.row(row_origin(around, number), record,
                                "the row is larger than a request of Zerobus may be");
        if (waiting_.empty() || waiting_.back().record_bytes() + record.size() > limits::request_record_bytes)
            waiting_.emplace_back();
        waiting_.back().append(record);
        origins_.emplace_back(around, number);
        ++out.rows;
    });
    return out;
}

sink::dealt_with zerobus_sink::settle(time_point now) {
    take_token(now);
    take_events();
    hand_over();
    while (auto action = stream_.poll_action(now)) std::visit([this](auto& a) { perform(a); }, *action);
    take_events(); // a limit of time may be over
    if (refused_in_a_row_ > 0 && now >= first_refused_ + longest_verdict) pass_refused();
    return dealt_with_;
}

void zerobus_sink::take_events() {
    while (auto event = stream_.poll_event()) std::visit([this](const auto& e) { on(e); }, *event);
}

void zerobus_sink::hand_over() {
    while (!waiting_.empty() && !stream_.add(std::move(waiting_.front())).error) waiting_.pop_front();
    if (closing_ && waiting_.empty()) stream_.close();
}

// ---- calls

void zerobus_sink::call_opened(std::uint64_t call) noexcept { stream_.handle(zerobus::opened{call}, clock::now()); }
void zerobus_sink::call_responded(std::uint64_t call, received_bytes response) noexcept {
    stream_.handle(zerobus::response{call, response.view()}, clock::now());
}
void zerobus_sink::call_ended(std::uint64_t call, const call_status& status) noexcept {
    stream_.handle(zerobus::call_ended{call, status.code, status.message}, clock::now());
}

void zerobus_sink::perform(const zerobus::open_call& action) {
    if (token_.good(clock::now()))
        calls_.open(
            action.call, "/databricks.zerobus.Zerobus/EphemeralStream",
            {{"authorization", "Bearer " + token_.text}, {"x-databricks-zerobus-table-name", stream_config_.table}});
    else
        stream_.handle(zerobus::call_ended{action.call, wire::grpc_status::unauthenticated, no_token}, clock::now());
}

void zerobus_sink::perform(const zerobus::renew_token&) {
    token_errand_.start([&config = databricks_, &table = stream_config_.table](const std::stop_token& stop) {
        return http::patiently(stop, [&] { return databricks::ask_for_token(config, table, stop); });
    });
}

void zerobus_sink::take_token(time_point now) {
    try {
        auto fresh = token_errand_.take();
        if (!fresh) return;
        token_ = std::move(*fresh);
        stream_.handle(zerobus::token_renewed{}, now);
    } catch (const http::unavailable& u) {
        stream_.handle(zerobus::token_unavailable{u.reason}, now);
    } catch (const failure& f) {
        token_refusal_ = f.what();
        stream_.handle(zerobus::token_refused{f.what()}, now);
    }
}

// ---- what the stream tells

void zerobus_sink::on(const zerobus::durable& rows) {
    if (rows.rows.end <= dealt_with_.rows + refused_in_a_row_) return;
    pass_refused(); // they were bad rows, and not the table
    for (; dealt_with_.rows < rows.rows.end; ++dealt_with_.rows) origins_.pop_front();
}

void zerobus_sink::on(const zerobus::row_rejected& row) {
    letters_.row(origins_.front(), row.record, row.reason);
    origins_.pop_front();
    if (refused_in_a_row_++ == 0) first_refused_ = clock::now();
    // Without any position the next run would begin anew, and from LATEST it would not see what came meanwhile: the first row is
    // passed, though the table may be what is wrong.
    if (!has_position_) pass_refused();
}

void zerobus_sink::pass_refused() {
    dealt_with_.rows += refused_in_a_row_;
    dealt_with_.refused += std::exchange(refused_in_a_row_, 0);
}

void zerobus_sink::on(const zerobus::interrupted& pause) {
    const auto wait = std::chrono::duration_cast<std::chrono::milliseconds>(pause.until - clock::now());
    const bool expected = pause.message == no_token; // nothing has gone wrong: it is asked for
    spdlog::log(expected ? spdlog::level::debug : spdlog::level::warn,
                "zerobus: {}: the stream is interrupted ({}); next one in {} ms", stream_config_.table,
                pause.cause.code == errc::call_ended          ? describe(pause.status, {}, pause.message)
                : pause.cause.code == errc::token_unavailable ? pause.message
                                                              : pause.cause.message(),
                std::max<std::int64_t>(wait.count(), 0));
}

void zerobus_sink::on(const zerobus::failed& failed) {
    using wire::grpc_status;
    const std::string& table = stream_config_.table;
    if (failed.cause.code == errc::token_refused) throw failure(exit_code::refused, token_refusal_);
    const std::string said = failed.cause.code == errc::call_ended ? describe(failed.status, {}, failed.message)
                                                                   : std::string(failed.cause.message());
    switch (failed.status) {
    case grpc_status::unauthenticated:
    case grpc_status::permission_denied:
        throw failure(exit_code::refused, "Databricks refuses the table " + table + " (" + said
                                              + "); check [databricks] client_id and that the service principal has "
                                                "USE CATALOG, USE SCHEMA, SELECT "
                                                "and MODIFY granted on the table itself.");
    case grpc_status::not_found:
    case grpc_status::unimplemented:
    case grpc_status::out_of_range:
        throw failure(exit_code::refused, "Databricks has no table " + table + " to stream into (" + said
                                              + "); check [[stream]] table and [databricks] zerobus_endpoint.");
    case grpc_status::invalid_argument:
        throw failure(
            exit_code::refused,
            "Databricks refuses rows for the table " + table + " (" + said
                + "); the table's columns must be those of [[stream]] layout. The position is kept in front "
                  "of the rows that are not in the dead letters.");
    default: break;
    }
    throw failure(exit_code::failed, "The stream into " + table + " cannot go on (" + said
                                         + "): " + std::string(failed.what_to_do) + ".");
}

} // namespace sfcdc::runner
