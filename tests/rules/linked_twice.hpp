#pragma once

#include <cstddef>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include <sfcdc/sfcdc.hpp>

// Of a function and of tables that every translation unit has a definition of.
inline std::vector<const void*> addresses() {
    return {reinterpret_cast<const void*>(&sfcdc::avro::parse_schema), &sfcdc::zerobus::status_rules,
            &sfcdc::pubsub::error_code_remedies, &sfcdc::cdc::change_type_symbols};
}
std::vector<const void*> addresses_elsewhere();
std::string json_elsewhere(std::string_view schema_json, std::span<const std::byte> payload);
