#include "catch.hpp"
#include "record_of.hpp"

#include <sfcdc/avro/compile.hpp>

#include <set>
#include <string>
#include <type_traits>
#include <vector>

using namespace sfcdc;
using avro::op_kind;

namespace {

avro::plan compiled(std::string_view text) {
    auto [plan, bad] = avro::compile(text);
    INFO(text);
    INFO(bad.message() << " at " << bad.offset);
    REQUIRE_FALSE(bad);
    return std::move(plan);
}

const char* const two_addresses = R"({"type":"record","name":"R","fields":[
    {"name":"Phone","type":["null","string"]},
    {"name":"Billing","type":["null",{"type":"record","name":"Address","fields":[{"name":"Street","type":["null","string"]},{"name":"City","type":["null","string"]}]}]},
    {"name":"Amount","type":"double"},
    {"name":"Shipping","type":["null","Address"]},
    {"name":"Name","type":["null","string",{"type":"record","name":"PersonName","fields":[{"name":"First","type":["null","string"]}]}]}]})";

} // namespace

TEST_CASE("plan: the root's fields come first, then the children of each compound, side by side") {
    const avro::plan p = compiled(two_addresses);
    REQUIRE(p.field_count() == 5);
    const char* const names[] = {"Phone",          "Billing",      "Amount",          "Shipping",      "Name",
                                 "Billing.Street", "Billing.City", "Shipping.Street", "Shipping.City", "Name.First"};
    REQUIRE(p.size() == 10);
    for (std::uint32_t i = 0; i < p.size(); ++i) {
        CHECK(p.name({i}) == names[i]);
        CHECK(p.find(names[i]) == avro::field{i});
    }
    CHECK(p.ops().size() == p.size());
}

TEST_CASE("plan: find knows whole names only") {
    const avro::plan p = compiled(two_addresses);
    for (const char* const absent : {"", "phone", "Phon", "Phone ", "Billing.", ".Street", "Street",
                                     "Billing.Street.x", "Billing.Stree", "Zzz", "A"})
        CHECK_FALSE(p.find(absent));
    CHECK_FALSE(avro::field{});
    CHECK(avro::field{0});
}

TEST_CASE("plan: children and parents") {
    const avro::plan p = compiled(two_addresses);
    const avro::field shipping = p.find("Shipping");
    CHECK(p.child(shipping, 0) == p.find("Shipping.Street"));
    CHECK(p.child(shipping, 1) == p.find("Shipping.City"));
    CHECK_FALSE(p.child(shipping, 2));
    CHECK_FALSE(p.child(shipping, 0xffffffff));
    CHECK_FALSE(p.child(p.find("Phone"), 0));
    CHECK(p.child(p.find("Name"), 0) == p.find("Name.First"));
    CHECK(p[p.find("Shipping.City")].parent == shipping);
    CHECK_FALSE(p[shipping].parent);
}

TEST_CASE("plan: null runs") {
    const auto field = [](int i, const char* type) {
        return (i == 0 ? "" : ",") + std::string(R"({"name":"f)") + std::to_string(i) + R"(","type":)" + type + "}";
    };
    std::string fields;
    const char* const types[] = {R"(["null","int"])",   R"(["null","string"])",        R"("int")",
                                 R"(["int","null"])",   R"(["null","long","string"])", R"("null")",
                                 R"(["null","double"])"};
    for (int i = 0; i < 7; ++i) fields += field(i, types[i]);
    const avro::plan p = compiled(record_of(fields));
    const std::uint32_t runs[] = {2, 1, 0, 0, 1, 0, 1};
    for (std::uint32_t i = 0; i < 7; ++i) {
        CHECK(p.strides()[i].number == i);
        CHECK(p.strides()[i].run == runs[i]);
    }
    // Children have runs of their own, which end with their compound.
    const avro::plan q = compiled(two_addresses);
    const auto run = [&](const char* name) {
        for (const avro::stride& s : q.strides())
            if (s.number == q.find(name).number) return s.run;
        return 99u;
    };
    CHECK(run("Billing.Street") == 2);
    CHECK(run("Billing.City") == 1);
    CHECK(run("Shipping") == 2);
}

TEST_CASE("plan: the places lead into each compound and out of it, once through all fields") {
    const avro::plan p = compiled(two_addresses);
    const std::span<const avro::stride> places = p.strides();
    std::vector<std::uint32_t> seen;
    std::size_t at = 0;
    while (at != p.field_count()) {
        REQUIRE(at < places.size());
        REQUIRE(seen.size() <= p.size());
        if (places[at].number != p.no_field()) seen.push_back(places[at].number);
        at += static_cast<std::size_t>(static_cast<std::ptrdiff_t>(places[at].next));
    }
    CHECK(places[p.field_count()].number == p.no_field()); // the end of the datum
    // Each compound, then its children, then the next field. Into one that must be asked for its branch, or that has no
    // union around it, the walk goes by itself.
    std::vector<std::uint32_t> expected;
    for (std::uint32_t f = 0; f < p.field_count(); ++f) {
        expected.push_back(f);
        for (std::uint32_t c = 0; places[f].next != 1 && p.child({f}, c); ++c)
            expected.push_back(p.child({f}, c).number);
    }
    CHECK(seen == expected);
}

TEST_CASE("plan: what the ops say") {
    const avro::plan p = compiled(record_of(
        R"({"name":"b","type":"boolean"},{"name":"i","type":["int","null"]},{"name":"l","type":["null","long"]},
        {"name":"f","type":"float"},{"name":"d","type":["null","double"]},{"name":"x","type":{"type":"fixed","name":"F","size":12}},{"name":"t","type":"bytes"},
        {"name":"s","type":"string"},{"name":"e","type":{"type":"enum","name":"E","symbols":["A"]}},{"name":"a","type":{"type":"array","items":"int"}},
        {"name":"m","type":{"type":"map","values":"int"}},{"name":"u","type":["null","int","string"]},{"name":"o","type":["string"]},
        {"name":"r","type":["null","R"]},{"name":"n","type":"null"})"));
    const auto op = [&](const char* name) -> const avro::op& { return p[p.find(name)]; };
    CHECK(op("b").kind == op_kind::boolean);
    CHECK(op("i").kind == op_kind::int_);
    CHECK((op("i").optional && !op("i").null_first && op("i").null_branch == 1));
    CHECK((op("l").optional && op("l").null_first && op("l").null_branch == 0));
    CHECK((op("f").kind == op_kind::width && op("f").width == 4));
    CHECK((op("d").kind == op_kind::width && op("d").width == 8));
    CHECK((op("x").kind == op_kind::width && op("x").width == 12));
    CHECK(op("t").kind == op_kind::text);
    CHECK(op("s").kind == op_kind::text);
    for (const char* const other : {"e", "a", "m", "u", "o", "n"}) CHECK(op(other).kind == op_kind::other);
    CHECK((!op("u").optional && op("u").null_first));
    CHECK_FALSE(op("o").optional);
    CHECK((op("r").kind == op_kind::compound && op("r").child_count == 15));
    CHECK((op("r.r").kind == op_kind::other && op("r.r").child_count == 0)); // no third level
    CHECK_FALSE(p.find("r.r.r"));
}

TEST_CASE("plan: only a record with fields is an event") {
    for (const char* const text :
         {R"("int")", R"({"type":"array","items":"int"})",
          R"(["null",{"type":"record","name":"R","fields":[{"name":"f","type":"int"}]}])",
          R"({"type":"record","name":"R","fields":[]})", R"({"type":"enum","name":"E","symbols":["A"]})"})
        CHECK(avro::compile(text).error == error{errc::schema_root_not_a_record, 0});
    CHECK(avro::compile(R"({"type":"record","name":"R","fields":[{"name":"f","type":"Int"}]})").error
          == error{errc::schema_unknown_name, 57});
}

TEST_CASE("plan: names do not multiply without bound") {
    // 3 x 60'000 children: past limits::schema_entries, from a text of 2 MB.
    std::string children;
    for (int i = 0; i < 60'000; ++i)
        children += (i == 0 ? "" : ",") + std::string(R"({"name":"c)") + std::to_string(i) + R"(","type":"int"})";
    std::string fields = R"({"name":"a","type":{"type":"record","name":"C","fields":[)" + children + "]}}";
    CHECK_FALSE(avro::compile(record_of(fields)).error);
    for (const char* const name : {"b", "c", "d", "e"})
        fields += R"(,{"name":")" + std::string(name) + R"(","type":"C"})";
    CHECK(avro::compile(record_of(fields)).error.code == errc::schema_too_large);
}

TEST_CASE("plan: a projection's names") {
    const avro::plan p = compiled(two_addresses);
    using names = std::vector<std::string_view>;
    const auto projected = p.project(names{"Amount", "Shipping", "Billing.City"});
    REQUIRE_FALSE(projected.error);
    for (const char* const seen : {"Amount", "Shipping", "Shipping.Street", "Shipping.City", "Billing.City"})
        CHECK(projected.value.find(seen) == p.find(seen));
    for (const char* const gone : {"Phone", "Billing", "Billing.Street", "Name", "Name.First"})
        CHECK_FALSE(projected.value.find(gone));
    CHECK(p.project(names{"Amount", "Amout"}).error == error{errc::unknown_field, 1});
    CHECK(p.project(names{}).value.size() == p.size());
    CHECK(projected.value.project(names{"Phone"}).error == error{errc::unknown_field, 0}); // what is gone stays gone
}

TEST_CASE("plan: a long name is not repeated for each child") {
    // 200 MB of dotted names out of a text of 200 KB.
    std::string children;
    for (int i = 0; i < 5000; ++i)
        children += (i == 0 ? "" : ",") + std::string(R"({"name":"c)") + std::to_string(i) + R"(","type":"int"})";
    const std::string text = record_of(R"({"name":")" + std::string(40'000, 'n')
                                       + R"(","type":{"type":"record","name":"C","fields":[)" + children + "]}}");
    CHECK(avro::compile(text).error.code == errc::schema_too_large);
}

TEST_CASE("plan: moving it keeps its names") {
    avro::plan p = compiled(two_addresses);
    const avro::plan moved = std::move(p);
    CHECK(p.size() == 0); // NOLINT: it is an empty plan
    CHECK(p.name({0}).empty());
    CHECK(moved.name(moved.find("Shipping.City")) == "Shipping.City");
    static_assert(std::is_nothrow_move_constructible_v<avro::plan>);
}

TEST_CASE("plan: a field that is none has no name and no children") {
    const avro::plan p = compiled(two_addresses);
    for (const avro::field f : {p.find("Typo"), avro::field{p.size()}, avro::field{0xffff'fffe}}) {
        CHECK(p.name(f).empty());
        CHECK(p[f].child_count == 0);
        CHECK_FALSE(p.child(f, 0));
    }
}

TEST_CASE("plan: a projection of a braced list of names") {
    const avro::plan p = compiled(two_addresses);
    const auto projected = p.project({"Amount", "Phone"});
    REQUIRE_FALSE(projected.error);
    CHECK(projected.value.find("Phone"));
    CHECK_FALSE(projected.value.find("Billing"));
    CHECK_FALSE(p.project({"Phone"}).error);
    CHECK(p.project({}).value.wanted().empty());
}

TEST_CASE("plan: all fields but some") {
    const avro::plan p = compiled(two_addresses);
    const std::vector<avro::field> gone = {p.find("Amount"), p.find("Shipping"), p.find("Billing.City"),
                                           avro::field{}, avro::field{p.size()}};
    const avro::plan rest = p.without(gone);
    CHECK(rest.is_projection());
    for (const char* const name : {"Amount", "Shipping", "Shipping.Street", "Shipping.City", "Billing.City"}) {
        INFO(name);
        CHECK_FALSE(rest.find(name));
        CHECK_FALSE(rest.wanted().contains(p.find(name)));
    }
    for (const char* const name : {"Phone", "Billing", "Billing.Street", "Name", "Name.First"})
        CHECK(rest.find(name) == p.find(name));
    const avro::field streets[] = {p.find("Billing.Street")};
    CHECK_FALSE(rest.without(streets).find("Billing")); // both of its children are gone
    CHECK(p.find("Amount"));                            // the plan itself is as it was
    CHECK_FALSE(rest.without({}).find("Amount"));
}

TEST_CASE("plan: of a union of two records a child cannot be left out alone") {
    const avro::plan p = compiled(record_of(
        R"({"name":"N","type":["null","string",{"type":"record","name":"A","fields":[{"name":"x","type":"int"},{"name":"y","type":"int"}]},
            {"type":"record","name":"B","fields":[{"name":"x","type":"int"}]}]},{"name":"M","type":"int"})"));
    const avro::field child[] = {p.find("N.x")};
    REQUIRE(child[0]);
    const avro::plan rest = p.without(child);
    for (const char* const name : {"N", "N.x", "N.y"}) CHECK_FALSE(rest.find(name));
    CHECK(rest.find("M"));
}
