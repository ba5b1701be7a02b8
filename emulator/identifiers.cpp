#include "identifiers.hpp"

#include <array>
#include <mutex>
#include <random>

namespace emulator {
namespace {

constexpr std::string_view base62 = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";

template<typename action> auto with_fresh_dice(action&& run) {
    static std::mutex mutex;
    static dice fresh((std::uint64_t{std::random_device{}()} << 32) | std::random_device{}());
    std::lock_guard lock(mutex);
    return run(fresh);
}

} // namespace

std::string lower_hex(std::string_view bytes) {
    constexpr std::string_view digits = "0123456789abcdef";
    std::string out;
    out.reserve(bytes.size() * 2);
    for (const char c : bytes) {
        const auto byte = static_cast<unsigned char>(c);
        out += digits[byte >> 4];
        out += digits[byte & 15];
    }
    return out;
}

std::string uuid(dice& from) {
    std::string bytes;
    for (int half = 0; half < 2; ++half)
        for (std::uint64_t bits = from.roll(), i = 0; i < 8; ++i, bits >>= 8) bytes += static_cast<char>(bits & 0xff);
    bytes[6] = static_cast<char>((bytes[6] & 0x0f) | 0x40);
    bytes[8] = static_cast<char>((bytes[8] & 0x3f) | 0x80);
    std::string text = lower_hex(bytes);
    for (const std::size_t at : {8u, 13u, 18u, 23u}) text.insert(at, 1, '-');
    return text;
}

std::string fresh_uuid() {
    return with_fresh_dice([](dice& d) { return uuid(d); });
}

std::string fresh_token(std::size_t length) {
    return with_fresh_dice([&](dice& d) {
        std::string token;
        while (token.size() < length) token += d.pick(base62);
        return token;
    });
}

std::string record_id(std::string_view key_prefix, std::uint64_t number) {
    std::string id(15, '0');
    id.replace(0, 3, key_prefix);
    id.replace(3, 2, "Em");
    for (std::size_t at = 14; number != 0 && at > 4; --at, number /= 62) id[at] = base62[number % 62];

    constexpr std::string_view checks = "ABCDEFGHIJKLMNOPQRSTUVWXYZ012345";
    for (std::size_t chunk = 0; chunk < 3; ++chunk) {
        std::size_t capitals = 0;
        for (std::size_t i = 0; i < 5; ++i) {
            const char c = id[chunk * 5 + i];
            if (c >= 'A' && c <= 'Z') capitals |= std::size_t{1} << i;
        }
        id += checks[capitals];
    }
    return id;
}

std::string base64url(std::string_view bytes) {
    constexpr std::string_view digits = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
    std::string out;
    std::uint32_t bits = 0;
    unsigned held = 0;
    for (const char c : bytes) {
        bits = (bits << 8) | static_cast<unsigned char>(c);
        for (held += 8; held >= 6; held -= 6) out += digits[(bits >> (held - 6)) & 63];
    }
    if (held != 0) out += digits[(bits << (6 - held)) & 63];
    return out;
}

std::optional<std::string> from_base64url(std::string_view text) {
    constexpr std::string_view digits = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
    std::string out;
    std::uint32_t bits = 0;
    unsigned held = 0;
    for (const char c : text) {
        const std::size_t digit = digits.find(c);
        if (digit == digits.npos) return std::nullopt;
        bits = (bits << 6) | static_cast<std::uint32_t>(digit);
        if ((held += 6) < 8) continue;
        held -= 8;
        out += static_cast<char>((bits >> held) & 0xff);
    }
    return out;
}

std::string entity_of_event(std::string event) {
    constexpr std::string_view ending = "ChangeEvent";
    if (!event.ends_with(ending)) return event;
    event.resize(event.size() - ending.size());
    if (event.ends_with("__")) event += 'c';
    return event;
}

} // namespace emulator
