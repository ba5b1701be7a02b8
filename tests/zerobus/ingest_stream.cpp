#include "catch.hpp"
#include "scene.hpp"

#include <algorithm>
#include <random>
#include <set>

using namespace zerobus_test;

namespace {

using strings = std::vector<std::string>;

std::vector<std::string> numbered(int count, const std::string& prefix = "") {
    strings out;
    for (int i = 0; i < count; ++i) out.push_back(prefix + "r" + std::to_string(i));
    return out;
}

// A server that refuses bad rows and accepts all others, answering whatever the stream asks for until it asks for nothing.
struct careful_server {
    scene& s;
    std::set<std::string> bad;
    std::uint64_t call = 1;
    bool streaming = false;
    strings stored{};
    int calls = 1;

    // Takes what was sent since the last time; acknowledges all in front of a request with a bad row, and refuses that.
    void serve() {
        std::size_t seen = 0;
        for (;;) {
            if (!streaming) {
                if (s.last_call < call) return; // the stream has nothing to send
                s.requests.clear();
                seen = 0;
                s.opened(call);
                s.requests.clear(); // create_stream
                streaming = true;
                s.created(call);
            }
            if (seen == s.requests.size()) return;
            const sent_request request = s.requests[seen++];
            const bool refused =
                std::any_of(request.records.begin(), request.records.end(), [&](auto& r) { return bad.count(r); });
            if (refused) {
                streaming = false;
                s.ended(call, 3, "no such value");
                if (s.stream.closed()) return;
                ++call, ++calls;
            } else {
                stored.insert(stored.end(), request.records.begin(), request.records.end());
                s.ack(call, request.offset);
            }
        }
    }
};

} // namespace

// ---- opening --------------------------------------------------------------------------------------------------------

TEST_CASE("a stream opens a call at once and says which table and rows it is for") {
    scene s;
    CHECK(s.said() == "open 1");
    s.opened(1);
    CHECK(s.said() == "create 1");
    CHECK(s.requests.back().table_name == "main.sales.events");
    CHECK(s.requests.back().descriptor == "descriptor");
    CHECK(!s.requests.back().json);
    s.created(1);
    CHECK(s.said().empty());
    CHECK(!s.stream.poll_timeout()); // idle streams wait for nothing
}

TEST_CASE("JSON streams have no descriptor, and send their records as JSON") {
    auto o = options();
    o.record_type = zerobus::record_type::json;
    scene s(o); // a descriptor that is given all the same is not sent
    s.opened(1);
    CHECK(s.requests.back().json);
    CHECK(s.requests.back().descriptor.empty());
    s.created(1);
    s.add({R"({"i":0})"});
    CHECK(s.requests.back().json);
    s.add({R"({"i":1})", R"({"i":2})"});
    CHECK(s.requests.back().json);
    CHECK(s.requests.back().records.size() == 2);
}

TEST_CASE("options that cannot work fail before anything is opened") {
    for (const char* table : {"", "a.b", "a.b.c.d"}) {
        auto o = options();
        o.table_name = table;
        scene s(o);
        CHECK(s.said().starts_with("failed (a stream needs a table name"));
        CHECK(s.why.fault == call::fault::bad_options);
        CHECK(s.stream.closed());
        CHECK(s.try_add({"a"}).error.code == errc::stream_closed);
    }
    auto o = options();
    o.descriptor_proto.clear();
    CHECK(scene(o).why.fault == call::fault::bad_options);
    o.record_type = zerobus::record_type::json;
    CHECK(scene(o).said() == "open 1");
}

TEST_CASE("a stream that is not created in time is given up and tried again") {
    SECTION("no headers") {
        scene s;
        s.said();
        s.wait(milliseconds(14'999));
        CHECK(s.said().empty());
        s.wait(milliseconds(1));
        CHECK(s.said() == "cancel 1, interrupted");
        CHECK(s.why.fault == call::fault::open_timed_out);
        s.wait(milliseconds(500));
        CHECK(s.said() == "open 2");
        s.created(1); // too late
        s.ended(1, 1);
        CHECK(s.said().empty());
    }
    SECTION("headers in time, but no answer to create_stream") {
        scene s;
        s.wait(seconds(10)); // the time counts from open_call
        s.opened(1);
        s.said();
        s.wait(seconds(5));
        CHECK(s.said() == "cancel 1, interrupted");
    }
    SECTION("without another try") {
        auto o = options();
        o.open_limit = milliseconds(100);
        o.patience.attempts = 1;
        scene s(o);
        s.wait(milliseconds(100));
        CHECK(s.said() == "open 1, cancel 1, failed ()");
        CHECK(s.why.fault == call::fault::open_timed_out);
    }
}

TEST_CASE("headers that come late only delay the stream") {
    scene s;
    s.add({"a"});
    s.said();
    s.wait(seconds(14));
    s.opened(1);
    s.created(1);
    CHECK(s.said() == "create 1, send 1 #0 a");
}

// ---- rows and acknowledgements --------------------------------------------------------------------------------------

TEST_CASE("a row is sent, acknowledged, and the stream closes") {
    scene s;
    s.open();
    CHECK(s.add({"a"}) == zerobus::offset_range{0, 1});
    CHECK(s.said() == "send 1 #0 a");
    s.close();
    CHECK(s.said().empty());
    s.ack(1, 0);
    CHECK(s.said() == "durable 0-1, half_close 1");
    CHECK(!s.stream.closed());
    s.ended(1, 0, "");
    CHECK(s.stream.closed());
    CHECK(s.said().empty());
    CHECK(s.stream.settled() == 1);
    CHECK(s.stream.held().empty());
    CHECK(s.stream.held_bytes() == 0);
}

TEST_CASE("a batch takes one wire offset, and a logical offset for each row") {
    scene s;
    s.open();
    CHECK(s.add({"a"}) == zerobus::offset_range{0, 1});
    CHECK(s.add({"b", "c", "d"}) == zerobus::offset_range{1, 4});
    CHECK(s.add({"e"}) == zerobus::offset_range{4, 5});
    CHECK(s.said() == "send 1 #0 a, send 1 #1 b c d, send 1 #2 e");
    s.ack(1, 1);
    CHECK(s.said() == "durable 0-4");
    s.ack(1, 2);
    CHECK(s.said() == "durable 4-5");
}

TEST_CASE("a batch of hundreds of rows is one request") {
    scene s;
    s.open();
    CHECK(s.add(numbered(700)) == zerobus::offset_range{0, 700});
    CHECK(s.requests.back().records == numbered(700));
    s.ack(1, 0);
    CHECK(s.stream.settled() == 700);
}

TEST_CASE("a batch of no rows takes no offset and sends nothing") {
    scene s;
    s.open();
    s.add({"a"});
    CHECK(s.add({}) == zerobus::offset_range{1, 1});
    s.add({"b"});
    CHECK(s.said() == "send 1 #0 a, send 1 #1 b");
}

TEST_CASE("rows added before the stream is open are sent when it is") {
    scene s;
    s.add({"a"});
    s.add({"b", "c"});
    CHECK(s.said() == "open 1");
    s.opened(1);
    s.created(1);
    CHECK(s.said() == "create 1, send 1 #0 a, send 1 #1 b c");
}

TEST_CASE("one acknowledgement makes all requests up to it durable") {
    scene s;
    s.open();
    for (int i = 0; i < 100; ++i) CHECK(s.add({"r"}) == zerobus::offset_range{i, i + 1});
    s.said();
    s.ack(1, 99);
    CHECK(s.said() == "durable 0-100");
    CHECK(s.stream.settled() == 100);
}

TEST_CASE("durable events that nobody has polled yet become one") {
    scene s;
    s.open();
    s.add({"a"});
    s.add({"b"});
    s.said();
    for (const std::int64_t offset : {0, 1})
        CHECK(s.stream.handle(zerobus::response{1, ack_response(offset)}, s.now) == errc::none);
    s.run();
    CHECK(s.said() == "durable 0-2");
}

TEST_CASE("an acknowledgement that comes twice changes nothing") {
    scene s;
    s.open();
    s.add({"a"});
    s.add({"b"});
    s.ack(1, 0);
    s.said();
    s.ack(1, 0);
    CHECK(s.said().empty());
    s.ack(1, 1);
    CHECK(s.said() == "durable 1-2");
}

TEST_CASE("a batch that was moved into a stream is empty, and can be filled again") {
    scene s;
    s.open();
    zerobus::record_batch batch;
    batch.append("a");
    REQUIRE_FALSE(s.stream.add(std::move(batch)).error);
    CHECK((batch.empty() && batch.record_bytes() == 0 && batch.message().empty()));
    batch.append("b");
    const auto taken = s.stream.add(std::move(batch));
    CHECK((taken.value.begin == 1 && taken.value.end == 2));
    zerobus::record_batch other;
    other.append("c");
    batch = std::move(other);
    CHECK((other.empty() && batch.size() == 1 && batch.record_bytes() == 1));
}

TEST_CASE("acknowledgements that lie break the call, and nothing counts as durable because of them") {
    const auto broken_by = [](const std::string& response) {
        scene s;
        s.open();
        for (const char* row : {"a", "b", "c", "d", "e"}) s.add({row});
        s.ack(1, 2);
        s.said();
        s.respond(1, response);
        CHECK(s.said() == "interrupted, cancel 1");
        CHECK(s.stream.settled() == 3);
        s.wait(seconds(1));
        s.opened(2);
        s.created(2);
        CHECK(s.said() == "open 2, create 2, send 2 #0 d, send 2 #1 e"); // and all that was not durable is sent again
        return s.why.fault;
    };
    CHECK(broken_by(ack_response(0)) == call::fault::ack_regressed); // 2, 0, 3 is how rows were lost elsewhere
    CHECK(broken_by(ack_response(-1)) == call::fault::ack_regressed);
    CHECK(broken_by(ack_response(INT64_MIN)) == call::fault::ack_regressed);
    CHECK(broken_by(ack_response(5)) == call::fault::ack_beyond_sent);
    CHECK(broken_by(ack_response(INT64_MAX)) == call::fault::ack_beyond_sent);
    CHECK(broken_by(field(2, "")) == call::fault::response_incomplete);
}

TEST_CASE("an acknowledgement of -1 before any other is one of nothing") {
    scene s;
    s.open();
    s.add({"a"});
    s.said();
    s.ack(1, -1);
    CHECK(s.said().empty());
    CHECK(held_records(s.stream) == strings{"a"});
    s.ack(1, 0);
    CHECK(s.said() == "durable 0-1");
    s.add({"b"});
    s.said();
    s.ack(1, -1); // now it takes one back
    CHECK(s.said() == "interrupted, cancel 1");
    CHECK(s.why.fault == call::fault::ack_regressed);
    CHECK(held_records(s.stream) == strings{"b"});
}

TEST_CASE("an acknowledgement of less than -1 takes back what never was") {
    scene s;
    s.open();
    s.add({"a"});
    s.said();
    s.ack(1, -2);
    CHECK(s.said() == "interrupted, cancel 1");
    CHECK(s.why.fault == call::fault::ack_regressed);
}

TEST_CASE("a server that breaks the protocol again and again is one that refuses") {
    scene fresh;
    for (std::uint64_t call = 1; call <= 5; ++call) {
        CHECK(!fresh.stream.closed());
        fresh.respond(call, "\x0a");
        fresh.wait_for_call(call + 1);
    }
    CHECK(fresh.stream.closed());

    scene s;
    s.open();
    s.add({"a"});
    s.ack(1, 0);
    s.add({"b"});
    const time_point before = s.now;
    for (std::uint64_t call = 1; call <= 15; ++call) {
        CHECK(!s.stream.closed());
        s.respond(call, "\x0a");
        s.wait_for_call(call + 1);
    }
    CHECK(s.stream.closed());
    CHECK(s.now - before > seconds(120));
    CHECK(held_records(s.stream) == strings{"b"});
}

TEST_CASE("what the user cannot have seen is a mistake, and changes nothing") {
    scene s;
    CHECK(s.try_opened(0) == errc::unknown_call);
    CHECK(s.try_opened(2) == errc::unknown_call);
    CHECK(s.try_ended(7, 5) == errc::unknown_call);
    CHECK(s.try_respond(2, "\x0a") == errc::unknown_call);
    s.open();
    CHECK(s.try_opened(1) == errc::not_expected_now);
    CHECK(s.said().empty());
    CHECK(s.add({"a"}) == zerobus::offset_range{0, 1});
    CHECK(s.said() == "send 1 #0 a");
    s.ended(1, 14);
    CHECK(s.try_opened(1) == errc::none); // late
    CHECK(s.try_respond(1, "\x0a") == errc::none);
    s.abandon();
    CHECK(s.try_ended(99, 5) == errc::none); // nothing is asked for any more
}

TEST_CASE("responses that cannot come break the call") {
    const auto broken_by = [](const std::string& response) {
        scene s;
        s.open();
        s.add({"a"});
        s.said();
        s.respond(1, response);
        CHECK(s.said() == "interrupted, cancel 1");
        CHECK(held_records(s.stream) == strings{"a"});
        return s.why.fault;
    };
    CHECK(broken_by("") == call::fault::unexpected_response);
    CHECK(broken_by(field(9, "new")) == call::fault::unexpected_response);
    CHECK(broken_by(created_response()) == call::fault::unexpected_response); // a second time
    CHECK(broken_by("\x12\x02\x08") == call::fault::unreadable_response);
}

TEST_CASE("the first response must create the stream, with an id") {
    for (const auto& [response, code] : std::vector<std::pair<std::string, call::fault>>{
             {created_response(""), call::fault::response_incomplete},
             {field(1, ""), call::fault::response_incomplete},
             {ack_response(0), call::fault::unexpected_response},
             {close_signal(1), call::fault::unexpected_response},
             {"", call::fault::unexpected_response},
         }) {
        scene s;
        s.opened(1);
        s.said();
        s.respond(1, response);
        CHECK(s.said() == "interrupted, cancel 1");
        CHECK(s.why.fault == code);
    }
    scene s; // before it was even asked for
    s.said();
    s.respond(1, created_response());
    CHECK(s.said() == "interrupted, cancel 1");
}

// ---- bounds ---------------------------------------------------------------------------------------------------------

TEST_CASE("requests that are held are bounded, and only acknowledgements make room") {
    auto o = options();
    o.requests = 2;
    scene s(o);
    s.open();
    s.add({"a"});
    s.add({"b", "c"}); // a batch counts once
    auto refused = batch({"d"});
    CHECK(s.stream.add(std::move(refused)).error.code == errc::stream_full);
    CHECK(refused.size() == 1); // not moved from
    s.ack(1, 0);
    CHECK(s.stream.add(std::move(refused)).value == zerobus::offset_range{3, 4});
    CHECK(s.try_add({"e"}).error.code == errc::stream_full);
    s.ended(1, 14);
    CHECK(s.try_add({"e"}).error.code == errc::stream_full); // what has to be sent again is held too
}

TEST_CASE("bytes that are held are bounded, rejected rows that nobody has polled included") {
    auto o = options();
    o.bytes = 1'000;
    scene s(o);
    s.open();
    s.add({std::string(600, 'a')});
    CHECK(s.try_add({std::string(600, 'b')}).error.code == errc::stream_full);
    s.add({std::string(300, 'c')});
    CHECK(s.stream.held_bytes() <= 1'000);
    s.ack(1, 0);
    s.add({std::string(600, 'd')});
    s.ack(1, 2);
    CHECK(s.stream.held_bytes() == 0);
    s.add({std::string(5'000, 'e')}); // alone, a batch may be larger
    CHECK(s.try_add({"f"}).error.code == errc::stream_full);
    // While it is not polled, it is held.
    CHECK(s.stream.handle(zerobus::call_ended{1, wire::grpc_status::invalid_argument, "no"}, s.now) == errc::none);
    CHECK(s.stream.held().empty());
    CHECK(s.stream.held_bytes() == 5'000);
    CHECK(s.stream.add(batch({"f"})).error.code == errc::stream_full);
    s.run();
    CHECK(s.stream.held_bytes() == 0);
    s.add({"f"});
}

TEST_CASE("a request that Databricks would not take is refused here") {
    scene s;
    zerobus::record_batch large;
    large.append(std::string(limits::request_record_bytes, 'x'));
    zerobus::record_batch larger;
    for (int i = 0; i < 3; ++i) larger.append(std::string(limits::request_record_bytes / 3 + 1, 'x'));
    CHECK(s.stream.add(std::move(larger)).error.code == errc::record_batch_too_large);
    CHECK(s.stream.add(std::move(large)).value == zerobus::offset_range{0, 1});
}

// ---- flush and close ------------------------------------------------------------------------------------------------

TEST_CASE("a flush waits for what was added before it, and for no more") {
    scene s;
    s.open();
    CHECK(s.stream.settled() == s.stream.added()); // nothing was added: flushed
    for (int i = 0; i < 5; ++i) s.add({"r"});
    const std::int64_t flush = s.stream.added();
    s.add({"later"});
    s.ack(1, 3);
    CHECK(s.stream.settled() < flush);
    s.ack(1, 4);
    CHECK(s.stream.settled() == flush);
    CHECK(s.stream.added() > flush);
}

TEST_CASE("a stream with nothing to do closes, and closing twice changes nothing") {
    scene s;
    SECTION("open") {
        s.open();
        s.close();
        CHECK(s.said() == "half_close 1");
        s.close();
        CHECK(s.said().empty());
        s.ended(1, 0);
    }
    SECTION("while it opens") {
        s.said();
        s.close();
        CHECK(s.said() == "cancel 1");
    }
    SECTION("between two calls") {
        s.ended(1, 14);
        s.said();
        s.close();
        CHECK(s.said().empty());
    }
    CHECK(s.stream.closed());
    s.close();
    CHECK(s.stream.closed());
    CHECK(s.said().empty());
    CHECK(!s.stream.poll_timeout());
}

TEST_CASE("a closed stream takes no rows") {
    scene s;
    s.open();
    s.add({"a"});
    s.close();
    CHECK(s.try_add({"b"}).error.code == errc::stream_closed);
    CHECK(s.try_add({"b", "c"}).error.code == errc::stream_closed);
    s.ack(1, 0);
    s.ended(1, 0);
    CHECK(s.try_add({"b"}).error.code == errc::stream_closed);
    CHECK(s.stream.added() == 1);
}

TEST_CASE("closing waits through failures until everything is durable") {
    scene s;
    s.open();
    for (const char* row : {"a", "b", "c"}) s.add({row});
    s.close();
    s.ack(1, 0);
    s.ended(1, 14);
    s.said();
    s.wait(seconds(1));
    s.opened(2);
    s.created(2);
    CHECK(s.said() == "open 2, create 2, send 2 #0 b, send 2 #1 c");
    CHECK(!s.stream.closed());
    s.ack(2, 0);
    s.respond(2, close_signal(5));
    s.ended(2, 14);
    s.open(3);
    s.ack(3, 0);
    CHECK(s.said() == "durable 2-3, half_close 3");
    s.ended(3, 0);
    CHECK(s.stream.closed());
}

TEST_CASE("a server that does not end the call is not waited for longer than drain_limit") {
    scene s;
    s.open();
    s.close();
    s.said();
    s.wait(milliseconds(1'999));
    CHECK(!s.stream.closed());
    s.wait(milliseconds(1));
    CHECK(s.said() == "cancel 1");
    CHECK(s.stream.closed());
}

TEST_CASE("abandoning ends at once and keeps what is not durable") {
    scene s;
    s.open();
    s.add({"a"});
    s.add({"b", "c"});
    s.add({"d"});
    s.ack(1, 0);
    s.close(); // and its patience is over
    s.said();
    s.abandon();
    CHECK(s.said() == "cancel 1");
    CHECK(s.stream.closed());
    CHECK(held_records(s.stream) == strings{"b", "c", "d"});
    s.ack(1, 2);
    s.wait(seconds(600));
    CHECK(s.said().empty());
    CHECK(held_records(s.stream) == strings{"b", "c", "d"});
    CHECK(s.stream.settled() == 1);
}

TEST_CASE("nothing is held when everything was acknowledged") {
    zerobus::ingest_stream_options o = options();
    o.patience.refusals = 1;
    scene s(o);
    s.open();
    s.add({"a"});
    s.add({"b", "c"});
    s.ack(1, 1);
    s.ended(1, 5);
    CHECK(s.said().find("failed") != std::string::npos);
    CHECK(s.stream.held().empty());
}

// ---- failures -------------------------------------------------------------------------------------------------------

TEST_CASE("wire offsets start again on each call, logical ones go on, and requests keep their grouping") {
    scene s;
    s.open();
    s.add({"a"});
    s.add({"b", "c"});
    s.add({"d"});
    s.ack(1, 0);
    s.ended(1, 14);
    CHECK(s.add({"e"}) == zerobus::offset_range{4, 5});
    s.said();
    s.wait(seconds(1));
    s.opened(2);
    s.created(2);
    CHECK(s.said() == "open 2, create 2, send 2 #0 b c, send 2 #1 d, send 2 #2 e");
    s.ack(2, 1);
    CHECK(s.said() == "durable 1-4");
    CHECK(s.add({"f"}) == zerobus::offset_range{5, 6});
    CHECK(s.said() == "send 2 #3 f");
}

TEST_CASE("every status code, while the stream opens and while it runs") {
    // What follows: again, with a new token, by looking for the bad row, or not at all.
    const std::vector<std::pair<std::string, std::string>> expected{
        {"again", "again"}, // OK
        {"again", "again"}, // CANCELLED
        {"again", "again"}, // UNKNOWN
        {"stop", "row"},    // INVALID_ARGUMENT
        {"again", "again"}, // DEADLINE_EXCEEDED
        {"stop", "stop"},   // NOT_FOUND
        {"again", "again"}, // ALREADY_EXISTS
        {"token", "token"}, // PERMISSION_DENIED
        {"again", "again"}, // RESOURCE_EXHAUSTED
        {"again", "again"}, // FAILED_PRECONDITION
        {"again", "again"}, // ABORTED
        {"stop", "stop"},   // OUT_OF_RANGE
        {"stop", "stop"},   // UNIMPLEMENTED
        {"again", "again"}, // INTERNAL
        {"again", "again"}, // UNAVAILABLE
        {"again", "again"}, // DATA_LOSS
        {"token", "token"}, // UNAUTHENTICATED
        {"again", "again"}, // a code that nobody knows
        {"again", "again"}, // and one that cannot be
    };
    const auto what_follows = [](scene& s) -> std::string {
        const std::string said = s.said();
        if (said == "failed (the words)") {
            CHECK(!s.what_to_do.empty());
            CHECK(s.stream.closed());
            return "stop";
        }
        if (said == "interrupted, renew_token" || said == "renew_token, interrupted") return "token";
        if (said == "interrupted, rejected 0 a (the words)") return "row";
        CHECK(said == "interrupted");
        CHECK(s.why.fault == call::fault::none);
        s.wait(milliseconds(500));
        return s.said() == "open 2" ? "again" : "";
    };
    for (std::size_t i = 0; i < expected.size(); ++i) {
        const int status = i == 18 ? -1 : static_cast<int>(i);
        INFO("status " << status);
        {
            scene opening;
            opening.add({"a"});
            opening.said();
            opening.ended(1, status, "the words");
            CHECK(what_follows(opening) == expected[i].first);
            CHECK(held_records(opening.stream) == strings{"a"});
        }
        {
            scene creating;
            creating.opened(1);
            creating.said();
            creating.ended(1, status, "the words");
            CHECK(what_follows(creating) == expected[i].first);
        }
        {
            scene streaming;
            streaming.open();
            streaming.add({"a"});
            streaming.said();
            streaming.ended(1, status, "the words");
            CHECK(what_follows(streaming) == expected[i].second);
        }
    }
}

TEST_CASE("the end of a call with OK acknowledges nothing") {
    scene s;
    s.open();
    s.add({"a"});
    s.said();
    s.ended(1, 0, "");
    s.wait(seconds(1));
    s.opened(2);
    s.created(2);
    CHECK(s.said() == "interrupted, open 2, create 2, send 2 #0 a");
}

TEST_CASE("a refusal of what worked before is tried again a minute later, and the third one is the end") {
    const auto healthy = [](scene& s) {
        s.open();
        s.add({"a"});
        s.ack(1, 0);
        s.add({"b"});
        s.said();
    };
    for (const int status : {5, 12}) { // NOT_FOUND, UNIMPLEMENTED
        INFO(status);
        scene s;
        healthy(s);
        for (int call = 1; call < 3; ++call) {
            s.ended(call, status, "no");
            CHECK(s.said() == "interrupted");
            s.wait(seconds(59));
            CHECK(s.said() == "");
            s.wait(seconds(1));
            CHECK(s.said() == "open " + std::to_string(call + 1)); // the token is not to blame
        }
        s.ended(3, status, "no");
        CHECK(s.said() == "failed (no)");
    }
    for (const int status : {7, 16}) { // PERMISSION_DENIED, UNAUTHENTICATED
        INFO(status);
        zerobus::ingest_stream_options o = options();
        o.patience.token_renewals = 0;
        scene s(o);
        healthy(s);
        s.ended(1, status, "no");
        CHECK(s.said() == "interrupted, renew_token"); // may have expired
        s.renew_token();
        CHECK(s.said() == "open 2");
        s.ended(2, status, "no");
        CHECK(s.said() == "interrupted");
        s.wait(seconds(59));
        CHECK(s.said() == "");
        s.wait(seconds(1));
        CHECK(s.said() == "renew_token");
        s.input(zerobus::token_refused{"no"}); // counts with the first one
        CHECK(s.said() == "interrupted");
        s.wait(seconds(60));
        CHECK(s.said() == "renew_token");
        s.input(zerobus::token_refused{"no"});
        CHECK(s.said() == "failed (no)");
    }
    scene fresh; // never was well
    fresh.said();
    fresh.ended(1, 5, "no");
    CHECK(fresh.said() == "failed (no)");
}

TEST_CASE("a failure that only a person can mend keeps every row, in order and grouping, for another stream") {
    zerobus::ingest_stream_options o = options();
    o.patience.refusals = 1;
    scene s(o);
    s.open();
    s.add({"a"});
    s.add({"b", "c"});
    s.add({"d"});
    s.ack(1, 0);
    s.said();
    s.ended(1, 5, "no table");
    CHECK(s.said() == "failed (no table)");
    CHECK(s.stream.closed());
    CHECK(s.try_add({"e"}).error.code == errc::stream_closed);

    scene another;
    another.open();
    for (const auto& request : s.stream.held())
        CHECK(another.stream.add(zerobus::record_batch(request.records)).ok());
    another.run();
    CHECK(another.said() == "send 1 #0 b c, send 1 #1 d");
}

TEST_CASE("a server's words are cut at the limit") {
    scene s;
    s.said();
    s.ended(1, 5, std::string(100'000, 'w'));
    CHECK(s.said() == "failed (" + std::string(limits::peer_text_bytes, 'w') + ")");
}

TEST_CASE("the waits grow, with jitter, and an acknowledgement makes them short again") {
    const auto waits = [](std::uint64_t seed) {
        auto o = options();
        o.seed = seed;
        scene s(o);
        std::vector<std::int64_t> out;
        for (std::uint64_t call = 1; call <= 12; ++call) {
            s.ended(call, 14);
            out.push_back((s.interrupted_until - s.now) / milliseconds(1));
            s.wait_for_call(call + 1);
        }
        s.open(13);
        s.add({"a"});
        s.ack(13, 0);
        s.add({"b"});
        s.ended(13, 14);
        out.push_back((s.interrupted_until - s.now) / milliseconds(1));
        return out;
    };
    const auto one = waits(1), other = waits(2);
    CHECK(one == waits(1));
    CHECK(one != other);
    for (std::size_t i = 0; i < 12; ++i) {
        const std::int64_t whole = std::min<std::int64_t>(30'000, 500 << i);
        CHECK(one[i] >= whole / 2);
        CHECK(one[i] <= whole);
    }
    CHECK(one.back() <= 500);
}

TEST_CASE("a server that accepts every stream and drops it is not stormed") {
    auto o = options();
    o.patience.attempts = 41;
    scene s(o);
    s.add({"a"});
    int calls = 0;
    const time_point start = s.now;
    for (std::uint64_t call = 1; !s.stream.closed(); ++call, ++calls) {
        s.opened(call);
        s.created(call); // goes well
        s.ended(call, 14);
        s.wait_for_call(call + 1);
    }
    CHECK(calls == 41); // opening is not health: the budget was never refilled
    CHECK(s.now - start > seconds(15 * 30));
    CHECK(held_records(s.stream) == strings{"a"});
}

TEST_CASE("the budget of retries is one for failures in a row, and an acknowledgement refills it") {
    auto o = options();
    o.patience.attempts = 5;
    SECTION("five failures end the stream") {
        scene s(o);
        for (std::uint64_t call = 1; call <= 5; ++call) {
            CHECK(!s.stream.closed());
            s.ended(call, 14);
            if (!s.stream.closed()) s.wait_for_call(call + 1);
        }
        CHECK(s.stream.closed());
        CHECK(s.why.fault == call::fault::none);
    }
    SECTION("with progress in between there is no end") {
        scene s(o);
        for (std::uint64_t call = 1; call <= 50; ++call) {
            s.add({"a"});
            if (call % 4 == 0) {
                s.opened(call);
                s.created(call);
                s.ack(call, 0);
            }
            s.ended(call, 14);
            if (!s.stream.closed()) s.wait_for_call(call + 1);
        }
        CHECK(!s.stream.closed());
    }
    SECTION("without retries the first failure is the last") {
        o.patience.attempts = 1;
        scene s(o);
        s.open();
        s.add({"a"});
        s.add({"b"});
        s.ack(1, 0);
        s.said();
        s.ended(1, 13, "internal");
        CHECK(s.said() == "failed (internal)");
        CHECK(held_records(s.stream) == strings{"b"});
    }
}

TEST_CASE("each request has its own deadline for the acknowledgement") {
    scene s;
    s.open();
    s.add({"a"});
    s.wait(seconds(40));
    s.add({"b"});
    s.wait(seconds(19));
    s.said();
    SECTION("the oldest one decides") {
        s.wait(seconds(1));
        CHECK(s.said().find("cancel 1, interrupted") == 0);
        CHECK(s.why.fault == call::fault::ack_timed_out);
        s.wait_for_call(2);
        s.opened(2);
        s.created(2);
        CHECK(s.requests.back().records == strings{"b"});
    }
    SECTION("and when it is acknowledged, the next one") {
        s.ack(1, 0);
        s.wait(seconds(40));
        CHECK(s.said() == "durable 0-1");
        s.wait(seconds(1));
        CHECK(s.said().find("cancel 1") == 0);
    }
    SECTION("acknowledgements that come again do not put it off") {
        scene again;
        again.open();
        again.add({"a"});
        again.ack(1, 0);
        again.add({"b"});
        again.said();
        for (int i = 0; i < 59; ++i) {
            again.wait(seconds(1));
            again.ack(1, 0);
        }
        CHECK(again.said().empty());
        again.wait(seconds(1));
        CHECK(again.said() == "cancel 1, interrupted");
        CHECK(again.why.fault == call::fault::ack_timed_out);
    }
    SECTION("and without another try the stream fails") {
        auto o = options();
        o.patience.attempts = 1;
        scene only(o);
        only.open();
        only.add({"a"});
        only.said();
        only.wait(seconds(60));
        CHECK(only.said() == "cancel 1, failed ()");
        CHECK(only.why.fault == call::fault::ack_timed_out);
        CHECK(held_records(only.stream) == strings{"a"});
    }
    SECTION("nothing in flight, nothing to wait for") {
        s.ack(1, 1);
        s.said();
        s.wait(seconds(100'000));
        CHECK(s.said().empty());
    }
}

TEST_CASE("a connection that is dead without a sign is noticed by the first row") {
    scene s;
    s.open();
    s.wait(seconds(3'600));
    s.add({"a"});
    s.said();
    s.wait(seconds(61));
    CHECK(s.said() == "cancel 1, interrupted, open 2");
}

TEST_CASE("what still comes from a call of before is ignored") {
    scene s;
    s.open();
    s.add({"a"});
    s.add({"b"});
    s.ended(1, 14);
    s.wait(seconds(1));
    s.opened(2);
    s.created(2);
    s.said();
    s.ack(1, 1);
    s.respond(1, "nonsense");
    s.respond(1, close_signal(5));
    s.ended(1, 5);
    s.opened(1);
    CHECK(s.try_respond(77, ack_response(1)) == errc::unknown_call); // or of one that never was
    CHECK(s.said().empty());
    CHECK(s.stream.settled() == 0);
    s.ack(2, 1);
    CHECK(s.said() == "durable 0-2");
}

TEST_CASE("after a failure nothing is opened again before there are rows") {
    scene s;
    s.open();
    s.said();
    s.ended(1, 14);
    s.wait(seconds(3'600));
    CHECK(s.said() == "interrupted");
    s.add({"a"});
    CHECK(s.said() == "open 2");
}

// ---- tokens ---------------------------------------------------------------------------------------------------------

TEST_CASE("a token that is refused is renewed before the next call") {
    for (const int status : {16, 7}) {
        scene s;
        s.add({"a"});
        s.said();
        s.ended(1, status);
        CHECK(s.said() == "interrupted, renew_token");
        s.wait(seconds(100)); // however long that takes
        CHECK(s.said().empty());
        s.renew_token();
        CHECK(s.said() == "open 2");
    }
}

TEST_CASE("a token that is refused in mid-stream is renewed, and the rows are sent again") {
    scene s;
    s.open();
    s.add({"a"});
    s.add({"b"});
    s.ack(1, 0);
    s.said();
    s.ended(1, 16);
    s.renew_token();
    s.opened(2);
    s.created(2);
    CHECK(s.said() == "interrupted, renew_token, open 2, create 2, send 2 #0 b");
}

TEST_CASE("tokens that are refused again and again end the stream, and say which grants it takes") {
    scene s;
    s.add({"a"});
    for (std::uint64_t call = 1; call <= 5; ++call) {
        CHECK(!s.stream.closed());
        s.ended(call, 7, "4024");
        s.renew_token();
        s.wait_for_call(call + 1);
    }
    CHECK(s.stream.closed());
    CHECK(s.what_to_do.find("MODIFY") != std::string_view::npos);
    CHECK(s.said().find("failed (4024)") != std::string::npos);
    CHECK(held_records(s.stream) == strings{"a"});
}

TEST_CASE("tokens of a healthy stream are renewed as often as they expire") {
    scene s;
    for (std::uint64_t call = 1; call <= 20; ++call) {
        s.opened(call);
        s.created(call);
        s.add({"a"});
        s.ack(call, 0);
        s.add({"b"});
        s.ended(call, 16);
        s.renew_token();
        s.wait(seconds(1));
    }
    CHECK(!s.stream.closed());
}

TEST_CASE("when no token can be had the stream fails and keeps its rows") {
    scene s;
    s.add({"a"});
    s.ended(1, 16);
    s.said();
    s.input(zerobus::token_refused{"invalid_client"});
    CHECK(s.said() == "failed (invalid_client)");
    CHECK(s.why.fault == call::fault::token_refused);
    CHECK(!s.what_to_do.empty());
    CHECK(held_records(s.stream) == strings{"a"});
}

TEST_CASE("a login service that cannot be asked is asked again after a wait, and that is a retry") {
    auto o = options();
    o.patience.attempts = 4;
    scene s(o);
    s.add({"a"});
    s.said();
    s.ended(1, 16);
    CHECK(s.said() == "interrupted, renew_token");
    for (int i = 0; i < 3; ++i) {
        s.input(zerobus::token_unavailable{"429"});
        CHECK(s.said() == "interrupted");
        CHECK(s.why.fault == call::fault::token_unavailable);
        s.wait(std::chrono::ceil<milliseconds>(s.interrupted_until - s.now));
        CHECK(s.said() == "renew_token");
    }
    SECTION("and it goes on when there is a token") {
        s.renew_token();
        CHECK(s.said() == "open 2");
    }
    SECTION("or the budget is used up") {
        s.input(zerobus::token_unavailable{"429"});
        CHECK(s.said() == "failed (429)");
        CHECK(held_records(s.stream) == strings{"a"});
    }
}

TEST_CASE("answers about tokens that nobody asked for say nothing") {
    scene s;
    s.open();
    s.add({"a"});
    s.said();
    s.input(zerobus::token_renewed{});
    s.input(zerobus::token_refused{"no"});
    s.input(zerobus::token_unavailable{"later"});
    s.input(std::monostate{});
    CHECK(s.said().empty());
    CHECK(!s.stream.closed());
}

TEST_CASE("an idle stream gets a new token when there are rows for it") {
    scene s;
    s.open();
    s.said();
    s.ended(1, 16);
    s.wait(seconds(3'600));
    CHECK(s.said() == "interrupted");
    s.add({"a"});
    CHECK(s.said() == "renew_token");
    s.renew_token();
    CHECK(s.said() == "open 2");
}

TEST_CASE("a stream that closes with rows still renews its token for them") {
    scene s;
    s.open();
    s.add({"a"});
    s.close();
    s.ended(1, 7);
    s.said();
    s.renew_token();
    s.open(2);
    s.ack(2, 0);
    CHECK(s.said() == "durable 0-1, half_close 2");
}

// ---- rotation -------------------------------------------------------------------------------------------------------

TEST_CASE("the next call is opened while the old one drains, and sends only behind it") {
    scene s;
    s.open();
    s.add({"a"});
    s.add({"b"});
    s.ack(1, 0);
    s.said();
    s.respond(1, close_signal(10));
    CHECK(s.said() == "open 2"); // at once, beside the old one
    s.opened(2);
    s.created(2);
    s.add({"c"});
    CHECK(s.said() == "create 2"); // b is not durable: c would overtake it
    s.wait(seconds(3));
    s.ack(1, 1);
    CHECK(s.said() == "durable 1-2, half_close 1, send 2 #0 c"); // early: the old call has nothing left
    s.ended(1, 0);
    CHECK(s.said().empty());
    s.ack(2, 0);
    CHECK(s.said() == "durable 2-3");
}

TEST_CASE("a close signal on an idle stream closes the call, and nothing is opened before there are rows") {
    scene s;
    s.open();
    s.add({"a"});
    s.ack(1, 0);
    s.said();
    s.respond(1, close_signal(60));
    CHECK(s.said() == "half_close 1");
    s.wait(seconds(1));
    CHECK(s.said().empty());
    s.add({"b"});
    CHECK(s.said() == "open 2"); // nothing more on the old call, though it is still there
    s.ended(1, 14, "6002");
    CHECK(s.said().empty());
    s.opened(2);
    s.created(2);
    CHECK(s.said() == "create 2, send 2 #0 b");
}

TEST_CASE("a close signal waits as long as it says, then half-closes, and late acknowledgements still count") {
    scene s;
    s.open();
    for (const char* row : {"a", "b", "c"}) s.add({row});
    s.ack(1, 0);
    s.respond(1, close_signal(2, 500'000'000));
    s.open(2);
    s.wait(milliseconds(2'499));
    CHECK(s.said().empty());
    s.wait(milliseconds(1));
    CHECK(s.said() == "half_close 1");
    s.wait(seconds(1));
    s.ack(1, 1); // late, and b is not sent twice
    CHECK(s.said() == "durable 1-2");
    SECTION("until the server ends the call") {
        s.ended(1, 0);
        CHECK(s.said() == "send 2 #0 c");
    }
    SECTION("or drain_limit is over") {
        s.wait(seconds(1));
        CHECK(s.said() == "cancel 1, send 2 #0 c");
    }
    SECTION("or everything is durable") {
        s.ack(1, 2);
        s.add({"d"});
        CHECK(s.said() == "durable 2-3, send 2 #0 d");
    }
}

TEST_CASE("a close signal without a duration means now") {
    for (const std::string& signal : {close_signal_without_duration(), close_signal(0), close_signal(-5, -7)}) {
        scene s;
        s.open();
        s.add({"a"});
        s.add({"b"});
        s.ack(1, 0);
        s.said();
        s.respond(1, signal);
        CHECK(s.said() == "half_close 1, open 2");
        s.open(2);
        s.ack(1, 1); // it was on its way
        CHECK(s.said() == "durable 1-2");
    }
}

TEST_CASE("a close signal of years is held to the limit, and the deadline of requests goes on") {
    scene s;
    s.open();
    s.add({"a"});
    s.ack(1, 0);
    s.wait(seconds(900));
    s.add({"b"});
    s.respond(1, close_signal(INT64_MAX, INT32_MAX));
    s.open(2);
    s.wait(seconds(59));
    CHECK(s.said().empty());
    s.wait(seconds(3)); // 60 s for the acknowledgement, then drain_limit
    CHECK(s.said() == "half_close 1, cancel 1, send 2 #0 b");
}

TEST_CASE("a rotation is not a failure: it takes nothing from the budget and waits for nothing") {
    auto o = options();
    o.patience.attempts = 1;
    scene s(o);
    s.open();
    for (std::uint64_t call = 1; call < 50; ++call) {
        s.add({"a"});
        s.ack(call, 0);
        s.add({"b"});
        s.said();
        s.respond(call, close_signal(10));
        CHECK(s.said() == "open " + std::to_string(call + 1));
        s.ended(call, 14, "Stream timeout reached");
        s.opened(call + 1);
        s.created(call + 1);
        CHECK(s.requests.back().records == strings{"b"});
        s.ack(call + 1, 0);
        s.requests.clear();
        s.respond(call + 1, close_signal(10)); // and once without rows
        s.ended(call + 1, 14);
        ++call;
        s.add({"c"});
        s.opened(call + 1);
        s.created(call + 1);
        s.ack(call + 1, 0);
    }
    CHECK(!s.stream.closed());
}

TEST_CASE("a call that breaks while it drains is replaced by the next, which is open already") {
    scene s;
    s.open();
    s.add({"a"});
    s.add({"b"});
    s.ack(1, 0);
    s.respond(1, close_signal(10));
    s.open(2);
    SECTION("by its end") {
        s.ended(1, 13);
        CHECK(s.said() == "send 2 #0 b");
    }
    SECTION("by an acknowledgement of what was not sent") {
        s.ack(1, 2);
        CHECK(s.said() == "interrupted, cancel 1, send 2 #0 b");
    }
}

TEST_CASE("while the old call drains the next one may fail like any other") {
    scene s;
    s.open();
    s.add({"a"});
    s.add({"b"});
    s.ack(1, 0);
    s.respond(1, close_signal(30));
    s.said();
    s.ended(2, 8, "one stream at a time");
    CHECK(s.said() == "interrupted");
    s.ack(1, 1);
    CHECK(s.said() == "durable 1-2, half_close 1");
    s.add({"c"});
    s.wait(seconds(1));
    CHECK(s.said() == "open 3"); // after the wait
    s.ended(1, 0);
    s.opened(3);
    s.created(3);
    CHECK(s.said() == "create 3, send 3 #0 c");
}

TEST_CASE("a server that closes each stream before it takes a row is not stormed") {
    scene s;
    s.add({"a"});
    for (std::uint64_t call = 1; call <= 12; ++call) {
        s.opened(call);
        s.created(call);
        s.respond(call, close_signal_without_duration());
        s.said();
        const time_point before = s.now;
        s.ended(call, 0);
        CHECK(s.said().empty()); // announced, so that nothing is reported
        s.wait_for_call(call + 1);
        CHECK(s.now - before >= std::min(milliseconds(250 << (call - 1)), milliseconds(15'000)));
    }
    CHECK(held_records(s.stream) == strings{"a"});
}

TEST_CASE("more rotations than rows: a call without rows is not waited for") {
    scene s;
    s.open();
    s.add({"a"});
    s.add({"b"});
    s.ack(1, 0);
    s.respond(1, close_signal(30));
    s.open(2);
    s.respond(2, close_signal(30)); // while b is still on the first call
    CHECK(s.said() == "half_close 2, cancel 2");
    s.ack(1, 1);
    CHECK(s.said() == "durable 1-2, half_close 1");
    s.add({"c"});
    s.wait(seconds(1));
    CHECK(s.said().find("open 3") != std::string::npos);
}

TEST_CASE("a drained call that does not end is cancelled when the next one drains") {
    scene s;
    s.open();
    s.add({"a"});
    s.ack(1, 0);
    s.respond(1, close_signal(30));
    s.add({"b"});
    s.open(2);
    s.ack(2, 0);
    s.said();
    s.respond(2, close_signal(30));
    CHECK(s.said() == "cancel 1, half_close 2");
}

// ---- bad rows -------------------------------------------------------------------------------------------------------

TEST_CASE("a bad row is found in its batch, all others are stored, in order") {
    for (int bad = 0; bad < 9; ++bad) {
        scene s;
        careful_server server{s, {"r" + std::to_string(bad)}};
        s.add(numbered(9));
        server.serve();
        strings good = numbered(9);
        good.erase(good.begin() + bad);
        CHECK(server.stored == good);
        CHECK(s.stream.settled() == 9);
        CHECK(s.said().find("rejected " + std::to_string(bad) + " r" + std::to_string(bad) + " (no such value)")
              != std::string::npos);
        CHECK(server.calls <= 1 + 1 + 4); // 9 rows are halved four times
    }
}

TEST_CASE("a row that is alone in flight and refused is rejected without another try") {
    scene s;
    s.open();
    s.add({"bad"});
    s.said();
    s.ended(1, 3, "why");
    CHECK(s.said() == "interrupted, rejected 0 bad (why)");
    s.add({"good"});
    s.open(2);
    s.ack(2, 0);
    CHECK(s.said() == "durable 1-2");
}

TEST_CASE("of many requests in flight the search sends half, and nobody is blamed for his neighbours") {
    scene s;
    s.open();
    for (int i = 0; i < 8; ++i) s.add({"r" + std::to_string(i)});
    s.said();
    s.ended(1, 3); // r6, and nothing was acknowledged yet
    s.opened(2);
    s.created(2);
    CHECK(s.said() == "interrupted, open 2, create 2, send 2 #0 r0, send 2 #1 r1, send 2 #2 r2, send 2 #3 r3");
    s.ack(2, 3); // the other half it is
    CHECK(s.said() == "durable 0-4, send 2 #4 r4, send 2 #5 r5");
    s.ack(2, 5);
    CHECK(s.said() == "durable 4-6, send 2 #6 r6");
    s.ended(2, 3, "r6");
    CHECK(s.said() == "interrupted, rejected 6 r6 (r6), open 3");
    s.opened(3);
    s.created(3);
    s.add({"r8"});
    CHECK(s.said() == "create 3, send 3 #0 r7"); // alone, as bad rows come in groups
    s.ack(3, 0);
    CHECK(s.said() == "durable 7-8, send 3 #1 r8");
}

TEST_CASE("a bad row among 25,600 in flight takes at most 16 refusals, wherever it is") {
    for (const std::size_t bad : {0u, 1u, 99u, 100u, 12'799u, 12'800u, 17'066u, 25'499u, 25'599u}) {
        scene s;
        s.open();
        for (int i = 0; i < 256; ++i) s.add(numbered(100, std::to_string(i) + " "));
        const std::string bad_row = std::to_string(bad / 100) + " r" + std::to_string(bad % 100);
        const auto has_bad_row = [&](const sent_request& r) {
            return std::find(r.records.begin(), r.records.end(), bad_row) != r.records.end();
        };
        s.requests.erase(s.requests.begin()); // create_stream
        int refusals = 0;
        for (std::uint64_t call = 1; s.stream.settled() < s.stream.added();) {
            // The worst server: it acknowledges nothing of what it refuses a row of.
            if (std::any_of(s.requests.begin(), s.requests.end(), has_bad_row)) {
                ++refusals;
                s.ended(call, 3);
                if (s.last_call == call) continue; // the last row is rejected, and there is nothing to send
                s.opened(++call);
                s.requests.clear();
                s.created(call);
            } else {
                s.ack(call, static_cast<std::int64_t>(s.requests.size()) - 1);
            }
        }
        CHECK(refusals <= 16);
        CHECK(s.said().find("rejected " + std::to_string(bad) + " " + bad_row) != std::string::npos);
    }
}

TEST_CASE("a failure of another kind interrupts the search, which goes on afterwards") {
    scene s;
    s.open();
    s.add({"a", "b"});
    s.add({"c"});
    s.ended(1, 3);
    s.open(2);
    s.ended(2, 14);
    s.wait(seconds(1));
    s.opened(3);
    s.created(3);
    CHECK(s.requests.back().records == strings{"a", "b"});
    s.ended(3, 3);
    s.opened(4);
    s.created(4);
    CHECK(s.requests.back().records == strings{"a"});
    s.said();
    s.ack(4, 0);
    CHECK(s.said() == "durable 0-1, send 4 #1 b");
}

TEST_CASE("a bad row that a draining call reports is looked for on the next call") {
    scene s;
    s.open();
    s.add({"a"});
    s.add({"b", "c"});
    s.ack(1, 0);
    s.respond(1, close_signal(30));
    s.open(2);
    s.ended(1, 3, "c");
    CHECK(s.said() == "interrupted, send 2 #0 b");
    s.ack(2, 0);
    CHECK(s.said() == "durable 1-2, send 2 #1 c");
    s.ended(2, 3, "c");
    CHECK(s.said() == "interrupted, rejected 2 c (c)");
}

TEST_CASE("any bad rows in any batches: each is rejected once, all others are stored once, in order") {
    std::mt19937 random(7);
    for (int round = 0; round < 200; ++round) {
        scene s;
        careful_server server{s, {}};
        strings good;
        int next = 0;
        std::size_t bad_rows = 0;
        for (auto requests = random() % 12; requests > 0; --requests) {
            strings rows;
            for (auto n = 1 + random() % 20; n > 0; --n) {
                rows.push_back("r" + std::to_string(next++));
                if (random() % 12 == 0)
                    server.bad.insert(rows.back()), ++bad_rows;
                else
                    good.push_back(rows.back());
            }
            s.add(rows);
        }
        server.serve();
        REQUIRE(server.stored == good);
        REQUIRE(s.stream.settled() == next);
        const std::string said = s.said();
        std::size_t rejected = 0;
        for (const auto& row : server.bad) rejected += said.find(" " + row + " (") != std::string::npos;
        REQUIRE(rejected == bad_rows);
    }
}

TEST_CASE("a table that refuses every row is not fed to the dead letters") {
    auto o = options();
    o.rejections = 10;
    scene s(o);
    careful_server server{s, {}};
    for (const auto& r : numbered(50)) server.bad.insert(r);
    s.add(numbered(50));
    server.serve();
    CHECK(s.stream.closed());
    CHECK(s.stream.settled() == 11);
    CHECK(held_records(s.stream).size() == 39);
    CHECK(s.what_to_do.find("columns") != std::string_view::npos);
    CHECK(server.calls < 60);
}

TEST_CASE("INVALID_ARGUMENT without a row in flight is not about a row") {
    scene s;
    s.open();
    s.said();
    s.ended(1, 3, "who knows");
    CHECK(s.said() == "failed (who knows)");
}

// ---- all of it ------------------------------------------------------------------------------------------------------

TEST_CASE("a day with a rotation every 15 minutes and a drop every hour repeats only what was in flight at a drop") {
    scene s;
    std::uint64_t call = 1;
    s.open(call);
    std::int64_t stored = 0, rows = 0, drops = 0;
    std::int64_t taken = 0; // of the requests of this call
    const auto serve = [&] {
        for (; taken < static_cast<std::int64_t>(s.requests.size()); ++taken) ++stored;
    };
    const auto next_call = [&] {
        s.wait(seconds(1));
        s.opened(++call);
        s.requests.clear();
        taken = 0;
        s.created(call);
        serve();
    };
    s.requests.clear();
    for (int minute = 1; minute <= 24 * 60; ++minute) {
        s.add({"r"});
        ++rows;
        serve();
        if (minute % 60 == 0) {
            s.ended(call, 14); // before the acknowledgement
            ++drops;
            next_call();
        }
        s.ack(call, taken - 1);
        if (minute % 15 == 0 && minute % 60 != 0) {
            s.respond(call, close_signal(5));
            s.ended(call, 0);
            s.add({"r"});
            ++rows;
            next_call();
            s.ack(call, taken - 1);
        }
        s.wait(seconds(60));
    }
    CHECK(drops == 24);
    CHECK(stored == rows + drops);
    CHECK(s.stream.settled() == rows);
}

TEST_CASE("an event that nobody has polled is waited for by nobody") {
    zerobus::ingest_stream_options options;
    options.table_name = "main.s.t";
    options.descriptor_proto = "d";
    zerobus::ingest_stream stream(options);
    time_point now{};
    while (stream.poll_action(now)) {
    }
    REQUIRE(stream.poll_timeout());
    now = *stream.poll_timeout(); // the call did not open in time: poll_action() finds that out
    while (stream.poll_action(now)) {
    }
    CHECK(stream.poll_timeout() == time_point::min());
    REQUIRE(stream.poll_event());
    CHECK_FALSE(stream.poll_event());
    REQUIRE(stream.poll_timeout());
    CHECK(*stream.poll_timeout() > now);
}

// ---- message types ---------------------------------------------------------------------------------------------------

namespace {

zerobus::record_batch batch_of(const strings& records, const char* descriptor) {
    zerobus::record_batch out = batch(records);
    out.describe(std::make_shared<const std::string>(descriptor));
    return out;
}

} // namespace

TEST_CASE("rows of another message type go out on a call of their own, behind all in front of them") {
    scene s;
    s.open();
    s.add({"a"});
    (void)s.stream.add(batch_of({"b", "c"}, "wider"));
    s.run();
    CHECK(s.said() == "send 1 #0 a"); // b waits for a
    s.ack(1, 0);
    CHECK(s.said() == "durable 0-1, half_close 1, open 2");
    s.opened(2);
    CHECK(s.requests.back().descriptor == "wider");
    s.created(2);
    CHECK(s.said() == "create 2, send 2 #0 b c");
    s.add({"d"}); // of the first type again
    CHECK(s.said().empty());
    s.ack(2, 0);
    CHECK(s.said() == "durable 1-3, cancel 1, half_close 2, open 3");
    s.opened(3);
    CHECK(s.requests.back().descriptor == "descriptor");
}

TEST_CASE("a descriptor of the same content changes no call") {
    scene s;
    s.open();
    s.add({"a"});
    (void)s.stream.add(batch_of({"b"}, "descriptor"));
    (void)s.stream.add(batch_of({"c"}, "descriptor"));
    s.run();
    CHECK(s.said() == "send 1 #0 a, send 1 #1 b, send 1 #2 c");
}

TEST_CASE("a call that breaks is opened again for the rows that it had, not for the newest ones") {
    scene s;
    s.open();
    s.add({"a"});
    (void)s.stream.add(batch_of({"b"}, "wider"));
    s.run();
    s.ended(1, 14);
    s.wait_for_call(2);
    s.opened(2);
    CHECK(s.requests.back().descriptor == "descriptor");
}

TEST_CASE("the halves of a refused request keep its message type") {
    scene s;
    s.open();
    (void)s.stream.add(batch_of({"a", "bad"}, "wider"));
    s.run();
    s.opened(2);
    s.created(2);
    s.said();
    s.ended(2, 3, "no such value");
    s.opened(3);
    s.created(3);
    s.ack(3, 0); // a
    CHECK(s.said().ends_with("send 3 #0 a, durable 0-1, send 3 #1 bad"));
}

TEST_CASE("a batch that was moved from has no message type, and a stream knows whether it was ever created") {
    zerobus::record_batch first = batch_of({"a"}, "wider");
    const zerobus::record_batch second = std::move(first);
    CHECK(second.descriptor() != nullptr);
    CHECK(first.descriptor() == nullptr); // NOLINT(bugprone-use-after-move)
    scene s;
    s.opened(1);
    CHECK(!s.stream.was_created());
    s.created(1);
    CHECK(s.stream.was_created());
    s.ended(1, 14);
    CHECK(s.stream.was_created());
}
