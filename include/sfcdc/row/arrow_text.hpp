// How texts are copied into a column of an Arrow batch, and how the ends of rows are written.
#pragma once

#include <cstddef>
#include <cstdint>
#include <cstring>
#include <string_view>

#include <sfcdc/wire/copy.hpp>

namespace sfcdc::inline v0::row::detail {

// A text, and how many bytes can be read from its start on; it is empty where there is none.
struct readable_text {
    std::string_view text{};
    std::size_t readable = 0;
    bool is_there = true;
};

// Texts are copied in strides of so many bytes, without a branch on their length where they are no longer.
inline constexpr std::size_t text_stride = 32;
// The loops that fill ends of texts write so many at a time, so that a buffer of ends has room for as many behind its last one.
inline constexpr std::size_t ends_together = 8;

// Copies a text to where there is room for text_stride bytes more.
[[gnu::always_inline]] inline void copy_by_strides(char* to, const readable_text& t) noexcept {
    const std::size_t size = t.text.size();
    if (t.readable < size + text_stride) [[unlikely]]
        return wire::copy_text(to, t.text);
    std::memcpy(to, t.text.data(), text_stride);
    for (std::size_t at = text_stride; at < size; at += text_stride)
        std::memcpy(to + at, t.text.data() + at, text_stride);
}

[[gnu::noinline]] inline void write_many_ends(std::int32_t* from, const std::int32_t* to,
                                              std::uint64_t two) noexcept {
    for (; from < to; from += ends_together)
        for (std::size_t i = 0; i < ends_together; i += 2) std::memcpy(from + i, &two, sizeof two);
}
// Writes the ends of the rows from `filled` up to `row`, which are empty, and of some behind it: there is room for them. How
// many rows there are is not guessed, unless they are many.
[[gnu::always_inline]] inline void write_ends(std::int32_t* to, std::size_t filled, std::size_t row,
                                              std::size_t end) noexcept {
    const std::uint64_t two = end * 0x1'0000'0001u;
    for (std::size_t i = 0; i < ends_together; i += 2) std::memcpy(to + filled + i, &two, sizeof two);
    if (filled + ends_together < row) [[unlikely]]
        write_many_ends(to + filled, to + row, two);
}

} // namespace sfcdc::inline v0::row::detail
