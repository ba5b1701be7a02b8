#include "../config/config.hpp"
#include "../names.hpp"
#include "command_line.hpp"
#include "output.hpp"

#include <filesystem>
#include <memory>

namespace sfcdc::runner {
namespace {

std::string destination(const config& c, const pipeline_config& p) {
    switch (p.sink) {
    case sink_kind::zerobus: return p.table + " of " + c.databricks.at(p.databricks).section;
    case sink_kind::sqlite: return p.table + " in " + p.path.string();
    case sink_kind::ndjson: return p.path == "-" ? "standard output" : p.path.string();
    }
    return {};
}

int check(const std::filesystem::path& file) {
    const config c = load_config(file);
    output out;
    for (const std::string& corrected : c.corrections) out.write("note: " + corrected + "\n");
    for (const pipeline_config& p : c.pipelines)
        out.write(
            p.topic + " of " + c.salesforce.at(p.salesforce).section + " -> " + destination(c, p) + "; position in "
            + (!p.managed_subscription.empty() ? "Salesforce (" + p.managed_subscription + ")" : p.state().string())
            + ", dead letters in " + p.dead_letters.string() + "\n");
    out.write(file.string() + ": no mistakes; nothing was connected\n");
    out.flush();
    return 0;
}

} // namespace

void add_check(command_line& to) {
    CLI::App* const command =
        to.app.add_subcommand("check", "Find all mistakes of a configuration, without connecting to anything");
    const auto file = std::make_shared<std::filesystem::path>();
    command->add_option("--config", *file, "The configuration (TOML)")->required();
    command->callback([&to, file] { to.chosen = [file] { return check(*file); }; });
}

} // namespace sfcdc::runner
