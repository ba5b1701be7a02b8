#include "../catch.hpp"
#include "peer.hpp"

#include <algorithm>
#include <google/protobuf/descriptor.pb.h>
#include <sstream>

using namespace test;

namespace {

constexpr const char* table = "main.sales.accounts";

google::protobuf::DescriptorProto row_descriptor() {
    using field_type = google::protobuf::FieldDescriptorProto;
    google::protobuf::DescriptorProto row;
    row.set_name("Row");
    const auto add = [&](const char* name, int number, field_type::Type type, field_type::Label label) {
        auto* field = row.add_field();
        field->set_name(name);
        field->set_number(number);
        field->set_type(type);
        field->set_label(label);
        return field;
    };
    add("id", 1, field_type::TYPE_STRING, field_type::LABEL_REQUIRED);
    add("amount", 2, field_type::TYPE_INT64, field_type::LABEL_OPTIONAL);
    add("tags", 3, field_type::TYPE_STRING, field_type::LABEL_REPEATED);
    add("place", 4, field_type::TYPE_MESSAGE, field_type::LABEL_OPTIONAL)->set_type_name(".any.package.Row.Place");
    add("raw", 5, field_type::TYPE_BYTES, field_type::LABEL_OPTIONAL);
    auto* place = row.add_nested_type();
    place->set_name("Place");
    auto* city = place->add_field();
    city->set_name("city");
    city->set_number(1);
    city->set_type(field_type::TYPE_STRING);
    city->set_label(field_type::LABEL_OPTIONAL);
    return row;
}

std::string good_descriptor() { return row_descriptor().SerializeAsString(); }

// Wire bytes of {id: text}, and more behind it.
std::string row(const std::string& id, const std::string& more = {}) {
    return std::string("\x0a") + static_cast<char>(id.size()) + id + more;
}

grpc::Status refusal_of(peer& to, const std::string& descriptor, const std::string& record) {
    ingest_call call(to, to.zerobus_metadata(table));
    if (call.create(table, zerobus::PROTO, descriptor)) call.send_proto(0, record);
    return call.finish();
}

} // namespace

TEST_CASE("rows are in the lake before they are acknowledged") {
    peer workspace;
    ingest_call call(workspace, workspace.zerobus_metadata(table));
    REQUIRE(call.create(table, zerobus::PROTO, good_descriptor()));
    call.send_proto(0, row("a", std::string("\x10\x2a\x1a\x01t\x1a\x01u\x22\x06\x0a\x04Kiel\x2a\x01\xff", 19)));
    REQUIRE(call.wait_for_ack(0));
    const auto rows = workspace.state().tables.query(
        "SELECT id, amount, tags, place, hex(raw), _wire_offset, _row FROM \"" + std::string(table) + "\"");
    REQUIRE(rows.size() == 1);
    CHECK(rows[0] == std::vector<std::string>{"a", "42", R"(["t","u"])", R"({"city":"Kiel"})", "FF", "0", "0"});

    for (int i = 1; i < 200; ++i) call.send_proto(i, row("r" + std::to_string(i)));
    call.stream->WritesDone();
    CHECK(call.finish().ok());
    CHECK(call.acks.back() == 199);
    CHECK(std::is_sorted(call.acks.begin(), call.acks.end()));
    CHECK(workspace.state().tables.rows_written() == 200);
    CHECK(workspace.state().tables.columns(table)
          == std::vector<std::string>{"id", "amount", "tags", "place", "raw"});
}

TEST_CASE("offsets are contiguous from zero") {
    peer workspace;
    for (const std::int64_t second : {0, 2, 7}) {
        ingest_call call(workspace, workspace.zerobus_metadata(table));
        REQUIRE(call.create(table, zerobus::PROTO, good_descriptor()));
        call.send_proto(0, row("a"));
        call.send_proto(second, row("b"));
        const grpc::Status status = call.finish();
        CHECK(status.error_code() == grpc::INVALID_ARGUMENT);
        CHECK(status.error_message() == "Non-incremental offset: expected 1, actual " + std::to_string(second));
        CHECK(call.acks == std::vector<std::int64_t>{0}); // the first one is stored and stays so
    }
    CHECK(workspace.state().tables.rows_written() == 3);
}

TEST_CASE("a batch takes one offset and keeps its rows apart") {
    peer workspace;
    ingest_call call(workspace, workspace.zerobus_metadata(table));
    REQUIRE(call.create(table, zerobus::JSON));
    call.send_json(0, {R"({"id":"a","n":1})", R"({"id":"b","f":1.5,"deep":{"x":[1]}})"});
    call.send_json(1, {R"({"id":"c","n":null,"flag":true})"});
    call.stream->WritesDone();
    CHECK(call.finish().ok());
    const auto rows = workspace.state().tables.query(
        "SELECT _wire_offset, _row, id, n, f, deep, flag FROM \"main.sales.accounts\" ORDER BY 1, 2");
    CHECK(rows
          == std::vector<std::vector<std::string>>{{"0", "0", "a", "1", "NULL", "NULL", "NULL"},
                                                   {"0", "1", "b", "NULL", "1.5", R"({"x":[1]})", "NULL"},
                                                   {"1", "0", "c", "NULL", "NULL", "NULL", "1"}});
}

TEST_CASE("metadata decides who may write where") {
    peer workspace;
    const auto code_with = [&](const metadata& headers, const std::string& name = table) {
        ingest_call call(workspace, headers);
        CHECK(!call.create(name, zerobus::JSON));
        return call.finish().error_code();
    };
    const metadata good = workspace.zerobus_metadata(table);
    CHECK(code_with({}) == grpc::UNAUTHENTICATED);
    CHECK(code_with({good[1]}) == grpc::UNAUTHENTICATED);
    CHECK(code_with({good[0]}) == grpc::INVALID_ARGUMENT);
    CHECK(code_with({{"authorization", "Bearer nobody"}, good[1]}) == grpc::UNAUTHENTICATED);
    CHECK(code_with({good[0], {good[1].first, "main.sales.other"}}) == grpc::PERMISSION_DENIED);
    CHECK(code_with(good, "main.sales.other") == grpc::INVALID_ARGUMENT);
    CHECK(code_with(workspace.zerobus_metadata("two.parts"), "two.parts") == grpc::INVALID_ARGUMENT);
    workspace.fault({{"op", "expire_databricks_tokens"}});
    CHECK(code_with(good) == grpc::UNAUTHENTICATED);
}

TEST_CASE("tables can be missing, forbidden or strict") {
    emulator::options chosen;
    chosen.unknown_tables = {"a.b.missing"};
    chosen.forbidden_tables = {"a.b.forbidden"};
    chosen.strict_tables = true;
    peer workspace(chosen);
    const auto status_of = [&](const std::string& name, const std::string& record) {
        ingest_call call(workspace, workspace.zerobus_metadata(name));
        if (call.create(name, zerobus::JSON)) call.send_json(0, {record});
        call.stream->WritesDone();
        return call.finish();
    };
    CHECK(status_of("a.b.missing", "{}").error_code() == grpc::NOT_FOUND);
    CHECK(status_of("a.b.forbidden", "{}").error_code() == grpc::PERMISSION_DENIED);
    CHECK(status_of("a.b.strict", R"({"id":1})").ok());
    const grpc::Status extra = status_of("a.b.strict", R"({"id":2,"extra":1})");
    CHECK(extra.error_code() == grpc::INVALID_ARGUMENT);
    CHECK(extra.error_message().find("FIELD_NOT_IN_TABLE") != std::string::npos);
    CHECK(workspace.state().tables.rows_written() == 1);
}

TEST_CASE("a descriptor must be one message with columns") {
    peer workspace;
    google::protobuf::FileDescriptorSet set;
    set.add_file()->set_name("row.proto");
    *set.mutable_file(0)->add_message_type() = row_descriptor();
    auto with_enum = row_descriptor();
    with_enum.add_enum_type()->set_name("E");
    auto dangling = row_descriptor();
    dangling.clear_nested_type();
    auto without_fields = row_descriptor();
    without_fields.clear_field();
    for (const std::string& descriptor :
         {std::string(), std::string("\xff\xff"), set.SerializeAsString(), set.file(0).SerializeAsString(),
          with_enum.SerializeAsString(), dangling.SerializeAsString(), without_fields.SerializeAsString()}) {
        ingest_call call(workspace, workspace.zerobus_metadata(table));
        CHECK(!call.create(table, zerobus::PROTO, descriptor));
        CHECK(call.finish().error_code() == grpc::INVALID_ARGUMENT);
    }
}

TEST_CASE("records must fit their descriptor") {
    peer workspace;
    const std::string descriptor = good_descriptor();
    for (const std::string& record :
         {std::string("\x0a\x05shor"), std::string("\x10\x01"),                  // cut short; without the required id
          row("a", "\x48\x01"), row("a", "\x22\x02\x10\x01"),                    // unknown fields, outside and inside
          row("\xc3"), row("\xed\xa0\x80"), row("a", "\x22\x03\x0a\x01\xff")}) { // no UTF-8
        CHECK(refusal_of(workspace, descriptor, record).error_code() == grpc::INVALID_ARGUMENT);
    }
    CHECK(workspace.state().tables.rows_written() == 0);
}

TEST_CASE("requests must be of the stream's kind and size") {
    peer workspace;
    const auto status_of = [&](auto send) {
        ingest_call call(workspace, workspace.zerobus_metadata(table));
        REQUIRE(call.create(table, zerobus::JSON));
        send(call);
        call.stream->WritesDone();
        return call.finish().error_code();
    };
    CHECK(status_of([](auto& c) { c.send_proto(0, "x"); }) == grpc::INVALID_ARGUMENT);
    CHECK(status_of([](auto& c) { c.send_json(0, {}); }) == grpc::INVALID_ARGUMENT);
    CHECK(status_of([](auto& c) { c.send_json(0, {"[1]"}); }) == grpc::INVALID_ARGUMENT);
    CHECK(status_of([](auto& c) { c.send_json(0, {R"({"a":")" + std::string(10'485'760, 'x') + "\"}"}); })
          == grpc::INVALID_ARGUMENT);
    CHECK(status_of([](auto& c) { c.send_json(0, {R"({"a":")" + std::string(10'000'000, 'x') + "\"}"}); })
          == grpc::OK);
    CHECK(status_of([](auto& c) { c.stream->Write({}); }) == grpc::INVALID_ARGUMENT);
}

TEST_CASE("a rotation is announced, then the stream ends") {
    peer workspace;
    ingest_call call(workspace, workspace.zerobus_metadata(table));
    REQUIRE(call.create(table, zerobus::JSON));
    call.send_json(0, {R"({"id":1})"});
    REQUIRE(call.wait_for_ack(0));
    workspace.fault({{"op", "rotate_streams"}, {"duration_ms", 100}});
    call.send_json(1, {R"({"id":2})"});
    const grpc::Status status = call.finish();
    CHECK(call.close_signals == 1);
    CHECK(call.acks.back() == 1);
    CHECK(status.error_code() == grpc::UNAVAILABLE);
    CHECK(status.error_message().find("Error Code: 6002") != std::string::npos);
}

TEST_CASE("acknowledgements can come late, even after the half-close") {
    peer workspace;
    workspace.fault({{"op", "late_ack_after_half_close"}});
    ingest_call call(workspace, workspace.zerobus_metadata(table));
    REQUIRE(call.create(table, zerobus::JSON));
    call.send_json(0, {R"({"id":1})"});
    for (int i = 0; i < 2000 && workspace.state().tables.rows_written() == 0; ++i)
        std::this_thread::sleep_for(std::chrono::milliseconds(1));
    std::this_thread::sleep_for(std::chrono::milliseconds(50));
    CHECK(workspace.status().at("acks_sent") == 0);
    call.stream->WritesDone();
    CHECK(call.finish().ok());
    CHECK(call.acks == std::vector<std::int64_t>{0});

    workspace.fault({{"op", "hold_acks"}, {"ms", 150}});
    const auto start = std::chrono::steady_clock::now();
    ingest_call held(workspace, workspace.zerobus_metadata(table));
    REQUIRE(held.create(table, zerobus::JSON));
    held.send_json(0, {R"({"id":2})"});
    REQUIRE(held.wait_for_ack(0));
    CHECK(std::chrono::steady_clock::now() - start > std::chrono::milliseconds(100));
}

TEST_CASE("rows can be counted instead of stored") {
    emulator::options chosen;
    chosen.count_rows = true;
    chosen.checksum_without = {"ingested_at"};
    peer workspace(chosen);
    using field_type = google::protobuf::FieldDescriptorProto;
    google::protobuf::DescriptorProto row_type;
    row_type.set_name("Row");
    const auto add = [&](const char* name, int number, field_type::Type type) {
        auto* field = row_type.add_field();
        field->set_name(name);
        field->set_number(number);
        field->set_type(type);
        field->set_label(field_type::LABEL_OPTIONAL);
    };
    add("replay_id", 1, field_type::TYPE_STRING);
    add("record_ordinal", 2, field_type::TYPE_INT32);
    add("ingested_at", 3, field_type::TYPE_INT64);
    add("record_data", 4, field_type::TYPE_STRING);

    workspace.fault({{"op", "hold_acks"}, {"ms", 60'000}});
    ingest_call call(workspace, workspace.zerobus_metadata(table));
    REQUIRE(call.create(table, zerobus::PROTO, row_type.SerializeAsString()));
    const std::string first("\x0a\x02"
                            "ab\x10\x03\x18\x07\x22\x01x");
    const std::string later("\x0a\x02"
                            "ab\x10\x03\x18\xff\x07\x22\x01x"); // another ingested_at
    const std::string other("\x0a\x02"
                            "ab\x10\x04\x18\x07\x22\x01y");
    const std::string fixed("\x2d"
                            "abcd\x31"
                            "abcdefgh"); // fields of four and eight bytes, no replay id
    std::int64_t offset = 0;
    for (const std::string& record : {first, later, other, fixed}) call.send_proto(offset++, record);
    const auto counted = [&] {
        std::vector<json> rows;
        std::istringstream lines(
            httplib::Client(workspace.state().urls.control_url).Get(std::string("/counted?table=") + table)->body);
        for (std::string line; std::getline(lines, line);) rows.push_back(json::parse(line));
        return rows;
    };
    for (int i = 0; i < 2000 && workspace.status().at("rows") != 4; ++i)
        std::this_thread::sleep_for(std::chrono::milliseconds(1));
    const auto held = counted();
    REQUIRE(held.size() == 4);
    CHECK(held[0][4].is_null()); // durable is what was acknowledged
    CHECK(workspace.status().at("rows_acknowledged") == 0);

    workspace.fault({{"op", "clear"}});
    REQUIRE(call.wait_for_ack(3));
    const auto rows = counted();
    REQUIRE(rows.size() == 4);
    CHECK(workspace.status().at("rows_acknowledged") == 4);
    CHECK(std::vector<json>(rows[0].begin(), rows[0].begin() + 2) == std::vector<json>{"ab", 3});
    CHECK(rows[0][3] == first.size());
    CHECK(rows[0][2] == rows[1][2]);
    CHECK(rows[0][2] != rows[2][2]);
    CHECK(std::vector<json>(rows[3].begin(), rows[3].begin() + 2) == std::vector<json>{"", 0});
    for (const json& row : rows) CHECK(row[4].get<std::int64_t>() > 0);
    CHECK(workspace.state().tables.rows_written() == 0);

    // What is cut short is refused, and what came in front of it stays; so is what cannot be counted.
    call.send_proto(4, first);
    call.send_proto(5, first.substr(0, first.size() - 1));
    CHECK(call.finish().error_code() == grpc::INVALID_ARGUMENT);
    CHECK(counted().size() == 5);
    for (const std::string& record : {std::string("\x0a"), std::string("\x0b"), std::string("\x18\xff"),
                                      std::string("\x31"
                                                  "abc")})
        CHECK(refusal_of(workspace, row_type.SerializeAsString(), record).error_code() == grpc::INVALID_ARGUMENT);
    ingest_call of_json(workspace, workspace.zerobus_metadata(table));
    CHECK(!of_json.create(table, zerobus::JSON));
    CHECK(of_json.finish().error_code() == grpc::INVALID_ARGUMENT);
}

TEST_CASE("streams fail on request") {
    peer workspace;
    workspace.fault({{"op", "zerobus_error"}, {"code", "UNAVAILABLE"}, {"when", "create"}});
    ingest_call first(workspace, workspace.zerobus_metadata(table));
    CHECK(!first.create(table, zerobus::JSON));
    CHECK(first.finish().error_code() == grpc::UNAVAILABLE);

    ingest_call second(workspace, workspace.zerobus_metadata(table));
    REQUIRE(second.create(table, zerobus::JSON));
    workspace.fault({{"op", "zerobus_error"}, {"code", "RESOURCE_EXHAUSTED"}, {"when", "stream"}});
    CHECK(second.finish().error_code() == grpc::RESOURCE_EXHAUSTED);

    workspace.fault({{"op", "poison"}, {"column", "id"}, {"value", "7"}});
    ingest_call third(workspace, workspace.zerobus_metadata(table));
    REQUIRE(third.create(table, zerobus::JSON));
    third.send_json(0, {R"({"id":6})"});
    third.send_json(1, {R"({"id":8})", R"({"id":7})"});
    CHECK(third.finish().error_code() == grpc::INVALID_ARGUMENT);
    CHECK(third.acks == std::vector<std::int64_t>{0});
    CHECK(workspace.state().tables.query("SELECT id FROM \"main.sales.accounts\"")
          == std::vector<std::vector<std::string>>{{"6"}});
}
