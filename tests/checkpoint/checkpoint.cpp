#include "catch.hpp"

#include <algorithm>
#include <map>
#include <random>
#include <string>
#include <vector>

#include <sfcdc/checkpoint.hpp>

using namespace sfcdc;

namespace {

pubsub::replay_id id(std::uint64_t n) { return pubsub::replay_id::from_bytes("#" + std::to_string(n)).value; }

error add(checkpoint& at, std::uint64_t n, std::vector<row_position> rows = {}) { return at.event(id(n), rows); }

// What a checkpoint means, in the slowest way: all that ever arrived, looked at from the start each time.
class obvious_checkpoint {
  public:
    void event(const pubsub::replay_id& id, const std::vector<row_position>& rows) {
        arrived_.push_back({id, rows, true});
    }
    void keepalive(const pubsub::replay_id& id) { arrived_.push_back({id, {}, false}); }
    void durable(std::uint32_t stream, std::int64_t up_to) {
        std::int64_t& durable = durable_.try_emplace(stream, -1).first->second;
        durable = std::max(durable, up_to);
    }
    pubsub::replay_id position() const {
        pubsub::replay_id reached;
        for (std::size_t i = 0; i < passed(); ++i)
            if (!arrived_[i].id.empty()) reached = arrived_[i].id;
        return reached;
    }
    std::size_t events_passed() const {
        std::size_t n = 0;
        for (std::size_t i = 0; i < passed(); ++i) n += arrived_[i].counts;
        return n;
    }

  private:
    struct arrival {
        pubsub::replay_id id;
        std::vector<row_position> rows;
        bool counts;
    };
    std::size_t passed() const {
        for (std::size_t i = 0; i < arrived_.size(); ++i)
            for (const row_position& row : arrived_[i].rows)
                if (!durable_.contains(row.stream) || durable_.at(row.stream) < row.offset) return i;
        return arrived_.size();
    }

    std::vector<arrival> arrived_;
    std::map<std::uint32_t, std::int64_t> durable_;
};

} // namespace

TEST_CASE("checkpoint: nothing is reached before its row is durable") {
    checkpoint at(id(7));
    const auto stream = at.add_stream();
    CHECK(at.position() == id(7));
    REQUIRE_FALSE(add(at, 8, {{stream, 0}}));
    REQUIRE_FALSE(add(at, 9, {{stream, 1}}));
    CHECK(at.position() == id(7));
    CHECK(at.waiting() == 2);
    CHECK(at.take_passed() == 0);
    REQUIRE_FALSE(at.durable(stream, 0));
    CHECK(at.position() == id(8));
    CHECK(at.take_passed() == 1);
    CHECK(at.take_passed() == 0);
    REQUIRE_FALSE(at.durable(stream, 1));
    CHECK(at.position() == id(9));
    CHECK(at.take_passed() == 1);
    CHECK(at.waiting() == 0);
}

TEST_CASE("checkpoint: the position moves over a contiguous prefix only") {
    checkpoint at;
    const auto slow = at.add_stream(), fast = at.add_stream();
    REQUIRE_FALSE(add(at, 1, {{slow, 0}}));
    REQUIRE_FALSE(add(at, 2, {{fast, 0}}));
    REQUIRE_FALSE(add(at, 3, {{fast, 1}}));
    REQUIRE_FALSE(at.durable(fast, 1));
    CHECK(at.position().empty());
    CHECK(at.take_passed() == 0);
    REQUIRE_FALSE(at.durable(slow, 0));
    CHECK(at.position() == id(3));
    CHECK(at.take_passed() == 3);
}

TEST_CASE("checkpoint: an event is reached when its rows on all streams are durable") {
    checkpoint at;
    const auto a = at.add_stream(), b = at.add_stream(), c = at.add_stream();
    REQUIRE_FALSE(add(at, 1, {{a, 0}, {b, 0}, {c, 0}}));
    REQUIRE_FALSE(at.durable(b, 0));
    REQUIRE_FALSE(at.durable(a, 0));
    CHECK(at.position().empty());
    REQUIRE_FALSE(add(at, 2, {{b, 0}, {c, 1}}));
    REQUIRE_FALSE(at.durable(c, 0));
    CHECK(at.position() == id(1));
    REQUIRE_FALSE(at.durable(c, 1));
    CHECK(at.position() == id(2));
}

TEST_CASE("checkpoint: an event with several rows on a stream waits for the last of them, in whatever order they are "
          "named") {
    checkpoint at;
    const auto stream = at.add_stream();
    REQUIRE_FALSE(add(at, 1, {{stream, 5}, {stream, 3}}));
    REQUIRE_FALSE(at.durable(stream, 4));
    CHECK(at.position().empty());
    CHECK(add(at, 2, {{stream, 4}}).code == errc::checkpoint_bad_row);
    REQUIRE_FALSE(at.durable(stream, 5));
    CHECK(at.position() == id(1));
}

TEST_CASE("checkpoint: an event without rows is reached with the one in front of it") {
    checkpoint at;
    const auto stream = at.add_stream();
    REQUIRE_FALSE(add(at, 1)); // nothing in front of it
    CHECK(at.position() == id(1));
    REQUIRE_FALSE(add(at, 2, {{stream, 0}}));
    REQUIRE_FALSE(add(at, 3));
    CHECK(at.position() == id(1));
    REQUIRE_FALSE(at.durable(stream, 0));
    CHECK(at.position() == id(3));
    CHECK(at.take_passed() == 3);
}

TEST_CASE("checkpoint: a keepalive's position counts when nothing in front of it is outstanding, and is no event") {
    checkpoint at;
    const auto stream = at.add_stream();
    at.keepalive(id(1));
    CHECK(at.position() == id(1));
    REQUIRE_FALSE(add(at, 2, {{stream, 0}}));
    at.keepalive(id(3));
    CHECK(at.position() == id(1));
    REQUIRE_FALSE(add(at, 4, {{stream, 1}}));
    REQUIRE_FALSE(at.durable(stream, 0));
    CHECK(at.position() == id(3));
    CHECK(at.take_passed() == 1);
    CHECK(at.waiting() == 1);
}

TEST_CASE("checkpoint: an event without a replay id is passed, and the position stays at one that can be stored") {
    checkpoint at;
    const auto stream = at.add_stream();
    REQUIRE_FALSE(add(at, 1, {{stream, 0}}));
    REQUIRE_FALSE(at.event({}, std::vector<row_position>{{stream, 1}}));
    at.keepalive({});
    REQUIRE_FALSE(at.durable(stream, 1));
    CHECK(at.position() == id(1));
    CHECK(at.take_passed() == 2);
}

TEST_CASE("checkpoint: acknowledgements may repeat and go back, and nothing is taken back") {
    checkpoint at;
    const auto stream = at.add_stream();
    REQUIRE_FALSE(at.durable(stream, -1));
    REQUIRE_FALSE(add(at, 1, {{stream, 0}}));
    REQUIRE_FALSE(add(at, 2, {{stream, 1}}));
    REQUIRE_FALSE(at.durable(stream, 1));
    REQUIRE_FALSE(at.durable(stream, 0));
    REQUIRE_FALSE(at.durable(stream, 1));
    CHECK(at.position() == id(2));
    CHECK(at.take_passed() == 2);
}

TEST_CASE("checkpoint: an acknowledgement of something never sent is an error and moves nothing") {
    checkpoint at;
    const auto stream = at.add_stream(), other = at.add_stream();
    CHECK(at.durable(stream, 0) == error{errc::checkpoint_never_sent, 0});
    CHECK(at.durable(9, 0) == error{errc::checkpoint_never_sent, 0});
    REQUIRE_FALSE(add(at, 1, {{stream, 3}}));
    CHECK(at.durable(stream, 4) == error{errc::checkpoint_never_sent, 0});
    CHECK(at.durable(other, 0) == error{errc::checkpoint_never_sent, 0});
    CHECK(at.position().empty());
    REQUIRE_FALSE(at.durable(stream, 3));
    CHECK(at.position() == id(1));
}

TEST_CASE("checkpoint: a row on an unknown stream, before offset 0 or before an earlier row is refused whole") {
    checkpoint at;
    const auto a = at.add_stream(), b = at.add_stream();
    CHECK(add(at, 1, {{a, 0}, {2, 0}}) == error{errc::checkpoint_bad_row, 1});
    CHECK(add(at, 1, {{a, -1}}) == error{errc::checkpoint_bad_row, 0});
    CHECK(at.durable(a, 0).code == errc::checkpoint_never_sent); // the refused event left nothing behind
    REQUIRE_FALSE(add(at, 1, {{a, 4}}));
    CHECK(add(at, 2, {{b, 0}, {a, 3}}) == error{errc::checkpoint_bad_row, 1});
    CHECK(at.waiting() == 1);
}

TEST_CASE("checkpoint: it is full at its limit and says so") {
    checkpoint at({}, {.max_events = 3});
    const auto stream = at.add_stream();
    for (std::uint64_t n = 0; n < 3; ++n) {
        CHECK_FALSE(at.full());
        REQUIRE_FALSE(add(at, n, {{stream, static_cast<std::int64_t>(n)}}));
    }
    CHECK(at.full());
    CHECK(add(at, 3, {{stream, 3}}) == error{errc::checkpoint_full, 0});
    at.keepalive(id(4)); // takes no room
    REQUIRE_FALSE(at.durable(stream, 0));
    CHECK_FALSE(at.full());
    REQUIRE_FALSE(add(at, 5, {{stream, 3}}));
    REQUIRE_FALSE(at.durable(stream, 2));
    CHECK(at.position() == id(4));
}

TEST_CASE("checkpoint: like a slow and obvious one in ten thousand random histories") {
    for (std::uint32_t seed = 0; seed < 10'000; ++seed) {
        std::mt19937 random(seed);
        const auto below = [&](std::uint32_t n) { return static_cast<std::uint32_t>(random() % n); };
        checkpoint at;
        obvious_checkpoint obvious;
        const std::uint32_t streams = 1 + below(4);
        for (std::uint32_t s = 0; s < streams; ++s) REQUIRE(at.add_stream() == s);
        std::vector<std::int64_t> sent(streams, -1), next(streams, 0);
        std::size_t passed = 0;
        for (std::uint64_t n = 0; n < 60; ++n) {
            switch (below(5)) {
            case 0:
            case 1: {
                std::vector<row_position> rows;
                for (std::uint32_t s = 0; s < streams; ++s) {
                    next[s] += below(3) == 0; // the request was full
                    if (below(2) == 0) rows.push_back({s, sent[s] = next[s]});
                }
                const pubsub::replay_id event_id = below(10) == 0 ? pubsub::replay_id() : id(n);
                REQUIRE_FALSE(at.event(event_id, rows));
                obvious.event(event_id, rows);
                break;
            }
            case 2:
                at.keepalive(id(n));
                obvious.keepalive(id(n));
                break;
            default: {
                const std::uint32_t s = below(streams);
                const std::int64_t up_to =
                    static_cast<std::int64_t>(below(static_cast<std::uint32_t>(sent[s] + 3))) - 1;
                const bool sent_so_far = up_to <= sent[s];
                REQUIRE(at.durable(s, up_to).code == (sent_so_far ? errc::none : errc::checkpoint_never_sent));
                if (sent_so_far) obvious.durable(s, up_to);
            }
            }
            passed += at.take_passed();
            if (at.position() != obvious.position() || passed != obvious.events_passed()) {
                INFO("seed " << seed << ", step " << n);
                REQUIRE(at.position() == obvious.position());
                REQUIRE(passed == obvious.events_passed());
            }
        }
        // When everything is durable, everything is passed.
        for (std::uint32_t s = 0; s < streams; ++s) {
            REQUIRE_FALSE(at.durable(s, sent[s]));
            obvious.durable(s, sent[s]);
        }
        REQUIRE(at.waiting() == 0);
        REQUIRE(at.position() == obvious.position());
    }
}

TEST_CASE("checkpoint: events that share a request are reached at once") {
    checkpoint at({}, {.max_events = 100'000});
    const auto stream = at.add_stream();
    const row_position row{stream, 0};
    REQUIRE_FALSE(at.event(id(0), {&row, 1}));
    bool refused = false;
    for (std::uint64_t n = 1; n < 100'000; ++n) refused = at.event(id(n), {&row, 1}) || refused;
    CHECK_FALSE(refused);
    CHECK(at.waiting() == 100'000);
    REQUIRE_FALSE(at.durable(stream, 0));
    CHECK(at.position() == id(99'999));
    CHECK(at.take_passed() == 100'000);
}
