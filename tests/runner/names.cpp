#include "names.hpp"

#include "catch.hpp"

#include <string>
#include <utility>

using namespace sfcdc::runner;

TEST_CASE("topics as people write them are those of Salesforce") {
    using pair = std::pair<const char*, const char*>;
    for (const auto& [written, meant] :
         {pair{"Account", "/data/AccountChangeEvent"}, pair{"AccountChangeEvent", "/data/AccountChangeEvent"},
          pair{"/data/Account", "/data/AccountChangeEvent"}, pair{"Invoice__c", "/data/Invoice__ChangeEvent"},
          pair{"/data/Invoice__cChangeEvent", "/data/Invoice__ChangeEvent"},
          pair{"/data/Invoice__ChangeEvent", "/data/Invoice__ChangeEvent"}, pair{"Order__e", "/event/Order__e"},
          pair{"ChangeEvents", "/data/ChangeEvents"}, pair{"data/ChangeEvents", "/data/ChangeEvents"},
          pair{"event/Order__e", "/event/Order__e"}, pair{"/data/My__chn", "/data/My__chn"},
          pair{"/event/LoginEventStream", "/event/LoginEventStream"}, pair{"/event/*", "/event/*"},
          pair{"data/*__ChangeEvent", "/data/*__ChangeEvent"}, pair{"/event/Pay*__e", "/event/Pay*__e"}}) {
        INFO(written);
        CHECK(topic_of(written).name == meant);
        CHECK(topic_of(written).bad.empty());
    }
    for (const char* const none : {"", "/data/", "/data/A/B", "/other/A", "A B", "My__chn", "/data//A", "\xc3\xa4",
                                   "*", "*__e", "/other/*", "/event/*/*", "/event/a b*"}) {
        INFO(none);
        CHECK(topic_of(none).name.empty());
        CHECK_FALSE(topic_of(none).bad.empty());
    }
}

TEST_CASE("a table may follow the entity") {
    CHECK(table_of("{entity}.b.x_{entity}", "Account") == "Account.b.x_Account");
    CHECK(table_of("a.b.c", "Account") == "a.b.c");
    CHECK(table_of("a.b.{entity}", "{entity}") == "a.b.{entity}");
    CHECK(has_entity("a.{entity}.c"));
    CHECK_FALSE(has_entity("a.b.entity"));
}

TEST_CASE("an entity may have a table when the table's name is one") {
    const std::string zerobus = "a.b.x_{entity}";
    for (const char* const good : {"Account", "Invoice__c", "ns__Thing__c", "A", "sfcdc_position"})
        CHECK(may_have_table(zerobus, good, false));
    for (const char* const bad : {"", "a.b", "a b", "a\"b", "\xc3\xa4", "a\nb"})
        CHECK_FALSE(may_have_table(zerobus, bad, false));
    CHECK(may_have_table(zerobus, std::string(253, 'a'), false));
    CHECK_FALSE(may_have_table(zerobus, std::string(254, 'a'), false)); // with x_
    CHECK(may_have_table("{entity}", "Account", true));
    for (const char* const taken : {"sfcdc_position", "SFCDC_Position", "sqlite_master"})
        CHECK_FALSE(may_have_table("{entity}", taken, true));
    CHECK_FALSE(may_have_table("sfcdc{entity}", "_position", true));
}

TEST_CASE("patterns of names") {
    const auto check = [](const char* pattern, const char* name, bool expected) {
        INFO(pattern << " and " << name);
        CHECK(matches(pattern, name) == expected);
    };
    for (const auto& [pattern, name] : {std::pair{"Phone", "Phone"},
                                        {"phone", "PHONE"},
                                        {"*", ""},
                                        {"*", "A.b"},
                                        {"*Email", "Email"},
                                        {"*Email", "PersonEmail"},
                                        {"*Email", "A.Email"},
                                        {"Person*", "PersonEmail"},
                                        {"*son*ail", "PersonEmail"},
                                        {"*a*a*", "aa"},
                                        {"**b", "ab"},
                                        {"*ab", "aab"},
                                        {"a*b*c", "abbcbc"},
                                        {"", ""}})
        check(pattern, name, true);
    for (const auto& [pattern, name] : {std::pair{"Phone", "Phone2"},
                                        {"Phone", "APhone"},
                                        {"*Email", "EmailBounced"},
                                        {"Person*", "APerson"},
                                        {"*a*a*", "a"},
                                        {"", "a"},
                                        {"a*b*c", "abcb"},
                                        {"A_b", "A-b"},
                                        {"[", "{"}})
        check(pattern, name, false);
    check((std::string(50, '*') + "b").c_str(), std::string(5'000, 'a').c_str(), false);
}
