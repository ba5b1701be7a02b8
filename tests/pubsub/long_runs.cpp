// Subscriptions that meet a virtual org for a long time.
#include "pubsub/subscriber.hpp"
#include "pubsub/virtual_day.hpp"

#include <deque>
#include <random>
#include <string>
#include <utility>
#include <variant>
#include <vector>

using namespace sfcdc;
using namespace sfcdc::pubsub;
using namespace std::chrono_literals;
using wire::grpc_status;
using state = subscription_state;

namespace {

struct totals {
    std::vector<std::uint64_t> got;
    std::uint64_t keepalives = 0;
};

// What was told since the last call of this.
void account(subscriber& s, totals& sum) {
    for (const told& e : s.events) {
        sum.got.insert(sum.got.end(), e.events.begin(), e.events.end());
        sum.keepalives += e.what == "keepalive";
    }
    s.events.clear();
}

bool one_after_the_other(const std::vector<std::uint64_t>& got) {
    for (std::size_t i = 0; i < got.size(); ++i)
        if (got[i] != i + 1) return false;
    return true;
}

} // namespace

TEST_CASE(
    "random faults and a random sink: every event comes exactly once and in order, credits stay within 0 to 100") {
    const auto too_many = [](std::uint32_t n) { // events that nobody asked for
        std::string out;
        for (std::uint32_t i = 0; i < n; ++i)
            out += server_messages::event("id", "schema", "x", replay_id_of(1'000'000 + i));
        return out;
    };
    for (std::uint64_t seed = 1; seed <= 60; ++seed) {
        CAPTURE(seed);
        std::mt19937_64 random(seed);
        const auto one_in = [&](std::uint64_t n) { return random() % n == 0; };
        subscription_options options{.topic_name = "/data/ChangeEvents", .replay_id = position(0)};
        options.seed = seed;
        options.credits = static_cast<std::uint32_t>(1 + random() % 100);
        options.max_unreleased = options.credits + static_cast<std::uint32_t>(random() % 300);
        subscriber s(options);
        virtual_org org;
        totals sum;
        std::size_t performed = 0;
        bool standing = false;

        const auto perform = [&] {
            s.run();
            for (; performed < s.actions.size(); ++performed) {
                const action& a = s.actions[performed];
                if (std::holds_alternative<open_call>(a)) org.open();
                if (std::holds_alternative<cancel_call>(a)) standing = false;
                if (const auto* out = std::get_if<send_request>(&a)) org.take(out->bytes);
            }
            account(s, sum);
            REQUIRE(s.sub.outstanding() <= options.credits);
            REQUIRE(s.sub.outstanding() + s.sub.unreleased() <= options.max_unreleased);
            if (standing) REQUIRE(static_cast<std::uint32_t>(org.credits()) == s.sub.outstanding());
        };
        const auto step = [&](bool faults) {
            perform();
            switch (s.sub.state()) {
            case state::opening:
                if (faults && one_in(5)) {
                    s.end(grpc_status::unavailable);
                } else if (!faults || !one_in(5)) {
                    static_cast<void>(s.handle(opened{s.call}));
                    standing = true;
                }
                break;
            case state::streaming:
                if (faults && one_in(30)) {
                    s.end(one_in(2) ? grpc_status::unauthenticated : grpc_status::internal);
                    standing = false;
                } else if (faults && one_in(50)) {
                    s.respond("\x0a\x05");
                } else if (faults && one_in(50)) {
                    s.respond(too_many(s.sub.outstanding() + 1));
                } else if (org.waiting() > 0 || one_in(10)) {
                    s.respond(org.response(1 + random() % 100));
                }
                break;
            case state::renewing:
                static_cast<void>(
                    s.handle(faults && one_in(3) ? input(token_unavailable{}) : input(token_renewed{})));
                break;
            default: break;
            }
            perform();
            if (one_in(3))
                static_cast<void>(s.sub.release(s.sub.unreleased() == 0 ? 0 : random() % (s.sub.unreleased() + 1)));
            if (s.sub.closed()) FAIL("closed");
        };

        for (int i = 0; i < 600; ++i) {
            if (one_in(2)) org.published += random() % 40;
            step(true);
            s.now += std::chrono::milliseconds(random() % (one_in(20) ? 400'000 : 2'000));
        }
        // When faults end it comes to rest with everything delivered.
        for (int i = 0; i < 2'000 && sum.got.size() < org.published; ++i) {
            step(false);
            static_cast<void>(s.sub.release(s.sub.unreleased()));
            s.now += 1s;
        }
        REQUIRE(sum.got.size() == org.published);
        REQUIRE(one_after_the_other(sum.got));
        // Nothing but the first position and positions that were reached.
        for (const auto& first : org.first_requests) {
            REQUIRE(first.preset == 2);
            REQUIRE(event_of(first.replay_id) <= org.published);
        }
    }
}

TEST_CASE("24 hours with a drop every hour: everything arrives, once and in order") {
    const virtual_day day = live_through(24h);
    CHECK(day.drops == 23);
    CHECK(day.calls == 24);
    CHECK(day.silent == 8); // every third drop says nothing
    CHECK(day.published == 12 * 360 - 1);
    CHECK(day.received == day.published);
    CHECK(day.in_order);
    CHECK(day.keepalives > 11 * 50);
}

TEST_CASE(
    "with 30 ms each way and a sink that takes a second, events come at 90 % of 100 credits a round trip or more") {
    constexpr std::chrono::milliseconds way = 30ms, sink_takes = 1s, duration = 60s;
    subscription sub({.topic_name = "/data/ChangeEvents", .preset = replay_preset::earliest});
    virtual_org org;
    org.published = 1'000'000;
    time_point now{};
    std::deque<std::pair<time_point, std::string>> to_server, to_client;
    std::deque<std::pair<time_point, std::uint64_t>> to_release;
    std::uint64_t received_events = 0;
    for (const time_point end = now + duration; now < end; now += 1ms) {
        for (; !to_release.empty() && to_release.front().first <= now; to_release.pop_front())
            REQUIRE(sub.release(to_release.front().second) == errc::none);
        for (; !to_client.empty() && to_client.front().first <= now; to_client.pop_front()) {
            static_cast<void>(sub.handle(response{1, to_client.front().second}, now));
            while (const auto event = sub.poll_event())
                if (const auto* got = std::get_if<received>(&*event)) {
                    received_events += got->response.events.size();
                    to_release.emplace_back(now + sink_takes, got->response.events.size());
                }
        }
        while (const auto action = sub.poll_action(now)) {
            if (std::holds_alternative<open_call>(*action)) {
                org.open();
                static_cast<void>(sub.handle(opened{1}, now));
            } else {
                to_server.emplace_back(now + way, std::get<send_request>(*action).bytes);
            }
        }
        for (; !to_server.empty() && to_server.front().first <= now; to_server.pop_front())
            org.take(to_server.front().second);
        while (org.waiting() > 0)
            to_client.emplace_back(now + way, org.response(37)); // not in the pieces that were asked for
    }
    const auto round_trips = static_cast<double>(duration / (2 * way));
    CAPTURE(received_events);
    CHECK(static_cast<double>(received_events) >= 0.9 * 100 * round_trips);
    CHECK(sub.state() == state::streaming);
}
