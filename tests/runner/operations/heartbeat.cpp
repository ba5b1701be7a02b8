#include "operations/heartbeat.hpp"

#include "catch.hpp"

#include <chrono>
#include <optional>
#include <thread>

using namespace std::chrono_literals;
using sfcdc::runner::heartbeat;
using sfcdc::runner::heartbeat_watch;

namespace {
constexpr heartbeat_watch::time_point at(std::chrono::seconds s) { return heartbeat_watch::time_point(s); }
} // namespace

TEST_CASE("a thread that turns is well, and one that does not is seen after the limit") {
    heartbeat heart;
    heartbeat_watch watch;
    CHECK(watch.turns_within(heart, 10s, at(100s))); // the first look says nothing
    CHECK(watch.turns_within(heart, 10s, at(109s)));
    CHECK_FALSE(watch.turns_within(heart, 10s, at(110s)));
    heart.turn();
    CHECK(watch.turns_within(heart, 10s, at(111s)));
    CHECK_FALSE(watch.turns_within(heart, 10s, at(121s)));
    watch.begin_anew(); // another run
    CHECK(watch.turns_within(heart, 10s, at(122s)));
}

TEST_CASE("a thread that waits for a peer is well for hours, and has the whole limit afterwards") {
    heartbeat heart;
    heartbeat_watch watch;
    const heartbeat::attached here(heart);
    CHECK(watch.turns_within(heart, 10s, at(0s)));
    {
        const heartbeat::waits outer;
        const heartbeat::waits inner;
        CHECK(heart.waiting());
        CHECK(watch.turns_within(heart, 10s, at(7200s)));
    }
    CHECK_FALSE(heart.waiting());
    CHECK(watch.turns_within(heart, 10s, at(9000s))); // the end of a wait that nobody looked at is a turn
    CHECK(watch.turns_within(heart, 10s, at(9009s)));
    CHECK_FALSE(watch.turns_within(heart, 10s, at(9010s)));
}

TEST_CASE("only the thread that is attached waits") {
    heartbeat heart, other;
    const heartbeat::waits nobody; // does nothing
    const heartbeat::attached here(heart);
    std::thread([&] {
        const heartbeat::waits elsewhere;
        CHECK_FALSE(heart.waiting());
        const heartbeat::attached there(other);
        const heartbeat::waits now;
        CHECK(other.waiting());
        CHECK_FALSE(heart.waiting());
    }).join();
    {
        const heartbeat::attached nested(other);
        const heartbeat::waits now;
        CHECK(other.waiting());
    }
    const heartbeat::waits again;
    CHECK(heart.waiting());
}
