// The position of one pipeline in a file that is replaced as a whole, so that after a crash it is either the old position or the
// new one.
#pragma once

#include "durable_file.hpp"

#include <sfcdc/pubsub/replay_id.hpp>

#include <filesystem>
#include <optional>
#include <string>

namespace sfcdc::runner {

// What a position belongs to: another org's ids, or another topic's, mean nothing.
struct position_owner {
    std::string org_id;
    std::string topic;
};

struct stored_position {
    position_owner owner;
    pubsub::replay_id replay_id;
};

class position_file {
  public:
    explicit position_file(std::filesystem::path path) : path_(path), file_(std::move(path)) {}

    // Throws failure unless a position can be stored.
    void prove() const { file_.prove(); }

    // Whatever position is stored, or nothing where there is no file yet. Throws failure for a file that is damaged.
    std::optional<stored_position> read() const;

    // Nothing where there is no file yet. Throws failure for a file that is damaged or of another org or topic: going
    // on from a guess would lose or repeat events.
    std::optional<pubsub::replay_id> load(const position_owner& owner) const;

    // Returns once the position is on the disk. Throws failure when it cannot be written.
    void store(const position_owner& owner, const pubsub::replay_id& position) const;

  private:
    std::filesystem::path path_;
    replaced_file file_;
};

} // namespace sfcdc::runner
