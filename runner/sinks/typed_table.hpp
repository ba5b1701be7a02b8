// One typed table: a column for each field of an object's schema. It is set up before the first row, and follows the schema afterwards:
// when events have fields that the table lacks, it is widened while rows go on, whose new values stand in _sf_rest meanwhile; when the
// table has the columns, a stream with the new descriptor is tried beside the one that rows go to; when the server takes it, rows have
// the columns. No row waits for a change of a table that exists.
#pragma once

#include "../config/config.hpp"
#include "../databricks/table_setup.hpp"
#include "../databricks/token.hpp"
#include "../disk/position_file.hpp"
#include "../io/errand.hpp"
#include "../io/inbox.hpp"
#include "table_stream.hpp"

#include <sfcdc/backoff.hpp>
#include <sfcdc/cdc/plan.hpp>
#include <sfcdc/row/bind.hpp>
#include <sfcdc/row/layout.hpp>
#include <sfcdc/zerobus/ingest_stream.hpp>

#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <utility>

namespace sfcdc::runner {

// Used by the pipeline's thread alone. Its functions throw failure when the table cannot be used for good.
class typed_table {
  public:
    // All arguments but the name outlive it.
    typed_table(std::string name, const pipeline_config& pipeline, const position_owner& owner,
                databricks::workspace& workspace, inbox& in);

    const std::string& name() const noexcept { return name_; }

    // Whether rows can be made: false while the table is being set up, which this begins with the columns of the plan. The inbox wakes
    // when it is worth asking again.
    bool ready(const cdc::plan& plan, time_point now);
    // The columns that the table takes, bound to a plan, which lives for as long as rows of it are made. Precondition: ready().
    const row::bound_layout& bound(const cdc::plan& plan, time_point now);

    // The columns of the rows that bound() makes; null before the table is set up.
    std::shared_ptr<const row::layout> rows() const noexcept { return rows_; }

    // Takes what has come in, and begins what is due.
    void settle(time_point now);
    std::optional<time_point> timeout() const;

    // The descriptor of the rows that bound() makes, when it is another one than this function returned last; null else.
    std::shared_ptr<const std::string> take_new_descriptor() noexcept { return std::move(new_descriptor_); }

    // A stream says that the table is missing: it is looked at, since it may have been dropped and made again.
    void look_again(time_point now) { due_ = now; }

    // What the owner of the table would have to run so that each field has its column; empty: nothing.
    const std::string& plan_sql() const noexcept { return plan_sql_; }
    // Whether that has changed since the last call of this function.
    bool take_plan_change() noexcept { return std::exchange(plan_changed_, false); }

  private:
    // A stream beside the one that rows go to, to learn whether the server takes the descriptor.
    struct trial {
        trial(typed_table& of, row::layout rows);
        row::layout rows;
        std::shared_ptr<const std::string> descriptor;
        zerobus::ingest_stream stream;
        table_stream io;
    };

    row::layout columns_of(const cdc::plan& plan);
    void learn(const cdc::plan& plan, time_point now);
    void warn_of_types(const row::layout& columns);
    void ask();
    void take_answer(time_point now);
    void check_source(const databricks::table_description& table);
    void on_table(databricks::table_state state, time_point now);
    [[noreturn]] void give_up(const databricks::refusal& why) const;
    void drive_trial(time_point now);
    void use(row::layout rows, std::shared_ptr<const std::string> descriptor);
    void plan(const row::layout& missing);

    const std::string name_;
    const pipeline_config& config_;
    const position_owner& owner_;
    databricks::workspace& workspace_;
    inbox& inbox_;

    row::layout wanted_;                      // the columns of all schemas that were seen
    databricks::table_description table_;     // as it was seen last
    std::shared_ptr<const row::layout> rows_; // what rows have; null before the table is set up
    std::shared_ptr<const std::string> new_descriptor_;
    std::map<const cdc::plan*, std::unique_ptr<const row::bound_layout>> bound_; // to rows_
    std::set<const cdc::plan*> learned_;
    std::set<std::string> warned_; // of these things

    errand<databricks::outcome<databricks::table_state>> asking_;
    std::unique_ptr<trial> trial_;
    std::optional<time_point> due_; // the table is to be looked at then
    time_point changed_at_ = time_point::min();
    backoff waits_;
    std::string plan_sql_;
    bool plan_changed_ = false;
};

} // namespace sfcdc::runner
