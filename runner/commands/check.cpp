#include "../config/config.hpp"
#include "../names.hpp"
#include "command_line.hpp"
#include "output.hpp"

#include <filesystem>
#include <memory>

namespace sfcdc::runner {
namespace {

struct check_options {
    std::filesystem::path config;
    bool without_secrets = false;
};

std::string destination(const config& c, const pipeline_config& p) {
    switch (p.sink) {
    case sink_kind::zerobus: return p.table + " of " + c.databricks.at(p.databricks).section;
    case sink_kind::sqlite: return p.table + " in " + p.path.string();
    case sink_kind::ndjson: return p.path == "-" ? "standard output" : p.path.string();
    }
    return {};
}

int check(const check_options& options) {
    const std::filesystem::path& file = options.config;
    const config c = load_config(file, options.without_secrets ? secrets::left_alone : secrets::read);
    output out;
    for (const std::string& corrected : c.corrections) out.write("note: " + corrected + "\n");
    for (const pipeline_config& p : c.pipelines)
        out.write(
            p.topic + " of " + c.salesforce.at(p.salesforce).section + " -> " + destination(c, p) + "; position in "
            + (!p.managed_subscription.empty() ? "Salesforce (" + p.managed_subscription + ")" : p.state().string())
            + ", dead letters in " + p.dead_letters.string() + "\n");
    out.write(file.string() + ": no mistakes"
              + (options.without_secrets
                     ? ", as far as can be told without the secrets and the sections of the services"
                     : "")
              + "; nothing was connected\n");
    out.flush();
    return 0;
}

} // namespace

void add_check(command_line& to) {
    CLI::App* const command =
        to.app.add_subcommand("check", "Find all mistakes of a configuration, without connecting to anything");
    const auto options = std::make_shared<check_options>();
    command->add_option("--config", options->config, "The configuration (TOML)")->required();
    command->add_flag("--without-secrets", options->without_secrets,
                      "Leave alone what ${} stands for, and the sections of services");
    command->callback([&to, options] { to.chosen = [options] { return check(*options); }; });
}

} // namespace sfcdc::runner
