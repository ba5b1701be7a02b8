// SHA-256 (FIPS 180-4) with every constant made from the prime number that it comes from. Shares no code with include/.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

namespace reference {

// base^exponent >= limit^(exponent of two), compared as vectors of 16 bits, lowest first.
inline std::vector<std::uint32_t> times(const std::vector<std::uint32_t>& a, const std::vector<std::uint32_t>& b) {
    std::vector<std::uint32_t> out(a.size() + b.size());
    for (std::size_t i = 0; i < a.size(); ++i) {
        std::uint32_t carry = 0;
        for (std::size_t k = 0; k < b.size() || carry != 0; ++k) {
            const std::uint32_t sum = out[i + k] + (k < b.size() ? a[i] * b[k] : 0) + carry;
            out[i + k] = sum & 0xffff;
            carry = sum >> 16;
        }
    }
    return out;
}

// The first 32 bits behind the point of the square (2) or cube (3) root of a prime, by bisection.
inline std::uint32_t root_fraction(std::uint32_t prime, int power) {
    std::uint64_t low = 0, high = std::uint64_t{32} << 32; // of the root, times 2^32
    while (high - low > 1) {
        const std::uint64_t middle = (low + high) / 2;
        std::vector<std::uint32_t> digits, result = {1};
        for (int i = 0; i < 4; ++i) digits.push_back(static_cast<std::uint32_t>(middle >> 16 * i & 0xffff));
        for (int i = 0; i < power; ++i) result = times(result, digits);
        // The power of the root, times 2^(32 * power): its whole part begins with digit 2 * power.
        std::uint64_t whole = 0;
        for (std::size_t i = result.size(); i-- > static_cast<std::size_t>(2 * power);)
            whole = whole << 16 | result[i];
        (whole < prime ? low : high) = middle;
    }
    return static_cast<std::uint32_t>(low);
}

inline std::string sha256(const std::string& text) {
    static const std::vector<std::uint32_t> primes = [] {
        std::vector<std::uint32_t> out;
        for (std::uint32_t n = 2; out.size() < 64; ++n) {
            bool prime = true;
            for (const std::uint32_t p : out) prime = prime && n % p != 0;
            if (prime) out.push_back(n);
        }
        return out;
    }();
    static const std::vector<std::uint32_t> cubes = [] {
        std::vector<std::uint32_t> out;
        for (const std::uint32_t p : primes) out.push_back(root_fraction(p, 3));
        return out;
    }();
    static const std::vector<std::uint32_t> start = [] {
        std::vector<std::uint32_t> out;
        for (std::size_t i = 0; i < 8; ++i) out.push_back(root_fraction(primes[i], 2));
        return out;
    }();
    const auto turned = [](std::uint32_t x, int n) { return x >> n | x << (32 - n); };

    std::string padded = text + '\x80';
    while (padded.size() % 64 != 56) padded += '\0';
    for (int shift = 56; shift >= 0; shift -= 8)
        padded += static_cast<char>(static_cast<std::uint64_t>(text.size()) * 8 >> shift & 0xff);

    std::vector<std::uint32_t> hash = start;
    for (std::size_t block = 0; block < padded.size(); block += 64) {
        std::vector<std::uint32_t> w;
        for (std::size_t t = 0; t < 16; ++t) {
            std::uint32_t word = 0;
            for (std::size_t i = 0; i < 4; ++i)
                word = word * 256 + static_cast<unsigned char>(padded[block + 4 * t + i]);
            w.push_back(word);
        }
        for (std::size_t t = 16; t < 64; ++t) {
            const std::uint32_t x = w[t - 2], y = w[t - 15];
            w.push_back((turned(x, 17) ^ turned(x, 19) ^ x >> 10) + w[t - 7] + (turned(y, 7) ^ turned(y, 18) ^ y >> 3)
                        + w[t - 16]);
        }
        std::vector<std::uint32_t> v = hash; // a to h
        for (std::size_t t = 0; t < 64; ++t) {
            const std::uint32_t choice = (v[4] & v[5]) ^ (~v[4] & v[6]);
            const std::uint32_t majority = (v[0] & v[1]) ^ (v[0] & v[2]) ^ (v[1] & v[2]);
            const std::uint32_t t1 =
                v[7] + (turned(v[4], 6) ^ turned(v[4], 11) ^ turned(v[4], 25)) + choice + cubes[t] + w[t];
            const std::uint32_t t2 = (turned(v[0], 2) ^ turned(v[0], 13) ^ turned(v[0], 22)) + majority;
            v = {t1 + t2, v[0], v[1], v[2], v[3] + t1, v[4], v[5], v[6]};
        }
        for (std::size_t i = 0; i < 8; ++i) hash[i] += v[i];
    }
    std::string out;
    for (const std::uint32_t word : hash)
        for (int shift = 28; shift >= 0; shift -= 4) out += "0123456789abcdef"[word >> shift & 15];
    return out;
}

} // namespace reference
