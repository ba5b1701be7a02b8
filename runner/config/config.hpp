// The configuration file, read and checked as a whole before anything is connected.
#pragma once

#include "../credentials.hpp"
#include "../io/otlp_options.hpp"
#include "../operations/log.hpp"
#include "../operations/termination.hpp"
#include "../salesforce/grants/login_settings.hpp"

#include <sfcdc/cdc/tokenise.hpp>
#include <sfcdc/pubsub/subscription_options.hpp>
#include <sfcdc/row/layout.hpp>

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

namespace sfcdc::runner {

// Of a service there may be several: [salesforce] is the one without a name, [salesforce.NAME] another one.
struct salesforce_config : salesforce::login_settings {
    std::string written{};                                         // the section of the file, in one form
    std::string pubsub_endpoint = "api.pubsub.salesforce.com:443"; // TLS unless it starts with http://
    std::uint64_t delivery_allocation = 0; // events that the org may deliver in 24 hours; 0: not known
};

struct databricks_config {
    std::string written{}; // the section of the file, in one form
    std::string section = "[databricks]";
    std::string workspace_url{};
    std::string zerobus_endpoint{}; // https://<workspace-id>.zerobus.<region>.cloud.databricks.com
    std::string warehouse_id{};     // of the SQL warehouse that runs statements; empty: none
    client_credentials credentials{};
    std::string ca_file{};
};

enum class sink_kind : std::uint8_t { zerobus, sqlite, ndjson };

enum class undecodable_policy : std::uint8_t { dead_letter, stop };
enum class failure_policy : std::uint8_t { restart, stop };
enum class start_position : std::uint8_t { earliest, latest };
// What becomes of fields that a typed table has no column for.
enum class evolve_mode : std::uint8_t {
    auto_,  // the table gets the columns
    plan,   // the log and a file have the statements that would add them; columns that somebody adds are noticed
    freeze, // nothing: their values stay in _sf_rest
};

// Which events of a topic become rows. The others are passed: the position moves over them.
struct event_filter_config {
    std::vector<std::string> entities{}; // by entityName; empty: all
    std::vector<std::string> exclude_entities{};
    std::vector<std::string> skip_if_only{};         // an update that changes no field but these is left out
    std::vector<std::string> only_if_changed{};      // an update that changes none of these fields is left out
    std::vector<std::string> exclude_change_types{}; // patterns (matches()) of the symbols of cdc::change_type
    std::vector<std::string> exclude_origins{};      // patterns of changeOrigin
};

// Some fields: those of the objects that one pattern stands for whose dotted name the other one stands for (matches()).
struct field_pattern {
    std::string entity = "*";
    std::string field{};
};

// Which fields no row has, and which ones have tokens in place of their values.
struct privacy_config {
    std::vector<field_pattern> deny{}, tokenise{};
    std::shared_ptr<const cdc::token_key> token_key{}; // there if `tokenise` has patterns

    bool hides_something() const noexcept { return !deny.empty() || !tokenise.empty(); }
};

struct pipeline_config {
    std::string topic; // or a pattern of topics (config/topic_pattern.hpp)
    std::string label; // of its lines in the log: the topic, and org and destination where others have the same topic
    std::string salesforce; // the name of its section; empty: [salesforce]
    std::string databricks; // the same
    std::string
        managed_subscription; // its developer name or id; not empty: Salesforce keeps the position, and `checkpoint` is empty
    start_position start = start_position::earliest; // used when no position is stored yet
    event_filter_config filter;
    privacy_config privacy{};
    sink_kind sink = sink_kind::sqlite;
    row::layout layout = row::layout::salesforce_zerobus(); // with columns, exclude and rename applied
    bool typed = false;  // `layout` is the columns in front of the fields, which follow from the events' schemas
    bool create = false; // zerobus: a table that is missing
    evolve_mode evolve = evolve_mode::auto_;
    std::chrono::seconds evolve_interval{
        60};                           // from one ALTER TABLE to the next: each ends the streams that read the table
    std::filesystem::path plan_file{}; // where the statements of evolve = "plan" are written
    std::string table;                 // zerobus: catalog.schema.table; sqlite: the table's name.
                                       // {entity} in it stands for the event's entityName
    std::filesystem::path path;        // sqlite: the database; ndjson: the file, "-" is stdout
    std::filesystem::path checkpoint;  // zerobus, ndjson: where the position is kept
    std::filesystem::path dead_letters;
    // The blocks of the file that this pipeline is made of, in one form: after a reload, one with an equal text goes on as it is.
    std::string written;
    std::chrono::seconds topic_interval{60};            // of a pattern: from one question for its topics to the next
    std::chrono::seconds drain_time = usual_drain_time; // the configuration's own, for each of its pipelines
    undecodable_policy on_undecodable = undecodable_policy::dead_letter;
    failure_policy on_failure = failure_policy::restart;
    std::chrono::seconds silence_limit = // of the subscription
        std::chrono::duration_cast<std::chrono::seconds>(pubsub::subscription_options().silence_limit);
    std::int64_t schema_json_every = 10'000; // rows with a schema; 0: only the first of a run, 1: each

    // The file that holds the position; empty where Salesforce keeps it and the rows go to no database.
    const std::filesystem::path& state() const noexcept { return sink == sink_kind::sqlite ? path : checkpoint; }
};

// How the process tells how it is.
struct status_config {
    std::string host{}; // an IP address without brackets, or "localhost"; empty: there is no server
    std::uint16_t port = 0;
    std::chrono::seconds log_interval{60}; // of the line that says how a pipeline is; 0: none
    std::chrono::seconds ready_after{600}; // not ready when a position could not move for so long
    otlp_options otlp{};                   // without a URL nothing is sent
};

struct config {
    status_config status{};
    std::string log_level = "info"; // a name that spdlog knows
    log::form log_form = log::form::text;
    std::chrono::seconds drain_time = usual_drain_time; // what was received may become durable for so long at the end
    std::size_t memory_limit = 256u << 20; // of events and rows that are held by all pipelines together, in bytes
    std::map<std::string, salesforce_config> salesforce{}; // by the names of pipeline_config
    std::map<std::string, databricks_config> databricks{};
    std::vector<pipeline_config> pipelines{};
    std::vector<std::string> corrections{}; // what was written otherwise than it was meant, for the log
};

// Whether what ${} stands for has to be there. Commands that connect to nothing leave it alone: a service manager hands the secrets to the daemon
// only. What is wrong with the sections of services is then not looked at either; of [[pipeline]] everything is.
enum class secrets : std::uint8_t { read, left_alone };

// Throws failure(bad_config) whose message has a line "FILE:LINE:COLUMN: [section] key: what is wrong" for each mistake. Nothing is
// connected or created; that the files can be written is proved by who writes them.
config load_config(const std::filesystem::path& file, secrets s = secrets::read);
// The same of a file that need not have pipelines: for commands that need the services alone.
config load_services(const std::filesystem::path& file);
// load_config() of a text; `name` stands for the file in messages.
config parse_config(std::string_view text, const std::filesystem::path& name);

} // namespace sfcdc::runner
