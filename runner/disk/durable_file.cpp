#include "durable_file.hpp"

#include "../operations/failure.hpp"
#include "../operations/heartbeat.hpp"
#include "lock.hpp"

#include <nlohmann/json.hpp>
#include <spdlog/spdlog.h>

#include <algorithm>
#include <cerrno>
#include <optional>
#include <string>
#include <system_error>
#include <utility>

#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

namespace sfcdc::runner {
namespace {

namespace fs = std::filesystem;

// A row is a request of Zerobus at most, and in a dead letter its base64.
constexpr std::size_t longest_line = 32u << 20;

// Closes what an exception would leave open.
class descriptor {
  public:
    explicit descriptor(int d) noexcept : d_(d) {}
    ~descriptor() {
        if (d_ >= 0) ::close(d_);
    }
    descriptor(const descriptor&) = delete;
    descriptor& operator=(const descriptor&) = delete;
    operator int() const noexcept { return d_; }
    int release() noexcept { return std::exchange(d_, -1); }

  private:
    int d_;
};

[[noreturn]] void fail_with_errno(const fs::path& path, std::string_view doing, exit_code code = exit_code::failed) {
    throw failure(code, path.string() + ": cannot " + std::string(doing) + ": "
                            + std::generic_category().message(errno) + ".");
}

// The same before the first call. What a full or broken disk does is no mistake of the configuration: the next start may find it
// mended.
[[noreturn]] void refuse_with_errno(const fs::path& path, std::string_view doing) {
    const bool disk = errno == ENOSPC || errno == EDQUOT || errno == EIO || errno == EROFS || errno == EMFILE
                      || errno == ENFILE || errno == ENOMEM || errno == EINTR || errno == EFBIG;
    fail_with_errno(path, doing, disk ? exit_code::failed : exit_code::bad_config);
}

fs::path folder_of(const fs::path& file) { return file.has_parent_path() ? file.parent_path() : fs::path("."); }

// Makes the entries of the folder durable: a new name, or a rename.
void sync_folder(const fs::path& of_file) {
    const fs::path folder = folder_of(of_file);
    const descriptor d(::open(folder.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
    if (d < 0) fail_with_errno(folder, "open the folder");
    if (::fsync(d) != 0) fail_with_errno(folder, "write the folder to the disk");
}

void write_all(int d, const fs::path& path, std::string_view bytes) {
    while (!bytes.empty()) {
        const ssize_t n = ::write(d, bytes.data(), bytes.size());
        if (n < 0 && errno == EINTR) continue;
        if (n < 0) fail_with_errno(path, "write");
        bytes.remove_prefix(static_cast<std::size_t>(n));
    }
}

bool is_mount(const fs::path& path) {
    struct statx found{};
    return ::statx(AT_FDCWD, path.c_str(), AT_SYMLINK_NOFOLLOW, 0, &found) == 0
           && (found.stx_attributes_mask & found.stx_attributes & STATX_ATTR_MOUNT_ROOT) != 0;
}

// The kind of what is at the path, if there is something.
fs::file_type type_at(const fs::path& path, bool follow) {
    std::error_code bad;
    return (follow ? fs::status(path, bad) : fs::symlink_status(path, bad)).type();
}

failure bad(const fs::path& path, const std::string& what) {
    return {exit_code::bad_config, path.string() + ": " + what};
}

} // namespace

void prove_folder(const fs::path& of_file) {
    const fs::path folder = folder_of(of_file);
    if (type_at(folder, true) == fs::file_type::not_found && folder.filename() == "sfcdc") {
        if (::mkdir(folder.c_str(), 0700) != 0 && errno != EEXIST) refuse_with_errno(folder, "make the folder");
        sync_folder(folder);
    }
    switch (type_at(folder, true)) {
    case fs::file_type::directory: return;
    case fs::file_type::not_found:
        throw bad(of_file, "its folder " + folder.string() + " does not exist; make it, or mount it.");
    case fs::file_type::none: throw bad(of_file, "its folder " + folder.string() + " cannot be looked at.");
    default: throw bad(of_file, folder.string() + " is no folder.");
    }
}

void prove_state(const fs::path& state) {
    switch (type_at(state, true)) {
    case fs::file_type::regular:
    case fs::file_type::not_found: break;
    case fs::file_type::directory: throw bad(state, "is a folder; a file was expected.");
    default: throw bad(state, "is no regular file.");
    }
    prove_folder(state);
}

fs::path whole_path(const fs::path& path) {
    std::error_code bad;
    // Of a relative path of which nothing exists weakly_canonical() would keep the spelling.
    fs::path whole = fs::weakly_canonical(fs::absolute(path, bad), bad);
    // A link to a file that is not there yet keeps its own name, too.
    constexpr int most_links = 40; // as the system follows
    std::error_code not_there;
    for (int links = 0; links < most_links && !bad && fs::is_symlink(fs::symlink_status(whole, not_there)); ++links)
        whole = fs::weakly_canonical(whole.parent_path() / fs::read_symlink(whole, bad), bad);
    return bad ? path.lexically_normal() : whole;
}

// ---- lines

line_file::~line_file() { close(); }

void line_file::close() noexcept {
    if (descriptor_ >= 0 && path_ != "-") ::close(descriptor_);
    descriptor_ = -1;
}

void line_file::prove() {
    if (path_ == "-") {
        if (const int mode = ::fcntl(STDOUT_FILENO, F_GETFL); mode < 0 || (mode & O_ACCMODE) == O_RDONLY)
            throw bad("standard output", "it is closed, or cannot be written.");
        return;
    }
    prove_folder(path_);
    if (type_at(path_, false) == fs::file_type::symlink && type_at(path_, true) == fs::file_type::not_found)
        throw bad(path_, "is a link to a file that does not exist.");
    switch (type_at(path_, true)) {
    case fs::file_type::directory: throw bad(path_, "is a folder; a file was expected.");
    case fs::file_type::socket: throw bad(path_, "is a socket; a file was expected.");
    case fs::file_type::fifo:
    case fs::file_type::character:
        if (::access(path_.c_str(), W_OK) != 0) refuse_with_errno(path_, "open for writing");
        return;
    case fs::file_type::not_found: {
        const descriptor d(::open(path_.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600));
        if (d < 0) refuse_with_errno(path_, "create");
        ::unlink(path_.c_str());
        return;
    }
    default:
        if (::access(path_.c_str(), R_OK | W_OK) != 0) refuse_with_errno(path_, "open for reading and writing");
        open();
    }
}

void line_file::open() {
    close();
    ++number_;
    size_ = 0;
    if (path_ == "-") {
        descriptor_ = STDOUT_FILENO;
        struct stat found{};
        synced_ = ::fstat(descriptor_, &found) == 0 && S_ISREG(found.st_mode); // redirected into a file
        return;
    }
    const bool existed = type_at(path_, true) != fs::file_type::not_found;
    // Read and write: what is unfinished at the end is looked for. A pipe is opened for writing alone, which waits for its reader.
    const bool pipe = type_at(path_, true) == fs::file_type::fifo;
    std::optional<heartbeat::waits> for_the_reader;
    if (pipe) for_the_reader.emplace();
    descriptor opened(::open(path_.c_str(), (pipe ? O_WRONLY : O_RDWR) | O_CREAT | O_APPEND | O_CLOEXEC, 0600));
    for_the_reader.reset();
    if (opened < 0) fail_with_errno(path_, "open for writing");
    struct stat found{};
    if (::fstat(opened, &found) != 0) fail_with_errno(path_, "look at");
    regular_ = S_ISREG(found.st_mode);
    if (regular_ && ::flock(opened, LOCK_EX | LOCK_NB) != 0) {
        if (errno == EWOULDBLOCK)
            throw failure(exit_code::failed, path_.string() + ": " + lock_holder(opened)
                                                 + " writes to this file; each pipeline needs files of its own.");
        fail_with_errno(path_, "lock");
    }
    descriptor_ = opened.release();
    if (!regular_) return;
    if (!existed) sync_folder(path_);
    repair();
}

// What stands behind the last line feed was begun by a write that a crash or a full disk has ended. A line that is whole but for its
// line feed gets one; the beginning of a JSON object is cut off; anything else is not ours to change.
void line_file::repair() {
    struct stat found{};
    if (::fstat(descriptor_, &found) != 0) fail_with_errno(path_, "look at");
    std::string last; // from the last line feed on
    bool whole = false;
    for (off_t at = found.st_size; at > 0 && !whole;) {
        if (last.size() > longest_line)
            throw failure(exit_code::failed, path_.string() + ": its last " + std::to_string(last.size())
                                                 + " bytes have no line feed; this is no file of lines.");
        const off_t begin = std::max<off_t>(0, at - (off_t{1} << 20));
        std::string piece(static_cast<std::size_t>(at - begin), '\0');
        errno = EIO; // of a short read
        if (::pread(descriptor_, piece.data(), piece.size(), begin) != at - begin) fail_with_errno(path_, "read");
        whole = piece.find('\n') != piece.npos;
        last.insert(0, piece);
        at = begin;
    }
    if (const std::size_t feed = last.rfind('\n'); feed != last.npos) last.erase(0, feed + 1);
    if (last.empty()) return;
    if (nlohmann::json::accept(last)) return write_all("\n");
    if (last.front() != '{' && last.front() != '\0') // a loss of power may leave zeros
        throw failure(exit_code::failed,
                      path_.string()
                          + ": its last line has no end and is not of sfcdc; name another file, or end the line.");
    spdlog::warn(
        "{}: an earlier run left the last line unfinished: its {} bytes are cut off, and its event comes again",
        path_.string(), last.size());
    if (::ftruncate(descriptor_, found.st_size - static_cast<off_t>(last.size())) != 0)
        fail_with_errno(path_, "cut off its unfinished last line");
}

bool line_file::still_at_path() const {
    struct stat ours{}, there{};
    return ::fstat(descriptor_, &ours) == 0 && ::stat(path_.c_str(), &there) == 0 && ours.st_ino == there.st_ino
           && ours.st_dev == there.st_dev;
}

void line_file::begin_anew() {
    spdlog::warn("{}: the file was moved or deleted; a new one is begun", path_.string());
    open();
}

unsigned line_file::renew() {
    if (descriptor_ >= 0 && regular_ && !still_at_path()) begin_anew();
    if (descriptor_ < 0) open();
    struct stat found{};
    if (regular_ && ::fstat(descriptor_, &found) == 0) {
        const auto size = static_cast<std::uint64_t>(found.st_size);
        if (size < std::exchange(size_, size)) ++number_; // a rotation that copies and cuts off
    }
    return number_;
}

void line_file::append(std::string_view lines) {
    if (descriptor_ < 0) open();
    if (!regular_) {
        std::optional<heartbeat::waits> for_the_reader;
        if (!synced_) for_the_reader.emplace();
        write_all(lines);
        if (synced_ && ::fsync(descriptor_) != 0) fail_with_errno(path_, "write to the disk");
        return;
    }
    for (int turn = 0;; ++turn) {
        write_all(lines);
        if (::fsync(descriptor_) != 0) fail_with_errno(path_, "write to the disk");
        if (struct stat written{}; ::fstat(descriptor_, &written) == 0)
            size_ = static_cast<std::uint64_t>(written.st_size);
        if (still_at_path()) return;
        // Whoever moved or deleted it while we wrote may not have these lines: they are written again.
        if (turn == 3)
            throw failure(exit_code::failed,
                          path_.string() + ": the file is moved or deleted again and again while it is written.");
        begin_anew();
    }
}

void line_file::write_all(std::string_view bytes) {
    struct stat before{};
    const bool known = regular_ && ::fstat(descriptor_, &before) == 0;
    try {
        runner::write_all(descriptor_, path_ == "-" ? "standard output" : path_, bytes);
    } catch (const failure&) {
        // Nobody reads a part of a line. If this fails, too, the next run repairs it.
        if (known) [[maybe_unused]]
            const int done = ::ftruncate(descriptor_, before.st_size);
        throw;
    }
}

// ---- replaced as a whole

void replaced_file::prove() const {
    prove_folder(path_);
    switch (type_at(path_, false)) {
    case fs::file_type::not_found: break;
    case fs::file_type::regular:
        if (is_mount(path_)) throw bad(path_, "is a mount of its own, which cannot be replaced; mount its folder.");
        if (::access(path_.c_str(), R_OK) != 0) refuse_with_errno(path_, "read");
        break;
    case fs::file_type::symlink: {
        std::error_code none;
        throw bad(path_, "is a link to " + fs::read_symlink(path_, none).string()
                             + ", which would be replaced itself; name the file.");
    }
    case fs::file_type::directory: throw bad(path_, "is a folder; a file was expected.");
    default: throw bad(path_, "is no regular file.");
    }
    // A whole draft, as large as a position is: this is also how a full disk is found.
    const descriptor d(::open(draft().c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW, 0600));
    if (d < 0) refuse_with_errno(draft(), "create");
    struct unlinked {
        const fs::path path;
        ~unlinked() { ::unlink(path.c_str()); }
    } const gone{draft()};
    write_all(d, draft(), std::string(512, ' '));
    if (::fsync(d) != 0) refuse_with_errno(draft(), "write to the disk");
}

void replaced_file::replace(std::string_view content) const {
    {
        const descriptor d(::open(draft().c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW, 0600));
        if (d < 0) fail_with_errno(draft(), "create");
        write_all(d, draft(), content);
        if (::fsync(d) != 0) fail_with_errno(draft(), "write to the disk");
    }
    if (::rename(draft().c_str(), path_.c_str()) != 0) fail_with_errno(path_, "replace");
    sync_folder(path_);
}

} // namespace sfcdc::runner
