#include "salesforce/grants/soap_messages.hpp"

#include "catch.hpp"

#include <string>

using namespace sfcdc::runner::salesforce;

namespace {

std::string envelope(const std::string& body, const std::string& before = "") {
    return "<?xml version=\"1.0\" encoding=\"UTF-8\"?>" + before
           + "<soapenv:Envelope xmlns:soapenv=\"http://schemas.xmlsoap.org/soap/envelope/\" "
             "xmlns=\"urn:partner.soap.sforce.com\"><soapenv:Body>"
           + body + "</soapenv:Body></soapenv:Envelope>";
}
std::string result(const std::string& members) {
    return envelope("<loginResponse><result>" + members + "</result></loginResponse>");
}
const std::string members =
    "<serverUrl>https://acme.my.salesforce.com/services/Soap/u/64.0/00D000000000001</serverUrl>"
    "<sessionId>00D!session</sessionId>"
    "<userInfo><organizationId>00D000000000001EAA</organizationId></userInfo>";

} // namespace

TEST_CASE("what a password may have is escaped") {
    const std::string said = soap_login("a&b@c.example", "<p>&amp;\"']]>\xc3\xa4 x");
    CHECK(said.find("<urn:username>a&amp;b@c.example</urn:username>") != std::string::npos);
    CHECK(said.find("<urn:password>&lt;p&gt;&amp;amp;\"']]&gt;\xc3\xa4 x</urn:password>") != std::string::npos);
    CHECK(said.find("xmlns:urn=\"urn:partner.soap.sforce.com\"") != std::string::npos);
    CHECK(said.starts_with("<?xml version=\"1.0\"?>"));
    // Nothing of a text becomes an element.
    const std::string forged = soap_login("u</urn:username><urn:password>x", "p");
    CHECK(forged.find("<urn:password>") == forged.rfind("<urn:password>"));
}

TEST_CASE("the answer of a login by SOAP") {
    const soap_answer good = read_soap_answer(result(members));
    CHECK(good.soap);
    CHECK(good.fault_code.empty());
    CHECK(good.token.access_token == "00D!session");
    CHECK(good.token.instance_url == "https://acme.my.salesforce.com");
    CHECK(good.token.org_id == "00D000000000001EAA");
    CHECK(good.token.org_certain);
    CHECK_FALSE(good.password_expired);
    CHECK(read_soap_answer(result(members + "<passwordExpired>true</passwordExpired>")).password_expired);
    // What has no form of an org's id is asked for; a server of somebody else is for check_token() to refuse.
    const soap_answer odd =
        read_soap_answer(result("<serverUrl>https://u@evil.example/x</serverUrl><sessionId>s</sessionId>"
                                "<userInfo><organizationId>00D\n</organizationId></userInfo>"));
    CHECK(odd.soap);
    CHECK_FALSE(odd.token.org_certain);
    CHECK(odd.token.instance_url.empty());
    soap_answer elsewhere =
        read_soap_answer(result("<serverUrl>https://evil.example/x</serverUrl><sessionId>s</sessionId>"));
    CHECK(check_token(elsewhere.token, "https://login.salesforce.com").find("leads to evil.example")
          != std::string::npos);
}

TEST_CASE("a fault of SOAP") {
    const auto fault = [](const std::string& code, const std::string& text) {
        return read_soap_answer(envelope("<soapenv:Fault><faultcode>" + code + "</faultcode><faultstring>" + text
                                         + "</faultstring></soapenv:Fault>"));
    };
    const soap_answer said = fault("sf:INVALID_LOGIN", "INVALID_LOGIN: Invalid username &amp; password");
    CHECK(said.soap);
    CHECK(said.fault_code == "INVALID_LOGIN");
    CHECK(said.fault_text == "Invalid username & password");
    CHECK(said.token.access_token.empty());
    CHECK(fault("PASSWORD_LOCKOUT", "x").fault_code == "PASSWORD_LOCKOUT");
    CHECK(fault("sf:" + std::string(65, 'A'), "x").fault_code == "a fault that is no code of SOAP");
    CHECK(fault("sf:A B", "x").fault_code == "a fault that is no code of SOAP");
    CHECK_FALSE(fault("", "x").soap);
}

TEST_CASE("hostile XML is no answer, and costs nothing") {
    for (const std::string& body :
         {std::string(), std::string("<html>Maintenance</html>"), std::string("<"), std::string("{}"), envelope(""),
          envelope("<loginResponse/>"), result(members).substr(0, 200)}) {
        INFO(body);
        CHECK_FALSE(read_soap_answer(body).soap);
    }
    // Entities of a document: a SOAP message has none.
    const std::string bomb = "<!DOCTYPE b [<!ENTITY a \"aaaaaaaaaa\"><!ENTITY b \"&a;&a;&a;\">]>";
    const std::string with_entity = "<loginResponse><result><sessionId>&b;</sessionId></result></loginResponse>";
    CHECK_FALSE(read_soap_answer(envelope(with_entity, bomb)).soap);
    CHECK(read_soap_answer(envelope(with_entity)).token.access_token == "&b;");
    // Depth, and size.
    std::string deep;
    while (deep.size() < longest_soap_answer - 1000) deep += "<a>";
    CHECK_FALSE(read_soap_answer(deep).soap);
    deep.resize(longest_soap_answer / 8 * 3);
    std::string closed = deep;
    for (std::size_t i = 0; i < deep.size() / 3; ++i) closed += "</a>";
    CHECK(closed.size() < longest_soap_answer);
    CHECK_FALSE(read_soap_answer(closed).soap);
    CHECK(read_soap_answer(result(members + std::string(1000, ' '))).soap);
    CHECK_FALSE(read_soap_answer(result(members + std::string(longest_soap_answer, ' '))).soap);
}
