// Reads single values from the buffers of Arrow arrays. Shares no code with include/.
#pragma once

#include <cstddef>
#include <cstdint>
#include <cstring>
#include <string>

namespace reference {

inline bool bit(const void* bits, std::int64_t at) {
    return (static_cast<const unsigned char*>(bits)[at / 8] >> at % 8 & 1) != 0;
}
template<class T> T item(const void* values, std::int64_t at) {
    T out;
    std::memcpy(&out, static_cast<const char*>(values) + at * static_cast<std::int64_t>(sizeof(T)), sizeof(T));
    return out;
}

// 128 bits as decimal digits with a point in front of the last `scale`; zeros at the end, and a bare point, are left out.
inline std::string decimal(const void* values, std::int64_t at, int scale) {
    auto low = item<std::uint64_t>(values, 2 * at), high = item<std::uint64_t>(values, 2 * at + 1);
    const bool negative = high >> 63 != 0;
    if (negative) {
        low = 0 - low;
        high = ~high + (low == 0 ? 1 : 0);
    }
    std::string digits;
    while (low != 0 || high != 0) { // division by ten, 32 bits at a time
        std::uint64_t rest = 0;
        std::uint32_t parts[] = {static_cast<std::uint32_t>(high >> 32), static_cast<std::uint32_t>(high),
                                 static_cast<std::uint32_t>(low >> 32), static_cast<std::uint32_t>(low)};
        for (std::uint32_t& part : parts) {
            rest = rest << 32 | part;
            part = static_cast<std::uint32_t>(rest / 10);
            rest %= 10;
        }
        high = std::uint64_t{parts[0]} << 32 | parts[1];
        low = std::uint64_t{parts[2]} << 32 | parts[3];
        digits.insert(digits.begin(), static_cast<char>('0' + rest));
    }
    while (digits.size() <= static_cast<std::size_t>(scale)) digits.insert(digits.begin(), '0');
    if (scale != 0) {
        digits.insert(digits.size() - static_cast<std::size_t>(scale), ".");
        digits.resize(digits.find_last_not_of('0') + 1);
        if (digits.back() == '.') digits.pop_back();
    }
    return (negative ? "-" : "") + digits;
}

} // namespace reference
