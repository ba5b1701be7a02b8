// Text as bytes, and bytes as text: views of the same memory.
#pragma once

#include <cstddef>
#include <span>
#include <string_view>

namespace sfcdc::inline v0::wire {

// Returns a view of the bytes of a text, without a copy.
inline std::span<const std::byte> as_bytes(std::string_view text) noexcept {
    return {reinterpret_cast<const std::byte*>(text.data()), text.size()};
}

// Returns a view of bytes as text, without a copy; whether they are text is not checked.
inline std::string_view as_chars(std::span<const std::byte> bytes) noexcept {
    return {reinterpret_cast<const char*>(bytes.data()), bytes.size()};
}

} // namespace sfcdc::inline v0::wire
