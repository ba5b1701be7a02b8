// The pipelines that a command is about, from a configuration that may have several.
#pragma once

#include "../config/config.hpp"
#include "../operations/failure.hpp"

#include <string>
#include <vector>

namespace sfcdc::runner {

// `name` is a topic, or a label of the log; empty: all. Throws failure(bad_config) when there is none of that name.
inline std::vector<const pipeline_config*> chosen_pipelines(const config& c, const std::string& name) {
    std::vector<const pipeline_config*> out;
    for (const pipeline_config& p : c.pipelines)
        if (name.empty() || p.topic == name || p.label == name) out.push_back(&p);
    if (!out.empty()) return out;
    std::string known;
    for (const pipeline_config& p : c.pipelines) known += (known.empty() ? "" : ", ") + p.label;
    throw failure(exit_code::bad_config, "--pipeline: there is no " + name + "; known are " + known);
}

} // namespace sfcdc::runner
