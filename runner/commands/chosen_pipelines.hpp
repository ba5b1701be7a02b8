// The pipelines that a command is about, from a configuration that may have several.
#pragma once

#include "../config/config.hpp"
#include "../config/topic_pattern.hpp"
#include "../operations/failure.hpp"

#include <algorithm>
#include <string>
#include <vector>

namespace sfcdc::runner {

// `name` is a topic, or a label of the log; empty: all. A pipeline whose topic is a pattern is one for each topic that has files, or itself where
// none has. Throws failure(bad_config) when there is none of that name.
inline std::vector<pipeline_config> chosen_pipelines(const config& c, const std::string& name) {
    std::vector<pipeline_config> out;
    for (const pipeline_config& p : c.pipelines) {
        if (name.empty() && is_pattern(p.topic)) {
            const auto topics = topics_with_files(p);
            for (const std::string& topic : topics) out.push_back(of_topic(p, topic));
            if (topics.empty()) out.push_back(p);
        } else if (name.empty() || p.topic == name || p.label == name) {
            out.push_back(p);
        }
    }
    // A topic that stands in the configuration is not the pattern's.
    for (const pipeline_config& p : c.pipelines)
        if (out.empty() && is_pattern(p.topic) && follows(p.topic, name)) out.push_back(of_topic(p, name));
    if (!out.empty()) return out;
    std::string known;
    for (const pipeline_config& p : c.pipelines) known += (known.empty() ? "" : ", ") + p.label;
    throw failure(exit_code::bad_config, "--pipeline: there is no " + name + "; known are " + known);
}

} // namespace sfcdc::runner
