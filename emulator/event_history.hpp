// What every event of a run has stated, as lines of JSON in a file: a million events need no memory but their places.
#pragma once

#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <vector>

namespace emulator {

// What one event has stated, as the members of a JSON object behind its first one, which is the replay id.
struct event_statement {
    std::string entity;
    std::string members;
};

// Used from any thread. The file has no name and goes with the process.
class event_history {
  public:
    // Throws std::runtime_error when there is no place for a file.
    event_history();

    void append(const std::string& replay_id, const event_statement& statement, bool undecodable);
    std::size_t count(const std::string& entity) const;
    // Lines of at most `limit` events of the entity from its event number `next` on; moves `next`.
    std::string lines(const std::string& entity, std::size_t& next, std::size_t limit) const;

  private:
    struct place {
        std::uint64_t offset;
        std::uint64_t bytes;
    };
    mutable std::mutex mutex_;
    std::unique_ptr<std::FILE, int (*)(std::FILE*)> file_;
    std::uint64_t end_ = 0;
    std::map<std::string, std::vector<place>> places_; // by entity
};

} // namespace emulator
