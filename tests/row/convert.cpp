#include "catch.hpp"

#include <cstdint>
#include <cstdio>
#include <limits>
#include <string>
#include <string_view>

#include <sfcdc/row/convert.hpp>

using namespace sfcdc;

namespace {

std::string or_none(const std::optional<row::short_text>& text) {
    return text ? std::string(std::string_view(*text)) : "none";
}

} // namespace

TEST_CASE("convert: milliseconds become microseconds as far as 64 bits reach") {
    CHECK(row::microseconds_of(1'760'000'000'123) == 1'760'000'000'123'000);
    CHECK(row::microseconds_of(-1) == -1000);
    CHECK(row::microseconds_of(9'223'372'036'854'775) == 9'223'372'036'854'775'000);
    CHECK(row::microseconds_of(9'223'372'036'854'776) == std::nullopt);
    CHECK(row::microseconds_of(-9'223'372'036'854'775) == -9'223'372'036'854'775'000);
    CHECK(row::microseconds_of(std::numeric_limits<std::int64_t>::min()) == std::nullopt);
}

TEST_CASE("convert: a time is in the day that has begun, also before 1970") {
    CHECK(row::days_of(0) == 0);
    CHECK(row::days_of(86'399'999) == 0);
    CHECK(row::days_of(86'400'000) == 1);
    CHECK(row::days_of(-1) == -1);
    CHECK(row::days_of(-86'400'000) == -1);
    CHECK(row::days_of(-86'400'001) == -2);
    CHECK(row::days_of(std::int64_t{2'147'483'647} * 86'400'000) == 2'147'483'647);
    CHECK(row::days_of(std::int64_t{2'147'483'648} * 86'400'000) == std::nullopt);
    CHECK(row::days_of(std::numeric_limits<std::int64_t>::min()) == std::nullopt);
}

TEST_CASE("convert: a time of the day has three decimals and is within a day") {
    CHECK(or_none(row::time_of(0)) == "00:00:00.000Z");
    CHECK(or_none(row::time_of(30'600'007)) == "08:30:00.007Z");
    CHECK(or_none(row::time_of(86'399'999)) == "23:59:59.999Z");
    CHECK(or_none(row::time_of(86'400'000)) == "none");
    CHECK(or_none(row::time_of(-1)) == "none");
}

TEST_CASE("convert: dates follow the calendar") {
    const auto date = [](std::int32_t days) { return std::string(std::string_view(row::date_text(days))); };
    CHECK(date(0) == "1970-01-01");
    CHECK(date(-1) == "1969-12-31");
    CHECK(date(19'782) == "2024-02-29");
    CHECK(date(20'784) == "2026-11-27");
    CHECK(date(-719'528) == "0000-01-01");
    CHECK(date(-719'529) == "-0001-12-31");
    CHECK(date(2'932'896) == "9999-12-31");
    CHECK(date(2'932'897) == "10000-01-01");
    CHECK(date(11'016) == "2000-02-29");
    CHECK(date(47'541) == "2100-03-01"); // 2100 has no 29th of February
}

TEST_CASE("convert: each day follows the day before it") {
    int year = 1600, month = 1, day = 1;
    const auto days_of_month = [&] {
        const bool leap = (year % 4 == 0 && year % 100 != 0) || year % 400 == 0;
        const int days[] = {31, leap ? 29 : 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
        return days[month - 1];
    };
    for (std::int32_t n = -135'140; n < 160'000; ++n) { // 1600-01-01 is 135,140 days before 1970
        char text[40];
        std::snprintf(text, sizeof text, "%04d-%02d-%02d", year, month, day);
        if (std::string_view(row::date_text(n)) != text) FAIL_CHECK(n << " is not " << text);
        if (++day > days_of_month()) day = 1, ++month;
        if (month > 12) month = 1, ++year;
    }
}

TEST_CASE("convert: a decimal is exact or nothing") {
    CHECK(or_none(row::decimal_of(12.5, 38, 2)) == "12.5");
    CHECK(or_none(row::decimal_of(-0.05, 38, 2)) == "-0.05");
    CHECK(or_none(row::decimal_of(0.0, 2, 2)) == "0");
    CHECK(or_none(row::decimal_of(-0.0, 2, 2)) == "0");
    CHECK(or_none(row::decimal_of(0.25, 2, 2)) == "0.25");
    CHECK(or_none(row::decimal_of(1.25, 2, 2)) == "none"); // no digit is left in front of the point
    CHECK(or_none(row::decimal_of(0.125, 38, 2)) == "none");
    CHECK(or_none(row::decimal_of(0.1 + 0.2, 38, 2)) == "none"); // 0.30000000000000004
    CHECK(or_none(row::decimal_of(1e21, 38, 2)) == "1000000000000000000000");
    CHECK(or_none(row::decimal_of(1e36, 38, 2)) == "none"); // 37 digits and two behind the point
    CHECK(or_none(row::decimal_of(1e300, 38, 0)) == "none");
    CHECK(or_none(row::decimal_of(1e-300, 38, 38)) == "none");
    CHECK(or_none(row::decimal_of(std::numeric_limits<double>::quiet_NaN(), 38, 2)) == "none");
    CHECK(or_none(row::decimal_of(-std::numeric_limits<double>::infinity(), 38, 2)) == "none");
    CHECK(or_none(row::decimal_of(std::numeric_limits<double>::denorm_min(), 38, 2)) == "none");
    CHECK(or_none(row::decimal_of(std::int64_t{-1234}, 6, 2)) == "-1234");
    CHECK(or_none(row::decimal_of(std::int64_t{12'345}, 6, 2)) == "none");
    CHECK(or_none(row::decimal_of(std::int64_t{0}, 2, 2)) == "0");
    CHECK(or_none(row::decimal_of(std::numeric_limits<std::int64_t>::min(), 38, 2)) == "-9223372036854775808");
}
