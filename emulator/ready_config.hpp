// A configuration of sfcdc that leads to this emulator.
#pragma once

#include <filesystem>
#include <string>

namespace emulator {

struct world;

// The text of an sfcdc.toml with two pipelines: all change events, and the platform events of the usual workload, each into a table of
// the lake. `ca_path` is empty without TLS. The positions are in `folder`, which must exist when sfcdc starts.
std::string ready_config(const world& in, const std::string& ca_path, const std::filesystem::path& folder);

} // namespace emulator
