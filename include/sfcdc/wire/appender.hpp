// Appends to a string without asking for room byte by byte. Rows are made of dozens of small pieces; each through
// std::string::append would cost more than the bytes themselves.
#pragma once

#include <cstddef>
#include <cstring>
#include <string>
#include <string_view>

#include <sfcdc/wire/copy.hpp>

namespace sfcdc::inline v0::wire {

// Borrows the string: until the appender is gone, what stands in the string is not to be looked at.
class appender {
  public:
    explicit appender(std::string& out) noexcept : out_(out), at_(out.data() + out.size()), end_(at_) {}
    ~appender() { out_.resize(size()); }
    appender(const appender&) = delete; // A copy would cut the string off at its own end.
    appender& operator=(const appender&) = delete;

    std::size_t size() const noexcept { return static_cast<std::size_t>(at_ - out_.data()); }

    // Room for n more bytes, to be written and then taken by advance() or advance_to().
    [[gnu::always_inline]] inline char* reserve(std::size_t n) {
        if (static_cast<std::size_t>(end_ - at_) < n) [[unlikely]]
            grow(n);
        return at_;
    }
    void advance(std::size_t n) noexcept { at_ += n; }
    void advance_to(char* behind) noexcept { at_ = behind; }

    void push_back(char c) {
        *reserve(1) = c;
        ++at_;
    }
    void append(std::string_view text) {
        copy_text(reserve(text.size()), text);
        at_ += text.size();
    }
    // Opens a gap of n bytes at a position that was written before.
    char* insert(std::size_t at, std::size_t n) {
        reserve(n);
        char* const gap = out_.data() + at;
        std::memmove(gap + n, gap, size() - at);
        at_ += n;
        return gap;
    }
    char& operator[](std::size_t at) noexcept { return out_[at]; }

  private:
    [[gnu::noinline]] void grow(std::size_t n) {
        constexpr std::size_t chunk = 512; // resize() fills with zeros: not more of it than will soon be written
        const std::size_t written = size(), wanted = written + (n < chunk ? chunk : n);
        if (wanted > out_.capacity()) out_.reserve(wanted + wanted / 2);
        out_.resize(wanted);
        at_ = out_.data() + written;
        end_ = out_.data() + wanted;
    }

    std::string& out_;
    char* at_;  // behind what was written
    char* end_; // of the string
};

// n bytes more at the end, to be written.
inline char* extend(appender& out, std::size_t n) {
    char* const to = out.reserve(n);
    out.advance(n);
    return to;
}
inline char* extend(std::string& out, std::size_t n) {
    out.resize(out.size() + n);
    return out.data() + out.size() - n;
}

} // namespace sfcdc::inline v0::wire
