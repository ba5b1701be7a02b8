// One run of a [[pipeline]] of the configuration: performs what its delivery asks for, and decides nothing. Events of a topic in, rows
// and the position into a sink.
#pragma once

#include "../config/start_from.hpp"
#include "../disk/dead_letters.hpp"
#include "../io/calls.hpp"
#include "../io/errand.hpp"
#include "../io/inbox.hpp"
#include "../operations/failure.hpp"
#include "../operations/metrics.hpp"
#include "../salesforce/org.hpp"
#include "../sinks/sink.hpp"
#include "event_filter.hpp"
#include "event_source.hpp"
#include "hidden_fields.hpp"

#include <sfcdc/cdc/decoder.hpp>
#include <sfcdc/delivery.hpp>

#include <cstddef>
#include <cstdint>
#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <span>
#include <stop_token>
#include <string>
#include <unordered_map>
#include <vector>

namespace sfcdc::runner {

using sink_maker = std::function<std::unique_ptr<sink>()>;

class pipeline final : private calls::listener {
  public:
    // `from` says where to start when there is no position; a preset of it also when Salesforce does not know the stored one any more.
    // Without it the first is the configuration's `start`, and the second ends the run. `memory` bounds the events and rows that are
    // held, in bytes.
    // `workspace` is null unless rows go there. `make` makes another sink than the configuration names; empty: that one. All references
    // outlive the pipeline. `source` has the events in place of the topic: nobody logs in, and no position is stored.
    pipeline(const pipeline_config& config, salesforce::org& org, databricks::workspace* workspace,
             std::size_t memory, const std::optional<start_from>& from, pipeline_counts& counts,
             const sink_maker& make = {}, event_source* source = nullptr);

    // Before anything is connected: throws failure unless every file of the pipeline can be written.
    void prove() {
        sink_->prove();
        if (source_ == nullptr) letters_.prove();
    }

    // Until `stop` is requested, and then until what was received is durable. Throws failure.
    void run(const std::stop_token& stop);

  private:
    struct known_schema {
        std::shared_ptr<const salesforce::event_schema> schema;
        std::unique_ptr<const hidden_fields::of_schema> hidden{}; // null: the pipeline hides no fields
    };
    struct schema_answer {
        std::string id;
        std::shared_ptr<const salesforce::event_schema> schema; // null: refused
        std::string why_not;
    };

    void call_opened(std::uint64_t call) noexcept override;
    void call_responded(std::uint64_t call, received_bytes response) noexcept override;
    void call_ended(std::uint64_t call, const call_status& status) noexcept override;

    void stop_errands();
    void open(const std::stop_token& stop);
    void open_source();
    void begin_delivery(delivery_options options);
    void turn_of_source();
    void name_managed_subscription(pubsub::subscription_options& options) const;
    void loop(const std::stop_token& stop);
    void tell(const pubsub::input& in);

    void take_session();
    void take_schema();
    void fetch_next_schema();
    void hand_over();
    bool add(const delivery::event& event);
    bool add_again(const delivery::event& event, const cdc::plan& plan, const nlohmann::ordered_json& columns);
    result<cdc::event> decode(const known_schema& schema, std::span<const std::byte> payload);
    void log_warnings_of_hidden_fields();
    bool may_have_table(std::string_view entity);
    bool schema_json_due(std::string_view schema_id);

    void take_news();
    void on(const dead_letter& letter);
    void on(const delivery_interrupted& pause);
    void on(const delivery_failed& failed);
    void on(const position_replaced& replaced);
    void on(const delivery_keepalive& alive);
    void on(const commit_refused& why);

    void note_event(const cdc::event& event);
    void measure(bool position_moved);
    void measure_lag(bool position_moved);

    void perform(subscription_action& a);
    void perform(stream_action& a) { sink_->perform(a); }
    void perform(fetch_schema& a);
    void log_in_anew();

    const pipeline_config& config_;
    salesforce::org& org_;
    event_source* const source_;   // null: the topic
    bool source_complete_ = false; // each of its events is durable or a letter
    event_filter filter_;
    hidden_fields hidden_;
    const std::vector<std::string> hides_; // what letters say of it
    const bool table_by_entity_;           // the configuration's table has {entity} in it
    const std::size_t memory_;
    const std::optional<start_from> from_where_;

    inbox inbox_;
    dead_letters letters_;
    std::optional<delivery> delivery_; // since open(); outlives what hands calls' ends to it: the sink, and calls_
    std::unique_ptr<sink> sink_;
    const std::string workspace_section_; // for the operator
    pipeline_counts& counts_;
    const std::uint64_t rows_durable_before_;

    salesforce::sessions::issued session_;
    std::string login_refusal_; // for the operator
    std::unordered_map<std::string, known_schema> schemas_;
    std::unordered_map<std::string, std::int64_t> rows_since_schema_;
    std::map<std::string, std::string, std::less<>> schema_of_; // the last schema of each object, by its Avro name
    std::deque<std::string> schemas_to_fetch_;
    std::set<std::string, std::less<>> entities_; // that have a table of their own
    cdc::decoder decoder_;
    std::vector<std::byte> payload_with_tokens_; // of the event at hand

    // A place in the topic, for the measurement of lags: behind so many events of this run. `committed` is the commit of the last of
    // these, in milliseconds since 1970, or the time at which a keepalive said that there are no more.
    struct milestone {
        std::uint64_t events;
        std::int64_t committed;
        bool of_event;
    };
    std::deque<milestone> milestones_;     // those that the position has not passed, at most one for each turn
    std::uint64_t events_handed_over_ = 0; // of this run: passed or rejected
    std::uint64_t rejected_here_ = 0;      // of these, by add(), with letters that were not polled
    std::uint64_t received_ = 0;           // of this run, as counts_ knows
    std::int64_t committed_ = 0;           // of the last event of this turn; 0: there was none
    // The sums of all streams of this run, as counts_ knows them.
    zerobus::ingest_stream_counts streams_{};
    std::uint64_t rows_ = 0;

    std::string last_letter_;    // for the operator
    std::optional<failure> end_; // why it comes to an end, when it does so by itself

    calls calls_;
    errand<salesforce::sessions::issued> login_;
    errand<schema_answer> schema_;
};

} // namespace sfcdc::runner
