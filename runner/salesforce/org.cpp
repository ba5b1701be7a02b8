#include "org.hpp"

#include "../channel.hpp"
#include "../failure.hpp"
#include "../pause.hpp"

#include <sfcdc/avro/schema_id.hpp>
#include <sfcdc/backoff.hpp>

#include <spdlog/spdlog.h>

#include <random>

namespace sfcdc::runner::salesforce {

org::org(const salesforce_config& config)
    : login_(config), stub_(eventbus::v1::PubSub::NewStub(open_channel(config.pubsub_endpoint, config.ca_file))) {}

void org::authorize(grpc::ClientContext& context, const session& s) {
    context.AddMetadata("accesstoken", s.access_token);
    context.AddMetadata("instanceurl", s.instance_url);
    context.AddMetadata("tenantid", s.org_id);
}

template<class Rpc> call_end org::ask(const std::string& what, const std::stop_token& stop, Rpc&& rpc) {
    backoff wait(std::random_device{}());
    constexpr unsigned refused_sessions = 3;
    for (unsigned renewals = 0;;) {
        const session s = login_.current(stop);
        grpc::ClientContext context;
        authorize(context, s);
        context.set_deadline(std::chrono::system_clock::now() + std::chrono::seconds(15));
        const grpc::Status status = rpc(context);
        const call_end end = judge(status, context);
        if (status.ok() || end.what == remedy::stop || end.what == remedy::choose_position) return end;
        if (end.what == remedy::renew_login) {
            if (++renewals > refused_sessions)
                throw failure(exit_code::refused,
                              "Salesforce accepts the login but not the session (" + end.text
                                  + "); check the IP restrictions of the run-as user of [salesforce] client_id.");
            login_.expired(s);
        }
        const auto delay = wait.next();
        spdlog::warn("salesforce: {} failed: {}; next try in {} ms", what, end.text, delay.count());
        pause(stop, delay);
    }
}

void org::check_topic(const std::string& topic, const std::stop_token& stop) {
    eventbus::v1::TopicRequest request;
    request.set_topic_name(topic);
    eventbus::v1::TopicInfo info;
    const call_end end =
        ask("GetTopic " + topic, stop, [&](grpc::ClientContext& c) { return stub_->GetTopic(&c, request, &info); });
    if (end.what == remedy::stop)
        throw failure(exit_code::refused, "Salesforce does not give the topic " + topic + " (" + end.text
                                              + "); check [[stream]] topic, that Change Data Capture is on for the "
                                                "object, and that the run-as user may read it.");
    if (!info.can_subscribe())
        throw failure(exit_code::refused,
                      "The user of [salesforce] client_id may not subscribe to [[stream]] topic " + topic + ".");
}

std::shared_ptr<const event_schema> org::schema(const std::string& id, const std::stop_token& stop) {
    std::promise<std::shared_ptr<const event_schema>> mine;
    entry found;
    {
        const std::scoped_lock lock(mutex_);
        const auto [at, first] = schemas_.try_emplace(id);
        if (first)
            at->second = mine.get_future().share();
        else
            found = at->second;
    }
    if (found.valid()) return found.get();
    try {
        auto fetched = fetch(id, stop);
        mine.set_value(fetched);
        return fetched;
    } catch (...) {
        mine.set_exception(std::current_exception());
        const std::scoped_lock lock(mutex_);
        schemas_.erase(id); // whoever comes later asks again
        throw;
    }
}

std::shared_ptr<const event_schema> org::fetch(const std::string& id, const std::stop_token& stop) {
    eventbus::v1::SchemaRequest request;
    request.set_schema_id(id);
    eventbus::v1::SchemaInfo info;
    const call_end end =
        ask("GetSchema " + id, stop, [&](grpc::ClientContext& c) { return stub_->GetSchema(&c, request, &info); });
    if (end.what == remedy::stop)
        throw no_schema{"Salesforce does not give the schema " + id + " (" + end.text + ")"};

    auto fetched = std::make_shared<event_schema>();
    auto [plan, bad] = avro::compile(info.schema_json());
    if (bad) throw no_schema{"schema " + id + ", byte " + std::to_string(bad.offset) + ": " + bad.message()};
    if (const std::string computed = avro::schema_id(plan.schema()); computed != id)
        throw no_schema{"the schema that Salesforce sent for " + id + " has the id " + computed};
    fetched->id = id;
    fetched->json = info.schema_json();
    fetched->plan = std::move(plan);
    spdlog::info("salesforce: schema {} is {} with {} fields", id,
                 fetched->plan.schema().full_name(fetched->plan.schema()[fetched->plan.schema().root()]),
                 fetched->plan.field_count());
    return fetched;
}

} // namespace sfcdc::runner::salesforce
