// What follows from facts that were asked for. Asks nobody.
#pragma once

#include "../config/config.hpp"
#include "../io/probe.hpp"
#include "finding.hpp"

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

namespace sfcdc::runner::doctor {

// The four steps to a server, each judged: a step behind one that has failed is skipped. `direct` is false where a proxy finds the host.
struct path_judgements {
    judgement proxy, name, connection, tls;
    bool reached = false;
};
path_judgements judge_path(const std::string& url, const std::optional<std::string>& proxy, const probe_result& found,
                           std::chrono::system_clock::time_point now);

// The Pub/Sub API listens at 443 and 7443. `port` is the one that the configuration names.
judgement judge_ports(const std::string& port, bool is_443_open, bool is_7443_open);

// `ahead`: how far the clock of Salesforce is ahead of this machine's.
judgement judge_clock(std::chrono::seconds ahead);

// Requests to the API in 24 hours, and events delivered.
judgement judge_api_requests(std::int64_t max, std::int64_t remaining);
judgement judge_deliveries(std::int64_t max, std::int64_t remaining);

// Fields of a schema (by their names) that the user's description of the object lacks: their values come as null. Fields that the pipeline
// leaves out by itself do not count. `object` is "Account".
judgement judge_hidden_fields(const std::string& object, const std::vector<std::string>& in_schema,
                              const std::vector<std::string>& described, const std::vector<field_pattern>& denied);

// Whether the hosts say that the endpoint is the workspace's. `region` is that of the metastore, which serves one region; empty: not known.
// Source: Databricks, "Zerobus Ingest: get the endpoint and workspace URL".
judgement judge_region(const std::string& workspace_url, const std::string& zerobus_endpoint,
                       const std::string& region);

// One privilege that somebody has on a catalog, a schema or a table.
struct held_privilege {
    std::string name;           // "USE_CATALOG"
    std::string inherited_from; // "schema main.crm"; empty: granted on the object itself
};
struct securable_privileges {
    std::string type; // "CATALOG", "SCHEMA", "TABLE"
    std::string name; // "main.crm.accounts"
    std::vector<held_privilege> held;
};
// What Zerobus asks for: USE CATALOG and USE SCHEMA, and SELECT and MODIFY on the table itself. Source: Databricks, "Zerobus Ingest".
judgement judge_grants(const std::string& principal, const std::vector<securable_privileges>& of);

} // namespace sfcdc::runner::doctor
