// Column names, types and order are an interface: tables of users have them. A change here is a change of theirs.
#include "catch.hpp"

#include <fstream>
#include <iterator>
#include <sstream>
#include <string>
#include <string_view>
#include <vector>

#include <sfcdc/row/layout.hpp>
#include <sfcdc/row/sql.hpp>
#include <sfcdc/row/typed_layout.hpp>

using namespace sfcdc;

namespace {

std::string described(const row::layout& l) {
    std::string out;
    for (const row::column& c : l.columns()) {
        const char* const types[] = {"STRING", "INT", "BIGINT", "TIMESTAMP", "BINARY", "ARRAY<STRING>"};
        out += c.name + " " + types[static_cast<int>(c.type())] + "\n";
    }
    return out;
}

} // namespace

TEST_CASE("layout: the table of the Python library salesforce-zerobus") {
    CHECK(described(row::layout::salesforce_zerobus())
          == "event_id STRING\n"
             "schema_id STRING\n"
             "replay_id STRING\n"
             "timestamp BIGINT\n"
             "change_type STRING\n"
             "entity_name STRING\n"
             "change_origin STRING\n"
             "record_ids ARRAY<STRING>\n"
             "changed_fields ARRAY<STRING>\n"
             "nulled_fields ARRAY<STRING>\n"
             "diff_fields ARRAY<STRING>\n"
             "record_data_json STRING\n"
             "payload_binary BINARY\n"
             "schema_json STRING\n"
             "org_id STRING\n"
             "processed_timestamp BIGINT\n");
}

TEST_CASE("layout: the table of the Lakeflow connector") {
    CHECK(described(row::layout::lakeflow())
          == "replay_id STRING\n"
             "event_payload BINARY\n"
             "schema_id STRING\n"
             "topic_name STRING\n"
             "timestamp BIGINT\n"
             "decoded_event STRING\n");
}

TEST_CASE("layout: sfcdc's own table") {
    const row::layout l = row::layout::sfcdc();
    CHECK(l.rows() == row::granularity::record);
    CHECK(row::layout::salesforce_zerobus().rows() == row::granularity::event);
    CHECK(row::layout::lakeflow().rows() == row::granularity::event);
    CHECK(described(l)
          == "org_id STRING\n"
             "topic STRING\n"
             "replay_id STRING\n"
             "record_ordinal INT\n"
             "event_id STRING\n"
             "schema_id STRING\n"
             "entity_name STRING\n"
             "change_type STRING\n"
             "record_id STRING\n"
             "transaction_key STRING\n"
             "sequence_number INT\n"
             "commit_number BIGINT\n"
             "commit_timestamp TIMESTAMP\n"
             "commit_user STRING\n"
             "change_origin STRING\n"
             "changed_fields ARRAY<STRING>\n"
             "nulled_fields ARRAY<STRING>\n"
             "diff_fields ARRAY<STRING>\n"
             "record_data STRING\n"
             "ingested_at TIMESTAMP\n");
}

TEST_CASE("layout: the statements of docs/layouts.md have these columns") {
    std::ifstream in(SFCDC_SOURCE_ROOT "/docs/layouts.md");
    std::vector<std::string> tables;
    for (std::string line; std::getline(in, line);) {
        if (line.starts_with("CREATE TABLE")) tables.emplace_back();
        if (!line.starts_with("  ") || tables.empty()) continue;
        line = line.substr(2, line.find("--") - 2); // "name TYPE,  "
        line.erase(line.find_last_not_of(" ,") + 1);
        tables.back() += line + "\n";
    }
    REQUIRE(tables.size() == 4); // the last one is a part of a typed table
    CHECK(tables[0] == described(row::layout::salesforce_zerobus()));
    CHECK(tables[1] == described(row::layout::sfcdc()));
    CHECK(tables[2] == described(row::layout::lakeflow()));
    std::ifstream schema(SFCDC_SOURCE_ROOT "/tests/golden/schemas/ContactChangeEvent.avsc");
    const auto [p, bad] = cdc::compile(std::string((std::istreambuf_iterator<char>(schema)), {}));
    REQUIRE_FALSE(bad);
    std::string typed;
    const row::layout contact = row::typed_layout(p).value;
    for (const row::column& c : contact.columns()) typed += "`" + c.name + "` " + row::sql_type(c) + "\n";
    std::istringstream shown(tables[3]);
    std::size_t columns = 0, at = 0;
    for (std::string line; std::getline(shown, line) && line.starts_with('`'); ++columns) {
        const std::size_t found = typed.find(line + "\n", at); // in the order of the table
        INFO(line);
        REQUIRE(found != std::string::npos);
        at = found;
    }
    CHECK(columns >= row::bookkeeping_columns().size() + 3);
}

TEST_CASE("layout: a table of one's own") {
    const auto [l, bad] =
        row::layout::make({{"id", row::column_source::event_id}, {"id2", row::column_source::payload}});
    REQUIRE_FALSE(bad);
    CHECK(described(l) == "id STRING\nid2 BINARY\n");
    CHECK(row::layout().columns().empty());
    const auto bad_names = [](const char* a, const char* b) {
        return row::layout::make({{a, row::column_source::event_id}, {b, row::column_source::payload}}).error;
    };
    CHECK(bad_names("id", "id") == error{errc::bad_column_name, 1});
    CHECK(bad_names("", "id") == error{errc::bad_column_name, 0});
}

TEST_CASE("layout: some columns only, without some, under other names") {
    const row::layout all = row::layout::lakeflow();
    using names = std::vector<std::string_view>;
    const auto unknown = [](std::uint32_t at) { return error{errc::unknown_column, at}; };
    const auto bad_name = [](std::uint32_t at) { return error{errc::bad_column_name, at}; };

    const auto only = all.only(names{"schema_id", "replay_id"});
    REQUIRE_FALSE(only.error);
    CHECK(described(only.value) == "schema_id STRING\nreplay_id STRING\n"); // in the order that was asked for
    CHECK(all.only(names{"schema_id", "nothing"}).error == unknown(1));
    CHECK(all.only(names{"schema_id", "schema_id"}).error == bad_name(1)); // once each
    CHECK(row::layout::sfcdc().only(names{"record_id"}).value.rows() == row::granularity::record);

    const auto without = all.without(names{"event_payload", "decoded_event"});
    REQUIRE_FALSE(without.error);
    CHECK(described(without.value) == "replay_id STRING\nschema_id STRING\ntopic_name STRING\ntimestamp BIGINT\n");
    CHECK(all.without(names{"nothing"}).error == unknown(0));
    CHECK(all.without(names{"replay_id", "replay_id"}).error == unknown(1));

    const auto renamed = all.renamed("timestamp", "at");
    REQUIRE_FALSE(renamed.error);
    CHECK(renamed.value.columns()[4].name == "at");
    CHECK(renamed.value.columns()[4].source == row::column_source::received_ms);
    CHECK(all.renamed("nothing", "at").error == unknown(0));
    CHECK(all.renamed("timestamp", "schema_id").error == bad_name(0)); // taken
    CHECK(all.renamed("timestamp", "").error == bad_name(0));
    CHECK_FALSE(all.renamed("timestamp", "timestamp").error);
    CHECK(all.columns()[4].name == "timestamp"); // the original stays
}
