// Messages as the server writes them, byte by byte; shares no code with include/.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

namespace server_messages {

inline std::string varint(std::uint64_t v) {
    std::string out;
    for (; v >= 0x80; v >>= 7) out += static_cast<char>(v | 0x80);
    return out += static_cast<char>(v);
}
inline std::string field(std::uint32_t number, std::string_view bytes) {
    return varint(number * 8ull + 2) + varint(bytes.size()) + std::string(bytes);
}
inline std::string field(std::uint32_t number, std::uint64_t value) { return varint(number * 8ull) + varint(value); }

// Field 1 of a FetchResponse: one event, with a header.
inline std::string event(std::string_view id, std::string_view schema_id, std::string_view payload,
                         std::string_view replay_id) {
    const std::string header = field(4, field(1, std::string_view("key")) + field(2, std::string_view("value")));
    return field(1, field(1, field(1, id) + field(2, schema_id) + field(3, payload) + header) + field(2, replay_id));
}

} // namespace server_messages
