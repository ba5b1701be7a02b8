// The positions that SQLite databases have beside the rows, for commands that show and set them while no daemon runs. The sink itself stores
// its position in the transaction of its rows.
#pragma once

#include "position_file.hpp"

#include <filesystem>
#include <optional>
#include <string>
#include <vector>

namespace sfcdc::runner {

// The table that has one row for each topic and org.
inline constexpr const char* create_position_table =
    "CREATE TABLE IF NOT EXISTS sfcdc_position (topic TEXT, org_id TEXT, "
    "replay_id TEXT, PRIMARY KEY (topic, org_id))";
inline constexpr const char* store_position_statement =
    "INSERT INTO sfcdc_position VALUES (?, ?, ?) ON CONFLICT (topic, org_id) DO UPDATE SET replay_id = "
    "excluded.replay_id";

// Those of one topic, of all orgs. Empty where there is no database, or no position in it. Throws failure.
std::vector<stored_position> positions_in_database(const std::filesystem::path& database, const std::string& topic);
// The topics that have a position there; none where there is no database. Throws failure.
std::vector<std::string> topics_in_database(const std::filesystem::path& database);

// Returns once it is on the disk. Throws failure; a database that is missing is not made.
void store_in_database(const std::filesystem::path& database, const stored_position& position);

} // namespace sfcdc::runner
