#include "../catch.hpp"
#include "peer.hpp"

#include <chrono>
#include <google/protobuf/descriptor.pb.h>
#include <google/protobuf/unknown_field_set.h>
#include <string>
#include <vector>

using namespace test;

namespace {

using field = google::protobuf::FieldDescriptorProto;

constexpr const char* contacts = "main.crm.contacts";

// A workspace with a table that a statement has made.
struct contract_peer : peer {
    contract_peer() {
        run(std::string("CREATE TABLE ") + contacts
            + " (Id STRING NOT NULL, n INT, big BIGINT, x DOUBLE, flag BOOLEAN, amount DECIMAL(10,2), tags "
              "ARRAY<STRING>, raw BINARY, at TIMESTAMP)");
    }
    void run(const std::string& sql) {
        emulator::warehouse& warehouse = state().sql_warehouse;
        const auto done = warehouse.look(warehouse.submit(sql, {}));
        if (!done || done->state != emulator::statement_state::succeeded)
            throw std::runtime_error(sql + ": " + (done ? done->error : ""));
    }
    // How a stream with this descriptor and these rows ends; the rows' fate is in the lake.
    grpc::Status stream(const std::string& descriptor, const std::vector<std::string>& rows) {
        ingest_call call(*this, zerobus_metadata(contacts));
        if (call.create(contacts, zerobus::PROTO, descriptor)) {
            for (std::size_t i = 0; i < rows.size(); ++i) call.send_proto(static_cast<std::int64_t>(i), rows[i]);
            call.stream->WritesDone();
        }
        return call.finish();
    }
    std::vector<std::vector<std::string>> query(const std::string& columns) {
        return state().tables.query("SELECT " + columns + " FROM \"" + std::string(contacts) + "\"");
    }
};

struct described {
    std::string name;
    field::Type type;
    field::Label label = field::LABEL_OPTIONAL;
};
std::string descriptor(const std::vector<described>& fields) {
    google::protobuf::DescriptorProto row;
    row.set_name("Row");
    for (const auto& [name, type, label] : fields) {
        field* one = row.add_field();
        one->set_name(name);
        one->set_number(row.field_size());
        one->set_type(type);
        one->set_label(label);
    }
    return row.SerializeAsString();
}
// Id is field 1 of every descriptor here.
std::string with_id(const std::string& more = {}) { return "\x0a\x01" + std::string("a") + more; }
std::string descriptor_with(const described& second) { return descriptor({{"Id", field::TYPE_STRING}, second}); }

// Strings within the google.rpc.Status of a refusal, in their order.
void collect_texts(const std::string& message, std::vector<std::string>& texts) {
    google::protobuf::UnknownFieldSet fields;
    if (!fields.ParseFromString(message)) return;
    for (int i = 0; i < fields.field_count(); ++i) {
        if (fields.field(i).type() != google::protobuf::UnknownField::TYPE_LENGTH_DELIMITED) continue;
        texts.push_back(fields.field(i).length_delimited());
        collect_texts(texts.back(), texts);
    }
}
bool contains(const std::vector<std::string>& texts, const std::string& wanted) {
    return std::find(texts.begin(), texts.end(), wanted) != texts.end();
}

} // namespace

TEST_CASE("a stream into a table that was created may leave columns out") {
    contract_peer workspace;
    CHECK(workspace
              .stream(descriptor({{"Id", field::TYPE_STRING}, {"n", field::TYPE_INT32}}),
                      {with_id("\x10\x05"), with_id()})
              .ok());
    CHECK(workspace
              .stream(descriptor({{"id", field::TYPE_STRING}, {"tags", field::TYPE_STRING, field::LABEL_REPEATED}}),
                      {with_id("\x12\x01t")})
              .ok());
    CHECK(workspace.query("Id, n, tags")
          == std::vector<std::vector<std::string>>{
              {"a", "5", "NULL"}, {"a", "NULL", "NULL"}, {"a", "NULL", R"(["t"])"}});
    CHECK(workspace.state().tables.columns(contacts).size() == 9); // nothing was added
}

TEST_CASE("a descriptor that does not fit the table is refused with its cause") {
    contract_peer workspace;
    const auto cause = [&](const std::string& of) {
        const grpc::Status status = workspace.stream(of, {});
        CHECK(status.error_code() == grpc::INVALID_ARGUMENT);
        std::vector<std::string> texts;
        collect_texts(status.error_details(), texts);
        CHECK(contains(texts, "SCHEMA_VALIDATION_FAILED"));
        CHECK(contains(texts, "zerobus.databricks.com"));
        CHECK(contains(texts, "type.googleapis.com/google.rpc.ErrorInfo"));
        CHECK(contains(texts, "8001"));
        const std::string said = status.error_message().substr(0, status.error_message().find(':'));
        CHECK(contains(texts, said));
        return said;
    };
    CHECK(cause(descriptor_with({"other", field::TYPE_STRING})) == "FIELD_NOT_IN_TABLE");
    CHECK(cause(descriptor({{"n", field::TYPE_INT32}})) == "MISSING_REQUIRED_COLUMN");
    const described good[] = {{"n", field::TYPE_INT32},       {"big", field::TYPE_INT64},
                              {"x", field::TYPE_DOUBLE},      {"flag", field::TYPE_BOOL},
                              {"amount", field::TYPE_STRING}, {"tags", field::TYPE_STRING, field::LABEL_REPEATED},
                              {"raw", field::TYPE_BYTES},     {"at", field::TYPE_INT64}};
    for (const described& column : good) {
        INFO(column.name);
        CHECK(workspace.stream(descriptor_with(column), {}).ok());
        for (const auto type : {field::TYPE_INT32, field::TYPE_INT64, field::TYPE_DOUBLE, field::TYPE_FLOAT,
                                field::TYPE_BOOL, field::TYPE_STRING, field::TYPE_BYTES})
            if (type != column.type)
                CHECK(cause(descriptor_with({column.name, type, column.label})) == "TYPE_INCOMPATIBLE");
        const auto other = column.label == field::LABEL_REPEATED ? field::LABEL_OPTIONAL : field::LABEL_REPEATED;
        CHECK(cause(descriptor_with({column.name, column.type, other})) == "TYPE_INCOMPATIBLE");
    }
}

TEST_CASE("a row without a value that the table wants is refused whole") {
    contract_peer workspace;
    const std::string type = descriptor_with({"n", field::TYPE_INT32});
    const grpc::Status status = workspace.stream(type, {with_id("\x10\x05"), "\x10\x06"});
    CHECK(status.error_code() == grpc::INVALID_ARGUMENT);
    CHECK(status.error_message().starts_with("MISSING_REQUIRED_COLUMN: Id"));
    CHECK(workspace.query("n") == std::vector<std::vector<std::string>>{{"5"}});

    ingest_call json_rows(workspace, workspace.zerobus_metadata(contacts));
    REQUIRE(json_rows.create(contacts, zerobus::JSON));
    json_rows.send_json(0, {R"({"Id":"b","n":1})"});
    json_rows.send_json(1, {R"({"Id":null,"n":2})"});
    CHECK(json_rows.finish().error_message().starts_with("MISSING_REQUIRED_COLUMN: Id"));
    ingest_call unknown(workspace, workspace.zerobus_metadata(contacts));
    REQUIRE(unknown.create(contacts, zerobus::JSON));
    unknown.send_json(0, {R"({"Id":"c","other":1})"});
    CHECK(unknown.finish().error_message().starts_with("FIELD_NOT_IN_TABLE: other"));
    CHECK(workspace.query("Id").size() == 2);
}

TEST_CASE("a new column is taken by streams that are opened when others see it") {
    contract_peer workspace;
    const std::string wider = descriptor_with({"fresh", field::TYPE_STRING});
    workspace.fault({{"op", "column_delay"}, {"ms", 300}});
    ingest_call old(workspace, workspace.zerobus_metadata(contacts));
    REQUIRE(old.create(contacts, zerobus::PROTO, descriptor_with({"n", field::TYPE_INT32})));
    workspace.run(std::string("ALTER TABLE ") + contacts + " ADD COLUMNS (fresh STRING)");
    CHECK(workspace.stream(wider, {}).error_message().starts_with("FIELD_NOT_IN_TABLE: fresh"));
    std::this_thread::sleep_for(std::chrono::milliseconds(350));
    CHECK(workspace.stream(wider, {with_id("\x12\x01n")}).ok());
    old.send_proto(0, with_id("\x10\x07")); // an open stream goes on in its shape
    CHECK(old.wait_for_ack(0));
    CHECK(workspace.query("n, fresh") == std::vector<std::vector<std::string>>{{"NULL", "n"}, {"7", "NULL"}});
}

TEST_CASE("a table that is said not to exist exists when a statement has made it") {
    emulator::options chosen;
    chosen.unknown_tables = {"main.crm.leads"};
    peer workspace(chosen);
    const auto code = [&] {
        ingest_call call(workspace, workspace.zerobus_metadata("main.crm.leads"));
        if (call.create("main.crm.leads", zerobus::PROTO, descriptor({{"Id", field::TYPE_STRING}})))
            call.stream->WritesDone();
        return call.finish().error_code();
    };
    CHECK(code() == grpc::NOT_FOUND);
    emulator::warehouse& warehouse = workspace.state().sql_warehouse;
    (void)warehouse.look(warehouse.submit("CREATE TABLE main.crm.leads (Id STRING)", {}));
    CHECK(code() == grpc::OK);
}

TEST_CASE("rows are judged as Databricks' parser does") {
    contract_peer workspace;
    const std::string type = descriptor({{"Id", field::TYPE_STRING},
                                         {"n", field::TYPE_INT32},
                                         {"big", field::TYPE_INT64},
                                         {"x", field::TYPE_DOUBLE}});
    const auto taken = [&](const std::string& more) { return workspace.stream(type, {with_id(more)}).ok(); };
    const auto bytes = [](std::initializer_list<int> all) {
        std::string out;
        for (const int b : all) out += static_cast<char>(b);
        return out;
    };
    // integers of a fixed width
    CHECK(taken(bytes({0x15, 5, 0, 0, 0})));
    CHECK(taken(bytes({0x15, 0xff, 0xff, 0xff, 0xff})));
    CHECK(taken(bytes({0x19, 1, 0, 0, 0, 0, 0, 0, 0x80})));
    CHECK(workspace.query("n, big")
          == std::vector<std::vector<std::string>>{{"5", "NULL"}, {"-1", "NULL"}, {"NULL", "-9223372036854775807"}});
    // ten bytes are enough for 64 bits, and for no more
    CHECK(taken(bytes({0x18, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x01})));
    CHECK_FALSE(taken(bytes({0x18, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x02})));
    CHECK_FALSE(taken(bytes({0x18, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x00})));
    // another wire type, an unknown field, a group, the field 0, a field that is cut
    CHECK_FALSE(taken(bytes({0x12, 1, 5})));
    CHECK_FALSE(taken(bytes({0x20, 5})));
    CHECK_FALSE(taken(bytes({0x25, 0, 0, 0, 0})));
    CHECK_FALSE(taken(bytes({0x28, 1})));
    CHECK_FALSE(taken(bytes({0x13, 0x14})));
    CHECK_FALSE(taken(bytes({0x16})));
    CHECK_FALSE(taken(bytes({0x00, 0x00})));
    CHECK_FALSE(taken(bytes({0x12, 5, 1})));
    CHECK_FALSE(taken(bytes({0x15, 5, 0})));
    CHECK_FALSE(taken(bytes({0x10})));
    // a field that comes twice: the last one counts
    CHECK(taken(bytes({0x10, 1, 0x10, 2})));
    CHECK(workspace.query("n").back() == std::vector<std::string>{"2"});
}
