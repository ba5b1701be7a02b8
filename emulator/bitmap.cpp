#include "bitmap.hpp"

#include <map>

namespace emulator {

std::string bitmap_hex(const std::set<std::size_t>& positions) {
    std::string text = "0x";
    if (positions.empty()) return text;
    std::vector<unsigned> bytes(*positions.rbegin() / 8 + 1);
    for (const std::size_t position : positions) bytes[position / 8] |= 1u << (position % 8);
    for (auto byte = bytes.rbegin(); byte != bytes.rend(); ++byte) {
        text += "0123456789ABCDEF"[*byte >> 4];
        text += "0123456789ABCDEF"[*byte & 15];
    }
    return text;
}

std::vector<std::string> field_bitmaps(const std::set<field_path>& paths) {
    std::set<std::size_t> top;
    std::map<std::size_t, std::set<std::size_t>> compounds;
    for (const auto& path : paths) {
        if (path.child)
            compounds[path.field].insert(*path.child);
        else
            top.insert(path.field);
    }
    std::vector<std::string> texts;
    if (!top.empty()) texts.push_back(bitmap_hex(top));
    for (const auto& [field, children] : compounds)
        texts.push_back(std::to_string(field) + "-" + bitmap_hex(children));
    return texts;
}

} // namespace emulator
