// The messages that a user's test writes with the library are those that the server writes: byte for byte, and read again.
#include "catch.hpp"
#include "pubsub/server_messages.hpp"

#include <sfcdc/pubsub/test_messages.hpp>

using namespace sfcdc;
using namespace std::string_view_literals;
using server_messages::field;

namespace {

template<class Message> std::string served(const Message& message) {
    std::string out = "before";
    pubsub::append_response(message, out);
    REQUIRE(out.starts_with("before"));
    return out.substr(6);
}

} // namespace

TEST_CASE("a FetchResponse as a server writes it") {
    const pubsub::consumer_event events[] = {{"id-1", "schema-1", wire::as_bytes("\x01\x02"sv), "\x01"},
                                             {{}, "schema-2", {}, "\x02"}};
    const std::string bytes = served(pubsub::fetch_response_content{
        .events = events, .latest_replay_id = "newest", .rpc_id = "rpc", .pending_num_requested = 98});
    CHECK(bytes
          == field(1, field(1, field(1, "id-1"sv) + field(2, "schema-1"sv) + field(3, "\x01\x02"sv))
                          + field(2, "\x01"sv))
                 + field(1, field(1, field(2, "schema-2"sv)) + field(2, "\x02"sv)) + field(2, "newest"sv)
                 + field(3, "rpc"sv) + field(4, 98));
    const auto [response, bad] = pubsub::fetch_response::parse(bytes);
    REQUIRE_FALSE(bad);
    CHECK(response.events.size() == 2);
    CHECK(response.last_replay_id == "\x02");
    CHECK(served(pubsub::fetch_response_content{}).empty()); // a keepalive that says nothing
}

TEST_CASE("the answer to a commit as a server writes it") {
    pubsub::commit_replay_response commit{"commit-1", "\x02", {}, 1'700'000'000'000};
    const std::string answer = field(1, "commit-1"sv) + field(2, "\x02"sv);
    CHECK(served(pubsub::fetch_response_content{.commit_response = commit})
          == field(5, answer + field(4, 1'700'000'000'000)));
    commit.error = pubsub::commit_refusal{pubsub::error_code::commit, "too old"};
    CHECK(served(pubsub::fetch_response_content{.pending_num_requested = 7, .commit_response = commit})
          == field(4, 7)
                 + field(5, answer + field(3, field(1, 2) + field(2, "too old"sv)) + field(4, 1'700'000'000'000)));
    commit.error = pubsub::commit_refusal{};
    CHECK(served(pubsub::fetch_response_content{.commit_response = commit})
          == field(5, answer + field(3, ""sv) + field(4, 1'700'000'000'000))); // a refusal that says nothing is one
}

TEST_CASE("TopicInfo and SchemaInfo as a server writes them") {
    CHECK(served(pubsub::topic_info{"/data/ChangeEvents", "00D", true, true, "s", "r"})
          == field(1, "/data/ChangeEvents"sv) + field(2, "00D"sv) + field(3, 1) + field(4, 1) + field(5, "s"sv)
                 + field(6, "r"sv));
    CHECK(served(pubsub::topic_info{"t", {}, false, true, {}, {}}) == field(1, "t"sv) + field(4, 1));
    CHECK(served(pubsub::schema_info{"{}", "s", "r"}) == field(1, "{}"sv) + field(2, "s"sv) + field(3, "r"sv));
}
