#include "org.hpp"

#include "../io/channel.hpp"
#include "../io/http.hpp"
#include "../io/pause.hpp"
#include "../operations/advice.hpp"
#include "../operations/failure.hpp"
#include "../operations/heartbeat.hpp"

#include <sfcdc/avro/schema_id.hpp>
#include <sfcdc/call/patience.hpp>
#include <sfcdc/pubsub/call_end.hpp>

#include <spdlog/spdlog.h>

#include <random>

namespace sfcdc::runner::salesforce {

org::org(const salesforce_config& config)
    : config_(config), sessions_(make_sessions(config_)), stub_(eventbus::v1::PubSub::NewStub(open_channel())) {}

std::shared_ptr<grpc::Channel> org::open_channel() const {
    return runner::open_channel(config_.pubsub_endpoint, config_.ca_file);
}

calls::metadata org::headers(const salesforce::session& s) {
    return {{"accesstoken", s.access_token}, {"instanceurl", s.instance_url}, {"tenantid", s.org_id}};
}

sessions::issued org::session(const std::stop_token& stop) {
    for (;;) {
        try {
            return sessions_.newer_than(0, stop);
        } catch (const http::unavailable&) {
            if (stop.stop_requested()) throw stopped{};
        }
    }
}

template<class Rpc>
std::optional<std::string> org::ask(const std::string& what, const std::stop_token& stop, Rpc&& rpc) {
    using call::remedy;
    const auto now = [] { return std::chrono::steady_clock::now(); };
    std::random_device seed;
    call::patience patience({}, seed()), patience_with_login({}, seed());
    sessions::issued s = session(stop);
    patience_with_login.healthy(); // it has worked: a refusal may be taken back
    std::string said;
    for (call::next_attempt next; next;) {
        if (const auto at = now(); next.at > at)
            pause(stop, std::chrono::ceil<std::chrono::milliseconds>(next.at - at));
        if (next.remedy == remedy::renew_token) {
            try {
                s = renewed(s.generation, stop);
                next = patience.after(call::token_answer::renewed, now());
            } catch (const http::unavailable&) {
                next = patience_with_login.after(call::token_answer::unavailable, now());
            } catch (const failure& f) {
                next = patience_with_login.after(call::token_answer::refused, now());
                if (!next) throw;
                spdlog::warn("salesforce: {} Trying again in one minute.", f.what());
            }
            continue;
        }
        grpc::ClientContext context;
        for (const auto& [name, value] : headers(s.credential)) context.AddMetadata(name, value);
        context.set_deadline(std::chrono::system_clock::now() + std::chrono::seconds(15));
        const std::stop_callback cancel(stop, [&] { context.TryCancel(); });
        const grpc::Status status = [&] {
            const heartbeat::waits for_the_answer;
            return rpc(context);
        }();
        if (status.ok()) return std::nullopt;
        const call_status end = status_of(status, context);
        said = describe(end.code, end.error_code, end.message);
        next = patience.after(pubsub::remedy_for(end.error_code, end.code), now());
        if (next)
            spdlog::warn("salesforce: {} failed: {}; next try in {} ms", what, said,
                         std::chrono::ceil<std::chrono::milliseconds>(next.at - now()).count());
    }
    if (patience.next().budget_used_up) throw session_refused(config_.section, said);
    return said;
}

std::string org::check_topic(const std::string& topic, const std::stop_token& stop) {
    eventbus::v1::TopicRequest request;
    request.set_topic_name(topic);
    eventbus::v1::TopicInfo info;
    const auto refused =
        ask("GetTopic " + topic, stop, [&](grpc::ClientContext& c) { return stub_->GetTopic(&c, request, &info); });
    if (refused) throw topic_refused(topic, *refused);
    if (!info.can_subscribe())
        throw failure(exit_code::refused, "The user that " + config_.section
                                              + " logs in as may not subscribe to [[pipeline]] topic " + topic + ".");
    return info.schema_id();
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
    if (found.valid()) { // asked for by another pipeline, whose stop is not ours
        const heartbeat::waits for_the_answer;
        while (found.wait_for(std::chrono::milliseconds(100)) != std::future_status::ready)
            if (stop.stop_requested()) throw stopped{};
        return found.get();
    }
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
    auto [plan, bad] = cdc::compile(info.schema_json());
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
