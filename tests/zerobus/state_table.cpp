// The tables at the top of ingest_stream_state.hpp, read from there, and every cell compared with what the machine does.
#include "catch.hpp"
#include "scene.hpp"
#include "state_tables.hpp"

#include <functional>
#include <map>
#include <memory>

using namespace zerobus_test;

namespace {

const std::uint64_t first = 1;

// A call of each phase, always number 1; where rows can be in flight, four are sent and two of them acknowledged.
std::unique_ptr<scene> in_phase(const std::string& phase) {
    auto s = std::make_unique<scene>();
    for (const char* row : {"a", "b", "c", "d"}) s->add({row});
    if (phase == "opening") {
    } else if (phase == "none") {
        s->ended(first, 14);
        s->wait(seconds(1));
        s->open(2);
        s->ack(2, 1);
    } else if (phase == "creating") {
        s->opened(first);
    } else {
        s->open(first);
        s->ack(first, 1);
        if (phase != "streaming") s->respond(first, close_signal(10));
        if (phase == "half_closed") s->wait(seconds(10));
    }
    s->said();
    return s;
}

bool contains(const std::string& text, const std::string& what) { return text.find(what) != std::string::npos; }

// The name that the table has for what happened.
std::string outcome_of(const std::string& phase, const std::function<errc(scene&)>& input) {
    const auto untouched = in_phase(phase);
    const auto s = in_phase(phase);
    const bool had_call = phase != "none";
    const errc mistake = input(*s);
    const std::string said = s->said();
    INFO(phase << ": " << said);
    if (said == "create 1") return "create";
    if (said == "send 1 #0 a, send 1 #1 b, send 1 #2 c, send 1 #3 d") return "start";
    if (contains(said, "durable 2-3")) {
        CHECK(!contains(said, "cancel"));
        return "acknowledge";
    }
    if (said == "half_close 1") {
        s->ack(first, 2); // the call still counts
        CHECK(s->said() == "durable 2-3");
        return "half_close";
    }
    if (said == "cancel 1") {
        s->open(2);
        CHECK(s->requests.back().records == std::vector<std::string>{"d"}); // sent again
        return "cancel";
    }
    if (contains(said, "cancel 1")) {
        CHECK(contains(said, "interrupted"));
        CHECK(s->why.fault != call::fault::none);
        return "broken";
    }
    if (contains(said, "interrupted")) {
        CHECK(s->why.fault == call::fault::none);
        s->wait(seconds(1));
        CHECK(contains(s->said(), "open 2"));
        return "lost";
    }
    if (said == "open 2") {
        s->open(2);
        s->add({"e"});
        CHECK(s->said().empty()); // nothing on either, as rows are in flight on the old call
        s->ack(first, 3);
        CHECK(s->said() == "durable 2-4, half_close 1, send 2 #0 e");
        return "rotate";
    }
    CHECK(said.empty());
    CHECK((mistake == errc::none || mistake == errc::not_expected_now));
    if (had_call) { // does the call still count?
        s->respond(first, field(2, number(1, -7)));
        if (!contains(s->said(), "cancel 1")) {
            s->open(2);
            s->add({"e"});
            CHECK(contains(s->said(), "send 2"));
            return "left";
        }
    }
    // Nothing has changed: from here both go on alike.
    const auto go_on = [&](scene& x) {
        x.wait(seconds(120));
        return x.said();
    };
    if (!had_call) CHECK(go_on(*s) == go_on(*untouched));
    return mistake == errc::none ? "." : "!";
}

} // namespace

TEST_CASE("the table of calls in the header is what the machine does") {
    const state_table table = read_state_table("sfcdc/zerobus/ingest_stream_state.hpp", "about a call");
    REQUIRE(table.states
            == std::vector<std::string>{"none", "opening", "creating", "streaming", "draining", "half_closed"});

    using inputs = std::vector<std::function<errc(scene&)>>;
    const auto response = [](const std::string& bytes) {
        return [bytes](scene& s) { return s.try_respond(first, bytes); };
    };
    const std::map<std::string, inputs> inputs_of{
        {"opened", {[](scene& s) { return s.try_opened(first); }}},
        {"created", {response(created_response())}},
        {"ack", {response(ack_response(2))}},
        {"same ack", {response(ack_response(1))}},
        {"close_signal", {response(close_signal(20))}},
        {"bad",
         {response("\x0a"), response(""), response(field(4, "x")), response(field(1, "")),
          response(field(1, field(1, ""))), response(field(2, "")), response(ack_response(-1)),
          response(ack_response(0)), response(ack_response(4)), response(ack_response(INT64_MAX)),
          response(ack_response(INT64_MIN))}},
        {"ended",
         {[](scene& s) { return s.try_ended(first, 14); }, [](scene& s) { return s.try_ended(first, 0, ""); }}},
        {"time", {[](scene& s) {
             return s.wait(std::chrono::ceil<milliseconds>(*s.stream.poll_timeout() - s.now)), errc::none;
         }}},
    };
    REQUIRE(table.rows.size() == inputs_of.size());
    for (const auto& [input, row] : table.rows) {
        for (const auto& [phase, cell] : row) {
            if (phase == "none" && input == "time") {
                CHECK(cell == "."); // a call that is no more has no time
                continue;
            }
            for (std::size_t variant = 0; variant < inputs_of.at(input).size(); ++variant) {
                INFO(input << " x " << phase << ", variant " << variant);
                CHECK(outcome_of(phase, inputs_of.at(input)[variant]) == cell);
            }
        }
    }
}

TEST_CASE("the table of the stream in the header is what the machine does") {
    const state_table table = read_state_table("sfcdc/zerobus/ingest_stream_state.hpp", "about the stream");
    REQUIRE(table.states == std::vector<std::string>{"running", "renewing", "closing", "closed"});

    const auto in_state = [](const std::string& state) {
        auto s = std::make_unique<scene>();
        s->add({"a"});
        if (state == "renewing") {
            s->ended(first, 16);
        } else {
            s->open(first);
        }
        if (state == "closing") s->close();
        if (state == "closed") s->abandon();
        s->said();
        return s;
    };
    const auto state_of = [](scene& s) -> std::string {
        if (s.stream.closed()) return "closed";
        if (s.stream.add(batch({"x"})).error.code == errc::stream_closed) return "closing";
        s.wait(seconds(1));
        const std::string said = s.said();
        return contains(said, "open") ? "running" : contains(said, "renew_token") ? "again" : ".";
    };
    const std::map<std::string, std::function<void(scene&)>> inputs{
        {"close()", [](scene& s) { s.close(); }},
        {"abandon()", [](scene& s) { s.abandon(); }},
        {"token_renewed", [](scene& s) { CHECK(s.try_input(zerobus::token_renewed{}) == errc::none); }},
        {"token_refused", [](scene& s) { CHECK(s.try_input(zerobus::token_refused{"no"}) == errc::none); }},
        {"token_unavailable",
         [](scene& s) { CHECK(s.try_input(zerobus::token_unavailable{"later"}) == errc::none); }},
    };
    REQUIRE(table.rows.size() == inputs.size() + 1);
    for (const auto& [input, row] : table.rows) {
        for (const auto& [state, cell] : row) {
            INFO(input << " x " << state);
            const auto s = in_state(state);
            if (input == "add()") {
                const auto [range, bad] = s->try_add({"b"});
                CHECK((bad ? "!" : "taken") == cell);
                if (bad) CHECK(bad.code == errc::stream_closed);
                continue;
            }
            const std::string before = state_of(*s);
            inputs.at(input)(*s);
            const std::string after = s->stream.closed() ? s->said() : "";
            std::string outcome = contains(after, "failed (no)") ? "failed" : state_of(*s);
            if (outcome == before) outcome = ".";
            CHECK(outcome == cell);
        }
    }
}
