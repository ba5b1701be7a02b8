// Events that cannot be decoded, kept whole with the reason: one JSON object a line, on the disk before the position
// moves past them.
#pragma once

#include <sfcdc/row/layout.hpp>

#include <filesystem>
#include <memory>
#include <span>
#include <string_view>

namespace sfcdc::runner {

class durable_file;

class dead_letters {
  public:
    explicit dead_letters(std::filesystem::path file);
    ~dead_letters();

    // `offset` is the byte of the payload at which decoding failed.
    void keep(const row::envelope& around, std::span<const std::byte> payload, std::string_view reason,
              std::uint32_t offset);

  private:
    std::filesystem::path path_;
    std::unique_ptr<durable_file> file_; // opened by the first letter
};

} // namespace sfcdc::runner
