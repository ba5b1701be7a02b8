#include "../config/start_from.hpp"
#include "../disk/durable_file.hpp"
#include "../disk/lock.hpp"
#include "../disk/position_database.hpp"
#include "../salesforce/grants/answers.hpp"
#include "chosen_pipelines.hpp"
#include "command_line.hpp"
#include "output.hpp"

#include <nlohmann/json.hpp>

#include <filesystem>
#include <memory>
#include <utility>
#include <vector>

#include <pwd.h>
#include <sys/stat.h>
#include <unistd.h>

namespace sfcdc::runner {
namespace {

struct position_options {
    std::filesystem::path config;
    std::string pipeline; // its topic or its label; empty: all
    std::string replay_id, org_id;
};

std::string labels_of(const std::vector<pipeline_config>& pipelines) {
    std::string out;
    for (const pipeline_config& p : pipelines) out += (out.empty() ? "\"" : ", \"") + p.label + "\"";
    return out;
}

std::vector<stored_position> positions_of(const pipeline_config& p) {
    if (!p.managed_subscription.empty()) return {};
    if (p.sink == sink_kind::sqlite) return positions_in_database(p.path, p.topic);
    auto stored = position_file(p.checkpoint).read();
    return stored ? std::vector{std::move(*stored)} : std::vector<stored_position>();
}

std::string place_of(const pipeline_config& p) {
    return !p.managed_subscription.empty() ? "Salesforce, as the managed subscription " + p.managed_subscription
                                           : p.state().string();
}

int show(const position_options& options) {
    const config c = load_config(options.config, secrets::left_alone);
    output out;
    for (const pipeline_config& p : chosen_pipelines(c, options.pipeline)) {
        const auto stored = positions_of(p);
        if (stored.empty())
            out.write(p.label + ": "
                      + (!p.managed_subscription.empty() ? "the position is kept by " : "no position is stored in ")
                      + place_of(p) + "\n");
        for (const stored_position& s : stored)
            out.write(p.label + ": " + s.replay_id.hex() + " (base64 " + s.replay_id.base64() + ") of "
                      + s.owner.topic + " of org " + s.owner.org_id + ", in " + place_of(p) + "\n");
    }
    out.flush();
    return 0;
}

int export_all(const position_options& options) {
    const config c = load_config(options.config, secrets::left_alone);
    output out;
    for (const pipeline_config& p : chosen_pipelines(c, options.pipeline))
        for (const stored_position& s : positions_of(p))
            out.write(nlohmann::ordered_json{{"pipeline", p.label},
                                             {"topic", s.owner.topic},
                                             {"org_id", s.owner.org_id},
                                             {"replay_id", s.replay_id.hex()},
                                             {"replay_id_base64", s.replay_id.base64()},
                                             {"state", p.state().string()}}
                          .dump()
                      + "\n");
    out.flush();
    return 0;
}

// What root makes here, the user of the service could neither read nor replace.
void refuse_for_another_user(const std::filesystem::path& state) {
    struct stat found{};
    if (::geteuid() != 0) return;
    if (::stat(state.c_str(), &found) != 0 && ::stat(whole_path(state).parent_path().c_str(), &found) != 0) return;
    if (found.st_uid == 0) return;
    const passwd* const user = ::getpwuid(found.st_uid);
    const std::string name = user != nullptr ? user->pw_name : "#" + std::to_string(found.st_uid);
    throw failure(exit_code::bad_config, state.string() + " belongs to the user " + name
                                             + ", and what root writes there that user cannot replace; run this as "
                                               "that user: sudo -u "
                                             + name + " sfcdc position set ...");
}

int set(const position_options& options) {
    const config c = load_config(options.config, secrets::left_alone);
    const auto pipelines = chosen_pipelines(c, options.pipeline);
    if (pipelines.size() != 1)
        throw failure(exit_code::bad_config,
                      "several pipelines of the configuration are meant; name one with --pipeline: "
                          + labels_of(pipelines));
    const pipeline_config& p = pipelines.front();
    if (is_pattern(p.topic))
        throw failure(exit_code::bad_config, p.label
                                                 + " is a pattern of topics, each of which has a position of its "
                                                   "own; name one with --pipeline, as in \"/event/Order__e\"");
    const auto [from, bad] = start_from_of(options.replay_id);
    if (!bad.empty() || from.replay_id.empty())
        throw failure(exit_code::bad_config,
                      "REPLAY_ID: hexadecimal digits or base64 were expected, not \"" + options.replay_id + "\"");
    if (!p.managed_subscription.empty())
        throw failure(exit_code::bad_config, "the position is kept by " + place_of(p) + "; it is set there");
    refuse_for_another_user(p.state());
    const state_lock lock(whole_path(p.state())); // not beside a daemon that runs
    const auto stored = positions_of(p);
    position_owner owner{options.org_id, p.topic};
    if (owner.org_id.empty() && stored.size() == 1) owner.org_id = stored.front().owner.org_id;
    if (!owner.org_id.empty() && !salesforce::is_org_id(owner.org_id))
        throw failure(exit_code::bad_config, "--org-id: an id of 18 characters was expected, as in "
                                             "\"00D000000000001AAA\", not \""
                                                 + owner.org_id + "\"");
    if (owner.org_id.empty())
        throw failure(exit_code::bad_config,
                      stored.empty() ? "no position is stored yet that would say of which org it is; name it with "
                                       "--org-id (18 characters; the log of a run has it where it logs in)"
                                     : "positions of several orgs are stored; name one with --org-id");
    if (!stored.empty() && p.sink != sink_kind::sqlite && stored.front().owner.topic != p.topic)
        throw failure(exit_code::needs_decision, p.checkpoint.string() + ": the checkpoint is of "
                                                     + stored.front().owner.topic + ", not of " + p.topic
                                                     + ". Name another \"checkpoint\" file, or remove this one.");
    if (p.sink == sink_kind::sqlite)
        store_in_database(p.path, {owner, from.replay_id});
    else
        position_file(p.checkpoint).store(owner, from.replay_id);
    output out;
    for (const stored_position& s : stored)
        if (s.owner.org_id == owner.org_id) out.write(p.label + ": the position was " + s.replay_id.hex() + "\n");
    out.write(p.label + ": the position is " + from.replay_id.hex() + ", in " + place_of(p) + "\n");
    out.flush();
    return 0;
}

} // namespace

void add_position(command_line& to) {
    CLI::App* const command = to.app.add_subcommand("position", "Show and set where pipelines go on");
    command->require_subcommand(1);
    const auto options = std::make_shared<position_options>();
    const auto add = [&](const char* name, const char* help, int (*perform)(const position_options&)) {
        CLI::App* const action = command->add_subcommand(name, help);
        action->add_option("--config", options->config, "The configuration (TOML)")->required();
        action->add_option("--pipeline", options->pipeline, "One pipeline, by its topic or as the log calls it");
        action->callback([&to, options, perform] { to.chosen = [options, perform] { return perform(*options); }; });
        return action;
    };
    add("show", "Print the stored positions", show);
    add("export", "Print the stored positions as JSON, one a line", export_all);
    CLI::App* const setting =
        add("set", "Store a position: the pipeline goes on behind this event. The daemon must not run", set);
    setting->add_option("REPLAY_ID", options->replay_id, "Of the event, hexadecimal or base64")->required();
    setting->add_option("--org-id", options->org_id, "Of the org, where no position is stored yet");
}

} // namespace sfcdc::runner
