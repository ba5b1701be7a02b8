#include "../names.hpp"
#include "parts.hpp"
#include "topic_pattern.hpp"

#include <sfcdc/cdc/change_type.hpp>

#include <algorithm>
#include <utility>

namespace sfcdc::runner {
namespace {

std::string topic_of(const section& s, std::vector<std::string>& corrections) {
    const std::string written = s.text("topic", true);
    if (written.empty()) return {};
    auto [name, bad] = runner::topic_of(written);
    if (!bad.empty()) return s.wrong("topic", bad), std::string();
    if (name != written) corrections.push_back("the topic " + written + " is " + name + " in Salesforce");
    return std::move(name);
}

// Which section of several a pipeline means; the only one need not be named.
template<class Config>
std::string section_of(const section& s, const std::string& service, const std::map<std::string, Config>& all,
                       std::set<std::string>& missing) {
    const std::string said = s.text(service);
    std::string known;
    for (const auto& [name, c] : all) known += (known.empty() ? "" : ", ") + c.section;
    if (s.has(service)) {
        if (said.empty() || !all.contains(said))
            s.wrong(service, "there is no [" + service + "." + said + "] in this file"
                                 + (known.empty() ? "" : "; known are " + known));
        return said;
    }
    if (all.empty()) {
        if (missing.insert(service).second) s.in().mistake({}, "the section [" + service + "] is missing");
    } else if (all.size() == 1) {
        return all.begin()->first;
    } else if (!all.contains("")) {
        s.wrong(service, "missing; there are " + known + ", and the pipeline names one of them");
    }
    return {};
}

event_filter_config read_filter(const section& s, bool change_events) {
    event_filter_config c;
    c.entities = s.texts("entities");
    c.exclude_entities = s.texts("exclude_entities");
    c.skip_if_only = s.texts("skip_if_only");
    c.only_if_changed = s.texts("only_if_changed");
    c.exclude_change_types = s.texts("exclude_change_types");
    c.exclude_origins = s.texts("exclude_origins");
    for (const char* const key : {"entities", "exclude_entities", "skip_if_only", "only_if_changed",
                                  "exclude_change_types", "exclude_origins"})
        useless(s, key, !change_events, "a platform event has no ChangeEventHeader that could tell");
    for (const std::string& entity : c.entities)
        if (std::ranges::count(c.exclude_entities, entity) > 0)
            s.wrong("exclude_entities", "\"" + entity + "\" is in entities, too");
    for (const auto& [key, names] : {std::pair("entities", &c.entities), {"exclude_entities", &c.exclude_entities}})
        for (const std::string& entity : *names)
            if (!is_word(entity))
                s.wrong(key, "\"" + entity + "\" is no name of an object, as in \"Account\" or \"Order__c\"");
    for (const std::string& type : c.exclude_change_types)
        if (std::ranges::none_of(cdc::change_type_symbols, [&](std::string_view t) { return matches(type, t); }))
            s.wrong(
                "exclude_change_types",
                "\"" + type
                    + "\" is no change type, as in \"CREATE\", \"UPDATE\", \"DELETE\", \"UNDELETE\" or \"GAP_*\"");
    return c;
}

void read_table_name(const section& s, pipeline_config& c) {
    const bool zerobus = c.sink == sink_kind::zerobus, sqlite = c.sink == sink_kind::sqlite;
    c.table = s.text("table", zerobus, "events");
    if (c.table.empty()) return;
    pipeline_config example = c;
    example.topic = "/data/*";
    const std::string one = table_of(of_topic(example, "/data/AccountChangeEvent").table, "Account");
    if (one.find_first_of("{}") != one.npos)
        s.wrong("table", "{entity} and {topic} are what may stand in braces");
    else if (zerobus && !is_zerobus_table(one))
        s.wrong("table", "three parts were expected, each of ASCII letters, digits and underscores (Zerobus takes no "
                         "others), as in \"catalog.schema.table\"");
    else if (sqlite && is_taken_in_sqlite(one))
        s.wrong("table", "names that begin with \"sqlite_\" or \"sfcdc_\" are taken");
}

// Two topics in one database have letters of their own, and so have two orgs.
std::string letters_beside(const pipeline_config& c) {
    std::string beside = c.state().string();
    if (c.sink == sink_kind::sqlite && !c.topic.empty()) {
        std::string topic = c.topic.substr(1, c.topic.rfind('/')) + "{topic}";
        std::ranges::replace(topic, '/', '_');
        if (!c.salesforce.empty()) beside += "." + c.salesforce;
        beside += "." + topic;
    }
    return beside + ".dead_letters.ndjson";
}

// Each topic of a pattern has a position and files of its own.
void check_pattern(const section& s, const pipeline_config& c) {
    if (!is_pattern(c.topic)) return;
    useless(s, "managed_subscription", true, "a managed subscription has one topic, and this is a pattern of topics");
    if (c.start != start_position::earliest)
        s.wrong(
            s.has("start") ? "start" : "backfill",
            "the topics of a pattern begin at their earliest events, because what a new one has had before it was "
            "found would be lost otherwise; name the topic of a pipeline that is to begin at latest");
    struct own_file {
        const char* key;
        const std::filesystem::path& path;
        const char* example;
        bool one_for_all = false; // it may be
    };
    const own_file files[] = {{"checkpoint", c.checkpoint, "{topic}.checkpoint"},
                              {"dead_letters", c.dead_letters, "{topic}.letters.ndjson"},
                              {"plan_file", c.plan_file, "{topic}.sql"},
                              {"path", c.path, "{topic}.ndjson", c.sink == sink_kind::sqlite || c.path == "-"}};
    for (const own_file& file : files) {
        if (!s.has(file.key)) continue;
        if (has_topic(file.path.parent_path().string()))
            s.wrong(file.key,
                    "{topic} stands in the name of a file, and not in that of a folder, which nobody would make");
        else if (!has_topic(file.path.string()) && !file.one_for_all)
            s.wrong(file.key, "each topic of a pattern has a file of its own; put {topic} into the name, as in "
                              "\"/var/lib/sfcdc/"
                                  + std::string(file.example) + "\"");
    }
    if (c.typed && !has_topic(c.table) && !has_entity(c.table))
        s.wrong("table",
                "a typed table has the fields of one object, and a pattern stands for topics of several; put "
                "{topic} or {entity} into the name, as in \"main.crm.{topic}\"");
}

} // namespace

pipeline_config read_pipeline(const section& s, config& all, std::set<std::string>& missing) {
    pipeline_config c;
    c.written = s.written();
    c.drain_time = all.drain_time;
    c.topic = topic_of(s, all.corrections);
    const bool change_events = c.topic.empty() || c.topic.starts_with("/data/");
    c.start = s.choice<start_position>(
        "start", false, {{"earliest", start_position::earliest}, {"latest", start_position::latest}}, c.start);
    if (s.has("backfill")) {
        if (s.has("start")) s.wrong("backfill", "start says the same; leave one of them out");
        c.start = s.flag("backfill", true) ? start_position::earliest : start_position::latest;
    }
    c.filter = read_filter(s, change_events);
    c.sink = s.choice<sink_kind>(
        "sink", true, {{"zerobus", sink_kind::zerobus}, {"sqlite", sink_kind::sqlite}, {"ndjson", sink_kind::ndjson}},
        c.sink);
    c.layout = read_layout(s, c.typed);
    c.privacy = read_privacy(s, c.layout);
    c.on_undecodable = s.choice<undecodable_policy>(
        "on_undecodable", false,
        {{"dead_letter", undecodable_policy::dead_letter}, {"stop", undecodable_policy::stop}}, c.on_undecodable);
    c.on_failure = s.choice<failure_policy>(
        "on_failure", false, {{"restart", failure_policy::restart}, {"stop", failure_policy::stop}}, c.on_failure);
    c.schema_json_every = s.number("schema_json_every", 0, 1'000'000'000, c.schema_json_every);
    c.silence_limit = std::chrono::seconds(s.number("silence_limit", 1, 86'400, c.silence_limit.count()));

    const bool zerobus = c.sink == sink_kind::zerobus, sqlite = c.sink == sink_kind::sqlite;
    c.salesforce = section_of(s, "salesforce", all.salesforce, missing);
    if (zerobus) c.databricks = section_of(s, "databricks", all.databricks, missing);
    read_table_name(s, c);
    if (has_entity(c.table) && !change_events) s.wrong("table", "a platform event has no entityName for {entity}");
    c.path = s.text("path", !zerobus);
    if (sqlite && (c.path == ":memory:" || c.path.string().starts_with("file:")))
        s.wrong("path", "the name of a file was expected; rows in memory are not durable");
    c.managed_subscription = s.text("managed_subscription");
    const bool managed = !c.managed_subscription.empty();
    if (managed && !is_word(c.managed_subscription))
        s.wrong("managed_subscription", "the developer name or the id of a managed event subscription was expected");
    if (managed
        && !s.in()
                .use("managed " + c.salesforce + " " + c.managed_subscription,
                     "line " + std::to_string(s.line_of("managed_subscription")))
                .empty())
        s.wrong("managed_subscription", "another pipeline has " + c.managed_subscription
                                            + "; Salesforce gives its events to one client at a time");
    c.topic_interval = std::chrono::seconds(s.number("topic_interval", 1, 86'400, c.topic_interval.count()));
    useless(s, "topic_interval", !is_pattern(c.topic), "one topic is not looked for; only a pattern of topics is");
    c.checkpoint = s.text("checkpoint", !sqlite && !managed);
    useless(s, "path", zerobus, "a zerobus pipeline has no file; its rows go to \"table\"");
    useless(s, "checkpoint", sqlite, "the sqlite sink keeps the position in its database");
    useless(s, "checkpoint", managed && !sqlite, "Salesforce keeps the position of a managed subscription");
    for (const char* const key : {"start", "backfill"})
        useless(s, key, managed, "a managed subscription says in Salesforce where it starts");
    useless(s, "table", c.sink == sink_kind::ndjson, "an ndjson pipeline has no table");
    useless(s, "databricks", !zerobus, "only rows of the zerobus sink go to Databricks");
    c.dead_letters = s.text("dead_letters", managed && !sqlite, letters_beside(c));
    read_tables(s, c, all);
    check_pattern(s, c);
    return is_pattern(c.topic) ? c : of_topic(c, c.topic);
}

} // namespace sfcdc::runner
