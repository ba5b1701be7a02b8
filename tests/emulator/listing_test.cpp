#include "../catch.hpp"
#include "emulator/listing.hpp"
#include "peer.hpp"

#include <fstream>
#include <iterator>
#include <set>

using namespace test;

namespace {

std::string get(peer& from, const std::string& path, const httplib::Headers& headers = {}) {
    const auto response = httplib::Client(from.state().urls.control_url).Get(path, headers);
    REQUIRE(response);
    REQUIRE(response->status == 200);
    return response->body;
}

} // namespace

TEST_CASE("the page of the emulator has its routes and faults, and no others") {
    std::ifstream file(std::string(SFCDC_SOURCE_ROOT) + "/docs/emulator.md");
    const std::string page{std::istreambuf_iterator<char>(file), {}};
    const std::size_t begin = page.find("## Routes and faults"), end = page.find("\n## ", begin + 1);
    REQUIRE(end != std::string::npos);
    std::string tables;
    for (std::size_t at = begin; at < end;) {
        const std::size_t next = page.find('\n', at) + 1;
        if (page[at] == '|') tables += page.substr(at, next - at);
        at = next;
    }
    std::string wanted = emulator::listing_markdown();
    wanted.erase(wanted.find("\n\n"), 1); // the empty line between the tables
    INFO("curl -H 'Accept: text/markdown' of GET / prints what docs/emulator.md has to have");
    CHECK(tables == wanted);
}

TEST_CASE("GET / lists what is served, in three forms") {
    peer org;
    const json list = json::parse(get(org, "/"));
    CHECK(list.at("pubsub_endpoint") == org.state().urls.pubsub_endpoint);
    for (const json& route : list.at("routes")) {
        if (route.at("method") != "GET") continue;
        const auto response = httplib::Client(org.state().urls.control_url).Get(route.at("path").get<std::string>());
        REQUIRE(response);
        CAPTURE(route.dump());
        CHECK(response->status != 404);
    }
    // Each listed fault is known to those who carry it out; what it lacks is another sentence.
    for (const json& fault : list.at("faults")) {
        const auto response = httplib::Client(org.state().urls.control_url)
                                  .Post("/fault", json{{"op", fault.at("op")}}.dump(), "application/json");
        REQUIRE(response);
        CAPTURE(fault.dump(), response->body);
        CHECK(response->body.find("There is no fault called") == std::string::npos);
    }
    CHECK(org.control("/fault", {{"op", "no_such"}}, 400).at("error")
          == "There is no fault called \"no_such\"; GET / lists them.");

    const std::string html = get(org, "/", {{"Accept", "text/html,application/xhtml+xml"}});
    const std::string markdown = get(org, "/", {{"Accept", "text/markdown"}});
    CHECK(html.starts_with("<!doctype html>"));
    CHECK(markdown == emulator::listing_markdown());
    std::set<std::string> ops;
    for (const json& fault : list.at("faults")) {
        const auto op = fault.at("op").get<std::string>();
        CHECK(ops.insert(op).second);
        CHECK(html.find("<code>" + op + "</code>") != std::string::npos);
    }
}

TEST_CASE("the configuration leads to the emulator that printed it") {
    emulator::options chosen;
    chosen.client_secret = R"(a"b\c)";
    peer org(std::move(chosen));
    const std::string text = get(org, "/sfcdc.toml");
    const auto& urls = org.state().urls;
    for (const std::string& line :
         {"login_url = \"" + urls.salesforce_url + "\"", "pubsub_endpoint = \"http://" + urls.pubsub_endpoint + "\"",
          "zerobus_endpoint = \"http://" + urls.zerobus_endpoint + "\"",
          "workspace_url = \"" + urls.databricks_url + "\"", std::string(R"(client_secret = "a\"b\\c")")})
        CHECK(text.find("\n" + line + "\n") != std::string::npos);
    CHECK(text.find("ca_file") == std::string::npos);
}
