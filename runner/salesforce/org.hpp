// One org: its connections, its login, and the schemas that it has sent so far. Shared by all of its pipelines.
#pragma once

#include "../io/calls.hpp"
#include "login.hpp"

#include <pubsub_api.grpc.pb.h>
#include <sfcdc/cdc/plan.hpp>

#include <future>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <stop_token>
#include <string>

namespace sfcdc::runner::salesforce {

struct event_schema {
    std::string id;
    std::string json;
    cdc::plan plan;
};

// Why a schema cannot be had: its events cannot be decoded.
struct no_schema {
    std::string reason;
};

class org {
  public:
    explicit org(const salesforce_config& config);

    // The session in use, or a first one; an outage is waited out. Throws failure(refused), and stopped.
    sessions::issued session(const std::stop_token& stop);
    // One that is newer than `refused`, which Salesforce did not accept. Throws as broker::newer_than().
    sessions::issued renewed(unsigned refused, const std::stop_token& stop) {
        return sessions_.newer_than(refused, stop);
    }
    // A connection of its own for one subscription: a server allows so many calls on one (100, say), and those that are one too many
    // would wait for ever, GetSchema among them.
    std::shared_ptr<grpc::Channel> open_channel() const;

    // What a call carries to show its session.
    static calls::metadata headers(const salesforce::session& s);

    // How the configuration calls it: "[salesforce]".
    const std::string& section() const noexcept { return config_.section; }

    // Throws failure(refused) when the topic is unknown or may not be read.
    // Returns the id of its newest schema, which is empty for a topic of several objects.
    std::string check_topic(const std::string& topic, const std::stop_token& stop);

    // The schema of one event, by the event's own schema id; fetched once however many ask at the same time, and
    // checked to have that id. Throws no_schema.
    std::shared_ptr<const event_schema> schema(const std::string& id, const std::stop_token& stop);

  private:
    using entry = std::shared_future<std::shared_ptr<const event_schema>>;

    std::shared_ptr<const event_schema> fetch(const std::string& id, const std::stop_token& stop);
    // Calls `rpc(context)` until it has succeeded or asking again would not change the answer, which is then returned.
    template<class Rpc>
    std::optional<std::string> ask(const std::string& what, const std::stop_token& stop, Rpc&& rpc);

    const salesforce_config config_;
    sessions sessions_;
    std::unique_ptr<eventbus::v1::PubSub::Stub> stub_; // on a connection without subscriptions
    std::mutex mutex_;
    std::map<std::string, entry> schemas_;
};

} // namespace sfcdc::runner::salesforce
