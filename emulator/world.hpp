// Everything that the services share.
#pragma once

#include "app_key.hpp"
#include "bells.hpp"
#include "catalog.hpp"
#include "changing_workload.hpp"
#include "counted_rows.hpp"
#include "event_history.hpp"
#include "faults.hpp"
#include "lake.hpp"
#include "managed_subscriptions.hpp"
#include "org.hpp"
#include "publisher.hpp"
#include "tokens.hpp"
#include "warehouse.hpp"

#include <atomic>
#include <chrono>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

namespace emulator {

struct options {
    std::string listen = "127.0.0.1";
    std::string lake_path; // empty: a temporary file
    bool tls = false;
    std::uint64_t publish = 0;
    double publish_rate = 0; // events a second; 0 is at once
    bool publish_before_subscribe = false;
    std::uint64_t seed = 1;
    std::size_t changing_entities = 0; // of the workload whose schemas change; see changing_workload.hpp
    std::uint64_t schema_changes = 0;  // in what is published at the start
    bool keep_history = false;         // of what the events of these entities state
    std::optional<std::size_t> retention_events;
    std::chrono::milliseconds keepalive{60'000};
    std::chrono::milliseconds credit_timeout{60'000};
    std::vector<managed_declaration> managed;
    // Where a managed subscription starts that has no committed position, or one that has expired. (Salesforce's own
    // default is the latest event, with which a test would have to publish after it subscribes.)
    replay_preset managed_default_replay = replay_preset::earliest;
    std::chrono::milliseconds commit_timeout{1'800'000}; // a managed subscription without commits ends after this
    std::chrono::milliseconds ack_delay{0};
    std::chrono::milliseconds latency{
        0}; // before HTTP answers and unary calls; and on every message of a stream, each way
    std::string client_id = "sfcdc-emulator-client";
    std::string client_secret = "sfcdc-emulator-secret";
    std::string username = "integration@emulator.example"; // has approved the app
    std::string password = "sfcdc-emulator-password";
    std::string security_token =
        "sfcdcEmulatorSecurityToken"; // empty: from a trusted network, where none is asked for
    std::string databricks_client_id = "sfcdc-emulator-principal";
    std::string databricks_client_secret = "sfcdc-emulator-principal-secret";
    std::string warehouse_id = "e0000000000000a1";
    std::chrono::seconds token_lifetime{3600};
    bool allow_cdc_publish = false;
    bool strict_tables = false;
    bool count_rows = false; // instead of storing them; see counted_rows.hpp
    std::vector<std::string> checksum_without;
    std::vector<std::string> unknown_tables;
    std::vector<std::string> forbidden_tables;
    // 0: any free port
    int port_salesforce = 0, port_pubsub = 0, port_databricks = 0, port_zerobus = 0, port_control = 0;
};

struct addresses {
    std::string salesforce_url, pubsub_endpoint, databricks_url, zerobus_endpoint, control_url;
};

struct counters {
    std::atomic<std::uint64_t> logins{0}, subscribe_calls{0}, get_schema_calls{0}, get_topic_calls{0}, delivered{0},
        streams_opened{0}, ingest_requests{0}, acks_sent{0}, rows_acknowledged{0};
};

// The first label of a Zerobus host is the workspace id, and clients take it from there: here that host is 127.0.0.1.
inline constexpr const char* workspace_id = "127";

struct world {
    world(options chosen, const std::string& lake_path)
        : settings(std::move(chosen)),
          fault(subscribers, ingest_streams),
          salesforce(settings.seed, settings.retention_events, subscribers),
          changes(settings.seed, settings.changing_entities, settings.keep_history, salesforce),
          history(settings.keep_history ? std::make_unique<event_history>() : nullptr),
          managed(settings.managed, salesforce, settings.managed_default_replay),
          tables(lake_path),
          unity_catalog(tables, ingest_streams),
          sql_warehouse(unity_catalog, tables, fault, settings.forbidden_tables),
          events(settings.seed, salesforce, fault, subscribers, changes, history.get()) {}

    const options settings;
    addresses urls;            // filled before the first service answers
    std::string configuration; // an sfcdc.toml that leads here; filled when urls are
    bells subscribers;
    bells ingest_streams;
    faults fault;
    token_book salesforce_tokens;
    app_key app; // of the client that logs in with a JWT
    token_book databricks_tokens;
    org salesforce;
    changing_workload changes;
    std::unique_ptr<event_history> history; // nullptr without options::keep_history
    managed_subscriptions managed;
    lake tables;
    catalog unity_catalog;
    warehouse sql_warehouse;
    counted_rows counted; // in place of the lake's rows with options::count_rows
    publisher events;
    counters count;
    std::atomic<bool> ending{false}; // who waits gives up
};

} // namespace emulator
