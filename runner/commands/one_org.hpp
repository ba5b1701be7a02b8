// The org that a command talks to, from a configuration that may have several.
#pragma once

#include "../config/config.hpp"
#include "../operations/failure.hpp"

#include <string>

namespace sfcdc::runner {

// `name` as --salesforce says it: [salesforce.NAME]; empty: the only section, or the one without a name. Throws failure(bad_config).
inline const salesforce_config& one_org(const config& c, const std::string& name) {
    if (c.salesforce.empty()) throw failure(exit_code::bad_config, "the section [salesforce] is missing");
    if (name.empty() && c.salesforce.size() == 1) return c.salesforce.begin()->second;
    if (const auto found = c.salesforce.find(name); found != c.salesforce.end()) return found->second;
    std::string known;
    for (const auto& [section, org] : c.salesforce) known += (known.empty() ? "" : ", ") + org.section;
    throw failure(exit_code::bad_config,
                  name.empty() ? "there are several orgs, " + known + "; name one with --salesforce NAME"
                               : "there is no [salesforce." + name + "]; known are " + known);
}

} // namespace sfcdc::runner
