#include "catch.hpp"

#include <algorithm>
#include <set>
#include <vector>

#include <sfcdc/backoff.hpp>

using sfcdc::backoff;
using std::chrono::milliseconds;

TEST_CASE("backoff: each wait is between a half and the whole of the last one doubled, up to the limit") {
    for (std::uint64_t seed = 0; seed < 200; ++seed) {
        backoff wait(seed, {.first = milliseconds(100), .limit = milliseconds(1000)});
        for (const int whole : {100, 200, 400, 800, 1000, 1000, 1000}) {
            const milliseconds next = wait.next();
            CHECK(next >= milliseconds(whole / 2));
            CHECK(next <= milliseconds(whole));
        }
        CHECK(wait.attempts() == 7);
    }
}

TEST_CASE("backoff: starts from the shortest wait again after a success") {
    backoff wait(7, {.first = milliseconds(100), .limit = milliseconds(60'000)});
    for (int i = 0; i < 6; ++i) wait.next();
    CHECK(wait.next() > milliseconds(100));
    wait.reset();
    CHECK(wait.attempts() == 0);
    CHECK(wait.next() <= milliseconds(100));
}

TEST_CASE("backoff: a seed always gives the same waits, and two clients do not wait alike") {
    const auto waits = [](std::uint64_t seed) {
        backoff wait(seed);
        std::vector<milliseconds> out;
        for (int i = 0; i < 8; ++i) out.push_back(wait.next());
        return out;
    };
    CHECK(waits(1) == waits(1));
    std::set<std::vector<milliseconds>> different;
    for (std::uint64_t seed = 0; seed < 100; ++seed) different.insert(waits(seed));
    CHECK(different.size() == 100);
}

TEST_CASE("backoff: no wait is shorter than nothing, whatever it was told") {
    using ms = backoff::duration;
    for (const backoff::options o : {backoff::options{ms(-5), ms(100)}, backoff::options{ms(0), ms(100)},
                                     backoff::options{ms(500), ms(-1)}, backoff::options{ms::max(), ms::max()}}) {
        backoff wait(7, o);
        for (int i = 0; i < 100; ++i) {
            const ms next = wait.next();
            CHECK((next >= ms(0) && next <= std::max(o.limit, ms(1))));
        }
    }
}

TEST_CASE("backoff: however long the other side is away, a wait stays within its bounds") {
    backoff wait(3);
    for (int i = 0; i < 10'000; ++i) {
        const milliseconds next = wait.next();
        CHECK(next > milliseconds(0));
        CHECK(next <= backoff::options().limit);
    }
}
