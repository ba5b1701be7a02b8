#include "start_from.hpp"

#include <sfcdc/wire/hex.hpp>

#include <algorithm>
#include <charconv>
#include <chrono>

namespace sfcdc::runner {
namespace {

bool number(std::string_view& text, std::size_t digits, int& out) {
    if (text.size() < digits) return false;
    const auto [end, bad] = std::from_chars(text.data(), text.data() + digits, out);
    if (bad != std::errc() || end != text.data() + digits || out < 0) return false;
    text.remove_prefix(digits);
    return true;
}
bool sign(std::string_view& text, char c) {
    if (!text.starts_with(c)) return false;
    text.remove_prefix(1);
    return true;
}

// RFC 3339 in UTC: "2026-11-28T09:30:00Z", without the time of the day, or without seconds.
std::optional<std::int64_t> time_of(std::string_view text) {
    int y = 0, mo = 0, d = 0, h = 0, mi = 0, s = 0;
    if (!number(text, 4, y) || !sign(text, '-') || !number(text, 2, mo) || !sign(text, '-') || !number(text, 2, d))
        return std::nullopt;
    if (!text.empty()) {
        if (!sign(text, 'T') || !number(text, 2, h) || !sign(text, ':') || !number(text, 2, mi)) return std::nullopt;
        if (sign(text, ':') && !number(text, 2, s)) return std::nullopt;
        if (text != "Z") return std::nullopt;
    }
    const std::chrono::year_month_day day{std::chrono::year(y), std::chrono::month(static_cast<unsigned>(mo)),
                                          std::chrono::day(static_cast<unsigned>(d))};
    if (!day.ok() || h > 23 || mi > 59 || s > 59) return std::nullopt;
    const auto at =
        std::chrono::sys_days(day) + std::chrono::hours(h) + std::chrono::minutes(mi) + std::chrono::seconds(s);
    return std::chrono::duration_cast<std::chrono::milliseconds>(at.time_since_epoch()).count();
}

// Salesforce's replay ids have eight bytes or more. A text is taken as hexadecimal if its letters are all small or all capital, and as base64
// if it has padding or characters that hexadecimal has not. Words, dates and short numbers are refused, because a position that is set by
// a mistyped one would lose or repeat events.
std::optional<pubsub::replay_id> replay_id_of(std::string_view written) {
    constexpr std::size_t least_bytes = 8;
    const bool marked = written.starts_with("0x");
    const std::string_view digits = marked ? written.substr(2) : written;
    const auto only = [](std::string_view text, std::string_view signs) {
        return text.find_first_not_of(signs) == text.npos;
    };
    const bool hex =
        marked || only(digits, "0123456789abcdef") || (only(digits, "0123456789ABCDEF") && !only(digits, "ABCDEF"));
    const bool is_base64 = !hex
                           && (written.ends_with('=') || !only(written, "0123456789ABCDEFabcdefghijklmnopqrstuvwxyz"))
                           && !only(written, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz");
    if (!hex && !is_base64) return std::nullopt;
    auto [id, bad] = hex ? pubsub::replay_id::from_hex(digits) : pubsub::replay_id::from_base64(written);
    return bad || id.bytes().size() < least_bytes ? std::nullopt : std::optional(std::move(id));
}

} // namespace

start_from_text start_from_of(std::string_view written) {
    if (written == "earliest") return {};
    if (written == "latest") return {{.preset = start_position::latest}, {}};
    if (const auto at = time_of(written)) {
        if (std::chrono::milliseconds(*at) > std::chrono::system_clock::now().time_since_epoch())
            return {{}, "the time " + std::string(written) + " is not over yet: every event would be left out"};
        return {{.not_before = at}, {}};
    }
    if (auto id = replay_id_of(written)) return {{.replay_id = std::move(*id)}, {}};
    return {{},
            "earliest, latest, a replay id of eight bytes at least (hexadecimal or base64) or a time in UTC was "
            "expected, as in "
            "\"2026-11-28T09:30:00Z\", not \""
                + std::string(written) + "\""};
}

} // namespace sfcdc::runner
