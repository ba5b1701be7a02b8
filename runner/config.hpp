// The configuration file, read and checked as a whole before anything is connected.
#pragma once

#include <sfcdc/pubsub/subscription_options.hpp>
#include <sfcdc/row/layout.hpp>

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <string>
#include <string_view>
#include <vector>

namespace sfcdc::runner {

struct salesforce_config {
    std::string login_url; // My Domain: https://acme.my.salesforce.com
    std::string client_id;
    std::string client_secret;
    std::string pubsub_endpoint = "api.pubsub.salesforce.com:443"; // TLS unless it starts with http://
    std::string ca_file;                                           // PEM; empty: the system's roots
};

struct databricks_config {
    std::string workspace_url;
    std::string zerobus_endpoint; // https://<workspace-id>.zerobus.<region>.cloud.databricks.com
    std::string client_id;
    std::string client_secret;
    std::string ca_file;
};

enum class sink_kind : std::uint8_t { zerobus, sqlite, ndjson };

enum class undecodable_policy : std::uint8_t { dead_letter, stop };
enum class start_position : std::uint8_t { earliest, latest };

struct stream_config {
    std::string topic;
    start_position start = start_position::earliest; // used when no position is stored yet
    sink_kind sink = sink_kind::sqlite;
    row::layout layout = row::layout::salesforce_zerobus(); // with columns, exclude and rename applied
    std::string table;                                      // zerobus: catalog.schema.table; sqlite: the table's name
    std::filesystem::path path;                             // sqlite: the database; ndjson: the file, "-" is stdout
    std::filesystem::path checkpoint;                       // zerobus, ndjson: where the position is kept
    std::filesystem::path dead_letters;
    undecodable_policy on_undecodable = undecodable_policy::dead_letter;
    std::chrono::seconds silence_limit = // of the subscription
        std::chrono::duration_cast<std::chrono::seconds>(pubsub::subscription_options().silence_limit);
    std::int64_t schema_json_every = 10'000; // rows with a schema; 0: only the first of a run, 1: each
};

struct config {
    std::size_t memory_limit = 256u << 20; // of events and rows that are held by all streams together, in bytes
    salesforce_config salesforce;
    databricks_config databricks;
    std::vector<stream_config> streams;
};

// Throws failure(bad_config) whose message has a line "FILE:LINE: [section] key: what is wrong" for each mistake. Nothing is
// connected or created; that the files can be written is proved by who writes them.
config load_config(const std::filesystem::path& file);
// The same of a text; `name` stands for the file in messages.
config parse_config(std::string_view text, const std::filesystem::path& name);

} // namespace sfcdc::runner
