#include "pipeline/hidden_fields.hpp"

#include "catch.hpp"

#include <string>
#include <vector>

namespace {

using sfcdc::cdc::plan;
using sfcdc::runner::entity_of;
using sfcdc::runner::field_pattern;
using sfcdc::runner::hidden_fields;
using sfcdc::runner::privacy_config;
using texts = std::vector<std::string>;

plan schema(const std::string& name, const std::string& fields) {
    const std::string header =
        R"({"name":"ChangeEventHeader","type":{"type":"record","name":"ChangeEventHeader","fields":[{"name":"entityName","type":"string"}]}})";
    auto [p, bad] =
        sfcdc::cdc::compile(R"({"type":"record","name":")" + name
                            + R"(","namespace":"com.sforce.eventbus","fields":[)" + header + fields + "]}");
    REQUIRE_FALSE(bad);
    return std::move(p);
}
std::string text(const std::string& name) { return R"(,{"name":")" + name + R"(","type":["null","string"]})"; }
std::string number(const std::string& name) { return R"(,{"name":")" + name + R"(","type":["null","double"]})"; }
std::string address(const std::string& name) {
    return R"(,{"name":")" + name + R"(","type":["null",{"type":"record","name":"R_)" + name
           + R"(","fields":[{"name":"City","type":["null","string"]},{"name":"Phone","type":["null","string"]}]}]})";
}

const plan& contact() {
    static const plan p = schema("ContactChangeEvent", text("Phone") + text("Email") + text("SSN__c")
                                                           + number("Age__c") + address("MailingAddress"));
    return p;
}
const plan& account() {
    static const plan p =
        schema("AccountChangeEvent", text("Phone") + text("PersonEmail") + address("BillingAddress"));
    return p;
}

texts hidden_in(const plan& whole, const plan& seen) {
    texts out;
    for (std::uint32_t f = 0; f < whole.size(); ++f)
        if (!seen.wanted().contains({f})) out.emplace_back(whole.name({f}));
    return out;
}
texts denied(const std::vector<field_pattern>& patterns, const plan& whole) {
    const privacy_config config{.deny = patterns};
    hidden_fields hidden(config, "/data/ChangeEvents");
    return hidden_in(whole, hidden.in(whole)->plan);
}
privacy_config tokenising(const std::vector<field_pattern>& patterns) {
    return {.tokenise = patterns,
            .token_key =
                std::make_shared<const sfcdc::cdc::token_key>(std::string_view("0123456789abcdef0123456789abcdef"))};
}

} // namespace

TEST_CASE("the object of a schema") {
    CHECK(entity_of(contact()) == "Contact");
    CHECK(entity_of(schema("Invoice__ChangeEvent", text("a"))) == "Invoice__c");
    CHECK(entity_of(schema("ns__Invoice__ChangeEvent", text("a"))) == "ns__Invoice__c");
    CHECK(entity_of(schema("Order_Event__e", text("a"))) == "Order_Event__e");
    CHECK(entity_of(plan()).empty());
}

TEST_CASE("denied fields: of all objects, of one, by pattern, in any case") {
    CHECK(denied({{"*", "Phone"}}, contact()) == texts{"Phone"}); // and no child of that name
    CHECK(denied({{"*", "*Phone"}}, contact()) == texts{"Phone", "MailingAddress.Phone"});
    CHECK(denied({{"*", "ssn__C"}, {"*", "*email"}}, contact()) == texts{"Email", "SSN__c"});
    CHECK(denied({{"*", "*Email"}}, account()) == texts{"PersonEmail"});
    CHECK(denied({{"Contact", "Phone"}}, contact()) == texts{"Phone"});
    CHECK(denied({{"contact", "Phone"}}, contact()) == texts{"Phone"});
    CHECK(denied({{"Contact", "Phone"}}, account()).empty());
    CHECK(denied({{"Con*", "Phone"}}, contact()) == texts{"Phone"});
    CHECK(denied({{"*", "MailingAddress.City"}}, contact()) == texts{"MailingAddress.City"});
    const texts address = {"MailingAddress", "MailingAddress.City", "MailingAddress.Phone"};
    CHECK(denied({{"*", "MailingAddress"}}, contact()) == address);
    CHECK(denied({{"*", "*Address.*"}}, contact()) == address);
    CHECK(denied({{"*", "Contact.Phone"}}, contact()).empty()); // a child Phone of a field Contact
    CHECK(denied({{"*", "*"}}, account()).size() == 5);         // the header is always seen
}

TEST_CASE("denied fields: members of records inside of values hide the whole value") {
    const plan p = schema(
        "XChangeEvent",
        R"(,{"name":"List","type":["null",{"type":"array","items":{"type":"record","name":"I","fields":[{"name":"Email","type":"string"},
             {"name":"Next","type":["null","I"]}]}}]},{"name":"Map","type":{"type":"map","values":["null","I"]}})"
            + text("Other"));
    CHECK(denied({{"*", "*Email"}}, p) == texts{"List", "Map"});
    CHECK(denied({{"*", "List.Email"}}, p) == texts{"List"});
    CHECK(denied({{"*", "Email"}}, p).empty());
    // Of a compound in a compound, too.
    const plan deep = schema(
        "YChangeEvent",
        R"(,{"name":"A","type":["null",{"type":"record","name":"AR","fields":[{"name":"b","type":["null","string"]},{"name":"c","type":["null",
             {"type":"record","name":"CR","fields":[{"name":"Email","type":"string"}]}]}]}]})");
    CHECK(denied({{"*", "A.c.Email"}}, deep) == texts{"A.c"});
}

TEST_CASE("tokens: what is no text is left out, and said") {
    const privacy_config config = tokenising({{"*", "Email"}, {"*", "Age__c"}, {"*", "MailingAddress"}});
    hidden_fields hidden(config, "/data/ContactChangeEvent");
    const auto of = hidden.in(contact());
    CHECK(hidden_in(contact(), of->plan) == texts{"Age__c"});
    REQUIRE(of->tokens);
    CHECK(of->tokens->replaced().size() == 3);
    CHECK(hidden.take_warnings()
          == texts{"tokenise: these fields of Contact are no texts, and are left out: Age__c"});
    CHECK(hidden.take_warnings().empty());
    CHECK(of->summary
          == "left out of Contact: Age__c; tokens of the key " + std::string(config.token_key->id())
                 + ": Email, MailingAddress.City, MailingAddress.Phone");
    CHECK(of->summary.find("0123456789abcdef") == std::string::npos);
}

TEST_CASE("tokens: what is denied, too, is left out and not warned of") {
    privacy_config config = tokenising({{"*", "Email"}, {"*", "Age__c"}});
    config.deny = {{"*", "Email"}, {"*", "Age__c"}};
    hidden_fields hidden(config, "/data/ContactChangeEvent");
    CHECK(hidden_in(contact(), hidden.in(contact())->plan) == texts{"Email", "Age__c"});
    CHECK(hidden.take_warnings().empty());
}

TEST_CASE("patterns that match nothing are warned of once, when that is known") {
    const privacy_config config{
        .deny = {
            {"*", "SNN__c"}, {"Contact", "Fone"}, {"*", "Contact.Phone"}, {"*", "PersonEmail"}, {"Lead", "Phone"}}};
    SECTION("a topic of one object: at its first schema") {
        hidden_fields hidden(config, "/data/ContactChangeEvent");
        (void)hidden.in(contact());
        CHECK(
            hidden.take_warnings()
            == texts{
                R"(deny: "SNN__c" matches no field of Contact)",
                R"(deny: "Fone" of "Contact" matches no field of Contact)",
                R"(deny: "Contact.Phone" matches no field of Contact; a field of one object is written as deny = { Contact = ["Phone"] })",
                R"(deny: "PersonEmail" matches no field of Contact)",
                R"(deny: "Phone" of "Lead" matches no field of Contact)"});
        (void)hidden.in(contact());
        hidden.end();
        CHECK(hidden.take_warnings().empty());
    }
    SECTION("a channel: what names the object at its schema, the others at the end") {
        hidden_fields hidden(config, "/data/ChangeEvents");
        (void)hidden.in(contact());
        CHECK(
            hidden.take_warnings()
            == texts{
                R"(deny: "Fone" of "Contact" matches no field of Contact)",
                R"(deny: "Contact.Phone" matches no field of Contact; a field of one object is written as deny = { Contact = ["Phone"] })"});
        (void)hidden.in(account());
        hidden.end();
        CHECK(hidden.take_warnings()
              == texts{R"(deny: "SNN__c" matches no field of the 2 schemas of this run)",
                       R"(deny: "Phone" of "Lead" matches no field of the 2 schemas of this run)"});
    }
    SECTION("no schema was seen: nothing is known") {
        hidden_fields hidden(config, "/data/ChangeEvents");
        hidden.end();
        CHECK(hidden.take_warnings().empty());
    }
}
