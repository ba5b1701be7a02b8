#include "../config/options.hpp"

#include "command_line.hpp"
#include "output.hpp"

#include <nlohmann/json.hpp>

#include <algorithm>
#include <memory>

namespace sfcdc::runner {
namespace {

std::string heading(std::string_view section) {
    if (section.empty()) return "at the top of the file";
    return section == "pipeline" ? "[[pipeline]]" : "[" + std::string(section) + "]";
}

std::string as_text() {
    std::size_t widest = 0;
    for (const option& o : options()) widest = std::max(widest, o.key.size());
    std::string out;
    std::string_view section = "none";
    for (const option& o : options()) {
        if (o.section != section) out += (out.empty() ? "" : "\n") + heading(section = o.section) + "\n";
        out += "  " + std::string(o.key) + std::string(widest + 2 - o.key.size(), ' ') + std::string(o.type);
        if (!o.otherwise.empty()) out += "; without it: " + std::string(o.otherwise);
        if (!o.environment.empty()) out += "; or the variable " + std::string(o.environment);
        out += "\n" + std::string(widest + 4, ' ') + std::string(o.meaning) + "\n";
    }
    return out;
}

std::string as_markdown() {
    std::string out = "| section | key | type | default | |\n|---|---|---|---|---|\n";
    std::string_view section = "none";
    for (const option& o : options()) {
        const std::string title = o.section.empty() ? "top of the file" : "`" + heading(o.section) + "`";
        out += o.section == section ? "| " : "| " + title + " ";
        section = o.section;
        out += "| `" + std::string(o.key) + "` | " + std::string(o.type) + " | " + std::string(o.otherwise);
        if (!o.environment.empty()) out += "the variable `" + std::string(o.environment) + "`";
        out += " | " + std::string(o.meaning) + " |\n";
    }
    return out;
}

std::string as_json() {
    nlohmann::ordered_json all = nlohmann::ordered_json::array();
    for (const option& o : options())
        all.push_back({{"section", o.section},
                       {"key", o.key},
                       {"type", o.type},
                       {"default", o.otherwise},
                       {"environment", o.environment},
                       {"meaning", o.meaning}});
    return all.dump(2) + "\n";
}

} // namespace

void add_options(command_line& to) {
    CLI::App* const command = to.app.add_subcommand("options", "Print every key of the configuration");
    const auto format = std::make_shared<std::string>("text");
    command->add_option("--format", *format, "text, markdown or json")
        ->check(CLI::IsMember({"text", "markdown", "json"}));
    command->callback([&to, format] {
        to.chosen = [format] {
            output out;
            out.write(*format == "json" ? as_json() : *format == "markdown" ? as_markdown() : as_text());
            out.flush();
            return 0;
        };
    });
}

} // namespace sfcdc::runner
