// HMAC-SHA-256: a digest that only the holder of a key can compute, so that nobody else can try out which text it is of.
// Source: RFC 2104; test vectors in RFC 4231.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <string_view>

#include <sfcdc/wire/digest.hpp>

namespace sfcdc::inline v0::wire {

// A key made ready: its two blocks are taken in once, and not again for each text. The key itself is not kept, but what is
// kept is as secret as the key. Immutable, so that one serves all threads; it allocates nothing.
class hmac_sha256 {
  public:
    // A key of any length. One of more than 64 bytes stands for its SHA-256, as the RFC says.
    explicit hmac_sha256(std::string_view key) noexcept {
        unsigned char block[64] = {};
        if (key.size() > sizeof block) {
            const std::array<std::byte, 32> digest = sha256(key);
            std::memcpy(block, digest.data(), digest.size());
        } else if (!key.empty()) {
            std::memcpy(block, key.data(), key.size());
        }
        take(block, 0x36, inner_);
        take(block, 0x5c, outer_);
    }

    // The HMAC of a text's bytes.
    std::array<std::byte, 32> of(std::string_view text) const noexcept {
        const std::array<std::byte, 32> inner = detail::sha256_end(inner_, 64, text);
        return detail::sha256_end(outer_, 64, {reinterpret_cast<const char*>(inner.data()), inner.size()});
    }

  private:
    static void take(const unsigned char (&key)[64], unsigned pad, std::array<std::uint32_t, 8>& state) noexcept {
        unsigned char padded[64];
        for (std::size_t i = 0; i < 64; ++i) padded[i] = static_cast<unsigned char>(key[i] ^ pad);
        detail::sha256_block(state, padded);
    }

    std::array<std::uint32_t, 8> inner_ = detail::sha256_start;
    std::array<std::uint32_t, 8> outer_ = detail::sha256_start;
};

} // namespace sfcdc::inline v0::wire
