// Rows into a Databricks table through Zerobus: performs what zerobus::ingest_stream asks for.
#pragma once

#include "../calls.hpp"
#include "../databricks/token.hpp"
#include "../errand.hpp"
#include "sink.hpp"

#include <sfcdc/zerobus/ingest_stream.hpp>

#include <deque>
#include <string>

namespace sfcdc::runner {

// At least once: what was sent but not acknowledged when a call broke is sent again on the next one, in order. A row that
// Databricks refuses goes to the dead letters.
class zerobus_sink final : public sink, private calls::listener {
  public:
    zerobus_sink(const stream_config& stream, const databricks_config& databricks, dead_letters& letters, inbox& in);

    void prove() override { position_.prove(); }
    std::optional<pubsub::replay_id> open(const position_owner& owner, const std::stop_token& stop) override;
    added add(const cdc::event& event, const row::envelope& around) override;
    dealt_with settle(time_point now) override;
    bool commit(const pubsub::replay_id* position) override;
    std::optional<time_point> timeout() const override;
    void close() override { closing_ = true; }
    bool ended() const override { return stream_.closed(); }

  private:
    void call_opened(std::uint64_t call) noexcept override;
    void call_responded(std::uint64_t call, received_bytes response) noexcept override;
    void call_ended(std::uint64_t call, const call_status& status) noexcept override;

    void pass_refused();
    void take_token(time_point now);
    void take_events();
    void hand_over();

    void on(const zerobus::durable& rows);
    void on(const zerobus::row_rejected& row);
    void on(const zerobus::interrupted& pause);
    [[noreturn]] void on(const zerobus::failed& failure);

    void perform(const zerobus::open_call& action);
    void perform(zerobus::send_request& action) { calls_.send(action.call, std::move(action.bytes)); }
    void perform(const zerobus::half_close& action) { calls_.half_close(action.call); }
    void perform(const zerobus::cancel_call& action) { calls_.cancel(action.call); }
    void perform(const zerobus::renew_token& action);

    const stream_config& stream_config_;
    const databricks_config& databricks_;
    dead_letters& letters_;
    position_file position_;
    position_owner owner_;

    zerobus::ingest_stream stream_;
    databricks::table_token token_;
    std::string token_refusal_; // what the token endpoint's answer means, for the operator
    errand<databricks::table_token> token_errand_;
    calls calls_;

    // Batches wait here while the stream is full; Salesforce is asked for no more then. The last one is being filled.
    std::deque<zerobus::record_batch> waiting_;
    std::deque<row_origin> origins_; // of the rows that are neither durable nor refused
    dealt_with dealt_with_;
    // Refused rows behind dealt_with_, with no row taken since. If it goes on so, it is the table that does not fit, and the
    // position must not have passed them: the next run tries them again.
    std::int64_t refused_in_a_row_ = 0;
    time_point first_refused_{};
    bool has_position_ = false; // stored, by this run or an earlier one
    bool closing_ = false;
};

} // namespace sfcdc::runner
