// A sink with a delivery in front of it that is given events by hand, as a pipeline does with those of Salesforce.
#pragma once

#include "catch.hpp"
#include "cdc/made_event.hpp"
#include "pubsub/server_messages.hpp"
#include "sinks/sink.hpp"

#include <sfcdc/cdc/decoder.hpp>
#include <sfcdc/delivery.hpp>
#include <sfcdc/wire/bytes.hpp>

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <utility>

namespace test {

struct fed_sink {
    static constexpr const char* topic = "/data/ThingChangeEvent";
    static constexpr const char* org = "00D000000000001AAA";

    // Opens it; the events that follow are behind `stored`, which is what open() gave.
    explicit fed_sink(sfcdc::runner::sink& of) : sink(of), stored(of.open({org, topic}, {})) {
        sfcdc::delivery_options options;
        options.subscription.topic_name = topic;
        if (stored)
            options.subscription.replay_id = *stored;
        else
            options.subscription.preset = sfcdc::pubsub::replay_preset::earliest;
        options.bytes = 1u << 30;
        options.sinks = 1;
        delivery.emplace(std::move(options));
        sink.attach(*delivery);
        while (auto action = delivery->poll_action(now)) {
        }
        REQUIRE(delivery->handle(sfcdc::pubsub::opened{1}, now) == sfcdc::errc::none);
        while (auto action = delivery->poll_action(now)) {
        }
        delivery->schema_known("schema");
    }

    // One turn of the loop with so many events of an entity, whose replay ids go on from `last`. False when the position that is due
    // could not be stored in this turn.
    bool turn(int events, const std::string& entity = "Thing") {
        made::header header;
        header.entity = entity;
        const std::string payload = made::payload(header);
        std::string bytes;
        while (auto action = delivery->poll_action(now)) {
        } // credits are asked for
        for (int i = 0; i < events; ++i) {
            ++last;
            bytes += server_messages::event("id" + std::to_string(last), "schema", payload, replay_id(last));
        }
        if (events > 0)
            REQUIRE(delivery->handle(sfcdc::pubsub::response{1, bytes + server_messages::field(2, replay_id(last))
                                                                    + server_messages::field(4, std::uint64_t{50})},
                                     now)
                    == sfcdc::errc::none);
        while (const auto* const event = delivery->next_event(now)) {
            if (!sink.ready()) return false;
            const auto decoded = decoder.decode(plan, event->payload);
            REQUIRE_FALSE(decoded.error);
            (void)sink.add(decoded.value, {.event_id = event->id,
                                           .schema_id = event->schema_id,
                                           .topic_name = topic,
                                           .org_id = org,
                                           .replay_id = sfcdc::wire::as_bytes(event->replay_id)});
            REQUIRE(delivery->pass_event(now) == sfcdc::errc::none);
        }
        sink.settle();
        const auto* const position = delivery->position_due();
        const bool done = sink.commit(position);
        if (done && position != nullptr) delivery->position_stored();
        return done;
    }

    static std::string replay_id(std::uint64_t n) {
        std::string bytes(10, '\0');
        for (int i = 7; i >= 0; --i, n >>= 8) bytes[static_cast<std::size_t>(i)] = static_cast<char>(n);
        return bytes;
    }

    sfcdc::runner::sink& sink;
    std::optional<sfcdc::pubsub::replay_id> stored;
    std::optional<sfcdc::delivery> delivery;
    sfcdc::cdc::plan plan = sfcdc::cdc::compile(made::schema()).value;
    sfcdc::cdc::decoder decoder;
    std::uint64_t last = 0;
    const sfcdc::time_point now{std::chrono::hours(1'000)};
};

} // namespace test
