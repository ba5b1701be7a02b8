// Rows into a Databricks table through Zerobus: performs what the delivery's stream asks for.
#pragma once

#include "../databricks/token.hpp"
#include "../io/calls.hpp"
#include "../io/errand.hpp"
#include "sink.hpp"

#include <cstdint>
#include <string>

namespace sfcdc::runner {

// At least once: what was sent but not acknowledged when a call broke is sent again on the next one, in order.
class zerobus_sink final : public sink, private calls::listener {
  public:
    zerobus_sink(const stream_config& stream, const databricks_config& databricks, inbox& in);

    void prove() override { position_.prove(); }
    std::optional<pubsub::replay_id> open(const position_owner& owner, const std::stop_token& stop) override;
    std::optional<zerobus::ingest_stream_options> stream() const override;
    std::uint32_t add(const cdc::event& event, const row::envelope& around) override;
    void settle() override { take_token(); }
    bool commit(const pubsub::replay_id* position) override;
    void perform(zerobus::action& action) override;
    std::string token_refusal() const override { return token_refusal_; }

  private:
    void call_opened(std::uint64_t call) noexcept override;
    void call_responded(std::uint64_t call, received_bytes response) noexcept override;
    void call_ended(std::uint64_t call, const call_status& status) noexcept override;

    void tell(const zerobus::input& in);
    void open_call(std::uint64_t call);
    void ask_for_token();
    void take_token();

    const stream_config& stream_config_;
    const databricks_config& databricks_;
    position_file position_;
    position_owner owner_;

    databricks::table_token token_;
    std::string token_refusal_;
    std::uint64_t waits_for_token_ = 0; // this call is opened when there is a token; 0: none
    bool renewing_ = false;             // the stream has asked for a token
    errand<databricks::table_token> token_errand_;
    calls calls_;
    std::string record_; // the row that is being made
};

} // namespace sfcdc::runner
