// The Avro schema of events, from a file.
#pragma once

#include "../operations/failure.hpp"
#include "input_file.hpp"

#include <sfcdc/cdc/plan.hpp>
#include <sfcdc/limits.hpp>

#include <string>
#include <utility>

namespace sfcdc::runner {

// Throws failure(bad_config) that names the file, and the byte where it is no schema of events.
inline cdc::plan read_schema(const std::string& path) {
    input_file in = input_file::open(path, "the Avro schema (.avsc)");
    const auto refuse = [&](const std::string& why) { throw failure(exit_code::bad_config, in.name() + ": " + why); };
    const auto text = in.all(limits::schema_bytes);
    if (!text) refuse(in.problem() + ".");
    if (text->empty()) refuse("is empty, the Avro schema (.avsc) was expected.");
    auto [plan, bad] = cdc::compile(*text);
    if (bad) refuse("byte " + std::to_string(bad.offset) + ": " + bad.message());
    return std::move(plan);
}

} // namespace sfcdc::runner
