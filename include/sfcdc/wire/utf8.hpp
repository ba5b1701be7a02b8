// The check of UTF-8 (Unicode 15, table 3-7).
//
// A text is first searched for a byte that is not ASCII, since nearly all texts have none. From there on a vector backend
// checks sixteen bytes at a time, each byte together with the three in front of it, because a character has at most four.
// With table lookups that is the algorithm of Keiser and Lemire; without them the same conditions are comparisons.
// Source: J. Keiser, D. Lemire, "Validating UTF-8 In Less Than One Instruction Per Byte" (2021).
#pragma once

#include <array>
#include <bit>
#include <cstddef>
#include <cstdint>
#include <string_view>

#include <sfcdc/simd/block.hpp>

namespace sfcdc::inline v0::wire {

// The length of the well-formed UTF-8 sequence that starts at text[at]; 0 when there is none.
inline std::size_t utf8_sequence(std::string_view text, std::size_t at) noexcept {
    const auto byte = [&](std::size_t i) { return static_cast<unsigned char>(text[at + i]); };
    const auto continues = [&](std::size_t i, unsigned low = 0x80, unsigned high = 0xbf) {
        return text.size() - at > i && byte(i) >= low && byte(i) <= high;
    };
    const unsigned lead = byte(0);
    if (lead < 0x80) return 1;
    if (lead < 0xc2) return 0; // a continuation byte, or an overlong form
    if (lead < 0xe0) return continues(1) ? 2 : 0;
    if (lead < 0xf0) // no overlong form (E0), no surrogate (ED)
        return continues(1, lead == 0xe0 ? 0xa0 : 0x80, lead == 0xed ? 0x9f : 0xbf) && continues(2) ? 3 : 0;
    if (lead < 0xf5) // no overlong form (F0), nothing above U+10FFFF (F4)
        return continues(1, lead == 0xf0 ? 0x90 : 0x80, lead == 0xf4 ? 0x8f : 0xbf) && continues(2) && continues(3)
                   ? 4
                   : 0;
    return 0;
}

// The top bits of eight bytes: which of them are not ASCII.
inline constexpr std::uint64_t tops_of_8 = 0x8080808080808080u;

// The first byte of `text`, from text[at] on, that is not ASCII; text.size() when there is none.
template<class Block = simd::block> std::size_t find_not_ascii(std::string_view text, std::size_t at = 0) noexcept {
    const std::size_t n = text.size();
    for (; n - at >= 16; at += 16) {
        const auto odd = tops(Block::load(text.data() + at));
        if (any(odd)) return at + first(odd);
    }
    for (; n - at >= 8; at += 8) {
        const std::uint64_t odd = simd::load_8(text.data() + at) & tops_of_8;
        if (odd != 0) return at + static_cast<std::size_t>(std::countr_zero(odd)) / 8;
    }
    if (at != n && n >= 8) { // the last eight, of which the first were looked at before
        const std::uint64_t odd = (simd::load_8(text.data() + n - 8) & tops_of_8) >> 8 * (8 - (n - at));
        return odd == 0 ? n : at + static_cast<std::size_t>(std::countr_zero(odd)) / 8;
    }
    while (at != n && static_cast<unsigned char>(text[at]) < 0x80) ++at;
    return at;
}

// At most `size` bytes of a text, and no part of a character at their end.
inline std::string_view utf8_prefix(std::string_view text, std::size_t size) noexcept {
    if (text.size() <= size) return text;
    std::size_t at = size; // a character has at most three bytes that continue it
    while (at > 0 && size - at < 3 && (static_cast<unsigned char>(text[at]) & 0xc0) == 0x80) --at;
    return text.substr(0, at);
}

namespace detail {

// What can be wrong with a byte, given the one in front of it: one bit each. A table has the errors that one half of a byte
// does not rule out; an error is one that no table rules out. The tables are made by functions that have names, since tools that merge
// what several programs have run go by them.
struct utf8_error_bits {
    static constexpr std::uint8_t too_short = 1, too_long = 2, overlong_3 = 4, too_large = 8, surrogate = 16,
                                  overlong_2 = 32, overlong_4 = 64, too_large_1000 = 64, two_continue = 128;
    static constexpr std::uint8_t any_low = too_short | too_long | two_continue;
    using table = std::array<std::uint8_t, 16>;

    static constexpr table make_by_front_high() noexcept {
        table t{};
        for (std::size_t i = 0; i < 8; ++i) t[i] = too_long;
        for (std::size_t i = 8; i < 12; ++i) t[i] = two_continue;
        t[12] = too_short | overlong_2;
        t[13] = too_short;
        t[14] = too_short | overlong_3 | surrogate;
        t[15] = too_short | too_large | too_large_1000;
        return t;
    }
    static constexpr table make_by_front_low() noexcept {
        table t{};
        for (std::size_t i = 0; i < 16; ++i)
            t[i] = static_cast<std::uint8_t>(any_low | (i < 4 ? 0 : i == 4 ? too_large : too_large | too_large_1000));
        t[0] |= overlong_2 | overlong_3 | overlong_4;
        t[1] |= overlong_2;
        t[13] |= surrogate;
        return t;
    }
    static constexpr table make_by_own_high() noexcept {
        table t{};
        for (std::size_t i = 0; i < 16; ++i) t[i] = too_short;
        constexpr std::uint8_t continues = too_long | overlong_2 | two_continue;
        t[8] = continues | overlong_3 | overlong_4 | too_large_1000;
        t[9] = continues | overlong_3 | too_large;
        t[10] = t[11] = continues | surrogate | too_large;
        return t;
    }
};
struct utf8_errors : utf8_error_bits {
    static constexpr table by_front_high = make_by_front_high();
    static constexpr table by_front_low = make_by_front_low();
    static constexpr table by_own_high = make_by_own_high();
};

// Looks at blocks of a text, each with the blocks that begin one, two and three bytes in front of it.
template<class Block> class utf8_look {
  public:
    void at(Block in, Block by_1, Block by_2, Block by_3) noexcept {
        const auto each = [](std::uint8_t byte) { return Block::fill(byte); };
        if constexpr (Block::has_lookup) {
            const auto high = [&](Block b) { return shift_pairs_right<4>(b) & each(0x0f); };
            const auto table = [](const utf8_errors::table& t) { return Block::load(t.data()); };
            const Block errors = lookup(table(utf8_errors::by_front_high), high(by_1))
                                 & lookup(table(utf8_errors::by_front_low), by_1 & each(0x0f))
                                 & lookup(table(utf8_errors::by_own_high), high(in));
            // The third and fourth bytes of a character are the only ones that rightly follow a continuation byte.
            const Block third = subtract_saturated(by_2, each(0xe0 - 0x80));
            const Block fourth = subtract_saturated(by_3, each(0xf0 - 0x80));
            errors_ = errors_ | (errors ^ ((third | fourth) & each(0x80)));
        } else {
            // Not zero where a lead byte asks for a continuation byte, which must then be there, and nowhere else.
            const Block asked = subtract_saturated(by_1, each(0xbf)) | subtract_saturated(by_2, each(0xdf))
                                | subtract_saturated(by_3, each(0xef));
            fits_ = fits_ & (equal(asked, Block()) ^ equal(in & each(0xc0), each(0x80)));
            const Block upper_3 = in & each(0xe0);
            const auto below_90 = equal(in & each(0xf0), each(0x80));
            bad_ = bad_ | equal(in & each(0xfe), each(0xc0))                // overlong forms of two bytes,
                   | (equal(by_1, each(0xe0)) & equal(upper_3, each(0x80))) // of three
                   | (equal(by_1, each(0xf0)) & below_90)                   // and of four
                   | (equal(by_1, each(0xed)) & equal(upper_3, each(0xa0))) // surrogates
                   | and_not(equal(by_1, each(0xf4)), below_90);            // above U+10FFFF
            greatest_ = greater(greatest_, in);
        }
    }
    bool good() const noexcept {
        if constexpr (Block::has_lookup)
            return bits(equal(errors_, Block())) == 0xffff;
        else
            return bits(fits_) == 0xffff
                   && !any(bad_ | tops(subtract_saturated(greatest_, Block::fill(0xf4)) + Block::fill(0x7f)));
    }

  private:
    using matches = decltype(tops(Block()));
    Block errors_, greatest_;
    matches bad_{}, fits_ = tops(Block::fill(0xff));
};

// The last bytes of a text that are less than a block, with zeros behind them; in front of `end` eight bytes can be read.
template<class Block> Block last_of_text(const char* end, std::size_t rest) noexcept {
    if (rest == 0) return {};
    const std::uint64_t last = simd::load_8(end - 8);
    if (rest < 8) return Block::join(last >> 8 * (8 - rest), 0);
    return Block::join(simd::load_8(end - rest), rest == 8 ? 0 : last >> 8 * (16 - rest));
}

// A text of eight bytes at least.
template<class Block> [[gnu::noinline]] bool is_utf8_by_blocks(const char* text, std::size_t size) noexcept {
    utf8_look<Block> look;
    const auto by_itself = [&](const char* p) {
        look.at(Block::load(p), Block::load(p - 1), Block::load(p - 2), Block::load(p - 3));
    };
    const auto behind_block = [&](Block before, Block in) {
        look.at(in, behind<1>(before, in), behind<2>(before, in), behind<3>(before, in));
    };
    const char* const end = text + size;
    const std::size_t rest = size % 16;
    if (size < 16) {
        behind_block(Block(), last_of_text<Block>(end, rest));
        return look.good();
    }
    behind_block(Block(), Block::load(text));
    const char* p = text + 16;
    for (; end - p >= 64; p += 64) {
        by_itself(p); // it also sees what the bytes in front of it ask for
        const auto odd = tops(Block::load(p) | Block::load(p + 16) | Block::load(p + 32) | Block::load(p + 48));
        if (!any(odd)) continue;
        for (int i = 16; i < 64; i += 16) by_itself(p + i);
    }
    for (; end - p >= 16; p += 16) by_itself(p);
    // The zeros behind the text are no continuation bytes: a character that is cut off is seen.
    behind_block(Block::load(p - 16), last_of_text<Block>(end, rest));
    return look.good();
}

} // namespace detail

// Whether a text is well-formed UTF-8. An empty one is.
template<class Block = simd::block> [[gnu::noinline]] bool is_utf8(std::string_view text) noexcept {
    for (std::size_t i = 0;;) {
        i = find_not_ascii<Block>(text, i);
        if constexpr (Block::is_vector)
            if (text.size() - i >= 8) return detail::is_utf8_by_blocks<Block>(text.data() + i, text.size() - i);
        do { // characters that are not ASCII often come in a row
            if (i == text.size()) return true;
            const std::size_t n = utf8_sequence(text, i);
            if (n == 0) return false;
            i += n;
        } while (i != text.size() && static_cast<unsigned char>(text[i]) >= 0x80);
    }
}

// Checks many texts that lie anywhere. Short ones that are not ASCII are collected, with a zero byte behind each, and
// checked together: which of them there are cannot be guessed, so that no branch is taken on it.
template<class Block> class basic_utf8_batch {
  public:
    // Adds a text, from whose start on `readable` bytes can be read: text.size() at least, faster with 32 and more. It is
    // not needed afterwards.
    [[gnu::always_inline]] inline void add(std::string_view text, std::size_t readable) noexcept {
        if (text.size() > short_text || readable < short_text) [[unlikely]] {
            good_ = is_utf8<Block>(text) && good_;
            return;
        }
        const Block first = Block::load(text.data()), second = Block::load(text.data() + 16);
        const std::uint64_t odd = bits(tops(first), tops(second)) & ((std::uint64_t{1} << text.size()) - 1);
        char* const to = collected_ + size_;
        first.store(to);
        second.store(to + 16);
        to[text.size()] = 0;
        size_ += (text.size() + 1) & (0 - static_cast<std::size_t>(odd != 0));
        if (size_ > sizeof collected_ - short_text - 1) [[unlikely]]
            check_collected();
    }
    // Whether all texts that were added are UTF-8.
    bool good() noexcept {
        check_collected();
        return good_;
    }

  private:
    static constexpr std::size_t short_text = 32;

    void check_collected() noexcept {
        if (size_ != 0) {
            if constexpr (Block::
                              is_vector) { // Not all is ASCII, that is known; zeros to the least size do not matter.
                for (; size_ < 8; ++size_) collected_[size_] = 0;
                good_ = detail::is_utf8_by_blocks<Block>(collected_, size_) && good_;
            } else {
                good_ = is_utf8<Block>({collected_, size_}) && good_;
            }
        }
        size_ = 0;
    }

    std::size_t size_ = 0; // of what is collected
    bool good_ = true;
    char collected_[1024];
};
// With the blocks of this machine.
using utf8_batch = basic_utf8_batch<simd::block>;

// Appends `text` with each byte that is not part of well-formed UTF-8 replaced by U+FFFD; returns how many were.
template<class Out> // std::string or wire::appender
std::uint32_t append_utf8(Out& out, std::string_view text) {
    if (is_utf8(text)) [[likely]] {
        out.append(text);
        return 0;
    }
    std::uint32_t replaced = 0;
    for (std::size_t i = 0; i < text.size();) {
        const std::size_t n = utf8_sequence(text, i);
        if (n == 0) {
            out.append("\xEF\xBF\xBD");
            ++replaced;
            ++i;
        } else {
            out.append(text.substr(i, n));
            i += n;
        }
    }
    return replaced;
}

} // namespace sfcdc::inline v0::wire
