#include "io/errand.hpp"

#include "catch.hpp"
#include "io/pause.hpp"
#include "operations/failure.hpp"
#include "until.hpp"

#include <atomic>
#include <chrono>
#include <memory>
#include <optional>
#include <string>
#include <thread>

namespace {

using namespace std::chrono_literals;
using sfcdc::runner::errand;
using sfcdc::runner::inbox;
using test::steady;

// Works until it is asked to stop, and takes its time to end.
struct until_stopped {
    std::atomic<bool>& begun;
    std::atomic<bool>& ended;

    int operator()(const std::stop_token& stop) const {
        begun = true;
        try {
            sfcdc::runner::pause(stop, 20s);
        } catch (const sfcdc::runner::stopped&) {
            std::this_thread::sleep_for(20ms);
            ended = true;
            throw;
        }
        return 1;
    }
};

} // namespace

TEST_CASE("an errand's result comes with a wake-up, and once") {
    inbox in;
    errand<std::string> one(in);
    CHECK_FALSE(one.running());
    CHECK_FALSE(one.take());

    std::atomic<bool> go = false;
    one.start([&](const std::stop_token&) {
        go.wait(false);
        return std::string("done");
    });
    CHECK(one.running());
    CHECK_FALSE(one.take());             // does not wait for it
    in.wait_until(steady::now() + 20ms); // a wake-up in front of the result would be spent here
    CHECK_FALSE(one.take());
    CHECK(one.running());
    go = true;
    go.notify_one();

    std::optional<std::string> result;
    REQUIRE(test::until(in, [&] { return (result = one.take()).has_value(); }));
    CHECK(*result == "done");
    CHECK_FALSE(one.running());
    CHECK_FALSE(one.take());
}

TEST_CASE("what an errand threw is thrown when it is taken, and the next one starts afresh") {
    using sfcdc::runner::exit_code;
    using sfcdc::runner::failure;
    struct unavailable {
        int seconds;
    };

    inbox in;
    errand<int> one(in);
    const auto wait_and_take = [&] { // nothing: not in time
        std::optional<int> result;
        (void)test::until(in, [&] { return (result = one.take()).has_value(); });
        return result;
    };
    one.start([](const std::stop_token&) -> int { throw failure(exit_code::refused, "no"); });
    try {
        (void)wait_and_take();
        FAIL("it threw nothing");
    } catch (const failure& f) {
        CHECK(f.code() == exit_code::refused);
    }
    CHECK_FALSE(one.running());
    one.start([](const std::stop_token&) -> int { throw unavailable{7}; }); // no std::exception
    try {
        (void)wait_and_take();
        FAIL("it threw nothing");
    } catch (const unavailable& u) {
        CHECK(u.seconds == 7);
    }
    one.start([](const std::stop_token&) { return 3; });
    CHECK(wait_and_take() == 3);
}

TEST_CASE("errands one after the other: each gives its own result, and none is lost") {
    inbox in;
    errand<int> one(in);
    for (int i = 0; i < 500; ++i) {
        one.start([i](const std::stop_token&) { return i; });
        std::optional<int> result;
        REQUIRE(test::until(in, [&] { return (result = one.take()).has_value(); }));
        REQUIRE(*result == i);
    }
}

TEST_CASE("an errand takes what cannot be copied, both ways") {
    inbox in;
    errand<std::unique_ptr<int>> one(in);
    one.start([n = std::make_unique<int>(5)](const std::stop_token&) mutable { return std::move(n); });
    std::optional<std::unique_ptr<int>> result;
    REQUIRE(test::until(in, [&] { return (result = one.take()).has_value(); }));
    CHECK(**result == 5);
}

TEST_CASE("an errand that is stopped has ended, and nothing is heard of it") {
    inbox in;
    std::atomic<bool> begun = false, ended = false;
    errand<int> one(in);
    const auto asked = steady::now();
    one.start(until_stopped{begun, ended});
    while (!begun) std::this_thread::yield();
    SECTION("by stop(), and another may start") {
        one.stop();
        CHECK(ended);
        CHECK_FALSE(one.running());
        CHECK_FALSE(one.take());

        one.start([](const std::stop_token&) { return 2; });
        std::optional<int> result;
        REQUIRE(test::until(in, [&] { return (result = one.take()).has_value(); }));
        CHECK(*result == 2);
    }
    SECTION("by its end of life, which leaves the inbox alone afterwards") {
        {
            errand<int> other(in);
            begun = false, ended = false;
            other.start(until_stopped{begun, ended});
            while (!begun) std::this_thread::yield();
        }
        CHECK(ended);
    }
    CHECK(steady::now() - asked < 15s); // it was told to stop: it did not come to its own end
}

TEST_CASE("a result that was there when the errand was stopped is not taken for that of the next") {
    inbox in;
    errand<int> one(in);
    std::atomic<bool> go = false;
    one.start([](const std::stop_token&) { return 1; });
    in.wait_until(steady::now() + 20s); // it is there
    one.stop();
    CHECK_FALSE(one.take());
    one.start([&](const std::stop_token&) {
        go.wait(false);
        return 2;
    });
    CHECK_FALSE(one.take());
    go = true;
    go.notify_one();
    std::optional<int> result;
    REQUIRE(test::until(in, [&] { return (result = one.take()).has_value(); }));
    CHECK(*result == 2);
}

TEST_CASE("a pause ends at its time, or at once when it is asked to stop") {
    const auto begun = steady::now();
    std::stop_source stop;
    sfcdc::runner::pause(stop.get_token(), 20ms);
    CHECK(steady::now() - begun >= 20ms);
    {
        const std::jthread other([&] {
            std::this_thread::sleep_for(20ms);
            stop.request_stop();
        });
        CHECK_THROWS_AS(sfcdc::runner::pause(stop.get_token(), 20s), sfcdc::runner::stopped);
    }
    CHECK_THROWS_AS(sfcdc::runner::pause(stop.get_token(), 20s), sfcdc::runner::stopped);
    CHECK(steady::now() - begun < 15s);
}
