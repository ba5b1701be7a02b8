// A subscription and the loop around it, on a virtual clock that only the test moves.
#pragma once

#include "catch.hpp"
#include "exact_bytes.hpp"
#include "pubsub/virtual_org.hpp"

#include <algorithm>
#include <chrono>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <variant>
#include <vector>

#include <sfcdc/pubsub/subscription.hpp>

inline sfcdc::pubsub::replay_id position(std::uint64_t n) {
    return sfcdc::pubsub::replay_id::from_bytes(replay_id_of(n)).value;
}

// An event that has outlived the bytes that it came from.
struct told {
    std::string what;                    // received, keepalive, committed, interrupted, failed
    std::vector<std::uint64_t> events{}; // received
    sfcdc::pubsub::replay_id position{}; // keepalive, committed
    sfcdc::pubsub::reason why{};         // interrupted, failed; without its texts
    std::string error_code{}, message{};
    sfcdc::time_point until{};
};

class subscriber {
  public:
    explicit subscriber(sfcdc::pubsub::subscription_options options) : sub(std::move(options)) {}

    sfcdc::pubsub::subscription sub;
    sfcdc::time_point now{std::chrono::hours(1)};
    std::vector<sfcdc::pubsub::action> actions; // polled by run()
    std::vector<told> events;                   // polled after each input
    std::uint64_t call = 0;                     // the last one opened

    sfcdc::errc handle(const sfcdc::pubsub::input& in) {
        const sfcdc::errc mistake = sub.handle(in, now);
        poll_events();
        return mistake;
    }
    sfcdc::errc try_respond(std::string_view bytes) { return try_respond(call, bytes); }
    sfcdc::errc try_respond(std::uint64_t to, std::string_view bytes) {
        const exact_bytes exact(bytes); // gone after this: nothing may point into it
        return handle(sfcdc::pubsub::response{to, exact.text()});
    }
    sfcdc::errc try_end(sfcdc::wire::grpc_status status = sfcdc::wire::grpc_status::ok, std::string_view code = {},
                        std::string_view message = {}) {
        const exact_bytes exact_code(code), exact_message(message);
        return handle(sfcdc::pubsub::call_ended{call, status, exact_code.text(), exact_message.text()});
    }
    // The same for what the subscription must take.
    void respond(std::string_view bytes) { REQUIRE(try_respond(bytes) == sfcdc::errc::none); }
    void end(sfcdc::wire::grpc_status status = sfcdc::wire::grpc_status::ok, std::string_view code = {},
             std::string_view message = {}) {
        REQUIRE(try_end(status, code, message) == sfcdc::errc::none);
    }

    // Polls until there is nothing to do, which must come soon.
    void run() {
        for (int i = 0;; ++i) {
            REQUIRE(i < 10);
            poll_events();
            auto action = sub.poll_action(now);
            if (!action) break;
            if (const auto* open = std::get_if<sfcdc::pubsub::open_call>(&*action)) {
                CHECK(open->call == call + 1);
                call = open->call;
            }
            actions.push_back(std::move(*action));
        }
        poll_events();
    }
    // Lets time pass, with nothing coming in.
    void pass(std::chrono::milliseconds time) {
        const auto until = now + time;
        run();
        while (const auto next = sub.poll_timeout()) {
            if (*next > until) break;
            REQUIRE(*next > now); // run() has done all that was due
            now = *next;
            run();
        }
        now = until;
        run();
    }
    // Lets time pass until it does something by itself: opens a call, asks for a token.
    void wait() {
        run();
        while (sub.state() == sfcdc::pubsub::subscription_state::waiting
               || sub.state() == sfcdc::pubsub::subscription_state::token_due) {
            const auto next = sub.poll_timeout();
            REQUIRE(next);
            now = std::max(now, *next);
            run();
        }
    }
    // As far as a call that streams and has sent its first request.
    void stream() {
        wait();
        REQUIRE(sub.state() == sfcdc::pubsub::subscription_state::opening);
        REQUIRE(handle(sfcdc::pubsub::opened{call}) == sfcdc::errc::none);
        run();
        REQUIRE(sub.state() == sfcdc::pubsub::subscription_state::streaming);
    }

    template<class Action> std::vector<Action> taken() {
        std::vector<Action> out;
        for (const auto& a : actions)
            if (const auto* is = std::get_if<Action>(&a)) out.push_back(*is);
        return out;
    }
    // The fields of the last request.
    std::vector<reference::protobuf_field> last_request() {
        const auto sent = taken<sfcdc::pubsub::send_request>();
        REQUIRE_FALSE(sent.empty());
        CHECK(sent.back().call == call);
        return reference::read_protobuf(sent.back().bytes);
    }
    const told& last() {
        REQUIRE_FALSE(events.empty());
        return events.back();
    }

  private:
    void poll_events() {
        while (const auto event = sub.poll_event()) {
            std::visit([&](const auto& e) { events.push_back(tell(e)); }, *event);
        }
    }
    static told tell(const sfcdc::pubsub::received& e) {
        told out{.what = "received"};
        for (const auto& one : e.response.events)
            out.events.push_back(one.replay_id.empty() ? 0 : event_of(one.replay_id));
        return out;
    }
    static told tell(const sfcdc::pubsub::keepalive& e) { return {.what = "keepalive", .position = e.position}; }
    static told tell(const sfcdc::pubsub::committed& e) {
        told out{.what = "committed"};
        out.position = sfcdc::pubsub::replay_id::from_bytes(e.response.replay_id).value;
        if (e.response.error) out.message = e.response.error->msg;
        return out;
    }
    static told tell(const sfcdc::pubsub::interrupted& e) {
        told out = tell("interrupted", e.why);
        out.until = e.until;
        return out;
    }
    static told tell(const sfcdc::pubsub::failed& e) { return tell("failed", e.why); }
    static told tell(const char* what, sfcdc::pubsub::reason why) {
        told out{.what = what, .error_code = std::string(why.error_code), .message = std::string(why.message)};
        why.error_code = why.message = {};
        out.why = why;
        return out;
    }
};
