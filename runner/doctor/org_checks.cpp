#include "org_checks.hpp"

#include "../config/topic_pattern.hpp"
#include "../disk/position_database.hpp"
#include "../disk/position_file.hpp"
#include "../io/http.hpp"
#include "../io/url.hpp"
#include "../names.hpp"
#include "../operations/advice.hpp"
#include "../salesforce/discovery.hpp"
#include "../salesforce/grants/grant.hpp"
#include "judgements.hpp"
#include "paths.hpp"

#include <sfcdc/avro/schema_id.hpp>
#include <sfcdc/pubsub/call_end.hpp>

#include <nlohmann/json.hpp>

#include <algorithm>

namespace sfcdc::runner::doctor {
namespace {

constexpr std::size_t most_objects = 50; // of a channel, each of which costs two calls
// A position that is not known is refused at once. One that is the newest has no answer before the next event.
constexpr std::chrono::milliseconds wait_for_position{3'000};

std::string said(const call_status& end) { return describe(end.code, end.error_code, end.message); }

std::string last_part(const std::string& topic) { return topic.substr(topic.rfind('/') + 1); }

// The object of a topic's events; a platform event is its own. Empty: a channel of several.
std::string object_of(const std::string& topic) {
    const std::string name = last_part(topic);
    if (name == "ChangeEvents" || name.ends_with("__chn")) return {};
    const std::string entity = entity_of_change_event(name);
    return entity.empty() ? name : entity;
}

judgement unknown(const salesforce::rest_refusal& why, std::string_view permission) {
    return {verdict::unknown, "Salesforce does not tell (" + why.message + ")",
            why.what == salesforce::rest_fault::no_right
                ? "for an answer the user needs the permission " + std::string(permission)
                : ""};
}

} // namespace

void org_checks::run() {
    const std::string host_key(salesforce::find_grant(config_.grant)->host_key);
    login_reached_ = look_at_path(report_, config_.section + " " + host_key, connecting_library::curl,
                                  config_.login_url, config_.ca_file);
    const std::string endpoint = config_.section + " pubsub_endpoint";
    pubsub_reached_ =
        look_at_path(report_, endpoint, connecting_library::grpc, config_.pubsub_endpoint, config_.ca_file);
    if (const auto parts = url_parts::of(with_scheme(config_.pubsub_endpoint))) {
        const std::string port = parts->port.empty() ? (parts->scheme == "http" ? "80" : "443") : parts->port;
        const bool known = port == "443" || port == "7443";
        report_.add("ports", endpoint,
                    judge_ports(port, known && is_open(connecting_library::grpc, parts->host, "443"),
                                known && is_open(connecting_library::grpc, parts->host, "7443")));
    }
    log_in();
    look_at_service();
    look_at_session();
    look_at_limits();
}

void org_checks::log_in() {
    if (!login_reached_) {
        report_.skip("login", config_.section, "a way to the host of the login");
        return report_.skip("org_id", config_.section, "a login");
    }
    try {
        session_ = salesforce::log_in(config_, {});
        report_.good("login", config_.section, "Salesforce accepts the login by " + config_.grant);
        report_.good("org_id", config_.section, "the org is " + session_->org_id + " at " + session_->instance_url);
        return;
    } catch (const http::unavailable& u) {
        report_.add("login", config_.section,
                    {verdict::failed, u.reason, "where a key is named, mend it; otherwise try again later"});
    } catch (const failure& f) {
        report_.add("login", config_.section, judgement_of(f));
    }
    report_.skip("org_id", config_.section, "a login");
}

void org_checks::look_at_service() {
    if (!login_reached_) return report_.skip("clock", config_.section, "a way to the host of the login");
    const auto [service, refused] =
        salesforce::look_at_rest_service(config_, session_ ? session_->instance_url : config_.login_url, {});
    version_ = service.newest_version;
    if (service.clock_ahead)
        report_.add("clock", config_.section, judge_clock(*service.clock_ahead));
    else
        report_.add("clock", config_.section,
                    {verdict::unknown, refused ? "Salesforce does not say its time (" + refused->message + ")"
                                               : "Salesforce does not say its time"});
}

void org_checks::look_at_session() {
    if (!session_) return report_.skip("session", config_.section, "a login");
    if (!pubsub_reached_) return report_.skip("session", config_.section, "a way to pubsub_endpoint");
    calls_ = std::make_unique<salesforce::single_calls>(config_, *session_);
    eventbus::v1::TopicInfo info;
    const call_status end = calls_->topic(some_topic_, info);
    switch (end.code) {
    case wire::grpc_status::unauthenticated:
        report_.add("session", config_.section, judgement_of(session_refused(config_.section, said(end))));
        return;
    case wire::grpc_status::unavailable:
    case wire::grpc_status::deadline_exceeded:
        report_.add("session", config_.section,
                    {verdict::failed, "the Pub/Sub API does not answer (" + said(end) + ")",
                     "check that pubsub_endpoint is the Pub/Sub API's, and that nothing in between refuses HTTP/2"});
        return;
    default: break; // whatever it says of the topic: it has accepted the session
    }
    session_good_ = true;
    report_.good("session", config_.section, "the Pub/Sub API accepts the session");
    if (!version_.empty()) rest_ = std::make_unique<salesforce::rest>(config_, *session_, version_);
}

void org_checks::look_at_limits() {
    if (!session_good_ || !rest_) {
        const std::string needed = session_good_ ? "an answer of the REST API" : "a session";
        report_.skip("api_requests", config_.section, needed);
        return report_.skip("delivery_allocation", config_.section, needed);
    }
    const auto [limits, refused] = rest_->limits();
    const auto look = [&](const char* check, std::initializer_list<const char*> names,
                          judgement (*judge)(std::int64_t, std::int64_t)) {
        for (const char* const name : names)
            for (const auto& [known, numbers] : limits)
                if (known == name && numbers.max > 0) // an org without the add-on has its limit with 0 of 0
                    return (void)report_.add(check, config_.section, judge(numbers.max, numbers.remaining));
        report_.add(check, config_.section,
                    refused ? unknown(*refused, "View Setup and Configuration")
                            : judgement{verdict::unknown, "Salesforce does not tell what is left"});
    };
    look("api_requests", {"DailyApiRequests"}, judge_api_requests);
    look("delivery_allocation", {"MonthlyPlatformEventsUsageEntitlement", "DailyDeliveredPlatformEvents"},
         judge_deliveries);
}

std::vector<std::string> org_checks::topics_of_objects(const pipeline_config& pipeline) const {
    if (!object_of(pipeline.topic).empty()) return {pipeline.topic};
    std::vector<std::string> out;
    for (const std::string& entity : pipeline.filter.entities) out.push_back(topic_of(entity).name);
    if (out.empty() && selected_ && last_part(pipeline.topic) == "ChangeEvents")
        for (const std::string& event : *selected_) out.push_back("/data/" + event);
    if (out.empty() && channels_)
        for (const salesforce::channel& c : *channels_)
            if (c.topic() == pipeline.topic)
                for (const salesforce::channel_member& m : c.members)
                    out.push_back((c.of_change_events ? "/data/" : "/event/") + m.event);
    if (out.size() > most_objects) out.resize(most_objects);
    return out;
}

std::vector<pipeline_config> org_checks::topics_of(const pipeline_config& pipeline) {
    if (!is_pattern(pipeline.topic)) return {pipeline};
    const auto say = [&](const judgement& j) {
        report_.add("topics", pipeline.topic, j);
        return std::vector<pipeline_config>();
    };
    if (!rest_) return report_.skip("topics", pipeline.topic, "a session"), std::vector<pipeline_config>();
    const auto [topics, refused] = salesforce::topics_of_pattern(*rest_, pipeline.topic);
    if (refused)
        return say({verdict::failed, "the org does not list its topics (" + refused->message + ")",
                    "give the user the permissions \"API Enabled\" and \"View Setup and Configuration\""});
    if (topics.empty())
        return say({verdict::warning, "the org has no topic that matches",
                    "check the pattern; \"sfcdc topics\" lists what the org has"});
    std::vector<pipeline_config> out;
    std::string without;
    for (const std::string& topic : topics)
        if (const std::string why = calls_->why_not_subscribable(topic); why.empty())
            out.push_back(of_topic(pipeline, topic));
        else
            without += "; without " + topic + ": " + why;
    const std::string found = "the org has " + std::to_string(out.size()) + " topics that match" + without;
    if (out.empty()) return say({verdict::warning, found, "give the user the right to subscribe to one of them"});
    report_.good("topics", pipeline.topic, found);
    return out;
}

void org_checks::look_at(const pipeline_config& pipeline) {
    const std::string& topic = pipeline.topic;
    if (!session_good_) {
        if (topics_.try_emplace(topic, false).second)
            for (const char* const check : {"cdc_selected", "topic", "schema", "hidden_fields"})
                if (topic.starts_with("/data/") || check != std::string_view("cdc_selected"))
                    report_.skip(check, topic, "a session");
        return look_at_position(pipeline);
    }
    if (!asked_for_selection_ && topic.starts_with("/data/") && rest_) {
        asked_for_selection_ = true;
        auto [events, refused] = salesforce::selected_change_events(*rest_);
        if (refused)
            why_not_selected_ = std::move(refused);
        else
            selected_ = std::move(events);
    }
    if (!channels_ && topic.ends_with("__chn") && rest_) channels_ = salesforce::custom_channels(*rest_).value;
    const std::vector<std::string> single = topics_of_objects(pipeline);
    if (!topics_.contains(topic)) {
        std::vector<std::string> events;
        for (const std::string& one : single) events.push_back(last_part(one));
        const bool selected =
            !topic.starts_with("/data/") || topic.ends_with("__chn") || look_at_selection(topic, events);
        if (!selected) report_.skip("topic", topic, "Change Data Capture");
        topics_[topic] = selected && look_at_topic(topic);
        if (topics_[topic] && single.empty())
            report_.add("schema", topic,
                        {verdict::unknown, "the objects of its events are not known",
                         "name them in entities of the pipeline"});
    }
    for (const std::string& one : single) look_at_object(one, pipeline);
    look_at_position(pipeline);
}

void org_checks::look_at_object(const std::string& topic, const pipeline_config& pipeline) {
    if (!objects_.insert(topic).second) return;
    if (!topics_[pipeline.topic]) {
        report_.skip("schema", topic, "the topic");
        return report_.skip("hidden_fields", topic, "the topic");
    }
    if (topic != pipeline.topic) { // of a channel: the schema is that of the object's own topic
        eventbus::v1::TopicInfo info;
        if (const call_status end = calls_->topic(topic, info); end.code != wire::grpc_status::ok) {
            report_.add("schema", topic,
                        {verdict::unknown, "Salesforce does not give the topic (" + said(end) + ")"});
            return report_.skip("hidden_fields", topic, "the schema");
        }
        schema_ids_[topic] = info.schema_id();
    }
    look_at_schema(topic, schema_ids_[topic]);
    if (!schemas_.contains(topic)) return report_.skip("hidden_fields", topic, "the schema");
    look_at_fields(topic, pipeline);
}

bool org_checks::look_at_selection(const std::string& topic, const std::vector<std::string>& events) {
    if (!selected_)
        return report_.add("cdc_selected", topic,
                           why_not_selected_ ? unknown(*why_not_selected_, "View Setup and Configuration")
                                             : judgement{verdict::unknown, "the REST API gives no answer"});
    std::string missing;
    for (const std::string& event : events)
        if (std::find(selected_->begin(), selected_->end(), event) == selected_->end())
            missing += (missing.empty() ? "" : ", ") + entity_of_change_event(event);
    if (selected_->empty()) missing = "any object";
    if (missing.empty()) return report_.good("cdc_selected", topic, "Change Data Capture is on for its objects");
    return report_.add("cdc_selected", topic,
                       {verdict::failed, "Change Data Capture is off for " + missing,
                        "select " + missing + " in Setup, Change Data Capture"});
}

bool org_checks::look_at_topic(const std::string& topic) {
    eventbus::v1::TopicInfo info;
    const call_status end = calls_->topic(topic, info);
    if (end.code != wire::grpc_status::ok) {
        judgement j = judgement_of(topic_refused(topic, said(end)));
        if (pubsub::without_prefix(end.error_code) == "topic.meta.permission")
            j.fix = "give the run-as user read access to the object, and the permission that its events need";
        return report_.add("topic", topic, std::move(j));
    }
    if (!info.can_subscribe())
        return report_.add("topic", topic,
                           {verdict::failed,
                            "the user that " + config_.section + " logs in as may not subscribe to it",
                            "give the run-as user read access to the object"});
    schema_ids_[topic] = info.schema_id();
    return report_.good("topic", topic, "it exists and may be subscribed to");
}

void org_checks::look_at_schema(const std::string& topic, const std::string& schema_id) {
    eventbus::v1::SchemaInfo info;
    const call_status end = calls_->schema(schema_id, info);
    if (end.code != wire::grpc_status::ok) {
        report_.add("schema", topic,
                    {verdict::failed, "Salesforce does not give the schema " + schema_id + " (" + said(end) + ")",
                     "give the run-as user read access to the object, so that it may read the schema"});
        return;
    }
    auto [plan, bad] = cdc::compile(info.schema_json());
    const nlohmann::json schema = bad ? nlohmann::json() : nlohmann::json::parse(info.schema_json(), nullptr, false);
    if (bad || !schema.is_object() || !schema.contains("fields")) {
        report_.add("schema", topic,
                    {verdict::failed, "the schema " + schema_id + " cannot be read: " + bad.message(),
                     "report this with the output of sfcdc schema"});
        return;
    }
    if (const std::string computed = avro::schema_id(plan.schema()); computed != schema_id) {
        report_.add("schema", topic,
                    {verdict::failed, "the schema that Salesforce sent for " + schema_id + " has the id " + computed,
                     "check what is between this machine and Salesforce"});
        return;
    }
    known_schema known{object_of(topic), {}, std::move(plan)};
    for (const nlohmann::json& field : schema["fields"])
        if (std::string name = salesforce::text_of(field, "name"); !name.empty() && name != "ChangeEventHeader")
            known.fields.push_back(std::move(name));
    report_.good("schema", topic,
                 "the schema " + schema_id + " has " + std::to_string(known.fields.size())
                     + " fields, and its id is right");
    schemas_.emplace(topic, std::move(known));
}

void org_checks::look_at_fields(const std::string& topic, const pipeline_config& pipeline) {
    const known_schema& known = schemas_.at(topic);
    if (!rest_) return report_.skip("hidden_fields", topic, "an answer of the REST API");
    const auto [described, refused] = rest_->field_names(known.object);
    if (refused)
        report_.add("hidden_fields", topic, unknown(*refused, "to read the object"));
    else
        report_.add("hidden_fields", topic,
                    judge_hidden_fields(known.object, known.fields, described, pipeline.privacy.deny));
}

void org_checks::look_at_position(const pipeline_config& pipeline) {
    const std::string& subject = pipeline.label;
    if (!session_good_ || !topics_[pipeline.topic]) {
        report_.skip("position", subject, session_good_ ? "the topic" : "a session");
        return;
    }
    if (!pipeline.managed_subscription.empty()) {
        report_.good("position", subject, "Salesforce keeps the position, as " + pipeline.managed_subscription);
        return;
    }
    std::vector<stored_position> stored;
    try {
        if (pipeline.sink == sink_kind::sqlite)
            stored = positions_in_database(pipeline.path, pipeline.topic);
        else if (auto one = position_file(pipeline.checkpoint).read())
            stored.push_back(std::move(*one));
    } catch (const failure& f) {
        judgement j = judgement_of(f);
        j.code = exit_code::needs_decision;
        report_.add("position", subject, std::move(j));
        return;
    }
    if (pipeline.sink == sink_kind::sqlite)
        std::erase_if(stored, [&](const stored_position& s) { return s.owner.org_id != session_->org_id; });
    if (stored.empty()) {
        report_.good("position", subject,
                     std::string("no position is stored, so that the pipeline starts at the ")
                         + (pipeline.start == start_position::latest ? "latest" : "earliest") + " event"
                         + (pipeline.sink == sink_kind::zerobus ? ", or where its tables say" : ""));
        return;
    }
    const stored_position& at = stored.front();
    if (at.owner.org_id != session_->org_id || at.owner.topic != pipeline.topic) {
        report_.add(
            "position", subject,
            {verdict::failed,
             pipeline.state().string() + " has a position of " + at.owner.topic + " of the org " + at.owner.org_id,
             "name another checkpoint file, or remove this one", exit_code::needs_decision});
        return;
    }
    const call_status end = calls_->position(pipeline.topic, at.replay_id, wait_for_position);
    if (end.code == wire::grpc_status::ok) {
        report_.good("position", subject,
                     "Salesforce knows the position " + at.replay_id.hex()
                         + " (this has cost one delivered event at most)");
        return;
    }
    delivery_reason why;
    why.status = end.code;
    why.error_code = std::string(pubsub::without_prefix(end.error_code));
    why.message = end.message;
    if (why.error_code.find("replayid") == std::string::npos) {
        report_.add(
            "position", subject,
            {verdict::failed, "Salesforce does not let the pipeline subscribe (" + said(end) + ")",
             "where it says subscription.limit.exceeded, wait for the delivery allocation; otherwise try again"});
        return;
    }
    judgement j = judgement_of(advice({delivery_fault::position_unknown, why}, {.topic = pipeline.topic,
                                                                                .table = {},
                                                                                .salesforce = config_.section,
                                                                                .databricks = {},
                                                                                .position = at.replay_id.hex(),
                                                                                .login_refusal = {},
                                                                                .token_refusal = {},
                                                                                .last_letter = {}}));
    if (const std::size_t at_fix = j.what.find(". Run once"); at_fix != j.what.npos) {
        j.fix = "run" + j.what.substr(at_fix + 5);
        j.what.resize(at_fix);
    }
    report_.add("position", subject, std::move(j));
}

std::map<std::string, const cdc::plan*> org_checks::plans_of(const pipeline_config& pipeline) const {
    std::map<std::string, const cdc::plan*> out;
    for (const std::string& topic : topics_of_objects(pipeline))
        if (const auto found = schemas_.find(topic); found != schemas_.end())
            out[found->second.object] = &found->second.plan;
    return out;
}

} // namespace sfcdc::runner::doctor
