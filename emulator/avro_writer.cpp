#include "avro_writer.hpp"

#include <bit>

namespace emulator {

void avro_writer::write_long(std::int64_t value) {
    auto bits = (static_cast<std::uint64_t>(value) << 1) ^ static_cast<std::uint64_t>(value >> 63);
    for (; bits >= 0x80; bits >>= 7) bytes_ += static_cast<char>((bits & 0x7f) | 0x80);
    bytes_ += static_cast<char>(bits);
}

void avro_writer::write_double(double value) {
    auto bits = std::bit_cast<std::uint64_t>(value);
    for (int i = 0; i < 8; ++i, bits >>= 8) bytes_ += static_cast<char>(bits & 0xff);
}

void avro_writer::write_boolean(bool value) { bytes_ += value ? '\1' : '\0'; }

void avro_writer::write_string(std::string_view value) {
    write_long(static_cast<std::int64_t>(value.size()));
    bytes_ += value;
}

void avro_writer::write_strings(const std::vector<std::string>& items) {
    if (!items.empty()) write_long(static_cast<std::int64_t>(items.size()));
    for (const auto& item : items) write_string(item);
    write_long(0);
}

} // namespace emulator
