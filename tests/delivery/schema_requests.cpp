#include "catch.hpp"

#include <chrono>
#include <string>

#include <sfcdc/delivery/schema_requests.hpp>

using namespace sfcdc;
using namespace std::chrono_literals;
using detail::schema_state;

namespace {

const time_point start(1'000h);

} // namespace

TEST_CASE("schema_requests: a schema is asked for once until there is an answer") {
    detail::schema_requests s(1, {}, 10min);
    CHECK(s.take_wanted(start) == std::nullopt);
    CHECK(s.poll_timeout() == std::nullopt);
    CHECK(s.of("a", start).state == schema_state::wanted);
    CHECK(s.poll_timeout() == time_point::min());
    CHECK(s.take_wanted(start) == "a");
    CHECK(s.of("a", start).state == schema_state::asked);
    CHECK(s.take_wanted(start) == std::nullopt);
    CHECK(s.poll_timeout() == std::nullopt);
    s.known("a");
    CHECK(s.of("a", start).state == schema_state::known);
    CHECK(s.take_wanted(start) == std::nullopt);
}

TEST_CASE("schema_requests: what could not be asked for waits, longer each time, until an answer ends the waits") {
    const backoff::options waits{1s, 64s};
    detail::schema_requests s(1, waits, 10min);
    const auto wait = [&] {
        (void)s.of("a", start);
        s.unavailable("a", start);
        REQUIRE(s.poll_timeout());
        const auto until = *s.poll_timeout();
        CHECK(s.take_wanted(until - 1ms) == std::nullopt);
        CHECK(s.take_wanted(until) == "a");
        return until - start;
    };
    for (int i = 0; i < 6; ++i) (void)wait();
    CHECK(wait() >= 32s);
    s.known("b");
    CHECK(wait() <= 1s);
}

TEST_CASE("schema_requests: a refusal is remembered for a time") {
    detail::schema_requests s(1, {}, 10min);
    (void)s.of("a", start);
    s.refused("a", "no", start);
    CHECK(s.of("a", start + 10min - 1ms).reason == "no");
    CHECK(s.of("a", start + 10min).state == schema_state::wanted);
}

TEST_CASE("schema_requests: one schema too many is refused, whatever is said of it") {
    detail::schema_requests s(1, {}, 10min);
    for (std::size_t i = 0; i < limits::schemas_of_a_topic; ++i) s.known(std::to_string(i));
    CHECK(s.of("one too many", start).state == schema_state::refused);
    s.known("one too many");
    s.unavailable("one too many", start);
    CHECK(s.of("one too many", start).state == schema_state::refused);
    CHECK(s.of("0", start).state == schema_state::known);
    CHECK(s.take_wanted(start + 24h) == std::nullopt);
}
