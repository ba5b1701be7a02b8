// Appends to a string without asking for room byte by byte. Rows are made of dozens of small pieces; each through
// std::string::append would cost more than the bytes themselves.
#pragma once

#include <cstddef>
#include <cstring>
#include <string>
#include <string_view>

namespace sfcdc::wire {

// Borrows the string: until the appender is gone, what stands in the string is not to be looked at.
class appender {
  public:
    explicit appender(std::string& out) noexcept : out_(out), size_(out.size()), room_(out.size()) {}
    ~appender() { out_.resize(size_); }
    appender(const appender&) = delete;
    appender& operator=(const appender&) = delete;

    std::size_t size() const noexcept { return size_; }

    // Room for n more bytes, to be written and then taken by advance().
    char* reserve(std::size_t n) {
        if (room_ - size_ < n) [[unlikely]]
            grow(n);
        return out_.data() + size_;
    }
    void advance(std::size_t n) noexcept { size_ += n; }

    void push_back(char c) {
        *reserve(1) = c;
        ++size_;
    }
    void append(std::string_view text) {
        char* const to = reserve(text.size());
        copy(to, text.data(), text.size());
        size_ += text.size();
    }
    // Opens a gap of n bytes at a position that was written before.
    char* insert(std::size_t at, std::size_t n) {
        reserve(n);
        char* const gap = out_.data() + at;
        std::memmove(gap + n, gap, size_ - at);
        size_ += n;
        return gap;
    }
    char& operator[](std::size_t at) noexcept { return out_[at]; }

  private:
    void grow(std::size_t n) {
        constexpr std::size_t chunk = 512; // resize() fills with zeros: not more of it than will soon be written
        const std::size_t wanted = size_ + n + chunk;
        if (wanted > out_.capacity()) out_.reserve(wanted + wanted / 2);
        out_.resize(wanted);
        room_ = wanted;
    }
    static void copy(char* to, const char* from, std::size_t n) noexcept {
        if (n > 32) {
            std::memcpy(to, from, n);
        } else if (n > 16) { // two moves that overlap
            std::memcpy(to, from, 16);
            std::memcpy(to + n - 16, from + n - 16, 16);
        } else if (n >= 8) {
            std::memcpy(to, from, 8);
            std::memcpy(to + n - 8, from + n - 8, 8);
        } else if (n >= 4) {
            std::memcpy(to, from, 4);
            std::memcpy(to + n - 4, from + n - 4, 4);
        } else if (n != 0) {
            to[0] = from[0];
            to[n / 2] = from[n / 2];
            to[n - 1] = from[n - 1];
        }
    }

    std::string& out_;
    std::size_t size_; // bytes written
    std::size_t room_; // out_.size()
};

} // namespace sfcdc::wire
