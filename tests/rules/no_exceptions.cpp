// Compiled with -fno-exceptions -fno-rtti, and run: vendoring projects build so.
#include <sfcdc/sfcdc.hpp>

#if defined(__cpp_exceptions) || defined(__cpp_rtti)
#    error "this must be compiled without exceptions and RTTI"
#endif

int main() {
    const auto [plan, bad_schema] =
        sfcdc::cdc::compile(R"({"type":"record","name":"X__e","fields":[{"name":"a","type":["null","string"]}]})");
    if (bad_schema) return 1;
    sfcdc::cdc::decoder decoder;
    const auto [event, bad] = decoder.decode(plan, sfcdc::wire::as_bytes("\x02\x02x"));
    if (bad) return 2;
    std::string json, row;
    sfcdc::row::append_json(sfcdc::row::layout::salesforce_zerobus(), event, {}, json);
    sfcdc::row::append_protobuf(sfcdc::row::layout::lakeflow(), event, {}, row);
    if (sfcdc::row::descriptor_proto(sfcdc::row::layout::lakeflow()).empty() || json.empty() || row.empty()) return 3;
    if (!sfcdc::pubsub::replay_id::from_hex("xyz").error) return 4;
    return event.get<std::string_view>(plan.find("a")).value == "x" ? 0 : 5;
}
