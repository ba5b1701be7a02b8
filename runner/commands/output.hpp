// Standard output of the commands that print: nothing that is lost goes unnoticed, and a reader that has seen enough (`| head`) is no error.
#pragma once

#include "../operations/failure.hpp"

#include <cerrno>
#include <cstdio>
#include <string>
#include <string_view>
#include <system_error>

#include <fcntl.h>
#include <unistd.h>

namespace sfcdc::runner {

// Nobody reads the output any more.
struct reader_gone {};

class output {
  public:
    // Throws failure when there is no standard output: the first file to be opened would get its number.
    output() {
        if (::fcntl(STDOUT_FILENO, F_GETFD) < 0) lost(errno);
    }
    // Each throws reader_gone, or failure when the text cannot be written.
    void write(std::string_view text) {
        if (std::fwrite(text.data(), 1, text.size(), stdout) != text.size()) lost(errno);
    }
    void flush() {
        if (std::fflush(stdout) != 0) lost(errno);
    }

  private:
    [[noreturn]] static void lost(int number) {
        if (number == EPIPE) throw reader_gone{};
        throw failure(exit_code::failed, "standard output cannot be written, so that something is missing there: "
                                             + std::generic_category().message(number) + ".");
    }
};

} // namespace sfcdc::runner
