#include "catch.hpp"
#include "cdc/made_event.hpp"
#include "reference/bitmap.hpp"

#include <iterator>
#include <random>
#include <set>

#include <sfcdc/cdc/decoder.hpp>

using namespace sfcdc;

namespace {

struct decoded {
    cdc::plan plan = std::move(cdc::compile(made::schema()).value);
    cdc::decoder decoder;
    exact_bytes payload;
    result<cdc::event> event;

    explicit decoded(std::vector<std::string> changed)
        : payload(made::payload([&] {
              made::header h;
              h.changed = std::move(changed);
              return h;
          }())) {
        event = decoder.decode(plan, payload.span());
    }
    std::string names() const {
        REQUIRE_FALSE(event.error);
        std::string out;
        for (const std::string_view name : event.value.changed_fields()) out.append(name).append(" ");
        return out;
    }
};

std::string names(std::vector<std::string> changed) { return decoded(std::move(changed)).names(); }

// Where the first element of changedFields stands in the payload: it is the last array, and the body has 5 bytes.
error element_error(const std::string& element) {
    const decoded d({"0x02", element});
    if (d.event.error) CHECK(d.event.error.offset == d.payload.span().size() - 5 - 1 - element.size() - 1);
    return {d.event.error.code, 0};
}

static_assert(std::forward_iterator<cdc::field_list::iterator>);
static_assert(std::forward_iterator<cdc::field_list::parent_range::iterator>);
static_assert(std::input_iterator<cdc::string_list::iterator>);
static_assert(std::sentinel_for<std::default_sentinel_t, cdc::string_list::iterator>);

} // namespace

TEST_CASE("field list: elements of all forms, in any order") {
    CHECK(names({}) == "");
    CHECK(names({"0x02"}) == "Phone ");
    CHECK(names({"0x2"}) == "Phone ");
    CHECK(names({"0X2a"}) == "Phone Amount Place ");
    CHECK(names({"0x2A"}) == "Phone Amount Place ");
    CHECK(names({"2-0x01"}) == "Address.Street ");
    CHECK(names({"2-0X2", "0x0A"}) == "Phone Amount Address.City ");
    CHECK(names({"0x20", "0x02", "2-0x01", "0x0A"}) == "Phone Amount Place Address.Street ");
    CHECK(names({"0x02", "0x02", "0x02", "2-0x01", "2-0x03"}) == "Phone Address.Street Address.City ");
    CHECK(names({"4-0x03", "2-0x01", "0x02", "5-0x1"}) == "Phone Address.Street Name.First Name.Last Place.X ");
    CHECK(names({"02-0x01"}) == "Address.Street ");    // a number all the same
    CHECK(names({"0x02", "0x08"}) == "Phone Amount "); // two of a kind add up
    CHECK(names({"0-0x01"}) == "ChangeEventHeader.entityName ");
    CHECK(names({"0x3F"}) == "ChangeEventHeader Phone Address Amount Name Place ");
}

TEST_CASE("field list: what stands for nothing") {
    for (const char* const nothing :
         {"", "0x", "0X", "0x0", "0x00", "2-0x", "2-0x00", "0x0000000000000000000000000000000000000000"}) {
        CHECK(names({nothing}) == "");
        CHECK(names({nothing, "0x02"}) == "Phone ");
        CHECK(names({"0x02", nothing}) == "Phone ");
    }
}

TEST_CASE("field list: what is wrong, and where") {
    for (const char* const bad :
         {"0", "x",       "02",      "1x02",    "0x0g",        "0x 2",   "0x02 ", " 0x02", "2-",   "2-0",   "-0x01",
          "-", "+2-0x01", "2 -0x01", "2--0x01", "2-0x01-0x01", "a-0x01", "2-02",  "2-x02", "\xff", "0x\xff"})
        CHECK(element_error(bad) == error{errc::bitmap_syntax, 0});
    for (const char* const bad :
         {"1-0x01", "3-0x01", "6-0x01", "1-0x", "4294967295-0x01", "4294967296-0x01", "99999999999999999999999-0x01"})
        CHECK(element_error(bad) == error{errc::bitmap_parent_not_a_record, 0});
    for (const char* const bad :
         {"0x40", "0x80000000000000000000", "2-0x04", "5-0x02", "4-0x8", "2-0x10000000000000000"})
        CHECK(element_error(bad) == error{errc::bitmap_bit_beyond_fields, 0});
}

TEST_CASE("field list: each of the three arrays is expanded and checked") {
    const auto [plan, bad_schema] = cdc::compile(made::schema());
    REQUIRE_FALSE(bad_schema);
    cdc::decoder decoder;
    for (int which = 0; which < 3; ++which) {
        made::header h;
        std::vector<std::string>& list = which == 0 ? h.changed : which == 1 ? h.nulled : h.diff;
        list = {"0x02"};
        const exact_bytes good(made::payload(h));
        const auto [event, bad] = decoder.decode(plan, good.span());
        REQUIRE_FALSE(bad);
        CHECK(event.changed_fields().size() == (which == 0 ? 1 : 0));
        CHECK(event.nulled_fields().size() == (which == 1 ? 1 : 0));
        CHECK(event.diff_fields().size() == (which == 2 ? 1 : 0));
        list = {"0x40"};
        const exact_bytes wrong(made::payload(h));
        CHECK(decoder.decode(plan, wrong.span()).error.code == errc::bitmap_bit_beyond_fields);
    }
}

TEST_CASE("field list: contains, size, empty, fields") {
    const decoded d({"0x0A", "2-0x02"});
    REQUIRE_FALSE(d.event.error);
    const cdc::field_list list = d.event.value.changed_fields();
    CHECK(list.size() == 3);
    CHECK_FALSE(list.empty());
    std::set<std::string_view> seen;
    for (auto i = list.begin(); i != list.end(); i++) {
        CHECK(list.contains(i.field()));
        CHECK(d.plan.name(i.field()) == *i);
        seen.insert(*i);
    }
    CHECK(seen == std::set<std::string_view>{"Phone", "Amount", "Address.City"});
    for (std::uint32_t f = 0; f < d.plan.size(); ++f)
        CHECK(list.contains({f}) == (seen.count(d.plan.name({f})) != 0));
    CHECK_FALSE(list.contains({}));
    CHECK_FALSE(list.contains({d.plan.size()}));
    const cdc::field_list none;
    CHECK((none.empty() && none.size() == 0 && none.begin() == none.end() && !none.contains({0})));
}

TEST_CASE("field list: parents whose children are all there") {
    const auto parents = [](std::vector<std::string> changed) {
        const decoded d(std::move(changed));
        REQUIRE_FALSE(d.event.error);
        const cdc::field_list list = d.event.value.changed_fields();
        std::string out;
        for (const std::string_view name : list.parents()) out.append(name).append(" ");
        for (std::uint32_t f = 0; f < d.plan.field_count(); ++f)
            CHECK(list.contains_all_children({f})
                  == (out.find(std::string(d.plan.name({f})) + " ") != std::string::npos));
        return out;
    };
    CHECK(parents({}) == "");
    CHECK(parents({"0x3E"}) == ""); // the parents' own bits say nothing of the children
    CHECK(parents({"2-0x01"}) == "");
    CHECK(parents({"2-0x03"}) == "Address ");
    CHECK(parents({"5-0x1", "4-0x3", "2-0x2"}) == "Name Place ");
    CHECK(parents({"2-0x03", "4-0x03", "5-0x01", "0-0x0FFF"}) == "ChangeEventHeader Address Name Place ");
}

TEST_CASE("field list: wide plans, against one bit at a time") {
    std::mt19937_64 random(7);
    for (const std::size_t n : {1u, 63u, 64u, 65u, 127u, 128u, 129u, 372u}) {
        std::string fields;
        for (std::size_t i = 1; i < n; ++i)
            fields += R"(,{"name":"f)" + std::to_string(i) + R"(","type":["null","int"]})";
        std::string schema = made::schema();
        const std::size_t body = schema.find(R"(,"doc":"Data:ComplexValueType"})") + 31;
        REQUIRE(schema.substr(body - 1, 1) == "}");
        const auto [plan, bad_schema] = cdc::compile(schema.substr(0, body) + fields + "]}");
        REQUIRE_FALSE(bad_schema);
        REQUIRE(plan.field_count() == n);
        cdc::decoder decoder;
        for (int round = 0; round < 50; ++round) {
            std::string digits;
            for (std::size_t i = 0; i < (n + 3) / 4; ++i)
                digits.push_back(random() % 3 == 0 ? "0123456789ABCDEF"[random() % 16] : '0');
            const auto expected = reference::bitmap_positions(digits).value();
            made::header h;
            h.changed = {"0x" + digits};
            const exact_bytes payload(made::payload(h, std::string(n - 1, '\0')));
            const auto [event, bad] = decoder.decode(plan, payload.span());
            if (!expected.empty() && *expected.rbegin() >= n) {
                REQUIRE(bad.code == errc::bitmap_bit_beyond_fields);
                continue;
            }
            REQUIRE_FALSE(bad);
            std::set<std::size_t> got;
            const cdc::field_list list = event.changed_fields();
            for (auto i = list.begin(); i != list.end(); ++i) got.insert(i.field().number);
            REQUIRE(got == expected);
            REQUIRE(list.size() == expected.size());
            REQUIRE(list.empty() == expected.empty());
        }
    }
}

TEST_CASE("lists and parents: an iterator that is moved on behind itself gives what it stood at") {
    const decoded d({"0x02", "2-0x03", "5-0x01"});
    REQUIRE_FALSE(d.event.error);
    const cdc::field_list changed = d.event.value.changed_fields();
    auto name = changed.begin();
    CHECK(*name++ == "Phone");
    CHECK(*name++ == "Address.Street");
    CHECK(*name == "Address.City");
    auto parent = changed.parents().begin();
    CHECK(*parent++ == "Address");
    CHECK(*parent++ == "Place");
    CHECK(parent == changed.parents().end());
}
