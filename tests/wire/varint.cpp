#include "catch.hpp"
#include "exact_bytes.hpp"
#include "reference/avro_writer.hpp"

#include <limits>
#include <random>
#include <string>
#include <vector>

#include <sfcdc/wire/varint.hpp>

using namespace sfcdc::wire;

namespace {

struct outcome {
    varint_status status;
    std::uint64_t value;
    std::size_t used;
};

outcome read(std::string_view bytes) {
    const exact_bytes block(bytes);
    const std::byte* p = block.span().data();
    const std::byte* const end = p + bytes.size();
    std::uint64_t value = 0;
    const varint_status status = read_varint(p, end, value);
    return {status, value, static_cast<std::size_t>(p - block.span().data())};
}

} // namespace

TEST_CASE("zig-zag maps 0, -1, 1, -2 to 0, 1, 2, 3") {
    constexpr std::int64_t low = std::numeric_limits<std::int64_t>::min(),
                           high = std::numeric_limits<std::int64_t>::max();
    const std::pair<std::int64_t, std::uint64_t> known[] = {{0, 0},
                                                            {-1, 1},
                                                            {1, 2},
                                                            {-2, 3},
                                                            {2, 4},
                                                            {-64, 127},
                                                            {64, 128},
                                                            {high, ~std::uint64_t{1}},
                                                            {low, ~std::uint64_t{0}}};
    for (const auto& [signed_value, coded] : known) {
        CHECK(zigzag_encode(signed_value) == coded);
        CHECK(zigzag_decode(coded) == signed_value);
    }
    static_assert(zigzag_decode(zigzag_encode(-3)) == -3);
}

TEST_CASE("varints of every length round trip and use exactly their bytes") {
    std::mt19937_64 random(1);
    std::vector<std::uint64_t> values = {0, 1, 127, 128, 16383, 16384, ~std::uint64_t{0}};
    for (unsigned bit = 0; bit < 64; ++bit)
        for (const std::uint64_t near : {std::uint64_t{0}, ~std::uint64_t{0}, random()})
            values.push_back((std::uint64_t{1} << bit) + near % 3 - 1);
    for (const std::uint64_t v : values) {
        std::string bytes(max_varint_bytes, '\0');
        bytes.resize(write_varint(bytes.data(), v));
        CHECK(bytes == reference::avro_writer().varint(v).bytes());
        CHECK(varint_size(v) == bytes.size());
        const outcome got = read(bytes);
        CHECK(got.status == varint_status::ok);
        CHECK(got.value == v);
        CHECK(got.used == bytes.size());
        // What follows is not looked at.
        for (std::size_t more = 1; more <= 10; ++more)
            for (const char next : {'\0', '\x7f', '\xff'}) {
                const outcome with_more = read(bytes + std::string(more, next));
                CHECK(with_more.used == bytes.size());
                CHECK(with_more.value == v);
            }
        for (std::size_t cut = 0; cut < bytes.size(); ++cut) {
            const outcome less = read(std::string_view(bytes).substr(0, cut));
            CHECK(less.status == varint_status::truncated);
            CHECK(less.used == 0);
        }
    }
}

TEST_CASE("overlong forms are read as long as they fit ten bytes") {
    CHECK(read(std::string("\x80\x00", 2)).value == 0);
    CHECK(read(std::string("\x81\x80\x80\x80\x80\x80\x80\x80\x80\x00", 10)).value == 1);
}

TEST_CASE("the tenth byte has room for one bit") {
    const std::string nine(9, '\xff');
    CHECK(read(nine + '\x01').value == ~std::uint64_t{0});
    CHECK(read(nine + '\x01').status == varint_status::ok);
    for (const char tenth : {'\x02', '\x03', '\x7f', '\x80', '\x81', '\xff'}) {
        const outcome got = read(nine + tenth);
        CHECK(got.status == varint_status::too_long);
        CHECK(got.used == 0);
    }
    CHECK(read(nine).status == varint_status::truncated);
    CHECK(read(std::string(11, '\x80')).status == varint_status::too_long);
}
