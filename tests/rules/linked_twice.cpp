// The other of two translation units with all headers in them: what is not inline is defined twice.
#include <sfcdc/sfcdc.hpp>

#include "linked_twice.hpp"

std::vector<const void*> addresses_elsewhere() { return addresses(); }

std::string json_elsewhere(std::string_view schema_json, std::span<const std::byte> payload) {
    const auto [plan, bad_schema] = sfcdc::cdc::compile(schema_json);
    if (bad_schema) return bad_schema.message();
    sfcdc::cdc::decoder decoder;
    const auto [event, bad] = decoder.decode(plan, payload);
    if (bad) return bad.message();
    std::string out;
    sfcdc::row::append_event_json(event, out);
    return out;
}
