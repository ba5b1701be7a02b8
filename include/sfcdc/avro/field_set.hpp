// Sets of fields, as the bits of 64-bit words: bit n is the field with number n of a plan. Salesforce's bitmaps are
// turned into such words, and what is there in a datum is kept in them, so that "changed, and null" is an AND NOT.
#pragma once

#include <bit>
#include <cstddef>
#include <cstdint>
#include <span>

namespace sfcdc::inline v0::avro {

// A field of one plan, found once by name or position and then used for every event. Meaningless for other plans.
struct field {
    std::uint32_t number = 0xffff'ffff;

    explicit constexpr operator bool() const noexcept { return number != 0xffff'ffff; }
    friend constexpr bool operator==(const field&, const field&) = default;
};

// For sets, which are a few words: a compiler would make a call of memset or memcpy out of a loop that it understands, or
// blocks of many words, and that takes longer than the loop.
inline void clear_words(std::uint64_t* words, std::size_t count) noexcept {
    std::size_t i = 0;
    for (; i + 2 <= count; i += 2) {
        words[i] = words[i + 1] = 0;
        asm volatile("");
    }
    if (i < count) words[i] = 0;
}
// Copies `count` words; the two places do not overlap. The loop is kept a loop, because sets are so short that a call
// costs more.
inline void copy_words(const std::uint64_t* from, std::uint64_t* to, std::size_t count) noexcept {
    for (std::size_t i = 0; i < count; ++i) {
        to[i] = from[i];
        asm volatile("");
    }
}

// Writes the union of two sets of `count` words each to `to`, which may be one of them.
inline void join_words(const std::uint64_t* a, const std::uint64_t* b, std::uint64_t* to,
                       std::size_t count) noexcept {
    for (std::size_t i = 0; i < count; ++i) {
        to[i] = a[i] | b[i];
        asm volatile("");
    }
}

// A view of the words; iterating gives the fields in order of their numbers.
class field_set {
  public:
    field_set() = default;
    explicit field_set(std::span<const std::uint64_t> words) noexcept : words_(words) {}

    class iterator {
      public:
        using value_type = field;
        using difference_type = std::ptrdiff_t;

        iterator() = default;
        explicit iterator(std::span<const std::uint64_t> words) noexcept
            : next_(words.data()), last_(words.data() + words.size()) {
            settle();
        }

        field operator*() const noexcept { return {base_ + static_cast<std::uint32_t>(std::countr_zero(bits_))}; }
        iterator& operator++() noexcept {
            bits_ &= bits_ - 1;
            settle();
            return *this;
        }
        iterator operator++(int) noexcept {
            iterator old = *this;
            return ++*this, old;
        }
        friend bool operator==(const iterator&, const iterator&) = default;
        friend bool operator==(const iterator& i, std::default_sentinel_t) noexcept { return i.bits_ == 0; }

      private:
        void settle() noexcept {
            for (; bits_ == 0 && next_ != last_; base_ += 64) bits_ = *next_++;
        }

        std::uint64_t bits_ = 0;       // that are left of the word in front of next_
        std::uint32_t base_ = 0u - 64; // number of the first bit of that word
        const std::uint64_t *next_ = nullptr, *last_ = nullptr;
    };

    iterator begin() const noexcept { return iterator(words_); }
    std::default_sentinel_t end() const noexcept { return {}; }
    bool empty() const noexcept { return begin() == end(); }
    std::size_t size() const noexcept {
        std::size_t n = 0;
        for (const std::uint64_t word : words_) n += static_cast<std::size_t>(std::popcount(word));
        return n;
    }
    bool contains(field f) const noexcept {
        return f.number / 64 < words_.size() && (words_[f.number / 64] >> f.number % 64 & 1) != 0;
    }
    std::span<const std::uint64_t> words() const noexcept { return words_; }

  private:
    std::span<const std::uint64_t> words_;
};

} // namespace sfcdc::inline v0::avro
