#include "backends.hpp"
#include "catch.hpp"
#include "exact_bytes.hpp"

#include <algorithm>
#include <cstdint>
#include <memory>
#include <random>
#include <string>
#include <string_view>

#include <sfcdc/avro/zero_bytes.hpp>
#include <sfcdc/cdc/bitmap.hpp>
#include <sfcdc/wire/utf8.hpp>

using namespace sfcdc;

TEST_CASE("nonzero_64 against a look at each byte, at all places of blocks of exact size") {
    for_each_backend([]<class Block>() {
        std::mt19937 random(11);
        for (std::size_t size = 64; size < 200; size += 1 + random() % 5) {
            std::string bytes(size, '\0');
            for (int set = static_cast<int>(random() % 40); set > 0; --set)
                bytes[random() % size] = static_cast<char>(random() % 2 == 0 ? 1 + random() % 255 : 0x80);
            const exact_bytes block(bytes);
            for (std::size_t at = 0; size - at >= 64; ++at) {
                std::uint64_t mask = 0;
                for (std::size_t i = 0; i < 64; ++i) mask |= std::uint64_t{bytes[at + i] != 0} << i;
                REQUIRE(avro::detail::nonzero_64<Block>(block.span().data() + at) == mask);
            }
        }
    });
}

TEST_CASE("zero bytes: pieces of all lengths, from blocks that end where they end") {
    for_each_backend([]<class Block>() {
        std::mt19937 random(1);
        for (std::size_t front : {64u, 65u, 71u, 79u}) // what can be read in front of a piece
            for (std::size_t size = 0; size < 260; ++size) {
                std::string text(front + size, '\0');
                for (char& c : text) c = random() % 3 == 0 ? static_cast<char>(0x80) : random() % 2 == 0 ? 'x' : '\0';
                const exact_bytes block(text);
                const std::byte* const end = block.span().data() + text.size();
                const auto zeros = static_cast<std::size_t>(
                    std::count(text.end() - static_cast<std::ptrdiff_t>(size), text.end(), '\0'));
                avro::detail::basic_zero_count<Block> count;
                count.add(end, size);
                CHECK(count.sum() == zeros);
                count.add(end, size);
                CHECK(count.sum() == 2 * zeros);
                CHECK(avro::detail::count_zeros<Block>(end - size, end) == zeros);
            }
        const exact_bytes most(std::string(4080, '\0')); // the most that one counter of a byte holds
        CHECK(avro::detail::count_zeros<Block>(most.span().data(), most.span().data() + 4080) == 4080);
    });
}

TEST_CASE("which pairs are not 00") {
    for_each_backend([]<class Block>() {
        std::mt19937 random(5);
        const std::string_view alphabet = "00000000000123456789abcdefABCDEFgG/:@`x-\xb0\x00";
        for (int round = 0; round < 4000; ++round) {
            std::string text(32, '0');
            for (char& c : text) c = alphabet[random() % alphabet.size()];
            const exact_bytes block(text);
            std::uint64_t pairs = 0;
            for (std::size_t i = 0; i < 16; ++i)
                if (text.substr(2 * i, 2) != "00") pairs |= std::uint64_t{1} << i;
            REQUIRE(cdc::detail::nonzero_pairs<Block>(block.text().data()) == pairs);
        }
        for (int c = 0; c < 256; ++c)
            for (std::size_t at = 0; at < 32; ++at) {
                std::string text(32, '0');
                text[at] = static_cast<char>(c);
                const std::uint64_t pair = c == '0' ? 0 : std::uint64_t{1} << at / 2;
                REQUIRE(cdc::detail::nonzero_pairs<Block>(text.data()) == pair);
            }
    });
}

TEST_CASE("hexadecimal digits: what each byte is worth, and sixteen as one number") {
    for_each_backend([]<class Block>() {
        for (int c = 0; c < 256; ++c)
            for (std::size_t at = 0; at < 16; ++at) {
                std::string text(16, '5');
                text[at] = static_cast<char>(c);
                const Block values = cdc::detail::digit_values(Block::load(text.data()));
                std::uint8_t worth[16];
                values.store(worth);
                const int right = wire::hex_digit(static_cast<char>(c));
                REQUIRE((right < 0 ? worth[at] > 15 : worth[at] == right));
                REQUIRE(cdc::detail::are_digits(values) == (right >= 0));
                if (right < 0) continue;
                const std::uint64_t others = 0x5555'5555'5555'5555u & ~(std::uint64_t{15} << (60 - 4 * at));
                REQUIRE(cdc::detail::join_digits(values)
                        == (others | static_cast<std::uint64_t>(right) << (60 - 4 * at)));
            }
    });
}

// `words` reads such bitmaps by another kernel, unless it is asked.
TEST_CASE("bitmaps of up to 128 fields by the values of all their digits") {
    for_each_backend([]<class Block>() {
        std::mt19937 random(6);
        for (int round = 0; round < 4000; ++round) {
            const auto count = static_cast<std::uint32_t>(1 + random() % 128);
            const std::size_t size = 1 + random() % (2 * ((count + 7) / 8));
            std::string text(32, 'f'); // what is in front of the digits is not read as some
            std::uint64_t right[2] = {0, 0};
            for (std::size_t i = 0; i < size; ++i) {
                const std::uint32_t digit = random() % 3 == 0 ? static_cast<std::uint32_t>(random() % 16) : 0;
                text += "0123456789ABCDEF"[digit];
                const std::size_t bit = 4 * (size - 1 - i);
                right[bit / 64] |= std::uint64_t{digit} << bit % 64;
            }
            const exact_bytes block(text);
            std::uint64_t words[2] = {0, 0};
            const std::unique_ptr<avro::field[]> fields(new avro::field[128 + 8]);
            cdc::bitmap_target to{fields.get(), words};
            const errc code = cdc::detail::expand_narrow<Block>(block.text().data() + text.size(), size, count, to);
            const bool fits = count <= 64 ? right[1] == 0 && (count == 64 || right[0] >> count == 0)
                                          : count == 128 || right[1] >> (count - 64) == 0;
            if (size * 4 > 64 && count <= 64) continue; // longer than the fields ask for: not for this kernel
            REQUIRE(code == (fits ? errc::none : errc::bitmap_bit_beyond_fields));
            if (!fits) continue;
            REQUIRE((words[0] == right[0] && words[1] == right[1]));
            std::size_t ones = 0;
            for (std::uint32_t bit = 0; bit < 128; ++bit)
                if ((right[bit / 64] >> bit % 64 & 1) != 0) REQUIRE(fields[ones++].number == bit);
            REQUIRE(static_cast<std::size_t>(to.fields - fields.get()) == ones);
        }
    });
}

TEST_CASE("the first byte that is not ASCII, by each backend, from every position of every length") {
    for_each_backend([]<class Block>() {
        for (std::size_t n = 0; n <= 130; ++n)
            for (std::size_t at = 0; at <= n; ++at) {
                std::string text(n, 'a');
                if (at < n) text[at] = at % 2 == 0 ? '\x80' : '\xff';
                const exact_bytes block(text);
                for (std::size_t from = 0; from <= n; from += 1 + n / 20)
                    if (const std::size_t right = from <= at ? at : n;
                        wire::find_not_ascii<Block>(block.text(), from) != right)
                        REQUIRE(wire::find_not_ascii<Block>(block.text(), from) == right);
            }
    });
    SUCCEED();
}
