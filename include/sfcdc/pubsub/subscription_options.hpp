// What a subscription is to, and its limits.
#pragma once

#include <chrono>
#include <cstdint>
#include <limits>
#include <string>

#include <sfcdc/backoff.hpp>
#include <sfcdc/pubsub/messages.hpp>
#include <sfcdc/pubsub/replay_id.hpp>

namespace sfcdc::pubsub {

struct subscription_options {
    using duration = std::chrono::seconds;
    static constexpr unsigned unlimited = std::numeric_limits<unsigned>::max();

    // Subscribe: a topic, and where to start. Custom without replay_id is an error, so that forgetting it is not LATEST.
    std::string topic_name{};
    replay_preset preset = replay_preset::custom;
    pubsub::replay_id replay_id{};
    // ManagedSubscribe: one of these and none of the above.
    std::string subscription_id{};
    std::string developer_name{};

    // Events asked for and not yet received, at most: Salesforce counts no more than 100.
    std::uint32_t credits = 100;
    // Events asked for, or handed over and not yet released, at most: what the user's memory must hold. At 100 events a
    // round trip of 10 ms, ten thousand last for a second until they are durable.
    std::uint32_t max_unreleased = 10'000;

    // Of the jitter and of commit ids: another one for each process.
    std::uint64_t seed = 0;
    backoff::options retry{};                                                 // 0.5 to 30 s
    backoff::options slow{std::chrono::minutes(1), std::chrono::minutes(10)}; // slow_down
    backoff::options hours{std::chrono::hours(2), std::chrono::hours(2)};     // wait_hours: one to two
    // Behind a refusal. Repeated refused logins lock the user: not more than one a minute.
    duration refused_wait{60};

    duration open_limit{30}; // a blocked port neither opens nor fails
    // Salesforce promises a keepalive within 270 s; the rest is for the way. A half-open connection shows in no other way.
    duration silence_limit{285};
    // Salesforce ends a call that is without credits for 60 s.
    duration no_credit_limit{45};
    // After this long a request has reached the server, and a call that stands is not one of a storm.
    duration settled_after{30};

    // Budgets: so many in a row end the subscription, until health gives them back. Health is events, or a keepalive on a
    // call that is settled.
    unsigned attempts = unlimited; // calls that end, for whatever reason: an outage heals
    unsigned faulty_calls = 5;     // calls on which the server broke the protocol: the same position, the same bytes
    unsigned login_renewals = 5;   // tokens that the login service gave and Salesforce did not accept
    unsigned refused_logins = 3;   // one, where there never was health: it is a wrong password, not a hiccup
    unsigned refusals = 3;         // of anything else; one, where there never was health
};

} // namespace sfcdc::pubsub
