#include "catch.hpp"

#include "pubsub/server_messages.hpp"

#include <chrono>
#include <string>
#include <utility>
#include <variant>
#include <vector>

#include <sfcdc/delivery.hpp>

using namespace sfcdc;
using namespace std::chrono_literals;

namespace {

using server_messages::field;

std::string replay_id(std::uint64_t n) {
    std::string bytes(10, '\0');
    for (int i = 7; i >= 0; --i, n >>= 8) bytes[static_cast<std::size_t>(i)] = static_cast<char>(n);
    return bytes;
}

// A delivery into one sink of the user's own (outlet 0), driven by hand. An event's payload is its number of rows.
struct scene {
    explicit scene(delivery_options o = options()) : d(std::move(o)) {}

    static delivery_options options() {
        delivery_options o;
        o.subscription.topic_name = "/data/ChangeEvents";
        o.subscription.preset = pubsub::replay_preset::earliest;
        o.sinks = 1;
        o.bytes = 1u << 30; // credits are bounded by their number
        return o;
    }
    static delivery_options behind(std::uint64_t n) {
        delivery_options o = options();
        o.subscription.preset = pubsub::replay_preset::custom;
        o.subscription.replay_id = pubsub::replay_id::from_bytes(replay_id(n)).value;
        return o;
    }
    static delivery_options to_a_stream(delivery_options o = options()) {
        o.sinks = 0;
        o.streams.push_back({.table_name = "a.b.c", .descriptor_proto = "d"});
        return o;
    }

    // What is asked for, in words; credits are counted.
    std::string actions() {
        std::string said;
        while (auto action = d.poll_action(now)) {
            said += said.empty() ? "" : ", ";
            if (const auto* const s = std::get_if<subscription_action>(&*action)) {
                if (const auto* const open = std::get_if<pubsub::open_call>(&s->action)) {
                    call = open->call;
                    said += "subscribe";
                } else {
                    said += std::holds_alternative<pubsub::send_request>(s->action)  ? "request"
                            : std::holds_alternative<pubsub::cancel_call>(s->action) ? "cancel"
                                                                                     : "log in";
                }
            } else if (const auto* const f = std::get_if<fetch_schema>(&*action)) {
                said += "fetch " + f->schema_id;
            } else {
                const zerobus::action& a = std::get<stream_action>(*action).action;
                if (const auto* const open = std::get_if<zerobus::open_call>(&a)) stream_call = open->call;
                said += std::holds_alternative<zerobus::open_call>(a)      ? "open"
                        : std::holds_alternative<zerobus::send_request>(a) ? "send"
                        : std::holds_alternative<zerobus::half_close>(a)   ? "half close"
                                                                           : "other";
            }
        }
        return said;
    }
    void open() {
        actions();
        REQUIRE(d.handle(pubsub::opened{call}, now) == errc::none);
        actions();
    }
    void respond(const std::string& events, std::uint64_t latest = 1'000) {
        REQUIRE(
            d.handle(pubsub::response{call, events + field(2, replay_id(latest)) + field(4, std::uint64_t{50})}, now)
            == errc::none);
    }
    static std::string event(std::uint64_t n, std::string_view schema = "s", std::string_view payload = "1") {
        return server_messages::event("id" + std::to_string(n), schema, payload, replay_id(n));
    }
    // Makes events into rows, as many as their payload says ("x": it cannot be decoded), until there is none; returns their ids.
    std::string take() {
        std::string ids;
        while (const delivery::event* const e = d.next_event(now)) {
            ids += (ids.empty() ? "" : " ") + std::string(e->id);
            const char what = static_cast<char>(e->payload[0]);
            if (what == 'x') {
                REQUIRE(d.reject_event("bad", 7, now) == errc::none);
                continue;
            }
            for (int i = 0; i < what - '0'; ++i) rows = d.add_row(0) + 1;
            REQUIRE(d.pass_event(now) == errc::none);
        }
        return ids;
    }
    std::vector<std::string> news() {
        std::vector<std::string> said;
        while (auto n = d.poll_news()) {
            if (const auto* const l = std::get_if<dead_letter>(&*n))
                said.push_back("letter " + l->origin.event_id + " " + l->reason);
            if (const auto* const f = std::get_if<delivery_failed>(&*n))
                said.push_back("failed " + std::to_string(static_cast<int>(f->fault)));
            if (std::holds_alternative<position_replaced>(*n)) said.push_back("replaced");
            if (std::holds_alternative<delivery_interrupted>(*n)) said.push_back("interrupted");
        }
        return said;
    }
    // The position that is due, as the number of its event; 0: none. It is stored.
    std::uint64_t position() {
        const pubsub::replay_id* const due = d.position_due();
        if (due == nullptr) return 0;
        std::uint64_t n = 0;
        for (std::size_t i = 0; i < 8; ++i) n = n << 8 | static_cast<unsigned char>(due->bytes()[i]);
        d.position_stored();
        return n;
    }

    time_point now{1'000h};
    delivery d;
    std::uint64_t call = 0, stream_call = 0;
    std::int64_t rows = 0;
};

using words = std::vector<std::string>;

} // namespace

TEST_CASE("delivery: an event is passed when its rows are durable, and the position is due once") {
    scene s;
    s.open();
    s.respond(scene::event(1) + scene::event(2, "s", "2") + scene::event(3, "s", "0"));
    CHECK(s.take() == "");
    CHECK(s.actions() == "fetch s");
    s.d.schema_known("s");
    CHECK(s.take() == "id1 id2 id3");
    CHECK(s.position() == 0);
    CHECK(s.d.waiting() == 3);
    REQUIRE(s.d.durable(0, 1) == errc::none);
    CHECK(s.position() == 1);
    REQUIRE(s.d.durable(0, 2) == errc::none);
    CHECK(s.position() == 0);
    REQUIRE(s.d.durable(0, 3) == errc::none);
    CHECK(s.position() == 3); // the last one has no rows
    CHECK(s.position() == 0);
    CHECK(s.d.waiting() == 0);
}

TEST_CASE("delivery: schemas are asked for once, all at once, and events keep their order") {
    scene s;
    s.open();
    s.respond(scene::event(1, "a") + scene::event(2, "b") + scene::event(3, "a"));
    const std::string asked = s.actions();
    CHECK((asked == "fetch a, fetch b" || asked == "fetch b, fetch a"));
    CHECK(s.actions() == "");
    s.d.schema_known("b");
    CHECK(s.take() == ""); // event 1 is in front of it
    s.d.schema_unavailable("a", s.now);
    CHECK(s.actions() == "");
    s.now += 1s;
    CHECK(s.actions() == "fetch a");
    s.d.schema_known("a");
    CHECK(s.take() == "id1 id2 id3");
}

TEST_CASE("delivery: the owner of a response is kept for as long as its events are held, and without one the bytes "
          "are copied") {
    scene s;
    s.open();
    auto owner =
        std::make_shared<std::string>(scene::event(1) + field(2, replay_id(1)) + field(4, std::uint64_t{99}));
    const std::weak_ptr<std::string> alive = owner;
    REQUIRE(s.d.handle(pubsub::response{s.call, *owner}, s.now, owner) == errc::none);
    owner.reset();
    CHECK_FALSE(alive.expired());
    s.d.schema_known("s");
    CHECK(s.take() == "id1");
    CHECK(alive.expired());
    std::string bytes = scene::event(2) + field(2, replay_id(2)) + field(4, std::uint64_t{98});
    REQUIRE(s.d.handle(pubsub::response{s.call, bytes}, s.now) == errc::none);
    bytes.assign(bytes.size(), '?');
    CHECK(s.take() == "id2");
}

TEST_CASE("delivery: a dead letter holds the position until it is polled, and until an event behind it is well") {
    scene s(scene::behind(0));
    s.open();
    s.d.schema_known("s");
    s.respond(scene::event(1) + scene::event(2, "s", "x") + scene::event(3, "s", "x"));
    CHECK(s.take() == "id1 id2 id3");
    (void)s.d.durable(0, s.rows);
    CHECK(s.d.position_due() == nullptr); // the letters are not polled
    CHECK(s.news() == words{"letter id2 bad", "letter id3 bad"});
    CHECK(s.position() == 1);
    CHECK(s.d.in_doubt());
    CHECK(s.d.waiting() == 2);
    SECTION("an event that is well passes them") {
        s.respond(scene::event(4, "s", "0"));
        CHECK(s.take() == "id4");
        CHECK(s.position() == 4);
        CHECK_FALSE(s.d.in_doubt());
    }
    SECTION("so does time") {
        s.actions();
        s.now += delivery_options().verdict_time - 1s;
        s.actions();
        CHECK(s.position() == 0);
        CHECK(s.d.poll_timeout().has_value());
        s.now += 1s;
        s.actions();
        CHECK(s.position() == 3);
    }
    SECTION("an end does not") {
        s.d.close(s.now);
        s.actions();
        CHECK(s.position() == 0);
        CHECK(s.d.closed());
    }
}

TEST_CASE("delivery: without any position the first dead letter is passed, and no other one") {
    scene s;
    s.open();
    s.d.schema_known("s");
    s.respond(scene::event(1, "s", "x") + scene::event(2, "s", "x"));
    s.take();
    CHECK(s.news().size() == 2);
    CHECK(s.position() == 1);
    CHECK(s.position() == 0);
}

TEST_CASE("delivery: a hundred events in a row that cannot be decoded end it in front of them") {
    scene s(scene::behind(0));
    s.open();
    s.d.schema_known("s");
    std::string many = scene::event(1);
    for (std::uint64_t n = 2; n <= 100; ++n) many += scene::event(n, "s", "x");
    s.respond(many);
    s.take();
    (void)s.d.durable(0, s.rows);
    CHECK(s.news().size() == 99);
    s.actions();
    s.respond(scene::event(101, "s", "x") + scene::event(102, "s", "x") + scene::event(103, "s", "x"));
    CHECK(s.take() == "id101 id102"); // 103 is not taken any more
    CHECK(s.news() == words{"letter id101 bad", "letter id102 bad", "failed 3"});
    CHECK(s.position() == 1);
    s.actions();
    CHECK(s.d.closed());
}

TEST_CASE("delivery: events of a refused schema are dead letters, and it is asked for again after a while") {
    scene s(scene::behind(0));
    s.open();
    s.respond(scene::event(1, "no") + scene::event(2, "s", "0"));
    s.actions();
    s.d.schema_known("s");
    s.d.schema_refused("no", "not yours", s.now);
    CHECK(s.take() == "id2");
    CHECK(s.news() == words{"letter id1 not yours"});
    CHECK(s.position() == 2);
    s.respond(scene::event(3, "no"));
    CHECK(s.take() == "");
    CHECK(s.news() == words{"letter id3 not yours"});
    CHECK(s.actions().find("fetch") == std::string::npos);
    s.now += delivery_options().refused_schema_time;
    s.respond(scene::event(4, "no"));
    CHECK(s.take() == "");
    CHECK(s.actions().find("fetch no") != std::string::npos);
    CHECK(s.news().empty());
}

TEST_CASE("delivery: on the first dead letter it can end with the event in front of the position") {
    delivery_options o = scene::behind(0);
    o.stop_at_dead_letter = true;
    scene s(o);
    s.open();
    s.d.schema_known("s");
    s.respond(scene::event(1) + scene::event(2, "s", "x") + scene::event(3));
    CHECK(s.take() == "id1 id2");
    (void)s.d.durable(0, s.rows);
    CHECK(s.news() == words{"letter id2 bad", "failed 4"});
    CHECK(s.position() == 1);
}

TEST_CASE(
    "delivery: rows that a stream refuses hold the position, and the one behind them that is taken passes them") {
    scene s(scene::to_a_stream(scene::behind(0)));
    s.open();
    s.d.schema_known("s");
    const std::string created = field(1, field(1, std::string_view("stream")));
    std::string said = "open"; // by open()
    const auto one_event = [&](std::uint64_t n) {
        s.respond(scene::event(n));
        REQUIRE(s.d.next_event(s.now) != nullptr);
        s.d.add_row(0, "row " + std::to_string(n));
        REQUIRE(s.d.pass_event(s.now) == errc::none);
        said += s.actions();
        if (said.find("open") != std::string::npos) { // a call is opened for rows
            REQUIRE(s.d.handle(0, zerobus::opened{s.stream_call}, s.now) == errc::none);
            s.actions();
            REQUIRE(s.d.handle(0, zerobus::response{s.stream_call, created}, s.now) == errc::none);
            said += s.actions();
        }
        CHECK(said.find("send") != std::string::npos);
        said.clear();
    };
    const auto refuse = [&] {
        (void)s.d.handle(0, zerobus::call_ended{s.stream_call, wire::grpc_status::invalid_argument, {}, "bad row"},
                         s.now);
        said = s.actions();
    };
    one_event(1);
    refuse();
    CHECK(s.news() == words{"interrupted", "letter id1 bad row"});
    CHECK(s.position() == 0);
    one_event(2);
    refuse();
    s.news();
    CHECK(s.position() == 0);
    CHECK(s.d.settled(0) == 2);
    one_event(3);
    (void)s.d.handle(0, zerobus::response{s.stream_call, field(2, field(1, std::uint64_t{0}))},
                     s.now); // offset 0 of this call
    CHECK(s.position() == 3);
}

TEST_CASE("delivery: a stream that is added later has rows of its own, and the position waits for them, too") {
    scene s(scene::to_a_stream());
    s.open();
    s.d.schema_known("s");
    const auto answer = [&](std::uint32_t outlet, const std::string& bytes) {
        return s.d.handle(outlet, zerobus::response{s.stream_call, bytes}, s.now);
    };
    s.respond(scene::event(1) + scene::event(2));
    REQUIRE(s.d.next_event(s.now) != nullptr);
    s.d.add_row(0, "row 1");
    REQUIRE(s.d.pass_event(s.now) == errc::none);
    REQUIRE(s.d.next_event(s.now) != nullptr);
    const std::uint32_t later = s.d.add_stream({.table_name = "a.b.later", .descriptor_proto = "d"});
    CHECK(later == 1);
    CHECK(s.d.outlets() == 2);
    s.d.add_row(later, "row 2");
    REQUIRE(s.d.pass_event(s.now) == errc::none);
    s.actions();
    for (const std::uint32_t outlet : {0u, later}) { // each numbers its calls from 1
        REQUIRE(s.d.handle(outlet, zerobus::opened{1}, s.now) == errc::none);
        s.actions();
        REQUIRE(answer(outlet, field(1, field(1, "stream"))) == errc::none);
        s.actions();
    }
    const std::string first_row_is_durable = field(2, field(1, std::uint64_t{0}));
    REQUIRE(answer(later, first_row_is_durable) == errc::none);
    CHECK(s.d.durable_rows(later) == 1);
    CHECK(s.d.durable_rows(0) == 0);
    CHECK(s.position() == 0);
    REQUIRE(answer(0, first_row_is_durable) == errc::none);
    CHECK(s.position() == 2);
    // It is part of the end.
    s.d.close(s.now);
    CHECK(s.d.next_event(s.now) == nullptr);
    s.actions();
    CHECK_FALSE(s.d.closed());
    for (const std::uint32_t outlet : {0u, later})
        (void)s.d.handle(outlet, zerobus::call_ended{1, wire::grpc_status::ok, {}, {}}, s.now);
    s.actions();
    s.news();
    CHECK(s.d.closed());
}

TEST_CASE("delivery: a row that no request can hold is a dead letter, and the others go on") {
    delivery_options o = scene::to_a_stream();
    o.request_bytes = 10;
    scene s(o);
    s.open();
    s.d.schema_known("s");
    s.respond(scene::event(1));
    REQUIRE(s.d.next_event(s.now) != nullptr);
    s.d.add_row(0, "small");
    s.d.add_row(0, "larger than ten");
    REQUIRE(s.d.pass_event(s.now) == errc::none);
    const auto news = s.d.poll_news();
    REQUIRE(news);
    const auto& l = std::get<dead_letter>(*news);
    CHECK(l.content == "larger than ten");
    CHECK(l.row_number == 1);
    CHECK(s.d.rows(0) == 1);
}

TEST_CASE("delivery: what is held is bounded in bytes: no more events are taken, and no credits are asked for") {
    delivery_options o = scene::to_a_stream();
    o.bytes = 10'000;
    o.request_bytes = 1'000;
    scene s(o);
    s.open();
    s.d.schema_known("s");
    CHECK(s.d.subscription().outstanding() == 1); // it may have 1 MB
    const auto take_all = [&] {
        int taken = 0;
        while (s.d.next_event(s.now) != nullptr) {
            s.d.add_row(0, std::string(600, '.'));
            REQUIRE(s.d.pass_event(s.now) == errc::none);
            ++taken;
        }
        return taken;
    };
    s.respond(scene::event(1, "s", std::string(400, '1')));
    CHECK(take_all() == 1);
    CHECK(s.actions().find("request") != std::string::npos);
    const std::uint32_t allowed = s.d.subscription().outstanding(); // a quarter of the bytes, in events of this size
    CHECK(allowed >= 4);
    CHECK(allowed <= 6);
    std::string more;
    for (std::uint64_t n = 2; n < 2 + allowed; ++n) more += scene::event(n, "s", std::string(400, '1'));
    s.respond(more);
    CHECK(take_all() <= 4); // another quarter is the rows'
    CHECK(s.d.held_bytes() >= 2'500);
    CHECK(s.actions().find("request") == std::string::npos);
}

TEST_CASE("delivery: close() waits for rows, drops what waits for a schema, and ends after drain_limit") {
    scene s;
    s.open();
    s.d.schema_known("s");
    s.respond(scene::event(1) + scene::event(2, "late"));
    CHECK(s.take() == "id1");
    s.d.close(s.now);
    CHECK(s.take() == "");
    s.actions();
    CHECK_FALSE(s.d.closed()); // the row of event 1
    SECTION("they become durable") {
        (void)s.d.durable(0, 1);
        CHECK(s.position() == 1);
        s.actions();
        CHECK(s.d.closed());
        CHECK_FALSE(s.d.drain_timed_out());
    }
    SECTION("they do not") {
        s.now += delivery_options().drain_limit;
        s.actions();
        CHECK(s.d.closed());
        CHECK(s.d.drain_timed_out());
        CHECK(s.position() == 0);
    }
}

TEST_CASE("delivery: a position that Salesforce does not know ends it, or is replaced as it was told to") {
    for (const bool told : {false, true}) {
        delivery_options o = scene::behind(5);
        if (told) o.on_unknown_position = pubsub::replay_preset::earliest;
        scene s(o);
        s.open();
        REQUIRE(s.d.handle(pubsub::call_ended{s.call, wire::grpc_status::invalid_argument,
                                              "sfdc.platform.eventbus.grpc.subscription.fetch.replayid.corrupted",
                                              "too old"},
                           s.now)
                == errc::none);
        CHECK(s.news() == words{told ? "replaced" : "failed 1"});
        CHECK((s.actions() == "subscribe") == told);
        CHECK(s.d.subscription().preset()
              == (told ? pubsub::replay_preset::earliest : pubsub::replay_preset::custom));
    }
}

TEST_CASE("delivery: a keepalive's position waits for the events in front of it") {
    scene s;
    s.open();
    s.respond(scene::event(1));
    s.actions();
    s.respond("", 9);
    CHECK(s.position() == 0);
    s.d.schema_known("s");
    CHECK(s.take() == "id1");
    CHECK(s.position() == 0);
    (void)s.d.durable(0, 1);
    CHECK(s.position() == 9);
}

TEST_CASE("delivery: mistakes of the user's are told and change nothing") {
    scene s;
    CHECK(s.d.pass_event(s.now) == errc::not_expected_now);
    CHECK(s.d.reject_event("x", 0, s.now) == errc::not_expected_now);
    CHECK(s.d.durable(0, 1) == errc::not_expected_now);
    CHECK(s.d.durable(1, 0) == errc::not_expected_now);
    CHECK(s.d.durable(0, -1) == errc::not_expected_now);
    CHECK(s.d.add_row(0) == -1);                                               // there is no event
    CHECK(s.d.handle(0, zerobus::opened{1}, s.now) == errc::not_expected_now); // it is no stream
    CHECK(s.d.handle(pubsub::opened{7}, s.now) == errc::unknown_call);
    s.open();
    s.d.schema_known("s");
    s.respond(scene::event(1));
    REQUIRE(s.d.next_event(s.now) != nullptr);
    CHECK(s.d.add_row(1) == -1);
    CHECK(s.d.add_row(0) == 0);
    CHECK(s.d.reject_event("x", 0, s.now) == errc::not_expected_now); // it has a row
    CHECK(s.d.pass_event(s.now) == errc::none);
    scene bad(delivery_options{});
    CHECK(bad.news() == words{"failed 0"});
}
