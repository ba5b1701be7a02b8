#include "../config/topic_pattern.hpp"
#include "../names.hpp"
#include "../salesforce/org.hpp"
#include "command_line.hpp"
#include "one_org.hpp"
#include "output.hpp"

#include <filesystem>
#include <memory>
#include <stop_token>

namespace sfcdc::runner {
namespace {

struct schema_options {
    std::filesystem::path config;
    std::string what, salesforce;
};

// A schema id is 22 characters of base64 for URLs; a topic is not.
bool is_schema_id(const std::string& text) {
    return text.size() == 22 && text.find('/') == std::string::npos && !text.ends_with("__e")
           && !text.ends_with("__c");
}

int schema(const schema_options& options) {
    const config c = load_services(options.config);
    salesforce::org org(one_org(c, options.salesforce));
    std::string id = options.what;
    if (!is_schema_id(id)) {
        const auto [topic, bad] = topic_of(id);
        if (!bad.empty()) throw failure(exit_code::bad_config, "TOPIC_OR_ID: " + bad);
        if (is_pattern(topic))
            throw failure(exit_code::bad_config,
                          "TOPIC_OR_ID: a pattern is for [[pipeline]]; name one topic (\"sfcdc topics\" lists them)");
        id = org.check_topic(topic, {});
        if (id.empty())
            throw failure(exit_code::bad_config,
                          topic
                              + " has events of several objects, and each of them has a schema: "
                                "name the topic of an object, or the id that an event carries");
    }
    try {
        output out;
        out.write(org.schema(id, {})->json + "\n");
        out.flush();
    } catch (const salesforce::no_schema& none) {
        throw failure(exit_code::refused, none.reason + ".");
    }
    return 0;
}

} // namespace

void add_schema(command_line& to) {
    CLI::App* const command = to.app.add_subcommand("schema", "Print the Avro schema of a topic, or of a schema id");
    const auto options = std::make_shared<schema_options>();
    command->add_option("TOPIC_OR_ID", options->what, "A topic as in the configuration, or the schema id of an event")
        ->required();
    command->add_option("--config", options->config, "The configuration (TOML); its [salesforce] is used")
        ->required();
    command->add_option("--salesforce", options->salesforce, "Which org, of several: NAME of [salesforce.NAME]");
    command->callback([&to, options] {
        to.log_level = "warn";
        to.chosen = [options] { return schema(*options); };
    });
}

} // namespace sfcdc::runner
