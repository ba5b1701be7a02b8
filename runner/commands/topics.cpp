#include "../io/http.hpp"
#include "../operations/advice.hpp"
#include "../operations/log.hpp"
#include "../salesforce/discovery.hpp"
#include "../salesforce/single_calls.hpp"
#include "command_line.hpp"
#include "one_org.hpp"
#include "output.hpp"

#include <sfcdc/pubsub/call_end.hpp>

#include <nlohmann/json.hpp>

#include <filesystem>
#include <memory>
#include <vector>

namespace sfcdc::runner {
namespace {

struct topics_options {
    std::filesystem::path config;
    std::string salesforce;
    bool json = false;
};

// Asking costs a call for each topic.
constexpr std::size_t most_asked = 1'000;

struct listed_topic {
    std::string topic, kind;
    std::vector<salesforce::channel_member> members{}; // of a channel
    bool may_subscribe = false;
    std::string why_not{}; // Salesforce's words
};

template<class T>
T value_of(salesforce::rest_outcome<T> outcome, const std::string& what, const std::string& section) {
    if (!outcome.refused) return std::move(outcome.value);
    throw salesforce::cannot_list(*outcome.refused, what, section);
}

std::vector<listed_topic> topics_of(const salesforce_config& config) {
    salesforce::session session;
    std::string version;
    try {
        session = salesforce::log_in(config, {});
    } catch (const http::unavailable& u) {
        throw failure(exit_code::failed, u.reason + ".");
    }
    version = value_of(salesforce::look_at_rest_service(config, session.instance_url, {}), "its API versions",
                       config.section)
                  .newest_version;
    salesforce::rest rest(config, session, version);
    std::vector<listed_topic> out;
    const auto changes = value_of(salesforce::selected_change_events(rest), "the selected objects", config.section);
    if (!changes.empty()) out.push_back({"/data/ChangeEvents", "all change events"});
    for (const std::string& event : changes) out.push_back({"/data/" + event, "change events"});
    for (const salesforce::channel& c : value_of(salesforce::custom_channels(rest), "the channels", config.section))
        out.push_back({c.topic(), "channel", c.members});
    for (const std::string& event :
         value_of(salesforce::custom_platform_events(rest), "the platform events", config.section))
        out.push_back({"/event/" + event, "platform event"});
    // Not every edition has them, so that the list goes on without.
    for (const std::string& event : salesforce::standard_events(rest).value)
        out.push_back({"/event/" + event, "standard event"});

    salesforce::single_calls calls(config, session);
    for (std::size_t i = 0; i < out.size(); ++i) {
        if (i == most_asked) {
            for (; i < out.size(); ++i) out[i].why_not = "not asked: there are too many topics";
            break;
        }
        eventbus::v1::TopicInfo info;
        const call_status end = calls.topic(out[i].topic, info);
        out[i].may_subscribe = end.code == wire::grpc_status::ok && info.can_subscribe();
        if (end.code == wire::grpc_status::unauthenticated)
            throw session_refused(config.section, describe(end.code, end.error_code, end.message));
        if (end.code != wire::grpc_status::ok)
            out[i].why_not = describe(end.code, end.error_code, end.message);
        else if (!out[i].may_subscribe)
            out[i].why_not = "the user may not subscribe to it";
    }
    return out;
}

std::string line_of_topic(const listed_topic& t) {
    std::string line = t.topic + "\t" + t.kind + "\t" + (t.may_subscribe ? "yes" : "no: " + log::one_line(t.why_not));
    for (std::size_t i = 0; i < t.members.size(); ++i)
        line += (i == 0 ? "\t" : ", ") + t.members[i].event
                + (t.members[i].filter.empty() ? "" : " where " + t.members[i].filter);
    std::string safe; // the tabs are ours; names and filters are a peer's
    for (std::size_t at = 0; at <= line.size();) {
        const std::size_t tab = std::min(line.find('\t', at), line.size());
        safe += (at == 0 ? "" : "\t") + log::one_line(line.substr(at, tab - at));
        at = tab + 1;
    }
    return safe + "\n";
}

nlohmann::ordered_json json_of(const listed_topic& t) {
    nlohmann::ordered_json members = nlohmann::ordered_json::array();
    for (const salesforce::channel_member& m : t.members)
        members.push_back({{"event", log::one_line(m.event)}, {"filter", log::one_line(m.filter)}});
    return {{"topic", log::one_line(t.topic)},
            {"kind", t.kind},
            {"may_subscribe", t.may_subscribe},
            {"why_not", log::one_line(t.why_not)},
            {"members", std::move(members)}};
}

int topics(const topics_options& options) {
    const config c = load_services(options.config);
    const std::vector<listed_topic> all = topics_of(one_org(c, options.salesforce));
    std::string text;
    nlohmann::ordered_json list = nlohmann::ordered_json::array();
    for (const listed_topic& t : all)
        if (options.json)
            list.push_back(json_of(t));
        else
            text += line_of_topic(t);
    if (options.json) text = nlohmann::ordered_json{{"topics", std::move(list)}}.dump() + "\n";
    try {
        output out;
        out.write(text);
        out.flush();
    } catch (const reader_gone&) {
    }
    return 0;
}

} // namespace

void add_topics(command_line& to) {
    CLI::App* const command =
        to.app.add_subcommand("topics", "List what the org has to subscribe to: objects, channels and events");
    const auto options = std::make_shared<topics_options>();
    command->add_option("--config", options->config, "The configuration (TOML); its [salesforce] is used")
        ->required();
    command->add_option("--salesforce", options->salesforce, "Which org, of several: NAME of [salesforce.NAME]");
    command->add_flag("--json", options->json, "One JSON object in place of lines");
    command->callback([&to, options] {
        to.log_level = "warn";
        to.chosen = [options] { return topics(*options); };
    });
}

} // namespace sfcdc::runner
