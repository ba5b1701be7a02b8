#include "salesforce/login.hpp"

#include "catch.hpp"
#include "folder.hpp"
#include "http_server.hpp"
#include "operations/failure.hpp"

#include <atomic>
#include <string>
#include <thread>
#include <vector>

namespace {

using sfcdc::runner::failure;
using sfcdc::runner::salesforce_config;
using sfcdc::runner::secret;
using sfcdc::runner::salesforce::make_sessions;
using sfcdc::runner::salesforce::sessions;
using answers = std::vector<test::http_answer>;

const test::http_answer refusal{"400 Bad Request\r\n",
                                R"({"error":"invalid_client","error_description":"invalid client credentials"})"};

salesforce_config config_of(const std::string& url, const std::string& client_secret) {
    salesforce_config c;
    c.section = "[salesforce.emea]";
    c.login_url = url;
    c.keys = {{"client_id", secret("app")}, {"client_secret", secret(client_secret)}};
    return c;
}

} // namespace

TEST_CASE("twenty pipelines with a wrong secret are one login, and each of them is told") {
    test::http_server server(answers{refusal, refusal});
    const salesforce_config c = config_of(server.url(), "wrong");
    sessions of_the_org = make_sessions(c);
    std::atomic<int> told = 0;
    for (int again = 0; again < 2; ++again) {
        std::vector<std::jthread> pipelines;
        for (int i = 0; i < 20; ++i)
            pipelines.emplace_back([&](const std::stop_token& stop) {
                try {
                    (void)of_the_org.newer_than(0, stop);
                } catch (const failure& f) {
                    const std::string what = f.what();
                    if (what.find("invalid_client") != what.npos && what.find("check [salesforce.emea]") != what.npos)
                        ++told;
                }
            });
        for (std::jthread& p : pipelines) p.join();
    }
    CHECK(told == 40);
    CHECK(server.asked().size() == 1);
}

TEST_CASE("a secret whose file is replaced is tried at once, though the old one was refused") {
    const test::folder f;
    f.write("secret", "old-secret\n");
    test::http_server server(answers{refusal, refusal, refusal});
    const salesforce_config c = config_of(server.url(), "${file:" + (f / "secret").string() + "}");
    sessions of_the_org = make_sessions(c);
    CHECK_THROWS_AS(of_the_org.newer_than(0, {}), failure);
    CHECK_THROWS_AS(of_the_org.newer_than(0, {}), failure);
    CHECK(server.asked().size() == 1);
    f.write("secret", "new-secret\n");
    CHECK_THROWS_AS(of_the_org.newer_than(0, {}), failure);
    REQUIRE(server.asked().size() == 2);
    CHECK(server.asked()[0].find("client_secret=old-secret") != std::string::npos);
    CHECK(server.asked()[1].find("client_secret=new-secret") != std::string::npos);
}

TEST_CASE("a login names the org, once, whatever the number of pipelines") {
    std::vector<test::http_answer> lined_up = {{"200 OK\r\n", ""},
                                               {"200 OK\r\n", R"({"organization_id":"00D000000000001AAA"})"}};
    // The address of the server is part of its own answer.
    test::http_server server([&](const std::string& url) {
        lined_up[0].body = R"({"access_token":"token-of-the-test","instance_url":")" + url + R"("})";
        return lined_up;
    });
    const salesforce_config c = config_of(server.url(), "right");
    sessions of_the_org = make_sessions(c);
    std::atomic<int> good = 0;
    {
        std::vector<std::jthread> pipelines;
        for (int i = 0; i < 20; ++i)
            pipelines.emplace_back([&](const std::stop_token& stop) {
                const auto s = of_the_org.newer_than(0, stop);
                good += s.generation == 1 && s.credential.org_id == "00D000000000001AAA"
                        && s.credential.access_token == "token-of-the-test";
            });
        for (std::jthread& p : pipelines) p.join();
    }
    CHECK(good == 20);
    CHECK(server.asked().size() == 2);
    CHECK(server.asked()[1].find("Authorization: Bearer token-of-the-test") != std::string::npos);
}
