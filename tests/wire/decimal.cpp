#include "catch.hpp"

#include <cfloat>
#include <charconv>
#include <cmath>
#include <cstring>
#include <limits>
#include <memory>
#include <random>
#include <string>
#include <string_view>
#include <utility>

#include <sfcdc/wire/decimal.hpp>

using namespace sfcdc;

namespace {

// In a block that has no more room than was asked for.
const std::unique_ptr<char[]> room(new char[wire::decimal_room]);

std::string text_of(std::int64_t v) {
    return {room.get(), static_cast<std::size_t>(wire::write_decimal(room.get(), v) - room.get())};
}
std::string short_text_of(double v) { // empty: not one of those
    const char* const end = wire::write_short_decimal(room.get(), v);
    return end == nullptr ? std::string() : std::string(room.get(), static_cast<std::size_t>(end - room.get()));
}
std::string standard_text_of(double v) {
    char text[64];
    return {text, std::to_chars(text, text + sizeof text, v).ptr};
}

} // namespace

TEST_CASE("integers as decimal digits") {
    const auto check = [](std::int64_t v) {
        if (text_of(v) != std::to_string(v)) REQUIRE(text_of(v) == std::to_string(v));
    };
    for (std::int64_t v = -20'000; v <= 20'000; ++v) check(v);
    std::int64_t power = 1;
    for (int digits = 1; digits < 19; ++digits, power *= 10)
        for (std::int64_t near = -3; near <= 3; ++near)
            check(power + near), check(-power + near), check(7 * power + near);
    for (const std::int64_t near : {0, 1, 2, 9, 10, 11})
        check(std::numeric_limits<std::int64_t>::max() - near),
            check(std::numeric_limits<std::int64_t>::min() + near);
    std::mt19937_64 random(5);
    for (int i = 0; i < 200'000; ++i) check(static_cast<std::int64_t>(random()) >> random() % 64);
    SUCCEED();
}

// Where intermediate results have more bits than a double, fewer of them are found to have few places.
constexpr bool rounds_each_step = FLT_EVAL_METHOD == 0;

TEST_CASE("doubles of few decimal places are what std::to_chars writes") {
    for (const double v : {0.001, 0.5, 1.0, 12.5, 99.99, 37.793819, -122.394837, 4096.0, 20000.0, 120081.0,
                           999999999.999999, -0.25, 1e8 + 1, 123456789.123456}) {
        INFO(standard_text_of(v));
        const std::string text = short_text_of(v);
        if (text.empty() && !rounds_each_step) continue;
        CHECK(text == standard_text_of(v));
    }
    // Shorter in the other notation, too large, too small, or no number: not for this one.
    for (const double v : {0.0, -0.0, 1e5, 3e5, 1e8, 1e9, 1e300, 0.0009, 1e-6, 0.1 + 0.2, 1.0 / 3, 0.1234567,
                           std::numeric_limits<double>::infinity(), -std::numeric_limits<double>::infinity(),
                           std::numeric_limits<double>::quiet_NaN(), std::numeric_limits<double>::denorm_min()}) {
        INFO(standard_text_of(v));
        CHECK(short_text_of(v).empty());
    }
    std::mt19937_64 random(6);
    std::size_t taken = 0;
    for (int i = 0; i < 500'000; ++i) {
        const double scale = std::pow(10.0, static_cast<double>(random() % 9));
        double v = static_cast<double>(static_cast<std::int64_t>(random()) >> random() % 64) / scale;
        if (i % 16 == 0) v = std::nextafter(v, i % 32 == 0 ? 1e300 : -1e300); // beside one with few places
        const std::string text = short_text_of(v);
        if (text.empty()) continue;
        ++taken;
        if (text != standard_text_of(v)) REQUIRE(text == standard_text_of(v));
    }
    CHECK(taken > (rounds_each_step ? 100'000 : 10'000));
}

TEST_CASE("a decimal is read up to what is no digit, and stays at 2^32") {
    const auto read = [](std::string_view text) {
        const wire::decimal d = wire::read_decimal(text);
        return std::pair(d.value, d.length);
    };
    using result = std::pair<std::uint64_t, std::size_t>;
    CHECK(read("") == result(0, 0));
    CHECK(read("-1") == result(0, 0));
    CHECK(read("+1") == result(0, 0));
    CHECK(read("0") == result(0, 1));
    CHECK(read("007-0x1") == result(7, 3));
    CHECK(read("4294967295") == result(4'294'967'295, 10));
    CHECK(read("4294967296") == result(4'294'967'296, 10));
    CHECK(read("18446744073709551617") == result(4'294'967'296, 20));
}
