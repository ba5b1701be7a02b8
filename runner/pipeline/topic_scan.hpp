// Asks an org again and again for the topics that the pattern of a [[pipeline]] stands for.
#pragma once

#include "../config/config.hpp"
#include "../operations/metrics.hpp"
#include "../salesforce/org.hpp"

#include <chrono>
#include <cstddef>
#include <mutex>
#include <optional>
#include <set>
#include <stop_token>
#include <string>
#include <vector>

namespace sfcdc::runner {

class topic_scan {
  public:
    // Each topic has a thread and a connection of its own.
    static constexpr std::size_t most_topics = 500;

    // All references outlive it.
    topic_scan(const pipeline_config& pattern, const salesforce_config& config, salesforce::org& org,
               pipeline_counts& counts)
        : pattern_(pattern), config_(config), org_(org), counts_(counts) {}

    // Until `stop` is requested; blocks. An outage is waited out. Throws failure when the org refuses to tell.
    void run(const std::stop_token& stop);

    // The topics of the newest answer, in order, once for each answer. Any thread may call it.
    std::optional<std::vector<std::string>> take();

  private:
    static constexpr std::size_t longest_topic = 255; // a part of the names of files

    // A session that is newer than the generation `refused`; an outage of the login service is waited out.
    salesforce::sessions::issued session_behind(unsigned refused, const std::stop_token& stop);
    std::vector<std::string> ask(const std::stop_token& stop);
    std::vector<std::string> subscribable(std::vector<std::string> topics, const salesforce::session& as,
                                          const std::stop_token& stop);

    const pipeline_config& pattern_;
    const salesforce_config& config_;
    salesforce::org& org_;
    pipeline_counts& counts_;
    std::set<std::string> taken_;   // of the newest answer
    std::set<std::string> refused_; // topics of which it was said that the user may not subscribe to them
    bool said_none_ = false, said_too_many_ = false;
    std::mutex mutex_;
    std::optional<std::vector<std::string>> newest_;
};

} // namespace sfcdc::runner
