// The folder that all contenders read: schema_NAME.json, NAME_*.bin (for each event a 32-bit little-endian length, then
// the Avro datum) and bitmaps_NAME.txt (one changedFields element a line).
#pragma once

#include <sys/mman.h>
#include <unistd.h>

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <memory>
#include <span>
#include <stdexcept>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace bench {

using bytes = std::span<const std::byte>;

// Events of one file side by side in one buffer, as they arrive in a FetchResponse.
struct data_set {
    std::string name; // "std_update"
    std::shared_ptr<const std::string> schema_json;
    std::string file;
    std::vector<bytes> events;
    std::uint64_t event_bytes = 0;
};

struct bitmap_set {
    std::string name; // "bitmaps_std"
    std::shared_ptr<const std::string> schema_json;
    std::string file;
    std::vector<std::string_view> elements;
    std::uint64_t element_bytes = 0;
};

struct schema_text {
    std::string name; // "schema_std"
    std::shared_ptr<const std::string> json;
};

struct folder {
    std::vector<data_set> data_sets;
    std::vector<bitmap_set> bitmap_sets;
    std::vector<schema_text> schemas;
};

inline std::string read_file(const std::filesystem::path& path) {
    std::ifstream in(path, std::ios::binary);
    if (!in) throw std::runtime_error("cannot read " + path.string());
    return {std::istreambuf_iterator<char>(in), {}};
}

inline data_set read_data_set(const std::filesystem::path& path, std::shared_ptr<const std::string> schema_json) {
    data_set out{path.stem().string(), std::move(schema_json), read_file(path), {}, 0};
    const bytes all = std::as_bytes(std::span(out.file));
    for (std::size_t at = 0; at < all.size();) {
        std::size_t length = 0;
        if (all.size() - at < 4) throw std::runtime_error(path.string() + " ends inside a length");
        for (std::size_t i = 0; i < 4; ++i) length |= std::to_integer<std::size_t>(all[at + i]) << 8 * i;
        at += 4;
        if (length > all.size() - at) throw std::runtime_error(path.string() + " ends inside an event");
        out.events.push_back(all.subspan(at, length));
        out.event_bytes += length;
        at += length;
    }
    if (out.events.empty()) throw std::runtime_error(path.string() + " has no events");
    return out;
}

inline bitmap_set read_bitmap_set(const std::filesystem::path& path, std::shared_ptr<const std::string> schema_json) {
    bitmap_set out{path.stem().string(), std::move(schema_json), read_file(path), {}, 0};
    const std::string_view all = out.file;
    for (std::size_t at = 0; at < all.size();) {
        const std::size_t end = std::min(all.find('\n', at), all.size());
        if (end != at) out.elements.push_back(all.substr(at, end - at));
        out.element_bytes += end - at;
        at = end + 1;
    }
    if (out.elements.empty()) throw std::runtime_error(path.string() + " has no bitmaps");
    return out;
}

// Every schema of the folder with what belongs to it; sorted, so that tables of two runs line up.
inline folder read_folder(const std::filesystem::path& where) {
    if (!std::filesystem::is_directory(where)) throw std::runtime_error("there is no folder " + where.string());
    std::vector<std::filesystem::path> files;
    for (const auto& entry : std::filesystem::directory_iterator(where)) files.push_back(entry.path());
    std::sort(files.begin(), files.end());

    folder out;
    for (const auto& schema : files) {
        const std::string stem = schema.stem().string();
        if (schema.extension() != ".json" || !stem.starts_with("schema_")) continue;
        const std::string name = stem.substr(7);
        out.schemas.push_back({stem, std::make_shared<const std::string>(read_file(schema))});
        for (const auto& file : files) {
            const std::string other = file.stem().string();
            if (file.extension() == ".bin" && other.starts_with(name + "_"))
                out.data_sets.push_back(read_data_set(file, out.schemas.back().json));
            if (file.extension() == ".txt" && other == "bitmaps_" + name)
                out.bitmap_sets.push_back(read_bitmap_set(file, out.schemas.back().json));
        }
    }
    if (out.schemas.empty()) throw std::runtime_error("no schema_*.json in " + where.string());
    return out;
}

// A copy that ends where its memory page ends, with an unreadable page behind it: a decoder that reads one byte too
// many stops the check right there, in a release build too.
class guarded_copy {
  public:
    explicit guarded_copy(bytes from) : page_(static_cast<std::size_t>(sysconf(_SC_PAGESIZE))) {
        size_ = (from.size() + page_ - 1) / page_ * page_ + page_;
        void* const memory = mmap(nullptr, size_, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
        if (memory == MAP_FAILED) throw std::runtime_error("mmap failed");
        memory_ = static_cast<std::byte*>(memory);
        if (mprotect(memory_ + size_ - page_, page_, PROT_NONE) != 0) throw std::runtime_error("mprotect failed");
        std::byte* const first = memory_ + size_ - page_ - from.size();
        if (!from.empty()) std::memcpy(first, from.data(), from.size());
        view_ = {first, from.size()};
    }
    guarded_copy(const guarded_copy&) = delete;
    guarded_copy& operator=(const guarded_copy&) = delete;
    ~guarded_copy() { munmap(memory_, size_); }

    bytes view() const noexcept { return view_; }
    std::string_view text() const noexcept { return {reinterpret_cast<const char*>(view_.data()), view_.size()}; }

  private:
    std::size_t page_;
    std::size_t size_ = 0;
    std::byte* memory_ = nullptr;
    bytes view_;
};

} // namespace bench
