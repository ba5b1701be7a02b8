#include "catch.hpp"

#include <chrono>
#include <string>

#include <sfcdc/zerobus/ingest_calls.hpp>

using namespace sfcdc;
using namespace std::chrono_literals;

namespace {

using zerobus::detail::call_phase;
using zerobus::detail::ingest_call;
using zerobus::detail::ingest_calls;

const time_point start(1'000h);

std::string actions_of(ingest_calls& calls) {
    std::string said;
    while (const auto a = calls.poll_action()) {
        if (const auto* const o = std::get_if<zerobus::open_call>(&*a))
            said += "open " + std::to_string(o->call) + " ";
        if (const auto* const h = std::get_if<zerobus::half_close>(&*a))
            said += "half_close " + std::to_string(h->call) + " ";
        if (const auto* const c = std::get_if<zerobus::cancel_call>(&*a))
            said += "cancel " + std::to_string(c->call) + " ";
    }
    return said;
}

// Opens a call and sends so many requests on it.
void stream(ingest_calls& calls, std::int64_t requests) {
    calls.open(nullptr, start + 15s);
    calls.current().phase = call_phase::streaming;
    calls.current().deadline = ingest_call::never;
    calls.current().sent = requests;
}

} // namespace

TEST_CASE("ingest_calls: a retired call drains, is half-closed and is found until it is cancelled") {
    ingest_calls calls(2s);
    CHECK(!calls.any());
    stream(calls, 3);
    calls.retire(10s, start);
    CHECK(!calls.current());
    CHECK(calls.old().phase == call_phase::draining);
    CHECK(calls.old().deadline == start + 10s);
    CHECK(calls.find(1) == &calls.old());
    stream(calls, 0);
    CHECK(calls.find(2) == &calls.current());
    CHECK(calls.last() == 2);
    CHECK(actions_of(calls) == "open 1 open 2 ");
    calls.half_close_old(start + 10s);
    CHECK(calls.old().deadline == start + 12s);
    calls.cancel(calls.old());
    CHECK(calls.find(1) == nullptr);
    CHECK(calls.any());
    CHECK(actions_of(calls) == "half_close 1 cancel 1 ");
}

TEST_CASE("ingest_calls: a call with nothing in flight is half-closed as soon as it is retired") {
    ingest_calls calls(2s);
    stream(calls, 3);
    calls.current().durable = 3;
    calls.retire(10s, start);
    CHECK(calls.old().phase == call_phase::half_closed);
    CHECK(actions_of(calls) == "open 1 half_close 1 ");
}

TEST_CASE("ingest_calls: there are never more than two, and the one with rows in flight stays") {
    ingest_calls calls(2s);
    stream(calls, 3);
    calls.retire(10s, start);
    stream(calls, 0); // sends nothing while the old one has rows in flight
    calls.retire(10s, start);
    CHECK(!calls.current());
    CHECK(calls.old().id == 1);
    CHECK(actions_of(calls) == "open 1 open 2 half_close 2 cancel 2 ");
    calls.old().durable = 3;
    stream(calls, 1);
    calls.retire(10s, start);
    CHECK(calls.old().id == 3);
    CHECK(actions_of(calls) == "open 3 cancel 1 ");
    calls.cancel_all();
    CHECK(actions_of(calls) == "cancel 3 ");
    calls.cancel_all();
    CHECK(!calls.has_actions());
}

TEST_CASE("ingest_call: which responses break the protocol") {
    using call::fault;
    ingest_call c;
    c.phase = call_phase::streaming;
    c.sent = 4;
    c.durable = 2;
    const auto ack = [](std::int64_t up_to) { return zerobus::ingest_record_response{up_to}; };
    CHECK(c.check(ack(0)) == fault::ack_regressed);
    CHECK(c.check(ack(1)) == fault::none); // what is known already
    CHECK(c.check(ack(3)) == fault::none);
    CHECK(c.check(ack(4)) == fault::ack_beyond_sent);
    CHECK(c.check(zerobus::ingest_record_response{}) == fault::response_incomplete);
    CHECK(c.check(zerobus::create_ingest_stream_response{"id"}) == fault::unexpected_response);
    CHECK(c.check(zerobus::close_stream_signal{}) == fault::none);
    CHECK(c.check(std::monostate{}) == fault::unexpected_response);
    c = {};
    c.phase = call_phase::creating;
    CHECK(c.check(zerobus::create_ingest_stream_response{"id"}) == fault::none);
    CHECK(c.check(zerobus::create_ingest_stream_response{""}) == fault::response_incomplete);
    CHECK(c.check(ack(-1)) == fault::unexpected_response);
    CHECK(c.check(zerobus::close_stream_signal{}) == fault::unexpected_response);
    c.phase = call_phase::streaming;
    CHECK(c.check(ack(-1)) == fault::none); // as the first one it is of nothing
}
