#include "../salesforce/grants/grant.hpp"
#include "parts.hpp"

#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace sfcdc::runner {
namespace {

// The grant that the section names, or the one that its keys show: each grant has a key that no other one has. Client credentials where
// there is none of them.
const salesforce::grant& grant_of(const section& s) {
    std::vector<std::pair<std::string_view, const salesforce::grant*>> names;
    const salesforce::grant *shown = nullptr, *otherwise = salesforce::find_grant("client_credentials");
    for (const salesforce::grant& g : salesforce::all_grants()) {
        names.emplace_back(g.name, &g);
        if (s.has("grant") || !s.has(g.own_key)) continue;
        if (shown == nullptr)
            shown = &g;
        else
            s.wrong(g.own_key, "is a key of grant = \"" + std::string(g.name) + "\", and "
                                   + std::string(shown->own_key) + " one of \"" + std::string(shown->name)
                                   + "\"; say by grant which is meant");
    }
    return *s.choice<const salesforce::grant*>("grant", false, names, shown != nullptr ? shown : otherwise);
}

void read_login(const section& s, salesforce_config& c) {
    const std::size_t before = s.in().mistakes();
    const salesforce::grant& g = grant_of(s);
    c.grant = g.name;
    if (s.in().mistakes() != before) return; // what belongs to another grant would be said about each key
    salesforce::login_texts own;
    for (const salesforce::grant_key& key : g.keys) {
        const secret& text = c.keys[std::string(key.name)] =
            s.secret_text(key.name, key.kind == salesforce::key_kind::secret, key.required);
        const std::string now = text.read().text;
        if (key.kind == salesforce::key_kind::file && !now.empty())
            s.in().use(identity(now), "the file of [" + s.name() + "] " + std::string(key.name));
        own.set(key.name, now);
    }
    for (const auto& [key, node] : s.table()) {
        const std::string others = salesforce::grants_with(key.str());
        if (others.empty() || g.host_key == key.str() || g.find(key.str()) != nullptr) continue;
        const std::string instead = key.str() == "instance_url" ? "; the My Domain URL is written as login_url" : "";
        s.wrong(key.str(), "is a key of grant = " + others + "; this section logs in by \"" + c.grant + "\""
                               + (s.has("grant") ? "" : ", since no other grant is named") + instead);
    }
    c.login_url = s.url(g.host_key, true);
    if (const std::string host = salesforce::wrong_host(c.login_url); !host.empty()) s.wrong(g.host_key, host);
    for (const salesforce::mistake& m : g.check(c, own)) s.wrong(m.key, m.what);
}

} // namespace

void read_salesforce(const section& s, salesforce_config& c) {
    c.written = s.written();
    read_login(s, c);
    c.pubsub_endpoint = s.endpoint("pubsub_endpoint", false, c.pubsub_endpoint);
    c.ca_file = s.ca_file();
    c.delivery_allocation = static_cast<std::uint64_t>(s.number("delivery_allocation", 1, std::int64_t{1} << 40, 0));
}

} // namespace sfcdc::runner
