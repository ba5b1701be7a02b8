#include "../disk/position_database.hpp"
#include "../disk/position_file.hpp"
#include "../operations/failure.hpp"
#include "topic_pattern.hpp"

#include <nlohmann/json.hpp>

#include <filesystem>
#include <fstream>
#include <set>
#include <system_error>

namespace sfcdc::runner {
namespace {

// Returns the texts in place of "{topic}" with which the path names something that is there.
std::vector<std::string> names_in_place_of_topic(const std::filesystem::path& path) {
    std::filesystem::path folder;
    for (const std::filesystem::path& part : path) {
        const std::string text = part.string();
        if (!has_topic(text)) {
            folder /= part;
            continue;
        }
        const std::size_t at = text.find(topic_placeholder);
        const std::string before = text.substr(0, at), behind = text.substr(at + topic_placeholder.size());
        std::vector<std::string> out;
        std::error_code missing;
        for (const auto& entry : std::filesystem::directory_iterator(folder.empty() ? "." : folder, missing)) {
            const std::string name = entry.path().filename().string();
            if (name.size() <= before.size() + behind.size() || !name.starts_with(before) || !name.ends_with(behind))
                continue;
            out.push_back(name.substr(before.size(), name.size() - before.size() - behind.size()));
        }
        return out;
    }
    return {};
}

// Whether a position or letters of the topic are there. What only has such a name may be of another pipeline, or of something else.
bool has_files(const pipeline_config& p) {
    std::error_code missing;
    if (!p.checkpoint.empty() && std::filesystem::is_regular_file(p.checkpoint, missing)) {
        try {
            const auto stored = position_file(p.checkpoint).read();
            return stored && stored->owner.topic == p.topic;
        } catch (const failure&) {
            return false; // it is no checkpoint; if it is a damaged one, its pipeline says so
        }
    }
    if (!std::filesystem::is_regular_file(p.dead_letters, missing)) return false;
    std::ifstream letters(p.dead_letters);
    constexpr int looked_at = 16; // a letter is among the first lines, or there is none
    std::string line;
    for (int i = 0; i < looked_at && std::getline(letters, line); ++i) {
        const nlohmann::json letter = nlohmann::json::parse(line, nullptr, false);
        if (letter.is_object() && letter.contains("topic_name")) return letter["topic_name"] == p.topic;
    }
    return false;
}

} // namespace

std::vector<std::string> topics_with_files(const pipeline_config& pattern) {
    std::set<std::string> found;
    const auto add = [&](const std::string& topic) {
        if (follows(pattern.topic, topic)) found.insert(topic);
    };
    if (pattern.sink == sink_kind::sqlite)
        for (const std::string& topic : topics_in_database(pattern.path)) add(topic);
    const std::string folder = pattern.topic.substr(0, pattern.topic.rfind('/') + 1);
    for (const std::filesystem::path& file : {pattern.checkpoint, pattern.dead_letters})
        for (const std::string& name : names_in_place_of_topic(file)) {
            if (!follows(pattern.topic, folder + name)) continue;
            const pipeline_config p = of_topic(pattern, folder + name);
            if (has_files(p)) add(p.topic);
        }
    return {found.begin(), found.end()};
}

} // namespace sfcdc::runner
