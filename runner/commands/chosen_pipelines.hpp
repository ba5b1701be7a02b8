// The pipelines that a command is about, from a configuration that may have several.
#pragma once

#include "../config/config.hpp"
#include "../config/topic_pattern.hpp"
#include "../operations/failure.hpp"

#include <algorithm>
#include <cstddef>
#include <string>
#include <utility>
#include <vector>

namespace sfcdc::runner {

// `name` is a topic, a pattern of topics as the configuration has it, or a label of the log; empty: all. A pipeline whose topic is a pattern is one for
// each topic that has files, or itself where none has. Throws failure(bad_config) when there is none of that name.
inline std::vector<pipeline_config> chosen_pipelines(const config& c, const std::string& name) {
    std::vector<pipeline_config> out;
    for (const pipeline_config& p : c.pipelines) {
        const bool named = name.empty() || p.topic == name || p.label == name;
        if (!is_pattern(p.topic)) {
            if (named) out.push_back(p);
            continue;
        }
        const std::string& org = c.salesforce.at(p.salesforce).written;
        std::vector<std::string> topics = topics_with_files(p);
        if (!named && follows(p.topic, name) && std::ranges::find(topics, name) == topics.end())
            topics.push_back(name);
        const std::size_t before = out.size();
        for (const std::string& topic : topics) {
            pipeline_config one = of_topic(p, topic);
            if (!has_pipeline_of_its_own(c, org, topic) && (named || topic == name || one.label == name))
                out.push_back(std::move(one));
        }
        if (named && out.size() == before) out.push_back(p);
    }
    if (!out.empty()) return out;
    std::string known;
    for (const pipeline_config& p : c.pipelines) known += (known.empty() ? "" : ", ") + p.label;
    throw failure(exit_code::bad_config, "--pipeline: there is no " + name + "; known are " + known);
}

} // namespace sfcdc::runner
