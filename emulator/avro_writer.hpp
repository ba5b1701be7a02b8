// Avro's binary encoding, the half that writes.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace emulator {

class avro_writer {
  public:
    // int and long share one encoding: zig-zag, base 128. Union branches and enum symbols are such numbers too.
    void write_long(std::int64_t value);
    void write_double(double value);
    void write_boolean(bool value);
    void write_string(std::string_view value);
    void write_strings(const std::vector<std::string>& items);

    std::string take() { return std::move(bytes_); }

  private:
    std::string bytes_;
};

} // namespace emulator
