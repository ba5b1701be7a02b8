#include "sinks/row_columns.hpp"

#include "../../golden/golden.hpp"
#include "catch.hpp"

#include <sfcdc/cdc/decoder.hpp>
#include <sfcdc/row/protobuf.hpp>
#include <sfcdc/row/typed_layout.hpp>

#include <limits>
#include <string>
#include <vector>

using sfcdc::runner::append_row;
using sfcdc::runner::columns_of_row;

TEST_CASE("a row and its columns say the same, in every layout") {
    const std::string replay_id = "\x01\x02";
    for (const golden::event& e : golden::events()) {
        INFO(e.what);
        const auto plan = sfcdc::cdc::compile(e.schema_json).value;
        sfcdc::cdc::decoder decoder;
        const auto event = decoder.decode(plan, e.payload).value;
        const sfcdc::row::envelope around{.event_id = "e",
                                          .schema_id = e.schema_id,
                                          .topic_name = "t",
                                          .org_id = "o",
                                          .replay_id = sfcdc::wire::as_bytes(replay_id),
                                          .schema_json = "{}",
                                          .received_timestamp = 1'700'000'000'000};
        for (const auto& l : {sfcdc::row::layout::sfcdc(), sfcdc::row::layout::salesforce_zerobus(),
                              sfcdc::row::layout::lakeflow(), sfcdc::row::typed_layout(plan).value}) {
            std::string message, again;
            sfcdc::row::append_protobuf(l, event, around, message);
            const auto columns = columns_of_row(l, message);
            REQUIRE(columns.is_object());
            std::vector<std::string> left_out;
            append_row(l, columns, again, left_out);
            CHECK(left_out.empty());
            CHECK(nlohmann::json(columns_of_row(l, again)) == nlohmann::json(columns)); // in any order
            CHECK(again.size() == message.size());
            if (!l.has_fields()) CHECK(again == message); // else the columns of fields have an order of their own
        }
    }
}

TEST_CASE("a row is made for another layout by the names of its columns") {
    const nlohmann::ordered_json columns = {
        {"event_id", "e"}, {"record_ordinal", 3}, {"gone", "x"}, {"replay_id", 5}};
    const auto l = sfcdc::row::layout::sfcdc();
    std::string message;
    std::vector<std::string> left_out;
    append_row(l, columns, message, left_out);
    CHECK(left_out == std::vector<std::string>{"replay_id", "gone"}); // a number is no text
    CHECK(columns_of_row(l, message) == nlohmann::ordered_json{{"record_ordinal", 3}, {"event_id", "e"}});
    // What is no message of the layout.
    CHECK(columns_of_row(l, "\x08\x01").is_null());
    CHECK(columns_of_row(l, "\xff").is_null());
    CHECK(columns_of_row(l, "") == nlohmann::ordered_json::object());
}
