// The two ways in which sfcdc writes files that must not lie: lines that are appended and on the disk when the call returns, and a
// file that is replaced as a whole. Every error is a failure that names the file, what was done and why it did not work.
#pragma once

#include <cstdint>
#include <filesystem>
#include <string_view>

namespace sfcdc::runner {

// A file of lines, each written as a whole. Used by one thread; one object has one file in the process.
//
// A regular file is locked against other processes. A line that a crash or a full disk has left unfinished at its end is cut off:
// no stored position is behind its event, so that it comes again. When the file is moved or deleted (a rotation of logs), the
// next append() begins a new one at the path. Of a pipe, a terminal or a device nothing of this is asked.
class line_file {
  public:
    // "-" is standard output, which is written and, where it is a file, synced, and nothing else. Nothing is opened yet.
    explicit line_file(std::filesystem::path path) : path_(std::move(path)) {}
    ~line_file();
    line_file(const line_file&) = delete;
    line_file& operator=(const line_file&) = delete;

    // Throws failure unless lines can be appended, for all that can be said without writing one. A regular file that is there is opened, so
    // that it is locked and repaired; one that is not there is not left behind.
    void prove();

    // Opens the file, creates it, readable by its owner only: rows and dead letters are customer data. Opening a named pipe waits
    // for its reader.
    void open();

    const std::filesystem::path& path() const noexcept { return path_; }

    // Returns once the lines, each with its line feed, are on the disk under the path. After a failure nothing of them is there.
    void append(std::string_view lines);

    // Begins a new file at the path if the one that is open was moved or deleted, as append() does, or opens the first one. Returns the
    // number of the file, which is another one for each that was opened, and for one that was cut off: what was written under another
    // number may be missing in this one.
    unsigned renew();
    unsigned number() const noexcept { return number_; }

  private:
    void write_all(std::string_view bytes);
    void repair();
    void begin_anew();
    bool still_at_path() const;
    void close() noexcept;

    std::filesystem::path path_;
    int descriptor_ = -1;
    unsigned number_ = 0;
    std::uint64_t size_ = 0; // of the file, as it was seen last
    bool regular_ = false;   // a file of ours: locked, repaired, looked for at its path
    bool synced_ = false;    // standard output is redirected into a file
};

// A file of which there is always a whole one: the old content or the new one.
class replaced_file {
  public:
    explicit replaced_file(std::filesystem::path path) : path_(std::move(path)) {}

    // Throws failure unless the file can be replaced: its folder is there and takes new files, and it is a regular file of its own,
    // no link and no mount, which a rename would not replace.
    void prove() const;

    // Returns once the content is on the disk (write, fsync, rename, fsync of the folder).
    void replace(std::string_view content) const;

    // What replace() writes first.
    std::filesystem::path draft() const { return path_.string() + ".new"; }

  private:
    std::filesystem::path path_;
};

// Throws failure unless the folder of this file is there. A folder named "sfcdc" is ours and is made where only it is missing, as in
// /var/lib/sfcdc. Any other must exist: it may be a volume that is not mounted, and a position that is not found there would
// mean to begin again.
void prove_folder(const std::filesystem::path& of_file);

// Throws failure unless this is a regular file, or could become one: what holds a position.
void prove_state(const std::filesystem::path& state);

// The path from the root, without links and dots; what does not exist yet has its name as it is. Two paths of one file have one such path.
std::filesystem::path whole_path(const std::filesystem::path& path);

} // namespace sfcdc::runner
