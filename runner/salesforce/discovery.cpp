#include "discovery.hpp"

#include "../config/topic_pattern.hpp"

#include <algorithm>
#include <map>

namespace sfcdc::runner::salesforce {
namespace {

bool is_alphanumeric(std::string_view text) {
    return std::all_of(text.begin(), text.end(), [](char c) {
        return (c >= '0' && c <= '9') || (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z');
    });
}

// An id has 15 characters, or 18 with three that follow from them. Names of events have one of the endings in front.
bool is_id(std::string_view text) {
    return (text.size() == 15 || text.size() == 18) && is_alphanumeric(text) && !text.ends_with("ChangeEvent");
}

// Custom objects stand as ids in some answers: they get their names, where the org tells them.
rest_outcome<bool> resolve(rest& org, const std::vector<std::string*>& names) {
    std::string ids;
    for (const std::string* const name : names)
        if (is_id(*name)) ids += (ids.empty() ? "'" : ", '") + name->substr(0, 15) + "'";
    if (ids.empty()) return {};
    auto [records, refused] = org.tooling_query(
        "SELECT DurableId, QualifiedApiName FROM EntityDefinition WHERE DurableId IN (" + ids + ")");
    if (refused) return {false, std::move(refused)};
    std::map<std::string, std::string> known;
    for (const nlohmann::json& r : records)
        known[text_of(r, "DurableId").substr(0, 15)] = text_of(r, "QualifiedApiName");
    for (std::string* const name : names)
        if (const auto found = known.find(name->substr(0, 15)); is_id(*name) && found != known.end())
            *name = found->second;
    return {};
}

// One member of each record, in order.
rest_outcome<std::vector<std::string>> names_of(rest& org, const std::string& statement, const char* member) {
    auto [records, refused] = org.tooling_query(statement);
    if (refused) return {{}, std::move(refused)};
    rest_outcome<std::vector<std::string>> out;
    for (const nlohmann::json& r : records)
        if (std::string name = text_of(r, member); !name.empty()) out.value.push_back(std::move(name));
    std::vector<std::string*> all;
    for (std::string& name : out.value) all.push_back(&name);
    if (auto resolved = resolve(org, all); resolved.refused) return {{}, std::move(resolved.refused)};
    std::sort(out.value.begin(), out.value.end());
    return out;
}

} // namespace

failure cannot_list(const rest_refusal& refused, const std::string& what, const std::string& section) {
    const bool permission = refused.what == rest_fault::no_right || refused.what == rest_fault::bad_request;
    return {refused.what == rest_fault::unavailable ? exit_code::failed : exit_code::refused,
            "Salesforce does not list " + what + " (" + refused.message + ")"
                + (permission ? "; the user that " + section
                                    + " logs in as needs the permissions \"API Enabled\" and \"View Setup and "
                                      "Configuration\""
                              : "")
                + "."};
}

rest_outcome<std::vector<std::string>> selected_change_events(rest& org) {
    return names_of(org, "SELECT SelectedEntity FROM PlatformEventChannelMember WHERE EventChannel = 'ChangeEvents'",
                    "SelectedEntity");
}

rest_outcome<std::vector<std::string>> custom_platform_events(rest& org) {
    return names_of(
        org, "SELECT QualifiedApiName FROM EntityDefinition WHERE IsCustomizable = TRUE AND KeyPrefix LIKE 'e%'",
        "QualifiedApiName");
}

rest_outcome<std::vector<std::string>> standard_events(rest& org) {
    return names_of(org, "SELECT EntityName FROM RealTimeEvent WHERE IsEnabled = true", "EntityName");
}

rest_outcome<std::vector<channel>> custom_channels(rest& org) {
    auto [channels, refused] = org.tooling_query("SELECT Id, DeveloperName, ChannelType FROM PlatformEventChannel");
    if (refused) return {{}, std::move(refused)};
    auto [members, members_refused] =
        org.tooling_query("SELECT EventChannel, SelectedEntity, FilterExpression FROM PlatformEventChannelMember");
    if (members_refused) return {{}, std::move(members_refused)};
    rest_outcome<std::vector<channel>> out;
    for (const nlohmann::json& c : channels) {
        const std::string developer_name = text_of(c, "DeveloperName"), id = text_of(c, "Id").substr(0, 15);
        if (developer_name.empty() || developer_name == "ChangeEvents") continue;
        channel one{developer_name + "__chn", text_of(c, "ChannelType") == "data", {}};
        for (const nlohmann::json& m : members) {
            // A member names its channel, or has its id.
            const std::string of = text_of(m, "EventChannel");
            if (of == one.name || of == developer_name || (!id.empty() && of.substr(0, 15) == id))
                one.members.push_back({text_of(m, "SelectedEntity"), text_of(m, "FilterExpression")});
        }
        out.value.push_back(std::move(one));
    }
    std::vector<std::string*> all;
    for (channel& one : out.value)
        for (channel_member& m : one.members) all.push_back(&m.event);
    if (auto resolved = resolve(org, all); resolved.refused) return {{}, std::move(resolved.refused)};
    std::sort(out.value.begin(), out.value.end(), [](const auto& a, const auto& b) { return a.name < b.name; });
    return out;
}

rest_outcome<std::vector<std::string>> topics_of_pattern(rest& org, const std::string& pattern) {
    rest_outcome<std::vector<std::string>> out;
    const auto add = [&](const std::string& topic) {
        if (follows(pattern, topic)) out.value.push_back(topic);
    };
    if (pattern.ends_with("__chn")) {
        auto [channels, refused] = custom_channels(org);
        if (refused) return {{}, std::move(refused)};
        for (const channel& c : channels) add(c.topic());
        return out;
    }
    const bool changes = pattern.starts_with("/data/");
    auto [events, refused] = changes ? selected_change_events(org) : custom_platform_events(org);
    if (refused) return {{}, std::move(refused)};
    for (const std::string& event : events) add((changes ? "/data/" : "/event/") + event);
    if (!changes) {
        auto [standard, not_told] = standard_events(org);
        // Editions without such events do not know the query, or the user may not ask. Anything else says nothing of the events.
        if (not_told && not_told->what != rest_fault::no_right && not_told->what != rest_fault::bad_request)
            return {{}, std::move(not_told)};
        for (const std::string& event : standard) add("/event/" + event);
    }
    std::sort(out.value.begin(), out.value.end());
    return out;
}

} // namespace sfcdc::runner::salesforce
