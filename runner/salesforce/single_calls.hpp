// Single calls of the Pub/Sub API for commands that look at an org: each is sent once, and what the server says is returned as it is.
#pragma once

#include "../config/config.hpp"
#include "../io/calls.hpp"
#include "login.hpp"

#include <pubsub_api.grpc.pb.h>
#include <sfcdc/pubsub/replay_id.hpp>

#include <chrono>
#include <memory>
#include <string>

namespace sfcdc::runner::salesforce {

class single_calls {
  public:
    // Opens a connection of its own. Throws failure(bad_config) when ca_file cannot be read.
    single_calls(const salesforce_config& config, session s);

    // Each blocks for at most ten seconds.
    call_status topic(const std::string& name, eventbus::v1::TopicInfo& info);
    // Why the user may not subscribe to the topic, in Salesforce's words; empty: they may.
    std::string why_not_subscribable(const std::string& topic);
    call_status schema(const std::string& id, eventbus::v1::SchemaInfo& info);

    // Subscribes behind `position` for one event and cancels at once: ok where the server sends the event, or nothing within `wait`. A
    // position that the server does not know is refused at once. Costs at most one delivered event of the org's allocation; no
    // position of anybody moves.
    call_status position(const std::string& topic, const pubsub::replay_id& position, std::chrono::milliseconds wait);

  private:
    void prepare(grpc::ClientContext& context, std::chrono::milliseconds limit) const;

    const session session_;
    const std::unique_ptr<eventbus::v1::PubSub::Stub> stub_;
};

} // namespace sfcdc::runner::salesforce
