// The position of a pipeline whose rows go elsewhere: stored in a file, at most so often that the disk keeps up.
#pragma once

#include "position_file.hpp"

#include <sfcdc/backoff.hpp>

#include <chrono>
#include <optional>
#include <utility>

namespace sfcdc::runner {

// A position that is stored waits for the disk twice. At 100,000 events a second one is due in each turn, and storing all of them took
// half of the processor time of the daemon; what is lost by waiting is that a crash repeats the rows of `shortest_interval` more.
class position_keeper {
  public:
    static constexpr std::chrono::milliseconds shortest_interval{20};

    // An empty path: somebody else keeps the position, and there is nothing to store.
    explicit position_keeper(const std::filesystem::path& path) {
        if (!path.empty()) file_.emplace(path);
    }

    bool has_file() const noexcept { return file_.has_value(); }

    // These do what position_file does; without a file they do nothing.
    void prove() const {
        if (file_) file_->prove();
    }
    std::optional<pubsub::replay_id> open(const position_owner& owner) {
        owner_ = owner;
        return file_ ? file_->load(owner) : std::nullopt;
    }

    // The position that is due, or null. False while it is too early for another store: to be handed over again at timeout(). The first
    // one after a pause is stored at once.
    bool store(const pubsub::replay_id* position, time_point now) {
        due_ = position != nullptr;
        if (!due_) return true;
        if (now < next_) return false;
        file_->store(owner_, *position);
        due_ = false;
        next_ = now + shortest_interval;
        return true;
    }
    // When to come back with the position that was not stored; nothing while there is none.
    std::optional<time_point> timeout() const { return due_ ? std::optional(next_) : std::nullopt; }

  private:
    std::optional<position_file> file_;
    position_owner owner_;
    bool due_ = false; // one was handed over too early
    time_point next_ = time_point::min();
};

} // namespace sfcdc::runner
