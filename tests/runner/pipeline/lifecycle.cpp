#include "pipeline/lifecycle.hpp"

#include "catch.hpp"

#include <chrono>

namespace {

using namespace std::chrono_literals;
using sfcdc::time_point;
using sfcdc::runner::exit_code;
using sfcdc::runner::failure_policy;
using sfcdc::runner::lifecycle;
using state = sfcdc::runner::pipeline_state;

constexpr time_point begin{};

} // namespace

TEST_CASE("a pipeline starts, runs, and is drained when it is asked to end") {
    lifecycle l(failure_policy::restart, 1);
    CHECK(l.state() == state::starting);
    CHECK(l.up());
    l.is_running(begin);
    CHECK(l.state() == state::running);
    CHECK(l.up());
    l.ended({}, begin + 1s);
    CHECK(l.state() == state::drained);
    CHECK_FALSE(l.up());
    CHECK_FALSE(l.restart_at());
    CHECK(l.code() == exit_code::ok);
}

TEST_CASE("what has failed is started again after waits that grow to ten minutes, and from the first one after a "
          "good run") {
    lifecycle l(failure_policy::restart, 1);
    time_point now = begin;
    std::chrono::milliseconds last{};
    for (int i = 0; i < 8; ++i) {
        l.begins();
        l.is_running(now);
        now += 9min; // shorter than a good run
        l.ended(exit_code::failed, now);
        CHECK(l.state() == state::waiting);
        CHECK(l.code() == exit_code::failed);
        REQUIRE(l.restart_at());
        last = std::chrono::duration_cast<std::chrono::milliseconds>(*l.restart_at() - now);
        CHECK(last >= 1min); // a login is refused once a minute at most
        CHECK(last <= 10min);
        now = *l.restart_at();
    }
    CHECK(last >= 5min);
    l.begins();
    CHECK(l.state() == state::starting);
    CHECK_FALSE(l.restart_at());
    l.is_running(now);
    l.is_running(now + 9min); // it has been running since `now`
    l.ended(exit_code::refused, now + 10min);
    CHECK(*l.restart_at() - (now + 10min) <= 2min);
    CHECK(l.code() == exit_code::refused);
}

TEST_CASE("a decision is waited for, and on_failure = stop is obeyed") {
    lifecycle l(failure_policy::restart, 1);
    l.ended(exit_code::needs_decision, begin);
    CHECK(l.state() == state::needs_decision);
    CHECK_FALSE(l.restart_at());
    CHECK(l.code() == exit_code::needs_decision);

    lifecycle waits(failure_policy::restart, 1);
    waits.ended(exit_code::failed, begin);
    REQUIRE(waits.restart_at());
    waits.ended(exit_code::needs_decision, begin + 5min); // the next start has failed before its run
    CHECK_FALSE(waits.restart_at());
    CHECK(waits.state() == state::needs_decision);

    lifecycle stops(failure_policy::stop, 1);
    stops.ended(exit_code::failed, begin);
    CHECK(stops.state() == state::failed);
    CHECK_FALSE(stops.restart_at());
}

TEST_CASE("every state has a name of its own") {
    std::string all;
    for (const state s :
         {state::starting, state::running, state::waiting, state::needs_decision, state::failed, state::drained}) {
        const std::string name(sfcdc::runner::name_of(s));
        CHECK(all.find(name) == std::string::npos);
        all += name + "\n";
    }
}
