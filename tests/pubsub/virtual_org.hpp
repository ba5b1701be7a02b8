// One topic of a Salesforce org as a subscriber meets it, without I/O: what a call was asked for, and the responses that
// it may send. Reads requests with a reader of its own.
#pragma once

#include <algorithm>
#include <cstdint>
#include <optional>
#include <stdexcept>
#include <string>
#include <string_view>
#include <vector>

#include "pubsub/server_messages.hpp"
#include "reference/protobuf_reader.hpp"

// Of the n-th event: ten bytes, as Salesforce has them.
inline std::string replay_id_of(std::uint64_t n) {
    std::string id(10, '\0');
    for (int i = 7; i >= 0; --i, n >>= 8) id[static_cast<std::size_t>(i)] = static_cast<char>(n);
    return id;
}
inline std::uint64_t event_of(std::string_view replay_id) {
    std::uint64_t n = 0;
    for (std::size_t i = 0; i < 8; ++i) n = n << 8 | static_cast<unsigned char>(replay_id.at(i));
    return n;
}

class virtual_org {
  public:
    struct request {
        std::string topic_name;
        int preset = 0;
        std::string replay_id;
        std::int32_t num_requested = 0;
    };

    std::uint64_t published = 0; // events 1 to this one exist
    std::vector<request> first_requests;

    // ---- one call at a time
    void open() {
        first_ = true;
        credits_ = 0;
    }

    // Throws where Salesforce would end the call.
    void take(std::string_view bytes) {
        request r;
        for (const auto& f : reference::read_protobuf(bytes)) {
            if (f.number == 1) r.topic_name = f.bytes;
            if (f.number == 2) r.preset = static_cast<int>(f.varint);
            if (f.number == 3) r.replay_id = f.bytes;
            if (f.number == 4) r.num_requested = static_cast<std::int32_t>(f.varint);
        }
        if (first_) {
            if (r.preset == 2)
                next_ = event_of(r.replay_id) + 1;
            else
                next_ = r.preset == 1 ? 1 : published + 1;
            topic_ = r.topic_name;
            first_requests.push_back(r);
            first_ = false;
        }
        if (r.topic_name != topic_) throw std::runtime_error("another topic");
        if (r.num_requested <= 0) throw std::runtime_error("nothing requested");
        credits_ += r.num_requested;
        if (credits_ > 100)
            throw std::runtime_error("more than 100 credits"); // Salesforce bears it, we do not want it
    }

    std::int32_t credits() const { return credits_; }
    std::uint64_t waiting() const {
        return std::min<std::uint64_t>(static_cast<std::uint64_t>(credits_), published + 1 - next_);
    }

    // The next events, at most `n` and as many as there are credits for; without any it is a keepalive.
    std::string response(std::uint64_t n) {
        std::string out;
        n = std::min(n, waiting());
        for (; n > 0; --n, ++next_, --credits_)
            out += server_messages::event("id", "schema", "payload " + std::to_string(next_), replay_id_of(next_));
        return out + server_messages::field(2, replay_id_of(published))
               + server_messages::field(3, std::string_view("rpc"))
               + server_messages::field(4, static_cast<std::uint64_t>(credits_));
    }

  private:
    bool first_ = true;
    std::string topic_;
    std::uint64_t next_ = 1;
    std::int32_t credits_ = 0;
};
