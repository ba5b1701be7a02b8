#include "databricks/refusal.hpp"

#include "catch.hpp"

#include <string>

using namespace sfcdc::runner::databricks;

TEST_CASE("a statement that failed is classed by its error class, then by its SQLSTATE, then by the error code") {
    const auto what = [](const char* error_code, const char* sql_state, const char* message) {
        return refusal_of_statement(error_code, sql_state, message).what;
    };
    using enum refusal_class;
    // as the service says it
    CHECK(what("BAD_REQUEST", "42P01", "[TABLE_OR_VIEW_NOT_FOUND] The table cannot be found. SQLSTATE: 42P01")
          == not_found);
    CHECK(what("BAD_REQUEST", "42704", "[SCHEMA_NOT_FOUND] x") == not_found);
    CHECK(what("BAD_REQUEST", "42501", "[INSUFFICIENT_PERMISSIONS] Insufficient privileges") == no_privilege);
    CHECK(what("BAD_REQUEST", "42P07", "[TABLE_OR_VIEW_ALREADY_EXISTS] x") == conflict);
    CHECK(what("BAD_REQUEST", "42710", "[FIELDS_ALREADY_EXISTS] x") == conflict);
    CHECK(what("BAD_REQUEST", "2D521", "[DELTA_METADATA_CHANGED] x") == conflict);
    CHECK(what("BAD_REQUEST", "", "[DELTA_CONCURRENT_APPEND.METADATA_CHANGE] x") == conflict);
    CHECK(what("BAD_REQUEST", "42601", "[PARSE_SYNTAX_ERROR] x") == invalid);
    CHECK(what("BAD_REQUEST", "42703", "[UNRESOLVED_COLUMN.WITH_SUGGESTION] x") == invalid);
    // The class goes before a SQLSTATE that others have, too.
    CHECK(what("BAD_REQUEST", "42711", "[DELTA_TABLE_ALREADY_CONTAINS_CDC_COLUMNS] x") == invalid);
    CHECK(what("BAD_REQUEST", "42711", "[COLUMN_ALREADY_EXISTS] x") == conflict);
    // without a class that is known
    CHECK(what("BAD_REQUEST", "42P01", "no such table") == not_found);
    CHECK(what("BAD_REQUEST", "42501", "User does not have MODIFY") == no_privilege);
    CHECK(what("BAD_REQUEST", "42710", "[NEW_CLASS] x") == conflict);
    CHECK(what("BAD_REQUEST", "42KD3", "[NEW_CLASS] x") == invalid);
    CHECK(what("BAD_REQUEST", "HY008", "x") == cancelled);
    // without a SQLSTATE
    CHECK(what("BAD_REQUEST", "", "x") == invalid);
    CHECK(what("ABORTED", "", "x") == conflict);
    CHECK(what("NOT_FOUND", "", "x") == not_found);
    CHECK(what("RESOURCE_EXHAUSTED", "", "x") == throttled);
    CHECK(what("TEMPORARILY_UNAVAILABLE", "", "x") == unavailable);
    CHECK(what("CANCELLED", "", "x") == cancelled);
    CHECK(what("UNAUTHENTICATED", "", "x") == no_privilege);
    CHECK(what("", "", "") == other);
    CHECK(what("SOMETHING_NEW", "XX000", "[SOMETHING_NEW] x") == other);
}

TEST_CASE("a refusal names its class, and its text is one line of bounded length") {
    const refusal r = refusal_of_statement("BAD_REQUEST", "42P01", "[TABLE_OR_VIEW_NOT_FOUND] a\nb");
    CHECK(r.condition == "TABLE_OR_VIEW_NOT_FOUND");
    CHECK(r.sql_state == "42P01");
    CHECK(r.message == "[TABLE_OR_VIEW_NOT_FOUND] a?b");
    CHECK(refusal_of_statement("BAD_REQUEST", "", "[A.B] x").condition == "A.B");
    for (const char* const none :
         {"", "[", "[]", "[a b] x", "x [TABLE_OR_VIEW_NOT_FOUND]", "[TABLE_OR_VIEW_NOT_FOUND", "[A..B]", "[A.]"}) {
        INFO(none);
        CHECK(refusal_of_statement("BAD_REQUEST", "", none).condition == "BAD_REQUEST");
    }
    const refusal hostile = refusal_of_statement("a b", "42\n01", std::string(100'000, 'x'));
    CHECK(hostile.condition.empty());
    CHECK(hostile.sql_state.empty());
    CHECK(hostile.message.size() < 3'000);
}

TEST_CASE("a refused request is told by its error code, and by its status where the code is new") {
    using enum refusal_class;
    const auto of = [](long status, const std::string& body) { return refusal_of_request(status, body); };
    const auto json = [&](long status, const std::string& code) {
        const auto r = of(status, R"({"error_code":")" + code + R"(","message":"why"})");
        REQUIRE(r);
        CHECK(r->condition == code);
        CHECK(r->message == "HTTP " + std::to_string(status) + ", " + code + ": why");
        return r->what;
    };
    CHECK(json(404, "TABLE_DOES_NOT_EXIST") == not_found);
    CHECK(json(404, "SCHEMA_DOES_NOT_EXIST") == not_found);
    CHECK(json(403, "PERMISSION_DENIED") == no_privilege);
    CHECK(json(400, "INVALID_PARAMETER_VALUE") == invalid);
    CHECK(json(409, "ABORTED") == conflict);
    CHECK(json(429, "REQUEST_LIMIT_EXCEEDED") == throttled);
    CHECK(json(503, "TEMPORARILY_UNAVAILABLE") == unavailable);
    const std::pair<long, refusal_class> by_status[] = {
        {400, invalid}, {401, no_privilege}, {403, no_privilege}, {404, not_found},   {409, conflict},
        {418, other},   {429, throttled},    {499, cancelled},    {500, unavailable}, {501, other}};
    for (const auto& [status, what] : by_status) CHECK(json(status, "SOMETHING_NEW") == what);

    const auto plain = of(404, "NOT_FOUND: there is no such thing");
    REQUIRE(plain);
    const auto number = of(403, R"({"error_code":403,"message":"Invalid access token."})"); // a gateway's
    REQUIRE(number);
    CHECK(number->condition == "403");
    CHECK(number->what == no_privilege);
    CHECK(plain->message == "HTTP 404, NOT_FOUND: there is no such thing");
    // What is no answer of the API says nothing.
    for (const char* const page :
         {"", "<html>: x", "{}", "[]", R"({"error_code":5.5})", "ERROR: The requested URL could not be retrieved",
          R"({"message":"x"})", R"({"error_code":"a b"})", "not found: x"}) {
        INFO(page);
        CHECK_FALSE(of(404, page));
    }
}
