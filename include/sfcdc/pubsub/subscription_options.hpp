// What a subscription is to, and its limits.
#pragma once

#include <chrono>
#include <cstdint>
#include <string>

#include <sfcdc/call/patience.hpp>
#include <sfcdc/pubsub/messages.hpp>
#include <sfcdc/pubsub/replay_id.hpp>

namespace sfcdc::inline v0::pubsub {

// What to subscribe to, from where, and how many events may be under way.
struct subscription_options {
    using milliseconds = std::chrono::milliseconds;

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

    // Waits between calls, and how many of them may end. Health is events, or a keepalive on a call that is settled.
    call::patience_options patience{};

    milliseconds open_limit{30'000}; // a blocked port neither opens nor fails
    // Salesforce promises a keepalive within 270 s; the rest is for the way. A half-open connection shows in no other way.
    milliseconds silence_limit{285'000};
    // Salesforce ends a call that is without credits for 60 s.
    milliseconds no_credit_limit{45'000};
    // After this long a request has reached the server, and a call that stands is not one of a storm.
    milliseconds settled_after{30'000};
};

namespace detail {

// Whether a subscription can work with these options. It takes its topic, or its managed subscription, and never both.
inline bool is_valid(const subscription_options& o) noexcept {
    const bool limits = o.credits >= 1 && o.credits <= 100 && o.max_unreleased >= o.credits && o.patience.valid();
    const bool managed = o.topic_name.empty();
    if (managed) return limits && o.subscription_id.empty() != o.developer_name.empty() && o.replay_id.empty();
    return limits && o.subscription_id.empty() && o.developer_name.empty()
           && (o.preset == replay_preset::custom) != o.replay_id.empty();
}

} // namespace detail

} // namespace sfcdc::inline v0::pubsub
