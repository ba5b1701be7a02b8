// Rows into Databricks tables through Zerobus: performs what the delivery's streams ask for.
#pragma once

#include "../databricks/token.hpp"
#include "../io/calls.hpp"
#include "../io/errand.hpp"
#include "sink.hpp"

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

namespace sfcdc::runner {

// The calls of one stream, with the tokens of its table.
class table_stream final : private calls::listener {
  public:
    table_stream(std::string table, databricks::workspace& workspace, inbox& in, std::uint32_t outlet);

    void attach(delivery& to) { delivery_ = &to; }
    void perform(zerobus::action& action);
    void take_token();

    const std::string& table() const noexcept { return table_; }
    const std::string& token_refusal() const noexcept { return token_refusal_; }

  private:
    using tokens = databricks::workspace::tokens;

    void call_opened(std::uint64_t call) noexcept override;
    void call_responded(std::uint64_t call, received_bytes response) noexcept override;
    void call_ended(std::uint64_t call, const call_status& status) noexcept override;

    void tell(const zerobus::input& in);
    void open_call(const zerobus::open_call& open);
    void ask_for_token();

    const std::string table_;
    const std::uint32_t outlet_;
    tokens& tokens_;
    delivery* delivery_ = nullptr;

    tokens::issued token_;
    unsigned refused_ = 0; // this generation of the token was not accepted
    std::string token_refusal_;
    std::optional<zerobus::open_call> waits_for_token_; // to be performed when there is a token
    bool renewing_ = false;                             // the stream has asked for a token
    errand<tokens::issued> token_errand_;
    calls calls_;
};

// At least once: what was sent but not acknowledged when a call broke is sent again on the next one, in order.
class zerobus_sink final : public sink {
  public:
    zerobus_sink(const pipeline_config& pipeline, databricks::workspace& workspace, inbox& in);

    void prove() override {
        if (position_) position_->prove();
    }
    std::optional<pubsub::replay_id> open(const position_owner& owner, const std::stop_token& stop) override;
    std::vector<zerobus::ingest_stream_options> streams() override;
    bool writes_itself() const override { return false; }
    void attach(delivery& to) override;
    std::uint32_t add(const cdc::event& event, const row::envelope& around) override;
    void settle() override;
    bool commit(const pubsub::replay_id* position) override;
    void perform(stream_action& a) override { streams_[a.outlet]->perform(a.action); }
    std::string table(std::uint32_t outlet) const override { return streams_.at(outlet)->table(); }
    std::string token_refusal(std::uint32_t outlet) const override { return streams_.at(outlet)->token_refusal(); }

  private:
    zerobus::ingest_stream_options options_of(const std::string& table) const;
    std::uint32_t make_stream(const std::string& table);
    std::uint32_t outlet_for(const cdc::event& event);

    const pipeline_config& config_;
    const bool table_by_entity_; // the configuration's table has {entity} in it
    databricks::workspace& workspace_;
    inbox& inbox_;
    std::optional<position_file> position_; // none where Salesforce keeps it
    position_owner owner_;
    std::vector<std::unique_ptr<table_stream>> streams_;        // by outlet
    std::map<std::string, std::uint32_t, std::less<>> outlets_; // by entity, where the table's name depends on it
    std::string record_;                                        // the row that is being made
};

} // namespace sfcdc::runner
