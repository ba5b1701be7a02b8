// A subscription through virtual hours, with an event every ten seconds in every other hour, a keepalive a minute after
// the last response, and a drop an hour: an error, a clean end and a connection that goes silent take turns.
#pragma once

#include <algorithm>
#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <variant>

#include <sfcdc/pubsub/subscription.hpp>

#include "pubsub/virtual_org.hpp"

struct virtual_day {
    std::uint64_t published = 0, received = 0, keepalives = 0, calls = 0, drops = 0, silent = 0;
    bool in_order = true; // each event once, one after the other
};

inline virtual_day live_through(std::chrono::hours duration) {
    namespace pubsub = sfcdc::pubsub;
    using namespace std::chrono_literals;
    const sfcdc::time_point start{};
    sfcdc::time_point now = start, publish_at = start + 10s, drop_at = start + 1h,
                      keepalive_at = sfcdc::time_point::max();
    pubsub::subscription sub(
        {.topic_name = "/data/ChangeEvents", .preset = pubsub::replay_preset::earliest, .seed = 1});
    virtual_org org;
    virtual_day day;
    bool connected = false; // the server sees the call

    const auto respond = [&] {
        const std::string bytes = org.response(100);
        static_cast<void>(sub.handle(pubsub::response{day.calls, bytes}, now));
        keepalive_at = now + 1min;
        while (const auto event = sub.poll_event()) {
            if (const auto* got = std::get_if<pubsub::received>(&*event))
                for (const auto& e : got->response.events) day.in_order &= event_of(e.replay_id) == ++day.received;
            day.keepalives += std::holds_alternative<pubsub::keepalive>(*event);
        }
        static_cast<void>(sub.release(sub.unreleased()));
    };

    for (;;) {
        while (const auto event = sub.poll_event())
            if (const auto* stop = std::get_if<pubsub::interrupted>(&*event))
                day.silent += stop->why.fault == sfcdc::call::fault::server_silent;
        while (const auto action = sub.poll_action(now)) {
            if (const auto* open = std::get_if<pubsub::open_call>(&*action)) {
                day.calls = open->call;
                org.open();
                connected = true;
                static_cast<void>(sub.handle(pubsub::opened{open->call}, now));
                keepalive_at = now + 1min;
            } else if (const auto* request = std::get_if<pubsub::send_request>(&*action)) {
                org.take(request->bytes);
            }
        }
        if (connected && org.waiting() > 0) {
            respond();
            continue;
        }
        sfcdc::time_point next = std::min(publish_at, drop_at);
        if (connected) next = std::min(next, keepalive_at);
        if (const auto timeout = sub.poll_timeout()) next = std::min(next, *timeout);
        now = std::max(now, next);
        if (now >= start + duration) return day;
        if (connected && now >= keepalive_at) respond();
        if (now >= publish_at) {
            const auto hour = std::chrono::duration_cast<std::chrono::hours>(now - start).count();
            day.published += hour % 2 == 0;
            org.published = day.published;
            publish_at += 10s;
        }
        if (now >= drop_at) {
            drop_at += 1h;
            ++day.drops;
            connected = false;
            if (day.drops % 3 == 0) static_cast<void>(sub.handle(pubsub::call_ended{day.calls}, now));
            if (day.drops % 3 == 1)
                static_cast<void>(sub.handle(
                    pubsub::call_ended{day.calls, sfcdc::wire::grpc_status::internal, "service.unavailable"}, now));
        }
    }
}
