#include "catch.hpp"

#include <chrono>
#include <string>

#include <sfcdc/delivery/position_ledger.hpp>

using namespace sfcdc;
using namespace std::chrono_literals;

namespace {

const time_point noon(1'000h);

pubsub::replay_id position_of(char c) { return pubsub::replay_id::from_bytes(std::string(10, c)).value; }

// A ledger with one account, whose events have one row each.
struct scene {
    explicit scene(bool has_position = true)
        : ledger(has_position ? position_of('0') : pubsub::replay_id(), has_position, 12h) {}

    void pass(char id) {
        ++account.rows;
        ledger.pass(position_of(id), {{account.number, (account.told = account.rows) - 1}});
    }
    // The position that is due; it is stored.
    char position() {
        const pubsub::replay_id* const due = ledger.due();
        if (due == nullptr) return '-';
        const char c = due->bytes()[0];
        ledger.stored();
        return c;
    }

    detail::position_ledger ledger;
    detail::counted_rows account = ledger.open_account();
};

} // namespace

TEST_CASE("position_ledger: a position is due once, when all in front of it is durable") {
    scene s;
    s.pass('1');
    s.pass('2');
    CHECK(s.position() == '-');
    s.ledger.settle(s.account, 2);
    CHECK(s.position() == '2');
    CHECK(s.position() == '-');
    CHECK(s.ledger.take_passed() == 2);
    s.ledger.keepalive({});
    CHECK(s.position() == '-');
    s.ledger.keepalive(position_of('k'));
    CHECK(s.position() == 'k');
}

TEST_CASE("position_ledger: a dead letter is passed when a row behind it is durable") {
    scene s;
    for (char id : {'1', '2', '3'}) s.pass(id);
    s.ledger.doubt(s.account, noon);
    s.ledger.doubt(s.account, noon);
    s.ledger.settle(s.account, 2); // says nothing of the third row
    CHECK(s.account.in_doubt == 2);
    CHECK(s.position() == '-');
    s.ledger.settle(s.account, 3);
    CHECK(s.account.in_doubt == 0);
    CHECK(s.account.settled == 3);
    CHECK(s.position() == '3');
}

TEST_CASE("position_ledger: a dead letter is passed after the verdict time, which begins with the first in doubt") {
    scene s;
    for (char id : {'1', '2'}) s.pass(id);
    CHECK(s.ledger.verdict_at(s.account) == std::nullopt);
    s.ledger.doubt(s.account, noon);
    s.ledger.doubt(s.account, noon + 1h);
    CHECK(s.ledger.verdict_at(s.account) == noon + 12h);
    s.ledger.on_time(s.account, noon + 12h - 1ms);
    CHECK(s.position() == '-');
    s.ledger.on_time(s.account, noon + 12h);
    CHECK(s.position() == '2');
}

TEST_CASE("position_ledger: what is frozen is never passed") {
    scene s;
    for (char id : {'1', '2'}) s.pass(id);
    s.account.in_doubt = 1;
    s.account.frozen = true;
    CHECK(s.ledger.verdict_at(s.account) == std::nullopt);
    s.ledger.on_time(s.account, noon + 100h);
    s.ledger.settle(s.account, 2);
    CHECK(s.position() == '-');
}

TEST_CASE("position_ledger: without any stored position the first dead letter is passed at once, and no other") {
    scene s(false);
    for (char id : {'1', '2'}) s.pass(id);
    s.ledger.doubt(s.account, noon);
    CHECK(s.position() == '1');
    s.ledger.doubt(s.account, noon);
    CHECK(s.position() == '-');
    CHECK(s.account.in_doubt == 1);
}

TEST_CASE("position_ledger: rows that were not told to the checkpoint may be durable") {
    scene s;
    s.pass('1');
    ++s.account.rows; // of an event that is not passed
    s.ledger.settle(s.account, 2);
    CHECK(s.account.settled == 2);
    CHECK(s.position() == '1');
}
