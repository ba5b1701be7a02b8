// Copies text and looks at its bytes on the way: whether all are ASCII, and may stand in a JSON string as they are. Nearly
// all text is so, and is short: one pass in few blocks, which may overlap. Nothing is read or written beside it, but where a
// function says so.
#pragma once

#include <bit>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <string_view>

#include <sfcdc/wire/word.hpp>

#ifdef SFCDC_VECTOR128
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

// Copies n bytes, more than 32, and shows each of them to a Look at least once.
template<class Look> [[gnu::noinline]] Look copy_long(char* to, const char* from, std::size_t n) noexcept {
    using block = typename Look::block;
    Look look;
    std::size_t at = 0;
    for (; at + 2 * sizeof(block) < n; at += 2 * sizeof(block)) {
        look.at(move<block>(to + at, from + at));
        look.at(move<block>(to + at + sizeof(block), from + at + sizeof(block)));
    }
    at = n - 2 * sizeof(block);
    look.at(move<block>(to + at, from + at));
    look.at(move<block>(to + at + sizeof(block), from + at + sizeof(block)));
    return look;
}

// The same for any n: small enough to stand in line. Few branches: names and short texts come in all lengths, and on those a
// processor guesses wrong.
template<class Look> [[gnu::always_inline]] inline Look copy(char* to, const char* from, std::size_t n) noexcept {
    Look look;
    if (n - 8 <= 24) { // four words from both ends on, which overlap
        const std::size_t second = n < 16 ? n - 8 : 8, third = n < 16 ? 0 : n - 16, last = n - 8;
        const auto a = move<std::uint64_t>(to, from), b = move<std::uint64_t>(to + second, from + second);
        const auto c = move<std::uint64_t>(to + third, from + third), d = move<std::uint64_t>(to + last, from + last);
        look.at(a, b);
        look.at(c, d);
    } else if (n > 32) {
        using block = typename Look::block;
        if (n > 4 * sizeof(block)) return copy_long<Look>(to, from, n);
        const std::size_t third = n - 2 * sizeof(block), last = n - sizeof(block);
        look.at(move<block>(to, from));
        look.at(move<block>(to + sizeof(block), from + sizeof(block)));
        look.at(move<block>(to + third, from + third));
        look.at(move<block>(to + last, from + last));
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
    return look;
}

} // namespace detail

namespace scalar {

inline constexpr std::uint64_t ones = 0x0101010101010101u, tops = 0x8080808080808080u;

class look_at_text {
  public:
    using block = std::uint64_t;
    void at(block b) noexcept { all_ |= b; }
    void at(block a, block b) noexcept { all_ |= a | b; }
    bool ascii() const noexcept { return (all_ & tops) == 0; }
    bool plain() const noexcept { return ascii(); }

  protected:
    block all_ = 0;
};

class look_for_escapes : public look_at_text {
  public:
    void at(block b) noexcept {
        look_at_text::at(b);
        // The tests for "below" and for zero borrow from the next byte only when they hold for this one.
        const auto any_zero = [](block v) { return (v - ones) & ~v; };
        odd_ |= ((b - ones * ' ') & ~b) | any_zero(b ^ ones * '"') | any_zero(b ^ ones * '\\');
    }
    void at(block a, block b) noexcept { at(a), at(b); }
    bool escapes() const noexcept { return (odd_ & tops) != 0; }
    bool plain() const noexcept { return ascii() && !escapes(); }

  private:
    block odd_ = 0;
};

// Copies a block and returns how many of its bytes stand in front of the first quote or backslash in it.
inline constexpr std::size_t run_block = 8;
inline std::size_t copy_run(char* to, const char* from) noexcept {
    const auto any_zero = [](std::uint64_t v) { return (v - ones) & ~v & tops; }; // of which the lowest is no mistake
    const std::uint64_t b = load_8(from);
    store_8(to, b);
    const std::uint64_t odd = any_zero(b ^ ones * '"') | any_zero(b ^ ones * '\\');
    return odd == 0 ? run_block : static_cast<std::size_t>(std::countr_zero(odd)) / 8;
}

} // namespace scalar

#ifdef SFCDC_VECTOR128
namespace vector128 {

inline __m128i join(std::uint64_t a, std::uint64_t b) noexcept {
    return _mm_set_epi64x(static_cast<long long>(b), static_cast<long long>(a));
}

class look_at_text {
  public:
    using block = __m128i;
    void at(block b) noexcept { all_ = _mm_or_si128(all_, b); }
    void at(std::uint64_t a, std::uint64_t b) noexcept { words_ |= a | b; }
    bool ascii() const noexcept { return _mm_movemask_epi8(all_) == 0 && (words_ & scalar::tops) == 0; }
    bool plain() const noexcept { return ascii(); }
    // One bit for each byte that is not plain.
    static std::uint64_t odd(block b) noexcept { return static_cast<unsigned>(_mm_movemask_epi8(b)); }

  private:
    block all_ = _mm_setzero_si128();
    std::uint64_t words_ = 0;
};

class look_for_escapes : public look_at_text {
  public:
    void at(block b) noexcept {
        look_at_text::at(b);
        odd_ = _mm_or_si128(odd_, escapes_in(b));
    }
    void at(std::uint64_t a, std::uint64_t b) noexcept { at(join(a, b)); }
    bool escapes() const noexcept { return _mm_movemask_epi8(odd_) != 0; }
    bool plain() const noexcept { return ascii() && !escapes(); }
    static std::uint64_t odd(block b) noexcept { return look_at_text::odd(_mm_or_si128(b, escapes_in(b))); }

  private:
    static block escapes_in(block b) noexcept {
        const auto each = [](char c) { return _mm_set1_epi8(c); };
        const __m128i below_space = _mm_cmpeq_epi8(_mm_min_epu8(b, each(' ' - 1)), b);
        return _mm_or_si128(below_space, _mm_or_si128(_mm_cmpeq_epi8(b, each('"')), _mm_cmpeq_epi8(b, each('\\'))));
    }
    block odd_ = _mm_setzero_si128();
};

inline constexpr std::size_t run_block = 16;
inline std::size_t copy_run(char* to, const char* from) noexcept {
    const auto b = detail::move<__m128i>(to, from);
    const __m128i odd = _mm_or_si128(_mm_cmpeq_epi8(b, _mm_set1_epi8('"')), _mm_cmpeq_epi8(b, _mm_set1_epi8('\\')));
    return static_cast<std::size_t>(
        std::countr_zero(static_cast<unsigned>(_mm_movemask_epi8(odd)) | 1u << run_block));
}

} // namespace vector128
namespace widest = vector128;
#else
namespace widest = scalar;
#endif

// What was seen of a text that was copied: whether all of it is ASCII, and, of look_for_escapes, whether there is a byte
// that JSON wants to be escaped: below a space, a quote, a backslash.
using widest::look_at_text, widest::look_for_escapes;

// Copies `text` to where there is room for it.
template<class Look> [[gnu::always_inline]] inline Look copy_looking(char* to, std::string_view text) noexcept {
    return detail::copy<Look>(to, text.data(), text.size());
}
inline void copy_text(char* to, std::string_view text) noexcept {
    if (text.size() > 64)
        std::memcpy(to, text.data(), text.size());
    else
        static_cast<void>(copy_looking<look_at_text>(to, text));
}

// A text of which more can be read than it has: names of a plan, values inside a payload.
inline constexpr std::size_t padded_room = 32;

// Copies a text of which at least padded_room bytes can be read, to where as many can be written; what is written behind
// the text is not defined. Returns whether the text is plain: ASCII, and without escapes if that is what Look looks for.
template<class Look> [[gnu::always_inline]] inline bool copy_padded(char* to, std::string_view text) noexcept {
#ifdef SFCDC_VECTOR128
    if (text.size() <= padded_room) [[likely]] { // no branch on its length
        const __m128i first = detail::move<__m128i>(to, text.data());
        const __m128i second = detail::move<__m128i>(to + 16, text.data() + 16);
        const std::uint64_t odd = Look::odd(first) | Look::odd(second) << 16;
        return (odd & ((std::uint64_t{1} << text.size()) - 1)) == 0;
    }
#endif
    return copy_looking<Look>(to, text).plain();
}

// Bytes beside a text and its copy that copy_quoted() may touch.
inline constexpr std::size_t quoted_room = 16;

// Copies n bytes with a backslash in front of each quote and backslash; returns the end of the copy. The bytes up to
// quoted_room behind both must be there, and the copy must not reach what is still to be copied.
inline char* copy_quoted(char* to, const char* from, std::size_t n) noexcept {
    for (const char* const end = from + n; from < end;) {
        const std::size_t run = widest::copy_run(to, from);
        if (run >= static_cast<std::size_t>(end - from)) return to + (end - from);
        to += run;
        from += run;
        if (run == widest::run_block) continue;
        *to++ = '\\';
        *to++ = *from++;
    }
    return to;
}

} // namespace sfcdc::wire
