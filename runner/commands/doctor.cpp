#include "../config/config.hpp"
#include "../config/topic_pattern.hpp"
#include "../doctor/org_checks.hpp"
#include "../doctor/workspace_checks.hpp"
#include "command_line.hpp"
#include "output.hpp"

#include <filesystem>
#include <map>
#include <memory>
#include <utility>
#include <vector>

namespace sfcdc::runner {
namespace {

struct doctor_options {
    std::filesystem::path config;
    bool json = false;
};

// Orgs and workspaces that no pipeline uses are left alone.
void examine(const config& c, doctor::report& to) {
    std::map<std::string, std::unique_ptr<doctor::org_checks>> orgs;
    std::map<std::string, std::unique_ptr<doctor::workspace_checks>> workspaces;
    for (const pipeline_config& p : c.pipelines)
        if (auto& org = orgs[p.salesforce]; !org) {
            org = std::make_unique<doctor::org_checks>(c.salesforce.at(p.salesforce), p.topic, to);
            org->run();
        }
    std::vector<pipeline_config> pipelines;
    for (const pipeline_config& p : c.pipelines)
        for (pipeline_config& one : orgs.at(p.salesforce)->topics_of(p))
            if (!is_pattern(p.topic) || !has_pipeline_of_its_own(c, c.salesforce.at(p.salesforce).written, one.topic))
                pipelines.push_back(std::move(one));
    for (const pipeline_config& p : pipelines) orgs.at(p.salesforce)->look_at(p);
    for (const pipeline_config& p : pipelines) {
        if (p.sink != sink_kind::zerobus) continue;
        auto& workspace = workspaces[p.databricks];
        if (!workspace) {
            workspace = std::make_unique<doctor::workspace_checks>(c.databricks.at(p.databricks), to);
            workspace->run();
        }
        workspace->look_at(p, orgs.at(p.salesforce)->plans_of(p));
    }
}

int doctor_command(const doctor_options& options) {
    const config c = load_config(options.config);
    output out;
    doctor::report found([&](const doctor::finding& f) {
        if (options.json) return;
        out.write(doctor::line_of(f) + "\n");
        out.flush();
    });
    try {
        examine(c, found);
        out.write((options.json ? found.json() : found.summary()) + "\n");
        out.flush();
    } catch (const reader_gone&) {
    }
    return static_cast<int>(found.code());
}

} // namespace

void add_doctor(command_line& to) {
    CLI::App* const command = to.app.add_subcommand(
        "doctor", "Look at everything that the pipelines need, live, and say what is wrong and how to mend it");
    const auto options = std::make_shared<doctor_options>();
    command->add_option("--config", options->config, "The configuration (TOML)")->required();
    command->add_flag("--json", options->json, "One JSON object in place of lines");
    command->callback([&to, options] {
        to.log_level = "off"; // what is worth saying is in the lines
        to.chosen = [options] { return doctor_command(*options); };
    });
}

} // namespace sfcdc::runner
