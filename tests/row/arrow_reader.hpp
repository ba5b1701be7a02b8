// Reads Arrow arrays the plain way, from nothing but the structs, and checks them on the way.
#pragma once

#include "catch.hpp"
#include "reference/arrow_values.hpp"

#include <cstdint>
#include <cstring>
#include <string>

#include <nlohmann/json.hpp>

#include <sfcdc/row/arrow_abi.hpp>
#include <sfcdc/row/convert.hpp>

namespace arrow_reader {

using nlohmann::ordered_json;

using reference::bit;
using reference::decimal;
using reference::item;

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
