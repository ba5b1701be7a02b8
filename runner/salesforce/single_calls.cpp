#include "single_calls.hpp"

#include "../io/channel.hpp"
#include "org.hpp"

namespace sfcdc::runner::salesforce {

single_calls::single_calls(const salesforce_config& config, session s)
    : session_(std::move(s)),
      stub_(eventbus::v1::PubSub::NewStub(runner::open_channel(config.pubsub_endpoint, config.ca_file))) {}

void single_calls::prepare(grpc::ClientContext& context, std::chrono::milliseconds limit) const {
    for (const auto& [name, value] : org::headers(session_)) context.AddMetadata(name, value);
    context.set_deadline(std::chrono::system_clock::now() + limit);
}

call_status single_calls::topic(const std::string& name, eventbus::v1::TopicInfo& info) {
    grpc::ClientContext context;
    prepare(context, std::chrono::seconds(10));
    eventbus::v1::TopicRequest request;
    request.set_topic_name(name);
    return status_of(stub_->GetTopic(&context, request, &info), context);
}

std::string single_calls::why_not_subscribable(const std::string& name) {
    eventbus::v1::TopicInfo info;
    const call_status end = topic(name, info);
    if (end.code != wire::grpc_status::ok) return describe(end.code, end.error_code, end.message);
    return info.can_subscribe() ? "" : "the user may not subscribe to it";
}

call_status single_calls::schema(const std::string& id, eventbus::v1::SchemaInfo& info) {
    grpc::ClientContext context;
    prepare(context, std::chrono::seconds(10));
    eventbus::v1::SchemaRequest request;
    request.set_schema_id(id);
    return status_of(stub_->GetSchema(&context, request, &info), context);
}

call_status single_calls::position(const std::string& topic, const pubsub::replay_id& position,
                                   std::chrono::milliseconds wait) {
    grpc::ClientContext context;
    prepare(context, wait);
    eventbus::v1::FetchRequest request;
    request.set_topic_name(topic);
    request.set_replay_preset(eventbus::v1::CUSTOM);
    request.set_replay_id(std::string(position.bytes()));
    request.set_num_requested(1);
    const auto call = stub_->Subscribe(&context);
    eventbus::v1::FetchResponse response;
    const bool accepted = call->Write(request) && call->Read(&response);
    if (accepted) context.TryCancel(); // a call that the server has ended keeps its status
    const grpc::Status end = call->Finish();
    if (accepted || end.error_code() == grpc::DEADLINE_EXCEEDED) return {};
    return status_of(end, context);
}

} // namespace sfcdc::runner::salesforce
