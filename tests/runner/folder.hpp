// A folder for one test, with what is in it.
#pragma once

#include <filesystem>
#include <fstream>
#include <iterator>
#include <string>

#include <unistd.h>

namespace test {

class folder {
  public:
    folder() {
        std::string name = (std::filesystem::temp_directory_path() / "sfcdc_test_XXXXXX").string();
        if (::mkdtemp(name.data()) == nullptr) throw std::filesystem::filesystem_error("mkdtemp", {});
        path_ = name;
    }
    ~folder() { std::filesystem::remove_all(path_); }
    folder(const folder&) = delete;
    folder& operator=(const folder&) = delete;

    std::filesystem::path operator/(const char* name) const { return path_ / name; }
    void write(const char* name, const std::string& content) const {
        std::ofstream(path_ / name, std::ios::binary) << content;
    }
    std::string read(const char* name) const {
        std::ifstream in(path_ / name, std::ios::binary);
        return {std::istreambuf_iterator<char>(in), {}};
    }
    bool has(const char* name) const {
        return std::filesystem::exists(std::filesystem::symlink_status(path_ / name));
    }
    // How many files and folders there are.
    std::size_t entries() const {
        std::size_t n = 0;
        for (auto at = std::filesystem::directory_iterator(path_); at != std::filesystem::directory_iterator(); ++at)
            ++n;
        return n;
    }

  private:
    std::filesystem::path path_;
};

} // namespace test
