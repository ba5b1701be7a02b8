// Reads Arrow arrays the plain way, from nothing but the structs, and checks them on the way.
#pragma once

#include "catch.hpp"

#include <cstdint>
#include <cstring>
#include <string>

#include <nlohmann/json.hpp>

#include <sfcdc/row/arrow_abi.hpp>
#include <sfcdc/row/convert.hpp>

namespace arrow_reader {

using nlohmann::ordered_json;

inline bool bit(const void* bits, std::int64_t at) {
    return (static_cast<const unsigned char*>(bits)[at / 8] >> at % 8 & 1) != 0;
}
template<class T> T item(const void* values, std::int64_t at) {
    T out;
    std::memcpy(&out, static_cast<const char*>(values) + at * static_cast<std::int64_t>(sizeof(T)), sizeof(T));
    return out;
}

// 128 bits as decimal digits with a point in front of the last `scale`; zeros at the end, and a bare point, are left out.
inline std::string decimal(const void* values, std::int64_t at, int scale) {
    auto low = item<std::uint64_t>(values, 2 * at), high = item<std::uint64_t>(values, 2 * at + 1);
    const bool negative = high >> 63 != 0;
    if (negative) {
        low = 0 - low;
        high = ~high + (low == 0 ? 1 : 0);
    }
    std::string digits;
    while (low != 0 || high != 0) { // division by ten, 32 bits at a time
        std::uint64_t rest = 0;
        std::uint32_t parts[] = {static_cast<std::uint32_t>(high >> 32), static_cast<std::uint32_t>(high),
                                 static_cast<std::uint32_t>(low >> 32), static_cast<std::uint32_t>(low)};
        for (std::uint32_t& part : parts) {
            rest = rest << 32 | part;
            part = static_cast<std::uint32_t>(rest / 10);
            rest %= 10;
        }
        high = std::uint64_t{parts[0]} << 32 | parts[1];
        low = std::uint64_t{parts[2]} << 32 | parts[3];
        digits.insert(digits.begin(), static_cast<char>('0' + rest));
    }
    while (digits.size() <= static_cast<std::size_t>(scale)) digits.insert(digits.begin(), '0');
    if (scale != 0) {
        digits.insert(digits.size() - static_cast<std::size_t>(scale), ".");
        digits.resize(digits.find_last_not_of('0') + 1);
        if (digits.back() == '.') digits.pop_back();
    }
    return (negative ? "-" : "") + digits;
}

// The value of one row, as the JSON rows have it.
inline ordered_json value(const ArrowSchema& s, const ArrowArray& a, std::int64_t row) {
    const std::string format = s.format;
    REQUIRE(a.offset == 0);
    REQUIRE(row < a.length);
    if (a.buffers[0] == nullptr) REQUIRE(a.null_count == 0);
    if (a.buffers[0] != nullptr && !bit(a.buffers[0], row)) return nullptr;
    const auto text = [&](const ArrowArray& of, std::int64_t at) {
        REQUIRE(of.n_buffers == 3);
        const auto begin = item<std::int32_t>(of.buffers[1], at), end = item<std::int32_t>(of.buffers[1], at + 1);
        REQUIRE(begin >= 0);
        REQUIRE(begin <= end);
        return std::string(static_cast<const char*>(of.buffers[2]) + begin, static_cast<std::size_t>(end - begin));
    };
    if (format == "u" || format == "z") return text(a, row);
    if (format == "+l") {
        REQUIRE(a.n_buffers == 2);
        REQUIRE(a.n_children == 1);
        ordered_json out = ordered_json::array();
        for (auto i = item<std::int32_t>(a.buffers[1], row); i < item<std::int32_t>(a.buffers[1], row + 1); ++i) {
            REQUIRE(i < a.children[0]->length);
            out.push_back(text(*a.children[0], i));
        }
        return out;
    }
    REQUIRE(a.n_buffers == 2);
    if (format == "b") return bit(a.buffers[1], row);
    if (format == "i") return item<std::int32_t>(a.buffers[1], row);
    if (format == "l" || format == "tsu:UTC") return item<std::int64_t>(a.buffers[1], row);
    if (format == "g") return item<double>(a.buffers[1], row);
    if (format == "tdD")
        return std::string(std::string_view(sfcdc::row::date_text(item<std::int32_t>(a.buffers[1], row))));
    if (format.starts_with("d:")) return decimal(a.buffers[1], row, std::stoi(format.substr(format.find(',') + 1)));
    FAIL("an unknown format " << format);
    return {};
}

// Null counts are those of the bitmaps, and what is null holds zeros.
inline void check_nulls(const ArrowSchema& s, const ArrowArray& a) {
    std::int64_t nulls = 0;
    const std::string format = s.format;
    for (std::int64_t row = 0; row < a.length; ++row) {
        if (a.buffers[0] == nullptr || bit(a.buffers[0], row)) continue;
        ++nulls;
        if (format == "l" || format == "tsu:UTC" || format == "g") CHECK(item<std::int64_t>(a.buffers[1], row) == 0);
        if (format == "i" || format == "tdD") CHECK(item<std::int32_t>(a.buffers[1], row) == 0);
        if (format == "b") CHECK_FALSE(bit(a.buffers[1], row));
    }
    CHECK(a.null_count == nulls);
}

inline ordered_json row_of(const ArrowSchema& s, const ArrowArray& a, std::int64_t row) {
    REQUIRE(std::string(s.format) == "+s");
    REQUIRE(s.n_children == a.n_children);
    ordered_json out = ordered_json::object();
    for (std::int64_t i = 0; i < a.n_children; ++i) {
        REQUIRE(a.children[i]->length == a.length);
        INFO(s.children[i]->name);
        out[s.children[i]->name] = value(*s.children[i], *a.children[i], row);
    }
    return out;
}

} // namespace arrow_reader
