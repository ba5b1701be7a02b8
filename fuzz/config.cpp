// The reader of the configuration: any text is a configuration or a failure that names the file, and nothing else ends the process.
#include "fuzz.hpp"

#include "../runner/config/config.hpp"
#include "../runner/operations/failure.hpp"

#include <string>

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    const fuzz::exact_bytes input({data, size});
    try {
        const auto config = sfcdc::runner::parse_config(input.text(), "fuzz.toml");
        fuzz::require(!config.pipelines.empty());
        for (const auto& s : config.pipelines) {
            fuzz::require(s.topic.starts_with('/') && !s.layout.columns().empty() && !s.dead_letters.empty());
            for (const char c : s.topic + s.table) fuzz::require(static_cast<unsigned char>(c) >= 0x20);
        }
    } catch (const sfcdc::runner::failure& f) {
        fuzz::require(f.code() == sfcdc::runner::exit_code::bad_config);
        fuzz::require(std::string(f.what()).starts_with("fuzz.toml"));
    }
    return 0;
}
