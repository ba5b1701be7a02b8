#include "catch.hpp"

#include <algorithm>
#include <chrono>
#include <functional>
#include <optional>
#include <utility>
#include <vector>

#include <sfcdc/call/patience.hpp>
#include <sfcdc/pubsub/call_end.hpp>
#include <sfcdc/wire/grpc_status.hpp>

using namespace sfcdc;
using namespace std::chrono_literals;
using call::next_attempt;
using call::patience;
using call::patience_options;
using call::remedy;
using call::token_answer;

namespace {

constexpr time_point start{1h};

patience well(patience_options o = {}) {
    patience p(o, 7);
    p.healthy();
    return p;
}

using failure = std::function<next_attempt(patience&, time_point)>;

// Each kind of refusal, and what is tried again when it is tolerated.
const std::vector<std::pair<failure, remedy>> refusals{
    {[](patience& p, time_point now) { return p.after(remedy::stop, now); }, remedy::retry},
    {[](patience& p, time_point now) { return p.after(token_answer::refused, now); }, remedy::renew_token},
    {[](patience& p, time_point now) {
         next_attempt last = p.after(remedy::renew_token, now);
         for (int i = 0; i < 3; ++i) last = p.after(remedy::renew_token, now);
         return last ? p.after(remedy::renew_token, now) : last;
     },
     remedy::renew_token},
    {[](patience& p, time_point now) {
         next_attempt last{};
         for (int i = 0; i < 5 && last; ++i) last = p.after_faulty_call(now);
         return last;
     },
     remedy::retry},
};

} // namespace

TEST_CASE("patience: the wait is that of the remedy, and grows until there is health") {
    const auto check = [](remedy what, std::chrono::milliseconds first, std::chrono::milliseconds limit) {
        patience p({}, 3);
        for (int turn = 0; turn < 2; ++turn, p.healthy()) {
            std::chrono::milliseconds whole = first;
            for (int i = 0; i < 12; ++i, whole = std::min(2 * whole, limit)) {
                const next_attempt next = p.after(what, start);
                REQUIRE(next);
                CHECK(next.remedy == what);
                CHECK(next.at - start >= whole / 2);
                CHECK(next.at - start <= whole);
            }
        }
    };
    check(remedy::retry, 500ms, 30s);
    check(remedy::slow_down, 1min, 10min);
    check(remedy::wait_hours, 2h, 2h);
}

TEST_CASE("patience: a seed always gives the same waits, and two clients do not wait alike") {
    const auto waits = [](std::uint64_t seed) {
        patience p({}, seed);
        std::vector<time_point> out;
        for (int i = 0; i < 8; ++i)
            for (const remedy what : {remedy::retry, remedy::slow_down, remedy::wait_hours})
                out.push_back(p.after(what, start).at);
        return out;
    };
    CHECK(waits(1) == waits(1));
    CHECK(waits(1) != waits(2));
}

TEST_CASE("patience: an outage of any length ends nothing, with tokens that become old in it") {
    for (const bool was_healthy : {false, true}) {
        patience p({}, 5);
        if (was_healthy) p.healthy();
        time_point now = start;
        next_attempt next{};
        time_point token_ends = start + 1h;
        while (now < start + 24h * 30) {
            if (next.remedy == remedy::renew_token) {
                next = p.after(token_answer::renewed, now);
                token_ends = now + 1h;
            } else {
                next = p.after(now < token_ends ? remedy::retry : remedy::renew_token, now);
            }
            REQUIRE(next);
            REQUIRE(next.at - now <= 30s);
            now = next.at;
        }
    }
}

TEST_CASE("patience: the first new token is asked for at once and counts nowhere") {
    patience p({.attempts = 1}, 7);
    CHECK(p.after(remedy::renew_token, start).at == start);
    CHECK(p.next().remedy == remedy::renew_token);
    CHECK(p.after(token_answer::renewed, start + 1s).at == start + 1s);
    CHECK(p.next().remedy == remedy::retry);
    SECTION("and again after health") {
        for (int i = 0; i < 100; ++i) {
            p.healthy();
            const next_attempt next = p.after(remedy::renew_token, start);
            REQUIRE((next && next.at == start));
        }
    }
    SECTION("and again when the last one has become old") {
        for (int i = 1; i < 100; ++i) {
            const time_point now = start + 1s + i * 10min;
            const next_attempt next = p.after(remedy::renew_token, now);
            REQUIRE((next && next.at == now));
            REQUIRE(p.after(token_answer::renewed, now));
        }
    }
    SECTION("but the second one is a failure") {
        CHECK_FALSE(p.after(remedy::renew_token, start + 10min));
        CHECK(p.next().budget_used_up);
    }
}

TEST_CASE("patience: tokens that are given and not accepted are a refusal in the end") {
    patience fresh({}, 7);
    CHECK(fresh.after(remedy::renew_token, start).at == start);
    for (int i = 0; i < 3; ++i) {
        const next_attempt next = fresh.after(remedy::renew_token, start);
        CHECK(next.remedy == remedy::renew_token);
        CHECK(next.at > start);
        CHECK(fresh.after(token_answer::renewed, next.at).remedy == remedy::retry);
    }
    CHECK_FALSE(fresh.after(remedy::renew_token, start + 10s));
    CHECK(fresh.next().remedy == remedy::stop);
    CHECK(fresh.next().budget_used_up);
}

TEST_CASE("patience: what never was healthy is over at the first refusal of any kind, what was at the third") {
    for (std::size_t kind = 0; kind < refusals.size(); ++kind) {
        CAPTURE(kind);
        const auto& [refuse, again] = refusals[kind];
        patience fresh({}, 7);
        CHECK_FALSE(refuse(fresh, start));
        CHECK(fresh.next().at == start + 1min); // nobody needs to ask before

        patience p = well();
        for (int i = 0; i < 2; ++i) {
            const next_attempt next = refuse(p, start);
            REQUIRE(next);
            CHECK(next.remedy == again);
            CHECK(next.at == start + 1min);
        }
        CHECK_FALSE(refuse(p, start));
        CHECK(p.next().remedy == remedy::stop);
        CHECK(p.next().budget_used_up == (kind >= 2));
    }
}

TEST_CASE("patience: refusals of different kinds count together, and health forgives them") {
    patience p = well();
    for (int turn = 0; turn < 10; ++turn) {
        REQUIRE(refusals[static_cast<std::size_t>(turn) % 4].first(p, start));
        REQUIRE(refusals[static_cast<std::size_t>(turn + 1) % 4].first(p, start));
        p.healthy();
    }
    REQUIRE(refusals[0].first(p, start));
    REQUIRE(refusals[1].first(p, start));
    CHECK_FALSE(refusals[2].first(p, start));
}

TEST_CASE("patience: attempts can be bounded, and all that fails counts") {
    using step = std::function<next_attempt(patience&)>;
    const std::vector<step> steps{
        [](patience& p) { return p.after(remedy::retry, start); },
        [](patience& p) { return p.after(remedy::slow_down, start); },
        [](patience& p) { return p.after(remedy::wait_hours, start); },
        [](patience& p) { return p.after(remedy::stop, start); },
        [](patience& p) { return p.after(token_answer::unavailable, start); },
        [](patience& p) { return p.after(token_answer::refused, start); },
        [](patience& p) { return p.after_faulty_call(start); },
    };
    for (std::size_t last = 0; last < steps.size(); ++last) {
        patience p = well({.attempts = 3, .refusals = 100});
        REQUIRE(p.after(remedy::retry, start));
        REQUIRE(p.after(remedy::stop, start));
        CHECK_FALSE(steps[last](p));
    }
    patience p = well({.attempts = 3});
    for (int i = 0; i < 10; ++i) { // what is no failure does not count
        REQUIRE(p.after_idle_call(start));
        REQUIRE(p.after(remedy::find_row, start).at == start);
        CHECK_FALSE(p.after(remedy::choose_position, start)); // waits for somebody
        CHECK(p.next().remedy == remedy::choose_position);
    }
    CHECK(p.after(remedy::retry, start));
}

TEST_CASE("patience: a token service that cannot be asked is asked again, with growing waits") {
    patience p({}, 7);
    for (int i = 0; i < 1'000; ++i) {
        const next_attempt next = p.after(token_answer::unavailable, start);
        REQUIRE(next.remedy == remedy::renew_token);
        REQUIRE(next.at - start >= (i < 6 ? 250ms : 15s));
        REQUIRE(next.at - start <= 30s);
    }
}

TEST_CASE("patience: options without a budget are not valid") {
    CHECK(patience_options{}.valid());
    CHECK(patience_options{.token_renewals = 0}.valid());
    CHECK_FALSE(patience_options{.attempts = 0}.valid());
    CHECK_FALSE(patience_options{.faulty_calls = 0}.valid());
    CHECK_FALSE(patience_options{.refusals = 0}.valid());
}

TEST_CASE("patience: the loop of its first comment makes a call") {
    using wire::grpc_status;
    struct service {
        std::vector<grpc_status> ends;
        std::vector<token_answer> tokens;
        time_point now = start;
        std::size_t calls = 0, renewals = 0;

        bool ask(bool was_healthy) {
            call::patience patience({}, 1);
            if (was_healthy) patience.healthy();
            for (call::next_attempt next; next;) {
                now = std::max(now, next.at);
                if (next.remedy == call::remedy::renew_token)
                    next = patience.after(tokens.at(renewals++), now);
                else if (const auto end = ends.at(calls++); end == grpc_status::ok)
                    return true;
                else
                    next = patience.after(pubsub::remedy_for({}, end), now);
            }
            return false;
        }
    };
    constexpr auto down = grpc_status::unavailable, old = grpc_status::unauthenticated,
                   no = grpc_status::permission_denied, ok = grpc_status::ok;
    constexpr auto renewed = token_answer::renewed, unavailable = token_answer::unavailable,
                   refused = token_answer::refused;

    service good{{down, down, old, ok}, {unavailable, renewed}};
    CHECK(good.ask(false));
    CHECK((good.calls == 4 && good.renewals == 2));
    CHECK(good.now - start < 5s);

    service fresh{{no}, {}};
    CHECK_FALSE(fresh.ask(false));
    service mended{{no, old, ok}, {refused, renewed}};
    CHECK(mended.ask(true));
    CHECK(mended.now - start == 2min);
    service wrong{{old}, {refused}};
    CHECK_FALSE(wrong.ask(false));
}
