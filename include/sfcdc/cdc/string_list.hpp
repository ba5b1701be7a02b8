// An Avro array of strings, read as it is iterated.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string_view>

#include <sfcdc/wire/bytes.hpp>
#include <sfcdc/wire/varint.hpp>

namespace sfcdc::inline v0::cdc {

// A view: it ends with the payload. An array that cannot be read ends where it becomes unreadable; the arrays of a decoded
// event have been checked.
class string_list {
  public:
    string_list() = default;
    // The array begins at payload[at].
    string_list(std::span<const std::byte> payload, std::uint32_t at) noexcept : payload_(payload), at_(at) {}

    class iterator {
      public:
        using value_type = std::string_view;
        using difference_type = std::ptrdiff_t;

        iterator() = default;
        iterator(std::span<const std::byte> payload, std::uint32_t at) noexcept
            : at_(payload.data() + at), end_(payload.data() + payload.size()), done_(false) {
            ++*this;
        }
        std::string_view operator*() const noexcept { return text_; }
        iterator& operator++() noexcept {
            if (left_ == 0) begin_block();
            done_ = left_ == 0;
            if (!done_) read_text();
            return *this;
        }
        void operator++(int) noexcept { ++*this; }
        friend bool operator==(const iterator& i, std::default_sentinel_t) noexcept { return i.done_; }

      private:
        bool read(std::int64_t& out) noexcept {
            std::uint64_t raw = 0;
            const wire::varint_status status = wire::read_varint(at_, end_, raw);
            out = wire::zigzag_decode(raw);
            return status == wire::varint_status::ok;
        }
        // A negative count is followed by the size of the block in bytes, which is not needed.
        void begin_block() noexcept {
            std::int64_t count = 0;
            if (!read(count)) return;
            left_ = static_cast<std::uint64_t>(count);
            if (count >= 0) [[likely]]
                return;
            std::int64_t size = 0;
            left_ = read(size) ? ~left_ + 1 : 0;
        }
        void read_text() noexcept {
            std::int64_t length = 0;
            done_ = !read(length) || length < 0 || length > end_ - at_;
            if (done_) return;
            text_ = wire::as_chars({at_, static_cast<std::size_t>(length)});
            at_ += length;
            --left_;
        }

        const std::byte* at_ = nullptr;
        const std::byte* end_ = nullptr;
        std::uint64_t left_ = 0; // These are the items of the block that have not been read.
        std::string_view text_;
        bool done_ = true;
    };

    iterator begin() const noexcept { return payload_.empty() ? iterator() : iterator(payload_, at_); }
    std::default_sentinel_t end() const noexcept { return {}; }
    bool empty() const noexcept { return begin() == end(); }
    // Reads the whole array.
    std::size_t size() const noexcept {
        std::size_t n = 0;
        for (auto i = begin(); i != end(); ++i) ++n;
        return n;
    }

  private:
    std::span<const std::byte> payload_;
    std::uint32_t at_ = 0;
};

} // namespace sfcdc::inline v0::cdc
