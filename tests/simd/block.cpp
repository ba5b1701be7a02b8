#include "backends.hpp"
#include "catch.hpp"
#include "exact_bytes.hpp"

#include <algorithm>
#include <array>
#include <cstdint>
#include <cstring>
#include <random>
#include <string_view>

#include <sfcdc/simd/block.hpp>

using namespace sfcdc;

namespace {

using bytes = std::array<std::uint8_t, 16>;

template<class Block> bytes stored(Block b) {
    bytes out;
    b.store(out.data());
    return out;
}

// Bytes of all kinds: random ones, and those at which arithmetic goes wrong.
bytes random_block(std::mt19937& random) {
    static constexpr std::uint8_t edges[] = {0, 1, 0x0f, 0x10, 0x7e, 0x7f, 0x80, 0x81, 0xef, 0xf0, 0xfe, 0xff};
    bytes out;
    for (std::uint8_t& b : out)
        b = random() % 2 == 0 ? static_cast<std::uint8_t>(random()) : edges[random() % std::size(edges)];
    return out;
}
// As x, with some bytes of its own.
bytes similar_block(std::mt19937& random, const bytes& x) {
    bytes out = random_block(random);
    for (std::size_t i = 0; i < 16; ++i)
        if (random() % 3 != 0) out[i] = x[i];
    return out;
}

template<class F> bytes each(const bytes& x, const bytes& y, F f) {
    bytes out;
    for (std::size_t i = 0; i < 16; ++i) out[i] = static_cast<std::uint8_t>(f(x[i], y[i]));
    return out;
}
template<class F> std::uint32_t mask(const bytes& x, const bytes& y, F f) {
    std::uint32_t out = 0;
    for (std::size_t i = 0; i < 16; ++i) out |= static_cast<std::uint32_t>(f(x[i], y[i])) << i;
    return out;
}
std::uint32_t pair(const bytes& x, std::size_t i) { return x[2 * i] | static_cast<std::uint32_t>(x[2 * i + 1]) << 8; }
template<class F> bytes each_pair(const bytes& x, F f) {
    bytes out;
    for (std::size_t i = 0; i < 8; ++i) {
        const std::uint32_t made = f(pair(x, i));
        out[2 * i] = static_cast<std::uint8_t>(made);
        out[2 * i + 1] = static_cast<std::uint8_t>(made >> 8);
    }
    return out;
}

// What a byte-by-byte loop says of two blocks, and of the one behind them.
template<class Block> void compare(const bytes& a, const bytes& b) {
    const auto load = [](const bytes& from) { return Block::load(from.data()); };
    const Block x = load(a), y = load(b);
    REQUIRE(stored(x) == a);
    REQUIRE(stored(Block::fill(a[0])) == each(a, b, [&](int, int) { return a[0]; }));
    REQUIRE(stored(Block()) == bytes{});
    REQUIRE(stored(Block::join(simd::load_8(a.data()), simd::load_8(a.data() + 8))) == a);
    REQUIRE(stored(x | y) == each(a, b, [](int p, int q) { return p | q; }));
    REQUIRE(stored(x & y) == each(a, b, [](int p, int q) { return p & q; }));
    REQUIRE(stored(x ^ y) == each(a, b, [](int p, int q) { return p ^ q; }));
    REQUIRE(stored(x + y) == each(a, b, [](int p, int q) { return p + q; }));
    REQUIRE(stored(x - y) == each(a, b, [](int p, int q) { return p - q; }));
    REQUIRE(stored(add_saturated(x, y)) == each(a, b, [](int p, int q) { return std::min(p + q, 255); }));
    REQUIRE(stored(subtract_saturated(x, y)) == each(a, b, [](int p, int q) { return std::max(p - q, 0); }));
    REQUIRE(stored(smaller(x, y)) == each(a, b, [](int p, int q) { return std::min(p, q); }));
    REQUIRE(stored(greater(x, y)) == each(a, b, [](int p, int q) { return std::max(p, q); }));
    REQUIRE(stored(where_equal(x, y, Block::fill(1))) == each(a, b, [](int p, int q) { return p == q; }));
    REQUIRE(stored(where_equal(x, y, x & Block::fill(1)))
            == each(a, b, [](int p, int q) { return p == q && p % 2; }));
    REQUIRE(stored(count_equal(y, x, y)) == each(a, b, [](int p, int q) { return q + (p == q); }));

    const std::uint32_t same = mask(a, b, [](int p, int q) { return p == q; });
    const std::uint32_t top = mask(a, b, [](int p, int) { return p >= 0x80; });
    const auto e = equal(x, y), t = tops(x);
    REQUIRE(bits(e) == same);
    REQUIRE(bits(t) == top);
    REQUIRE(bits(e | t) == (same | top));
    REQUIRE(bits(e & t) == (same & top));
    REQUIRE(bits(e ^ t) == (same ^ top));
    REQUIRE(bits(and_not(e, t)) == (same & ~top));
    REQUIRE(bits(e, t) == (same | top << 16));
    REQUIRE(bits(t, e, e ^ t, t)
            == (top | std::uint64_t{same} << 16 | std::uint64_t{same ^ top} << 32 | std::uint64_t{top} << 48));
    REQUIRE(any(e) == (same != 0));
    REQUIRE(any(t) == (top != 0));
    REQUIRE(first(e) == (same == 0 ? 16 : static_cast<std::size_t>(std::countr_zero(same))));
    REQUIRE(first(t) == (top == 0 ? 16 : static_cast<std::size_t>(std::countr_zero(top))));

    REQUIRE(stored(shift_pairs_left<4>(x)) == each_pair(a, [](std::uint32_t p) { return p << 4; }));
    REQUIRE(stored(shift_pairs_right<4>(x)) == each_pair(a, [](std::uint32_t p) { return p >> 4; }));
    REQUIRE(stored(shift_pairs_right<8>(x)) == each_pair(a, [](std::uint32_t p) { return p >> 8; }));
    std::uint64_t firsts = 0, pairs = 0;
    for (std::size_t i = 0; i < 8; ++i) {
        firsts |= std::uint64_t{a[2 * i]} << 8 * i;
        pairs |= std::uint64_t{pair(a, i) == pair(b, i)} << i;
    }
    REQUIRE(first_of_pairs(x) == firsts);
    REQUIRE(bits(equal_pairs(x, y), equal_pairs(x, x)) == (pairs | 0xff00));
    REQUIRE(bits(equal_pairs(y, y), equal_pairs(y, x)) == (pairs << 8 | 0xff));

    std::array<std::uint8_t, 32> both;
    std::copy(a.begin(), a.end(), both.begin());
    std::copy(b.begin(), b.end(), both.begin() + 16);
    const auto behind_by = [&](std::size_t n) {
        bytes out;
        std::copy_n(both.begin() + 16 - static_cast<std::ptrdiff_t>(n), 16, out.begin());
        return out;
    };
    REQUIRE(stored(behind<1>(x, y)) == behind_by(1));
    REQUIRE(stored(behind<2>(x, y)) == behind_by(2));
    REQUIRE(stored(behind<3>(x, y)) == behind_by(3));
    if constexpr (Block::has_lookup)
        REQUIRE(stored(lookup(x, y & Block::fill(15))) == each(b, b, [&](int q, int) { return a[q & 15]; }));

    typename Block::sum sum;
    std::size_t total = 0;
    for (int i = 0; i < 3; ++i) {
        sum.add(x);
        sum.add(y);
        for (const bytes* of : {&a, &b})
            for (const std::uint8_t byte : *of) total += byte;
    }
    REQUIRE(sum.total() == total);
}

} // namespace

TEST_CASE("the backend is the one that the machine should have") {
    const std::string_view name = simd::backend_name;
    INFO(name);
#ifdef SFCDC_SCALAR
    CHECK(name == "words");
#else
    // A compiler that may use more than the build asks for, by -march, has table lookups, too.
    CHECK((name == SFCDC_TESTS_BACKEND || (name == "ssse3" && std::string_view(SFCDC_TESTS_BACKEND) == "sse2")));
#endif
}

TEST_CASE("every operation of every backend against a loop over its bytes") {
    for_each_backend([]<class Block>() {
        std::mt19937 random(1);
        for (int round = 0; round < 2000; ++round) {
            const bytes a = random_block(random);
            compare<Block>(a, similar_block(random, a));
            compare<Block>(a, random_block(random));
        }
        for (const int byte : {0, 0x7f, 0x80, 0xff}) {
            bytes same;
            same.fill(static_cast<std::uint8_t>(byte));
            compare<Block>(same, same);
            compare<Block>(same, bytes{});
        }
    });
}

TEST_CASE("each pair of bytes by the arithmetic of each backend") {
    for_each_backend([]<class Block>() {
        for (int p = 0; p < 256; ++p)
            for (int q = 0; q < 256; ++q) {
                bytes a{}, b{}; // beside neighbours that a carry or borrow would reach
                a.fill(static_cast<std::uint8_t>(~p));
                b.fill(static_cast<std::uint8_t>(~q));
                a[3] = static_cast<std::uint8_t>(p);
                b[3] = static_cast<std::uint8_t>(q);
                const Block x = Block::load(a.data()), y = Block::load(b.data());
                const auto right = [&](Block made, auto f) { return stored(made) == each(a, b, f); };
                const bool good = right(x + y, [](int i, int j) { return i + j; })
                                  && right(x - y, [](int i, int j) { return i - j; })
                                  && right(add_saturated(x, y), [](int i, int j) { return std::min(i + j, 255); })
                                  && right(subtract_saturated(x, y), [](int i, int j) { return std::max(i - j, 0); })
                                  && right(smaller(x, y), [](int i, int j) { return std::min(i, j); })
                                  && right(greater(x, y), [](int i, int j) { return std::max(i, j); })
                                  && bits(equal(x, y)) == mask(a, b, [](int i, int j) { return i == j; });
                if (!good) {
                    INFO(p << " and " << q);
                    REQUIRE(good);
                }
            }
    });
    SUCCEED();
}

TEST_CASE("blocks are loaded and stored at any alignment, and no byte beside them") {
    for_each_backend([]<class Block>() {
        for (std::size_t at = 0; at < 32; ++at) {
            std::array<std::uint8_t, 64> from, to{};
            for (std::size_t i = 0; i < from.size(); ++i) from[i] = static_cast<std::uint8_t>(i + 1);
            Block::load(from.data() + at).store(to.data() + at);
            for (std::size_t i = 0; i < to.size(); ++i) REQUIRE(to[i] == (i >= at && i < at + 16 ? i + 1 : 0));
        }
    });
}
