#include "org.hpp"

#include "../io/channel.hpp"
#include "../io/http.hpp"
#include "../io/pause.hpp"
#include "../operations/failure.hpp"

#include <sfcdc/avro/schema_id.hpp>
#include <sfcdc/backoff.hpp>
#include <sfcdc/pubsub/call_end.hpp>

#include <spdlog/spdlog.h>

#include <random>

namespace sfcdc::runner::salesforce {

org::org(const salesforce_config& config)
    : login_(config), config_(config), stub_(eventbus::v1::PubSub::NewStub(open_channel())) {}

std::shared_ptr<grpc::Channel> org::open_channel() const {
    return runner::open_channel(config_.pubsub_endpoint, config_.ca_file);
}

calls::metadata org::headers(const session& s) {
    return {{"accesstoken", s.access_token}, {"instanceurl", s.instance_url}, {"tenantid", s.org_id}};
}

template<class Rpc>
std::optional<std::string> org::ask(const std::string& what, const std::stop_token& stop, Rpc&& rpc) {
    using pubsub::remedy;
    backoff wait(std::random_device{}());
    constexpr unsigned refused_sessions = 3;
    session s = login_.current(stop);
    for (unsigned renewals = 0, refused_logins = 0;;) {
        grpc::ClientContext context;
        for (const auto& [name, value] : headers(s)) context.AddMetadata(name, value);
        context.set_deadline(std::chrono::system_clock::now() + std::chrono::seconds(15));
        const std::stop_callback cancel(stop, [&] { context.TryCancel(); });
        const grpc::Status status = rpc(context);
        if (status.ok()) return std::nullopt;
        const call_status end = status_of(status, context);
        std::string text = describe(end.code, end.error_code, end.message);
        const remedy what_to_do = pubsub::remedy_for(end.error_code, end.code);
        if (what_to_do == remedy::stop || what_to_do == remedy::choose_position) return text;
        if (what_to_do == remedy::renew_token && ++renewals > refused_sessions)
            throw failure(exit_code::refused,
                          "Salesforce accepts the login but not the session (" + text
                              + "); check the IP restrictions of the run-as user of [salesforce] client_id.");
        const auto delay = wait.next();
        spdlog::warn("salesforce: {} failed: {}; next try in {} ms", what, text, delay.count());
        pause(stop, delay);
        if (what_to_do != remedy::renew_token) continue;
        try {
            s = login_.renewed(s, stop);
        } catch (const http::unavailable& u) { // the old session once more
            spdlog::warn("salesforce: {}", u.reason);
            --renewals;
        } catch (const failure& f) { // the login has worked before; more than three refusals lock the user
            if (++refused_logins == 3) throw;
            spdlog::warn("salesforce: {} Trying again in one minute.", f.what());
            pause(stop, std::chrono::minutes(1));
        }
    }
}

void org::check_topic(const std::string& topic, const std::stop_token& stop) {
    eventbus::v1::TopicRequest request;
    request.set_topic_name(topic);
    eventbus::v1::TopicInfo info;
    const auto refused =
        ask("GetTopic " + topic, stop, [&](grpc::ClientContext& c) { return stub_->GetTopic(&c, request, &info); });
    if (refused)
        throw failure(exit_code::refused, "Salesforce does not give the topic " + topic + " (" + *refused
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
    const auto refused =
        ask("GetSchema " + id, stop, [&](grpc::ClientContext& c) { return stub_->GetSchema(&c, request, &info); });
    if (refused) throw no_schema{"Salesforce does not give the schema " + id + " (" + *refused + ")"};

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
