// Rows into Databricks tables through Zerobus: performs what the delivery's streams ask for.
#pragma once

#include "../databricks/token.hpp"
#include "../disk/durable_file.hpp"
#include "../disk/position_keeper.hpp"
#include "sink.hpp"
#include "table_stream.hpp"
#include "typed_table.hpp"

#include <cstdint>
#include <deque>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace sfcdc::runner {

// At least once: what was sent but not acknowledged when a call broke is sent again on the next one, in order.
class zerobus_sink final : public sink {
  public:
    zerobus_sink(const pipeline_config& pipeline, databricks::workspace& workspace, inbox& in);

    void prove() override;
    std::optional<pubsub::replay_id> open(const position_owner& owner, const std::stop_token& stop) override;
    std::optional<pubsub::replay_id> position_of_rows(const std::stop_token& stop) override;
    bool earliest_if_unknown() const override { return earliest_if_unknown_; }
    std::vector<zerobus::ingest_stream_options> streams() override;
    bool writes_itself() const override { return false; }
    bool ready_for(const cdc::event& event) override;
    std::uint32_t add(const cdc::event& event, const row::envelope& around) override;
    void settle() override;
    void interrupted(const delivery_reason& why) override;
    std::optional<time_point> timeout() const override;
    bool commit(const pubsub::replay_id* position) override;
    void perform(stream_action& a) override { streams_[a.outlet]->perform(a.action); }
    const row::layout* columns_of(std::uint32_t outlet, std::int64_t row_offset) const override;
    bool ready_for_columns(std::string_view entity, const cdc::plan& plan) override;
    std::vector<std::string> add_columns(std::string_view entity, const cdc::plan& plan,
                                         const nlohmann::ordered_json& columns) override;
    std::string table(std::uint32_t outlet) const override { return streams_.at(outlet)->table(); }
    std::string token_refusal(std::uint32_t outlet) const override { return streams_.at(outlet)->token_refusal(); }

  private:
    // A typed table, and where its rows go; no outlet before it is set up.
    struct typed {
        std::unique_ptr<typed_table> table;
        std::optional<std::uint32_t> outlet{};
        // The columns of rows from these places on; the newest few, since a row is refused soon after it was sent or never.
        struct epoch {
            std::int64_t first_row;
            std::shared_ptr<const row::layout> columns;
        };
        std::deque<epoch> epochs{};
    };

    void compare_tables(const std::stop_token& stop);
    void set_up(const std::string& table, const std::stop_token& stop);
    zerobus::ingest_stream_options options_of(const std::string& table, std::string descriptor) const;
    std::uint32_t make_stream(const std::string& table);
    std::uint32_t outlet_for(std::string_view entity);
    typed& typed_for(std::string_view entity);
    std::string_view entity_of(const cdc::event& event) const {
        return table_by_entity_ ? event.header().entity_name() : std::string_view();
    }
    void take_descriptor(typed& t);
    void write_plan();

    const pipeline_config& config_;
    const bool table_by_entity_; // the configuration's table has {entity} in it
    databricks::workspace& workspace_;
    inbox& inbox_;
    position_keeper position_;
    position_owner owner_;
    bool earliest_if_unknown_ = false;
    std::vector<std::unique_ptr<table_stream>> streams_;        // by outlet
    std::map<std::string, std::uint32_t, std::less<>> outlets_; // by entity, where the table's name depends on it
    std::map<std::string, typed, std::less<>> typed_;           // by entity, or one
    typed* ready_ = nullptr; // the table of the event that ready_for() has said is ready
    std::optional<replaced_file> plan_file_;
    std::string record_; // the row that is being made
};

} // namespace sfcdc::runner
