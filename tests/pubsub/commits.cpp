#include "catch.hpp"

#include "pubsub/virtual_org.hpp"

#include <string>

#include <sfcdc/pubsub/commits.hpp>

using namespace sfcdc;

namespace {

pubsub::replay_id at(std::uint64_t n) { return pubsub::replay_id::from_bytes(replay_id_of(n)).value; }

} // namespace

TEST_CASE("commits: of the positions that wait the newest is sent") {
    pubsub::detail::commits c(7);
    CHECK(!c.waits());
    c.add(at(1));
    c.add(at(2));
    CHECK(c.waits());
    CHECK(c.send().replay_id == at(2).bytes());
    CHECK(!c.waits());
}

TEST_CASE("commits: a lost call sends a position again that has no answer, unless a newer one waits") {
    pubsub::detail::commits c(7);
    c.add(at(1));
    const std::string first(c.send().commit_request_id);
    c.forget_call();
    REQUIRE(c.waits());
    const pubsub::commit_replay_request again = c.send();
    CHECK(again.replay_id == at(1).bytes());
    const std::string second(again.commit_request_id);
    CHECK(second != first);

    c.answered(first); // of the lost call: says nothing about the second request
    c.forget_call();
    CHECK(c.waits());
    CHECK(c.send().replay_id == at(1).bytes());

    c.add(at(2));
    c.forget_call();
    CHECK(c.send().replay_id == at(2).bytes());
}

TEST_CASE("commits: what is answered is not sent again") {
    pubsub::detail::commits c(7);
    c.add(at(1));
    const std::string id(c.send().commit_request_id);
    c.answered(id);
    c.forget_call();
    CHECK(!c.waits());
}

TEST_CASE("commits: a request's name is a UUID of version 8, another one for each request and seed") {
    pubsub::detail::commits c(0xffff'ffff'ffff'ffffu), other(0);
    c.add(at(1));
    other.add(at(1));
    CHECK(c.send().commit_request_id == "ffffffff-ffff-8fff-8000-000000000001");
    CHECK(other.send().commit_request_id == "00000000-0000-8000-8000-000000000001");
    c.add(at(1));
    CHECK(c.send().commit_request_id == "ffffffff-ffff-8fff-8000-000000000002");
}
