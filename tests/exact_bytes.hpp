// Bytes in a heap block of exactly their size: a sanitizer sees the first byte that is read behind them.
#pragma once

#include <cstddef>
#include <cstring>
#include <memory>
#include <span>
#include <string_view>

class exact_bytes {
  public:
    explicit exact_bytes(std::string_view bytes) : size_(bytes.size()), bytes_(new std::byte[bytes.size()]) {
        if (size_ != 0) std::memcpy(bytes_.get(), bytes.data(), size_);
    }
    std::span<const std::byte> span() const { return {bytes_.get(), size_}; }
    std::string_view text() const { return {reinterpret_cast<const char*>(bytes_.get()), size_}; }

  private:
    std::size_t size_;
    std::unique_ptr<std::byte[]> bytes_;
};
