// One stream of the configuration: events of a topic in, rows and positions into a sink. The loop that joins the machines
// pubsub::subscription and checkpoint with a sink; tests/simulation/runner.hpp is the same loop on a simulated network.
#pragma once

#include "calls.hpp"
#include "config.hpp"
#include "disk/dead_letters.hpp"
#include "errand.hpp"
#include "failure.hpp"
#include "inbox.hpp"
#include "salesforce/org.hpp"
#include "sinks/sink.hpp"

#include <sfcdc/cdc/event.hpp>
#include <sfcdc/checkpoint.hpp>
#include <sfcdc/pubsub/replay_id.hpp>
#include <sfcdc/pubsub/subscription.hpp>

#include <atomic>
#include <cstdint>
#include <deque>
#include <memory>
#include <optional>
#include <stop_token>
#include <string>
#include <unordered_map>

namespace sfcdc::runner {

class pipeline final : private calls::listener {
  public:
    // `from` says where to start when there is no position, or Salesforce does not know the stored one any more;
    // without it the first is the configuration's `start`, and the second ends the run.
    pipeline(const stream_config& stream, const databricks_config& databricks, salesforce::org& org,
             std::optional<start_position> from);

    // Before anything is connected: throws failure unless every file of the pipeline can be written.
    void prove() const {
        sink_->prove();
        letters_.prove();
    }

    // Until `stop` is requested, and then until what was received is durable. Throws failure.
    void run(const std::stop_token& stop);

    // From any thread.
    struct counters {
        std::atomic<std::uint64_t> events{0}, keepalives{0}, calls{0}, replaced_bytes{0}, rows_durable{0},
            held{0}; // not 0: events were received that are not passed
    };
    const counters& counts() const noexcept { return counts_; }
    const dead_letters& letters() const noexcept { return letters_; }
    const std::string& topic() const noexcept { return stream_.topic; }

  private:
    // Handed over by the subscription, and not yet by us to the sink. Its events need a schema first.
    struct taken {
        explicit taken(pubsub::replay_id keepalive) : reached(std::move(keepalive)) {}
        taken(received_bytes b, const pubsub::fetch_response& r) : bytes(std::move(b)), next(r.events.begin()) {}

        std::optional<received_bytes> bytes; // what the events are views of; nothing: a keepalive
        pubsub::event_list::iterator next{}; // the first event that is not with the sink
        pubsub::replay_id reached{};         // by a keepalive
        std::int64_t at = 0;                 // milliseconds since the epoch
    };
    struct schema_answer {
        std::shared_ptr<const salesforce::event_schema> schema;
        std::string why_not;
    };

    void call_opened(std::uint64_t call) noexcept override;
    void call_responded(std::uint64_t call, received_bytes response) noexcept override;
    void call_ended(std::uint64_t call, const call_status& status) noexcept override;

    void open(const std::stop_token& stop);
    void loop(const std::stop_token& stop);
    void perform_actions();
    void perform(const pubsub::open_call& action);
    void perform(pubsub::send_request& action) { calls_.send(action.call, std::move(action.bytes)); }
    void perform(const pubsub::cancel_call& action) { calls_.cancel(action.call); }
    void perform(const pubsub::renew_token& action);
    void take_session();

    void tell(const pubsub::input& in);
    void take_news(const received_bytes* response);
    void on(const pubsub::interrupted& pause);
    void on(const pubsub::failed& failed);
    void choose_position(const std::string& said);
    void end_with(const failure& why);

    void hand_over();
    bool hand_over(const pubsub::consumer_event& event, std::int64_t received);
    std::optional<schema_answer> schema_of(const std::string& id);
    bool schema_json_due(const std::string& schema_id);
    void settle();

    const stream_config stream_;
    const databricks_config databricks_;
    salesforce::org& org_;
    const std::optional<start_position> from_where_;

    inbox inbox_;
    dead_letters letters_;
    std::unique_ptr<sink> sink_;
    std::optional<pubsub::subscription> from_; // since open()
    checkpoint at_;
    std::uint32_t rows_stream_ = 0; // the sink's, in the checkpoint
    std::int64_t rows_ = 0;         // that the sink was given
    pubsub::replay_id stored_;
    std::deque<taken> taken_;

    salesforce::session session_;
    std::string login_refusal_; // for the operator
    std::unordered_map<std::string, std::shared_ptr<const salesforce::event_schema>> schemas_;
    std::unordered_map<std::string, std::int64_t> rows_since_schema_;
    cdc::decoder decoder_;

    std::optional<failure> end_; // why it comes to an end, when it does so by itself
    std::optional<time_point> drain_until_;
    counters counts_;

    calls calls_;
    errand<salesforce::session> login_;
    errand<schema_answer> schema_;
};

} // namespace sfcdc::runner
