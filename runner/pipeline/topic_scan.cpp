#include "topic_scan.hpp"

#include "../io/pause.hpp"
#include "../operations/log.hpp"
#include "../salesforce/discovery.hpp"
#include "../salesforce/single_calls.hpp"

#include <spdlog/spdlog.h>

#include <algorithm>
#include <utility>

namespace sfcdc::runner {

void topic_scan::run(const std::stop_token& stop) {
    const heartbeat::waits on_purpose; // for peers, and for the next time: it has no turns
    // Whichever way it ends, new topics are not found any more.
    struct at_end {
        pipeline_counts& counts;
        ~at_end() {
            counts.subscribed = false;
            if (counts.stalled_since == 0) counts.stalled_since = pipeline_counts::steady_ms();
        }
    } const ended{counts_};
    try {
        for (;; pause(stop, pattern_.topic_interval)) {
            std::vector<std::string> topics = ask(stop);
            counts_.stalled_since = 0;
            counts_.subscription = pubsub::subscription_state::streaming; // for "connected"
            counts_.subscribed = true;
            if (topics.empty() && !std::exchange(said_none_, true))
                spdlog::warn("{}: the org has no topic that matches and that the user may subscribe to; it is asked "
                             "again each {} s",
                             pattern_.label, pattern_.topic_interval.count());
            const std::scoped_lock lock(mutex_);
            newest_ = std::move(topics);
        }
    } catch (const stopped&) {
    }
}

// A login service that is unavailable has said so in the log, and paces those who ask it.
salesforce::sessions::issued topic_scan::session_behind(unsigned refused, const std::stop_token& stop) {
    for (;;) {
        try {
            return org_.renewed(refused, stop);
        } catch (const http::unavailable&) {
            if (stop.stop_requested()) throw stopped{};
        }
    }
}

std::vector<std::string> topic_scan::ask(const std::stop_token& stop) {
    constexpr std::chrono::seconds again{10};
    salesforce::sessions::issued session = org_.session(stop);
    bool renewed = false;
    for (;;) {
        const std::string& url = session.credential.instance_url;
        auto [service, refused] = salesforce::look_at_rest_service(config_, url, stop);
        std::vector<std::string> topics;
        if (!refused) {
            salesforce::rest rest(config_, session.credential, service.newest_version, stop);
            auto found = salesforce::topics_of_pattern(rest, pattern_.topic);
            refused = std::move(found.refused);
            topics = std::move(found.value);
        }
        if (stop.stop_requested()) throw stopped{}; // what was cut off is no refusal
        if (!refused) return subscribable(std::move(topics), session.credential, stop);
        if (refused->what == salesforce::rest_fault::session_refused && !std::exchange(renewed, true)) {
            session = session_behind(session.generation, stop);
            continue;
        }
        renewed = false; // a session may expire again while an outage lasts
        if (refused->what != salesforce::rest_fault::unavailable
            && refused->what != salesforce::rest_fault::limit_reached)
            throw salesforce::cannot_list(*refused, "the topics of " + pattern_.topic, config_.section);
        counts_.say_error(refused->message);
        counts_.subscription = pubsub::subscription_state::waiting;
        if (counts_.stalled_since == 0) { // an outage is said once
            counts_.stalled_since = pipeline_counts::steady_ms();
            spdlog::warn("{}: the org cannot be asked for its topics ({}); it is asked again", pattern_.label,
                         refused->message);
        }
        const bool used_up = refused->what == salesforce::rest_fault::limit_reached;
        pause(stop, used_up ? std::max(again, pattern_.topic_interval) : again);
    }
}

// A topic is asked about until it may be subscribed to, and it is said once why it may not. Where there are too many, those that were taken
// before go first, so that a new one ends none.
std::vector<std::string> topic_scan::subscribable(std::vector<std::string> topics, const salesforce::session& as,
                                                  const std::stop_token& stop) {
    std::sort(topics.begin(), topics.end(), [&](const std::string& a, const std::string& b) {
        const bool a_is_taken = taken_.contains(a), b_is_taken = taken_.contains(b);
        return a_is_taken != b_is_taken ? a_is_taken : a < b;
    });
    std::optional<salesforce::single_calls> calls;
    std::vector<std::string> out;
    for (std::string& topic : topics) {
        if (topic.size() > longest_topic) continue;
        if (out.size() == most_topics) {
            if (!std::exchange(said_too_many_, true))
                spdlog::warn("{}: the org has more than {} topics that match; the others are left out",
                             pattern_.label, most_topics);
            break;
        }
        if (!taken_.contains(topic)) {
            if (stop.stop_requested()) throw stopped{};
            if (!calls) calls.emplace(config_, as);
            if (const std::string why = calls->why_not_subscribable(topic); !why.empty()) {
                if (refused_.insert(topic).second)
                    spdlog::info("{}: without {}: {}", pattern_.label, topic, log::one_line(why));
                continue;
            }
            refused_.erase(topic);
        }
        out.push_back(std::move(topic));
    }
    std::sort(out.begin(), out.end());
    taken_ = {out.begin(), out.end()};
    return out;
}

std::optional<std::vector<std::string>> topic_scan::take() {
    const std::scoped_lock lock(mutex_);
    return std::exchange(newest_, std::nullopt);
}

} // namespace sfcdc::runner
