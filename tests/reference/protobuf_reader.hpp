// Reads a protobuf message into its fields as they stand on the wire. Shares no code with include/.
#pragma once

#include <cstdint>
#include <stdexcept>
#include <string>
#include <string_view>
#include <vector>

namespace reference {

struct protobuf_field {
    std::uint32_t number = 0;
    int wire_type = 0;
    std::uint64_t varint = 0;
    std::string bytes;
    std::uint64_t fixed64 = 0; // the bits of a double
};

inline std::vector<protobuf_field> read_protobuf(std::string_view message) {
    std::size_t at = 0;
    const auto varint = [&] {
        std::uint64_t v = 0;
        for (unsigned shift = 0;; shift += 7) {
            if (at == message.size() || shift > 63) throw std::runtime_error("varint");
            const std::uint64_t b = static_cast<unsigned char>(message[at++]);
            v |= (b % 128) << shift;
            if (b < 128) return v;
        }
    };
    std::vector<protobuf_field> out;
    while (at < message.size()) {
        const std::uint64_t tag = varint();
        protobuf_field f{static_cast<std::uint32_t>(tag / 8), static_cast<int>(tag % 8), 0, {}, 0};
        if (f.number == 0) throw std::runtime_error("field number 0");
        if (f.wire_type == 0) {
            f.varint = varint();
        } else if (f.wire_type == 1) {
            if (message.size() - at < 8) throw std::runtime_error("64 bits");
            for (unsigned i = 0; i < 8; ++i)
                f.fixed64 |= std::uint64_t{static_cast<unsigned char>(message[at++])} << 8 * i;
        } else if (f.wire_type == 2) {
            const std::uint64_t length = varint();
            if (length > message.size() - at) throw std::runtime_error("length");
            const auto n = static_cast<std::size_t>(length);
            f.bytes = message.substr(at, n);
            at += n;
        } else {
            throw std::runtime_error("a wire type that rows do not have");
        }
        out.push_back(f);
    }
    return out;
}

} // namespace reference
