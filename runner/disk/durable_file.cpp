#include "durable_file.hpp"

#include "failure.hpp"

#include <cerrno>
#include <cstring>

#include <fcntl.h>
#include <unistd.h>

namespace sfcdc::runner {
namespace {

[[noreturn]] void fail(const std::filesystem::path& path, const char* doing) {
    throw failure(exit_code::failed, path.string() + ": cannot " + doing + ": " + std::strerror(errno) + ".");
}

} // namespace

durable_file::durable_file(std::filesystem::path path, mode m) : path_(std::move(path)) {
    const bool existed = std::filesystem::exists(path_);
    descriptor_ =
        ::open(path_.c_str(), O_WRONLY | O_CREAT | O_CLOEXEC | (m == mode::append ? O_APPEND : O_TRUNC), 0600);
    if (descriptor_ < 0) fail(path_, "open for writing");
    if (!existed) sync_directory(path_);
}

durable_file::durable_file(int descriptor) : path_("standard output"), descriptor_(descriptor), owned_(false) {}

durable_file::~durable_file() {
    if (owned_ && descriptor_ >= 0) ::close(descriptor_);
}

void durable_file::write(std::string_view bytes) {
    while (!bytes.empty()) {
        const ssize_t n = ::write(descriptor_, bytes.data(), bytes.size());
        if (n < 0 && errno == EINTR) continue;
        if (n < 0) fail(path_, "write");
        bytes.remove_prefix(static_cast<std::size_t>(n));
    }
}

void durable_file::sync() {
    if (owned_ && ::fsync(descriptor_) != 0) fail(path_, "write to the disk");
}

void sync_directory(const std::filesystem::path& of_file) {
    const std::filesystem::path directory = of_file.has_parent_path() ? of_file.parent_path() : ".";
    const int d = ::open(directory.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (d < 0) fail(directory, "open");
    const int done = ::fsync(d);
    ::close(d);
    if (done != 0) fail(directory, "write to the disk");
}

} // namespace sfcdc::runner
