#include "salesforce/rest.hpp"

#include "catch.hpp"
#include "http_server.hpp"
#include "salesforce/discovery.hpp"

#include <string>
#include <vector>

namespace {

using namespace sfcdc::runner::salesforce;
using answers = std::vector<test::http_answer>;

test::http_answer ok(const std::string& body) { return {"200 OK\r\nContent-Type: application/json\r\n", body}; }

struct scene {
    explicit scene(answers all) : server(std::move(all)), org(config, {"the-token", server.url(), "00D"}, "66.0") {}
    test::http_server server;
    sfcdc::runner::salesforce_config config{};
    rest org;
};

} // namespace

TEST_CASE("a refusal of the REST API is known by its status and its code") {
    const auto read = [](long status, const char* body) { return read_rest_refusal(status, body); };
    CHECK(read(401, R"([{"message":"Session expired","errorCode":"INVALID_SESSION_ID"}])").what
          == rest_fault::session_refused);
    CHECK(read(403, R"([{"message":"x","errorCode":"REQUEST_LIMIT_EXCEEDED"}])").what == rest_fault::limit_reached);
    CHECK(read(400, R"([{"message":"x","errorCode":"REQUEST_LIMIT_EXCEEDED"}])").what == rest_fault::limit_reached);
    CHECK(read(403, R"([{"message":"x","errorCode":"FORBIDDEN"}])").what == rest_fault::no_right);
    CHECK(read(404, R"([{"message":"x","errorCode":"NOT_FOUND"}])").what == rest_fault::not_found);
    CHECK(read(400, R"([{"message":"x","errorCode":"INVALID_TYPE"}])").what == rest_fault::no_right);
    CHECK(read(400, R"([{"message":"x","errorCode":"MALFORMED_QUERY"}])").what == rest_fault::bad_request);
    CHECK(read(503, R"([{"message":"x","errorCode":"SERVER_UNAVAILABLE"}])").what == rest_fault::unavailable);
    CHECK(read(403, "<html>a proxy").what == rest_fault::unavailable);
    CHECK(read(0, "no answer").message == "no answer");
    const auto said = read(400, "[{\"message\":\"two\\nlines\",\"errorCode\":\"X\"}]");
    CHECK(said.message == "HTTP 400 X: two?lines");
    CHECK(read(400, "[]").code.empty());
    CHECK(read(400, "[7]").code.empty());
}

TEST_CASE("a query has all of its pages, and none from elsewhere") {
    scene s(
        {ok(R"({"done":false,"records":[{"SelectedEntity":"B"}],"nextRecordsUrl":"/services/data/v66.0/tooling/query/01-1"})"),
         ok(R"({"done":false,"records":[],"nextRecordsUrl":"/services/data/v66.0/tooling/query/01-2"})"),
         ok(R"({"done":true,"records":[{"SelectedEntity":"A"},{"SelectedEntity":7},7]})"),
         ok(R"({"done":false,"records":[],"nextRecordsUrl":"@elsewhere.example/"})"), ok(R"({"done":true})")});
    const auto [events, refused] = selected_change_events(s.org);
    CHECK_FALSE(refused);
    CHECK(events == std::vector<std::string>{"A", "B"});
    const auto asked = s.server.asked();
    CHECK(asked.at(0).find("GET /services/data/v66.0/tooling/query/?q=SELECT%20SelectedEntity%20FROM%20") == 0);
    CHECK(asked.at(0).find("Authorization: Bearer the-token") != std::string::npos);
    CHECK(asked.at(2).find("GET /services/data/v66.0/tooling/query/01-2 ") == 0);
    CHECK(s.org.query("SELECT Id FROM Account").refused);
    CHECK(s.org.query("SELECT Id FROM Account").refused);
}

TEST_CASE("objects that stand as ids get their names") {
    scene s({ok(R"({"records":[{"SelectedEntity":"AccountChangeEvent"},{"SelectedEntity":"01I000000000001AAA"}]})"),
             ok(R"({"records":[{"DurableId":"01I000000000001","QualifiedApiName":"Invoice__ChangeEvent"}]})")});
    CHECK(selected_change_events(s.org).value
          == std::vector<std::string>{"AccountChangeEvent", "Invoice__ChangeEvent"});
    CHECK(s.server.asked().at(1).find("01I000000000001%27") != std::string::npos);
}

TEST_CASE("channels have their members by name or by id") {
    scene s(
        {ok(R"({"records":[{"Id":"0YL000000000001AAA","DeveloperName":"Sales","ChannelType":"data"},
                               {"Id":"0YL000000000002AAA","DeveloperName":"Orders","ChannelType":"event"}]})"),
         ok(R"({"records":[{"EventChannel":"Sales__chn","SelectedEntity":"AccountChangeEvent","FilterExpression":null},
                               {"EventChannel":"0YL000000000002","SelectedEntity":"Order__e","FilterExpression":"A__c = 1"},
                               {"EventChannel":"ChangeEvents","SelectedEntity":"ContactChangeEvent"}]})")});
    const auto channels = custom_channels(s.org).value;
    REQUIRE(channels.size() == 2);
    CHECK(channels[0].topic() == "/event/Orders__chn");
    REQUIRE(channels[0].members.size() == 1);
    CHECK(channels[0].members[0].filter == "A__c = 1");
    CHECK(channels[1].topic() == "/data/Sales__chn");
    CHECK(channels[1].members.size() == 1);
}

TEST_CASE("limits and fields are read, and what is odd is left out") {
    scene s({ok(R"({"A":{"Max":5,"Remaining":-1},"B":{"Max":"5"},"C":7})"),
             ok(R"({"fields":[{"name":"Id"},{"label":"x"},{"name":"Name"}]})"),
             ok("[]"),
             ok("{\"a\":" + std::string(100, '[')),
             {"404 Not Found\r\n", R"([{"message":"x","errorCode":"NOT_FOUND"}])"}});
    const auto limits = s.org.limits().value;
    REQUIRE(limits.size() == 1);
    CHECK(limits[0].second.remaining == -1);
    CHECK(s.org.field_names("Account").value == std::vector<std::string>{"Id", "Name"});
    CHECK(s.org.limits().refused->what == rest_fault::unavailable);
    CHECK(s.org.limits().refused->what == rest_fault::unavailable);
    CHECK(s.org.field_names("Nothing").refused->what == rest_fault::not_found);
}

TEST_CASE("a server says its versions and its time without a session") {
    test::http_server server(
        answers{{"200 OK\r\nDate: Thu, 01 Jan 2026 00:00:00 GMT\r\n",
                 R"([{"version":"64.0"},{"version":"67.0"},{"version":"999.0"},{"version":"x"}])"},
                {"200 OK\r\n", "<html>"}});
    const auto [service, refused] = look_at_rest_service({}, server.url(), {});
    CHECK_FALSE(refused);
    CHECK(service.newest_version == "67.0");
    CHECK(service.clock_ahead.value() < std::chrono::seconds(0));
    CHECK(server.asked().at(0).find("Authorization") == std::string::npos);
    const auto [other, why] = look_at_rest_service({}, server.url(), {});
    CHECK(why->what == rest_fault::unavailable);
    CHECK_FALSE(other.clock_ahead);
}
