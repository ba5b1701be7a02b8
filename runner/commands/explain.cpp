#include "../config/start_from.hpp"
#include "../disk/letters_file.hpp"
#include "../pipeline/letter_source.hpp"
#include "chosen_pipelines.hpp"
#include "command_line.hpp"
#include "explain_text.hpp"
#include "one_org.hpp"
#include "output.hpp"
#include "schema_file.hpp"

#include <sfcdc/limits.hpp>
#include <sfcdc/pubsub/replay_id.hpp>

#include <filesystem>
#include <memory>
#include <optional>
#include <string>
#include <utility>

namespace sfcdc::runner {
namespace {

// A text takes two digits a byte at most.
constexpr std::size_t text_bytes = 2 * limits::payload_bytes + 2;

struct explain_options {
    std::filesystem::path config, schema;
    std::string schema_id, salesforce, in = "raw", file = "-", layout = "sfcdc", replay_id, letter, pipeline;
};

std::string read_payload(const explain_options& options) {
    const char* const expected = options.in == "raw" ? "a payload" : "one payload as text";
    input_file in =
        options.file == "-" ? input_file::standard_input(expected) : input_file::open(options.file, expected);
    auto text = in.all(options.in == "raw" ? limits::payload_bytes : text_bytes);
    if (!text) throw failure(exit_code::failed, in.name() + ": " + in.problem() + ".");
    if (options.in == "raw") return std::move(*text);
    while (!text->empty() && (text->back() == '\n' || text->back() == '\r' || text->back() == ' ')) text->pop_back();
    auto [payload, bad] = options.in == "hex" ? wire::from_hex(*text) : wire::from_base64(*text);
    if (bad)
        throw failure(exit_code::failed,
                      in.name() + ": character " + std::to_string(bad.offset) + ": " + bad.message() + ".");
    return std::move(payload);
}

int print(const cdc::plan& plan, const std::string& payload, const explained_event& of, const std::string& layout) {
    const auto rows = layout_named(layout, plan);
    if (!rows)
        throw failure(exit_code::bad_config, "--layout typed: the schema has no columns that can be told apart.");
    const explanation e = explain(plan, wire::as_bytes(payload), of, *rows);
    output out;
    out.write(e.text);
    out.flush();
    return static_cast<int>(e.whole ? exit_code::ok : exit_code::failed);
}

int explain_letter(const explain_options& options) {
    const config c = load_config(options.config);
    const auto [asked, bad] = start_from_of(options.letter);
    for (const pipeline_config& p : chosen_pipelines(c, options.pipeline)) {
        if (p.dead_letters.empty()) continue;
        const letters_reader letters = read_letters(p.dead_letters);
        for (const kept_letter& l : letters.letters()) {
            const bool found = l.replay_id == options.letter || l.event_id == options.letter
                               || (bad.empty() && !asked.replay_id.empty() && l.replay_id == asked.replay_id.hex());
            if (!found || l.row_number) continue;
            const auto content = content_of(p.dead_letters, l);
            if (!content)
                throw failure(exit_code::failed,
                              "The payload of this letter was withheld, because the pipeline hides fields.");
            salesforce::org org(c.salesforce.at(p.salesforce));
            const auto schema = schema_of_letter(letters, l.schema_id, org, {});
            const auto replay_id = pubsub::replay_id::from_hex(l.replay_id).value;
            return print(schema->plan, content->bytes, event_of(l, replay_id), options.layout);
        }
    }
    throw failure(exit_code::failed,
                  "There is no letter of an event with this id; \"sfcdc dead-letters show\" prints those there are.");
}

int explain_file(const explain_options& options) {
    pubsub::replay_id replay_id;
    if (!options.replay_id.empty()) {
        const auto [from, bad] = start_from_of(options.replay_id);
        if (!bad.empty() || from.replay_id.empty())
            throw failure(exit_code::bad_config, "--replay-id: hexadecimal digits or base64 were expected, not \""
                                                     + options.replay_id + "\"");
        replay_id = from.replay_id;
    }
    const explained_event of{.schema_id = options.schema_id, .replay_id = wire::as_bytes(replay_id.bytes())};
    if (!options.schema.empty()) {
        const cdc::plan plan = read_schema(options.schema.string());
        return print(plan, read_payload(options), of, options.layout);
    }
    const config c = load_services(options.config);
    salesforce::org org(one_org(c, options.salesforce));
    const auto schema = org.schema(options.schema_id, {});
    return print(schema->plan, read_payload(options), of, options.layout);
}

int explain_event(const explain_options& options) {
    const bool from_org = options.schema.empty();
    if (!options.letter.empty() && options.config.empty())
        throw failure(exit_code::bad_config, "--letter needs --config, which says where the letters are.");
    if (options.letter.empty() && from_org && (options.config.empty() || options.schema_id.empty()))
        throw failure(
            exit_code::bad_config,
            "The event's schema is needed: --schema FILE, or --config FILE and --schema-id ID to fetch it.");
    try {
        return options.letter.empty() ? explain_file(options) : explain_letter(options);
    } catch (const salesforce::no_schema& none) {
        throw failure(exit_code::refused, none.reason + ".");
    }
}

} // namespace

void add_explain(command_line& to) {
    CLI::App* const command = to.app.add_subcommand(
        "explain", "Print one event: its bytes, fields with offsets, bitmaps bit by bit, and its row");
    const auto options = std::make_shared<explain_options>();
    CLI::Option* const schema =
        command->add_option("--schema", options->schema, "The Avro schema of the event (.avsc)");
    command->add_option("--config", options->config, "The configuration (TOML), to fetch the schema or for --letter");
    command->add_option("--schema-id", options->schema_id, "The schema to fetch, as the event names it")
        ->excludes(schema);
    command->add_option("--salesforce", options->salesforce, "Which org, of several: NAME of [salesforce.NAME]");
    command->add_option("--letter", options->letter, "A dead letter in place of FILE, by replay id or event id")
        ->excludes(schema);
    command->add_option("--pipeline", options->pipeline, "Whose letters, by its topic or as the log calls it");
    command->add_option("--in", options->in, "What FILE is")->check(CLI::IsMember({"raw", "hex", "base64"}));
    command->add_option("--replay-id", options->replay_id, "The event's, hexadecimal or base64");
    command->add_option("--layout", options->layout, "Of the row")
        ->check(CLI::IsMember({"sfcdc", "salesforce_zerobus", "lakeflow", "typed"}))
        ->capture_default_str();
    command->add_option("FILE", options->file, "The payload; standard input when there is none, or for -");
    command->callback([&to, options] {
        to.log_level = "warn";
        to.chosen = [options] {
            try {
                return explain_event(*options);
            } catch (const reader_gone&) {
                return static_cast<int>(exit_code::failed);
            }
        };
    });
}

} // namespace sfcdc::runner
