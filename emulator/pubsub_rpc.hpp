// What all calls of the Pub/Sub API have in common: their metadata, their id and how they end with an error.
#pragma once

#include "identifiers.hpp"
#include "world.hpp"

#include <grpcpp/grpcpp.h>
#include <optional>
#include <spdlog/spdlog.h>
#include <string>

namespace emulator {

inline std::string metadata(const grpc::CallbackServerContext& context, const char* key) {
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
        if (world_.fault.ip_restricted())
            return error("service.auth.error", "The session is not valid from this IP address.");
        return std::nullopt;
    }

    std::optional<grpc::Status> topic_error(const std::string& name) const {
        if (name.empty()) return error("topic.validation.empty", "The topic name is empty.");
        if (!world_.salesforce.find_topic(name) || deselected(name))
            return error("topic.not.found", "There is no topic " + name + ".");
        if (const auto code = world_.fault.topic_code(name); code && *code != cannot_subscribe)
            return error(*code, "The topic " + name + " is refused on request.");
        return std::nullopt;
    }

    // The code of a topic that can be described and not subscribed to.
    static constexpr const char* cannot_subscribe = "subscription.topic.cannot.subscribe";

  private:
    bool deselected(const std::string& topic) const {
        constexpr std::string_view folder = "/data/";
        return topic.starts_with(folder) && world_.fault.deselected(entity_of_event(topic.substr(folder.size())));
    }

    world& world_;
    grpc::CallbackServerContext& context_;
    const char* method_;
    const std::string id_ = fresh_uuid();
};

} // namespace emulator
