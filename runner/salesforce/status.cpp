#include "status.hpp"

#include <string_view>
#include <utility>

namespace sfcdc::runner::salesforce {
namespace {

constexpr std::pair<std::string_view, remedy> remedies[] = {
    {"service.unavailable", remedy::retry},
    {"service.auth.error", remedy::renew_login},
    {"service.auth.headers.invalid", remedy::stop},
    {"service.auth.refresh.invalid", remedy::renew_login},
    {"service.protection.stream.limit.triggered", remedy::slow_down},
    {"service.protection.triggered", remedy::slow_down},
    {"service.tenant.license", remedy::stop},
    {"concurrent.client.limit.exceeded", remedy::slow_down},
    {"topic.not.found", remedy::stop},
    {"topic.meta.permission", remedy::stop},
    {"topic.validation.empty", remedy::stop},
    {"topic.api.unavailable", remedy::retry},
    {"schema.api.unavailable", remedy::retry},
    {"schema.meta.permission", remedy::stop},
    {"schema.validation.failed", remedy::stop},
    {"subscription.fetch.replayid.corrupted", remedy::choose_position},
    {"subscription.fetch.replayid.validation.failed", remedy::choose_position},
    {"subscription.fetch.replay.repeated", remedy::retry},
    {"subscription.limit.exceeded", remedy::wait_hours},
    {"subscription.fetch.overflow", remedy::retry},
    {"subscription.fetch.requested.events.invalid", remedy::stop},
    {"subscription.fetch.topic.mismatch", remedy::stop},
    {"subscription.fetch.request.invalid", remedy::stop},
    {"subscription.topic.cannot.subscribe", remedy::stop},
    {"subscription.internal.error", remedy::retry},
};

remedy by_status(grpc::StatusCode code) {
    switch (code) {
    case grpc::StatusCode::UNAUTHENTICATED: return remedy::renew_login;
    case grpc::StatusCode::RESOURCE_EXHAUSTED: return remedy::slow_down;
    case grpc::StatusCode::INVALID_ARGUMENT:
    case grpc::StatusCode::NOT_FOUND:
    case grpc::StatusCode::PERMISSION_DENIED:
    case grpc::StatusCode::UNIMPLEMENTED: return remedy::stop;
    default: return remedy::retry;
    }
}

constexpr std::string_view names[] = {
    "OK",        "CANCELLED",      "UNKNOWN",           "INVALID_ARGUMENT",   "DEADLINE_EXCEEDED",
    "NOT_FOUND", "ALREADY_EXISTS", "PERMISSION_DENIED", "RESOURCE_EXHAUSTED", "FAILED_PRECONDITION",
    "ABORTED",   "OUT_OF_RANGE",   "UNIMPLEMENTED",     "INTERNAL",           "UNAVAILABLE",
    "DATA_LOSS", "UNAUTHENTICATED"};

} // namespace

call_end judge(const grpc::Status& status, const grpc::ClientContext& context) {
    const auto trailer = [&](const char* key) {
        const auto& all = context.GetServerTrailingMetadata();
        const auto at = all.find(key);
        return at == all.end() ? std::string() : std::string(at->second.data(), at->second.size());
    };
    call_end end;
    end.code = trailer("error-code");
    constexpr std::string_view prefix = "sfdc.platform.eventbus.grpc.";
    if (end.code.starts_with(prefix)) end.code.erase(0, prefix.size());

    end.what = by_status(status.error_code());
    for (const auto& [code, what] : remedies)
        if (code == end.code) end.what = what;

    const auto number = static_cast<std::size_t>(status.error_code());
    end.text = number < std::size(names) ? names[number] : "status " + std::to_string(number);
    if (!end.code.empty()) end.text += " " + end.code;
    if (const std::string rpc = trailer("rpc-id"); !rpc.empty()) end.text += " (rpc " + rpc + ")";
    if (!status.error_message().empty()) end.text += ": " + status.error_message();
    return end;
}

} // namespace sfcdc::runner::salesforce
