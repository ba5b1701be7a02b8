#include "catch.hpp"

#include <chrono>

#include <sfcdc/pubsub/credits.hpp>

using namespace sfcdc;
using namespace std::chrono_literals;

namespace {

pubsub::detail::credits credits_of(std::uint32_t credits, std::uint32_t max_unreleased) {
    pubsub::subscription_options options;
    options.credits = credits;
    options.max_unreleased = max_unreleased;
    return pubsub::detail::credits(options);
}

} // namespace

TEST_CASE("credits: what is outstanding and unreleased is never more than max_unreleased") {
    auto c = credits_of(10, 12);
    CHECK(c.room() == 10);
    c.ask(10);
    CHECK(c.room() == 0);
    c.receive(6, time_point(1s));
    CHECK(c.outstanding() == 4);
    CHECK(c.unreleased() == 6);
    CHECK(c.room() == 2); // not 6: the user holds the other four
    CHECK(c.release(7) == errc::released_too_many);
    CHECK(c.unreleased() == 6);
    CHECK(c.release(6) == errc::none);
    CHECK(c.room() == 6);
}

TEST_CASE("credits: a request is worth it for half of them, and one at least") {
    auto c = credits_of(10, 1'000);
    c.ask(10);
    c.receive(4, time_point(1s));
    CHECK(!c.worth_asking());
    c.receive(1, time_point(1s));
    CHECK(c.worth_asking());
    c.allow(0);
    CHECK(c.room() == 0);
    CHECK(!c.worth_asking());
    c.allow(6);
    CHECK(c.room() == 1);
    CHECK(!c.worth_asking());
    c.receive(2, time_point(1s));
    CHECK(c.worth_asking());
}

TEST_CASE("credits: a lost call takes its credits along, but not what the user holds") {
    auto c = credits_of(10, 1'000);
    c.ask(10);
    c.receive(3, time_point(1s));
    c.forget_call();
    CHECK(c.outstanding() == 0);
    CHECK(c.unreleased() == 3);
}

TEST_CASE("credits: the time without credits begins with the last one, and with a call") {
    auto c = credits_of(10, 1'000);
    c.begin_call(time_point(1s));
    CHECK(c.none_since() == time_point(1s));
    c.ask(2);
    c.receive(1, time_point(2s));
    CHECK(c.none_since() == time_point(1s));
    c.lower_to(5, time_point(3s)); // the server never gives more back than are outstanding
    CHECK(c.outstanding() == 1);
    c.lower_to(0, time_point(4s));
    CHECK(c.outstanding() == 0);
    CHECK(c.none_since() == time_point(4s));
    c.lower_to(0, time_point(5s));
    CHECK(c.none_since() == time_point(4s));
}
