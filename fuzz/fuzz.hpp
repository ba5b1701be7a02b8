// What every target shares: the entry point that libFuzzer calls, and a main for compilers without libFuzzer, which
// runs the files and folders that it is given once each. That is how the corpora replay as ordinary tests.
#pragma once

#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <cstring>
#include <memory>
#include <span>
#include <string_view>

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size);

namespace fuzz {

// A violated property is a finding: the process ends, and libFuzzer keeps the input.
inline void require(bool holds) {
    if (!holds) std::abort();
}

// The input in a heap block of exactly its size, so that AddressSanitizer sees a read one byte past it.
class exact_bytes {
  public:
    explicit exact_bytes(std::span<const std::uint8_t> bytes)
        : size_(bytes.size()), block_(new std::byte[bytes.size()]) {
        if (!bytes.empty()) std::memcpy(block_.get(), bytes.data(), bytes.size());
    }
    operator std::span<const std::byte>() const noexcept { return {block_.get(), size_}; }
    std::string_view text() const noexcept { return {reinterpret_cast<const char*>(block_.get()), size_}; }

  private:
    std::size_t size_;
    std::unique_ptr<std::byte[]> block_;
};

// Splits an input in two at its first 0x00 0xff: a schema and a payload, say. The second part is empty without it.
inline std::pair<std::span<const std::uint8_t>, std::span<const std::uint8_t>>
split(std::span<const std::uint8_t> input) {
    for (std::size_t i = 0; i + 1 < input.size(); ++i)
        if (input[i] == 0x00 && input[i + 1] == 0xff) return {input.first(i), input.subspan(i + 2)};
    return {input, {}};
}

} // namespace fuzz
