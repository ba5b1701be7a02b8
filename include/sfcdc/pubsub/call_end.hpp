// What to do when a call of the Pub/Sub API ends. The gRPC status is not enough: a busy service comes as INTERNAL, an
// expired position as INVALID_ARGUMENT; what happened is in the trailer "error-code".
// Source: Pub/Sub API guide, "Error Codes", "Retry RPC Calls"; codes seen in live traffic.
#pragma once

#include <string_view>

#include <sfcdc/call/remedy.hpp>
#include <sfcdc/wire/grpc_status.hpp>

namespace sfcdc::inline v0::pubsub {

using call::remedy;

// What stands in front of each code in the trailer.
inline constexpr std::string_view error_code_prefix = "sfdc.platform.eventbus.grpc.";

// What helps against one of the error codes in the trailers of a call.
struct error_code_remedy {
    std::string_view code; // without the prefix
    call::remedy remedy;
};

// The error codes that are known, without the prefix.
inline constexpr error_code_remedy error_code_remedies[] = {
    {"service.unavailable", remedy::retry},
    {"service.auth.error", remedy::renew_token},
    {"service.auth.headers.invalid", remedy::stop},
    {"service.auth.refresh.invalid", remedy::renew_token}, // a new login does not need the old refresh token
    {"service.protection.stream.limit.triggered", remedy::slow_down},
    {"service.protection.triggered", remedy::slow_down},
    {"service.tenant.license", remedy::stop},
    {"concurrent.client.limit.exceeded", remedy::slow_down}, // until some other client ends
    {"topic.not.found", remedy::stop},
    {"topic.meta.permission", remedy::stop},
    {"topic.validation.empty", remedy::stop},
    {"topic.api.unavailable", remedy::retry},
    {"schema.api.unavailable", remedy::retry},
    {"schema.meta.permission", remedy::stop},
    {"schema.validation.failed", remedy::stop},
    {"subscription.fetch.replayid.corrupted", remedy::choose_position}, // or older than the retention, or a moved org
    {"subscription.fetch.replayid.validation.failed", remedy::choose_position},
    {"subscription.fetch.replay.repeated", remedy::retry},
    {"subscription.limit.exceeded", remedy::wait_hours},
    {"subscription.fetch.overflow", remedy::retry}, // a new call has no credits outstanding
    {"subscription.fetch.requested.events.invalid", remedy::stop},
    {"subscription.fetch.topic.mismatch", remedy::stop},
    {"subscription.fetch.request.invalid", remedy::stop},
    {"subscription.topic.cannot.subscribe", remedy::stop},
    {"subscription.internal.error", remedy::retry},
    {"managed.subscription.already.active", remedy::retry}, // held by our own last call, until it is seen to be gone
    {"managed.subscription.config.stopped", remedy::stop},
    {"managed.subscription.config.deleted", remedy::stop},
    {"managed.subscription.developer.name.not.found", remedy::stop},
    {"managed.subscription.subscription.id.not.found", remedy::stop},
    {"managed.subscription.subscription.id.invalid", remedy::stop},
    {"managed.subscription.id.or.developer.name.empty", remedy::stop},
    {"managed.subscription.fetch.request.events.invalid", remedy::stop},
    {"managed.subscription.fetch.request.invalid", remedy::stop},
    {"managed.subscription.commit.request.restricted", remedy::stop},
    {"managed.subscription.auth.request.restricted", remedy::stop},
    {"publish.stream.sweeper.timeout", remedy::retry},
    {"publish.auth.refresh.invalid", remedy::renew_token},
    {"publish.event.count.invalid", remedy::stop},
    {"publish.topic.mismatch", remedy::stop},
    {"publish.topic.validation.empty", remedy::stop},
};

// `code` as in the trailer, with or without the prefix.
constexpr std::string_view without_prefix(std::string_view code) noexcept {
    if (code.starts_with(error_code_prefix)) code.remove_prefix(error_code_prefix.size());
    return code;
}

// By the trailer's code; by the status where there is none, or an unknown one. A call that ends well is to be opened
// again too.
constexpr remedy remedy_for(std::string_view code, wire::grpc_status status) noexcept {
    code = without_prefix(code);
    for (const error_code_remedy& known : error_code_remedies)
        if (known.code == code) return known.remedy;
    switch (status) {
    case wire::grpc_status::unauthenticated: return remedy::renew_token;
    case wire::grpc_status::resource_exhausted: return remedy::slow_down;
    case wire::grpc_status::invalid_argument:
    case wire::grpc_status::not_found:
    case wire::grpc_status::permission_denied:
    case wire::grpc_status::unimplemented: return remedy::stop;
    default: return remedy::retry;
    }
}

} // namespace sfcdc::inline v0::pubsub
