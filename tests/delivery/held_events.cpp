#include "catch.hpp"

#include "pubsub/server_messages.hpp"

#include <cstdint>
#include <memory>
#include <string>

#include <sfcdc/delivery/held_events.hpp>

using namespace sfcdc;

namespace {

using server_messages::field;

// A response of events "0", "1", ..., and whether somebody still holds its bytes.
struct response {
    std::shared_ptr<const std::string> owner;
    std::weak_ptr<const std::string> alive;
    pubsub::event_list events;

    explicit response(int count) {
        std::string bytes;
        for (int i = 0; i < count; ++i) bytes += server_messages::event(std::to_string(i), "s", "", "");
        owner = std::make_shared<const std::string>(std::move(bytes));
        alive = owner;
        events = pubsub::event_list(*owner, static_cast<std::size_t>(count));
    }
    void move_to(detail::held_events& held, std::size_t bytes) { held.push(events, bytes, std::move(owner), 5); }
};

pubsub::replay_id id_of(char c) { return pubsub::replay_id::from_bytes(std::string(10, c)).value; }

} // namespace

TEST_CASE("held_events: a response is kept until its last event is taken out, and dropped") {
    detail::held_events held;
    response r(2);
    r.move_to(held, 100);
    CHECK(held.size() == 2);
    CHECK(held.bytes() == 100);
    REQUIRE(held.at_event());
    CHECK(held.front().id == "0");
    CHECK(held.received_timestamp() == 5);
    held.pop();
    held.drop_used_up();
    REQUIRE(held.at_event());
    CHECK(held.front().id == "1");
    held.pop();
    CHECK(!held.at_event());
    CHECK(held.size() == 0);
    CHECK(!r.alive.expired()); // the user's views of the last event
    held.drop_used_up();
    CHECK(r.alive.expired());
    CHECK(held.empty());
    CHECK(held.bytes() == 0);
}

TEST_CASE(
    "held_events: a keepalive comes behind the events in front of it, and of several the last position counts") {
    detail::held_events held;
    response first(1), second(1);
    first.move_to(held, 1);
    held.push_keepalive(id_of('a'));
    held.push_keepalive(id_of('b'));
    held.push_keepalive({});
    second.move_to(held, 1);
    CHECK(!held.at_keepalive());
    held.pop();
    held.drop_used_up();
    REQUIRE(held.at_keepalive());
    CHECK(held.pop_keepalive() == id_of('b'));
    CHECK(held.at_event());
    held.clear();
    CHECK(held.empty());
    CHECK(held.size() == 0);
    CHECK(held.bytes() == 0);
}

TEST_CASE("held_events: as many events are allowed as fit, by the size that was seen last") {
    detail::held_events held;
    CHECK(held.allowed(10 * limits::event_bytes) == 10); // nothing was seen yet
    CHECK(held.allowed(0) == 1);                         // something has to come
    response r(2);
    r.move_to(held, 200);
    CHECK(held.allowed(700) == 5);
    CHECK(held.allowed(200) == 0);
    CHECK(held.allowed(100'000) == 100);
}
