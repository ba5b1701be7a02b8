#include "catch.hpp"

#include <set>
#include <string>

#include <sfcdc/pubsub/call_end.hpp>

using namespace sfcdc;
using pubsub::remedy;
using pubsub::remedy_for;
using wire::grpc_status;

namespace {

struct expected {
    remedy what;
    std::string_view code;
};

// As the documentation advises for each code, written down a second time.
constexpr expected documented[] = {
    {remedy::retry, "service.unavailable"},
    {remedy::retry, "topic.api.unavailable"},
    {remedy::retry, "schema.api.unavailable"},
    {remedy::retry, "subscription.internal.error"},
    {remedy::retry, "subscription.fetch.overflow"},
    {remedy::retry, "subscription.fetch.replay.repeated"},
    {remedy::retry, "managed.subscription.already.active"},
    {remedy::retry, "publish.stream.sweeper.timeout"},
    {remedy::renew_token, "service.auth.error"},
    {remedy::renew_token, "service.auth.refresh.invalid"},
    {remedy::renew_token, "publish.auth.refresh.invalid"},
    {remedy::slow_down, "service.protection.stream.limit.triggered"},
    {remedy::slow_down, "service.protection.triggered"},
    {remedy::slow_down, "concurrent.client.limit.exceeded"},
    {remedy::wait_hours, "subscription.limit.exceeded"},
    {remedy::choose_position, "subscription.fetch.replayid.corrupted"},
    {remedy::choose_position, "subscription.fetch.replayid.validation.failed"},
    {remedy::stop, "service.auth.headers.invalid"},
    {remedy::stop, "service.tenant.license"},
    {remedy::stop, "topic.not.found"},
    {remedy::stop, "topic.meta.permission"},
    {remedy::stop, "topic.validation.empty"},
    {remedy::stop, "schema.meta.permission"},
    {remedy::stop, "schema.validation.failed"},
    {remedy::stop, "subscription.fetch.requested.events.invalid"},
    {remedy::stop, "subscription.fetch.topic.mismatch"},
    {remedy::stop, "subscription.fetch.request.invalid"},
    {remedy::stop, "subscription.topic.cannot.subscribe"},
    {remedy::stop, "managed.subscription.config.stopped"},
    {remedy::stop, "managed.subscription.config.deleted"},
    {remedy::stop, "managed.subscription.developer.name.not.found"},
    {remedy::stop, "managed.subscription.subscription.id.not.found"},
    {remedy::stop, "managed.subscription.subscription.id.invalid"},
    {remedy::stop, "managed.subscription.id.or.developer.name.empty"},
    {remedy::stop, "managed.subscription.fetch.request.events.invalid"},
    {remedy::stop, "managed.subscription.fetch.request.invalid"},
    {remedy::stop, "managed.subscription.commit.request.restricted"},
    {remedy::stop, "managed.subscription.auth.request.restricted"},
    {remedy::stop, "publish.event.count.invalid"},
    {remedy::stop, "publish.topic.mismatch"},
    {remedy::stop, "publish.topic.validation.empty"},
};

} // namespace

TEST_CASE("each documented error code has its remedy, whatever the status says") {
    for (const expected& e : documented)
        for (const grpc_status status : {grpc_status::ok, grpc_status::internal, grpc_status::unavailable,
                                         grpc_status::invalid_argument, grpc_status::unauthenticated}) {
            CAPTURE(e.code);
            CHECK(remedy_for(e.code, status) == e.what);
            CHECK(remedy_for("sfdc.platform.eventbus.grpc." + std::string(e.code), status) == e.what);
        }
}

TEST_CASE("the table of codes holds those that are documented, once each") {
    std::set<std::string_view> known;
    for (const auto& row : pubsub::error_code_remedies) CHECK(known.insert(row.code).second);
    std::set<std::string_view> all;
    for (const expected& e : documented) all.insert(e.code);
    CHECK(known == all);
}

TEST_CASE("without a code that is known the status decides") {
    for (const std::string_view code :
         {"", "service.something.new", "sfdc.platform.eventbus.grpc.", "service.auth"}) {
        CAPTURE(code);
        CHECK(remedy_for(code, grpc_status::ok) == remedy::retry); // a clean end is resumed too
        CHECK(remedy_for(code, grpc_status::cancelled) == remedy::retry);
        CHECK(remedy_for(code, grpc_status::unknown) == remedy::retry);
        CHECK(remedy_for(code, grpc_status::deadline_exceeded) == remedy::retry);
        CHECK(remedy_for(code, grpc_status::internal) == remedy::retry);    // "Received RST_STREAM with code 0"
        CHECK(remedy_for(code, grpc_status::unavailable) == remedy::retry); // "RST_STREAM closed stream"
        CHECK(remedy_for(code, grpc_status::unauthenticated) == remedy::renew_token);
        CHECK(remedy_for(code, grpc_status::resource_exhausted) == remedy::slow_down);
        CHECK(remedy_for(code, grpc_status::invalid_argument) == remedy::stop);
        CHECK(remedy_for(code, grpc_status::not_found) == remedy::stop);
        CHECK(remedy_for(code, grpc_status::permission_denied) == remedy::stop);
        CHECK(remedy_for(code, grpc_status::unimplemented) == remedy::stop);
        CHECK(remedy_for(code, static_cast<grpc_status>(99)) == remedy::retry);
    }
}
