// Rows of the golden events for Databricks' own parser: standard output is the input of zeroparser_judge, whose head comment
// says what it is. usage: make_rows sfcdc|salesforce_zerobus|lakeflow
//
// What is expected of layout `sfcdc` comes from the golden files, which no code of include/ has written; of the other two it is
// the row as JSON.
#include "golden/golden.hpp"

#include <cstdint>
#include <cstdio>
#include <string>
#include <string_view>

#include <sfcdc/row/json.hpp>
#include <sfcdc/row/protobuf.hpp>

using namespace sfcdc;
using golden::json;

namespace {

constexpr std::int64_t received_ms = 1'760'000'001'234;
const std::string replay("\x00\x01\xff\x10", 4);

void write_frame(std::string_view bytes) {
    const auto length = static_cast<std::uint32_t>(bytes.size());
    for (unsigned i = 0; i < 4; ++i) std::putchar(static_cast<int>(length >> 8 * i & 0xff));
    std::fwrite(bytes.data(), 1, bytes.size(), stdout);
}

row::envelope around(const golden::event& e) {
    return {.event_id = "e-1",
            .schema_id = e.schema_id,
            .topic_name = "/data/ChangeEvents",
            .org_id = "00Dxx0000000001",
            .replay_id = wire::as_bytes(replay),
            .schema_json = "{\"s\":1}",
            .received_timestamp = received_ms};
}

json expected_of_sfcdc(const golden::event& e, std::uint32_t ordinal) {
    const json& header = e.expect.at("header");
    const json& body = e.expect.at("body");
    const auto text = [&](const char* member) { // a column of text is null where there is none
        const std::string found = header.value(member, "");
        return found.empty() ? json(nullptr) : json(found);
    };
    json out = {{"org_id", "00Dxx0000000001"},
                {"topic", "/data/ChangeEvents"},
                {"replay_id", "0001ff10"},
                {"record_ordinal", ordinal},
                {"event_id", "e-1"},
                {"schema_id", e.schema_id},
                {"entity_name", header.value("entityName", "UNKNOWN")},
                {"change_type", header.value("changeType", "UNKNOWN")},
                {"transaction_key", text("transactionKey")},
                {"commit_user", text("commitUser")},
                {"change_origin", header.value("changeOrigin", "")},
                {"changed_fields", e.expect.at("changed")},
                {"nulled_fields", e.expect.at("nulled")},
                {"diff_fields", e.expect.at("diff")},
                {"record_data", {{"$json", body}}},
                {"ingested_at", received_ms * 1000}};
    const json ids = header.value("recordIds", json::array());
    if (ordinal < ids.size() && ids.at(ordinal) != "001*" && ids.at(ordinal) != "000000000000000AAA")
        out["record_id"] = ids.at(ordinal);
    if (header.empty()) {
        out["commit_timestamp"] = body.value("CreatedDate", received_ms) * 1000;
    } else {
        out["sequence_number"] = header.at("sequenceNumber");
        out["commit_number"] = header.at("commitNumber");
        out["commit_timestamp"] = header.at("commitTimestamp").get<std::int64_t>() * 1000;
    }
    return out;
}

} // namespace

int main(int argc, char** argv) {
    const std::string_view name = argc == 2 ? argv[1] : "";
    row::layout l;
    if (name == "sfcdc")
        l = row::layout::sfcdc();
    else if (name == "salesforce_zerobus")
        l = row::layout::salesforce_zerobus();
    else if (name == "lakeflow")
        l = row::layout::lakeflow();
    else
        return std::fputs("usage: make_rows sfcdc|salesforce_zerobus|lakeflow\n", stderr), 2;

    write_frame(row::descriptor_proto(l));
    cdc::decoder decoder;
    for (const golden::event& e : golden::events()) {
        const auto [plan, bad_schema] = avro::compile(e.schema_json);
        if (bad_schema) return std::fprintf(stderr, "%s: %s\n", e.what.c_str(), bad_schema.message()), 1;
        const auto [event, bad_event] = decoder.decode(plan, wire::as_bytes(e.payload));
        if (bad_event) return std::fprintf(stderr, "%s: %s\n", e.what.c_str(), bad_event.message()), 1;
        row::for_each_row(l, event, [&](const row::record& of) {
            std::string message, text;
            row::append_protobuf(l, event, around(e), message, of);
            if (name == "sfcdc")
                text = expected_of_sfcdc(e, of.ordinal).dump();
            else
                row::append_json(l, event, around(e), text, of);
            write_frame(message);
            write_frame(text);
        });
    }
}
