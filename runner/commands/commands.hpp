// The subcommands of sfcdc, each with its options as CLI11 fills them. They return the exit code.
#pragma once

#include <filesystem>
#include <optional>
#include <string>
#include <vector>

namespace sfcdc::runner {

struct run_options {
    std::filesystem::path config;
    std::string from; // "", "earliest" or "latest"
};
int run(const run_options& options);

struct decode_options {
    std::filesystem::path schema;
    std::string format = "json"; // json, changed, header
    std::string in = "raw";      // raw, hex, base64
    std::vector<std::string> files;
};
int decode(const decode_options& options);

} // namespace sfcdc::runner
