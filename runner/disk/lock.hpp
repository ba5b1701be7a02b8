// One process for one state: the position of a pipeline has one writer.
#pragma once

#include <filesystem>
#include <string>

namespace sfcdc::runner {

// Holds the file `STATE.lock`, which has the process id of its holder in it, until it is destroyed or the process ends, however it
// ends. The file stays: to remove it would let two processes lock two files of one name.
class state_lock {
  public:
    // Throws failure(failed) that names the other process where there is one.
    explicit state_lock(const std::filesystem::path& state);
    ~state_lock();
    state_lock(const state_lock&) = delete;
    state_lock& operator=(const state_lock&) = delete;

    // Whether the locked file is still the one at its path. If not, another process may hold a new one.
    bool still_there() const;
    const std::filesystem::path& state() const noexcept { return state_; }

    static std::filesystem::path file_of(const std::filesystem::path& state) { return state.string() + ".lock"; }

  private:
    std::filesystem::path state_;
    int descriptor_ = -1;
};

// Who holds the lock of flock() on this open file: "process 123", or "another process" where the system does not say (it may be in another
// container).
std::string lock_holder(int descriptor);

} // namespace sfcdc::runner
