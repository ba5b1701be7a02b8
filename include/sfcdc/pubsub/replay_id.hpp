// A position in a topic, as Salesforce gives it: opaque bytes, to be stored and sent back unchanged. Equality is all
// that there is; ids are not contiguous, have no order that a client may rely on, and end with the event's 72 hours.
// Source: Pub/Sub API guide, "Event Message Durability".
#pragma once

#include <cstddef>
#include <span>
#include <string>
#include <string_view>
#include <utility>

#include <sfcdc/error.hpp>
#include <sfcdc/limits.hpp>
#include <sfcdc/wire/base64.hpp>
#include <sfcdc/wire/bytes.hpp>
#include <sfcdc/wire/hex.hpp>

namespace sfcdc::inline v0::pubsub {

// Owns its bytes. An empty one is "no position".
class replay_id {
  public:
    replay_id() = default;

    // `bytes` is at most limits::replay_id_bytes long.
    static result<replay_id> from_bytes(std::string_view bytes) {
        if (bytes.size() > limits::replay_id_bytes) return {{}, {errc::replay_id_too_long, 0}};
        replay_id id;
        id.bytes_ = bytes;
        return {std::move(id), {}};
    }
    static result<replay_id> from_hex(std::string_view text) { return from(wire::from_hex(text)); }
    static result<replay_id> from_base64(std::string_view text) { return from(wire::from_base64(text)); }

    std::string_view bytes() const noexcept { return bytes_; }
    bool empty() const noexcept { return bytes_.empty(); }
    std::string hex() const {
        std::string out;
        wire::append_hex(out, wire::as_bytes(bytes_));
        return out;
    }
    std::string base64() const {
        std::string out;
        wire::append_base64(out, wire::as_bytes(bytes_));
        return out;
    }

    friend bool operator==(const replay_id&, const replay_id&) = default;

  private:
    static result<replay_id> from(result<std::string> bytes) {
        if (bytes.error) return {{}, bytes.error};
        return from_bytes(bytes.value);
    }

    std::string bytes_;
};

} // namespace sfcdc::inline v0::pubsub
