#include "checkpoint_file.hpp"

#include "durable_file.hpp"
#include "failure.hpp"

#include <nlohmann/json.hpp>

#include <fstream>

namespace sfcdc::runner {

std::optional<pubsub::replay_id> checkpoint_file::load(const position_owner& owner) const {
    std::ifstream in(file_);
    if (!in) {
        if (!std::filesystem::exists(file_)) return std::nullopt;
        throw failure(exit_code::failed, file_.string() + ": the checkpoint cannot be read.");
    }
    const nlohmann::json stored = nlohmann::json::parse(in, nullptr, false);
    const auto member = [&](const char* name) {
        return stored.is_object() && stored.contains(name) && stored[name].is_string()
                   ? stored[name].get<std::string>()
                   : std::string();
    };
    const auto [position, bad] = pubsub::replay_id::from_hex(member("replay_id"));
    if (bad || position.empty() || member("topic").empty())
        throw failure(exit_code::needs_decision,
                      file_.string()
                          + ": this is not a checkpoint of sfcdc, or it is damaged. Restore it, or "
                            "remove it to start from the configured \"start\" position.");
    if (member("topic") != owner.topic || member("org_id") != owner.org_id)
        throw failure(
            exit_code::needs_decision,
            file_.string() + ": the checkpoint is of topic " + member("topic") + " of org " + member("org_id")
                + ", not of " + owner.topic + " of org " + owner.org_id
                + "; a position means nothing elsewhere. Name another \"checkpoint\" file, or remove this one.");
    return position;
}

void checkpoint_file::store(const position_owner& owner, const pubsub::replay_id& position) const {
    const nlohmann::ordered_json stored = {
        {"topic", owner.topic}, {"org_id", owner.org_id}, {"replay_id", position.hex()}};
    std::filesystem::path fresh = file_;
    fresh += ".new";
    {
        durable_file out(fresh, durable_file::mode::replace);
        out.write(stored.dump() + "\n");
        out.sync();
    }
    std::error_code bad;
    std::filesystem::rename(fresh, file_, bad);
    if (bad)
        throw failure(exit_code::failed, file_.string() + ": cannot replace the checkpoint: " + bad.message() + ".");
    sync_directory(file_);
}

} // namespace sfcdc::runner
