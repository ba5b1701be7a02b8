#include "typed_table.hpp"

#include "../databricks/table_fit.hpp"
#include "../io/http.hpp"
#include "../io/pause.hpp"
#include "../names.hpp"
#include "../operations/failure.hpp"

#include <sfcdc/row/protobuf.hpp>
#include <sfcdc/row/sql.hpp>
#include <sfcdc/row/typed_layout.hpp>

#include <spdlog/spdlog.h>

#include <algorithm>
#include <random>
#include <utility>
#include <variant>

namespace sfcdc::runner {
namespace {

using namespace std::chrono_literals;
using databricks::refusal_class;

// Changes of one deployment come within moments, and are to be one ALTER TABLE.
constexpr auto collect_time = 1s;
constexpr backoff::options retries{2s, 5min};

// Tables do not tell capitals from small letters.
const row::column* find(const row::layout& l, const std::string& name) {
    for (const row::column& c : l.columns())
        if (in_small_letters(c.name) == in_small_letters(name)) return &c;
    return nullptr;
}

row::layout bookkeeping() { return row::layout::make(row::bookkeeping_columns(), row::granularity::record).value; }

} // namespace

typed_table::typed_table(std::string name, const pipeline_config& pipeline, const position_owner& owner,
                         databricks::workspace& workspace, inbox& in)
    : name_(std::move(name)),
      config_(pipeline),
      owner_(owner),
      workspace_(workspace),
      inbox_(in),
      wanted_(bookkeeping()),
      asking_(in),
      waits_(std::random_device{}(), retries) {}

bool typed_table::ready(const cdc::plan& plan, time_point now) {
    if (rows_) return true;
    learn(plan, now);
    take_answer(now);
    if (due_ && now >= *due_ && !asking_.running()) ask();
    return rows_ != nullptr;
}

const row::bound_layout& typed_table::bound(const cdc::plan& plan, time_point now) {
    auto& bound = bound_[&plan];
    if (!bound) {
        learn(plan, now);
        bound = std::make_unique<const row::bound_layout>(*rows_, plan);
    }
    return *bound;
}

// ---- what the schemas want

// Of a schema whose columns cannot be told apart there are none, and all fields stand in _sf_rest.
row::layout typed_table::columns_of(const cdc::plan& plan) {
    auto [columns, bad] = row::typed_layout(plan);
    if (!bad) return std::move(columns);
    std::string field; // one of the pair
    if (bad.code == errc::column_names_collide) field = ": " + std::string(plan.name({bad.offset}));
    spdlog::error("{}: a schema has no columns of its own ({}{}); its values go to _sf_rest", name_, bad.message(),
                  field);
    return bookkeeping();
}

void typed_table::learn(const cdc::plan& plan, time_point now) {
    if (!learned_.insert(&plan).second) return;
    const row::layout columns = columns_of(plan);
    row::layout wide = row::widened(wanted_, columns);
    if (wide.columns().size() > limits::table_columns) {
        spdlog::error("{}: its schemas have more than {} fields together; those of the newest go to _sf_rest", name_,
                      limits::table_columns);
        return;
    }
    const bool more = wide.columns().size() > wanted_.columns().size();
    wanted_ = std::move(wide);
    if (!rows_) {
        if (!due_) due_ = now;
        return;
    }
    warn_of_types(columns);
    if (!more) return;
    if (databricks::fit(wanted_, table_).rows.columns().size() > rows_->columns().size()) due_ = now; // it has them
    if (config_.evolve == evolve_mode::freeze) return;
    const time_point soonest = changed_at_ == time_point::min() ? now : changed_at_ + config_.evolve_interval;
    if (!due_) due_ = std::max(now + collect_time, soonest);
}

// A field whose type has changed keeps the column that it has, and its values stand in _sf_rest.
void typed_table::warn_of_types(const row::layout& columns) {
    for (const row::column& c : columns.columns()) {
        const row::column* const there = find(*rows_, c.name);
        if (there == nullptr || there->type() == c.type() || !warned_.insert(c.name + " " + sql_type(c)).second)
            continue;
        spdlog::error(
            "{}: the field {} is {} in the newest schema, and its column is {}; what does not fit the column "
            "goes to _sf_rest. To give the field another column: ALTER TABLE {} RENAME COLUMN {} TO {}, "
            "which wants column mapping, and a restart",
            name_, c.field, sql_type(c), sql_type(*there), row::sql_table_name(name_), row::sql_identifier(c.name),
            row::sql_identifier(c.name + "_before"));
    }
}

// ---- what the table has

void typed_table::ask() {
    due_.reset();
    const databricks::table_orders orders{.create = config_.create && !rows_,
                                          .widen = config_.evolve == evolve_mode::auto_,
                                          .source = owner_.org_id + " " + owner_.topic};
    asking_.start([this, orders, wanted = wanted_](const std::stop_token& stop) {
        return databricks::set_up_table(workspace_, name_, wanted, orders, stop);
    });
}

void typed_table::take_answer(time_point now) {
    try {
        auto answer = asking_.take();
        if (!answer) return;
        auto& [state, refused] = *answer;
        if (!refused) return on_table(std::move(state), now);
        if (refused->what != refusal_class::unavailable && refused->what != refusal_class::throttled && !rows_)
            give_up(*refused);
        spdlog::warn("{}: the table cannot be looked at now ({}); it is tried again", name_, refused->message);
    } catch (const stopped&) { // the pipeline ends
    } catch (const http::unavailable& why) {
        spdlog::warn("{}: the table cannot be looked at now ({}); it is tried again", name_, why.reason);
    }
    due_ = now + waits_.next();
}

void typed_table::give_up(const databricks::refusal& why) const {
    const std::string& section = workspace_.config().section;
    if (why.what == refusal_class::not_found && !config_.create)
        throw failure(exit_code::refused,
                      "Databricks has no table " + name_ + " (" + why.message
                          + "). With [[pipeline]] create = true and " + section
                          + " warehouse_id sfcdc makes it; or run what `sfcdc tables plan` prints.");
    if (why.what == refusal_class::no_privilege)
        throw failure(exit_code::refused,
                      "Databricks does not let " + section + " client_id set up the table " + name_ + " ("
                          + why.message
                          + "); grant USE CATALOG, USE SCHEMA, and CREATE TABLE on the schema, or SELECT and MODIFY "
                            "on the table.");
    throw failure(exit_code::refused, "The table " + name_ + " cannot be set up (" + why.message + "); check "
                                          + section + " warehouse_id and [[pipeline]] table.");
}

void typed_table::on_table(databricks::table_state state, time_point now) {
    if (!table_.table_id.empty() && !state.table.table_id.empty() && table_.table_id != state.table.table_id)
        throw failure(exit_code::refused, "The table " + name_
                                              + " was dropped and made again while rows were on their way to it. The "
                                                "position is kept in front of what is not durable.");
    table_ = std::move(state.table);
    check_source(table_);
    databricks::table_fit fit = databricks::fit(wanted_, table_);
    check_fit(fit, name_);
    for (const databricks::difference& d : fit.differences)
        if (!d.is_missing_columns && warned_.insert(d.what).second)
            spdlog::warn("{}: {}{}", name_, d.what, d.statement.empty() ? "" : "; to change that: " + d.statement);
    plan(fit.missing);
    const bool widened_in_vain = state.not_widened && !fit.missing.columns().empty();
    if (widened_in_vain && warned_.insert("ALTER " + std::string(to_string(state.not_widened->what))).second)
        spdlog::error(
            "{}: it cannot get its new columns ({}); their values go to _sf_rest, and it is tried again. The "
            "statement: {}",
            name_, state.not_widened->message, plan_sql_);
    if (!rows_) {
        auto descriptor = std::make_shared<const std::string>(row::descriptor_proto(fit.rows));
        use(std::move(fit.rows), std::move(descriptor));
    } else if (!std::ranges::equal(fit.rows.columns(), rows_->columns())) {
        trial_ = std::make_unique<trial>(*this, std::move(fit.rows));
    }
    if (state.widened) changed_at_ = now;
    if (!widened_in_vain && !trial_) waits_.reset();
    if (fit.missing.columns().empty() || config_.evolve == evolve_mode::freeze) return;
    // The columns of a plan may be added by others. In auto mode the table was asked for less than is wanted now, or did not get it.
    due_ = now + (widened_in_vain ? waits_.next() : std::max<std::chrono::milliseconds>(config_.evolve_interval, 1s));
}

// Rows do not say of which org they are; of which topic does not matter to them.
void typed_table::check_source(const databricks::table_description& table) {
    const auto said = table.properties.find(databricks::source_property);
    if (said == table.properties.end() || said->second == owner_.org_id + " " + owner_.topic) return;
    if (!said->second.starts_with(owner_.org_id + " "))
        throw failure(exit_code::refused, "The table " + name_ + " has the rows of " + said->second
                                              + ", and not of org " + owner_.org_id
                                              + "; give [[pipeline]] another table.");
    if (warned_.insert("source").second)
        spdlog::warn("{}: its first rows came from {}: a position that is lost cannot be read from it", name_,
                     said->second);
}

void typed_table::plan(const row::layout& missing) {
    const std::string before = std::exchange(plan_sql_, databricks::add_columns_statement(name_, missing));
    plan_changed_ = plan_changed_ || !rows_ || plan_sql_ != before; // a file may have what an earlier run wanted
    if (config_.evolve == evolve_mode::plan && !plan_sql_.empty() && plan_sql_ != before)
        spdlog::warn("{}: fields without a column go to _sf_rest; columns for them: {}", name_, plan_sql_);
}

// ---- the way to other columns

typed_table::trial::trial(typed_table& of, row::layout with)
    : rows(std::move(with)),
      descriptor(std::make_shared<const std::string>(row::descriptor_proto(rows))),
      stream({.table_name = of.name_, .descriptor_proto = *descriptor, .seed = std::random_device{}()}),
      io(of.name_, of.workspace_, of.inbox_,
         [this](const zerobus::input& in) { (void)stream.handle(in, std::chrono::steady_clock::now()); }) {}

void typed_table::drive_trial(time_point now) {
    trial_->io.take_token();
    if (trial_->stream.was_created()) trial_->stream.close();
    while (auto action = trial_->stream.poll_action(now)) trial_->io.perform(*action);
    std::optional<std::string> refused;
    while (auto news = trial_->stream.poll_event()) {
        if (const auto* const failed = std::get_if<zerobus::failed>(&*news)) refused = failed->why.message;
        if (const auto* const pause = std::get_if<zerobus::interrupted>(&*news))
            spdlog::warn("{}: a stream with the new columns cannot be opened now ({}); it is tried again", name_,
                         pause->why.message);
    }
    if (trial_->stream.was_created()) {
        use(std::move(trial_->rows), std::move(trial_->descriptor));
        spdlog::info("{}: rows have {} columns from here on", name_, rows_->columns().size());
        waits_.reset();
    } else if (refused) {
        spdlog::info("{}: Zerobus does not take the new columns yet ({}); their values go to _sf_rest meanwhile",
                     name_, *refused);
        due_ = now + waits_.next();
    } else {
        return;
    }
    trial_.reset(); // waits for the end of its call, and what else happens meanwhile is told to its owners:
    inbox_.wake();  // they are asked again
}

void typed_table::use(row::layout rows, std::shared_ptr<const std::string> descriptor) {
    bound_.clear();
    rows_ = std::make_shared<const row::layout>(std::move(rows));
    new_descriptor_ = std::move(descriptor);
}

void typed_table::settle(time_point now) {
    take_answer(now);
    if (trial_) drive_trial(now);
    if (due_ && now >= *due_ && !asking_.running() && !trial_) ask();
}

std::optional<time_point> typed_table::timeout() const {
    if (asking_.running()) return std::nullopt;
    return trial_ ? trial_->stream.poll_timeout() : due_;
}

} // namespace sfcdc::runner
