#include "lock.hpp"

#include "../operations/failure.hpp"

#include <cerrno>
#include <cstdio>
#include <fstream>
#include <string>
#include <string_view>
#include <system_error>

#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <unistd.h>

namespace sfcdc::runner {
// From /proc/locks, whose lines end with the process id, the device (hexadecimal), the inode and a range:
//     1: FLOCK  ADVISORY  WRITE 1234 fe:00:5678 0 EOF
std::string lock_holder(int descriptor) {
    struct stat file{};
    if (::fstat(descriptor, &file) != 0) return "another process";
    std::ifstream locks("/proc/locks");
    for (std::string line; std::getline(locks, line);) {
        char kind[16] = {};
        long process = 0;
        unsigned major_device = 0, minor_device = 0;
        unsigned long long inode = 0;
        if (std::sscanf(line.c_str(), "%*d: %15s %*s %*s %ld %x:%x:%llu", kind, &process, &major_device,
                        &minor_device, &inode)
                == 5
            && std::string_view(kind) == "FLOCK" && process > 0 && inode == file.st_ino
            && ::makedev(major_device, minor_device) == file.st_dev)
            return process == ::getpid() ? "another pipeline of this process" : "process " + std::to_string(process);
    }
    return "another process";
}

state_lock::state_lock(const std::filesystem::path& state) : state_(state) {
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
        fail(state.string() + ": " + lock_holder(descriptor_)
             + " runs with this position. One process at a time may: stop it, or name another file here.");
    }
    const std::string id = std::to_string(::getpid()) + "\n";
    if (::ftruncate(descriptor_, 0) != 0
        || ::pwrite(descriptor_, id.data(), id.size(), 0) != static_cast<ssize_t>(id.size()))
        fail(file.string() + ": cannot write: " + std::generic_category().message(errno) + ".");
}

bool state_lock::still_there() const {
    struct stat ours{}, there{};
    return ::fstat(descriptor_, &ours) == 0 && ::stat(file_of(state_).c_str(), &there) == 0
           && ours.st_ino == there.st_ino && ours.st_dev == there.st_dev;
}

state_lock::~state_lock() {
    if (descriptor_ >= 0) ::close(descriptor_);
}

} // namespace sfcdc::runner
