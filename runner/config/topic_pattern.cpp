#include "topic_pattern.hpp"

#include "../names.hpp"

#include <algorithm>
#include <filesystem>

namespace sfcdc::runner {
namespace {

// "/event/Order__e" is Order__e.
std::string_view last_part(std::string_view topic) { return topic.substr(topic.rfind('/') + 1); }

std::string with_topic(std::string text, std::string_view topic) {
    for (auto at = text.find(topic_placeholder); at != text.npos;
         at = text.find(topic_placeholder, at + topic.size()))
        text.replace(at, topic_placeholder.size(), topic);
    return text;
}

} // namespace

bool follows(std::string_view pattern, std::string_view topic) {
    const std::string_view name = last_part(topic);
    if (!is_word(name) || topic == "/data/ChangeEvents") return false;
    // "*" is for the name alone, and not for further folders.
    const std::string_view folder = topic.substr(0, topic.size() - name.size());
    if (folder != pattern.substr(0, pattern.rfind('/') + 1)) return false;
    if (name.ends_with("__chn") && !pattern.ends_with("__chn")) return false;
    return matches(pattern, topic);
}

bool has_pipeline_of_its_own(const config& c, const std::string& org, const std::string& topic) {
    return std::ranges::any_of(c.pipelines, [&](const pipeline_config& p) {
        return p.topic == topic && c.salesforce.at(p.salesforce).written == org;
    });
}

pipeline_config of_topic(const pipeline_config& pattern, const std::string& topic) {
    const std::string_view name = last_part(topic);
    pipeline_config p = pattern;
    p.topic = topic;
    if (!p.label.empty()) p.label = topic + pattern.label.substr(pattern.topic.size());
    p.table = with_topic(std::move(p.table), name);
    for (std::filesystem::path* const file : {&p.path, &p.checkpoint, &p.dead_letters, &p.plan_file})
        *file = with_topic(file->string(), name);
    return p;
}

} // namespace sfcdc::runner
