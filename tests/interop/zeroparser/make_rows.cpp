// Rows of the golden events for Databricks' own parser: standard output is the input of zeroparser_judge, whose head comment
// says what it is.
//
//     make_rows sfcdc|salesforce_zerobus|lakeflow    the golden events in a layout
//     make_rows typed N                              those of the golden schema N, from 0, as rows of its typed table
//     make_rows typed random                         10,000 random events, the same each time
//     make_rows columns N|random                     the columns of that typed table, a name and a type of SQL in each line
//
// What is expected of layout `sfcdc` comes from the golden files, which no code of include/ has written; of the others it is
// the row as JSON. Exit code 3: there is no golden schema N.
#include "golden/golden.hpp"
#include "row/random_event.hpp"

#include <algorithm>
#include <chrono>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <random>
#include <string>
#include <string_view>
#include <vector>

#include <sfcdc/row/json.hpp>
#include <sfcdc/row/protobuf.hpp>
#include <sfcdc/row/sql.hpp>
#include <sfcdc/row/typed_layout.hpp>

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

row::envelope around(std::string_view schema_id) {
    return {.event_id = "e-1",
            .schema_id = schema_id,
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

// Days since the epoch of "2026-11-27", which messages have in place of the text. Years may have more than four digits: the
// calendar repeats itself after 400 of them, which are 146,097 days.
std::int64_t days_of_text(const std::string& text) {
    const char* at = text.c_str() + (text[0] == '-' ? 1 : 0);
    char* end = nullptr;
    std::int64_t year = std::strtoll(at, &end, 10);
    if (text[0] == '-') year = -year;
    const auto month = static_cast<unsigned>(std::strtoul(end + 1, &end, 10));
    const auto day = static_cast<unsigned>(std::strtoul(end + 1, &end, 10));
    const std::int64_t eras = year / 400;
    const std::chrono::year_month_day date{std::chrono::year(static_cast<int>(year - 400 * eras)),
                                           std::chrono::month(month), std::chrono::day(day)};
    return std::chrono::sys_days(date).time_since_epoch().count() + 146'097 * eras;
}

// The rows of one event of a typed table.
void write_typed_rows(const row::bound_layout& bound, const cdc::event& e, const row::envelope& envelope) {
    row::for_each_row(bound.layout(), e, [&](const row::record& of) {
        std::string message, text;
        row::append_protobuf(bound, e, envelope, message, of);
        row::append_json(bound, e, envelope, text, of);
        json expected = json::parse(text);
        for (const row::column& c : bound.layout().columns()) {
            json& value = expected.at(c.name);
            if (c.type() == row::column_type::date && value.is_string())
                value = days_of_text(value.get<std::string>());
            else if (c.type() == row::column_type::double_ && value == 0) // the parser takes "-0" for an integer
                value = text.find('"' + c.name + "\":-0") == text.npos ? 0.0 : -0.0;
        }
        write_frame(message);
        write_frame(expected.dump());
    });
}

int typed(std::string_view what, std::string_view which) {
    const bool is_random = which == "random";
    std::vector<std::string> schemas; // in the order in which the golden events have them
    for (const golden::event& e : golden::events())
        if (std::find(schemas.begin(), schemas.end(), e.schema_json) == schemas.end())
            schemas.push_back(e.schema_json);
    const auto n = static_cast<std::size_t>(std::atoi(which.data()));
    if (!is_random && n >= schemas.size()) return 3;
    const auto [plan, bad_schema] = cdc::compile(is_random ? typed_event::schema() : schemas[n]);
    if (bad_schema) return std::fprintf(stderr, "%s\n", bad_schema.message()), 1;
    const row::decimal_field amount[] = {{"Amount__c", 38, 2}};
    row::typed_options options{.multi_picklist_arrays = true};
    if (is_random) options.decimals = amount;
    const auto [l, bad_table] = row::typed_layout(plan, options);
    if (bad_table) return std::fprintf(stderr, "%s\n", bad_table.message()), 1;
    if (what == "columns") {
        for (const row::column& c : l.columns()) std::printf("%s %s\n", c.name.c_str(), row::sql_type(c).c_str());
        return 0;
    }
    const row::bound_layout bound = row::bind(l, plan);
    cdc::decoder decoder;
    write_frame(row::descriptor_proto(l));
    if (!is_random) {
        for (const golden::event& e : golden::events()) {
            if (e.schema_json != schemas[n]) continue;
            const auto [event, bad] = decoder.decode(plan, wire::as_bytes(e.payload));
            if (bad) return std::fprintf(stderr, "%s: %s\n", e.what.c_str(), bad.message()), 1;
            write_typed_rows(bound, event, around(e.schema_id));
        }
        return 0;
    }
    std::mt19937 random(1);
    for (unsigned i = 0; i < 10'000; ++i) {
        const std::string payload = typed_event::random_payload(random, i % 2 == 0 ? 0.1 : 0.6);
        const auto [event, bad] = decoder.decode(plan, wire::as_bytes(payload));
        if (bad) return std::fprintf(stderr, "event %u: %s\n", i, bad.message()), 1;
        write_typed_rows(bound, event, around("schema-1"));
    }
    return 0;
}

} // namespace

int main(int argc, char** argv) {
    const std::string_view name = argc >= 2 ? argv[1] : "";
    if (argc == 3 && (name == "typed" || name == "columns")) return typed(name, argv[2]);
    row::layout l;
    if (name == "sfcdc")
        l = row::layout::sfcdc();
    else if (name == "salesforce_zerobus")
        l = row::layout::salesforce_zerobus();
    else if (name == "lakeflow")
        l = row::layout::lakeflow();
    else
        return std::fputs("usage: make_rows sfcdc|salesforce_zerobus|lakeflow|typed|columns [N|random]\n", stderr), 2;

    write_frame(row::descriptor_proto(l));
    cdc::decoder decoder;
    for (const golden::event& e : golden::events()) {
        const auto [plan, bad_schema] = cdc::compile(e.schema_json);
        if (bad_schema) return std::fprintf(stderr, "%s: %s\n", e.what.c_str(), bad_schema.message()), 1;
        const auto [event, bad_event] = decoder.decode(plan, wire::as_bytes(e.payload));
        if (bad_event) return std::fprintf(stderr, "%s: %s\n", e.what.c_str(), bad_event.message()), 1;
        row::for_each_row(l, event, [&](const row::record& of) {
            std::string message, text;
            row::append_protobuf(l, event, around(e.schema_id), message, of);
            if (name == "sfcdc")
                text = expected_of_sfcdc(e, of.ordinal).dump();
            else
                row::append_json(l, event, around(e.schema_id), text, of);
            write_frame(message);
            write_frame(text);
        });
    }
}
