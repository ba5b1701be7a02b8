#include "catch.hpp"
#include "exact_bytes.hpp"
#include "pubsub/server_messages.hpp"
#include "reference/protobuf_reader.hpp"

#include <algorithm>
#include <random>
#include <string>
#include <vector>

#include <sfcdc/pubsub/messages.hpp>

#ifdef SFCDC_TESTS_HAVE_PUBSUB_PROTO
#    include <pubsub_api.pb.h>
#endif

using namespace sfcdc;
using namespace std::string_view_literals;
using pubsub::consumer_event;
using pubsub::fetch_response;
using pubsub::managed_fetch_response;
using server_messages::event;
using server_messages::field;
using server_messages::varint;

namespace {

const std::string two_events = event("id-1", "schema-1", "\x01\x02", "\x00\x01"sv)
                               + event("id-2", "schema-2", "", "\x02") + field(2, "newest"sv) + field(3, "rpc"sv)
                               + field(4, 98);
const std::string committed =
    field(4, 7)
    + field(5, field(1, "commit-1"sv) + field(2, "\x02"sv) + field(3, field(1, 2) + field(2, "too old"sv))
                   + field(4, 1'700'000'000'000));
const std::string topic = field(1, "/data/ChangeEvents"sv) + field(2, "00D"sv) + field(3, 1) + field(4, 1)
                          + field(5, "s"sv) + field(6, "r"sv);
const std::string schema = field(1, "{}"sv) + field(2, "s"sv) + field(3, "r"sv);

std::string_view chars(const consumer_event& e) { return wire::as_chars(e.payload); }

std::vector<consumer_event> all(const pubsub::event_list& events) {
    std::vector<consumer_event> out;
    for (const consumer_event& e : events) out.push_back(e);
    return out;
}

template<class Request> std::string sent(const Request& request) {
    std::string out = "before";
    pubsub::append_request(request, out);
    REQUIRE(out.starts_with("before"));
    return out.substr(6);
}

} // namespace

TEST_CASE("a response is seen in its bytes") {
    const exact_bytes bytes(two_events);
    const auto [response, bad] = fetch_response::parse(bytes.text());
    REQUIRE_FALSE(bad);
    CHECK(response.latest_replay_id == "newest");
    CHECK(response.rpc_id == "rpc");
    CHECK(response.pending_num_requested == 98);
    CHECK(response.last_replay_id == "\x02");
    CHECK(response.events.size() == 2);
    const auto events = all(response.events);
    REQUIRE(events.size() == 2);
    CHECK(events[0].id == "id-1");
    CHECK(events[0].schema_id == "schema-1");
    CHECK(chars(events[0]) == "\x01\x02");
    CHECK(events[0].replay_id == "\x00\x01"sv);
    CHECK(events[1].id == "id-2");
    CHECK(events[1].payload.empty());
    for (const consumer_event& e : events) { // views, not copies
        CHECK(e.replay_id.data() > bytes.text().data());
        CHECK(e.replay_id.data() + e.replay_id.size() <= bytes.text().data() + bytes.text().size());
    }
}

TEST_CASE("a response without events is a keepalive, an empty message too") {
    const auto [keepalive, bad] = fetch_response::parse("\x12\x01p\x20\x64");
    REQUIRE_FALSE(bad);
    CHECK(keepalive.events.empty());
    CHECK(keepalive.events.begin() == keepalive.events.end());
    CHECK(keepalive.latest_replay_id == "p");
    CHECK(keepalive.last_replay_id.empty());
    CHECK(keepalive.pending_num_requested == 100);
    CHECK_FALSE(fetch_response::parse({}).error);
    CHECK(pubsub::event_list().begin() == pubsub::event_list().end());
}

TEST_CASE("an event without replay id does not move the position") {
    const std::string message = event("a", "s", "x", "1") + event("b", "s", "y", "");
    const auto response = fetch_response::parse(message).value;
    CHECK(response.events.size() == 2);
    CHECK(response.last_replay_id == "1");
}

TEST_CASE("the answer to a commit") {
    const std::string message = two_events + committed;
    const auto [response, bad] = managed_fetch_response::parse(message);
    REQUIRE_FALSE(bad);
    CHECK(response.events.size() == 2);
    CHECK(response.pending_num_requested == 7);
    REQUIRE(response.commit_response);
    CHECK(response.commit_response->commit_request_id == "commit-1");
    CHECK(response.commit_response->replay_id == "\x02");
    CHECK(response.commit_response->process_time == 1'700'000'000'000);
    REQUIRE(response.commit_response->error);
    CHECK(response.commit_response->error->code == pubsub::error_code::commit);
    CHECK(response.commit_response->error->msg == "too old");
    CHECK_FALSE(managed_fetch_response::parse(two_events).value.commit_response);
    // To an unmanaged response field 5 is unknown, whatever is in it.
    CHECK_FALSE(fetch_response::parse(field(5, "\xff"sv)).error);
    CHECK(managed_fetch_response::parse(field(5, "\xff"sv)).error);
}

TEST_CASE("topic and schema") {
    const auto [info, bad_topic] = pubsub::topic_info::parse(topic);
    REQUIRE_FALSE(bad_topic);
    CHECK(info.topic_name == "/data/ChangeEvents");
    CHECK(info.tenant_guid == "00D");
    CHECK(info.can_publish);
    CHECK(info.can_subscribe);
    CHECK(info.schema_id == "s");
    CHECK(info.rpc_id == "r");
    const auto [found, bad_schema] = pubsub::schema_info::parse(schema);
    REQUIRE_FALSE(bad_schema);
    CHECK(found.schema_json == "{}");
    CHECK(found.schema_id == "s");
    CHECK(found.rpc_id == "r");
}

TEST_CASE("what comes twice is merged, what has another wire type is unknown") {
    const std::string message = field(1, field(1, field(1, "a"sv) + field(2, "s1"sv)) + field(1, field(2, "s2"sv))
                                             + field(2, "1"sv) + field(2, 5) + field(2, "2"sv))
                                + field(1, 9) + field(4, "ten"sv) + field(4, 1) + field(4, ~std::uint64_t{0});
    const auto [response, bad] = fetch_response::parse(message);
    REQUIRE_FALSE(bad);
    REQUIRE(response.events.size() == 1);
    const consumer_event e = *response.events.begin();
    CHECK(e.id == "a");
    CHECK(e.schema_id == "s2");
    CHECK(e.replay_id == "2");
    CHECK(response.pending_num_requested == -1);
    const std::string answers =
        field(5, field(1, "c1"sv) + field(3, field(1, 2))) + field(5, field(3, field(2, "m"sv)));
    const auto commit = managed_fetch_response::parse(answers).value.commit_response;
    REQUIRE(commit);
    CHECK(commit->commit_request_id == "c1");
    REQUIRE(commit->error);
    CHECK(commit->error->code == pubsub::error_code::commit);
    CHECK(commit->error->msg == "m");
}

TEST_CASE("an error says where it is in the whole message") {
    const auto parse = [](std::string_view message) {
        const exact_bytes bytes(message);
        return managed_fetch_response::parse(bytes.text()).error;
    };
    //              events   event    id, one byte too long
    CHECK(parse("\x0a\x05\x0a\x03\x0a\x02x") == error{errc::message_truncated, 5});
    CHECK(parse("\x18\x01\x0a\x03\x12\x02x") == error{errc::message_truncated, 5});
    CHECK(parse("\x0a\x02\x0b\x0c") == error{errc::message_bad_tag, 2});
    CHECK(parse("\x2a\x04\x1a\x02\x08\x80") == error{errc::message_truncated, 5});
    CHECK(parse("\x0a") == error{errc::message_truncated, 1});

    const std::string longest(limits::replay_id_bytes, 'x');
    CHECK_FALSE(parse(event("", "", "", longest)));
    CHECK_FALSE(parse(field(2, longest)));
    CHECK(parse(field(2, longest + "x")) == error{errc::replay_id_too_long, 3});
    CHECK(parse(field(5, field(2, longest + "x"))).code == errc::replay_id_too_long);
    CHECK(parse(event("", "", "", longest + "x")).code == errc::replay_id_too_long);
}

TEST_CASE("a message that is cut is read up to a whole field, or it is truncated") {
    const auto read = [](std::string_view cut, auto parse) {
        const exact_bytes bytes(cut);
        bool whole = true;
        try {
            reference::read_protobuf(cut);
        } catch (const std::runtime_error&) {
            whole = false;
        }
        const error bad = parse(bytes.text());
        CAPTURE(cut.size());
        CHECK(bad.code == (whole ? errc::none : errc::message_truncated));
    };
    const std::string response = two_events + committed;
    for (std::size_t n = 0; n <= response.size(); ++n) {
        read(std::string_view(response).substr(0, n), [](std::string_view m) {
            const auto [value, bad] = fetch_response::parse(m);
            if (!bad) CHECK(all(value.events).size() == value.events.size());
            return bad;
        });
        read(std::string_view(response).substr(0, n),
             [](std::string_view m) { return managed_fetch_response::parse(m).error; });
    }
    for (std::size_t n = 0; n <= topic.size(); ++n)
        read(std::string_view(topic).substr(0, n),
             [](std::string_view m) { return pubsub::topic_info::parse(m).error; });
    for (std::size_t n = 0; n <= schema.size(); ++n)
        read(std::string_view(schema).substr(0, n),
             [](std::string_view m) { return pubsub::schema_info::parse(m).error; });
    // Cut inside, with the lengths in front made to fit: the inner message ends too early.
    const std::string inner = response.substr(2, static_cast<unsigned char>(response[1]));
    for (std::size_t n = 0; n < inner.size(); ++n)
        read(std::string_view(inner).substr(0, n),
             [](std::string_view m) { return fetch_response::parse(field(1, m)).error; });
}

TEST_CASE("requests leave out what is not said") {
    CHECK(sent(pubsub::fetch_request{}) == "");
    CHECK(sent(pubsub::fetch_request{
              .topic_name = "/t", .preset = pubsub::replay_preset::custom, .replay_id = "\x01", .num_requested = 100})
          == "\x0a\x02/t\x10\x02\x1a\x01\x01\x20\x64");
    CHECK(sent(pubsub::fetch_request{.topic_name = "/t", .num_requested = 50}) == "\x0a\x02/t\x20\x32");
    CHECK(sent(pubsub::managed_fetch_request{.subscription_id = "s", .num_requested = 1}) == "\x0a\x01s\x18\x01");
    CHECK(sent(pubsub::managed_fetch_request{.developer_name = "d",
                                             .commit_replay_id_request = pubsub::commit_replay_request{"c", "r"}})
          == "\x12\x01"
             "d\x2a\x06\x0a\x01"
             "c\x12\x01r");
    CHECK(sent(pubsub::topic_request{"/t"}) == "\x0a\x02/t");
    CHECK(sent(pubsub::schema_request{"s"}) == "\x0a\x01s");
}

#ifdef SFCDC_TESTS_HAVE_PUBSUB_PROTO

namespace {

namespace generated = eventbus::v1;

using dice = std::mt19937_64;

std::string text(dice& random, std::size_t longest) {
    std::string out(random() % (longest + 1), '\0');
    for (char& c : out) c = static_cast<char>(random() % 128); // generated classes refuse what is not UTF-8
    return out;
}

// A field that the message may know or not, and of any wire type but a group.
std::string stray_field(dice& random) {
    const auto number = static_cast<std::uint32_t>(random() % 4 == 0 ? 1 + random() % 0x1fffffff : 6 + random() % 20);
    switch (random() % 4) {
    case 0: return field(number, random() >> random() % 64);
    case 1: return field(number, text(random, 200));
    case 2: return varint(number * 8ull + 1) + std::string(8, static_cast<char>(random()));
    default: return varint(number * 8ull + 5) + std::string(4, static_cast<char>(random()));
    }
}

// The given fields, each left out, sent once or more than once, in any order, with strays between them.
std::string shuffled(dice& random, std::vector<std::string> fields) {
    std::vector<std::string> chosen;
    for (const std::string& f : fields)
        for (auto times = random() % 8; times > 5 || times == 1; --times) chosen.push_back(f);
    for (const std::string& f : fields)
        if (random() % 2 == 0) chosen.push_back(f);
    for (auto strays = random() % 3; strays > 0; --strays) chosen.push_back(stray_field(random));
    std::shuffle(chosen.begin(), chosen.end(), random);
    std::string out;
    for (const std::string& f : chosen) out += f;
    return out;
}

std::string random_event(dice& random) {
    const auto producer = [&] {
        return field(
            1, shuffled(random, {field(1, text(random, 40)), field(2, text(random, 30)), field(3, text(random, 300)),
                                 field(4, field(1, "k"sv)), field(3, 7), field(2, text(random, 30))}));
    };
    return field(1, shuffled(random, {producer(), producer(), field(2, text(random, 12)), field(2, random())}));
}

std::string random_response(dice& random) {
    std::vector<std::string> fields = {field(2, text(random, 12)), field(3, text(random, 40)), field(4, random())};
    for (auto events = random() % 6; events > 0; --events) fields.push_back(random_event(random));
    for (auto commits = random() % 3; commits > 0; --commits) {
        const std::string refusal = field(3, shuffled(random, {field(1, random() % 4), field(2, text(random, 20))}));
        fields.push_back(field(5, shuffled(random, {field(1, text(random, 36)), field(2, text(random, 12)), refusal,
                                                    field(4, random())})));
    }
    return shuffled(random, fields);
}

template<class Generated> void same_response(const fetch_response& ours, const Generated& theirs) {
    REQUIRE(ours.latest_replay_id == theirs.latest_replay_id());
    REQUIRE(ours.rpc_id == theirs.rpc_id());
    REQUIRE(ours.pending_num_requested == theirs.pending_num_requested());
    const auto events = all(ours.events);
    REQUIRE(events.size() == static_cast<std::size_t>(theirs.events_size()));
    REQUIRE(ours.events.size() == events.size());
    std::string last;
    for (int i = 0; i < theirs.events_size(); ++i) {
        const consumer_event& e = events[static_cast<std::size_t>(i)];
        REQUIRE(e.id == theirs.events(i).event().id());
        REQUIRE(e.schema_id == theirs.events(i).event().schema_id());
        REQUIRE(chars(e) == theirs.events(i).event().payload());
        REQUIRE(e.replay_id == theirs.events(i).replay_id());
        if (!e.replay_id.empty()) last = e.replay_id;
    }
    REQUIRE(ours.last_replay_id == last);
}

void same_commit(const std::optional<pubsub::commit_replay_response>& ours,
                 const generated::ManagedFetchResponse& theirs) {
    REQUIRE(ours.has_value() == theirs.has_commit_response());
    if (!ours) return;
    REQUIRE(ours->commit_request_id == theirs.commit_response().commit_request_id());
    REQUIRE(ours->replay_id == theirs.commit_response().replay_id());
    REQUIRE(ours->process_time == theirs.commit_response().process_time());
    REQUIRE(ours->error.has_value() == theirs.commit_response().has_error());
    if (!ours->error) return;
    REQUIRE(static_cast<int>(ours->error->code) == theirs.commit_response().error().code());
    REQUIRE(ours->error->msg == theirs.commit_response().error().msg());
}

// Reads the bytes with both; gives whether both took them.
bool read_by_both(std::string_view message) {
    const exact_bytes bytes(message);
    const auto [ours, bad] = managed_fetch_response::parse(bytes.text());
    const auto [plain, bad_plain] = fetch_response::parse(bytes.text());
    generated::ManagedFetchResponse theirs;
    generated::FetchResponse theirs_plain;
    const std::string copy(message);
    if (!theirs.ParseFromString(copy) || bad) return false;
    REQUIRE_FALSE(bad_plain);
    REQUIRE(theirs_plain.ParseFromString(copy));
    same_response(ours, theirs);
    same_response(plain, theirs_plain);
    same_commit(ours.commit_response, theirs);
    return true;
}

} // namespace

TEST_CASE("random responses mean the same to us and to generated code, unknown fields included") {
    dice random(20240101);
    std::size_t events = 0, commits = 0;
    for (int i = 0; i < 4000; ++i) {
        const std::string message = random_response(random);
        CAPTURE(i);
        REQUIRE(read_by_both(message));
        const auto response = managed_fetch_response::parse(message).value;
        events += response.events.size();
        commits += response.commit_response.has_value();
    }
    CHECK(events > 4000);
    CHECK(commits > 400);
}

TEST_CASE("responses with random bytes changed: where both take them, they mean the same") {
    dice random(7);
    int taken = 0;
    google::protobuf::LogSilencer quiet; // it reports text that is no longer UTF-8
    for (int i = 0; i < 20'000; ++i) {
        std::string message = random_response(random);
        if (message.empty()) continue;
        for (auto changes = 1 + random() % 3; changes > 0; --changes) {
            char& byte = message[random() % message.size()];
            byte = random() % 2 == 0 ? static_cast<char>(random() % 64) : static_cast<char>(random());
        }
        taken += read_by_both(message);
    }
    CHECK(taken > 5'000);
    CHECK(taken < 20'000);
}

TEST_CASE("what generated code writes, we read") {
    generated::TopicInfo topic_info;
    topic_info.set_topic_name("/event/Door_Opened__e");
    topic_info.set_tenant_guid("00Dxx");
    topic_info.set_can_publish(true);
    topic_info.set_schema_id("sid");
    topic_info.set_rpc_id("rpc");
    const std::string topic_bytes = topic_info.SerializeAsString();
    const auto [info, bad] = pubsub::topic_info::parse(topic_bytes);
    REQUIRE_FALSE(bad);
    CHECK(info.topic_name == topic_info.topic_name());
    CHECK(info.tenant_guid == topic_info.tenant_guid());
    CHECK(info.can_publish);
    CHECK_FALSE(info.can_subscribe);
    CHECK(info.schema_id == "sid");
    CHECK(info.rpc_id == "rpc");

    generated::SchemaInfo schema_info;
    schema_info.set_schema_json(std::string(20'000, 'x'));
    schema_info.set_schema_id("sid");
    schema_info.set_rpc_id("rpc");
    const std::string schema_bytes = schema_info.SerializeAsString();
    const auto [found, bad_schema] = pubsub::schema_info::parse(schema_bytes);
    REQUIRE_FALSE(bad_schema);
    CHECK(found.schema_json == schema_info.schema_json());
    CHECK(found.schema_id == "sid");
    CHECK(found.rpc_id == "rpc");
}

TEST_CASE("random requests are byte for byte those of generated code") {
    dice random(3);
    const auto number = [&] { return static_cast<std::int32_t>(random() >> (random() % 64)); };
    for (int i = 0; i < 2000; ++i) {
        const std::string a = text(random, 40), b = text(random, 200), c = text(random, 12);
        const std::int32_t n = random() % 4 == 0 ? 0 : number();
        const auto preset = random() % 3;

        generated::FetchRequest fetch;
        fetch.set_topic_name(a);
        fetch.set_replay_preset(static_cast<generated::ReplayPreset>(preset));
        fetch.set_replay_id(c);
        fetch.set_num_requested(n);
        REQUIRE(sent(pubsub::fetch_request{a, static_cast<pubsub::replay_preset>(preset), c, n})
                == fetch.SerializeAsString());

        generated::ManagedFetchRequest managed;
        managed.set_subscription_id(a);
        managed.set_developer_name(b);
        managed.set_num_requested(n);
        pubsub::managed_fetch_request ours{a, b, n, {}};
        if (preset == 0) {
            managed.mutable_commit_replay_id_request()->set_commit_request_id(b);
            managed.mutable_commit_replay_id_request()->set_replay_id(c);
            ours.commit_replay_id_request = pubsub::commit_replay_request{b, c};
        }
        REQUIRE(sent(ours) == managed.SerializeAsString());

        generated::TopicRequest topic_request;
        topic_request.set_topic_name(a);
        REQUIRE(sent(pubsub::topic_request{a}) == topic_request.SerializeAsString());
        generated::SchemaRequest schema_request;
        schema_request.set_schema_id(b);
        REQUIRE(sent(pubsub::schema_request{b}) == schema_request.SerializeAsString());
    }
}

#endif
