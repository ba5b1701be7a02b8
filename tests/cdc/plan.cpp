#include "avro/record_of.hpp"
#include "catch.hpp"

#include <sfcdc/cdc/plan.hpp>

#include <string>
#include <string_view>
#include <type_traits>
#include <utility>
#include <vector>

using namespace sfcdc;
using cdc::header_member;

namespace {

cdc::plan compiled(std::string_view text) {
    auto [plan, bad] = cdc::compile(text);
    INFO(text);
    INFO(bad.message() << " at " << bad.offset);
    REQUIRE_FALSE(bad);
    return std::move(plan);
}

std::string header_with(const std::string& member, const std::string& type_json) {
    const std::pair<std::string, std::string> members[] = {
        {"entityName", R"("string")"},
        {"recordIds", R"({"type":"array","items":"string"})"},
        {"changeType", R"({"type":"enum","name":"ChangeType","symbols":["CREATE"]})"},
        {"changeOrigin", R"("string")"},
        {"transactionKey", R"("string")"},
        {"sequenceNumber", R"("int")"},
        {"commitTimestamp", R"("long")"},
        {"commitNumber", R"("long")"},
        {"commitUser", R"("string")"},
        {"nulledFields", R"({"type":"array","items":"string"})"},
        {"diffFields", R"({"type":"array","items":"string"})"},
        {"changedFields", R"({"type":"array","items":"string"})"}};
    std::string fields;
    for (const auto& [name, type] : members) {
        const std::string& used = name == member ? type_json : type;
        if (used.empty()) continue; // left out
        fields += (fields.empty() ? "" : ",") + std::string(R"({"name":")") + name + R"(","type":)" + used + "}";
    }
    return R"({"type":"record","name":"X","fields":[{"name":"ChangeEventHeader","type":{"type":"record","name":"ChangeEventHeader","fields":[)"
           + fields + "]}}]}";
}

} // namespace

TEST_CASE("cdc plan: the header is resolved, and one of another shape is refused") {
    const cdc::plan whole = compiled(header_with("", ""));
    CHECK(whole.has_header());
    CHECK(whole.has_usual_header());
    for (const cdc::header_member_type& m : cdc::header_members) {
        INFO(m.name);
        CHECK(whole.member(m.id));
        CHECK(whole.member(m.id) == whole.find("ChangeEventHeader." + std::string(m.name)));
        CHECK(whole.header_set().contains(whole.member(m.id)));
    }
    CHECK(whole.header_set().size() == 13);
    CHECK(whole.change_type_symbol(0) == "CREATE");
    CHECK(whole.change_type_symbol(1).empty());

    const std::pair<const char*, const char*> wrong[] = {
        {"entityName", R"("int")"},
        {"entityName", R"(["null","string"])"},
        {"recordIds", R"("string")"},
        {"recordIds", R"({"type":"array","items":"int"})"},
        {"changeType", R"("string")"},
        {"changeOrigin", R"("bytes")"},
        {"transactionKey", R"("long")"},
        {"sequenceNumber", R"("long")"},
        {"commitTimestamp", R"("int")"},
        {"commitNumber", R"("double")"},
        {"commitUser", R"("boolean")"},
        {"nulledFields", R"({"type":"map","values":"string"})"},
        {"diffFields", R"({"type":"array","items":["null","string"]})"},
        {"changedFields", R"(["null",{"type":"array","items":"string"}])"}};
    for (const auto& [member, type] : wrong) {
        INFO(member << " as " << type);
        CHECK(cdc::compile(header_with(member, type)).error.code == errc::schema_header_mismatch);
    }
    const cdc::plan less = compiled(header_with("commitUser", "")); // a member that is not there is no error
    CHECK(less.has_header());
    CHECK_FALSE(less.member(header_member::commit_user));
    CHECK(less.member(header_member::changed_fields));
    CHECK_FALSE(less.has_usual_header());
    const cdc::plan platform_event = compiled(record_of(R"({"name":"CreatedDate","type":"long"})"));
    CHECK_FALSE(platform_event.has_header());
    CHECK_FALSE(platform_event.member(header_member::entity_name));
    CHECK(platform_event.change_type_symbol(0).empty());
    CHECK_FALSE(compiled(record_of(R"({"name":"ChangeEventHeader","type":"int"})")).has_header());
}
