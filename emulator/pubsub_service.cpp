#include "pubsub_service.hpp"

#include "duplex.hpp"
#include "fetch_sessions.hpp"
#include "identifiers.hpp"
#include "pubsub_rpc.hpp"

#include <nlohmann/json.hpp>

namespace emulator {
namespace {

namespace wire = eventbus::v1;
using publish_call = duplex<wire::PublishRequest, wire::PublishResponse>;

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
            taken.entity = entity_of_event(std::move(taken.entity));
            std::vector<new_event> one;
            one.push_back(std::move(taken));
            result->set_replay_id(in.salesforce.publish(std::move(one)).front());
        }
    }
    response.set_schema_id(topic->schema_id);
    response.set_rpc_id(call.id());
    return std::nullopt;
}

// Both methods count as subscribers: for GET /status, and for the publisher, which waits for the first one.
template<typename session> auto* serve_session(world& in, grpc::CallbackServerContext* context) {
    in.count.subscribe_calls += 1;
    using call_type = typename session::call_type;
    return call_type::serve(in.settings.latency, [&in, context](call_type& call) {
        const bells::listener listening(in.subscribers, call);
        return session(in, *context, call).run();
    });
}

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
        response->set_can_subscribe(world_.fault.topic_code(request->topic_name()) != rpc::cannot_subscribe);
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
    return serve_session<subscribe_session>(world_, context);
}

grpc::ServerBidiReactor<wire::ManagedFetchRequest, wire::ManagedFetchResponse>*
pubsub_service::ManagedSubscribe(grpc::CallbackServerContext* context) {
    return serve_session<managed_session>(world_, context);
}

} // namespace emulator
