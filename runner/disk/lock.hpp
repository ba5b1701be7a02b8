// One process for one state: the position of a pipeline has one writer.
#pragma once

#include <filesystem>
#include <utility>

namespace sfcdc::runner {

// Holds the file `STATE.lock`, which has the process id of its holder in it, until it is destroyed or the process ends, however it
// ends. The file stays: to remove it would let two processes lock two files of one name.
class state_lock {
  public:
    // Throws failure(failed) that names the other process where there is one.
    explicit state_lock(const std::filesystem::path& state);
    ~state_lock();
    state_lock(state_lock&& other) noexcept : descriptor_(std::exchange(other.descriptor_, -1)) {}
    state_lock& operator=(state_lock&&) = delete;

    static std::filesystem::path file_of(const std::filesystem::path& state) { return state.string() + ".lock"; }

  private:
    int descriptor_ = -1;
};

} // namespace sfcdc::runner
