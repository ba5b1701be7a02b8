#include "catch.hpp"

#include "world.hpp"

using namespace simulation;

namespace {

// The tally, or what was violated. Rerun with: ./dev simulate --first SEED --seeds 1
tally run(const plan& p) {
    world w(p);
    try {
        return w.run();
    } catch (const violation& what) {
        FAIL("seed " << p.seed << ": " << what.what());
    }
    return {};
}

} // namespace

TEST_CASE("simulation: 100 seeds with everything going wrong end with every row durable and the position behind it") {
    tally total;
    for (std::uint64_t seed = 1'000'000; seed < 1'000'100; ++seed) total.add(run({.seed = seed}));
    CHECK(total.events == 200'000);
    // Each fault happened, and none of what is counted is counted for nothing.
    for (std::size_t i = 0; i < fault_count; ++i) {
        INFO(faults[i].name);
        CHECK(total.by_fault[i] > 0);
    }
    CHECK(total.crashes > 0);
    CHECK(total.stops > 0);
    CHECK(total.given_up > 0);
    CHECK(total.dead_letters > 0);
    CHECK(total.duplicates > 0);
    // What is sent again is a small part: the window between durable and acknowledged.
    CHECK(total.duplicates < total.rows);
}

TEST_CASE("simulation: a seed is replayed exactly") {
    for (std::uint64_t seed = 0; seed < 5; ++seed) {
        world first({.seed = seed, .trace = true}), second({.seed = seed, .trace = true});
        first.run();
        second.run();
        CHECK(first.trace().lines() == second.trace().lines());
        CHECK(first.trace().lines().size() > 100);
    }
}

TEST_CASE("simulation: without faults every row is sent once") {
    const tally day = run({.events = 2'000, .faults = false, .drops = false});
    CHECK(day.rows_sent == day.rows);
    CHECK(day.duplicates == 0);
    CHECK(day.fetched_again == 0);
}

TEST_CASE("simulation: 24 hours with a drop of every call each hour") {
    const tally day = run({.events = 8'640, .faults = false});
    CHECK(day.hours >= 24);
    CHECK(day.calls > 4 * 24);
    CHECK(day.fetched_again == 0);
}
