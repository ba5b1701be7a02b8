#include "position_file.hpp"

#include "../operations/failure.hpp"

#include <nlohmann/json.hpp>

#include <fstream>

namespace sfcdc::runner {

std::optional<stored_position> position_file::read() const {
    std::ifstream in(path_);
    if (!in) {
        if (!std::filesystem::exists(path_)) return std::nullopt;
        throw failure(exit_code::failed, path_.string() + ": the checkpoint cannot be read.");
    }
    const nlohmann::json stored = nlohmann::json::parse(in, nullptr, false);
    const auto member = [&](const char* name) {
        return stored.is_object() && stored.contains(name) && stored[name].is_string()
                   ? stored[name].get<std::string>()
                   : std::string();
    };
    auto [position, bad] = pubsub::replay_id::from_hex(member("replay_id"));
    if (bad || position.empty() || member("topic").empty())
        throw failure(exit_code::needs_decision,
                      path_.string()
                          + ": this is not a checkpoint of sfcdc, or it is damaged. Restore it, or "
                            "remove it to start from the configured \"start\" position.");
    return stored_position{{member("org_id"), member("topic")}, std::move(position)};
}

std::optional<pubsub::replay_id> position_file::load(const position_owner& owner) const {
    auto stored = read();
    if (!stored) return std::nullopt;
    const position_owner& is = stored->owner;
    if (is.topic != owner.topic || is.org_id != owner.org_id)
        throw failure(
            exit_code::needs_decision,
            path_.string() + ": the checkpoint is of topic " + is.topic + " of org " + is.org_id + ", not of "
                + owner.topic + " of org " + owner.org_id
                + "; a position means nothing elsewhere. Name another \"checkpoint\" file, or remove this one.");
    return std::move(stored->replay_id);
}

void position_file::store(const position_owner& owner, const pubsub::replay_id& position) const {
    const nlohmann::ordered_json stored = {
        {"topic", owner.topic}, {"org_id", owner.org_id}, {"replay_id", position.hex()}};
    file_.replace(stored.dump() + "\n");
}

} // namespace sfcdc::runner
