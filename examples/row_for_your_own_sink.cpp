// A table of your own: which columns it has, and its rows as JSON or as protobuf (what Zerobus takes).
#include <sfcdc/sfcdc.hpp>

#include <cstdio>

int main() {
    using source = sfcdc::row::column_source;
    const auto [table, bad_table] = sfcdc::row::layout::make({{"position", source::replay_id_base64},
                                                              {"object", source::entity_name},
                                                              {"received_at", source::received_ms},
                                                              {"body", source::body_json}});
    if (bad_table) return std::printf("column %u: %s\n", bad_table.offset, bad_table.message()), 1;

    const auto [plan, bad_schema] = sfcdc::cdc::compile(
        R"({"type":"record","name":"Door_Opened__e","fields":[{"name":"Door__c","type":["null","string"]},{"name":"Seconds__c","type":["null","double"]}]})");
    if (bad_schema) return 1;
    sfcdc::cdc::decoder decoder;
    const auto [event, bad] = decoder.decode(plan, sfcdc::wire::as_bytes(std::string_view("\x02\x0anorth\x00", 8)));
    if (bad) return std::printf("byte %u: %s\n", bad.offset, bad.message()), 1;

    sfcdc::row::envelope around; // what the protocol says around the payload, as far as the table wants it
    around.replay_id = sfcdc::wire::as_bytes("12345678");
    around.received_timestamp = 1760000000000;
    std::string json, message; // both are appended to: batch as many rows as you like
    sfcdc::row::append_json(table, event, around, json);
    sfcdc::row::append_protobuf(table, event, around, message);
    std::printf("%s\n%zu bytes of protobuf, described in %zu\n", json.c_str(), message.size(),
                sfcdc::row::descriptor_proto(table, "Door").size());
}
