// Values of Salesforce as values of a table's types. Each function says what does not fit.
// Source: Salesforce writes times as milliseconds since the epoch, dates as those of 00:00 UTC, times of a day as those
// since midnight, and amounts as doubles; Unity Catalog has microseconds, days and exact decimals.
#pragma once

#include <charconv>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <optional>
#include <string_view>

#include <sfcdc/wire/decimal.hpp>

namespace sfcdc::inline v0::row {

// Microseconds of milliseconds. Nothing beyond the 292,000 years that 64 bits hold.
constexpr std::optional<std::int64_t> microseconds_of(std::int64_t ms) noexcept {
    constexpr std::int64_t most = std::numeric_limits<std::int64_t>::max() / 1000;
    if (ms < -most || ms > most) return std::nullopt;
    return ms * 1000;
}

// The day that a time is in, counted from 1970-01-01, also before it. Nothing beyond 32 bits.
constexpr std::optional<std::int32_t> days_of(std::int64_t ms) noexcept {
    constexpr std::int64_t day = 86'400'000;
    const std::int64_t days = ms / day - (ms % day < 0 ? 1 : 0);
    if (days < std::numeric_limits<std::int32_t>::min() || days > std::numeric_limits<std::int32_t>::max())
        return std::nullopt;
    return static_cast<std::int32_t>(days);
}

// A text of at most 64 characters that is made for one value. It owns its characters.
class short_text {
  public:
    static constexpr std::size_t room = 64;

    operator std::string_view() const noexcept { return {text_, size_}; } // NOLINT: it is a text
    char* begin() noexcept { return text_; }
    void end_at(const char* end) noexcept { size_ = static_cast<std::size_t>(end - text_); }

  private:
    char text_[room] = {};
    std::size_t size_ = 0;
};

// "08:30:00.000Z" of milliseconds since midnight. Nothing for what is no time of a day.
inline std::optional<short_text> time_of(std::int64_t ms) noexcept {
    if (ms < 0 || ms >= 86'400'000) return std::nullopt;
    short_text out;
    char* to = out.begin();
    const auto put = [&](std::int64_t n, int digits, char behind) {
        for (int i = digits - 1; i >= 0; --i, n /= 10) to[i] = static_cast<char>('0' + n % 10);
        to[digits] = behind;
        to += digits + 1;
    };
    put(ms / 3'600'000, 2, ':');
    put(ms / 60'000 % 60, 2, ':');
    put(ms / 1000 % 60, 2, '.');
    put(ms % 1000, 3, 'Z');
    out.end_at(to);
    return out;
}

// "2026-11-27" of days since the epoch, in the calendar that is used today for all times; years beyond four digits have
// as many as they need, and a minus sign before year 0.
inline short_text date_text(std::int32_t days) noexcept {
    // Source: H. Hinnant, "chrono-compatible low-level date algorithms": a year begins in March, so that the leap day is
    // its last one, and 400 years have 146,097 days.
    const std::int64_t z = std::int64_t{days} + 719'468;
    const std::int64_t era = (z >= 0 ? z : z - 146'096) / 146'097;
    const std::int64_t day_of_era = z - era * 146'097;
    const std::int64_t year_of_era =
        (day_of_era - day_of_era / 1460 + day_of_era / 36'524 - day_of_era / 146'096) / 365;
    const std::int64_t day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    const std::int64_t month_from_march = (5 * day_of_year + 2) / 153;
    const std::int64_t day = day_of_year - (153 * month_from_march + 2) / 5 + 1;
    const std::int64_t month = month_from_march < 10 ? month_from_march + 3 : month_from_march - 9;
    std::int64_t year = year_of_era + era * 400 + (month <= 2 ? 1 : 0);
    short_text out;
    char* to = out.begin();
    if (year < 0) {
        *to++ = '-';
        year = -year;
    }
    for (std::int64_t least = 1000; least > 1 && year < least; least /= 10) *to++ = '0';
    to = wire::write_decimal(to, year);
    const auto put = [&](std::int64_t n) {
        *to++ = '-';
        *to++ = static_cast<char>('0' + n / 10);
        *to++ = static_cast<char>('0' + n % 10);
    };
    put(month);
    put(day);
    out.end_at(to);
    return out;
}

// An amount as its exact digits: the shortest number that reads back to the same double, without an exponent. Nothing for
// what has more than `scale` digits behind the point, or more than precision - scale in front of it: it would have to be
// rounded. Precondition: scale <= precision <= 38.
inline std::optional<short_text> decimal_of(double v, std::uint8_t precision, std::uint8_t scale) noexcept {
    const double size = v < 0 ? -v : v;
    const bool fits = v == 0 || (size >= 1e-38 && size < 1e38); // It is false for what is not a number.
    if (!fits) return std::nullopt;
    if (v == 0) v = 0; // a decimal has no negative zero
    short_text out;
    char digits[400]; // fixed notation of the largest and the smallest double has fewer
    char* const begin = digits;
    char* end = std::to_chars(begin, begin + sizeof digits, v, std::chars_format::fixed).ptr;
    const char* const first = begin + (*begin == '-' ? 1 : 0);
    const char* point = first;
    while (point != end && *point != '.') ++point;
    const auto in_front = static_cast<std::size_t>(point - first);
    const std::size_t behind = point == end ? 0 : static_cast<std::size_t>(end - point - 1);
    const bool only_zero = in_front == 1 && *first == '0';
    if (behind > scale || (!only_zero && in_front > std::size_t{precision} - scale)) return std::nullopt;
    const std::string_view text(begin, static_cast<std::size_t>(end - begin));
    out.end_at(out.begin() + text.copy(out.begin(), short_text::room));
    return out;
}
inline std::optional<short_text> decimal_of(std::int64_t v, std::uint8_t precision, std::uint8_t scale) noexcept {
    short_text out;
    const char* const end = wire::write_decimal(out.begin(), v);
    out.end_at(end);
    const std::size_t digits = std::string_view(out).size() - (v < 0 ? 1 : 0);
    if (v != 0 && digits > std::size_t{precision} - scale) return std::nullopt;
    return out;
}

} // namespace sfcdc::inline v0::row
