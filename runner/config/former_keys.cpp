#include "former_keys.hpp"

#include "../names.hpp"

#include <algorithm>

namespace sfcdc::runner {
namespace {

constexpr std::string_view zerobus_library = "salesforce-zerobus";
constexpr std::string_view community_connector = "the community connector of Lakeflow";

// clang-format off
constexpr former_key all_former_keys[] = {
    {"sf_object_channel", zerobus_library, "it is \"topic\" in [[pipeline]]"},
    {"sf_object", zerobus_library, "it is \"topic\" in [[pipeline]]"},
    {"salesforce_change_event_channel", zerobus_library, "it is \"topic\" in [[pipeline]]"},
    {"databricks_table", zerobus_library, "it is \"table\" in [[pipeline]]"},
    {"databricks_zerobus_target_table", zerobus_library, "it is \"table\" in [[pipeline]]"},
    {"salesforce_auth", zerobus_library, "its members are keys of the section [salesforce]"},
    {"databricks_auth", zerobus_library, "its members are keys of the section [databricks]"},
    {"salesforce_instance_url", zerobus_library, "it is \"login_url\" in [salesforce], with the My Domain"},
    {"salesforce_client_id", zerobus_library, "it is \"client_id\" in [salesforce]"},
    {"salesforce_client_secret", zerobus_library, "it is \"client_secret\" in [salesforce]"},
    {"salesforce_username", zerobus_library, "it is \"username\" in [salesforce]"},
    {"salesforce_password", zerobus_library, "it is \"password\" in [salesforce], with the security token as \"security_token\""},
    {"salesforce_token", zerobus_library, "it is \"security_token\" in [salesforce]"},
    {"databricks_workspace_url", zerobus_library, "it is \"workspace_url\" in [databricks]"},
    {"sql_workspace_url", zerobus_library, "it is \"workspace_url\" in [databricks]"},
    {"databricks_sql_workspace_url", zerobus_library, "it is \"workspace_url\" in [databricks]"},
    {"ingest_endpoint", zerobus_library, "it is \"zerobus_endpoint\" in [databricks]"},
    {"databricks_ingest_endpoint", zerobus_library, "it is \"zerobus_endpoint\" in [databricks]"},
    {"sql_endpoint", zerobus_library, "it is \"warehouse_id\" in [databricks]: what the path ends with"},
    {"databricks_sql_endpoint", zerobus_library, "it is \"warehouse_id\" in [databricks]: what the path ends with"},
    {"databricks_client_id", zerobus_library, "it is \"client_id\" in [databricks]"},
    {"databricks_client_secret", zerobus_library, "it is \"client_secret\" in [databricks]"},
    {"api_token", zerobus_library, "a service principal logs in, by \"client_id\" and \"client_secret\" in [databricks]"},
    {"databricks_api_token", zerobus_library, "a service principal logs in, by \"client_id\" and \"client_secret\" in [databricks]"},
    {"sql_api_token", zerobus_library, "a service principal logs in, by \"client_id\" and \"client_secret\" in [databricks]"},
    {"databricks_sql_api_token", zerobus_library, "a service principal logs in, by \"client_id\" and \"client_secret\" in [databricks]"},
    {"auto_create_table", zerobus_library, "it is \"create\" in [[pipeline]]"},
    {"databricks_auto_create_table", zerobus_library, "it is \"create\" in [[pipeline]]"},
    {"backfill_historical", zerobus_library, "it is \"backfill\" or \"start\" in [[pipeline]]"},
    {"databricks_backfill_historical", zerobus_library, "it is \"backfill\" or \"start\" in [[pipeline]]"},
    {"grpc_host", zerobus_library, "it is \"pubsub_endpoint\" in [salesforce], host and port together"},
    {"grpc_port", zerobus_library, "it is \"pubsub_endpoint\" in [salesforce], host and port together"},
    {"salesforce_grpc_host", zerobus_library, "it is \"pubsub_endpoint\" in [salesforce], host and port together"},
    {"salesforce_grpc_port", zerobus_library, "it is \"pubsub_endpoint\" in [salesforce], host and port together"},
    {"timeout_seconds", zerobus_library, "it is \"silence_limit\" in [[pipeline]], if it is needed at all"},
    {"max_timeouts", zerobus_library, "it is \"silence_limit\" in [[pipeline]], if it is needed at all"},
    {"salesforce_timeout_seconds", zerobus_library, "it is \"silence_limit\" in [[pipeline]], if it is needed at all"},
    {"enable_replay_recovery", zerobus_library, "nothing is to be set: the position is always kept, and read from the table when there is none"},
    {"api_version", zerobus_library, "nothing is to be set: the Pub/Sub API has no version"},
    {"salesforce_api_version", zerobus_library, "nothing is to be set: the Pub/Sub API has no version"},
    {"batch_size", zerobus_library, "nothing is to be set: as many events are asked for as there is room for in \"memory_limit\""},
    {"salesforce_batch_size", zerobus_library, "nothing is to be set: as many events are asked for as there is room for in \"memory_limit\""},
    {"queue_maxsize", zerobus_library, "nothing is to be set: as many events are asked for as there is room for in \"memory_limit\""},
    {"zerobus_max_inflight_records", zerobus_library, "\"memory_limit\" at the top of the file bounds what is under way"},
    {"zerobus_recovery_retries", zerobus_library, "nothing is to be set: what can be waited out is waited out"},
    {"zerobus_recovery_timeout_ms", zerobus_library, "nothing is to be set: what can be waited out is waited out"},
    {"zerobus_recovery_backoff_ms", zerobus_library, "nothing is to be set: what can be waited out is waited out"},
    {"zerobus_server_ack_timeout_ms", zerobus_library, "nothing is to be set: what can be waited out is waited out"},
    {"zerobus_flush_timeout_ms", zerobus_library, "nothing is to be set: what can be waited out is waited out"},
    {"salesforce_max_retries", zerobus_library, "nothing is to be set: what can be waited out is waited out"},
    {"max_batch_retries", zerobus_library, "nothing is to be set: what can be waited out is waited out"},
    {"ingest_batch_size", zerobus_library, "nothing is to be set: rows are sent as they come, as many in a request as there are"},
    {"flush_interval_seconds", zerobus_library, "nothing is to be set: rows are sent as they come, as many in a request as there are"},
    {"wait_for_durability", zerobus_library, "nothing is to be set: the position never passes a row that is not durable"},
    {"clientid", community_connector, "it is \"client_id\" in [salesforce]"},
    {"clientsecret", community_connector, "it is \"client_secret\" in [salesforce]"},
    {"loginurl", community_connector, "it is \"login_url\" in [salesforce]"},
    {"grpchost", community_connector, "it is \"pubsub_endpoint\" in [salesforce], host and port together"},
    {"grpcport", community_connector, "it is \"pubsub_endpoint\" in [salesforce], host and port together"},
    {"replaypreset", community_connector, "it is \"start\" in [[pipeline]], as \"earliest\" or \"latest\""},
    {"polltimeoutseconds", community_connector, "nothing is to be set: events are not collected into batches by time"},
    {"maxeventsperbatch", community_connector, "nothing is to be set: events are not collected into batches by time"},
    {"tablename", community_connector, "it is \"table\" in [[pipeline]]"},
};
// clang-format on

} // namespace

std::span<const former_key> former_keys() noexcept { return all_former_keys; }

std::string hint_about_former_key(std::string_view written) {
    const std::string name = in_small_letters(std::string(written));
    const auto found = std::ranges::find(all_former_keys, name, &former_key::name);
    if (found == std::end(all_former_keys)) return {};
    return "; it is one of " + std::string(found->program) + ", and here " + std::string(found->here)
           + " (docs/moving.md)";
}

} // namespace sfcdc::runner
