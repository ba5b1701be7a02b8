#include "io/inbox.hpp"

#include "catch.hpp"
#include "until.hpp"

#include <grpcpp/alarm.h>

#include <algorithm>
#include <atomic>
#include <chrono>
#include <optional>
#include <thread>
#include <vector>

namespace {

using namespace std::chrono_literals;
using sfcdc::time_point;
using sfcdc::runner::inbox;
using test::steady;

// Something that is done at a certain time.
struct timer final : inbox::operation {
    void start(inbox& in, std::chrono::milliseconds after) {
        alarm.Set(&in.queue(), std::chrono::system_clock::now() + after, static_cast<inbox::operation*>(this));
    }
    void done(bool ok) override {
        ++told;
        was_ok = ok;
        on = std::this_thread::get_id();
    }

    grpc::Alarm alarm;
    int told = 0;
    bool was_ok = false;
    std::thread::id on;
};

// Done again as soon as its owner was told.
struct chain final : inbox::operation {
    explicit chain(inbox& to) : in(to) { next(); }
    void next() {
        alarm.emplace().Set(&in.queue(), gpr_inf_past(GPR_CLOCK_MONOTONIC), static_cast<inbox::operation*>(this));
    }
    void done(bool) override {
        if (++told < enough) next();
    }

    static constexpr int enough = 20'000;
    inbox& in;
    std::optional<grpc::Alarm> alarm;
    int told = 0;
};

} // namespace

TEST_CASE("a wait in which nothing happens ends at its time, and not before") {
    inbox in;
    for (const auto wait : {0ms, 1ms, 30ms, 31ms}) {
        const auto when = steady::now() + wait + 7us;
        in.wait_until(when);
        CHECK(steady::now() >= when);
    }
}

TEST_CASE("a time that has passed, however long ago, is not waited for") {
    inbox in;
    const auto begun = steady::now();
    for (const auto when : {begun, begun - 1h, time_point(), time_point::min()}) in.wait_until(when);
    CHECK(steady::now() - begun < 10s);
}

TEST_CASE("what happens ends a wait, and its owner is told once, on the thread that waits") {
    inbox in;
    timer one;
    one.start(in, 20ms);
    SECTION("which has a time that is far away") { in.wait_until(time_point::max()); }
    SECTION("which has none") { in.wait_until(std::nullopt); }
    CHECK(one.told == 1);
    CHECK(one.was_ok);
    CHECK(one.on == std::this_thread::get_id());
    in.wait_until(steady::now() + 5ms);
    CHECK(one.told == 1);
}

TEST_CASE("an operation that is given up is told so") {
    inbox in;
    timer one;
    one.start(in, 1h);
    in.wait_until(steady::now());
    CHECK(one.told == 0);
    one.alarm.Cancel();
    CHECK(test::until(in, [&] { return one.told == 1; }));
    CHECK_FALSE(one.was_ok);
}

TEST_CASE("what has happened is told even to a wait whose time is over") {
    inbox in;
    timer one;
    one.start(in, -1s);
    in.wait_until(time_point::min()); // a pipeline that is late with its timers must still hear of its calls
    CHECK(one.told == 1);
}

TEST_CASE("a wake-up ends the wait, whether it came before it or during it") {
    inbox in;
    const auto far = steady::now() + 20s;
    SECTION("before") {
        in.wake();
        in.wait_until(far);
    }
    SECTION("during") {
        const std::jthread other([&] {
            std::this_thread::sleep_for(20ms);
            in.wake();
        });
        in.wait_until(far);
    }
    CHECK(steady::now() < far);
}

TEST_CASE("no wake-up is lost between threads") {
    inbox in;
    constexpr int threads = 4, rounds = 500;
    std::atomic<int> asked[threads] = {}, answered[threads] = {};
    {
        std::vector<std::jthread> others;
        for (int t = 0; t < threads; ++t)
            others.emplace_back([&, t] {
                for (int i = 1; i <= rounds; ++i) { // the next one only when this one was seen
                    asked[t] = i;
                    in.wake();
                    for (int seen = answered[t]; seen >= 0 && seen < i; seen = answered[t]) answered[t].wait(seen);
                    if (answered[t] < 0) return;
                }
            });
        const bool all = test::until(in, [&] {
            int finished = 0;
            for (int t = 0; t < threads; ++t) {
                answered[t] = asked[t].load();
                answered[t].notify_one();
                finished += answered[t] == rounds;
            }
            return finished == threads;
        });
        CHECK(all);
        for (auto& a : answered)
            if (!all) a = -1, a.notify_one();
    }
}

TEST_CASE("what has happened together is told together") {
    inbox in;
    std::vector<timer> many(100);
    for (timer& t : many) t.start(in, -1s);
    in.wait_until(steady::now() + 20s);
    CHECK(std::all_of(many.begin(), many.end(), [](const timer& t) { return t.told == 1; }));
}

TEST_CASE("a wait ends though there is always more") {
    inbox in;
    chain endless(in);
    in.wait_until(std::nullopt);
    CHECK(endless.told >= 1);
    CHECK(endless.told < chain::enough);
    CHECK(test::until(in, [&] { return endless.told == chain::enough; }));
}

TEST_CASE("what nobody waited for is told when the inbox goes") {
    timer one;
    {
        inbox in;
        one.start(in, 0ms);
        in.wake(); // frees itself: AddressSanitizer sees if not
    }
    CHECK(one.told == 1);
}
