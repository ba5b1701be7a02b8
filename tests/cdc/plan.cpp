#include "avro/record_of.hpp"
#include "catch.hpp"
#include "cdc/made_event.hpp"

#include <sfcdc/cdc/plan.hpp>
#include <sfcdc/cdc/usual_header.hpp>

#include <span>
#include <string>
#include <string_view>
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

TEST_CASE("cdc plan: a projection sees the header") {
    const cdc::plan whole = cdc::compile(made::schema()).value;
    const auto [projected, bad] = whole.project({"Phone", "Address"});
    REQUIRE_FALSE(bad);
    CHECK(projected.find("Phone"));
    CHECK(projected.find("Address.City"));
    CHECK_FALSE(projected.find("Amount"));
    CHECK(projected.find("ChangeEventHeader"));
    CHECK(projected.find("ChangeEventHeader.commitUser") == whole.member(header_member::commit_user));
    CHECK(whole.project({"Phone", "Fax"}).error == error{errc::unknown_field, 1});
}

TEST_CASE("cdc plan: the header cannot be left out") {
    const cdc::plan whole = cdc::compile(made::schema()).value;
    const avro::field gone[] = {whole.find("Phone"), whole.find("ChangeEventHeader"),
                                whole.find("ChangeEventHeader.commitUser")};
    const cdc::plan rest = whole.without(gone);
    CHECK_FALSE(rest.find("Phone"));
    CHECK(rest.find("ChangeEventHeader"));
    CHECK(rest.find("ChangeEventHeader.commitUser") == whole.member(header_member::commit_user));
    CHECK(rest.find("Address.City"));
}

TEST_CASE("cdc plan: text in other forms than a string") {
    const std::string text = made::schema();
    const std::vector<unsigned char> numbers(text.begin(), text.end());
    CHECK(cdc::compile(numbers).value.size() == compiled(text).size());
    CHECK(cdc::compile(std::span<const char>(text)).value.size() == compiled(text).size());
    CHECK(avro::compile(numbers).value.size() == compiled(text).size());
}

TEST_CASE("cdc plan: one that could not be compiled is empty") {
    // Wrong as JSON, as an event, and in its header.
    for (const std::string& text :
         {std::string("{"), std::string(R"("int")"), header_with("commitUser", R"("int")")}) {
        const auto [p, bad] = cdc::compile(text);
        REQUIRE(bad);
        CHECK(p.size() == 0);
        CHECK(p.field_count() == 0);
        CHECK(p.schema().size() == 0);
        CHECK(p.words() == 0);
        CHECK(p.ops().empty());
        CHECK(p.strides().empty());
        CHECK(p.wanted().empty());
        CHECK(p.header_set().empty());
        CHECK_FALSE(p.is_projection());
        CHECK_FALSE(p.has_header());
        CHECK_FALSE(p.has_usual_header());
        CHECK(p.change_types_end() == 0);
        CHECK(p.change_type_symbol(0).empty());
        CHECK_FALSE(p.member(header_member::entity_name));
        CHECK_FALSE(p.find("a"));
        for (const avro::field f : {avro::field{0}, avro::field{64}, avro::field{}}) {
            CHECK(p.name(f).empty());
            CHECK(p[f].child_count == 0);
            CHECK_FALSE(p.child(f, 0));
        }
        CHECK(p.project({"a"}).error == error{errc::unknown_field, 0});
        CHECK_FALSE(p.project({}).error);
    }
}

TEST_CASE("usual header: how many bytes its members need") {
    const auto needed = [](header_member m) { return cdc::detail::bytes_needed(cdc::index_of(m)); };
    // A count or the end of an array, and two bytes of a length.
    CHECK(needed(header_member::changed_fields) == 3);
    CHECK(needed(header_member::diff_fields) == 1 + 3);
    CHECK(needed(header_member::nulled_fields) == 1 + 4);
    CHECK(needed(header_member::commit_user) == 1 + 18 + 5);
    CHECK(needed(header_member::sequence_number) == 4 + 8 + 8 + 24);
    CHECK(needed(header_member::transaction_key) == 1 + 36 + 44);
    CHECK(needed(header_member::change_origin) == 2); // It asks for what is behind itself.
    CHECK(needed(header_member::record_ids) == 1 + 1 + 18 + 1 + 1 + 2);
}
