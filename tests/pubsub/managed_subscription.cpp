#include "pubsub/subscriber.hpp"

#include <set>

using namespace sfcdc;
using namespace sfcdc::pubsub;
using namespace std::chrono_literals;
using server_messages::field;
using wire::grpc_status;
using state = subscription_state;

namespace {

struct managed_request {
    std::string subscription_id, developer_name, commit_request_id, replay_id;
    std::uint64_t num_requested = 0;
    bool commits = false;
};

std::vector<managed_request> requests(subscriber& s) {
    std::vector<managed_request> out;
    for (const auto& sent : s.taken<send_request>()) {
        managed_request r;
        for (const auto& f : reference::read_protobuf(sent.bytes)) {
            if (f.number == 1) r.subscription_id = f.bytes;
            if (f.number == 2) r.developer_name = f.bytes;
            if (f.number == 3) r.num_requested = f.varint;
            if (f.number != 5) continue;
            r.commits = true;
            for (const auto& c : reference::read_protobuf(f.bytes))
                (c.number == 1 ? r.commit_request_id : r.replay_id) = c.bytes;
        }
        out.push_back(r);
    }
    return out;
}

std::string events(std::uint64_t first, std::uint64_t last) {
    std::string out;
    for (std::uint64_t n = first; n <= last; ++n) out += server_messages::event("id", "schema", "x", replay_id_of(n));
    return out + field(4, 50);
}
std::string answer(const std::string& id, std::uint64_t n, const std::string& error = {}) {
    const std::string refusal = error.empty() ? std::string() : field(3, field(1, 2) + field(2, error));
    return field(4, 50) + field(5, field(1, id) + field(2, replay_id_of(n)) + refusal + field(4, 1));
}

bool is_uuid(const std::string& id) {
    if (id.size() != 36) return false;
    for (std::size_t i = 0; i < id.size(); ++i) {
        const bool dash = i == 8 || i == 13 || i == 18 || i == 23;
        if (dash ? id[i] != '-' : std::string_view("0123456789abcdef").find(id[i]) == std::string_view::npos)
            return false;
    }
    return id[14] == '8' && std::string_view("89ab").find(id[19]) != std::string_view::npos;
}

} // namespace

TEST_CASE("a managed subscription names itself in the first request only, by either name") {
    subscriber by_name({.developer_name = "Orders"});
    by_name.stream();
    CHECK(by_name.taken<open_call>()[0].method == "/eventbus.v1.PubSub/ManagedSubscribe");
    by_name.respond(events(1, 60));
    by_name.run();
    const auto sent = requests(by_name);
    REQUIRE(sent.size() == 2);
    CHECK(sent[0].developer_name == "Orders");
    CHECK(sent[0].subscription_id.empty());
    CHECK(sent[0].num_requested == 100);
    CHECK(sent[1].developer_name.empty());
    CHECK(sent[1].num_requested == 60);

    subscriber by_id({.subscription_id = "18x000000000001"});
    by_id.stream();
    REQUIRE(requests(by_id).size() == 1);
    CHECK(requests(by_id)[0].subscription_id == "18x000000000001");
    CHECK(requests(by_id)[0].developer_name.empty());
}

TEST_CASE("a commit goes out with the next request, with credits or without, never in the first one") {
    subscriber s({.developer_name = "Orders"});
    CHECK(s.sub.commit({}) == errc::not_expected_now);
    CHECK(s.sub.commit(position(1)) == errc::none); // before there is a call
    s.stream();
    auto sent = requests(s);
    REQUIRE(sent.size() == 2);
    CHECK_FALSE(sent[0].commits);
    CHECK(sent[1].commits);
    CHECK(sent[1].num_requested == 0);
    CHECK(sent[1].replay_id == replay_id_of(1));
    CHECK(s.sub.outstanding() == 100);

    s.respond(events(2, 51));
    CHECK(s.sub.commit(position(20)) == errc::none);
    CHECK(s.sub.commit(position(30)) == errc::none); // the newest counts
    CHECK(s.sub.poll_timeout() < s.now);
    s.run();
    sent = requests(s);
    REQUIRE(sent.size() == 3);
    CHECK(sent[2].replay_id == replay_id_of(30));
    CHECK(sent[2].num_requested == 50);
    std::set<std::string> ids;
    for (const auto& r : sent)
        if (r.commits) CHECK((is_uuid(r.commit_request_id) && ids.insert(r.commit_request_id).second));
    CHECK(ids.size() == 2);
}

TEST_CASE("the answer to a commit, and an error in it, is told and ends nothing") {
    subscriber s({.developer_name = "Orders"});
    s.stream();
    s.respond(events(1, 10));
    CHECK(s.sub.commit(position(10)) == errc::none);
    s.run();
    const std::string id = requests(s).back().commit_request_id;
    s.respond(answer(id, 10));
    CHECK(s.last().what == "committed");
    CHECK(s.last().position == position(10));
    CHECK(s.last().message.empty());
    CHECK(s.sub.commit(position(3)) == errc::none);
    s.run();
    s.respond(answer(requests(s).back().commit_request_id, 3, "older than the current one"));
    CHECK(s.last().what == "committed");
    CHECK(s.last().message == "older than the current one");
    CHECK(s.sub.state() == state::streaming);
    // With events in the same response both are told.
    s.respond(events(11, 12) + answer("of an earlier commit", 10));
    CHECK(s.last().what == "committed");
    CHECK(s.events[s.events.size() - 2].what == "received");
    // A keepalive with a position is one all the same.
    s.respond(field(2, replay_id_of(40)) + answer("x", 12));
    CHECK(s.events[s.events.size() - 2].what == "keepalive");
    CHECK(s.events[s.events.size() - 2].position == position(40));
}

TEST_CASE("a commit that a lost call did not answer is sent again, unless a newer one waits") {
    subscriber s({.developer_name = "Orders"});
    s.stream();
    s.respond(events(1, 10));
    CHECK(s.sub.commit(position(10)) == errc::none);
    s.run();
    s.end(grpc_status::unavailable);
    s.stream();
    auto sent = requests(s);
    CHECK(sent.back().replay_id == replay_id_of(10));
    CHECK(sent[sent.size() - 2].developer_name == "Orders");
    CHECK(sent.back().commit_request_id != sent[1].commit_request_id);

    // Answered: not again. The answer to the commit before it would not do.
    s.respond(answer(sent[1].commit_request_id, 10));
    s.respond(answer(sent.back().commit_request_id, 10));
    s.end(grpc_status::unavailable);
    s.stream();
    CHECK_FALSE(requests(s).back().commits);

    s.respond(events(11, 20));
    CHECK(s.sub.commit(position(15)) == errc::none);
    s.run();
    CHECK(s.sub.commit(position(20)) == errc::none);
    s.end(grpc_status::unavailable);
    s.stream();
    CHECK(requests(s).back().replay_id == replay_id_of(20));
    const auto count = requests(s).size();
    s.respond(answer("an unknown one", 20)); // answers nothing that we wait for
    s.end(grpc_status::unavailable);
    s.stream();
    CHECK(requests(s).size() == count + 2);
    CHECK(requests(s).back().replay_id == replay_id_of(20));
}

TEST_CASE("Salesforce keeps the position of a managed subscription: there is none to choose") {
    subscriber s({.developer_name = "Orders"});
    s.stream();
    s.respond(events(1, 10));
    s.end(grpc_status::invalid_argument, "subscription.fetch.replayid.corrupted");
    CHECK(s.last().what == "failed");
    CHECK(s.last().why.remedy == remedy::stop);
    CHECK(s.sub.closed());
    CHECK(s.sub.commit(position(10)) == errc::not_expected_now);
    CHECK(s.sub.choose(replay_preset::earliest) == errc::not_expected_now);
}

TEST_CASE("a subscription that is still held by its old call is tried again") {
    subscriber s({.developer_name = "Orders"});
    for (int i = 0; i < 10; ++i) {
        s.stream();
        s.end(grpc_status::already_exists, "sfdc.platform.eventbus.grpc.managed.subscription.already.active");
        CHECK(s.last().what == "interrupted");
    }
    s.stream();
}
