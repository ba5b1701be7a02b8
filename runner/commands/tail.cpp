#include "../config/topic_pattern.hpp"
#include "../names.hpp"
#include "../operations/termination.hpp"
#include "../operations/thread.hpp"
#include "../pipeline/pipeline.hpp"
#include "command_line.hpp"
#include "one_org.hpp"
#include "output.hpp"

#include <sfcdc/row/event_json.hpp>

#include <atomic>
#include <cstdint>
#include <exception>
#include <filesystem>
#include <limits>
#include <memory>
#include <stop_token>
#include <vector>

namespace sfcdc::runner {
namespace {

struct tail_options {
    std::filesystem::path config;
    std::string topic, salesforce, from = "latest", format = "json";
    std::vector<std::string> entities, changed;
    std::uint64_t count = std::numeric_limits<std::uint64_t>::max();
};

// Events as lines of JSON on standard output. It stores no position, and knows none.
class printed_events final : public sink {
  public:
    printed_events(const tail_options& options, std::stop_source& enough) : options_(options), enough_(enough) {}

    void prove() override {}
    std::optional<pubsub::replay_id> open(const position_owner&, const std::stop_token&) override {
        return std::nullopt;
    }
    std::uint32_t add(const cdc::event& event, const row::envelope& around) override {
        (void)to().add_row(0);
        ++rows_;
        if (printed_ == options_.count) return 0; // received beside the last one that was asked for
        lines_ += "{\"replay_id\":\"";
        wire::append_hex(lines_, around.replay_id);
        lines_ += "\",\"event\":";
        const std::uint32_t replaced = options_.format == "header"    ? row::append_header_json(event, lines_)
                                       : options_.format == "changed" ? row::append_field_lists_json(event, lines_)
                                                                      : row::append_event_json(event, lines_);
        lines_ += "}\n";
        if (++printed_ == options_.count) enough_.request_stop();
        return replaced;
    }
    // Line by line in time: whoever looks at a topic wants to see what has just come.
    void settle() override {
        if (rows_ == 0) return;
        out_.write(lines_);
        out_.flush();
        lines_.clear();
        (void)to().durable(0, rows_);
    }
    bool commit(const pubsub::replay_id*) override { return true; }
    std::string table(std::uint32_t) const override { return "standard output"; }

  private:
    const tail_options& options_;
    std::stop_source& enough_;
    output out_;
    std::string lines_;
    std::int64_t rows_ = 0;
    std::uint64_t printed_ = 0;
};

// What any pipeline of the org hides, nobody sees here.
privacy_config privacy_of(const config& c, const std::string& section) {
    privacy_config out;
    for (const pipeline_config& p : c.pipelines) {
        if (c.salesforce.at(p.salesforce).section != section) continue;
        out.deny.insert(out.deny.end(), p.privacy.deny.begin(), p.privacy.deny.end());
        out.tokenise.insert(out.tokenise.end(), p.privacy.tokenise.begin(), p.privacy.tokenise.end());
        if (p.privacy.token_key != nullptr) out.token_key = p.privacy.token_key;
    }
    return out;
}

int tail(const tail_options& options) {
    const config c = load_services(options.config);
    auto [topic, bad_topic] = topic_of(options.topic);
    if (!bad_topic.empty()) throw failure(exit_code::bad_config, "TOPIC: " + bad_topic);
    if (is_pattern(topic))
        throw failure(exit_code::bad_config,
                      "TOPIC: a pattern is for [[pipeline]]; name one topic (\"sfcdc topics\" lists them)");
    auto [from, bad_from] = start_from_of(options.from);
    if (!bad_from.empty()) throw failure(exit_code::bad_config, "--from: " + bad_from);
    if (options.count == 0) return 0;

    if (topic.starts_with("/event/") && !(options.entities.empty() && options.changed.empty()))
        throw failure(exit_code::bad_config,
                      "--entity and --changed: a platform event has no ChangeEventHeader that could tell");
    pipeline_config p;
    p.privacy = privacy_of(c, one_org(c, options.salesforce).section);
    p.topic = p.label = topic;
    p.filter.entities = options.entities;
    p.filter.only_if_changed = options.changed;
    salesforce::org org(one_org(c, options.salesforce));
    termination asked;
    std::stop_source stop;
    pipeline_counts counts;
    std::exception_ptr end;
    std::atomic<bool> done = false;
    {
        const std::jthread thread = start_thread([&] {
            try {
                pipeline(p, org, nullptr, c.memory_limit, from, counts, [&] {
                    return std::make_unique<printed_events>(options, stop);
                }).run(stop.get_token());
            } catch (...) {
                end = std::current_exception();
            }
            done = true;
        });
        while (!done && !asked.wait(std::chrono::milliseconds(50))) {
        }
        stop.request_stop();
    }
    try {
        if (end) std::rethrow_exception(end);
    } catch (const reader_gone&) {
    }
    return 0;
}

} // namespace

void add_tail(command_line& to) {
    CLI::App* const command =
        to.app.add_subcommand("tail", "Print the events of a topic as they come, without touching any position");
    const auto options = std::make_shared<tail_options>();
    command
        ->add_option("TOPIC", options->topic, "As in the configuration: Account, /data/ChangeEvents, Order__e, ...")
        ->required();
    command->add_option("--config", options->config, "The configuration (TOML); its [salesforce] is used")
        ->required();
    command->add_option("--salesforce", options->salesforce, "Which org, of several: NAME of [salesforce.NAME]");
    command
        ->add_option("--from", options->from,
                     "latest, earliest, a replay id (hexadecimal or base64) or a time (2026-11-28T09:30:00Z)")
        ->capture_default_str();
    command->add_option("--entity", options->entities, "Only events of this object; may be given again");
    command->add_option("--changed", options->changed,
                        "Leave out updates that do not change this field; may be given again");
    command
        ->add_option("--format", options->format,
                     "json: all; changed: the field lists; header: the ChangeEventHeader")
        ->check(CLI::IsMember({"json", "changed", "header"}));
    command->add_option("-n,--count", options->count, "End after so many events");
    command->callback([&to, options] {
        to.log_level = "warn";
        to.chosen = [options] { return tail(*options); };
    });
}

} // namespace sfcdc::runner
