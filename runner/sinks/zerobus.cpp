#include "zerobus.hpp"

#include "../databricks/table_fit.hpp"
#include "../databricks/table_position.hpp"
#include "../databricks/table_setup.hpp"
#include "../names.hpp"
#include "../operations/failure.hpp"
#include "row_columns.hpp"

#include <sfcdc/row/protobuf.hpp>

#include <spdlog/spdlog.h>

#include <chrono>
#include <random>
#include <utility>

namespace sfcdc::runner {
namespace {

using clock = std::chrono::steady_clock;

} // namespace

zerobus_sink::zerobus_sink(const pipeline_config& pipeline, databricks::workspace& workspace, inbox& in)
    : config_(pipeline),
      table_by_entity_(has_entity(pipeline.table)),
      workspace_(workspace),
      inbox_(in),
      position_(pipeline.checkpoint) {
    if (pipeline.typed && pipeline.evolve == evolve_mode::plan) plan_file_.emplace(pipeline.plan_file);
}

void zerobus_sink::prove() {
    position_.prove();
    if (plan_file_) plan_file_->prove();
}

std::optional<pubsub::replay_id> zerobus_sink::open(const position_owner& owner, const std::stop_token& stop) {
    owner_ = owner;
    compare_tables(stop);
    return position_.open(owner);
}

std::optional<pubsub::replay_id> zerobus_sink::position_of_rows(const std::stop_token& stop) {
    if (!position_.has_file() || workspace_.config().warehouse_id.empty()) return std::nullopt;
    auto [found, refused] = databricks::position_of_tables(workspace_, config_, owner_, stop);
    if (refused)
        throw failure(
            refused->what == databricks::refusal_class::unavailable ? exit_code::failed : exit_code::refused,
            config_.label + ": there is no stored position, and its tables cannot be asked for one ("
                + refused->message + "); check " + workspace_.config().section
                + " warehouse_id, and that the service principal has CAN USE on it and SELECT on the tables.");
    if (!found.said.empty()) spdlog::info("{}: {}", config_.label, found.said);
    earliest_if_unknown_ = found.earliest_if_unknown;
    return std::move(found.position);
}

// Tables whose names are known, and which a warehouse can mend. Typed ones are set up when their schemas are known.
void zerobus_sink::compare_tables(const std::stop_token& stop) {
    if (config_.typed || workspace_.config().warehouse_id.empty()) return;
    std::vector<std::string> tables;
    if (!table_by_entity_) tables.push_back(config_.table);
    for (const std::string& entity : config_.filter.entities)
        if (table_by_entity_) tables.push_back(table_of(config_.table, entity));
    for (const std::string& table : tables) set_up(table, stop);
}

// Without an answer the rows go on: Zerobus itself takes them or not.
void zerobus_sink::set_up(const std::string& table, const std::stop_token& stop) {
    const auto [state, refused] =
        databricks::set_up_table(workspace_, table, config_.layout, {.create = config_.create, .widen = false}, stop);
    if (refused && refused->what == databricks::refusal_class::not_found && config_.create)
        throw failure(exit_code::refused, "The table " + table + " cannot be made (" + refused->message
                                              + "); check [[pipeline]] table: its catalog and schema must be there.");
    if (refused)
        return spdlog::warn("{}: it cannot be compared with the layout ({}); Zerobus will tell", table,
                            refused->message);
    const databricks::table_fit fit = databricks::fit(config_.layout, state.table);
    check_fit(fit, table);
    for (const databricks::difference& d : fit.differences) spdlog::warn("{}: {}", table, d.what);
}

zerobus::ingest_stream_options zerobus_sink::options_of(const std::string& table, std::string descriptor) const {
    zerobus::ingest_stream_options o;
    o.table_name = table;
    o.descriptor_proto = std::move(descriptor);
    o.seed = std::random_device{}();
    return o;
}

std::uint32_t zerobus_sink::make_stream(const std::string& table) {
    const auto outlet = static_cast<std::uint32_t>(streams_.size());
    streams_.push_back(
        std::make_unique<table_stream>(table, workspace_, inbox_, [this, outlet](const zerobus::input& in) {
            (void)to().handle(outlet, in, clock::now());
        }));
    return outlet;
}

// Tables whose names are known are opened at the start, so that one that is missing shows at the start; but typed ones have the columns
// of the schemas that come.
std::vector<zerobus::ingest_stream_options> zerobus_sink::streams() {
    if (config_.typed) return {};
    if (!table_by_entity_) make_stream(config_.table);
    for (const std::string& entity : config_.filter.entities)
        if (table_by_entity_) outlets_.emplace(entity, make_stream(table_of(config_.table, entity)));
    std::vector<zerobus::ingest_stream_options> all;
    all.reserve(streams_.size());
    for (const auto& s : streams_) all.push_back(options_of(s->table(), row::descriptor_proto(config_.layout)));
    return all;
}

std::uint32_t zerobus_sink::outlet_for(std::string_view entity) {
    if (!table_by_entity_) return 0;
    if (const auto at = outlets_.find(entity); at != outlets_.end()) return at->second;
    const std::uint32_t outlet = make_stream(table_of(config_.table, entity));
    outlets_.emplace(entity, outlet);
    (void)to().add_stream(options_of(streams_.back()->table(), row::descriptor_proto(config_.layout)));
    return outlet;
}

bool zerobus_sink::commit(const pubsub::replay_id* position) {
    return position_.store(position, clock::now());
}

// ---- rows

bool zerobus_sink::ready_for(const cdc::event& event) {
    if (!config_.typed) return true;
    ready_ = &typed_for(entity_of(event));
    if (!ready_->table->ready(event.plan(), clock::now())) return false;
    take_descriptor(*ready_);
    return true;
}

std::uint32_t zerobus_sink::add(const cdc::event& event, const row::envelope& around) {
    std::uint32_t replaced = 0;
    const auto add_rows = [&](const row::layout& columns, std::uint32_t outlet, const auto& append) {
        row::for_each_row(columns, event, [&](const row::record& of) {
            record_.clear();
            replaced += append(of);
            to().add_row(outlet, record_);
        });
    };
    if (config_.typed) {
        const row::bound_layout& bound = ready_->table->bound(event.plan(), clock::now());
        add_rows(bound.layout(), *ready_->outlet,
                 [&](const row::record& of) { return row::append_protobuf(bound, event, around, record_, of); });
    } else {
        add_rows(config_.layout, outlet_for(entity_of(event)), [&](const row::record& of) {
            return row::append_protobuf(config_.layout, event, around, record_, of);
        });
    }
    return replaced;
}

void zerobus_sink::settle() {
    for (const auto& s : streams_) s->take_token();
    if (!config_.typed) return;
    bool plan_changed = false;
    for (auto& [entity, t] : typed_) {
        t.table->settle(clock::now());
        take_descriptor(t);
        plan_changed |= t.table->take_plan_change();
    }
    if (plan_changed && plan_file_) write_plan();
}

// ---- typed tables

zerobus_sink::typed& zerobus_sink::typed_for(std::string_view entity) {
    const auto at = typed_.find(entity);
    if (at != typed_.end()) return at->second;
    const std::string table = table_by_entity_ ? table_of(config_.table, entity) : config_.table;
    return typed_.emplace(entity, typed{std::make_unique<typed_table>(table, config_, owner_, workspace_, inbox_)})
        .first->second;
}

// The first descriptor opens the stream; rows that are added after a later one are of that one.
void zerobus_sink::take_descriptor(typed& t) {
    auto descriptor = t.table->take_new_descriptor();
    if (!descriptor) return;
    constexpr std::size_t kept_epochs = 8;
    t.epochs.push_back({t.outlet ? to().rows(*t.outlet) : 0, t.table->rows()});
    if (t.epochs.size() > kept_epochs) t.epochs.pop_front();
    if (t.outlet) return to().describe_rows(*t.outlet, std::move(descriptor));
    t.outlet = make_stream(t.table->name());
    (void)to().add_stream(options_of(t.table->name(), *descriptor));
}

// ---- rows that were refused

const row::layout* zerobus_sink::columns_of(std::uint32_t outlet, std::int64_t row_offset) const {
    if (!config_.typed) return &config_.layout;
    for (const auto& [entity, t] : typed_) {
        if (t.outlet != outlet) continue;
        for (auto e = t.epochs.rbegin(); e != t.epochs.rend(); ++e)
            if (row_offset < 0 || row_offset >= e->first_row) return e->columns.get();
    }
    return nullptr;
}

bool zerobus_sink::ready_for_columns(std::string_view entity, const cdc::plan& plan) {
    if (!config_.typed) return true;
    ready_ = &typed_for(table_by_entity_ ? entity : std::string_view());
    if (!ready_->table->ready(plan, clock::now())) return false;
    take_descriptor(*ready_);
    return true;
}

std::vector<std::string> zerobus_sink::add_columns(std::string_view entity, const cdc::plan& plan,
                                                   const nlohmann::ordered_json& columns) {
    const row::layout& now = config_.typed ? ready_->table->bound(plan, clock::now()).layout() : config_.layout;
    const std::uint32_t outlet = config_.typed ? *ready_->outlet : outlet_for(entity);
    std::vector<std::string> left_out;
    record_.clear();
    append_row(now, columns, record_, left_out);
    to().add_row(outlet, record_);
    return left_out;
}

void zerobus_sink::interrupted(const delivery_reason& why) {
    if (why.status != wire::grpc_status::not_found) return;
    for (auto& [entity, t] : typed_)
        if (t.outlet == why.outlet) t.table->look_again(clock::now());
}

void zerobus_sink::write_plan() {
    std::string all;
    for (const auto& [entity, t] : typed_)
        if (const std::string& sql = t.table->plan_sql(); !sql.empty()) all += sql + ";\n";
    plan_file_->replace(all);
}

std::optional<time_point> zerobus_sink::timeout() const {
    std::optional<time_point> first = position_.timeout();
    for (const auto& [entity, t] : typed_)
        if (const auto when = t.table->timeout(); when && (!first || *when < *first)) first = when;
    return first;
}

} // namespace sfcdc::runner
