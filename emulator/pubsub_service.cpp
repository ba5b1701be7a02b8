#include "pubsub_service.hpp"

#include "duplex.hpp"
#include "identifiers.hpp"

#include <algorithm>
#include <nlohmann/json.hpp>
#include <spdlog/spdlog.h>

namespace emulator {
namespace {

namespace wire = eventbus::v1;
using subscribe_call = duplex<wire::FetchRequest, wire::FetchResponse>;
using publish_call = duplex<wire::PublishRequest, wire::PublishResponse>;

constexpr std::int64_t max_credits = 100;

std::string metadata(const grpc::CallbackServerContext& context, const char* key) {
    const auto found = context.client_metadata().find(key);
    return found == context.client_metadata().end() ? std::string()
                                                    : std::string(found->second.data(), found->second.size());
}

// Errors carry their code in a trailer; the gRPC status alone does not tell them apart.
class rpc {
  public:
    rpc(world& of, grpc::CallbackServerContext& context, const char* method)
        : world_(of), context_(context), method_(method) {}

    const std::string& id() const { return id_; }

    grpc::Status error(const std::string& code, const std::string& sentence) const {
        context_.AddTrailingMetadata("error-code", "sfdc.platform.eventbus.grpc." + code);
        context_.AddTrailingMetadata("rpc-id", id_);
        context_.AddTrailingMetadata("type", method_);
        spdlog::info("{} ends with {}: {}", method_, code, sentence);
        return {status_of_pubsub_error(code).value_or(grpc::UNKNOWN), sentence + " rpcId: " + id_};
    }

    std::optional<grpc::Status> authentication_error() const {
        const bool named = !metadata(context_, "accesstoken").empty() && !metadata(context_, "instanceurl").empty();
        if (!named || metadata(context_, "tenantid") != world_.salesforce.id())
            return error("service.auth.headers.invalid",
                         "The headers accesstoken, instanceurl and tenantid (18 characters) are needed.");
        if (!world_.salesforce_tokens.scope_of(metadata(context_, "accesstoken")))
            return error("service.auth.error", "The access token is not valid.");
        return std::nullopt;
    }

    std::optional<grpc::Status> topic_error(const std::string& name) const {
        if (name.empty()) return error("topic.validation.empty", "The topic name is empty.");
        if (!world_.salesforce.find_topic(name)) return error("topic.not.found", "There is no topic " + name + ".");
        return std::nullopt;
    }

  private:
    world& world_;
    grpc::CallbackServerContext& context_;
    const char* method_;
    const std::string id_ = fresh_uuid();
};

bool may_publish(const world& in, const std::string& topic_name) {
    return topic_name.starts_with("/event/") || in.settings.allow_cdc_publish;
}

std::optional<grpc::Status> publish(world& in, const rpc& call, const wire::PublishRequest& request,
                                    wire::PublishResponse& response) {
    if (auto error = call.topic_error(request.topic_name())) return error;
    if (request.events().empty()) return call.error("publish.event.count.invalid", "The request holds no event.");
    const auto topic = in.salesforce.find_topic(request.topic_name());
    for (const auto& event : request.events()) {
        auto* result = response.add_results();
        result->set_correlation_key(event.id());
        const auto refuse = [&](const std::string& sentence) {
            result->mutable_error()->set_code(wire::PUBLISH);
            result->mutable_error()->set_msg(sentence);
        };
        const auto schema_json = in.salesforce.find_schema(event.schema_id());
        if (!may_publish(in, request.topic_name())) {
            refuse("Events cannot be published to " + request.topic_name() + ".");
        } else if (!schema_json) {
            refuse("There is no schema with the id \"" + event.schema_id() + "\".");
        } else {
            new_event taken{.topic_name = request.topic_name(),
                            .id = event.id().empty() ? fresh_uuid() : event.id(),
                            .schema_id = event.schema_id(),
                            .payload = event.payload()};
            taken.entity = nlohmann::json::parse(*schema_json).at("name");
            if (const auto end = taken.entity.rfind("ChangeEvent"); end != std::string::npos) {
                taken.entity.erase(end); // "Invoice__ChangeEvent" is of entity "Invoice__c"
                if (taken.entity.ends_with("__")) taken.entity += "c";
            }
            std::vector<new_event> one;
            one.push_back(std::move(taken));
            result->set_replay_id(in.salesforce.publish(std::move(one)).front());
        }
    }
    response.set_schema_id(topic->schema_id);
    response.set_rpc_id(call.id());
    return std::nullopt;
}

// One Subscribe call from the first FetchRequest to its status.
class subscription_session {
  public:
    subscription_session(world& of, grpc::CallbackServerContext& context, subscribe_call& call)
        : world_(of),
          rpc_(of, context, "Subscribe"),
          call_(call),
          interruptions_seen_(of.fault.subscribe_interruption().count) {}

    grpc::Status run() {
        if (auto error = rpc_.authentication_error()) return *error;
        for (;;) {
            if (call_.cancelled()) return grpc::Status::CANCELLED;
            while (auto request = call_.take_request())
                if (auto error = take(*request)) return *error;
            const auto interruption = world_.fault.subscribe_interruption();
            if (interruption.count != interruptions_seen_) {
                if (interruption.code.empty()) return grpc::Status::OK;
                return rpc_.error(interruption.code, "The stream was ended.");
            }
            if (call_.drained()) return grpc::Status::OK;
            if (world_.fault.silent()) {
                call_.wait_until(steady::now() + std::chrono::milliseconds(20));
                continue;
            }
            if (auto error = send_events()) return *error;
            if (out_of_credits() && steady::now() >= last_response_ + world_.settings.credit_timeout)
                return grpc::Status::OK;
            call_.wait_until(next_deadline());
        }
    }

  private:
    // Topic and position count in the first request only.
    std::optional<grpc::Status> take(const wire::FetchRequest& request) {
        if (topic_.empty()) {
            if (auto code = world_.fault.take_open_error()) return rpc_.error(*code, "The stream fails on request.");
            if (auto error = rpc_.topic_error(request.topic_name())) return error;
            const bool custom = request.replay_preset() == wire::CUSTOM;
            if (custom && request.replay_id().empty())
                return rpc_.error("subscription.fetch.replayid.validation.failed", "CUSTOM needs a replay id.");
            const auto start =
                world_.salesforce.locate(custom                                      ? replay_preset::custom
                                         : request.replay_preset() == wire::EARLIEST ? replay_preset::earliest
                                                                                     : replay_preset::latest,
                                         request.replay_id());
            if (!start)
                return rpc_.error("subscription.fetch.replayid.corrupted",
                                  "The replay id is not valid or has expired.");
            topic_ = request.topic_name();
            next_ = *start;
            last_response_ = steady::now();
            spdlog::info("subscription to {} from {}", topic_, wire::ReplayPreset_Name(request.replay_preset()));
        } else if (!request.topic_name().empty() && request.topic_name() != topic_) {
            return rpc_.error("subscription.fetch.topic.mismatch", "A stream cannot change its topic.");
        }
        if (request.num_requested() <= 0)
            return rpc_.error("subscription.fetch.requested.events.invalid", "num_requested must be above zero.");
        credits_ = std::min(max_credits, credits_ + request.num_requested());
        return std::nullopt;
    }

    std::optional<grpc::Status> send_events() {
        while (credits_ > 0) {
            auto page = world_.salesforce.read(topic_, next_, static_cast<std::size_t>(credits_));
            if (page.expired)
                return rpc_.error("subscription.fetch.replayid.corrupted",
                                  "The position is older than the retention.");
            next_ = page.next;
            const bool keepalive_due = steady::now() >= last_response_ + world_.settings.keepalive;
            if (page.events.empty() && !keepalive_due) return std::nullopt;

            wire::FetchResponse response;
            for (auto& [counter, event] : page.events) {
                auto* consumed = response.add_events();
                consumed->set_replay_id(org::replay_id(counter));
                consumed->mutable_event()->set_id(std::move(event.id));
                consumed->mutable_event()->set_schema_id(std::move(event.schema_id));
                consumed->mutable_event()->set_payload(std::move(event.payload));
            }
            credits_ -= response.events_size();
            response.set_latest_replay_id(page.latest_replay_id);
            response.set_rpc_id(rpc_.id());
            response.set_pending_num_requested(static_cast<std::int32_t>(credits_));
            const bool empty = page.events.empty();
            world_.count.delivered += static_cast<std::uint64_t>(response.events_size());
            if (!call_.write(response)) return grpc::Status::CANCELLED;
            last_response_ = steady::now();
            if (empty) return std::nullopt;
        }
        return std::nullopt;
    }

    bool out_of_credits() const { return !topic_.empty() && credits_ == 0; }

    steady::time_point next_deadline() const {
        if (topic_.empty()) return steady::now() + std::chrono::seconds(60);
        return last_response_ + (out_of_credits() ? world_.settings.credit_timeout : world_.settings.keepalive);
    }

    world& world_;
    const rpc rpc_;
    subscribe_call& call_;
    const std::uint64_t interruptions_seen_;
    std::string topic_;
    std::size_t next_ = 0; // index into the org's log
    std::int64_t credits_ = 0;
    steady::time_point last_response_;
};

template<typename action>
grpc::ServerUnaryReactor* answer_unary(world& in, grpc::CallbackServerContext* context, const char* method,
                                       action run) {
    std::this_thread::sleep_for(in.settings.latency);
    const rpc call(in, *context, method);
    auto* reactor = context->DefaultReactor();
    std::optional<grpc::Status> error = call.authentication_error();
    if (!error) error = run(call);
    reactor->Finish(error.value_or(grpc::Status::OK));
    return reactor;
}

} // namespace

grpc::ServerUnaryReactor* pubsub_service::GetTopic(grpc::CallbackServerContext* context,
                                                   const wire::TopicRequest* request, wire::TopicInfo* response) {
    return answer_unary(world_, context, "GetTopic", [&](const rpc& call) -> std::optional<grpc::Status> {
        world_.count.get_topic_calls += 1;
        if (auto error = call.topic_error(request->topic_name())) return error;
        response->set_topic_name(request->topic_name());
        response->set_tenant_guid(world_.salesforce.id());
        response->set_can_publish(may_publish(world_, request->topic_name()));
        response->set_can_subscribe(true);
        response->set_schema_id(world_.salesforce.find_topic(request->topic_name())->schema_id);
        response->set_rpc_id(call.id());
        return std::nullopt;
    });
}

grpc::ServerUnaryReactor* pubsub_service::GetSchema(grpc::CallbackServerContext* context,
                                                    const wire::SchemaRequest* request, wire::SchemaInfo* response) {
    return answer_unary(world_, context, "GetSchema", [&](const rpc& call) -> std::optional<grpc::Status> {
        world_.count.get_schema_calls += 1;
        if (request->schema_id().empty())
            return call.error("schema.validation.failed", "Schema validation failed. The schema ID can't be blank.");
        const auto json = world_.salesforce.find_schema(request->schema_id());
        if (!json) return call.error("schema.validation.failed", "There is no schema with this id.");
        if (world_.fault.schema_forbidden(*json))
            return call.error("schema.meta.permission", "Your user cannot describe the schema.");
        response->set_schema_json(*json);
        response->set_schema_id(request->schema_id());
        response->set_rpc_id(call.id());
        return std::nullopt;
    });
}

grpc::ServerUnaryReactor* pubsub_service::Publish(grpc::CallbackServerContext* context,
                                                  const wire::PublishRequest* request,
                                                  wire::PublishResponse* response) {
    return answer_unary(world_, context, "Publish",
                        [&](const rpc& call) { return publish(world_, call, *request, *response); });
}

grpc::ServerBidiReactor<wire::PublishRequest, wire::PublishResponse>*
pubsub_service::PublishStream(grpc::CallbackServerContext* context) {
    return publish_call::serve(world_.settings.latency, [this, context](publish_call& stream) -> grpc::Status {
        const rpc call(world_, *context, "PublishStream");
        if (auto error = call.authentication_error()) return *error;
        std::string topic;
        for (;;) {
            while (const auto request = stream.take_request()) {
                if (!topic.empty() && request->topic_name() != topic)
                    return call.error("publish.topic.mismatch", "A stream cannot change its topic.");
                topic = request->topic_name();
                wire::PublishResponse response;
                if (auto error = publish(world_, call, *request, response)) return *error;
                if (!stream.write(response)) return grpc::Status::CANCELLED;
            }
            if (stream.cancelled()) return grpc::Status::CANCELLED;
            if (stream.drained()) return grpc::Status::OK;
            stream.wait_until(steady::now() + std::chrono::seconds(60));
        }
    });
}

grpc::ServerBidiReactor<wire::FetchRequest, wire::FetchResponse>*
pubsub_service::Subscribe(grpc::CallbackServerContext* context) {
    world_.count.subscribe_calls += 1;
    return subscribe_call::serve(world_.settings.latency, [this, context](subscribe_call& call) {
        const bells::listener listening(world_.subscribers, call);
        return subscription_session(world_, *context, call).run();
    });
}

} // namespace emulator
