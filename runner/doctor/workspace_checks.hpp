// The checks of one Databricks workspace and of the tables of its pipelines.
#pragma once

#include "../config/config.hpp"
#include "../databricks/table_fit.hpp"
#include "../databricks/tables.hpp"
#include "../databricks/token.hpp"
#include "finding.hpp"

#include <sfcdc/cdc/plan.hpp>

#include <map>
#include <set>
#include <string>

namespace sfcdc::runner::doctor {

// Used by one thread. No statement is run, no warehouse is woken, and no row is written.
class workspace_checks {
  public:
    // Both outlive it.
    workspace_checks(const databricks_config& config, report& to)
        : config_(config), workspace_(config), report_(to) {}

    // The ways to the servers, the token, the region and the warehouse.
    void run();
    // The tables of a pipeline: grants, columns, row tracking, and a stream that is opened and closed. `plans` are those of the pipeline's
    // events by their objects; a table whose columns follow from a plan that is not there is not compared.
    void look_at(const pipeline_config& pipeline, const std::map<std::string, const cdc::plan*>& plans);

  private:
    void look_at_region();
    void look_at_warehouse();
    void look_at_table(const pipeline_config& pipeline, const std::string& table, const row::layout* wanted);
    bool look_at_grants(const std::string& table);
    void look_at_stream(const std::string& table, const row::layout& rows);

    const databricks_config& config_;
    databricks::workspace workspace_;
    report& report_;
    bool zerobus_reached_ = false, token_good_ = false;
    std::set<std::string> tables_; // that were looked at
};

} // namespace sfcdc::runner::doctor
