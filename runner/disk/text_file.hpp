// Small files that are read as a whole, and the text of the configuration that stands for one of them.
#pragma once

#include <cstddef>
#include <filesystem>
#include <string>
#include <string_view>
#include <vector>

namespace sfcdc::runner {

// The content of a file, or why it cannot be had ("it is a folder"), for a message.
struct file_text {
    std::string text;
    std::string bad;
};
// Files of more than `longest` bytes are refused; `regular_only` refuses devices and pipes, too.
file_text read_text_file(const std::filesystem::path& path, std::size_t longest, bool regular_only);

// Names a character that no value may have ("a NUL"): values become headers, requests and lines of a log. Empty when there is none.
std::string control_character(std::string_view text);

// What a text of the configuration stands for, or what is wrong with it.
struct expansion {
    std::string text;
    std::string bad;
    std::vector<std::filesystem::path> files; // that were read for it
};
// Replaces ${NAME} by the environment variable and ${file:PATH} by the content of the file, without the line feed at its end.
expansion expand(std::string_view written);

// A text of the configuration that is expanded at each use, so that a secret whose file is replaced works without a restart.
class secret {
  public:
    secret() = default;
    secret(std::string written) : written_(std::move(written)) {} // implicit: a text without ${} stands for itself

    expansion read() const { return expand(written_); }

  private:
    std::string written_;
};

} // namespace sfcdc::runner
