// Rows in both forms: as JSON, and as protobuf messages that the reference reads back, column by column.
#include "catch.hpp"
#include "cdc/made_event.hpp"
#include "golden/golden.hpp"
#include "reference/protobuf_reader.hpp"
#include "reference/text.hpp"

#include <algorithm>
#include <map>

#include <sfcdc/cdc/decoder.hpp>
#include <sfcdc/row/json.hpp>
#include <sfcdc/row/protobuf.hpp>

#if defined(SFCDC_TESTS_HAVE_PROTOBUF)
#    include "row/dynamic_row.hpp"
#endif

using namespace sfcdc;
using golden::json;

namespace {

// A row as a JSON object with the columns that are not null. Binary columns are base64.
json from_protobuf(const row::layout& l, const std::string& message) {
    json out = json::object();
    std::uint32_t last = 0;
    for (const reference::protobuf_field& f : reference::read_protobuf(message)) {
        REQUIRE(f.number >= 1);
        REQUIRE(f.number <= l.columns().size());
        REQUIRE(f.number >= last); // in the order of the columns
        last = f.number;
        const row::column& c = l.columns()[f.number - 1];
        const bool number = c.type() == row::column_type::integer || c.type() == row::column_type::bigint
                            || c.type() == row::column_type::timestamp;
        REQUIRE(f.wire_type == (number ? 0 : 2));
        if (c.type() != row::column_type::string_array) REQUIRE_FALSE(out.contains(c.name));
        switch (c.type()) {
        case row::column_type::integer:
        case row::column_type::timestamp:
        case row::column_type::bigint: out[c.name] = static_cast<std::int64_t>(f.varint); break;
        case row::column_type::binary: out[c.name] = reference::base64(f.bytes); break;
        case row::column_type::string: out[c.name] = f.bytes; break;
        case row::column_type::string_array: out[c.name].push_back(f.bytes); break;
        default: FAIL("a column of a field in a layout without fields");
        }
    }
    return out;
}

// The same from JSON: null columns and empty arrays, which protobuf does not write, left out.
json from_json(const std::string& text) {
    json out = json::object();
    const json row = json::parse(text);
    for (const auto& [name, value] : row.items())
        if (!value.is_null() && !(value.is_array() && value.empty())) out[name] = value;
    return out;
}

struct row_of {
    cdc::plan plan;
    cdc::decoder decoder;
    exact_bytes payload;
    cdc::event event;

    row_of(const std::string& schema, const std::string& bytes)
        : plan(std::move(cdc::compile(schema).value)), payload(bytes) {
        const auto [e, bad] = decoder.decode(plan, payload.span());
        REQUIRE_FALSE(bad);
        event = e;
    }
};

const std::string replay("\x00\x01\xff\x10", 4);

row::envelope around() {
    return {.event_id = "e-1",
            .schema_id = "schema-1",
            .topic_name = "/data/ChangeEvents",
            .org_id = "00Dxx0000000001",
            .replay_id = wire::as_bytes(replay),
            .schema_json = "{\"s\":1}",
            .received_timestamp = 1760000001234};
}

} // namespace

TEST_CASE("rows: golden events say the same in both forms and both layouts") {
    for (const row::layout& l : {row::layout::sfcdc(), row::layout::salesforce_zerobus(), row::layout::lakeflow()})
        for (const golden::event& e : golden::events()) {
            INFO(e.what);
            const row_of r(e.schema_json, e.payload);
            std::string message = "before", text = "before";
            CHECK(row::append_protobuf(l, r.event, around(), message) == 0);
            CHECK(row::append_json(l, r.event, around(), text) == 0);
            REQUIRE(message.substr(0, 6) == "before");
            REQUIRE(text.substr(0, 6) == "before");
            const json row = from_protobuf(l, message.substr(6));
            CHECK(row == from_json(text.substr(6)));
            // In JSON every column is there, in order.
            std::size_t i = 0;
            const json all = json::parse(text.substr(6));
            REQUIRE(all.size() == l.columns().size());
            for (const auto& item : all.items()) CHECK(item.key() == l.columns()[i++].name);
#if defined(SFCDC_TESTS_HAVE_PROTOBUF)
            CHECK(dynamic_row::read(row::descriptor_proto(l), message.substr(6)) == row);
#endif
        }
}

TEST_CASE("rows: what goes into the columns of salesforce_zerobus") {
    const row::layout l = row::layout::salesforce_zerobus();
    for (const golden::event& e : golden::events()) {
        INFO(e.what);
        const row_of r(e.schema_json, e.payload);
        std::string message;
        REQUIRE(row::append_protobuf(l, r.event, around(), message) == 0);
        const json row = from_protobuf(l, message);
        const json& header = e.expect.at("header");
        const auto array = [&](const char* name) { return row.value(name, json::array()); };
        CHECK(row.at("event_id") == "e-1");
        CHECK(row.at("schema_id") == "schema-1");
        CHECK(row.at("replay_id") == "0001ff10");
        CHECK(row.at("schema_json") == "{\"s\":1}");
        CHECK(row.at("org_id") == "00Dxx0000000001");
        CHECK(row.at("processed_timestamp") == 1760000001234);
        CHECK(row.at("payload_binary") == reference::base64(e.payload));
        CHECK(array("changed_fields") == e.expect.at("changed"));
        CHECK(array("nulled_fields") == e.expect.at("nulled"));
        CHECK(array("diff_fields") == e.expect.at("diff"));
        CHECK(array("record_ids") == header.value("recordIds", json::array()));
        CHECK(row.at("change_type") == header.value("changeType", "UNKNOWN"));
        CHECK(row.at("entity_name") == header.value("entityName", "UNKNOWN"));
        CHECK(row.at("change_origin") == header.value("changeOrigin", "")); // an empty origin is an origin, not null
        CHECK(row.at("timestamp")
              == (header.empty() ? e.expect.at("body").at("CreatedDate") : header.at("commitTimestamp")));
        // All fields of the body, those that the event states with what it states.
        const json body = json::parse(row.at("record_data_json").get<std::string>());
        CHECK(body.size() == r.plan.field_count() - (header.empty() ? 0 : 1));
        for (const auto& [name, value] : e.expect.at("body").items()) {
            if (!value.is_object())
                CHECK(body.at(name) == value);
            else if (body.at(name).is_object())
                for (const auto& [child, v] : value.items()) CHECK(body.at(name).at(child) == v);
        }
    }
}

TEST_CASE("rows: sfcdc's own table has a row for each record") {
    const row::layout l = row::layout::sfcdc();
    for (const golden::event& e : golden::events()) {
        INFO(e.what);
        const row_of r(e.schema_json, e.payload);
        const json& header = e.expect.at("header");
        const json ids = header.value("recordIds", json::array());
        std::size_t rows = 0;
        row::for_each_row(l, r.event, [&](const row::record& of) {
            std::string message, text;
            REQUIRE(row::append_protobuf(l, r.event, around(), message, of) == 0);
            REQUIRE(row::append_json(l, r.event, around(), text, of) == 0);
            const json row = from_protobuf(l, message);
            CHECK(row == from_json(text));
#if defined(SFCDC_TESTS_HAVE_PROTOBUF)
            CHECK(dynamic_row::read(row::descriptor_proto(l), message) == row);
#endif
            CHECK(row.at("record_ordinal") == rows);
            const std::string id = ids.empty() ? "" : ids.at(rows).get<std::string>();
            if (id.empty() || id == "001*" || id == "000000000000000AAA")
                CHECK_FALSE(row.contains("record_id"));
            else
                CHECK(row.at("record_id") == id);
            CHECK(row.at("topic") == "/data/ChangeEvents");
            CHECK(row.at("ingested_at") == 1760000001234000); // microseconds
            CHECK(json::parse(row.at("record_data").get<std::string>()) == e.expect.at("body"));
            for (const auto& [column, member] : {std::pair{"transaction_key", "transactionKey"},
                                                 {"sequence_number", "sequenceNumber"},
                                                 {"commit_number", "commitNumber"},
                                                 {"commit_user", "commitUser"}}) {
                CHECK(row.contains(column) == header.contains(member));
                if (header.contains(member)) CHECK(row.at(column) == header.at(member));
            }
            if (header.contains("commitTimestamp"))
                CHECK(row.at("commit_timestamp").get<std::int64_t>()
                      == 1000 * header.at("commitTimestamp").get<std::int64_t>());
            ++rows;
        });
        CHECK(rows == (ids.empty() ? 1 : ids.size()));
        rows = 0;
        row::for_each_row(row::layout::lakeflow(), r.event, [&](const row::record& of) { rows += 1 + of.ordinal; });
        CHECK(rows == 1); // the first record's, once
    }
}

TEST_CASE("rows: a time that microseconds cannot hold stays what it is") {
    made::header h;
    const std::pair<std::int64_t, std::int64_t> all[] = {{0, 0},
                                                         {-1, -1000},
                                                         {9223372036854775, 9223372036854775000},
                                                         {9223372036854776, 9223372036854776},
                                                         {INT64_MAX, INT64_MAX},
                                                         {INT64_MIN, INT64_MIN},
                                                         {-9223372036854775, -9223372036854775000}};
    for (const auto& [ms, expected] : all) {
        h.timestamp = ms;
        const row_of r(made::schema(), made::payload(h));
        std::string message;
        row::append_protobuf(row::layout::sfcdc(), r.event, around(), message);
        CHECK(from_protobuf(row::layout::sfcdc(), message).at("commit_timestamp").get<std::int64_t>() == expected);
    }
}

TEST_CASE("rows: what goes into the columns of lakeflow") {
    const row_of r(made::schema(), made::payload([] {
                       made::header h;
                       h.changed = {"0x02"};
                       return h;
                   }()));
    const row::layout l = row::layout::lakeflow();
    std::string message;
    REQUIRE(row::append_protobuf(l, r.event, around(), message) == 0);
    const json row = from_protobuf(l, message);
    CHECK(row.at("replay_id") == "AAH/EA==");
    CHECK(row.at("event_payload") == reference::base64(std::string(r.payload.text())));
    CHECK(row.at("schema_id") == "schema-1");
    CHECK(row.at("topic_name") == "/data/ChangeEvents");
    CHECK(row.at("timestamp") == 1760000001234);
    std::string datum;
    row::append_datum_json(r.event, datum);
    CHECK(row.at("decoded_event") == datum);
}

TEST_CASE("rows: an envelope without texts makes null columns") {
    const row_of r(made::schema(), made::payload({}));
    for (const row::layout& l : {row::layout::sfcdc(), row::layout::salesforce_zerobus(), row::layout::lakeflow()}) {
        std::string message, text;
        row::append_protobuf(l, r.event, {}, message);
        row::append_json(l, r.event, {}, text);
        const json row = from_protobuf(l, message);
        CHECK(row == from_json(text));
        for (const char* const name : {"event_id", "schema_id", "topic_name", "org_id", "schema_json", "replay_id"})
            CHECK_FALSE(row.contains(name));
    }
    std::string message;
    row::append_protobuf(row::layout::salesforce_zerobus(), r.event, {}, message);
    CHECK(from_protobuf(row::layout::salesforce_zerobus(), message).at("processed_timestamp")
          == 0); // a zero is a value
}

TEST_CASE("rows: platform events") {
    const row::layout l = row::layout::salesforce_zerobus();
    const auto timestamp = [&](const char* fields, const reference::avro_writer& w) {
        const row_of r(R"({"type":"record","name":"X__e","fields":[)" + std::string(fields) + "]}", w.bytes());
        std::string message;
        row::append_protobuf(l, r.event, around(), message);
        const json row = from_protobuf(l, message);
        CHECK(row.at("change_type") == "UNKNOWN");
        CHECK(row.at("entity_name") == "UNKNOWN");
        CHECK(row.at("change_origin") == "");
        CHECK_FALSE(row.contains("record_ids"));
        return row.at("timestamp").get<std::int64_t>();
    };
    CHECK(timestamp(R"({"name":"CreatedDate","type":"long"})", reference::avro_writer().integer(77)) == 77);
    CHECK(timestamp(R"({"name":"CreatedDate","type":["null","long"]})", reference::avro_writer().byte(0))
          == 1760000001234);
    CHECK(timestamp(R"({"name":"CreatedDate","type":"string"})", reference::avro_writer().text("x"))
          == 1760000001234);
    CHECK(timestamp(R"({"name":"Other__c","type":"int"})", reference::avro_writer().integer(1)) == 1760000001234);
}

TEST_CASE("rows: what is not UTF-8 is replaced in every column and counted once for each byte") {
    made::header h;
    h.entity = "T\xff";
    h.origin = std::string(200, '\xfe'); // longer than one byte of length can say, once it is replaced
    h.ids = {"good", "\xfd"};
    const std::string phone = reference::avro_writer().byte(2).text("\xc0").byte(0).byte(0).byte(0).byte(0).bytes();
    const row_of r(made::schema(), made::payload(h, phone));
    const row::layout l = row::layout::salesforce_zerobus();
    std::string message, text;
    CHECK(row::append_protobuf(l, r.event, around(), message) == 1 + 200 + 1 + 1);
    CHECK(row::append_json(l, r.event, around(), text) == 1 + 200 + 1 + 1);
    const json row = from_protobuf(l, message);
    CHECK(row == from_json(text));
    CHECK(row.at("entity_name") == "T\xef\xbf\xbd");
    CHECK(row.at("change_origin").get<std::string>().size() == 600);
    CHECK(row.at("record_ids").at(1) == "\xef\xbf\xbd");
    CHECK(row.at("payload_binary") == reference::base64(std::string(r.payload.text()))); // the bytes as they came
}

TEST_CASE("descriptor: names, numbers, types and labels of each column") {
    for (const row::layout& l : {row::layout::sfcdc(), row::layout::salesforce_zerobus(), row::layout::lakeflow()}) {
        const auto fields = reference::read_protobuf(row::descriptor_proto(l, "Table"));
        REQUIRE(fields.size() == 1 + l.columns().size());
        CHECK((fields[0].number == 1 && fields[0].bytes == "Table"));
        for (std::size_t i = 0; i < l.columns().size(); ++i) {
            const row::column& c = l.columns()[i];
            INFO(c.name);
            REQUIRE(fields[i + 1].number == 2);
            std::map<std::uint32_t, reference::protobuf_field> field;
            for (const auto& f : reference::read_protobuf(fields[i + 1].bytes)) field[f.number] = f;
            REQUIRE(field.size() == 4);
            CHECK(field[1].bytes == c.name);
            CHECK(field[3].varint == i + 1);
            CHECK(field[4].varint == (c.type() == row::column_type::string_array ? 3 : 1)); // repeated, optional
            const std::map<row::column_type, std::uint64_t> types = {
                {row::column_type::string, 9},  {row::column_type::integer, 5},
                {row::column_type::bigint, 3},  {row::column_type::timestamp, 3},
                {row::column_type::binary, 12}, {row::column_type::string_array, 9}};
            CHECK(field[5].varint == types.at(c.type()));
        }
    }
    CHECK(reference::read_protobuf(row::descriptor_proto(row::layout()))[0].bytes == "Row");
}

TEST_CASE("rows: what stands in a message is of the type that its description says") {
    std::vector<row::column> columns;
    for (int source = 0; source <= static_cast<int>(row::column_source::schema_json); ++source)
        columns.push_back({"c" + std::to_string(source), static_cast<row::column_source>(source)});
    const auto [l, bad] = row::layout::make(columns);
    REQUIRE_FALSE(bad);
    std::vector<std::uint64_t> types; // FieldDescriptorProto.Type
    for (const reference::protobuf_field& f : reference::read_protobuf(row::descriptor_proto(l)))
        if (f.number == 2)
            for (const reference::protobuf_field& of : reference::read_protobuf(f.bytes))
                if (of.number == 5) types.push_back(of.varint);
    REQUIRE(types.size() == columns.size());
    std::vector<bool> seen(columns.size());
    for (const golden::event& e : golden::events()) {
        const row_of r(e.schema_json, e.payload);
        std::string message;
        row::append_protobuf(l, r.event, around(), message, {7, "id"});
        for (const reference::protobuf_field& f : reference::read_protobuf(message)) {
            REQUIRE(f.number <= columns.size());
            REQUIRE(f.wire_type == (types[f.number - 1] == 5 || types[f.number - 1] == 3 ? 0 : 2));
            seen[f.number - 1] = true;
            if (columns[f.number - 1].source == row::column_source::record_ordinal) CHECK(f.varint == 7);
        }
    }
    CHECK(std::count(seen.begin(), seen.end(), false) == 0);
}
