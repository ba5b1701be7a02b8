// The committed schemas and events, read from tests/golden.
#pragma once

#include <fstream>
#include <iterator>
#include <stdexcept>
#include <string>
#include <vector>

#include <nlohmann/json.hpp>

namespace golden {

using json = nlohmann::ordered_json;

inline std::string file(const std::string& path) {
    std::ifstream in(path, std::ios::binary);
    if (!in) throw std::runtime_error("cannot read " + path);
    return {std::istreambuf_iterator<char>(in), {}};
}

inline std::string base64(const std::string& text) {
    const std::string digits = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    std::string out;
    unsigned bits = 0, held = 0;
    for (const char c : text) {
        if (c == '=') break;
        held = held << 6 | static_cast<unsigned>(digits.find(c));
        bits += 6;
        if (bits >= 8) out.push_back(static_cast<char>(held >> (bits -= 8) & 0xff));
    }
    return out;
}

struct event {
    std::string what, schema_file, schema_id, schema_json, payload;
    json expect;
};

inline const std::string& folder() {
    static const std::string path = std::string(SFCDC_SOURCE_ROOT) + "/tests/golden";
    return path;
}

inline std::string schema(const std::string& name) { return file(folder() + "/schemas/" + name); }

inline const std::vector<event>& events() {
    static const std::vector<event> all = [] {
        std::vector<event> out;
        for (const json& e : json::parse(file(folder() + "/events.json")))
            out.push_back({e.at("what"), e.at("schema_file"), e.at("schema_id"), schema(e.at("schema_file")),
                           base64(e.at("payload")), e.at("expect")});
        return out;
    }();
    return all;
}

} // namespace golden
