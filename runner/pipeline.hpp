// One stream of the configuration: events of a topic in, rows and positions into a sink.
#pragma once

#include "config.hpp"
#include "dead_letters.hpp"
#include "salesforce/org.hpp"
#include "sinks/sink.hpp"

#include <sfcdc/cdc/event.hpp>
#include <sfcdc/pubsub/replay_id.hpp>

#include <atomic>
#include <chrono>
#include <cstdint>
#include <memory>
#include <mutex>
#include <optional>
#include <stop_token>
#include <string>
#include <unordered_map>

namespace sfcdc::runner {

class pipeline {
  public:
    // `from` says where to start when there is no position, or Salesforce does not know the stored one any more;
    // without it the first is the configuration's `start`, and the second ends the run.
    pipeline(const stream_config& stream, const databricks_config& databricks, salesforce::org& org,
             std::optional<start_position> from);

    // Until `stop` is requested, and then until what was received is durable. Throws failure.
    void run(const std::stop_token& stop);

    // Called several times a second by another thread: ends calls that are silent for too long, that must stop, or
    // whose sink is broken.
    void watch(const std::stop_token& stop);

    struct counters {
        std::atomic<std::uint64_t> events{0}, undecodable{0}, keepalives{0}, calls{0}, replaced_bytes{0};
    };
    const counters& counts() const noexcept { return counts_; }
    std::uint64_t rows_durable() const { return sink_->rows_durable(); }
    const std::string& topic() const noexcept { return stream_.topic; }

  private:
    using clock = std::chrono::steady_clock;

    salesforce::call_end subscribe(const salesforce::session& session, const std::stop_token& stop);
    void receive(const eventbus::v1::FetchResponse& response, const std::stop_token& stop);
    void handle(const eventbus::v1::ConsumerEvent& received, const std::stop_token& stop);
    void undecodable(const row::envelope& around, std::span<const std::byte> payload, std::string_view reason,
                     std::uint32_t offset);
    bool schema_json_due(const std::string& schema_id);
    void choose_position(const std::string& said);

    const stream_config stream_;
    salesforce::org& org_;
    std::optional<start_position> from_;
    std::unique_ptr<sink> sink_;
    dead_letters dead_letters_;
    cdc::decoder decoder_;
    std::string org_id_;
    start_position preset_ = start_position::earliest;
    std::optional<pubsub::replay_id> position_; // of the last event handed to the sink; nothing: preset_ counts
    std::unordered_map<std::string, std::int64_t> rows_since_schema_;
    counters counts_;

    std::mutex call_mutex_;
    grpc::ClientContext* call_ = nullptr; // the call that watch() may cancel
    clock::time_point last_heard_;
    bool silent_ = false;
    std::atomic<bool> handling_ = false; // inside the sink: silence is ours, not the peer's
};

} // namespace sfcdc::runner
