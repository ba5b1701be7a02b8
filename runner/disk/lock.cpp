#include "lock.hpp"

#include "../operations/failure.hpp"

#include <cerrno>
#include <string>
#include <system_error>

#include <fcntl.h>
#include <sys/file.h>
#include <unistd.h>

namespace sfcdc::runner {
namespace {

std::string holder(int descriptor) {
    char digits[16];
    const ssize_t n = ::pread(descriptor, digits, sizeof digits, 0);
    std::string id;
    for (ssize_t i = 0; i < n && digits[i] >= '0' && digits[i] <= '9'; ++i) id += digits[i];
    return id.empty() ? "another process" : "process " + id;
}

} // namespace

state_lock::state_lock(const std::filesystem::path& state) {
    const std::filesystem::path file = file_of(state);
    const auto fail = [&](const std::string& what, exit_code code = exit_code::failed) {
        if (descriptor_ >= 0) ::close(descriptor_);
        throw failure(code, what);
    };
    descriptor_ = ::open(file.c_str(), O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
    if (descriptor_ < 0) {
        const bool disk = errno == ENOSPC || errno == EDQUOT || errno == EROFS || errno == EIO || errno == EMFILE
                          || errno == ENFILE;
        fail(file.string() + ": cannot open: " + std::generic_category().message(errno) + ".",
             disk ? exit_code::failed : exit_code::bad_config);
    }
    if (::flock(descriptor_, LOCK_EX | LOCK_NB) != 0) {
        if (errno != EWOULDBLOCK)
            fail(file.string() + ": cannot lock: " + std::generic_category().message(errno) + ".");
        fail(state.string() + ": " + holder(descriptor_)
             + " runs with this position. One process at a time may: stop it, or name another file here.");
    }
    const std::string id = std::to_string(::getpid()) + "\n";
    if (::ftruncate(descriptor_, 0) != 0
        || ::pwrite(descriptor_, id.data(), id.size(), 0) != static_cast<ssize_t>(id.size()))
        fail(file.string() + ": cannot write: " + std::generic_category().message(errno) + ".");
}

state_lock::~state_lock() {
    if (descriptor_ >= 0) ::close(descriptor_);
}

} // namespace sfcdc::runner
