#include "../catch.hpp"
#include "peer.hpp"

#include "emulator/identifiers.hpp"

#include <stdexcept>

using namespace test;

namespace {

constexpr const char* own_id = "18x000000000001AAA";

emulator::options managing(std::uint64_t events) {
    emulator::options chosen = publishing(events);
    chosen.managed = {{.name = "Mine", .topic_name = all_changes, .id = own_id},
                      {.name = "Accounts", .topic_name = "/data/AccountChangeEvent"}};
    return chosen;
}

json managed_state(peer& of, const std::string& name = "Mine") { return of.status().at("managed").at(name); }

// The server learns a moment later that a client has come or gone.
bool becomes(peer& of, bool active) {
    for (int i = 0; i < 5000; ++i) {
        if (managed_state(of).at("active") == active) return true;
        std::this_thread::sleep_for(std::chrono::milliseconds(1));
    }
    return false;
}

std::vector<std::string> next_ids(managed_subscriber& call) {
    salesforce::ManagedFetchResponse response;
    std::vector<std::string> ids;
    while (ids.empty() && call.read(response))
        for (const auto& event : response.events()) ids.push_back(event.replay_id());
    return ids;
}

} // namespace

TEST_CASE("a managed subscription goes on behind the committed position") {
    peer org(managing(300));
    wait_for_events(org, 300);
    CHECK(managed_state(org) == json{{"committed", nullptr}, {"active", false}});
    std::vector<std::string> ids;
    {
        managed_subscriber call(org);
        call.begin("Mine", 50);
        ids = next_ids(call);
        REQUIRE(ids.size() == 50);
        CHECK(managed_state(org) == json{{"committed", nullptr}, {"active", true}});

        call.commit("first", ids[9]);
        const auto answer = call.answer_to("first");
        CHECK(answer.replay_id() == ids[9]);
        CHECK(!answer.has_error());
        CHECK(answer.process_time() > 1'600'000'000'000);
        CHECK(managed_state(org).at("committed") == emulator::lower_hex(ids[9]));
        CHECK(call.end());
    }
    {
        managed_subscriber call(org); // by its id, and broken off
        call.begin_by_id(own_id, 5);
        CHECK(next_ids(call) == std::vector(ids.begin() + 10, ids.begin() + 15));
        call.commit("second", ids[14], 5); // together with credits
        salesforce::ManagedFetchResponse response;
        REQUIRE(call.read(response));
        CHECK(response.events_size() == 5);
        CHECK(response.pending_num_requested() == 0);
        CHECK(response.latest_replay_id() == ids[19]);
        CHECK(response.commit_response().commit_request_id() == "second");
        call.context.TryCancel();
        CHECK(call.finish().error_code() == grpc::CANCELLED);
    }
    REQUIRE(becomes(org, false));
    managed_subscriber call(org);
    call.begin_by_id(std::string(own_id).substr(0, 15), 1);
    CHECK(next_ids(call) == std::vector{ids[15]});
    CHECK(call.end());
}

TEST_CASE("a commit that cannot be is refused, and the call goes on") {
    peer org(managing(200));
    wait_for_events(org, 200);
    managed_subscriber call(org);
    call.begin("Mine", 20);
    const auto ids = next_ids(call);
    REQUIRE(ids.size() == 20);
    const auto refused = [&](const std::string& replay_id) {
        call.commit("a commit", replay_id);
        const auto answer = call.answer_to("a commit");
        CHECK(answer.replay_id() == replay_id);
        CHECK(!answer.error().msg().empty());
        return answer.error().code() == salesforce::COMMIT;
    };
    CHECK(refused("")); // no position at all
    CHECK(refused("1234567890"));
    const auto log = org.state().salesforce.read(all_changes, 0, 21).events;
    CHECK(refused(emulator::org::replay_id(log.at(20).counter))); // not delivered yet
    CHECK(managed_state(org).at("committed") == nullptr);

    call.commit("good", ids[7]);
    CHECK(!call.answer_to("good").has_error());
    CHECK(refused(ids[6])); // older
    call.commit("again", ids[7]);
    CHECK(!call.answer_to("again").has_error());
    CHECK(managed_state(org).at("committed") == emulator::lower_hex(ids[7]));

    call.ask(1);
    CHECK(next_ids(call).size() == 1);

    // The last commit is answered before the call ends, and so may be several by one answer.
    for (int i = 8; i < 20; ++i) call.commit("commit " + std::to_string(i), ids[static_cast<std::size_t>(i)]);
    call.stream->WritesDone();
    CHECK(call.answer_to("commit 19").replay_id() == ids[19]);
    CHECK(call.finish().ok());
    CHECK(managed_state(org).at("committed") == emulator::lower_hex(ids[19]));
}

TEST_CASE("a managed subscription has keepalives, whose position can be committed") {
    emulator::options chosen = managing(0);
    chosen.keepalive = std::chrono::milliseconds(50);
    peer org(chosen);
    {
        managed_subscriber call(org);
        call.begin("Accounts", 200);
        salesforce::ManagedFetchResponse response;
        REQUIRE(call.read(response));
        CHECK(response.events().empty());
        CHECK(response.pending_num_requested() == 100);
        const std::string position = response.latest_replay_id();
        CHECK(position.size() == 10);
        call.commit("keepalive", position);
        CHECK(!call.answer_to("keepalive").has_error());
        CHECK(managed_state(org, "Accounts").at("committed") == emulator::lower_hex(position));
        CHECK(call.end());
    }
    org.control("/publish", {{"count", 50}});
    managed_subscriber call(org);
    call.begin("Accounts", 1);
    CHECK(next_ids(call).size() == 1);
    CHECK(call.end());
}

TEST_CASE("without a position the default replay decides, and so it does when the position has expired") {
    const auto first_index = [](emulator::replay_preset preset, bool commits) {
        emulator::options chosen = managing(100);
        chosen.managed_default_replay = preset;
        peer org(chosen);
        wait_for_events(org, 100);
        if (commits) {
            managed_subscriber call(org);
            call.begin("Mine", 10);
            REQUIRE(becomes(org, true));
            org.control("/publish", {{"count", 50}});
            const auto ids = next_ids(call);
            call.commit("before", ids.at(0));
            CHECK(!call.answer_to("before").has_error());
            CHECK(call.end());
            org.fault({{"op", "expire_retention"}});
        }
        managed_subscriber call(org);
        call.begin("Mine", 1);
        REQUIRE(becomes(org, true));
        const std::size_t before = org.state().salesforce.published();
        org.control("/publish", {{"count", 50}});
        const auto ids = next_ids(call);
        const auto index = org.state().salesforce.locate(emulator::replay_preset::custom, ids.at(0));
        CHECK(call.end());
        return std::pair(index.value(), before);
    };
    CHECK(first_index(emulator::replay_preset::earliest, false).first < 20);
    for (const auto preset : {emulator::replay_preset::earliest, emulator::replay_preset::latest}) {
        const auto [index, published] = first_index(preset, true);
        CHECK(index > published);
    }
    const auto [index, published] = first_index(emulator::replay_preset::latest, false);
    CHECK(index > published);
}

TEST_CASE("a managed subscription has one client at a time") {
    peer org(managing(50));
    wait_for_events(org, 50);
    const auto second_client = [&] {
        managed_subscriber call(org);
        call.begin("Mine", 1);
        return ending(call, grpc::ALREADY_EXISTS);
    };
    {
        managed_subscriber call(org);
        call.begin("Mine", 1);
        REQUIRE(next_ids(call).size() == 1);
        CHECK(second_client() == "managed.subscription.already.active");
        managed_subscriber other(org); // another one is not concerned
        other.begin("Accounts", 1);
        CHECK(next_ids(other).size() == 1);
        CHECK(other.end());
        call.ask(1); // nor is the first client
        CHECK(next_ids(call).size() == 1);
        CHECK(call.end());
    }
    {
        managed_subscriber call(org);
        call.begin("Mine", 1);
        CHECK(next_ids(call).size() == 1);
        CHECK(call.end());
    }
    org.fault({{"op", "hold_managed_subscription"}, {"name", "Mine"}, {"ms", 60'000}});
    CHECK(second_client() == "managed.subscription.already.active");
    org.fault({{"op", "clear"}});
    managed_subscriber call(org);
    call.begin("Mine", 1);
    CHECK(next_ids(call).size() == 1);
    CHECK(call.end());
}

TEST_CASE("what is asked wrongly of a managed subscription ends with its own code") {
    peer org(managing(50));
    wait_for_events(org, 50);
    const auto code_of = [&](auto ask, grpc::StatusCode status = grpc::INVALID_ARGUMENT) {
        managed_subscriber call(org);
        ask(call);
        const std::string code = ending(call, status);
        CHECK(trailer(call.context, "type") == "ManagedSubscribe");
        constexpr std::string_view beginning = "managed.subscription.";
        return code.starts_with(beginning) ? code.substr(beginning.size()) : code;
    };
    CHECK(code_of([](auto& c) { c.begin("", 1); }) == "id.or.developer.name.empty");
    CHECK(code_of([](auto& c) {
              salesforce::ManagedFetchRequest both;
              both.set_developer_name("Mine");
              both.set_subscription_id(own_id);
              both.set_num_requested(1);
              c.stream->Write(both);
          })
          == "id.or.developer.name.empty");
    CHECK(code_of([](auto& c) { c.begin("Yours", 1); }, grpc::NOT_FOUND) == "developer.name.not.found");
    CHECK(code_of([](auto& c) { c.begin_by_id("18x000000000009AAA", 1); }, grpc::NOT_FOUND)
          == "subscription.id.not.found");
    CHECK(code_of([](auto& c) { c.begin_by_id("18x", 1); }) == "subscription.id.invalid");
    CHECK(code_of([](auto& c) { c.begin("Mine", -1); }) == "fetch.request.events.invalid");
    CHECK(code_of([](auto& c) { c.begin("Mine", 0); }) == "fetch.request.invalid");
    CHECK(code_of([](auto& c) { c.commit("first", "1234567890", 1); }) == "commit.request.restricted");
    CHECK(code_of([](auto& c) {
              salesforce::ManagedFetchRequest refresh;
              refresh.set_developer_name("Mine");
              refresh.set_auth_refresh("token");
              c.stream->Write(refresh);
          })
          == "auth.request.restricted");
    CHECK(code_of([](auto& c) {
              c.begin("Mine", 1);
              c.ask(0);
          })
          == "fetch.request.invalid");
    CHECK(code_of([](auto& c) {
              c.begin("Mine", 1);
              c.begin("Accounts", 1);
          })
          == "fetch.request.invalid");
    CHECK(managed_state(org).at("active") == false);

    metadata headers = org.salesforce_metadata();
    headers[0].second = "expired";
    managed_subscriber call(org, headers);
    call.begin("Mine", 1);
    CHECK(ending(call, grpc::UNAUTHENTICATED) == "service.auth.error");
}

TEST_CASE("faults and limits of subscriptions hold for managed ones") {
    emulator::options chosen = managing(20);
    chosen.credit_timeout = std::chrono::milliseconds(200);
    peer org(chosen);
    wait_for_events(org, 20);
    const auto opened = [&](managed_subscriber& call) {
        call.begin("Mine", 1);
        REQUIRE(next_ids(call).size() == 1);
    };
    {
        managed_subscriber call(org);
        opened(call);
        org.fault({{"op", "subscribe_error"}, {"code", "service.unavailable"}, {"times", 2}});
        CHECK(ending(call, grpc::INTERNAL) == "service.unavailable");
        managed_subscriber next(org);
        next.begin("Mine", 1);
        CHECK(ending(next, grpc::INTERNAL) == "service.unavailable");
    }
    {
        managed_subscriber call(org);
        opened(call);
        org.fault({{"op", "drop_subscribers"}});
        CHECK(call.finish().ok());
    }
    {
        managed_subscriber call(org);
        opened(call);
        org.fault({{"op", "expire_salesforce_tokens"}});
        CHECK(ending(call, grpc::UNAUTHENTICATED) == "service.auth.error");
    }
    {
        org.fault({{"op", "silence_subscribe"}, {"ms", 200}});
        const auto start = std::chrono::steady_clock::now();
        managed_subscriber call(org);
        opened(call);
        CHECK(std::chrono::steady_clock::now() - start > std::chrono::milliseconds(150));
        CHECK(call.end());
    }
    {
        managed_subscriber call(org);
        opened(call);
        CHECK(call.finish().ok()); // no credits for too long
    }
    for (const char* what : {"stop", "delete"}) {
        managed_subscriber call(org);
        opened(call);
        org.fault({{"op", std::string(what) + "_managed_subscription"}, {"name", "Mine"}});
        const std::string code = ending(call, grpc::FAILED_PRECONDITION);
        CHECK(code
              == (what[0] == 's' ? "managed.subscription.config.stopped" : "managed.subscription.config.deleted"));
        managed_subscriber next(org);
        next.begin("Mine", 1);
        CHECK(ending(next, grpc::FAILED_PRECONDITION) == code);
        org.fault({{"op", "clear"}});
    }
    org.control("/fault", {{"op", "stop_managed_subscription"}, {"name", "Yours"}}, 400);
    org.control("/fault", {{"op", "hold_managed_subscription"}, {"name", "Mine"}}, 400);
}

TEST_CASE("a managed subscription without commits ends") {
    emulator::options chosen = managing(20);
    chosen.commit_timeout = std::chrono::milliseconds(300);
    peer org(chosen);
    wait_for_events(org, 20);
    managed_subscriber call(org);
    call.begin("Mine", 100);
    const auto ids = next_ids(call);
    REQUIRE(!ids.empty());
    const auto start = std::chrono::steady_clock::now();
    for (int i = 0; i < 4; ++i) { // the same position again and again is enough
        std::this_thread::sleep_for(std::chrono::milliseconds(100));
        call.commit(std::to_string(i), ids.back());
        CHECK(!call.answer_to(std::to_string(i)).has_error());
    }
    const grpc::Status status = call.finish();
    CHECK(status.error_code() == grpc::DEADLINE_EXCEEDED);
    CHECK(call.error_code().empty());
    CHECK(std::chrono::steady_clock::now() - start > std::chrono::milliseconds(600));
}

TEST_CASE("declarations of managed subscriptions are read") {
    const auto good = emulator::managed_declaration::parse("Mine=/data/ChangeEvents=18x000000000001AAA");
    CHECK(good.name == "Mine");
    CHECK(good.topic_name == all_changes);
    CHECK(good.id == own_id);
    CHECK(emulator::managed_declaration::parse("Mine=/data/ChangeEvents").topic_name == all_changes);
    CHECK(emulator::managed_declaration::parse("Mine=/data/ChangeEvents").id.empty());
    for (const char* bad : {"", "Mine", "Mine=", "=topic", "Mine=topic=", "Mine=topic=18x",
                            "Mine=topic=001000000000001AAA", "Mine=topic=18x00000000000=AAA"}) {
        CAPTURE(bad);
        CHECK_THROWS_AS(emulator::managed_declaration::parse(bad), std::invalid_argument);
    }

    peer org(managing(0));
    const std::string made = org.state().managed.find_name("Accounts")->id();
    CHECK(made.size() == 18);
    CHECK(made.starts_with("18x"));
    const auto throws = [](std::vector<emulator::managed_declaration> declared) {
        emulator::options chosen;
        chosen.managed = std::move(declared);
        CHECK_THROWS_AS(emulator::running_emulator(chosen), std::invalid_argument);
    };
    throws({{.name = "Mine", .topic_name = "/data/Nothing"}});
    throws({{.name = "Mine", .topic_name = all_changes}, {.name = "Mine", .topic_name = all_changes}});
    throws({{.name = "Mine", .topic_name = all_changes, .id = own_id},
            {.name = "Yours", .topic_name = all_changes, .id = own_id}});
}
