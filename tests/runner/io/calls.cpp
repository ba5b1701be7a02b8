#include "io/calls.hpp"

#include "catch.hpp"
#include "generic_server.hpp"
#include "until.hpp"

#include <algorithm>
#include <chrono>
#include <functional>
#include <map>
#include <optional>
#include <random>
#include <string>
#include <thread>
#include <utility>
#include <vector>

namespace {

using namespace std::chrono_literals;
using sfcdc::runner::call_status;
using sfcdc::runner::calls;
using sfcdc::runner::inbox;
using sfcdc::runner::received_bytes;
using sfcdc::wire::grpc_status;
using test::steady;
using words = std::vector<std::string>;

// What a machine hears of its calls.
struct recorder final : calls::listener {
    void call_opened(std::uint64_t call) noexcept override {
        heard[call].push_back("opened");
        if (on_opened) on_opened(call);
    }
    void call_responded(std::uint64_t call, received_bytes response) noexcept override {
        heard[call].push_back("< " + std::string(response.view()));
        kept.push_back(std::move(response));
        if (on_response) on_response(call);
    }
    void call_ended(std::uint64_t call, const call_status& status) noexcept override {
        heard[call].push_back("ended");
        ends[call] = status;
        if (on_end) on_end(call);
    }

    std::size_t count(std::uint64_t call) { return heard[call].size(); }

    std::map<std::uint64_t, words> heard;
    std::map<std::uint64_t, call_status> ends;
    std::vector<received_bytes> kept;
    std::function<void(std::uint64_t)> on_opened, on_response, on_end;
};

// A machine's calls to a server on loopback. The inbox goes last: everything else tells it things.
struct scene {
    template<class Condition> bool until(Condition condition) { return test::until(in, condition); }
    bool ended(std::uint64_t call) {
        return until([&] { return heard.ends.count(call) == 1; });
    }
    // Opens a call and gives the server's end of it.
    test::served_call& open(std::uint64_t call, const std::string& method = "/test/Call") {
        const std::size_t before = server.count();
        made->open(call, method, {});
        if (!until([&] { return server.count() > before && heard.count(call) > 0; }))
            throw std::runtime_error("the call did not open");
        return server.call(before);
    }

    inbox in;
    test::generic_server server{in};
    std::shared_ptr<grpc::Channel> channel = server.channel();
    recorder heard;
    std::optional<calls> made{std::in_place, in, channel, heard};
};

std::string bytes(std::size_t size, unsigned seed) {
    std::string text(size, '\0');
    for (std::size_t i = 0; i < size; ++i) text[i] = static_cast<char>(seed + i * i % 251);
    return text;
}

} // namespace

TEST_CASE("a call opens, its messages come whole and in order, and it ends once") {
    scene s;
    s.made->open(7, "/eventbus.v1.PubSub/Subscribe", {{"accesstoken", "00D!x"}, {"tenantid", "core/prod/00D"}});
    REQUIRE(s.until([&] { return s.server.count() == 1; }));
    test::served_call& there = s.server.call(0);
    CHECK(there.method == "/eventbus.v1.PubSub/Subscribe");
    CHECK(there.headers.find("accesstoken")->second == "00D!x");
    CHECK(there.headers.find("tenantid")->second == "core/prod/00D");

    // Empty, in a slice's own bytes, and of many slices.
    words sent;
    for (const std::size_t size : {0, 1, 23, 24, 70'000, 1'000'000, 3, 3'000'000})
        sent.push_back(bytes(size, static_cast<unsigned>(size)));
    for (const std::string& m : sent) there.write(m);
    there.finish(grpc::Status::OK);
    REQUIRE(s.ended(7));

    words expected = {"opened"};
    for (const std::string& m : sent) expected.push_back("< " + m);
    expected.push_back("ended");
    CHECK((s.heard.heard[7] == expected)); // in brackets: nobody wants to read these
    CHECK(s.heard.ends[7].code == grpc_status::ok);

    // Views of messages outlive the call, and all calls.
    s.made.reset();
    CHECK((s.heard.heard[7] == expected));
    REQUIRE(s.heard.kept.size() == sent.size());
    for (std::size_t i = 0; i < sent.size(); ++i) CHECK((s.heard.kept[i].view() == sent[i]));
}

TEST_CASE("what a call sends arrives in order, and half-closing comes behind it") {
    scene s;
    test::served_call& there = s.open(1);
    words sent;
    for (unsigned i = 0; i < 300; ++i) {
        sent.push_back(bytes(i * 97 % 9000, i));
        s.made->send(1, sent.back());
    }
    s.made->half_close(1);
    REQUIRE(s.until([&] { return there.half_closed(); }));
    CHECK((there.received() == sent));
    CHECK(s.heard.heard[1] == words{"opened"}); // the other direction is open
    there.write("last");
    there.finish(grpc::Status::OK);
    REQUIRE(s.ended(1));
    CHECK(s.heard.heard[1] == words{"opened", "< last", "ended"});
    CHECK((there.received() == sent));
}

TEST_CASE("what is sent before a call has opened is its first message") {
    scene s;
    s.made->open(1, "/test/echo", {});
    s.made->send(1, "a");
    s.made->send(1, "b");
    s.made->half_close(1);
    REQUIRE(s.ended(1));
    CHECK(s.heard.heard[1] == words{"opened", "< a", "< b", "ended"});
}

TEST_CASE("messages wait for a peer that does not read, and none is lost") {
    scene s;
    test::served_call& there = s.open(1, "/test/unread");
    words sent;
    for (unsigned i = 0; i < 100; ++i) { // more than HTTP/2 takes without being read
        sent.push_back(bytes(100'000, i));
        s.made->send(1, sent.back());
    }
    s.made->half_close(1);
    // Meanwhile nothing else waits: neither time nor the other direction.
    const auto when = steady::now() + 50ms;
    while (steady::now() < when) s.in.wait_until(when);
    CHECK(there.received().empty());
    there.write("go");
    REQUIRE(s.until([&] { return s.heard.count(1) == 2; }));
    there.start_reading();
    REQUIRE(s.until([&] { return there.half_closed(); }));
    CHECK((there.received() == sent));
}

TEST_CASE("a listener may send from within what it hears") {
    scene s;
    constexpr std::size_t rounds = 500;
    s.heard.on_opened = [&](std::uint64_t call) { s.made->send(call, "ping"); };
    s.heard.on_response = [&](std::uint64_t call) {
        if (s.heard.count(call) <= rounds)
            s.made->send(call, "ping");
        else
            s.made->half_close(call);
    };
    s.made->open(1, "/test/echo", {});
    REQUIRE(s.ended(1));
    words expected(rounds + 2, "< ping");
    expected.front() = "opened", expected.back() = "ended";
    CHECK(s.heard.heard[1] == expected);
}

TEST_CASE("a call ends with the server's status, its words and its error code") {
    scene s;
    test::served_call& there = s.open(1);
    const std::string code = "sfdc.platform.eventbus.grpc.subscription.limit.exceeded";
    there.finish({grpc::StatusCode::RESOURCE_EXHAUSTED, "no more today"}, code);
    REQUIRE(s.ended(1));
    const call_status& end = s.heard.ends[1];
    CHECK(end.code == grpc_status::resource_exhausted);
    CHECK(end.error_code == code);
    CHECK(end.message == "no more today");

    // After its end a call is nothing any more, whatever is asked of it.
    s.made->send(1, "x");
    s.made->half_close(1);
    s.made->cancel(1);
    s.made.reset();
    CHECK(s.heard.heard[1] == words{"opened", "ended"});
}

TEST_CASE("a server that ends a call in the middle of what is sent is heard, once") {
    scene s;
    test::served_call& there = s.open(1, "/test/unread");
    for (unsigned i = 0; i < 50; ++i) s.made->send(1, bytes(100'000, i)); // one is under way, the others wait
    there.write("why");
    there.finish({grpc::StatusCode::UNAUTHENTICATED, "expired"});
    REQUIRE(s.ended(1));
    s.made.reset();
    CHECK(s.heard.heard[1] == words{"opened", "< why", "ended"});
    CHECK(s.heard.ends[1].code == grpc_status::unauthenticated);
}

TEST_CASE("a call to where nobody listens ends") {
    scene s;
    s.server.stop();
    s.made->open(1, "/test/Call", {});
    s.made->send(1, "x");
    REQUIRE(s.ended(1));
    CHECK(s.heard.ends[1].code == grpc_status::unavailable);
    CHECK(s.heard.heard[1] == words{"ended"});
}

TEST_CASE("a server that goes away ends all of its calls") {
    scene s;
    for (const std::uint64_t call : {1, 2, 3}) s.open(call);
    s.made->send(2, "x");
    s.server.stop();
    for (const std::uint64_t call : {1, 2, 3}) {
        REQUIRE(s.ended(call));
        CHECK(s.heard.heard[call] == words{"opened", "ended"});
        CHECK(s.heard.ends[call].code != grpc_status::ok);
    }
}

TEST_CASE("a silent call does not hold up time, and what it says at last is heard") {
    scene s;
    test::served_call& there = s.open(1);
    for (int i = 0; i < 5; ++i) {
        const auto when = steady::now() + 10ms;
        while (steady::now() < when) s.in.wait_until(when);
        CHECK(steady::now() - when < 10s);
    }
    const std::jthread later([&] {
        std::this_thread::sleep_for(20ms);
        there.write("at last");
    });
    REQUIRE(s.until([&] { return s.heard.count(1) == 2; }));
    CHECK(s.heard.heard[1] == words{"opened", "< at last"});
}

// ---- cancelling

TEST_CASE("nothing is heard of a call that was cancelled") {
    scene s;
    const auto cancel = [&](std::uint64_t call) { s.made->cancel(call); };
    words expected = {"opened"};
    SECTION("while it is silent") {
        s.open(1);
        cancel(1);
    }
    SECTION("before it has opened") {
        s.made->open(1, "/test/Call", {});
        s.made->send(1, "x");
        cancel(1);
        expected.clear();
    }
    SECTION("from within its opening") {
        s.heard.on_opened = cancel;
        s.open(1);
    }
    SECTION("from within a message, when others are on their way") {
        s.heard.on_response = cancel;
        test::served_call& there = s.open(1);
        for (int i = 0; i < 20; ++i) there.write("m");
        there.finish(grpc::Status::OK);
        expected.push_back("< m");
        REQUIRE(s.until([&] { return s.heard.heard[1] == expected; }));
    }
    SECTION("when its messages wait to be sent") {
        s.open(1, "/test/unread");
        for (unsigned i = 0; i < 50; ++i) s.made->send(1, bytes(100'000, i));
        s.made->half_close(1);
        cancel(1);
    }
    SECTION("when its end is here and was not told yet") {
        s.open(1).finish({grpc::StatusCode::INTERNAL, "x"});
        std::this_thread::sleep_for(20ms);
        cancel(1);
    }
    SECTION("from within its end, which is the last of it") {
        s.heard.on_end = cancel;
        s.open(1).finish(grpc::Status::OK);
        REQUIRE(s.ended(1));
        expected.push_back("ended");
    }
    cancel(1);
    cancel(99); // and one that never was
    s.made->send(1, "x");
    s.made->half_close(1);

    // Others are not touched.
    s.heard.on_opened = s.heard.on_response = s.heard.on_end = nullptr;
    s.made->open(2, "/test/echo", {});
    s.made->send(2, "hello");
    s.made->half_close(2);
    REQUIRE(s.ended(2));
    CHECK(s.heard.heard[2] == words{"opened", "< hello", "ended"});
    s.made.reset(); // gRPC has let go of all of them
    CHECK(s.heard.heard[1] == expected);
}

TEST_CASE("the server hears that a call was cancelled") {
    scene s;
    test::served_call& there = s.open(1);
    s.made->cancel(1);
    CHECK(s.until([&] { return there.cancelled(); }));
}

// ---- the end of all calls

TEST_CASE("the end of the calls cancels what is open, tells nothing, and leaves gRPC with nothing") {
    scene s;
    std::vector<test::served_call*> there;
    for (const std::uint64_t call : {1, 2, 3}) there.push_back(&s.open(call));
    there[1]->write("on its way");
    s.made->open(4, "/test/Call", {}); // not open yet
    s.made->send(4, "x");
    s.made->send(3, bytes(3'000'000, 3)); // under way
    s.made.reset();
    CHECK(s.until([&] { return std::all_of(there.begin(), there.end(), [](auto* c) { return c->done(); }); }));
    for (const std::uint64_t call : {1, 2, 3}) CHECK(s.heard.heard[call] == words{"opened"});
    CHECK(s.heard.heard[4].empty());
}

TEST_CASE("while some calls come to their end, those of another machine on the same inbox go on") {
    scene s;
    recorder other_heard;
    calls other(s.in, s.channel, other_heard);
    other.open(1, "/test/echo", {});
    other.send(1, "before");
    REQUIRE(s.until([&] { return other_heard.count(1) == 2; }));
    s.open(1);
    other.send(1, "meanwhile");
    s.made.reset();
    other.send(1, "after");
    other.half_close(1);
    REQUIRE(s.until([&] { return other_heard.ends.count(1) == 1; }));
    CHECK(other_heard.heard[1] == words{"opened", "< before", "< meanwhile", "< after", "ended"});
    CHECK(s.heard.heard[1] == words{"opened"});
}

TEST_CASE("calls may end with their inbox full of what nobody has looked at") {
    scene s;
    for (std::uint64_t call = 1; call <= 30; ++call) {
        s.made->open(call, "/test/echo", {});
        s.made->send(call, "x");
        s.made->half_close(call);
    }
    std::this_thread::sleep_for(50ms);
    s.made.reset();
    for (std::uint64_t call = 1; call <= 30; ++call) CHECK(s.heard.heard[call].empty());
}

TEST_CASE("many calls at once, with everything in any order, are each told their own story") {
    const auto seed = GENERATE(1u, 2u, 3u, 4u);
    std::mt19937 dice(seed);
    const auto below = [&](unsigned n) { return static_cast<unsigned>(dice() % n); };
    scene s;
    std::map<std::uint64_t, words> sent;
    std::map<std::uint64_t, std::size_t> at_cancel; // how much was heard then
    std::uint64_t last = 0;
    s.heard.on_response = [&](std::uint64_t call) {
        if (below(20) == 0) at_cancel.emplace(call, s.heard.count(call)), s.made->cancel(call);
    };
    for (int step = 0; step < 2000; ++step) {
        const std::uint64_t call = last - std::min<std::uint64_t>(last, below(10));
        switch (below(8)) {
        case 0: s.made->open(++last, "/test/echo", {}); break;
        case 1: s.made->half_close(call); break;
        case 2:
            if (below(4) == 0 && call > 0 && s.heard.ends.count(call) == 0) {
                at_cancel.emplace(call, s.heard.count(call));
                s.made->cancel(call);
            }
            break;
        case 3: s.in.wait_until(steady::now() + std::chrono::microseconds(below(500))); break;
        case 4:
            if (const std::size_t n = s.server.count(); n > 0 && below(4) == 0)
                s.server.call(n - 1 - below(static_cast<unsigned>(std::min<std::size_t>(n, 5))))
                    .finish({grpc::StatusCode::ABORTED, "abrupt"});
            break;
        default:
            sent[call].push_back(bytes(below(3) == 0 ? below(50'000) : below(30), static_cast<unsigned>(step)));
            s.made->send(call, sent[call].back());
        }
    }
    for (std::uint64_t call = 1; call <= last; ++call) s.made->half_close(call);
    REQUIRE(s.until([&] { return s.heard.ends.size() + at_cancel.size() >= last; }));
    s.made.reset();

    bool good = true;
    for (std::uint64_t call = 1; call <= last; ++call) {
        const words& h = s.heard.heard[call];
        const bool cancelled = at_cancel.count(call) == 1, ended = s.heard.ends.count(call) == 1;
        good &= cancelled != ended;
        if (cancelled) good &= h.size() == at_cancel[call];
        for (std::size_t i = 0; i < h.size(); ++i) { // opened, an echo of each message from the first on, ended
            const bool is_end = ended && i + 1 == h.size();
            const std::string expected = is_end                   ? "ended"
                                         : i == 0                 ? "opened"
                                         : i <= sent[call].size() ? "< " + sent[call][i - 1]
                                                                  : "?";
            good &= h[i] == expected;
        }
        if (!good) FAIL("seed " << seed << ", call " << call << " of " << last);
    }
    CHECK(s.heard.ends.size() > 20);
    CHECK(at_cancel.size() > 20);
}
