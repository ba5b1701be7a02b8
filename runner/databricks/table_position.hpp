// Where a pipeline goes on when it has no stored position: behind what its tables hold, by the order of the commits, never by a clock.
#pragma once

#include "../config/config.hpp"
#include "../disk/position_file.hpp"
#include "refusal.hpp"
#include "token.hpp"

#include <sfcdc/pubsub/replay_id.hpp>

#include <optional>
#include <stop_token>
#include <string>

namespace sfcdc::runner::databricks {

// What the tables of a pipeline say of its position.
struct table_position {
    std::optional<pubsub::replay_id> position{}; // nothing: start where the configuration says
    // Where Salesforce does not know the position any more, or there is none though there are rows, the topic is to be read from its earliest event.
    bool earliest_if_unknown = false;
    std::string said{}; // a sentence for the log; empty: there was nothing to look at
};

// Reads the newest rows of this topic and org from the pipeline's tables; a typed table says by its property sfcdc.source of which they are. Blocks; wakes a warehouse. Rows that are durable but not yet
// visible make the position older, and rows come twice then; none is skipped, because a table has its rows in the order of the topic: an
// event of several rows counts only when a later one is there. Of several tables the one that is least far counts.
//
// Tables that salesforce-zerobus or layout = "salesforce_zerobus" has written have no column for the order. It is read from the
// payloads of their newest rows: by one statement where these carry their schemas, as the library's do. Such a table with rows of other
// orgs or objects alone is an error, unless sfcdc has made it, or they are younger than this process: then pipelines share it.
//
// Refused where a table cannot be read. Throws stopped; failure(needs_decision) when there are rows whose order cannot be told;
// failure(refused) when the workspace refuses the credentials.
outcome<table_position> position_of_tables(workspace& at, const pipeline_config& pipeline,
                                           const position_owner& owner, const std::stop_token& stop);

} // namespace sfcdc::runner::databricks
