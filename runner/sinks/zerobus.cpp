#include "zerobus.hpp"

#include "../channel.hpp"
#include "../failure.hpp"
#include "../pause.hpp"

#include <sfcdc/row/protobuf.hpp>

#include <spdlog/spdlog.h>

#include <random>

namespace sfcdc::runner {
namespace {

namespace zerobus = ::databricks::zerobus;
using namespace std::chrono_literals;

// Databricks: 10 MiB of rows for a request; its own clients stay 64 KiB below.
constexpr std::size_t max_request_bytes = 10'420'224;
// Enough to keep a stream busy at 100 events a batch and 200 ms for an ack; what is more waits in Salesforce.
constexpr std::size_t max_requests = 256;
constexpr std::size_t max_queued_bytes = 64u << 20;

constexpr auto opening_time = 15s;
constexpr auto ack_time = 60s;    // of the oldest request under way
constexpr auto closing_time = 5s; // from our half-close to the end of the call

} // namespace

zerobus_sink::zerobus_sink(const stream_config& stream, const databricks_config& databricks)
    : stream_(stream),
      layout_(stream.layout),
      checkpoint_(stream.checkpoint),
      token_(databricks, stream.table),
      stub_(zerobus::Zerobus::NewStub(open_channel(databricks.zerobus_endpoint, databricks.ca_file))) {}

zerobus_sink::~zerobus_sink() {
    worker_.request_stop();
    changed_.notify_all();
}

std::optional<pubsub::replay_id> zerobus_sink::open(const position_owner& owner) {
    owner_ = owner;
    auto position = checkpoint_.load(owner);
    worker_ = std::jthread([this](const std::stop_token& stop) { work(stop); });
    return position;
}

std::uint32_t zerobus_sink::add(const cdc::event& event, const row::envelope& around) {
    std::uint32_t replaced = 0;
    row::for_each_row(layout_, event, [&](const row::record& of) {
        std::string row;
        replaced += row::append_protobuf(layout_, event, around, row, of);
        push(std::move(row));
    });
    return replaced;
}

void zerobus_sink::push(std::string row) {
    if (row.size() > max_request_bytes)
        throw failure(exit_code::needs_decision,
                      "An event gives a row of " + std::to_string(row.size()) + " bytes, and Zerobus takes "
                          + std::to_string(max_request_bytes) + " in a request; choose another [[stream]] layout.");
    if (batch_.bytes + row.size() > max_request_bytes) close_batch();
    batch_.bytes += row.size();
    batch_.rows.push_back(std::move(row));
}

void zerobus_sink::commit(const pubsub::replay_id& position, const std::stop_token& stop) {
    close_batch();
    std::unique_lock lock(mutex_);
    // A keepalive brings a position without rows: it is reached together with the last row in front of it.
    if (queue_.empty())
        checkpoint_.store(owner_, position);
    else
        queue_.back().position = position;
    changed_.wait(lock, stop, [this] { return !full() || failed_; });
    if (failed_) std::rethrow_exception(failed_);
    if (stop.stop_requested()) throw stopped{};
}

bool zerobus_sink::drain(std::chrono::milliseconds time) {
    std::unique_lock lock(mutex_);
    closing_ = true;
    changed_.notify_all();
    const bool done = changed_.wait_for(lock, time, [this] { return queue_.empty() || failed_; });
    if (failed_) std::rethrow_exception(failed_);
    return done;
}

void zerobus_sink::check() {
    const std::scoped_lock lock(mutex_);
    if (failed_) std::rethrow_exception(failed_);
}

std::uint64_t zerobus_sink::rows_durable() const {
    const std::scoped_lock lock(mutex_);
    return rows_durable_;
}

void zerobus_sink::close_batch() {
    if (batch_.rows.empty()) return;
    const std::scoped_lock lock(mutex_);
    queued_bytes_ += batch_.bytes;
    queue_.push_back(std::exchange(batch_, {}));
    changed_.notify_all();
}

bool zerobus_sink::full() const noexcept {
    return queue_.size() >= max_requests || queued_bytes_ >= max_queued_bytes;
}

void zerobus_sink::work(const std::stop_token& stop) {
    backoff wait(std::random_device{}());
    try {
        while (!stop.stop_requested()) {
            {
                std::unique_lock lock(mutex_); // no stream before there is something for it
                changed_.wait(lock, stop, [this] { return !queue_.empty() || closing_; });
                if (queue_.empty() && closing_) return;
            }
            if (stop.stop_requested()) return;
            switch (run_call(stop)) {
            case outcome::reconnect_now: wait.reset(); break;
            case outcome::new_token: token_.refused(); [[fallthrough]];
            case outcome::reconnect_later: {
                const auto delay = wait.next();
                spdlog::warn("zerobus: {}: next stream in {} ms", stream_.table, delay.count());
                pause(stop, delay);
                break;
            }
            }
        }
    } catch (const stopped&) {
    } catch (...) {
        const std::scoped_lock lock(mutex_);
        failed_ = std::current_exception();
        changed_.notify_all();
    }
}

zerobus_sink::outcome zerobus_sink::run_call(const std::stop_token& stop) {
    grpc::ClientContext context;
    context.AddMetadata("authorization", "Bearer " + token_.get(stop));
    context.AddMetadata("x-databricks-zerobus-table-name", stream_.table);
    const std::unique_ptr<call> c = stub_->EphemeralStream(&context);
    zerobus::EphemeralStreamRequest first;
    auto& create = *first.mutable_create_stream();
    create.set_table_name(stream_.table);
    create.set_descriptor_proto(row::descriptor_proto(layout_));
    create.set_record_type(zerobus::PROTO);

    call_state state;
    {
        const std::scoped_lock lock(mutex_);
        in_flight_ = 0; // what the last call did not acknowledge is sent again, from wire offset 0
        first_offset_ = 0;
    }
    const bool written = c->Write(first);
    std::jthread reader([&] { read(*c, context, state); });
    if (written)
        send_all(*c, context, state, stop);
    else
        context.TryCancel();
    reader.join();
    const grpc::Status status = c->Finish();
    if (stop.stop_requested()) throw stopped{};
    return judge(status, state);
}

// Runs beside send_all(), until the call ends.
void zerobus_sink::read(call& c, grpc::ClientContext& context, call_state& state) {
    zerobus::EphemeralStreamResponse response;
    try {
        while (c.Read(&response)) {
            const std::scoped_lock lock(mutex_);
            if (!state.broken.empty()) continue; // to the end of the call
            if (!state.created) {
                state.created =
                    response.has_create_stream_response() && !response.create_stream_response().stream_id().empty();
                if (!state.created)
                    state.broken = "the first answer is not a create_stream_response with a stream id";
            } else if (response.has_close_stream_signal()) {
                const auto& d = response.close_stream_signal().duration();
                const auto time = std::chrono::seconds(d.seconds()) + std::chrono::nanoseconds(d.nanos());
                state.rotate_until = clock::now() + std::clamp<clock::duration>(time, 0s, 5min);
            } else if (!response.has_ingest_record_response()
                       || !response.ingest_record_response().has_durability_ack_up_to_offset()) {
                state.broken = "an answer is neither an acknowledgement nor a close signal";
            } else {
                acknowledge(response.ingest_record_response().durability_ack_up_to_offset(), state);
            }
            if (!state.broken.empty()) context.TryCancel();
            changed_.notify_all();
        }
    } catch (...) { // the position could not be stored
        const std::scoped_lock lock(mutex_);
        failed_ = std::current_exception();
        context.TryCancel();
    }
    const std::scoped_lock lock(mutex_);
    state.ended = true;
    changed_.notify_all();
}

// Everything up to `offset` is durable. With mutex_ held, so that positions are stored in order and whoever waits for
// an empty queue finds the last one stored.
void zerobus_sink::acknowledge(std::int64_t offset, call_state& state) {
    if (offset < first_offset_) return; // repeated, or -1: nothing new is durable
    if (offset >= first_offset_ + static_cast<std::int64_t>(in_flight_)) {
        state.broken = "an acknowledgement is beyond what was sent";
        return;
    }
    std::optional<pubsub::replay_id> position;
    for (; first_offset_ <= offset; ++first_offset_, --in_flight_) {
        request& durable = queue_.front();
        if (durable.position) position = std::move(durable.position);
        rows_durable_ += durable.rows.size();
        queued_bytes_ -= durable.bytes;
        queue_.pop_front();
    }
    state.progress = true;
    refusals_ = 0;
    if (position) checkpoint_.store(owner_, *position);
}

// Sends requests in order until the call must not or cannot go on, then closes our half of it.
void zerobus_sink::send_all(call& c, grpc::ClientContext& context, call_state& state, const std::stop_token& stop) {
    const auto opened_by = clock::now() + opening_time;
    std::unique_lock lock(mutex_);
    const std::stop_callback wake(stop, [this] { changed_.notify_all(); });
    for (std::int64_t offset = 0;;) {
        const auto now = clock::now();
        if (!state.created && now >= opened_by) state.broken = "no answer to create_stream in time";
        if (in_flight_ > 0 && now - queue_.front().sent > ack_time) state.broken = "no acknowledgement in time";
        if (stop.stop_requested() || !state.broken.empty() || failed_) return context.TryCancel();
        if (state.ended || (closing_ && queue_.empty())) break;
        if (state.rotate_until && (in_flight_ == 0 || now >= *state.rotate_until)) break;

        if (!state.created || state.rotate_until || in_flight_ == queue_.size()) {
            changed_.wait_until(lock, std::min(now + 1s, state.rotate_until.value_or(now + 1s)));
            continue;
        }
        request& next = queue_[in_flight_];
        zerobus::EphemeralStreamRequest message;
        if (next.rows.size() == 1) {
            auto& one = *message.mutable_ingest_record();
            one.set_offset_id(offset++);
            one.set_proto_encoded_record(next.rows.front());
        } else {
            auto& batch = *message.mutable_ingest_record_batch();
            batch.set_offset_id(offset++);
            for (const std::string& row : next.rows) batch.mutable_proto_encoded_batch()->add_records(row);
        }
        next.sent = now;
        ++in_flight_; // before the write: the acknowledgement may come before the write returns
        lock.unlock();
        const bool written = c.Write(message);
        lock.lock();
        if (!written) break;
    }
    // Half-close, do not cancel: acknowledgements on their way are still read, and those rows are not sent twice.
    lock.unlock();
    c.WritesDone();
    lock.lock();
    if (!changed_.wait_for(lock, closing_time, [&] { return state.ended; })) context.TryCancel();
}

zerobus_sink::outcome zerobus_sink::judge(const grpc::Status& status, const call_state& state) {
    const std::scoped_lock lock(mutex_);
    if (failed_) std::rethrow_exception(failed_);
    const std::string said = "status " + std::to_string(status.error_code()) + ": " + status.error_message();
    if (!state.broken.empty()) {
        spdlog::warn("zerobus: {}: {}; {} requests will be sent again", stream_.table, state.broken, queue_.size());
        return outcome::reconnect_later;
    }
    if (state.rotate_until || (closing_ && queue_.empty())) {
        spdlog::debug("zerobus: {}: stream rotated", stream_.table);
        // A server that wants to close before it has taken anything is not rotating, it is in trouble.
        return state.progress || queue_.empty() ? outcome::reconnect_now : outcome::reconnect_later;
    }
    switch (status.error_code()) {
    case grpc::StatusCode::UNAUTHENTICATED:
    case grpc::StatusCode::PERMISSION_DENIED:
        // A stream outlives its token; a fresh one settles whether it was that.
        if (++refusals_ < 3) {
            spdlog::warn("zerobus: {}: {}; asking for a new token", stream_.table, said);
            return outcome::new_token;
        }
        throw failure(
            exit_code::refused,
            "Databricks refuses the table " + stream_.table + " (" + said
                + "); check [databricks] client_id and that the "
                  "service principal has USE CATALOG, USE SCHEMA, SELECT and MODIFY granted on the table itself.");
    case grpc::StatusCode::NOT_FOUND:
    case grpc::StatusCode::UNIMPLEMENTED:
    case grpc::StatusCode::OUT_OF_RANGE:
        throw failure(exit_code::refused, "Databricks has no table " + stream_.table + " to stream into (" + said
                                              + "); check [[stream]] table and [databricks] zerobus_endpoint.");
    case grpc::StatusCode::INVALID_ARGUMENT:
        throw failure(exit_code::refused, "Databricks refuses rows for the table " + stream_.table + " (" + said
                                              + "); the table's columns must be those of [[stream]] layout. The "
                                                "position is kept in front of them.");
    default: break;
    }
    spdlog::warn("zerobus: {}: the stream ended ({}); {} requests will be sent again", stream_.table, said,
                 queue_.size());
    return state.progress ? outcome::reconnect_now : outcome::reconnect_later;
}

} // namespace sfcdc::runner
