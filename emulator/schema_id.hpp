// Salesforce names a schema by what it says.
#pragma once

#include <string>
#include <string_view>

namespace emulator {

// Base64url of the MD5 of the schema's Parsing Canonical Form. Throws std::invalid_argument for what is no schema.
std::string schema_id_of(std::string_view schema_json);

} // namespace emulator
