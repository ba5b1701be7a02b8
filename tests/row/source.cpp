// What a row takes from the header, and for which record ids there are rows.
#include "catch.hpp"
#include "cdc/made_event.hpp"
#include "golden/golden.hpp"

#include <sfcdc/cdc/decoder.hpp>
#include <sfcdc/row/source.hpp>

using namespace sfcdc;

namespace {

std::vector<std::string> listed(const cdc::string_list& texts) {
    std::vector<std::string> out;
    for (const std::string_view text : texts) out.emplace_back(text);
    return out;
}

std::vector<std::string> row_ids(const row::layout& l, const cdc::event& e) {
    std::vector<std::string> out;
    row::for_each_row(l, e, [&](const row::record& of) {
        REQUIRE(of.ordinal == out.size());
        out.emplace_back(of.id);
    });
    return out;
}

void check(const std::string& schema, const std::string& bytes, const made::header* written = nullptr) {
    const auto [plan, bad_schema] = cdc::compile(schema);
    REQUIRE_FALSE(bad_schema);
    cdc::decoder decoder;
    const exact_bytes payload(bytes);
    const auto [event, bad] = decoder.decode(plan, payload.span());
    INFO(bad.message() << " at " << bad.offset);
    REQUIRE_FALSE(bad);
    const row::header_values values(event);
    if (written != nullptr) {
        CHECK(values.entity_name == written->entity);
        CHECK(listed(values.record_ids) == written->ids);
        const auto type = static_cast<std::size_t>(written->change_type);
        CHECK(values.change_type
              == (type < std::size(cdc::change_type_symbols) ? cdc::change_type_symbols[type] : "LATER"));
        CHECK(values.change_origin == written->origin);
        CHECK(values.transaction_key == written->key);
        CHECK(values.sequence_number == written->sequence);
        CHECK(values.commit_timestamp == written->timestamp);
        CHECK(values.commit_number == written->number);
        CHECK(values.commit_user == written->user);
    }
    std::vector<std::string> ids = listed(values.record_ids);
    if (ids.empty()) ids.emplace_back();
    CHECK(row_ids(row::layout::sfcdc(), event) == ids);
    CHECK(row_ids(row::layout::lakeflow(), event) == std::vector<std::string>{ids[0]});
}

} // namespace

TEST_CASE("a row's header: golden events") {
    for (const golden::event& e : golden::events()) {
        INFO(e.what);
        const auto [plan, bad] = cdc::compile(e.schema_json);
        bool single = !bad; // the ids that rows leave out are a test of their own
        cdc::decoder decoder;
        const exact_bytes payload(e.payload);
        const auto [event, bad_event] = decoder.decode(plan, payload.span());
        REQUIRE_FALSE(bad_event);
        for (const std::string_view id : event.header().record_ids())
            single = single && !id.ends_with('*') && id != "000000000000000AAA";
        if (single) check(e.schema_json, e.payload);
    }
}

TEST_CASE("a row's header: texts and integers of every length") {
    const std::string schema = made::schema();
    for (std::size_t n = 0; n < 200; ++n) {
        made::header h;
        h.entity = std::string(n, 'e');
        h.ids.assign(n % 5, std::string(n % 23, 'i'));
        h.change_type = static_cast<int>(n % 11);
        h.origin = std::string(200 - n, 'o');
        h.key = std::string(n / 2, 'k');
        h.user = std::string(n % 20, 'u');
        h.sequence = static_cast<std::int32_t>((std::int64_t{1} << n % 32) - 1) * (n % 2 == 0 ? 1 : -1);
        h.timestamp = static_cast<std::int64_t>((std::uint64_t{1} << n % 64) - 1);
        h.number = -h.timestamp - 1;
        check(schema, made::payload(h), &h);
    }
}

TEST_CASE("a row's header: ids in several blocks, of which some have a size") {
    reference::avro_writer w;
    w.text("Thing");
    w.integer(-2).integer(7).text("ab").text("cde").integer(1).text("f").integer(-1).integer(2).text("g").integer(0);
    w.integer(0).text("o").text("k").integer(3).integer(4).integer(5).text("u").integer(0).integer(0).integer(0);
    check(made::schema(), w.raw(std::string(5, '\0')).bytes());
}

TEST_CASE("a row's header: a schema with its members in another order, and one without some") {
    const std::string schema =
        R"({"type":"record","name":"E","fields":[{"name":"ChangeEventHeader","type":{"type":"record","name":"ChangeEventHeader","fields":[
        {"name":"commitUser","type":"string"},{"name":"recordIds","type":{"type":"array","items":"string"}},{"name":"entityName","type":"string"},
        {"name":"commitNumber","type":"long"}]}}]})";
    check(schema, reference::avro_writer().text("user").texts("a", "b").text("Thing").integer(-7).bytes());
    check(R"({"type":"record","name":"P__e","fields":[{"name":"CreatedDate","type":"long"}]})",
          reference::avro_writer().integer(5).bytes());
}
