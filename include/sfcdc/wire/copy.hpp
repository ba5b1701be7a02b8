// Copies text and looks at its bytes on the way: whether all are ASCII, or all may stand in a JSON string as they are.
// Nearly all text is so, and is short: one pass in few blocks, which may overlap, and nothing is read or written beside it.
#pragma once

#include <bit>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <string_view>

#if defined(__SSE2__)
#    define SFCDC_COPY_VECTOR128
#    include <emmintrin.h>
#endif

namespace sfcdc::wire {

namespace detail {

// Copies a T's worth of bytes and returns them.
template<class T> [[gnu::always_inline]] inline T move(char* to, const char* from) noexcept {
    T block;
    std::memcpy(&block, from, sizeof block);
    std::memcpy(to, &block, sizeof block);
    return block;
}

// Eight bytes, of which the lowest comes first.
inline void store_8(char* to, std::uint64_t bytes) noexcept {
    if constexpr (std::endian::native == std::endian::little)
        std::memcpy(to, &bytes, 8);
    else
        for (unsigned i = 0; i < 8; ++i) to[i] = static_cast<char>(bytes >> 8 * i);
}

// Copies n bytes, of which each is shown to a Look at least once; returns whether all were as it wants them.
template<class Look> [[gnu::always_inline]] inline bool copy(char* to, const char* from, std::size_t n) noexcept {
    using block = typename Look::block;
    Look look;
    if (n >= sizeof(block)) {
        const auto both = [&](std::size_t at) { // as far from the end as from the beginning
            look.at(move<block>(to + at, from + at));
            const std::size_t behind = n - sizeof(block) - at;
            look.at(move<block>(to + behind, from + behind));
        };
        both(0);
        if (n > 2 * sizeof(block)) both(sizeof(block));
        for (std::size_t at = 2 * sizeof(block); at + 2 * sizeof(block) < n; at += sizeof(block))
            look.at(move<block>(to + at, from + at));
    } else if (n >= 8) {
        const auto first = move<std::uint64_t>(to, from);
        look.at(first, move<std::uint64_t>(to + n - 8, from + n - 8));
    } else if (n >= 4) {
        const std::uint64_t first = move<std::uint32_t>(to, from);
        const std::uint64_t both = first | std::uint64_t{move<std::uint32_t>(to + n - 4, from + n - 4)} << 32;
        look.at(both, both);
    } else if (n != 0) {
        const std::uint64_t first = move<unsigned char>(to, from);
        const std::uint64_t middle = move<unsigned char>(to + n / 2, from + n / 2);
        const std::uint64_t last = move<unsigned char>(to + n - 1, from + n - 1);
        const std::uint64_t all = (first | middle << 8 | last << 16 | last << 24) * 0x1'0000'0001u;
        look.at(all, all);
    }
    return look.fine();
}

} // namespace detail

namespace scalar {

inline constexpr std::uint64_t ones = 0x0101010101010101u, tops = 0x8080808080808080u;

struct look_for_ascii {
    using block = std::uint64_t;
    void at(block b) noexcept { odd |= b; }
    void at(block a, block b) noexcept { odd |= a | b; }
    bool fine() const noexcept { return (odd & tops) == 0; }
    block odd = 0;
};

// No byte below a space, no quote, no backslash, and ASCII.
struct look_for_plain {
    using block = std::uint64_t;
    void at(block b) noexcept {
        // The tests for "below" and for zero borrow from the next byte only when they hold for this one.
        const auto any_zero = [](block v) { return (v - ones) & ~v; };
        odd |= ((b - ones * 0x20) & ~b) | any_zero(b ^ ones * '"') | any_zero(b ^ ones * '\\') | b;
    }
    void at(block a, block b) noexcept { at(a), at(b); }
    bool fine() const noexcept { return (odd & tops) == 0; }
    block odd = 0;
};

} // namespace scalar

#ifdef SFCDC_COPY_VECTOR128
namespace vector128 {

inline __m128i join(std::uint64_t a, std::uint64_t b) noexcept {
    return _mm_set_epi64x(static_cast<long long>(b), static_cast<long long>(a));
}

struct look_for_ascii {
    using block = __m128i;
    void at(block b) noexcept { odd = _mm_or_si128(odd, b); }
    void at(std::uint64_t a, std::uint64_t b) noexcept { at(join(a, b)); }
    bool fine() const noexcept { return _mm_movemask_epi8(odd) == 0; }
    block odd = _mm_setzero_si128();
};

struct look_for_plain {
    using block = __m128i;
    void at(block b) noexcept {
        const auto each = [](char c) { return _mm_set1_epi8(c); };
        // What is not ASCII is negative, and so below a space, too.
        odd = _mm_or_si128(odd,
                           _mm_or_si128(_mm_cmplt_epi8(b, each(' ')),
                                        _mm_or_si128(_mm_cmpeq_epi8(b, each('"')), _mm_cmpeq_epi8(b, each('\\')))));
    }
    void at(std::uint64_t a, std::uint64_t b) noexcept { at(join(a, b)); }
    bool fine() const noexcept { return _mm_movemask_epi8(odd) == 0; }
    block odd = _mm_setzero_si128();
};

} // namespace vector128
namespace widest = vector128;
#else
namespace widest = scalar;
#endif

// Copies `text`, for which there is room at `to`; returns whether all of it is ASCII.
inline bool copy_ascii(char* to, std::string_view text) noexcept {
    return detail::copy<widest::look_for_ascii>(to, text.data(), text.size());
}

// The same; returns whether all of it may stand in a JSON string as it is: ASCII from the space on, no quote, no backslash.
inline bool copy_plain(char* to, std::string_view text) noexcept {
    return detail::copy<widest::look_for_plain>(to, text.data(), text.size());
}

// The same, and nothing is looked for.
inline void copy_text(char* to, std::string_view text) noexcept {
    if (text.size() > 64)
        std::memcpy(to, text.data(), text.size());
    else
        static_cast<void>(copy_ascii(to, text));
}

} // namespace sfcdc::wire
