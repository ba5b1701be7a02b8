// eventbus.v1.PubSub, with all of its methods.
#pragma once

#include "world.hpp"

#include <pubsub_api.grpc.pb.h>

namespace emulator {

class pubsub_service final : public eventbus::v1::PubSub::CallbackService {
  public:
    explicit pubsub_service(world& of) : world_(of) {}

    grpc::ServerUnaryReactor* GetTopic(grpc::CallbackServerContext* context,
                                       const eventbus::v1::TopicRequest* request,
                                       eventbus::v1::TopicInfo* response) override;
    grpc::ServerUnaryReactor* GetSchema(grpc::CallbackServerContext* context,
                                        const eventbus::v1::SchemaRequest* request,
                                        eventbus::v1::SchemaInfo* response) override;
    grpc::ServerUnaryReactor* Publish(grpc::CallbackServerContext* context,
                                      const eventbus::v1::PublishRequest* request,
                                      eventbus::v1::PublishResponse* response) override;
    grpc::ServerBidiReactor<eventbus::v1::PublishRequest, eventbus::v1::PublishResponse>*
    PublishStream(grpc::CallbackServerContext* context) override;
    grpc::ServerBidiReactor<eventbus::v1::FetchRequest, eventbus::v1::FetchResponse>*
    Subscribe(grpc::CallbackServerContext* context) override;
    grpc::ServerBidiReactor<eventbus::v1::ManagedFetchRequest, eventbus::v1::ManagedFetchResponse>*
    ManagedSubscribe(grpc::CallbackServerContext* context) override;

  private:
    world& world_;
};

} // namespace emulator
