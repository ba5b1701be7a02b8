#include "pubsub/subscriber.hpp"
#include "state_tables.hpp"

#include <algorithm>
#include <functional>
#include <map>

using namespace sfcdc;
using namespace sfcdc::pubsub;
using namespace std::chrono_literals;
using namespace std::string_view_literals;
using server_messages::field;
using wire::grpc_status;
using state = subscription_state;

namespace {

const std::string topic = "/data/ChangeEvents";

subscription_options from_earliest() { return {.topic_name = topic, .preset = replay_preset::earliest}; }
subscription_options behind(std::uint64_t n) { return {.topic_name = topic, .replay_id = position(n)}; }

// Events first to last, and what else a response has.
std::string events(std::uint64_t first, std::uint64_t last, std::int32_t pending = 50) {
    std::string out;
    for (std::uint64_t n = first; n <= last; ++n) out += server_messages::event("id", "schema", "x", replay_id_of(n));
    return out + field(2, replay_id_of(1'000'000)) + field(4, static_cast<std::uint64_t>(pending));
}
std::string keepalive_at(std::uint64_t n, std::int32_t pending = 100) {
    return field(2, replay_id_of(n)) + field(4, static_cast<std::uint64_t>(pending));
}

// num_requested of the last request
std::uint64_t requested(subscriber& s) {
    for (const auto& f : s.last_request())
        if (f.number == 4) return f.varint;
    return 0;
}

// What each call started from: the preset, and the number of the event behind which it starts.
std::vector<std::pair<std::uint64_t, std::uint64_t>> starts(subscriber& s) {
    std::vector<std::pair<std::uint64_t, std::uint64_t>> out;
    std::uint64_t call = 0;
    for (const auto& request : s.taken<send_request>()) {
        if (request.call == call) continue;
        call = request.call;
        std::uint64_t preset = 0, at = 0;
        for (const auto& f : reference::read_protobuf(request.bytes)) {
            if (f.number == 2) preset = f.varint;
            if (f.number == 3) at = event_of(f.bytes);
        }
        out.emplace_back(preset, at);
    }
    return out;
}

} // namespace

// ---- the table at the top of subscription_state.hpp -----------------------------------------------------------------

namespace {

const std::vector<std::pair<std::string, state>> states = {
    {"waiting", state::waiting},     {"opening", state::opening},   {"streaming", state::streaming},
    {"token_due", state::token_due}, {"renewing", state::renewing}, {"choosing", state::choosing},
    {"closed", state::closed},
};

// A subscription in this state, behind one call at least, so that there can be inputs that are too late.
subscriber brought_to(state wanted, bool managed) {
    subscription_options options = managed ? subscription_options{.developer_name = "name"} : from_earliest();
    subscriber s(std::move(options));
    s.stream();
    switch (wanted) {
    case state::waiting: s.end(); break;
    case state::opening:
        s.end();
        s.pass(1s);
        break;
    case state::streaming: break;
    case state::token_due: s.end(grpc_status::unauthenticated); break;
    case state::renewing:
        s.end(grpc_status::unauthenticated);
        s.pass(1s);
        break;
    case state::choosing: s.end(grpc_status::invalid_argument, "subscription.fetch.replayid.corrupted"); break;
    case state::closed:
        s.sub.close();
        s.run();
        break;
    }
    return s;
}

} // namespace

TEST_CASE("every pair of state and input does what the table at the top of subscription_state.hpp says") {
    const std::map<std::string, std::function<errc(subscriber&)>> inputs = {
        {"opened", [](subscriber& s) { return s.handle(opened{s.call}); }},
        {"response", [](subscriber& s) { return s.try_respond(keepalive_at(5)); }},
        {"broken response", [](subscriber& s) { return s.try_respond("\x0a"); }},
        {"ended, retry", [](subscriber& s) { return s.try_end(grpc_status::internal, "service.unavailable"); }},
        {"ended, slow_down", [](subscriber& s) { return s.try_end(grpc_status::resource_exhausted); }},
        {"ended, wait_hours",
         [](subscriber& s) { return s.try_end(grpc_status::unknown, "subscription.limit.exceeded"); }},
        {"ended, renew_token", [](subscriber& s) { return s.try_end(grpc_status::unauthenticated); }},
        {"ended, choose_position",
         [](subscriber& s) {
             return s.try_end(grpc_status::invalid_argument, "subscription.fetch.replayid.corrupted");
         }},
        {"ended, stop", [](subscriber& s) { return s.try_end(grpc_status::permission_denied); }},
        {"token_renewed", [](subscriber& s) { return s.handle(token_renewed{}); }},
        {"token_refused", [](subscriber& s) { return s.handle(token_refused{}); }},
        {"token_unavailable", [](subscriber& s) { return s.handle(token_unavailable{}); }},
        {"choose()", [](subscriber& s) { return s.sub.choose(replay_preset::earliest); }},
        {"release()", [](subscriber& s) { return s.sub.release(0); }},
        {"commit()", [](subscriber& s) { return s.sub.commit(position(1)); }},
        {"close()", [](subscriber& s) { return s.sub.close(), errc::none; }},
        {"time", [](subscriber& s) { return s.now += 1h, static_cast<void>(s.sub.poll_action(s.now)), errc::none; }},
    };
    const state_table table = read_state_table("sfcdc/pubsub/subscription_state.hpp", "input");
    REQUIRE(table.rows.size() == inputs.size());
    for (const auto& [input_name, row] : table.rows) {
        REQUIRE(inputs.contains(input_name));
        REQUIRE(row.size() == states.size());
        for (const auto& [state_name, before] : states) {
            const std::string& cell = row.at(state_name);
            CAPTURE(input_name, state_name, cell);
            const bool managed = input_name == "commit()";
            subscriber s = brought_to(before, managed);
            if (cell == "-") {
                CHECK(managed); // and for it this state does not exist
                CHECK(s.sub.state() == state::closed);
                continue;
            }
            REQUIRE(s.sub.state() == before);
            // A wrong password at the first attempt ends it at once; the table is about a login that worked before.
            if (input_name == "token_refused" && before == state::renewing) {
                s = subscriber(from_earliest());
                s.stream();
                s.respond(events(1, 1));
                s.end(grpc_status::unauthenticated);
                s.pass(1s);
                REQUIRE(s.sub.state() == before);
            }
            const errc mistake = inputs.at(input_name)(s);
            if (cell == "!") {
                CHECK(mistake == errc::not_expected_now);
                CHECK(s.sub.state() == before);
            } else {
                CHECK(mistake == errc::none);
                state after = before;
                for (const auto& [name, value] : states)
                    if (name == cell) after = value;
                REQUIRE((cell == "." || after != before || cell == state_name));
                CHECK(s.sub.state() == after);
            }
        }
    }
}

TEST_CASE("a mistake changes nothing, and a late input of an old call neither") {
    subscriber s(from_earliest());
    s.stream();
    CHECK(s.try_respond(events(1, 10)) == errc::none);
    const auto told_before = s.events.size();
    CHECK(s.handle(opened{s.call + 1}) == errc::unknown_call);
    CHECK(s.handle(opened{0}) == errc::unknown_call);
    CHECK(s.try_respond(s.call + 1, events(11, 12)) == errc::unknown_call);
    CHECK(s.handle(call_ended{s.call + 7}) == errc::unknown_call);
    CHECK(s.handle(std::monostate()) == errc::none);
    CHECK(s.sub.release(11) == errc::released_too_many);
    CHECK(s.sub.commit(position(1)) == errc::not_expected_now);
    CHECK(s.sub.unreleased() == 10);
    CHECK(s.sub.outstanding() == 90);
    CHECK(s.events.size() == told_before);

    s.end();
    s.pass(1s);
    REQUIRE(s.handle(opened{s.call}) == errc::none);
    s.run();
    const auto told = s.events.size();
    CHECK(s.try_respond(1, events(11, 20)) == errc::none);
    CHECK(s.try_respond(1, "\x0a") == errc::none);
    CHECK(s.handle(call_ended{1, grpc_status::permission_denied}) == errc::none);
    CHECK(s.handle(opened{1}) == errc::none);
    CHECK(s.events.size() == told);
    CHECK(s.sub.state() == state::streaming);
    CHECK(s.sub.outstanding() == 100);
}

// ---- where a call starts ---------------------------------------------------------------------------------------------

TEST_CASE("the first request of a call says topic and position, later ones the topic and how many") {
    subscriber s(behind(7));
    s.run();
    const auto open = s.taken<open_call>();
    REQUIRE(open.size() == 1);
    CHECK(open[0].method == "/eventbus.v1.PubSub/Subscribe");
    CHECK(s.taken<send_request>().empty());
    CHECK(s.handle(opened{s.call}) == errc::none);
    s.run();
    auto fields = s.last_request();
    REQUIRE(fields.size() == 4);
    CHECK(fields[0].bytes == topic);
    CHECK(fields[1].varint == 2); // CUSTOM
    CHECK(fields[2].bytes == replay_id_of(7));
    CHECK(fields[3].varint == 100);
    s.respond(events(8, 57));
    s.run();
    fields = s.last_request();
    REQUIRE(fields.size() == 2);
    CHECK(fields[0].number == 1);
    CHECK(fields[0].bytes == topic);
    CHECK(fields[1].number == 4);
    CHECK(fields[1].varint == 50);
}

TEST_CASE("it resumes behind the last event handed over, and from the preset while there was none") {
    subscriber s(from_earliest());
    s.stream();
    s.end();
    s.pass(1s);
    s.stream();
    s.respond(events(1, 30));
    s.end(grpc_status::unavailable);
    s.pass(1s);
    s.stream();
    s.respond(events(31, 31) + server_messages::event("no id", "s", "x", ""));
    s.end(grpc_status::internal);
    s.pass(1s);
    s.stream();
    using where = std::vector<std::pair<std::uint64_t, std::uint64_t>>;
    CHECK(starts(s) == where{{1, 0}, {1, 0}, {2, 30}, {2, 31}});
    CHECK(s.sub.preset() == replay_preset::custom);
    CHECK(s.sub.position() == position(31));

    subscriber latest({.topic_name = topic, .preset = replay_preset::latest});
    latest.stream();
    latest.respond(keepalive_at(12));
    latest.end();
    latest.pass(1s);
    latest.stream();
    CHECK(starts(latest) == where{{0, 0}, {2, 12}});
}

TEST_CASE("a keepalive's position counts only while credits are left") {
    subscriber s(behind(7));
    s.stream();
    s.respond(keepalive_at(20, 100));
    CHECK(s.last().what == "keepalive");
    CHECK(s.last().position == position(20));
    CHECK(s.sub.position() == position(20));
    s.respond(keepalive_at(30, 0)); // there may be events in front of it
    CHECK(s.last().what == "keepalive");
    CHECK(s.last().position.empty());
    CHECK(s.sub.position() == position(20));
    s.respond(keepalive_at(30, -1));
    CHECK(s.last().position.empty());
    s.respond(field(4, 100)); // says nothing
    CHECK(s.last().what == "keepalive");
    CHECK(s.last().position.empty());
    CHECK(s.sub.position() == position(20));
    // The server's word alone is not enough: no request is out.
    subscriber none({.topic_name = topic, .replay_id = position(1), .credits = 2, .max_unreleased = 2});
    none.stream();
    none.respond(events(2, 3));
    none.respond(keepalive_at(30, 100));
    CHECK(none.last().position.empty());
    CHECK(none.sub.position() == position(3));
}

TEST_CASE("a position that Salesforce does not know waits for the user's choice") {
    for (const std::string code :
         {"subscription.fetch.replayid.corrupted", "subscription.fetch.replayid.validation.failed"}) {
        subscriber s(behind(7));
        s.stream();
        s.end(grpc_status::invalid_argument, "sfdc.platform.eventbus.grpc." + code, "The replay id is too old.");
        CHECK(s.last().what == "failed");
        CHECK(s.last().why.remedy == remedy::choose_position);
        CHECK(s.last().why.status == grpc_status::invalid_argument);
        CHECK(s.last().error_code == code);
        CHECK(s.last().message == "The replay id is too old.");
        CHECK_FALSE(s.sub.closed());
        CHECK_FALSE(s.sub.poll_timeout());
        s.pass(24h * 30);
        CHECK(s.taken<open_call>().size() == 1); // it does nothing by itself
        CHECK(s.sub.choose(replay_preset::custom) == errc::not_expected_now);
        CHECK(s.sub.choose(replay_preset::earliest, position(3)) == errc::not_expected_now);
        CHECK(s.sub.choose(replay_preset::custom, position(3)) == errc::none);
        s.stream();
        CHECK(starts(s) == std::vector<std::pair<std::uint64_t, std::uint64_t>>{{2, 7}, {2, 3}});
        s.end(grpc_status::invalid_argument, code);
        CHECK(s.sub.choose(replay_preset::earliest) == errc::none);
        s.stream();
        CHECK(starts(s).back() == std::pair<std::uint64_t, std::uint64_t>{1, 0});
    }
}

TEST_CASE("options that make no sense are said to be so at once") {
    const auto refused = [](subscription_options o) {
        subscriber s(std::move(o));
        s.run();
        return s.sub.closed() && s.actions.empty() && s.last().what == "failed"
               && s.last().why.fault == call::fault::bad_options && !s.sub.poll_timeout();
    };
    CHECK(refused({}));
    CHECK(refused({.topic_name = topic})); // a forgotten start is not LATEST
    CHECK(refused({.topic_name = topic, .preset = replay_preset::latest, .replay_id = position(1)}));
    CHECK(refused({.topic_name = topic, .preset = replay_preset::latest, .developer_name = "d"}));
    CHECK(refused({.topic_name = topic, .preset = replay_preset::latest, .subscription_id = "i"}));
    CHECK(refused({.subscription_id = "i", .developer_name = "d"}));
    CHECK(refused({.replay_id = position(1), .developer_name = "d"}));
    CHECK(refused({.developer_name = "d", .credits = 0}));
    CHECK(refused({.developer_name = "d", .credits = 101}));
    CHECK(refused({.developer_name = "d", .max_unreleased = 99}));
    CHECK(refused({.developer_name = "d", .patience = {.attempts = 0}}));
    CHECK(refused({.developer_name = "d", .patience = {.faulty_calls = 0}}));
    CHECK(refused({.developer_name = "d", .patience = {.refusals = 0}}));
    CHECK_FALSE(refused({.developer_name = "d", .credits = 100, .max_unreleased = 100}));
    CHECK_FALSE(refused({.topic_name = topic, .preset = replay_preset::latest}));
}

// ---- credits ---------------------------------------------------------------------------------------------------------

TEST_CASE("credits are topped up when half of them are used") {
    subscriber s(from_earliest());
    s.stream();
    CHECK(requested(s) == 100);
    s.respond(events(1, 49));
    s.run();
    CHECK(s.taken<send_request>().size() == 1);
    CHECK(s.sub.outstanding() == 51);
    s.respond(events(50, 50));
    s.run();
    CHECK(s.taken<send_request>().size() == 2);
    CHECK(requested(s) == 50);
    CHECK(s.sub.outstanding() == 100);
    s.respond(events(51, 150));
    s.run();
    CHECK(requested(s) == 100);
    CHECK(s.sub.unreleased() == 150);
}

TEST_CASE("more events than were asked for are the server's fault: they are fetched again, five times") {
    subscriber s(behind(0));
    for (int i = 1; i <= 5; ++i) {
        s.stream();
        s.respond(events(1, 101));
        CHECK(s.sub.unreleased() == 0);
        CHECK(s.last().why.fault == call::fault::more_events_than_requested);
        CHECK(s.last().what == (i < 5 ? "interrupted" : "failed"));
        s.wait();
        CHECK(s.taken<cancel_call>().size() == static_cast<std::size_t>(i));
    }
    CHECK(s.last().why.remedy == remedy::stop);
    CHECK(s.last().why.budget_used_up);
    CHECK(s.sub.closed());
    for (const auto& e : s.events) CHECK(e.what != "received");
}

TEST_CASE("a message that cannot be read, or a position that cannot be one, is the server's fault too") {
    for (const std::string& bad : {std::string("\x0a"), events(1, 3) + "\x0b",
                                   events(1, 1) + server_messages::event("", "", "", std::string(2000, 'x'))}) {
        subscriber s(behind(0));
        s.stream();
        s.respond(bad);
        CHECK(s.last().what == "interrupted");
        CHECK(s.last().why.remedy == remedy::retry);
        CHECK(s.last().why.fault != call::fault::none);
        s.run();
        REQUIRE(s.taken<cancel_call>().size() == 1);
        CHECK(s.taken<cancel_call>()[0].call == 1);
        CHECK(s.sub.position() == position(0)); // the good events of the response come again
    }
}

TEST_CASE(
    "a slow sink: what is not released is not asked for, and released little by little it is asked for in halves") {
    subscriber s({.topic_name = topic, .preset = replay_preset::earliest, .max_unreleased = 120});
    s.stream();
    s.respond(events(1, 100));
    s.run();
    CHECK(s.taken<send_request>().size() == 1); // room for 20 only
    for (int i = 0; i < 29; ++i) {
        CHECK(s.sub.release(1) == errc::none);
        s.run();
    }
    CHECK(s.taken<send_request>().size() == 1);
    CHECK(s.sub.poll_timeout() > s.now);
    CHECK(s.sub.release(1) == errc::none);
    CHECK(s.sub.poll_timeout() <= s.now);
    s.run();
    CHECK(s.taken<send_request>().size() == 2);
    CHECK(requested(s) == 50);
    CHECK(s.sub.outstanding() + s.sub.unreleased() == 120);
}

TEST_CASE("without credits for 45 seconds the little that there is room for keeps the call open") {
    subscriber s({.topic_name = topic, .preset = replay_preset::earliest, .max_unreleased = 120});
    s.stream();
    s.pass(3min); // counts from the last event on
    s.respond(events(1, 100));
    s.pass(44s);
    CHECK(s.taken<send_request>().size() == 1);
    s.pass(2s); // Salesforce waits for 60
    REQUIRE(s.taken<send_request>().size() == 2);
    CHECK(requested(s) == 20);
    CHECK(s.taken<cancel_call>().empty());
    CHECK(s.sub.state() == state::streaming);
}

TEST_CASE("a sink that stands still: the call is given back, and resumed when there is room for half") {
    subscriber s({.topic_name = topic, .preset = replay_preset::earliest, .max_unreleased = 100});
    s.stream();
    s.respond(events(1, 100));
    s.pass(1h);
    REQUIRE(s.taken<cancel_call>().size() == 1);
    CHECK(s.last().what == "interrupted");
    CHECK(s.last().why.fault == call::fault::events_not_released);
    CHECK(s.last().until == s.now - 1h + 45s);
    CHECK(s.taken<open_call>().size() == 1);
    CHECK_FALSE(s.sub.poll_timeout()); // only release() can help
    CHECK(s.sub.release(49) == errc::none);
    s.pass(1h);
    CHECK(s.taken<open_call>().size() == 1);
    CHECK(s.sub.release(1) == errc::none);
    s.stream();
    CHECK(requested(s) == 50);
    CHECK(starts(s).back() == std::pair<std::uint64_t, std::uint64_t>{2, 100});
}

TEST_CASE("credits that the server has lost are not waited on for ever") {
    subscriber s(behind(0));
    s.stream();
    s.pass(1s);
    s.respond(keepalive_at(0, 0)); // our request may be on its way
    s.run();
    CHECK(s.sub.outstanding() == 100);
    CHECK(s.taken<send_request>().size() == 1);
    s.pass(60s);
    s.respond(keepalive_at(0, 30)); // by now it must have come
    s.run();
    CHECK(s.taken<send_request>().size() == 2);
    CHECK(requested(s) == 70);
    CHECK(s.sub.outstanding() == 100);
    s.pass(60s);
    s.respond(keepalive_at(0, 2'000'000'000)); // and it cannot have more
    s.run();
    CHECK(s.sub.outstanding() == 100);
    CHECK(s.taken<send_request>().size() == 2);
}

TEST_CASE("a call that ended before it could be cancelled is not cancelled") {
    subscriber s(behind(0));
    s.stream();
    s.respond("\x0a");
    s.end();
    s.wait();
    CHECK(s.taken<cancel_call>().empty());
    CHECK(s.call == 2);
}

// ---- silence ---------------------------------------------------------------------------------------------------------

TEST_CASE("a half-open connection is given up when a keepalive is overdue") {
    subscriber s(behind(3));
    s.stream();
    for (int i = 0; i < 10; ++i) { // at the latest moment that Salesforce promises
        s.pass(270s);
        s.respond(keepalive_at(3));
    }
    CHECK(s.taken<cancel_call>().empty());
    s.pass(284s);
    CHECK(s.taken<cancel_call>().empty());
    s.pass(1s);
    REQUIRE(s.taken<cancel_call>().size() == 1);
    CHECK(s.last().what == "interrupted");
    CHECK(s.last().why.fault == call::fault::server_silent);
    CHECK(s.last().why.remedy == remedy::retry);
    s.pass(1s);
    s.stream();
    CHECK(s.call == 2);
}

TEST_CASE("a call that does not open is given up") {
    subscriber s(behind(3));
    s.run();
    s.pass(29s);
    CHECK(s.taken<cancel_call>().empty());
    s.pass(1s);
    REQUIRE(s.taken<cancel_call>().size() == 1);
    CHECK(s.last().why.fault == call::fault::open_timed_out);
    CHECK(s.handle(opened{1}) == errc::none); // late
    CHECK(s.sub.state() == state::waiting);
    s.pass(1s);
    CHECK(s.call == 2);
}

// ---- interruptions ---------------------------------------------------------------------------------------------------

TEST_CASE("each error code is followed by what its remedy says") {
    for (const error_code_remedy& known : error_code_remedies) {
        CAPTURE(known.code);
        subscriber s(behind(4));
        s.stream();
        s.end(grpc_status::unknown, std::string(error_code_prefix) + std::string(known.code), "text");
        const told& said = s.last();
        CHECK(said.why.remedy == known.remedy);
        CHECK(said.why.fault == call::fault::none);
        CHECK(said.error_code == known.code);
        CHECK(said.message == "text");
        const bool goes_on = known.remedy != remedy::stop && known.remedy != remedy::choose_position;
        CHECK(said.what == (goes_on ? "interrupted" : "failed"));
        s.wait();
        switch (known.remedy) {
        case remedy::retry:
        case remedy::slow_down:
        case remedy::wait_hours: CHECK(s.sub.state() == state::opening); break;
        case remedy::renew_token: CHECK(s.sub.state() == state::renewing); break;
        case remedy::choose_position: CHECK(s.sub.state() == state::choosing); break;
        case remedy::stop: CHECK(s.sub.closed()); break;
        case remedy::find_row: FAIL("Zerobus only");
        }
        CHECK(s.sub.position() == position(4));
    }
}

TEST_CASE("waits grow while nothing comes, are spread at random, and start anew after events") {
    const auto waits = [](std::uint64_t seed) {
        subscription_options options = behind(0);
        options.seed = seed;
        subscriber s(std::move(options));
        std::vector<std::int64_t> out;
        for (int i = 0; i < 12; ++i) {
            s.stream();
            if (i == 10) s.respond(events(1, 1));
            s.end(grpc_status::unavailable);
            out.push_back(std::chrono::duration_cast<std::chrono::milliseconds>(s.last().until - s.now).count());
        }
        return out;
    };
    const auto a = waits(1);
    std::int64_t whole = 500;
    for (std::size_t i = 0; i < 10; ++i, whole = std::min<std::int64_t>(whole * 2, 30'000)) {
        CHECK(a[i] >= whole / 2);
        CHECK(a[i] <= whole);
    }
    CHECK(a[9] >= 15'000);
    CHECK(a[10] <= 500); // events had come
    CHECK(a[11] <= 1000);
    CHECK(a == waits(1));
    CHECK(a != waits(2));
}

TEST_CASE("slow down waits for a minute, a used-up allocation for hours") {
    subscriber s(behind(0));
    s.stream();
    s.end(grpc_status::resource_exhausted, "sfdc.platform.eventbus.grpc.service.protection.triggered");
    CHECK(s.last().why.remedy == remedy::slow_down);
    CHECK(s.last().error_code == "service.protection.triggered");
    CHECK(s.last().until - s.now >= 30s);
    CHECK(s.last().until - s.now <= 60s);
    s.stream();
    s.end(grpc_status::resource_exhausted);
    CHECK(s.last().until - s.now > 60s - 1ms);
    s.stream();
    s.end(grpc_status::unknown, "subscription.limit.exceeded");
    CHECK(s.last().why.remedy == remedy::wait_hours);
    CHECK(s.last().until - s.now >= 1h);
    CHECK(s.last().until - s.now <= 2h);
    const auto calls = s.call;
    s.pass(59min);
    CHECK(s.call == calls);
    s.stream();
    CHECK(s.call == calls + 1);
}

TEST_CASE("what asking again cannot change closes the subscription") {
    subscriber s(behind(0));
    s.stream();
    s.end(grpc_status::permission_denied, "topic.not.found", "no such topic");
    CHECK(s.last().what == "failed");
    CHECK(s.last().why.remedy == remedy::stop);
    CHECK_FALSE(s.last().why.budget_used_up);
    CHECK(s.last().error_code == "topic.not.found");
    CHECK(s.last().message == "no such topic");
    CHECK(s.sub.closed());
    CHECK_FALSE(s.sub.poll_timeout());
    CHECK(s.taken<cancel_call>().empty()); // it has ended already
    s.pass(24h);
    CHECK(s.taken<open_call>().size() == 1);
}

TEST_CASE("a subscription is not closed before its last event was polled") {
    subscription sub(behind(0));
    const time_point now{};
    REQUIRE(sub.poll_action(now));
    CHECK(sub.handle(call_ended{1, grpc_status::permission_denied}, now) == errc::none);
    CHECK(sub.state() == state::closed);
    CHECK_FALSE(sub.closed());
    CHECK(sub.poll_timeout() < now);
    CHECK(sub.poll_event());
    CHECK(sub.closed());
}

TEST_CASE("attempts can be bounded, and health gives them back") {
    subscription_options options = behind(0);
    options.patience.attempts = 3;
    const auto drop = [](subscriber& s) {
        s.end(grpc_status::unavailable);
        s.wait();
    };
    subscriber s(options);
    for (std::uint64_t i = 1; i <= 20; ++i) { // two in a row, then an event
        s.stream();
        drop(s);
        s.stream();
        s.respond(events(i, i));
        drop(s);
    }
    CHECK(s.sub.state() == state::opening);
    s.stream();
    drop(s);
    s.stream();
    drop(s);
    CHECK(s.sub.closed());
    CHECK(s.last().why.budget_used_up);

    // A keepalive is health on a call that has stood for a while, not on one of a storm.
    subscriber storm(options);
    for (int i = 0; i < 3; ++i) {
        storm.stream();
        storm.respond(keepalive_at(9));
        drop(storm);
    }
    CHECK(storm.sub.closed());
    subscriber quiet(options);
    for (int i = 0; i < 10; ++i) {
        quiet.stream();
        quiet.pass(60s);
        quiet.respond(keepalive_at(9));
        drop(quiet);
    }
    CHECK(quiet.sub.state() == state::opening);
}

TEST_CASE("without a bound an outage of days is lived through") {
    subscriber s(behind(5));
    const auto start = s.now;
    while (s.now < start + 72h) {
        s.run();
        if (s.sub.state() == state::opening) s.end(grpc_status::unavailable);
        s.pass(30s);
    }
    CHECK(s.taken<open_call>().size() > 8'000); // at least twice a minute in the end
    s.stream();
    CHECK(s.sub.position() == position(5));
}

// ---- logins ----------------------------------------------------------------------------------------------------------

TEST_CASE("an expired session is renewed and the subscription goes on behind its position") {
    subscriber s(behind(0));
    s.stream();
    s.respond(events(1, 5));
    s.end(grpc_status::unauthenticated, "service.auth.error");
    CHECK(s.last().why.remedy == remedy::renew_token);
    s.pass(500ms);
    REQUIRE(s.taken<renew_token>().size() == 1);
    CHECK(s.taken<renew_token>()[0].call == 1);
    s.pass(5min);
    CHECK(s.taken<renew_token>().size() == 1); // asked once, however long it takes
    CHECK(s.taken<open_call>().size() == 1);
    CHECK(s.handle(token_renewed{}) == errc::none);
    s.stream();
    CHECK(starts(s).back() == std::pair<std::uint64_t, std::uint64_t>{2, 5});
}

TEST_CASE("a refusal of what worked before is tried again a minute later, and the third one is the end") {
    for (const grpc_status status :
         {grpc_status::permission_denied, grpc_status::unimplemented, grpc_status::not_found}) {
        subscriber s(behind(0));
        s.stream();
        s.respond(events(1, 1));
        for (int i = 0; i < 2; ++i) {
            const auto before = s.now;
            s.end(status);
            REQUIRE(s.sub.state() == state::waiting);
            CHECK(s.last().what == "interrupted");
            s.wait();
            CHECK(s.now - before == std::chrono::minutes(1));
            s.stream();
        }
        s.end(status);
        CHECK(s.sub.closed());
        CHECK(s.last().why.remedy == remedy::stop);

        subscriber fresh(behind(0)); // never was well
        fresh.stream();
        fresh.end(status);
        CHECK(fresh.sub.closed());
    }
}

TEST_CASE("a token that somebody else renewed is as good") {
    subscriber s(behind(0));
    s.stream();
    s.end(grpc_status::unauthenticated);
    REQUIRE(s.sub.state() == state::token_due);
    CHECK(s.handle(token_renewed{}) == errc::none);
    s.stream();
    CHECK(s.taken<renew_token>().empty());
}

TEST_CASE("tokens that are given out and not accepted are renewed five times in a row, then it is over") {
    subscriber s(behind(0));
    for (int i = 1; i <= 5; ++i) {
        s.stream();
        s.end(grpc_status::unauthenticated);
        s.wait();
        if (i < 5) {
            CHECK(s.taken<renew_token>().size() == static_cast<std::size_t>(i));
            CHECK(s.handle(token_renewed{}) == errc::none);
        }
    }
    CHECK(s.sub.closed());
    CHECK(s.last().why.remedy == remedy::stop);
    CHECK(s.last().why.budget_used_up);

    subscriber healthy(behind(0));
    for (std::uint64_t i = 1; i <= 50; ++i) {
        healthy.stream();
        healthy.respond(events(i, i));
        healthy.end(grpc_status::unauthenticated);
        healthy.wait();
        CHECK(healthy.handle(token_renewed{}) == errc::none);
    }
    healthy.stream();
}

TEST_CASE("a refused login ends a new subscription at once, and a running one after three tries a minute apart") {
    subscriber fresh(behind(0));
    fresh.stream();
    fresh.end(grpc_status::unauthenticated);
    fresh.pass(1s);
    CHECK(fresh.handle(token_refused{}) == errc::none);
    CHECK(fresh.sub.closed());
    CHECK(fresh.last().why.fault == call::fault::token_refused);

    subscriber s(behind(0));
    s.stream();
    s.respond(events(1, 1));
    s.end(grpc_status::unauthenticated);
    s.pass(1s);
    for (int i = 1; i <= 3; ++i) {
        CHECK(s.taken<renew_token>().size() == static_cast<std::size_t>(i));
        CHECK(s.handle(token_refused{}) == errc::none);
        CHECK(s.last().what == (i < 3 ? "interrupted" : "failed"));
        CHECK(s.last().why.fault == call::fault::token_refused);
        s.pass(59s);
        CHECK(s.taken<renew_token>().size() == static_cast<std::size_t>(i));
        s.pass(1s);
    }
    CHECK(s.sub.closed());
}

TEST_CASE("a login service that cannot be asked is asked again, with growing waits") {
    subscriber s(behind(0));
    s.stream();
    s.end(grpc_status::unauthenticated);
    s.pass(1s);
    for (int i = 0; i < 100; ++i) {
        CHECK(s.handle(token_unavailable{}) == errc::none);
        CHECK(s.last().what == "interrupted");
        CHECK(s.last().why.fault == call::fault::token_unavailable);
        s.pass(30s);
    }
    CHECK(s.taken<renew_token>().size() == 101);
    CHECK(s.handle(token_renewed{}) == errc::none);
    s.stream();
}

// ---- the end ---------------------------------------------------------------------------------------------------------

TEST_CASE("close cancels the call, gives out what is left and then nothing") {
    subscription sub(from_earliest());
    const time_point now{};
    REQUIRE(sub.poll_action(now));
    CHECK(sub.handle(opened{1}, now) == errc::none);
    REQUIRE(sub.poll_action(now));
    const std::string bytes = events(1, 3);
    CHECK(sub.handle(response{1, bytes}, now) == errc::none);
    sub.close();
    CHECK_FALSE(sub.closed());
    const auto event = sub.poll_event();
    REQUIRE(event);
    CHECK(std::get<received>(*event).response.events.size() == 3);
    CHECK_FALSE(sub.closed());
    const auto action = sub.poll_action(now);
    REQUIRE(action);
    CHECK(std::get<cancel_call>(*action).call == 1);
    CHECK(sub.closed());
    CHECK_FALSE(sub.poll_action(now + 24h));
    CHECK_FALSE(sub.poll_event());
    CHECK_FALSE(sub.poll_timeout());
    CHECK(sub.release(3) == errc::none);
    CHECK(sub.handle(call_ended{1}, now) == errc::none);
    sub.close();
    CHECK(sub.closed());
}
