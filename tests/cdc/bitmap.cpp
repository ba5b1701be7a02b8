#include "reference/bitmap.hpp"
#include "backends.hpp"
#include "catch.hpp"
#include "exact_bytes.hpp"

#include <algorithm>
#include <random>
#include <set>
#include <string>
#include <vector>

#include <sfcdc/cdc/bitmap.hpp>

using namespace sfcdc;

namespace {

struct expanded {
    errc code = errc::none;
    std::set<std::size_t> bits; // as the set has them
};

// `text` ends with the digits; what is in front of them may be read. Words and fields are heap blocks of exactly what first
// + count bits need: what is written behind them is seen.
template<class Block>
expanded expand_by(std::string_view text, std::size_t in_front, std::uint32_t first, std::uint32_t count) {
    const exact_bytes block(text);
    const std::size_t n = (first + count + 63) / 64;
    const std::unique_ptr<std::uint64_t[]> words(new std::uint64_t[n]());
    const std::unique_ptr<avro::field[]> fields(new avro::field[count + 8]);
    cdc::bitmap_target to{fields.get(), words.get()};
    expanded out;
    const std::string_view digits = block.text().substr(in_front);
    out.code = first == 0 ? cdc::expand_own_bitmap<Block>(digits, count, to, in_front)
                          : cdc::expand_bitmap(digits, first, count, to);
    for (std::size_t i = 0; i < n * 64; ++i)
        if ((words[i / 64] >> i % 64 & 1) != 0) out.bits.insert(i);
    if (out.code == errc::none
        && !std::equal(fields.get(), to.fields, out.bits.begin(), out.bits.end(),
                       [](avro::field f, std::size_t bit) { return f.number == bit; }))
        FAIL("other fields than bits");
    return out;
}
// The same by each backend, which must agree.
expanded expand_behind(std::string_view text, std::size_t in_front, std::uint32_t first, std::uint32_t count) {
    const expanded out = expand_by<simd::block>(text, in_front, first, count);
    for_each_backend([&]<class Block>() {
        const expanded other = expand_by<Block>(text, in_front, first, count);
        if (other.code != out.code) FAIL("another code");
        if (out.code == errc::none && other.bits != out.bits) FAIL("other bits");
    });
    return out;
}

expanded expand(std::string_view digits, std::uint32_t first, std::uint32_t count) {
    const expanded out = expand_behind(digits, 0, first, count);
    if (first != 0) return out;
    for (const std::size_t in_front : {1, 8, 15, 16, 31, 40, 128, 200})
        for (const char c : {'f', '0'}) {
            const expanded other =
                expand_behind(std::string(in_front, c) + std::string(digits), in_front, first, count);
            if (other.code != out.code) FAIL("another code");
            if (out.code == errc::none && other.bits != out.bits) FAIL("other bits");
        }
    return out;
}

using positions = std::set<std::size_t>;

} // namespace

TEST_CASE("bitmaps: the lowest bit is the last digit's") {
    CHECK(expand("650004E0", 0, 31).bits == positions{5, 6, 7, 10, 24, 26, 29, 30});
    CHECK(expand("0800000000000001000000", 0, 86).bits == positions{24, 83});
    CHECK(expand("01", 0, 1).bits == positions{0});
}

TEST_CASE("bitmaps: what may be written in more than one way") {
    CHECK(expand("", 0, 10).bits.empty());
    CHECK(expand("", 0, 0).code == errc::none);
    CHECK(expand("0", 0, 10).code == errc::none);
    CHECK(expand("1", 0, 10).bits == positions{0}); // an odd number of digits
    CHECK(expand("abc", 0, 12).bits == expand("ABC", 0, 12).bits);
    CHECK(expand("aBc", 0, 12).bits == expand("0ABC", 0, 12).bits);
    CHECK(expand(std::string(1000, '0') + "3", 0, 2).bits == positions{0, 1}); // zeros may surpass the fields
    CHECK(expand("00", 0, 0).code == errc::none);
}

TEST_CASE("bitmaps: a one past the last field is an error") {
    CHECK(expand("1", 0, 0).code == errc::bitmap_bit_beyond_fields);
    CHECK(expand("2", 0, 1).code == errc::bitmap_bit_beyond_fields);
    CHECK(expand("04", 0, 2).code == errc::bitmap_bit_beyond_fields);
    CHECK(expand("1" + std::string(16, '0'), 0, 64).code == errc::bitmap_bit_beyond_fields);
    CHECK(expand("1" + std::string(16, '0'), 0, 65).bits == positions{64});
    CHECK(expand("1" + std::string(1000, '0'), 0, 86).code == errc::bitmap_bit_beyond_fields);
    for (std::uint32_t count = 1; count < 200; ++count) {
        std::string digits(51, '0');
        const auto set = [&](std::uint32_t bit) { digits[50 - bit / 4] = "1248"[bit % 4]; };
        set(count - 1);
        CHECK(expand(digits, 0, count).bits == positions{count - 1});
        digits.assign(51, '0');
        set(count);
        CHECK(expand(digits, 0, count).code == errc::bitmap_bit_beyond_fields);
    }
}

TEST_CASE("bitmaps: every byte that is not a hexadecimal digit is refused, at every place") {
    for (int c = 0; c < 256; ++c) {
        const char digit = static_cast<char>(c);
        const bool good = reference::bitmap_positions(std::string(1, digit)).has_value();
        for (const std::size_t n : {1u, 2u, 15u, 16u, 17u, 34u})
            for (std::size_t at = 0; at < n; ++at) {
                std::string digits(n, '0');
                digits[at] = digit;
                for (const std::uint32_t count : {128u, 200u}) {
                    if (4 * n > count) continue;
                    const std::size_t in_front = 40;
                    const expanded got = expand_behind(std::string(in_front, '0') + digits, in_front, 0, count);
                    if ((got.code != errc::bitmap_syntax) == good) continue;
                    INFO(c << " at " << at << " of " << n << " for " << count);
                    FAIL();
                }
                if ((expand_behind(digits, 0, 0, 200).code != errc::bitmap_syntax) != good) {
                    INFO(c << " at " << at << " of " << n);
                    FAIL();
                }
            }
    }
}

TEST_CASE("bitmaps of all widths at all places, against one bit at a time") {
    std::mt19937_64 random(5);
    for (int i = 0; i < 20000; ++i) {
        const std::uint32_t first = static_cast<std::uint32_t>(random() % 130);
        const std::uint32_t count = static_cast<std::uint32_t>(random() % 200);
        std::string digits;
        const auto n = static_cast<std::size_t>(random() % (count / 4 + 3));
        for (std::size_t k = 0; k < n; ++k)
            digits.push_back("0123456789ABCDEFabcdef"[random() % (random() % 3 == 0 ? 22 : 1)]);
        const positions expected = reference::bitmap_positions(digits).value();
        const bool fits = expected.empty() || *expected.rbegin() < count;
        const expanded got = expand(digits, first, count);
        INFO(digits << " first " << first << " count " << count);
        REQUIRE(got.code == (fits ? errc::none : errc::bitmap_bit_beyond_fields));
        if (!fits) continue;
        positions shifted;
        for (const std::size_t p : expected) shifted.insert(p + first);
        REQUIRE(got.bits == shifted);
    }
}

TEST_CASE("bitmaps add to the bits that are set already") {
    std::uint64_t words[2] = {1, 0};
    avro::field fields[20];
    cdc::bitmap_target to{fields, words};
    CHECK(cdc::expand_bitmap("2", 0, 2, to) == errc::none);
    CHECK(cdc::expand_bitmap("3", 63, 2, to) == errc::none);
    CHECK(words[0] == (std::uint64_t{1} << 63 | 3));
    CHECK(words[1] == 1);
    CHECK(to.fields - fields == 3);
    CHECK((fields[0].number == 1 && fields[1].number == 63 && fields[2].number == 64));
}

TEST_CASE("bitmaps of more digits than one look takes in") {
    for (const std::uint32_t count : {500u, 511u, 512u, 513u, 520u, 1024u, 1500u}) {
        std::mt19937 random(count);
        for (int round = 0; round < 20; ++round) {
            std::string digits(count / 4, '0');
            for (int i = 0; i < 6; ++i) digits[random() % digits.size()] = "0123456789abcdefABCDEF"[random() % 22];
            digits.resize(digits.size() - random() % 3, '0');
            REQUIRE(expand(digits, 0, count).bits == reference::bitmap_positions(digits).value());
        }
        std::string digits((count + 7) / 4, '0');
        digits[0] = '8';
        CHECK(expand(digits, 0, count).code == errc::bitmap_bit_beyond_fields);
        digits[0] = '.';
        CHECK(expand(digits, 0, count).code == errc::bitmap_syntax);
    }
}
