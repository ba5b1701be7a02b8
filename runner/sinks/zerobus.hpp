// Rows into a Databricks table through Zerobus: one gRPC stream, protobuf rows in batches, a position for each batch
// that is stored when the batch is acknowledged as durable.
#pragma once

#include "../databricks/token.hpp"
#include "sink.hpp"

#include <sfcdc/backoff.hpp>
#include <zerobus_service.grpc.pb.h>

#include <chrono>
#include <condition_variable>
#include <deque>
#include <exception>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

namespace sfcdc::runner {

// At least once: what was sent but not acknowledged when a stream broke is sent again on the next one, in order.
class zerobus_sink final : public sink {
  public:
    zerobus_sink(const stream_config& stream, const databricks_config& databricks);
    ~zerobus_sink() override;

    std::optional<pubsub::replay_id> open(const position_owner& owner) override;
    std::uint32_t add(const cdc::event& event, const row::envelope& around) override;
    void commit(const pubsub::replay_id& position, const std::stop_token& stop) override;
    bool drain(std::chrono::milliseconds time) override;
    void check() override;
    std::uint64_t rows_durable() const override;

  private:
    using clock = std::chrono::steady_clock;
    using stub = ::databricks::zerobus::Zerobus::Stub;
    using call = grpc::ClientReaderWriter<::databricks::zerobus::EphemeralStreamRequest,
                                          ::databricks::zerobus::EphemeralStreamResponse>;

    // What is sent and becomes durable together, and the position that is reached then.
    struct request {
        std::vector<std::string> rows;
        std::size_t bytes = 0;
        std::optional<pubsub::replay_id> position;
        clock::time_point sent;
    };
    // What the reader of one call has seen; guarded by mutex_.
    struct call_state {
        bool created = false;
        bool ended = false;
        bool progress = false;                         // an ack moved something
        std::optional<clock::time_point> rotate_until; // the server wants to close: send nothing more
        std::string broken;                            // the peer broke the protocol: how
    };
    enum class outcome { reconnect_now, reconnect_later, new_token };

    void work(const std::stop_token& stop);
    outcome run_call(const std::stop_token& stop);
    void read(call& c, grpc::ClientContext& context, call_state& state);
    void acknowledge(std::int64_t offset, call_state& state);
    void send_all(call& c, grpc::ClientContext& context, call_state& state, const std::stop_token& stop);
    outcome judge(const grpc::Status& status, const call_state& state);
    void push(std::string row);
    void close_batch();
    bool full() const noexcept;

    const stream_config stream_;
    row::layout layout_;
    checkpoint_file checkpoint_;
    position_owner owner_;
    databricks::table_token token_;
    std::unique_ptr<stub> stub_;
    request batch_; // being filled by add()

    mutable std::mutex mutex_;
    std::condition_variable_any changed_;
    std::deque<request> queue_; // in order; the first in_flight_ of them are on their way on the current call
    std::size_t queued_bytes_ = 0;
    std::size_t in_flight_ = 0;
    std::int64_t first_offset_ = 0; // wire offset of queue_.front()
    std::uint64_t rows_durable_ = 0;
    bool closing_ = false;
    std::exception_ptr failed_;
    unsigned refusals_ = 0; // UNAUTHENTICATED or PERMISSION_DENIED in a row
    std::jthread worker_;   // last: it uses all of the above
};

} // namespace sfcdc::runner
