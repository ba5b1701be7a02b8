#include "salesforce/grants/answers.hpp"

#include "catch.hpp"

#include <string>

using namespace sfcdc::runner::salesforce;

namespace {

const std::string login = "https://acme.my.salesforce.com";

// What is wrong with an answer; empty: nothing.
std::string complaint(const std::string& body, const std::string& login_url = login) {
    token_answer answer = read_token_answer(body);
    return check_token(answer, login_url);
}
std::string with_instance(const std::string& instance_url, const std::string& login_url = login) {
    return complaint(R"({"access_token":"t","instance_url":")" + instance_url + "\"}", login_url);
}

} // namespace

TEST_CASE("a token travels to the login's own domains only") {
    for (const char* const good :
         {"https://acme.my.salesforce.com", "https://acme.my.salesforce.com/", "https://acme.file.force.com",
          "https://na1.salesforce.com:443", "HTTPS://ACME.my.salesforce.com"}) {
        INFO(good);
        CHECK(with_instance(good).empty());
    }
    for (const char* const bad :
         {"https://evil.example", "https://salesforce.com.evil.example", "https://evilsalesforce.com",
          "http://acme.my.salesforce.com", "https://acme.my.salesforce.com@evil.example",
          "https://u:p@acme.my.salesforce.com", "https://acme.my.salesforce.com/x",
          "https://acme.my.salesforce.com?x", "https://acme.my.salesforce.com/\xc3\xbc",
          "https://acme.my.s\xc3\xa4lesforce.com", "ftp://acme.my.salesforce.com", "http://127.0.0.1:80",
          "https://127.0.0.1", "acme.my.salesforce.com", "https://", "", "https://acme.my.salesforce.com/ ",
          "file:///etc/passwd"}) {
        INFO(bad);
        CHECK_FALSE(with_instance(bad).empty());
    }
    CHECK(with_instance("https://evil.example").find("leads to evil.example") != std::string::npos);
    // A host that is nobody's domain: only itself.
    CHECK(with_instance("https://crm.corp.example:8443", "https://crm.corp.example").empty());
    CHECK_FALSE(with_instance("https://x.corp.example", "https://crm.corp.example").empty());
    CHECK_FALSE(with_instance("https://acme.my.salesforce.com", "https://crm.corp.example").empty());
    // This machine, for an emulator.
    CHECK(with_instance("http://127.0.0.1:81", "http://127.0.0.1:80").empty());
    CHECK(with_instance("https://127.0.0.1:81", "https://localhost:80").empty());
    CHECK_FALSE(with_instance("http://127.0.0.1:81", login).empty());
}

TEST_CASE("a token that no header may carry is none") {
    const auto with_token = [](const std::string& json) {
        return complaint(R"({"instance_url":"https://acme.my.salesforce.com","access_token":)" + json + "}");
    };
    CHECK(with_token(R"("00D!a~b")").empty());
    for (const char* const bad : {R"("")", R"("a\nb")", R"("a b")", R"("\u0000")", R"("\u00e4")", "5", "null"}) {
        INFO(bad);
        CHECK_FALSE(with_token(bad).empty());
    }
    for (const char* const body : {"", "[]", "<html>", "{", "null", R"({"access_token":"t"})"})
        CHECK_FALSE(complaint(body).empty());
}

TEST_CASE("org ids have their form") {
    CHECK(read_org_id(R"({"organization_id":"00D000000000001EAA"})") == "00D000000000001EAA");
    for (const char* const bad : {R"("00D\nx")", R"("00D\u00fc00000000001EAA")", R"("00D00000000000100000")",
                                  R"("005000000000001EAA")", R"("")", "5"}) {
        INFO(bad);
        CHECK(read_org_id(std::string(R"({"organization_id":)") + bad + "}").empty());
    }
    const auto of_identity = [](const std::string& id) {
        return read_token_answer(R"({"id":")" + id + "\"}").org_id;
    };
    CHECK(of_identity("https://login.salesforce.com/id/00D000000000001EAA/005") == "00D000000000001EAA");
    for (const char* const bad : {"", "/", "//", "x/y", "https://h/id/00D/005"}) CHECK(of_identity(bad).empty());
}

TEST_CASE("a refusal is said without what repeats the request") {
    CHECK(read_refusal(R"({"error":"invalid_grant","error_description":"no client credentials user enabled"})")
          == "invalid_grant (no client credentials user enabled)");
    CHECK(read_refusal(R"({"error":"invalid_client"})") == "invalid_client");
    for (const char* const echo : {"client_id=a&client_secret=b", "bad client_secret b", "Bearer abc"})
        CHECK(read_refusal(std::string(R"({"error":"x","error_description":")") + echo + "\"}") == "x");
    for (const char* const body : {"", "<html>", "[]", "{}", R"({"error":5})"}) CHECK(read_refusal(body).empty());
}

TEST_CASE("a session is refused by the words of Salesforce only") {
    for (const char* const body : {"Bad_OAuth_Token", "Missing_OAuth_Token",
                                   R"([{"message":"Session expired or invalid","errorCode":"INVALID_SESSION_ID"}])"})
        CHECK(refuses_session(body));
    for (const char* const body : {"", "<html>403 Forbidden</html>", R"({"error":"x"})"})
        CHECK_FALSE(refuses_session(body));
}
