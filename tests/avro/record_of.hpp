// The schema of a record named R with these fields, which are JSON.
#pragma once

#include <string>

inline std::string record_of(const std::string& fields) {
    return R"({"type":"record","name":"R","fields":[)" + fields + "]}";
}
