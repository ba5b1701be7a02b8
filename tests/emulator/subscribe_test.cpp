#include "../catch.hpp"
#include "peer.hpp"

#include "emulator/schema_id.hpp"

using namespace test;

TEST_CASE("headers and tokens are checked on every call") {
    peer org;
    const auto code_with = [&](const std::string& key, const std::string& value) {
        metadata headers = org.salesforce_metadata();
        for (auto& [name, content] : headers)
            if (name == key) content = value;
        subscriber call(org, headers);
        call.fetch(all_changes, 1);
        const std::string subscribe_code = ending(call, grpc::UNAUTHENTICATED);

        grpc::ClientContext context;
        for (const auto& [name, content] : headers) context.AddMetadata(name, content);
        salesforce::TopicRequest request;
        request.set_topic_name(all_changes);
        salesforce::TopicInfo info;
        CHECK(org.pubsub()->GetTopic(&context, request, &info).error_code() == grpc::UNAUTHENTICATED);
        CHECK(trailer(context, "error-code") == error_code_prefix + subscribe_code);
        return subscribe_code;
    };
    CHECK(code_with("tenantid", "00D000000000000AAA") == "service.auth.headers.invalid");
    CHECK(code_with("tenantid", "") == "service.auth.headers.invalid");
    CHECK(code_with("instanceurl", "") == "service.auth.headers.invalid");
    CHECK(code_with("accesstoken", "expired") == "service.auth.error");
}

TEST_CASE("topics and schemas") {
    peer org;
    const auto headers = org.salesforce_metadata();
    const auto stub = org.pubsub();
    const auto topic = [&](const std::string& name, salesforce::TopicInfo& info) {
        grpc::ClientContext context;
        for (const auto& [key, value] : headers) context.AddMetadata(key, value);
        salesforce::TopicRequest request;
        request.set_topic_name(name);
        return stub->GetTopic(&context, request, &info);
    };
    salesforce::TopicInfo account, everything, order, none;
    REQUIRE(topic("/data/AccountChangeEvent", account).ok());
    CHECK(account.schema_id() == emulator::all_schemas().account.id);
    CHECK(!account.can_publish());
    REQUIRE(topic(all_changes, everything).ok());
    CHECK(everything.schema_id().empty());
    REQUIRE(topic("/event/Order_Event__e", order).ok());
    CHECK(order.can_publish());
    CHECK(topic("/data/Nothing", none).error_code() == grpc::PERMISSION_DENIED);

    const auto schema = [&](const std::string& id, salesforce::SchemaInfo& info) {
        grpc::ClientContext context;
        for (const auto& [key, value] : headers) context.AddMetadata(key, value);
        salesforce::SchemaRequest request;
        request.set_schema_id(id);
        return stub->GetSchema(&context, request, &info);
    };
    salesforce::SchemaInfo found;
    REQUIRE(schema(account.schema_id(), found).ok());
    CHECK(emulator::schema_id_of(found.schema_json()) == account.schema_id());
    CHECK(schema("", found).error_code() == grpc::INVALID_ARGUMENT);
    CHECK(schema("unknown", found).error_code() == grpc::INVALID_ARGUMENT);
}

TEST_CASE("no more events come than were asked for, and at most 100 can be asked for") {
    peer org(publishing(1000));
    wait_for_events(org, 1000);
    subscriber call(org);
    salesforce::FetchResponse response;
    call.fetch(all_changes, 30);
    REQUIRE(call.read(response));
    CHECK(response.events_size() == 30);
    CHECK(response.pending_num_requested() == 0);
    CHECK(response.latest_replay_id() == response.events(29).replay_id());
    call.fetch(all_changes, 5000);
    REQUIRE(call.read(response));
    CHECK(response.events_size() == 100);
    CHECK(response.pending_num_requested() == 0);
    call.fetch({}, 1); // an empty topic name means the same topic
    REQUIRE(call.read(response));
    CHECK(response.events_size() == 1);
    call.stream->WritesDone();
    CHECK(call.finish().ok());
}

TEST_CASE("CUSTOM goes on strictly after the id, from any kind of position") {
    peer org(publishing(300));
    wait_for_events(org, 300);
    std::vector<std::string> ids;
    {
        subscriber call(org);
        call.fetch(all_changes, 100);
        salesforce::FetchResponse response;
        REQUIRE(call.read(response));
        for (const auto& event : response.events()) ids.push_back(event.replay_id());
        call.stream->WritesDone();
        CHECK(call.finish().ok());
    }
    CHECK(ids[0].size() == 10);
    CHECK(ids[0].substr(8) == std::string(2, '\0'));
    subscriber call(org);
    call.fetch(all_changes, 10, salesforce::CUSTOM, ids[49]);
    salesforce::FetchResponse response;
    REQUIRE(call.read(response));
    CHECK(response.events(0).replay_id() == ids[50]);
    call.stream->WritesDone();
    CHECK(call.finish().ok());
}

TEST_CASE("an idle subscription gets keepalives with a position to resume from") {
    emulator::options chosen;
    chosen.keepalive = std::chrono::milliseconds(50);
    peer org(chosen);
    std::string position;
    {
        subscriber call(org);
        call.fetch(all_changes, 5, salesforce::LATEST);
        salesforce::FetchResponse response;
        for (int i = 0; i < 3; ++i) {
            REQUIRE(call.read(response));
            CHECK(response.events().empty());
            CHECK(response.pending_num_requested() == 5);
            CHECK(!response.latest_replay_id().empty());
        }
        position = response.latest_replay_id();
        call.context.TryCancel();
        CHECK(call.finish().error_code() == grpc::CANCELLED);
    }
    org.control("/publish", {{"count", 20}});
    subscriber call(org);
    call.fetch(all_changes, 1, salesforce::CUSTOM, position);
    salesforce::FetchResponse response;
    REQUIRE(call.read(response));
    CHECK(response.events_size() == 1);
    call.stream->WritesDone();
    CHECK(call.finish().ok());
}

TEST_CASE("what is asked wrongly ends with its own code") {
    peer org(publishing(50));
    wait_for_events(org, 50);
    const auto code_of = [&](auto ask) {
        subscriber call(org);
        ask(call);
        return ending(call, grpc::INVALID_ARGUMENT);
    };
    CHECK(code_of([](auto& c) { c.fetch(all_changes, 0); }) == "subscription.fetch.requested.events.invalid");
    CHECK(code_of([](auto& c) { c.fetch(all_changes, -1); }) == "subscription.fetch.requested.events.invalid");
    CHECK(code_of([](auto& c) { c.fetch("", 1); }) == "topic.validation.empty");
    CHECK(code_of([](auto& c) { c.fetch(all_changes, 1, salesforce::CUSTOM); })
          == "subscription.fetch.replayid.validation.failed");
    CHECK(code_of([](auto& c) { c.fetch(all_changes, 1, salesforce::CUSTOM, "1234567890"); })
          == "subscription.fetch.replayid.corrupted");
    CHECK(code_of([](auto& c) {
              c.fetch(all_changes, 1);
              c.fetch("/data/AccountChangeEvent", 1);
          })
          == "subscription.fetch.topic.mismatch");
    subscriber unknown(org);
    unknown.fetch("/data/Nothing", 1);
    CHECK(ending(unknown, grpc::PERMISSION_DENIED) == "topic.not.found");
}

TEST_CASE("retention forgets replay ids") {
    emulator::options chosen = publishing(100);
    chosen.retention_events = 40;
    peer org(chosen);
    wait_for_events(org, 100);
    std::string kept;
    {
        subscriber call(org);
        call.fetch("/data/AccountChangeEvent", 1);
        salesforce::FetchResponse response;
        REQUIRE(call.read(response));
        kept = response.events(0).replay_id();
        call.stream->WritesDone();
        CHECK(call.finish().ok());
    }
    org.fault({{"op", "expire_retention"}});
    subscriber call(org);
    call.fetch(all_changes, 1, salesforce::CUSTOM, kept);
    CHECK(ending(call, grpc::INVALID_ARGUMENT) == "subscription.fetch.replayid.corrupted");
}

TEST_CASE("faults end subscriptions, now or at the next start") {
    peer org(publishing(10));
    wait_for_events(org, 10);
    salesforce::FetchResponse response;
    {
        subscriber call(org);
        call.fetch(all_changes, 1);
        REQUIRE(call.read(response));
        org.fault({{"op", "subscribe_error"}, {"code", "service.unavailable"}, {"times", 2}});
        CHECK(ending(call, grpc::INTERNAL) == "service.unavailable");
    }
    {
        subscriber call(org);
        call.fetch(all_changes, 1);
        CHECK(ending(call, grpc::INTERNAL) == "service.unavailable");
    }
    {
        subscriber call(org);
        call.fetch(all_changes, 1);
        REQUIRE(call.read(response));
        org.fault({{"op", "drop_subscribers"}});
        CHECK(call.finish().ok());
    }
    {
        subscriber call(org);
        call.fetch(all_changes, 1);
        REQUIRE(call.read(response));
        org.fault({{"op", "expire_salesforce_tokens"}});
        CHECK(ending(call, grpc::UNAUTHENTICATED) == "service.auth.error");
    }
    {
        org.fault({{"op", "silence_subscribe"}, {"ms", 200}});
        const auto start = std::chrono::steady_clock::now();
        subscriber call(org);
        call.fetch(all_changes, 1);
        REQUIRE(call.read(response));
        CHECK(std::chrono::steady_clock::now() - start > std::chrono::milliseconds(150));
        call.stream->WritesDone();
        CHECK(call.finish().ok());
    }
}

TEST_CASE("a subscription that never asks again is closed") {
    emulator::options chosen = publishing(10);
    chosen.credit_timeout = std::chrono::milliseconds(100);
    peer org(chosen);
    wait_for_events(org, 10);
    subscriber call(org);
    call.fetch(all_changes, 1);
    CHECK(call.finish().ok());
}

TEST_CASE("publishing") {
    peer org;
    const auto headers = org.salesforce_metadata();
    const auto publish = [&](const std::string& topic, const std::string& schema_id,
                             salesforce::PublishResponse& response) {
        grpc::ClientContext context;
        for (const auto& [key, value] : headers) context.AddMetadata(key, value);
        salesforce::PublishRequest request;
        request.set_topic_name(topic);
        auto* event = request.add_events();
        event->set_id("mine");
        event->set_schema_id(schema_id);
        event->set_payload("anything");
        return org.pubsub()->Publish(&context, request, &response);
    };
    const std::string order_schema = emulator::all_schemas().order_event.id;
    salesforce::PublishResponse good, bad_schema, bad_topic;
    REQUIRE(publish("/event/Order_Event__e", order_schema, good).ok());
    CHECK(good.results(0).replay_id().size() == 10);
    CHECK(good.results(0).correlation_key() == "mine");
    REQUIRE(publish("/event/Order_Event__e", "unknown", bad_schema).ok());
    CHECK(bad_schema.results(0).error().code() == salesforce::PUBLISH);
    REQUIRE(publish("/data/AccountChangeEvent", emulator::all_schemas().account.id, bad_topic).ok());
    CHECK(bad_topic.results(0).has_error());

    grpc::ClientContext context;
    for (const auto& [key, value] : headers) context.AddMetadata(key, value);
    const auto stub = org.pubsub();
    const auto stream = stub->PublishStream(&context);
    for (int i = 0; i < 3; ++i) {
        salesforce::PublishRequest request;
        request.set_topic_name("/event/Order_Event__e");
        request.add_events()->set_schema_id(order_schema);
        stream->Write(request);
        salesforce::PublishResponse response;
        REQUIRE(stream->Read(&response));
        CHECK(response.results(0).replay_id().size() == 10);
    }
    stream->WritesDone();
    CHECK(stream->Finish().ok());
    CHECK(org.state().salesforce.published() == 4);
}
