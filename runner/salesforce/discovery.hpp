// What an org has that one can subscribe to: by queries on the Tooling API, for which the user needs the permission "View Setup and
// Configuration". Source: Salesforce, Tooling API objects PlatformEventChannel, PlatformEventChannelMember, EntityDefinition.
#pragma once

#include "../operations/failure.hpp"
#include "rest.hpp"

#include <string>
#include <vector>

namespace sfcdc::runner::salesforce {

// Makes the sentence for the operator when the org does not list `what`. `section` is of the configuration: "[salesforce]".
failure cannot_list(const rest_refusal& refused, const std::string& what, const std::string& section);

// The change events of the objects that Setup has selected for Change Data Capture, in order: "AccountChangeEvent".
rest_outcome<std::vector<std::string>> selected_change_events(rest& org);

struct channel_member {
    std::string event{};  // "AccountChangeEvent", "Order__e"
    std::string filter{}; // of the events that reach the channel; empty: all do
};
// A channel that somebody has made, beside the standard one of change events.
struct channel {
    std::string name{}; // "Sales__chn"
    bool of_change_events = false;
    std::vector<channel_member> members{};

    std::string topic() const { return (of_change_events ? "/data/" : "/event/") + name; }
};
rest_outcome<std::vector<channel>> custom_channels(rest& org);

// The platform events that somebody has defined, in order: "Order__e".
rest_outcome<std::vector<std::string>> custom_platform_events(rest& org);
// The events of Salesforce itself that are switched on, in order: "LoginEventStream".
rest_outcome<std::vector<std::string>> standard_events(rest& org);

// The topics that a pattern stands for (config/topic_pattern.hpp), in order. Events of Salesforce itself are left out where the org does not
// list them, as in editions that have none.
rest_outcome<std::vector<std::string>> topics_of_pattern(rest& org, const std::string& pattern);

} // namespace sfcdc::runner::salesforce
