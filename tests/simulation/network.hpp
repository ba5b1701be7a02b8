// Calls between the runner and the services: bytes that take their time, in order in each direction, until somebody ends
// the call, or the line goes dead without a word.
#pragma once

#include <algorithm>
#include <cstdint>
#include <deque>
#include <functional>
#include <memory>
#include <string>
#include <utility>

#include "dice.hpp"
#include "schedule.hpp"

namespace simulation {

// How a call ended. `grpc_code` is the number on the wire; `error_code` is Salesforce's trailer of that name, empty where
// there is none.
struct call_status {
    int grpc_code = 0;
    std::string error_code;
};

inline constexpr int grpc_ok = 0, grpc_cancelled = 1, grpc_invalid_argument = 3, grpc_not_found = 5,
                     grpc_permission_denied = 7, grpc_resource_exhausted = 8, grpc_failed_precondition = 9,
                     grpc_out_of_range = 11, grpc_unimplemented = 12, grpc_internal = 13, grpc_unavailable = 14,
                     grpc_unauthenticated = 16;

// One call, as both ends see it. A service derives what it knows about a call from it.
struct connection {
    virtual ~connection() = default;

    std::uint32_t service = 0; // 0 is Salesforce, 1 + n is the ingest stream of table n
    std::uint64_t number = 0;  // what the machine calls it
    std::uint32_t life = 0;    // of the runner, from start to crash
    duration latency{};        // one way
    time_point up{}, down{};   // when the last thing sent arrives, in each direction
    bool dead = false;         // half-open: nothing that is sent from now on arrives
    bool left = false;         // the runner cancelled it, or died
    bool over = false;         // the service ended it
    bool reset = false;        // what the service sent and has not arrived is lost
};
using connection_ptr = std::shared_ptr<connection>;

// What comes in at the runner.
struct arrival {
    enum kind { opened, message, end, token, no_token, refused_token, schema, no_schema, refused_schema };
    kind what = message;
    std::uint32_t service = 0;
    connection_ptr call; // of message and end
    std::string bytes;   // of message; of a schema: its id
    call_status status;
};

class network {
  public:
    network(schedule& clock, dice& random) : clock_(clock), random_(random) {}

    // `action` happens at the service, after what was sent there before.
    void to_service(const connection_ptr& call, std::function<void()> action) {
        if (call->dead) return;
        call->up = std::max(call->up, clock_.now() + call->latency + hiccup());
        clock_.at(call->up, [call, action = std::move(action)] {
            if (!call->over) action();
        });
    }

    // The service's headers: the call stands.
    void opened(const connection_ptr& call) {
        if (!call->over && !call->dead) deliver({arrival::opened, call->service, call, {}, {}});
    }
    void to_runner(const connection_ptr& call, std::string bytes) {
        if (call->over || call->dead) return;
        deliver({arrival::message, call->service, call, std::move(bytes), {}});
    }

    // The service's last word on a call. With `reset` what is on its way is lost.
    void end(const connection_ptr& call, call_status status, bool reset = false) {
        if (call->over) return;
        call->over = true;
        call->reset = reset;
        if (!call->dead) deliver({arrival::end, call->service, call, {}, std::move(status)});
    }

    // The runner's own last word. Its gRPC library says that the call has ended at once or a while later, and still hands
    // out what had arrived before; the service hears of it when it may.
    void cancel(const connection_ptr& call, std::function<void()> at_service) {
        if (call->left) return;
        to_service(call, std::move(at_service));
        call->left = true;
        clock_.after(random_.one_in(4) ? random_.between<duration>(0ms, 5s) : duration(1ms),
                     [this, call] { hand_over({arrival::end, call->service, call, {}, {grpc_cancelled, {}}}); });
    }

    // Answers that are no part of a call: logins.
    void answer(arrival what, std::uint32_t life, duration wait) {
        clock_.after(wait, [this, what = std::move(what), life] {
            if (life == life_) inbox_.push_back(what);
        });
    }

    // The runner died: what is in its hands is gone.
    void crash() {
        ++life_;
        inbox_.clear();
    }
    std::uint32_t life() const { return life_; }
    std::deque<arrival>& inbox() { return inbox_; }

    duration slow_down{}; // of everything sent while it is set

  private:
    duration hiccup() { return slow_down + (random_.one_in(50) ? random_.between<duration>(0ms, 2s) : 0ms); }

    void deliver(arrival what) {
        connection& call = *what.call;
        call.down = std::max(call.down, clock_.now() + call.latency + hiccup());
        const time_point when = call.down;
        clock_.at(when, [this, what = std::move(what)]() mutable {
            if (what.what != arrival::end && what.call->reset) return;
            // After a cancel, the end was handed over already; a message may still have been read before it.
            if (what.what == arrival::end && what.call->left) return;
            hand_over(std::move(what));
        });
    }
    void hand_over(arrival what) {
        if (what.call->life == life_) inbox_.push_back(std::move(what));
    }

    schedule& clock_;
    dice& random_;
    std::deque<arrival> inbox_;
    std::uint32_t life_ = 0;
};

} // namespace simulation
