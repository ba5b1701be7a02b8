// One file for each question. Each first checks its answers against Apache Avro C and throws when one is wrong; only
// then it hands out contenders.
#pragma once

#include <stdexcept>
#include <string>
#include <vector>

#include "data.hpp"
#include "timing.hpp"

namespace bench {

struct wrong_answer : std::runtime_error {
    using runtime_error::runtime_error;
};

[[noreturn]] inline void wrong(const std::string& what, const std::string& data, std::size_t index,
                               const std::string& why) {
    throw wrong_answer(what + ", " + data + ", number " + std::to_string(index) + ": " + why);
}

// The contenders look into the data, which must outlive them.
void add_decode(const data_set& data, std::vector<contender>& out);      // decode.cpp
void add_rows(const data_set& data, std::vector<contender>& out);        // rows.cpp
void add_arrow(const data_set& data, std::vector<contender>& out);       // arrow.cpp
void add_bitmaps(const bitmap_set& data, std::vector<contender>& out);   // bitmap.cpp
void add_schema(const schema_text& schema, std::vector<contender>& out); // schema.cpp

} // namespace bench
