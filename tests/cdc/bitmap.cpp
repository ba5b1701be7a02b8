#include "reference/bitmap.hpp"
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

// The words are a heap block of exactly what first + count bits need: a bit behind them is seen.
struct expanded {
    errc code = errc::none;
    std::set<std::size_t> bits;
};

expanded expand(std::string_view digits, std::uint32_t first, std::uint32_t count) {
    const exact_bytes text(digits);
    std::unique_ptr<std::uint64_t[]> words(new std::uint64_t[(first + count + 63) / 64]());
    expanded out;
    out.code = cdc::expand_bitmap(text.text(), first, count, words.get());
    for (std::size_t i = 0; i < (first + count + 63) / 64 * 64; ++i)
        if ((words[i / 64] >> i % 64 & 1) != 0) out.bits.insert(i);
    if (first != 0) return out;
    // The same over words that hold something else; behind other text, too, of which a kernel may read.
    for (const std::size_t in_front : {0, 1, 8, 15, 16, 40, 200}) {
        const exact_bytes behind(std::string(in_front, 'f') + std::string(digits));
        const std::size_t n = (count + 63) / 64;
        std::unique_ptr<std::uint64_t[]> over(new std::uint64_t[n]);
        std::fill_n(over.get(), n, 0x5555'5555'5555'5555u);
        const errc code = cdc::write_bitmap(behind.text().substr(in_front), count, over.get(), in_front);
        if (code != out.code) FAIL("another code");
        if (code == errc::none && !std::equal(over.get(), over.get() + n, words.get())) FAIL("other bits");
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
        for (const std::size_t n : {1u, 2u, 15u, 16u, 17u, 33u})
            for (std::size_t at = 0; at < n; ++at) {
                std::string digits(n, '0');
                digits[at] = digit;
                if ((expand(digits, 0, 200).code != errc::bitmap_syntax) != good) {
                    INFO(c << " at " << at << " of " << n);
                    REQUIRE((expand(digits, 0, 200).code != errc::bitmap_syntax) == good);
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
    CHECK(cdc::expand_bitmap("2", 0, 2, words) == errc::none);
    CHECK(cdc::expand_bitmap("3", 63, 2, words) == errc::none);
    CHECK(words[0] == (std::uint64_t{1} << 63 | 3));
    CHECK(words[1] == 1);
}

TEST_CASE("the kernels agree, on every number of digits, and what stands in front does not matter") {
    std::mt19937 random(5);
    const std::string_view alphabet = "0123456789abcdefABCDEFgG/:@`x-";
    for (int round = 0; round < 4000; ++round) {
        std::string text(16 + random() % 40, '0');
        for (char& c : text) c = alphabet[random() % (random() % 8 == 0 ? alphabet.size() : 22)];
        const exact_bytes block(text);
        const char* const end = block.text().data() + text.size();
        for (std::size_t n = 1; n <= 16; ++n) {
            std::uint64_t by_one = 0;
            for (std::size_t i = 0; i < n; ++i)
                by_one = by_one << 4 | static_cast<unsigned>(wire::hex_digit((end - n)[i]) & 15);
            const bool digits = std::all_of(end - n, end, [](char c) { return wire::hex_digit(c) >= 0; });
            std::uint64_t word = 0;
            REQUIRE(cdc::scalar::read_digits(end - n, n, word) == digits);
            if (digits) REQUIRE(word == by_one);
#ifdef SFCDC_BITMAP_VECTOR128
            REQUIRE(cdc::vector128::read_digits(end - n, n, text.size() - n, word) == digits);
            if (digits) REQUIRE(word == by_one);
#endif
        }
        // The same number with any number of readable bytes in front of it.
        const std::size_t front = random() % text.size();
        const std::string_view number = block.text().substr(front);
        std::vector<std::uint64_t> alone(8), with_front(8);
        const errc a = cdc::expand_bitmap(std::string(number), 3, 400, alone.data());
        const errc b = cdc::expand_bitmap(number, 3, 400, with_front.data(), front);
        REQUIRE(a == b);
        if (a == errc::none) REQUIRE(alone == with_front);
    }
}
