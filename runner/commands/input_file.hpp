// A file, device or pipe that a command reads, with bounded memory, and the sentences that say why it cannot be read.
#pragma once

#include "../operations/log.hpp"

#include <cerrno>
#include <cstddef>
#include <optional>
#include <string>
#include <string_view>
#include <system_error>
#include <utility>

#include <fcntl.h>
#include <unistd.h>

namespace sfcdc::runner {

// Reads one file from its beginning to its end, or line by line.
class input_file {
  public:
    // Opens the path. `expected` completes the sentences about what was found in its place: "the Avro schema (.avsc)".
    static input_file open(const std::string& path, std::string expected) {
        const int descriptor = ::open(path.c_str(), O_RDONLY | O_CLOEXEC);
        std::string problem = descriptor < 0 ? "cannot be opened: " + message_of(errno) : "";
        return {descriptor, true, log::one_line(path), std::move(expected), std::move(problem)};
    }

    static input_file standard_input(std::string expected) {
        return {STDIN_FILENO, false, "standard input", std::move(expected), ""};
    }

    input_file(const input_file&) = delete;
    input_file& operator=(const input_file&) = delete;
    ~input_file() {
        if (owned_ && descriptor_ >= 0) ::close(descriptor_);
    }

    // Fit for a message: it has no control characters.
    const std::string& name() const noexcept { return name_; }

    // Why the last call of all() or line() returned nothing, or "" when the end was reached. A predicate without its
    // subject, which is name().
    const std::string& problem() const noexcept { return problem_; }

    // Everything up to the end. Nothing, and a problem, if that cannot be read or has more than `limit` bytes.
    std::optional<std::string> all(std::size_t limit) {
        std::string out;
        while (fill()) {
            if (rest().size() > limit - out.size()) return too_long(limit);
            out += rest();
            begin_ = end_;
        }
        return problem_.empty() ? std::optional(std::move(out)) : std::nullopt;
    }

    // The next line without its newline. Nothing at the end; nothing, and a problem, if the line has more than `limit`
    // bytes or cannot be read to its end: half a line would be taken for a damaged payload.
    std::optional<std::string> line(std::size_t limit) {
        std::string out;
        bool any = false;
        while (fill()) {
            any = true;
            const std::size_t end = rest().find('\n');
            const std::string_view piece = rest().substr(0, end);
            if (piece.size() > limit - out.size()) return too_long(limit);
            out += piece;
            begin_ += piece.size();
            if (end == std::string_view::npos) continue;
            ++begin_;
            return out;
        }
        return any && problem_.empty() ? std::optional(std::move(out)) : std::nullopt;
    }

  private:
    input_file(int descriptor, bool owned, std::string name, std::string expected, std::string problem)
        : descriptor_(descriptor),
          owned_(owned),
          name_(std::move(name)),
          expected_(std::move(expected)),
          problem_(std::move(problem)) {}

    static std::string message_of(int number) { return std::generic_category().message(number); }

    std::string_view rest() const noexcept { return {buffer_ + begin_, end_ - begin_}; }

    std::nullopt_t too_long(std::size_t limit) {
        problem_ = "has more than " + std::to_string(limit) + " bytes, more than " + expected_ + " may have";
        return std::nullopt;
    }

    // Reads on when the buffer is used up. False at the end, and when reading fails, which is then the problem.
    bool fill() {
        if (!problem_.empty()) return false;
        if (begin_ != end_) return true;
        ssize_t count;
        do count = ::read(descriptor_, buffer_, sizeof buffer_);
        while (count < 0 && errno == EINTR);
        if (count < 0)
            problem_ = errno == EISDIR ? "is a folder, " + expected_ + " was expected"
                                       : "cannot be read: " + message_of(errno);
        begin_ = 0;
        end_ = count > 0 ? static_cast<std::size_t>(count) : 0;
        return count > 0;
    }

    int descriptor_;
    bool owned_;
    std::string name_;
    std::string expected_;
    std::string problem_;
    std::size_t begin_ = 0;
    std::size_t end_ = 0;
    char buffer_[64 << 10];
};

} // namespace sfcdc::runner
