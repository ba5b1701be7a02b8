// A [[pipeline]] whose topic is a pattern, such as "/event/*": it stands for one pipeline for each topic of the org that matches, each with a
// position and files of its own. "{topic}" in the pipeline's keys is the last part of the topic's name: "Order__e".
#pragma once

#include "config.hpp"

#include <string>
#include <string_view>
#include <vector>

namespace sfcdc::runner {

inline bool is_pattern(std::string_view topic) noexcept { return topic.find('*') != topic.npos; }
inline constexpr std::string_view topic_placeholder = "{topic}";
inline bool has_topic(std::string_view text) noexcept { return text.find(topic_placeholder) != text.npos; }

// Whether the pattern stands for this topic. Channels repeat the events of their members, so that only a pattern that ends with "__chn"
// stands for one, and "/data/ChangeEvents" is all of the others.
bool follows(std::string_view pattern, std::string_view topic);

// Whether the configuration names the topic itself for the org of this section (salesforce_config::written). That pipeline has it then, and no
// pattern has.
bool has_pipeline_of_its_own(const config& c, const std::string& org, const std::string& topic);

// The pipeline of one topic. The name becomes a part of paths: one that a peer has told must follow the pattern, which only names do.
pipeline_config of_topic(const pipeline_config& pattern, const std::string& topic);

// The topics of which the pipeline has stored a position or kept letters, in order: what can be known of them without asking the org. Throws failure.
std::vector<std::string> topics_with_files(const pipeline_config& pattern);

} // namespace sfcdc::runner
