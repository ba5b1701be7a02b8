// What a workspace says of privileges, of a SQL warehouse and of its region, by its REST API: nothing is run and nothing is woken.
// Source: Databricks REST API, "Unity Catalog: Grants", "Metastores"; "SQL Warehouses".
#pragma once

#include "refusal.hpp"
#include "rest.hpp"

#include <stop_token>
#include <string>
#include <vector>

namespace sfcdc::runner::databricks {

struct effective_privilege {
    std::string name;                  // "USE_CATALOG"
    std::string inherited_from_type{}; // "SCHEMA"; empty: granted on the object itself
    std::string inherited_from_name{};
};

// What `principal` may do with an object, whose `type` is "catalog", "schema" or "table". no_privilege: the workspace does not tell who asks,
// which says nothing of the privileges. Blocks. Throws stopped; failure(refused) when the workspace refuses the credentials.
outcome<std::vector<effective_privilege>>
effective_privileges(workspace& at, const std::string& type, const std::string& full_name,
                     const std::string& principal, const std::stop_token& stop, const rest_options& options = {});

// The state of a SQL warehouse: "RUNNING", "STOPPED", ... Blocks, and throws as effective_privileges().
outcome<std::string> warehouse_state(workspace& at, const std::string& id, const std::stop_token& stop,
                                     const rest_options& options = {});

// The region of the workspace's metastore, which is that of the workspace: "us-west-2". Empty where it is not said. Blocks, and throws as
// effective_privileges().
outcome<std::string> metastore_region(workspace& at, const std::stop_token& stop, const rest_options& options = {});

} // namespace sfcdc::runner::databricks
