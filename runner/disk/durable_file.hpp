// A file that is only ever appended to or replaced as a whole, with errors as exceptions and fsync where it is said.
#pragma once

#include <filesystem>
#include <string_view>

namespace sfcdc::runner {

class durable_file {
  public:
    enum class mode { append, replace };

    // Creates the file, readable by its owner only: rows and dead letters are customer data. Throws failure.
    durable_file(std::filesystem::path path, mode m);
    explicit durable_file(int descriptor); // not closed; sync() then does nothing (a pipe or terminal)
    ~durable_file();
    durable_file(const durable_file&) = delete;
    durable_file& operator=(const durable_file&) = delete;

    void write(std::string_view bytes); // all of them, or throws failure
    void sync();                        // returns once they are on the disk

  private:
    std::filesystem::path path_;
    int descriptor_ = -1;
    bool owned_ = true;
};

// After a rename or a new file: makes the directory entry durable.
void sync_directory(const std::filesystem::path& of_file);

} // namespace sfcdc::runner
