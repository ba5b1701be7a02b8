#include "text_file.hpp"

#include <cerrno>
#include <cstdlib>
#include <system_error>

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

namespace sfcdc::runner {
namespace {

constexpr std::size_t longest_secret = 64u << 10;

} // namespace

file_text read_text_file(const std::filesystem::path& path, std::size_t longest, bool regular_only) {
    const int d = ::open(path.c_str(), O_RDONLY | O_CLOEXEC | (regular_only ? O_NONBLOCK : 0));
    if (d < 0) return {{}, std::generic_category().message(errno)};
    file_text out;
    struct stat found{};
    if (::fstat(d, &found) == 0 && S_ISDIR(found.st_mode))
        out.bad = "it is a folder";
    else if (regular_only && !S_ISREG(found.st_mode))
        out.bad = "it is no regular file";
    char piece[16'384];
    while (out.bad.empty()) {
        const ssize_t n = ::read(d, piece, sizeof piece);
        if (n < 0 && errno == EINTR) continue;
        if (n < 0) out.bad = std::generic_category().message(errno);
        if (n <= 0) break;
        out.text.append(piece, static_cast<std::size_t>(n));
        if (out.text.size() > longest) out.bad = "it is longer than " + std::to_string(longest) + " bytes";
    }
    ::close(d);
    return out;
}

std::string control_character(std::string_view text) {
    for (const char c : text) {
        const auto byte = static_cast<unsigned char>(c);
        if (c == '\r') return "a CR (from a file with Windows' line ends?)";
        if (c == '\n') return "a line break";
        if (c == '\0') return "a NUL";
        if (byte < 0x20 || byte == 0x7f) return "the control character " + std::to_string(byte);
    }
    return text.find("\xef\xbb\xbf") != text.npos ? "a byte order mark" : "";
}

expansion expand(std::string_view written) {
    expansion out;
    const auto wrong = [&](const std::string& what) {
        out.text.clear();
        out.bad = what;
        return out;
    };
    for (;;) {
        const std::size_t open = written.find("${");
        out.text += written.substr(0, open);
        if (open == std::string_view::npos) break;
        const std::size_t close = written.find('}', open);
        if (close == std::string_view::npos) return wrong("\"${\" without \"}\"");
        const std::string name(written.substr(open + 2, close - open - 2));
        if (name.starts_with("file:")) {
            const std::string path = name.substr(5);
            auto [content, bad] = read_text_file(path, longest_secret, true);
            if (content.ends_with('\n')) content.pop_back(); // as editors end a file
            if (bad.empty())
                if (const std::string odd = control_character(content); !odd.empty()) bad = "it has " + odd;
            if (!bad.empty()) return wrong("cannot read the file " + path + ": " + bad);
            out.files.emplace_back(path);
            out.text += content;
        } else if (const char* const value = std::getenv(name.c_str())) {
            if (const std::string odd = control_character(value); !odd.empty())
                return wrong("the environment variable " + name + " has " + odd);
            out.text += value;
        } else {
            return wrong("the environment variable " + name + " is not set");
        }
        written.remove_prefix(close + 1);
    }
    if (const std::string odd = control_character(out.text); !odd.empty()) return wrong("has " + odd);
    return out;
}

} // namespace sfcdc::runner
