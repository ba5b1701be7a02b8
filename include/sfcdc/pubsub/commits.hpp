// The position of a managed subscription on its way to Salesforce: the newest that waits for a request, and the last that was sent and
// has no answer yet.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>

#include <sfcdc/pubsub/messages.hpp>
#include <sfcdc/pubsub/replay_id.hpp>
#include <sfcdc/wire/bytes.hpp>
#include <sfcdc/wire/hex.hpp>

namespace sfcdc::inline v0::pubsub::detail {

// A position is not forgotten before there is an answer to it, or a newer one takes its place. Positions are told apart by a UUID in each
// request, which is made of a seed and a count.
class commits {
  public:
    explicit commits(std::uint64_t seed) noexcept : seed_(seed) {}

    // Salesforce is to keep this position, which is not empty. It takes the place of one that still waits.
    void add(replay_id position) { waiting_ = std::move(position); }
    bool waits() const noexcept { return waiting_.has_value(); }

    // Takes the position that waits as sent, and returns the request for it, whose views live until the next call of send(), answered() or
    // forget_call(). Precondition: waits().
    commit_replay_request send() {
        sent_ = std::exchange(waiting_, {});
        id_ = uuid(++count_);
        return {id_, sent_->bytes()};
    }
    // The answer to the request of this UUID has come. An answer to an earlier request says nothing about the last one.
    void answered(std::string_view id) {
        if (sent_ && id == id_) sent_.reset();
    }
    // The call is lost: what has no answer waits again, unless a newer position does.
    void forget_call() {
        if (sent_ && !waiting_) waiting_ = std::move(sent_);
        sent_.reset();
    }

  private:
    // Returns a UUID of version 8 (RFC 9562), whose bits are the client's own.
    std::string uuid(std::uint64_t count) const {
        char bytes[16];
        for (int i = 0; i < 8; ++i) {
            bytes[i] = static_cast<char>(seed_ >> (56 - 8 * i));
            bytes[8 + i] = static_cast<char>(count >> (56 - 8 * i));
        }
        bytes[6] = static_cast<char>((bytes[6] & 0x0f) | 0x80);
        bytes[8] = static_cast<char>((bytes[8] & 0x3f) | 0x80);
        std::string id;
        wire::append_hex(id, wire::as_bytes({bytes, sizeof bytes}));
        for (const std::size_t at : {20u, 16u, 12u, 8u}) id.insert(at, 1, '-');
        return id;
    }

    std::uint64_t seed_;
    std::uint64_t count_ = 0; // of requests
    std::string id_;          // of the last request
    std::optional<replay_id> waiting_, sent_;
};

} // namespace sfcdc::inline v0::pubsub::detail
