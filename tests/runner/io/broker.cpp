#include "io/broker.hpp"

#include "catch.hpp"

#include <atomic>
#include <chrono>
#include <functional>
#include <string>
#include <thread>
#include <utility>
#include <vector>

namespace {

using namespace std::chrono_literals;
using sfcdc::runner::broker;
using sfcdc::runner::broker_options;
using sfcdc::runner::exit_code;
using sfcdc::runner::failure;
using sfcdc::runner::stopped;
using sfcdc::runner::http::unavailable;

struct credential {
    int number = 0;
    bool good(sfcdc::time_point) const { return number >= 0; }
};
using brokered = broker<credential>;

broker_options with(std::chrono::milliseconds refused_wait, std::chrono::milliseconds rested) {
    broker_options o;
    o.patience.waits = {1ms, 1ms};
    o.patience.refused_wait = refused_wait;
    o.rested = rested;
    return o;
}
const broker_options quick = with(300ms, 1h);

// A service that counts how often it is asked, and answers as the test says.
struct service {
    std::string sent = "secret";
    std::atomic<int> asked = 0;
    std::function<credential(int)> answer = [](int n) { return credential{n}; };

    brokered make(const broker_options& waits = quick) {
        return {[this] { return sent; }, [this](const std::stop_token&) { return answer(++asked); }, waits};
    }
};

[[noreturn]] void refuse() { throw failure(exit_code::refused, "no"); }

} // namespace

TEST_CASE("twenty pipelines that need a credential at once ask for one") {
    service s;
    s.answer = [](int n) {
        std::this_thread::sleep_for(100ms);
        return credential{n};
    };
    brokered b = s.make();
    std::atomic<int> had = 0;
    {
        std::vector<std::jthread> pipelines;
        for (int i = 0; i < 20; ++i)
            pipelines.emplace_back(
                [&](const std::stop_token& stop) { had += b.newer_than(0, stop).credential.number; });
        for (std::jthread& p : pipelines) p.join();
    }
    CHECK(s.asked == 1);
    CHECK(had == 20);
    // And one that was not accepted is renewed once for all who were refused with it.
    CHECK(b.newer_than(1, {}).generation == 2);
    CHECK(b.newer_than(1, {}).credential.number == 2);
    CHECK(s.asked == 2);
}

TEST_CASE("a refusal is the answer for all") {
    service s;
    s.answer = [](int) -> credential { refuse(); };
    brokered b = s.make(with(1h, 1h));
    std::atomic<int> refused = 0;
    std::vector<std::jthread> pipelines;
    for (int i = 0; i < 20; ++i)
        pipelines.emplace_back([&](const std::stop_token& stop) {
            for (int again = 0; again < 5; ++again) {
                try {
                    (void)b.newer_than(0, stop);
                } catch (const failure&) {
                    ++refused;
                }
            }
        });
    for (std::jthread& p : pipelines) p.join();
    CHECK(s.asked == 1);
    CHECK(refused == 100);
    // Another secret is no repetition.
    s.sent = "another";
    s.answer = [](int n) { return credential{n}; };
    CHECK(b.newer_than(0, {}).credential.number == 2);
}

TEST_CASE("after a refusal there is one request a wait, and after three a long wait") {
    service s;
    s.answer = [](int) -> credential { refuse(); };
    const auto is_refused = [](brokered& b, int times) {
        for (int i = 0; i < times; ++i) {
            CHECK_THROWS_AS(b.newer_than(0, {}), failure);
            std::this_thread::sleep_for(2ms); // longer than the short waits
        }
    };
    brokered short_waits = s.make(with(1ms, 1h));
    is_refused(short_waits, 8);
    CHECK(s.asked == 3);
    s.asked = 0;
    brokered rested = s.make(with(1ms, 1ms));
    is_refused(rested, 8);
    CHECK(s.asked == 8);
    s.asked = 0;
    brokered long_waits = s.make(with(1h, 1h));
    is_refused(long_waits, 8);
    CHECK(s.asked == 1);
}

TEST_CASE("a service that is unavailable is asked by one, after its own time") {
    service s;
    s.answer = [](int n) -> credential {
        if (n == 1) throw unavailable{"busy", 1s};
        return {n};
    };
    brokered b = s.make();
    CHECK_THROWS_AS(b.newer_than(0, {}), unavailable);
    const auto begin = std::chrono::steady_clock::now();
    CHECK(b.newer_than(0, {}).credential.number == 2);
    CHECK(std::chrono::steady_clock::now() - begin >= 900ms);
}

TEST_CASE("a credential that is no longer good is replaced, though nobody refused it") {
    service s;
    s.answer = [](int n) { return credential{n == 1 ? -1 : n}; };
    brokered b = s.make();
    CHECK(b.newer_than(0, {}).credential.number == -1);
    CHECK(b.newer_than(0, {}).credential.number == 2);
    CHECK(b.newer_than(0, {}).generation == 2);
}

TEST_CASE("a stop ends the wait for somebody else's request, and does not end that request") {
    service s;
    std::atomic<bool> go = false;
    s.answer = [&](int n) {
        while (!go) std::this_thread::sleep_for(1ms);
        return credential{n};
    };
    brokered b = s.make();
    std::atomic<bool> had = false, was_stopped = false;
    std::jthread asks([&](const std::stop_token& stop) { had = b.newer_than(0, stop).credential.number == 1; });
    while (s.asked == 0) std::this_thread::sleep_for(1ms);
    std::jthread waits([&](const std::stop_token& stop) {
        try {
            (void)b.newer_than(0, stop);
        } catch (const stopped&) {
            was_stopped = true;
        }
    });
    waits.request_stop();
    waits.join();
    CHECK(was_stopped);
    CHECK_FALSE(had);
    go = true;
    asks.join();
    CHECK(had);
}

TEST_CASE("a request that was given up is made by the next who waits") {
    service s;
    std::atomic<bool> given_up = false;
    brokered b([&] { return std::string("x"); },
               [&](const std::stop_token& stop) -> credential {
                   if (++s.asked > 1) return {7};
                   while (!stop.stop_requested()) std::this_thread::sleep_for(1ms);
                   given_up = true;
                   throw unavailable{"given up", {}};
               },
               quick);
    std::atomic<bool> was_stopped = false;
    std::jthread first([&](const std::stop_token& stop) {
        try {
            (void)b.newer_than(0, stop);
        } catch (const stopped&) {
            was_stopped = true;
        }
    });
    while (s.asked == 0) std::this_thread::sleep_for(1ms);
    std::atomic<int> number = 0;
    std::jthread second([&](const std::stop_token& stop) { number = b.newer_than(0, stop).credential.number; });
    std::this_thread::sleep_for(20ms);
    first.request_stop();
    second.join();
    CHECK(number == 7);
    first.join();
    CHECK(was_stopped);
    CHECK(given_up);
}
