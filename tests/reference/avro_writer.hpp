// Writes Avro's binary encoding by hand, right or wrong: a test says what it wants in the bytes.
// Shares no code with include/.
#pragma once

#include <cstdint>
#include <cstring>
#include <string>
#include <string_view>

namespace reference {

class avro_writer {
  public:
    avro_writer& raw(std::string_view bytes) { return out_.append(bytes), *this; }
    avro_writer& byte(unsigned value) { return out_.push_back(static_cast<char>(value)), *this; }
    avro_writer& varint(std::uint64_t value) {
        do {
            const std::uint64_t rest = value / 128;
            byte(static_cast<unsigned>(value % 128 + (rest != 0 ? 128 : 0)));
            value = rest;
        } while (value != 0);
        return *this;
    }
    // 0, -1, 1, -2 ... are 0, 1, 2, 3 ...
    avro_writer& integer(std::int64_t value) {
        return value >= 0 ? varint(2 * static_cast<std::uint64_t>(value))
                          : varint(2 * static_cast<std::uint64_t>(-(value + 1)) + 1);
    }
    avro_writer& text(std::string_view value) { return integer(static_cast<std::int64_t>(value.size())).raw(value); }
    avro_writer& float64(double value) { return little_endian(value); }
    avro_writer& float32(float value) { return little_endian(value); }
    template<class... Texts> avro_writer& texts(Texts... values) { // an array of strings in one block
        if (sizeof...(values) != 0) integer(sizeof...(values));
        (text(values), ...);
        return integer(0);
    }

    const std::string& bytes() const { return out_; }
    std::size_t size() const { return out_.size(); }

  private:
    template<class T> avro_writer& little_endian(T value) {
        static_assert(sizeof(T) == 4 || sizeof(T) == 8);
        unsigned char native[sizeof(T)];
        std::memcpy(native, &value, sizeof(T));
        const std::uint16_t probe = 1;
        unsigned char low = 0;
        std::memcpy(&low, &probe, 1);
        for (std::size_t i = 0; i < sizeof(T); ++i) byte(native[low == 1 ? i : sizeof(T) - 1 - i]);
        return *this;
    }

    std::string out_;
};

} // namespace reference
