#include "../catch.hpp"
#include "avro_reader.hpp"
#include "peer.hpp"

#include <set>
#include <sstream>

using namespace test;

TEST_CASE("what was published can be listed") {
    peer org;
    org.control("/publish", {{"count", 3000}, {"rate", 0}});
    const auto response = httplib::Client(org.state().urls.control_url).Get("/published");
    REQUIRE(response);
    std::istringstream lines(response->body);
    std::set<std::string> replay_ids;
    for (std::string line; std::getline(lines, line);) {
        const json event = json::parse(line);
        replay_ids.insert(event.at("replay_id").get<std::string>());
        CHECK(!event.contains("undecodable"));
        CHECK(event.at("records") >= 1);
        CHECK(event.at("published_us") > 0);
    }
    CHECK(replay_ids.size() == 3000);
    CHECK(replay_ids.begin()->size() == 20);
    CHECK(org.status().at("published") == 3000);
}

TEST_CASE("events can have a size") {
    peer org;
    const auto schema = nlohmann::ordered_json::parse(emulator::all_schemas().account.json);
    for (const std::size_t bytes : {1u, 300u, 420u, 9'000u, 1'000'000u}) {
        const std::size_t before = org.state().salesforce.published();
        org.control("/publish", {{"count", 2}, {"bytes", bytes}});
        const auto events = org.state().salesforce.read("/data/ChangeEvents", before, 10).events;
        REQUIRE(events.size() == 2);
        for (const auto& stored : events) {
            CAPTURE(bytes);
            const std::size_t size = stored.event.payload.size();
            if (bytes > 1) CHECK((size == bytes || size + 1 == bytes));
            const auto datum = avro_reader::read(schema, stored.event.payload);
            CHECK(datum.at("Description").get<std::string>().size() < size);
            CHECK(datum.at("ChangeEventHeader").at("changedFields").size() == 1);
        }
    }
}

TEST_CASE("undecodable events are cut and marked") {
    peer org;
    org.fault({{"op", "undecodable"}, {"times", 2}});
    org.control("/publish", {{"count", 10}});
    std::size_t marked = 0, from = 0;
    std::istringstream lines(org.state().salesforce.published_lines(from, 100));
    for (std::string line; std::getline(lines, line);) marked += json::parse(line).value("undecodable", false);
    CHECK(marked == 2);
    std::size_t broken = 0;
    for (const char* topic : {"/data/ChangeEvents", "/event/Order_Event__e"}) {
        for (const auto& stored : org.state().salesforce.read(topic, 0, 100).events) {
            const auto schema =
                nlohmann::ordered_json::parse(*org.state().salesforce.find_schema(stored.event.schema_id));
            try {
                avro_reader::read(schema, stored.event.payload);
            } catch (const std::exception&) {
                ++broken;
                CHECK(stored.event.undecodable);
            }
        }
    }
    CHECK(broken == 2);
}

TEST_CASE("commands that make no sense are refused with a sentence") {
    peer org;
    for (const json& command : {json::array(), json{{"op", "nonsense"}}, json{{"op", "silence_subscribe"}},
                                json{{"op", "subscribe_error"}, {"code", "no.such.code"}},
                                json{{"op", "zerobus_error"}, {"code", "UNAVAILABLE"}, {"when", "never"}},
                                json{{"op", "zerobus_error"}, {"code", "NONE"}, {"when", "create"}},
                                json{{"op", "token_status"}, {"side", "both"}, {"status", 500}}}) {
        CAPTURE(command.dump());
        CHECK(org.control("/fault", command, 400).at("error").get<std::string>().size() > 10);
    }
    CHECK(org.control("/publish", json::object(), 400).contains("error"));
}

TEST_CASE("a schema of the test's own can be added") {
    peer org;
    const json schema = json::parse(emulator::all_schemas().invoice.json);
    CHECK(org.control("/schema", schema).at("schema_id") == emulator::all_schemas().invoice.id);
    org.control("/schema", {{"type", "nothing"}}, 400);
}

TEST_CASE("all services speak TLS when told to") {
    emulator::options chosen;
    chosen.tls = true;
    peer both(chosen);
    const std::string ca = both.running.description().at("ca_pem");
    auto client = both.salesforce_http();
    client.set_ca_cert_path(ca.c_str());
    client.enable_server_certificate_verification(true);
    CHECK(client.Get("/services/oauth2/userinfo")->status == 401);

    grpc::SslCredentialsOptions trust;
    trust.pem_root_certs = emulator::read_text(ca);
    const auto stub = salesforce::PubSub::NewStub(
        grpc::CreateChannel(both.state().urls.pubsub_endpoint, grpc::SslCredentials(trust)));
    grpc::ClientContext context;
    set_deadline(context);
    salesforce::TopicInfo info;
    CHECK(stub->GetTopic(&context, {}, &info).error_code() == grpc::UNAUTHENTICATED);
}

TEST_CASE("stopping ends open streams and does not wait for their clients") {
    auto both = std::make_unique<peer>();
    subscriber call(*both);
    call.fetch("/data/ChangeEvents", 1);
    ingest_call stream(*both, both->zerobus_metadata("a.b.c"));
    REQUIRE(stream.create("a.b.c", zerobus::JSON));
    const auto start = std::chrono::steady_clock::now();
    both.reset();
    CHECK(std::chrono::steady_clock::now() - start < std::chrono::seconds(5));
    CHECK(!call.finish().ok());
    CHECK(!stream.finish().ok());
}
