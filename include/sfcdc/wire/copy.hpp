// Copies text and looks at its bytes on the way: whether all are ASCII, and may stand in a JSON string as they are. Nearly
// all text is so, and is short: one pass in few blocks, which may overlap. Nothing is read or written beside it, but where a
// function says so.
#pragma once

#include <cstddef>
#include <cstdint>
#include <cstring>
#include <string_view>

#include <sfcdc/simd/block.hpp>

namespace sfcdc::inline v0::wire {

namespace detail {

// Copies a T's worth of bytes and returns them: a number in the byte order of the machine, or a block.
template<class T> [[gnu::always_inline]] inline T move(char* to, const char* from) noexcept {
    if constexpr (requires { T::load(from); }) {
        const T block = T::load(from);
        block.store(to);
        return block;
    } else {
        T number;
        std::memcpy(&number, from, sizeof number);
        std::memcpy(to, &number, sizeof number);
        return number;
    }
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

// What was seen of a text that was copied: whether all of it is ASCII. A Look's at() takes a block of the text, or two words
// of eight bytes each, in the byte order of the machine.
template<class Block> class basic_look_at_text {
  public:
    using block = Block;
    void at(Block b) noexcept { all_ = all_ | b; }
    void at(std::uint64_t a, std::uint64_t b) noexcept { words_ |= a | b; }
    bool ascii() const noexcept { return !any(tops(all_)) && (words_ & 0x8080808080808080u) == 0; }
    bool plain() const noexcept { return ascii(); }
    // The bytes of a block that are not plain.
    static auto odd(Block b) noexcept { return tops(b); }

  private:
    Block all_;
    std::uint64_t words_ = 0;
};

// The same, and whether there is a byte that JSON wants to be escaped: below a space, a quote, a backslash.
template<class Block> class basic_look_for_escapes : public basic_look_at_text<Block> {
    using base = basic_look_at_text<Block>;

  public:
    void at(Block b) noexcept {
        base::at(b);
        odd_ = odd_ | escapes_in(b);
    }
    void at(std::uint64_t a, std::uint64_t b) noexcept { at(Block::join(a, b)); }
    bool escapes() const noexcept { return any(odd_); }
    bool plain() const noexcept { return base::ascii() && !escapes(); }
    static auto odd(Block b) noexcept { return base::odd(b) | escapes_in(b); }

  private:
    static auto escapes_in(Block b) noexcept {
        return equal(b & Block::fill(0xe0), Block()) | equal(b, Block::fill('"')) | equal(b, Block::fill('\\'));
    }
    decltype(tops(Block())) odd_{};
};

// With the blocks of this machine.
using look_at_text = basic_look_at_text<simd::block>;
// With the blocks of this machine.
using look_for_escapes = basic_look_for_escapes<simd::block>;

// Copies `text` to where there is room for it.
template<class Look> [[gnu::always_inline]] inline Look copy_looking(char* to, std::string_view text) noexcept {
    return detail::copy<Look>(to, text.data(), text.size());
}
// Copies `text` to where there is room for it, without looking at it.
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
    using block = typename Look::block;
    if (text.size() <= padded_room) [[likely]] { // no branch on its length
        const auto first = detail::move<block>(to, text.data()),
                   second = detail::move<block>(to + 16, text.data() + 16);
        const std::uint64_t odd = bits(Look::odd(first), Look::odd(second));
        return (odd & ((std::uint64_t{1} << text.size()) - 1)) == 0;
    }
    return copy_looking<Look>(to, text).plain();
}

// Bytes beside a text and its copy that copy_quoted() may touch.
inline constexpr std::size_t quoted_room = 16;

// Copies n bytes with a backslash in front of each quote and backslash; returns the end of the copy. The bytes up to
// quoted_room behind both must be there, and the copy must not reach what is still to be copied.
template<class Block = simd::block> char* copy_quoted(char* to, const char* from, std::size_t n) noexcept {
    for (const char* const end = from + n; from < end;) {
        const auto text = detail::move<Block>(to, from);
        const std::size_t run = first(equal(text, Block::fill('"')) | equal(text, Block::fill('\\')));
        if (run >= static_cast<std::size_t>(end - from)) return to + (end - from);
        to += run;
        from += run;
        if (run == sizeof text) continue;
        *to++ = '\\';
        *to++ = *from++;
    }
    return to;
}

} // namespace sfcdc::inline v0::wire
