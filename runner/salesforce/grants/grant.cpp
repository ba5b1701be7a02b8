#include "grant.hpp"

#include "../../io/http.hpp"
#include "../../io/url.hpp"
#include "../../operations/log.hpp"

#include <algorithm>
#include <array>
#include <utility>

namespace sfcdc::runner::salesforce {
namespace {

constexpr std::size_t longest_key_file = 64u << 10;

std::vector<grant>& registry() {
    static std::vector<grant> grants;
    return grants;
}

bool replace_end(std::string& host, std::string_view end, std::string_view by) {
    if (!host.ends_with(end)) return false;
    host.replace(host.size() - end.size(), end.size(), by);
    return true;
}

} // namespace

const grant_key* grant::find(std::string_view key) const {
    const auto found = std::find_if(keys.begin(), keys.end(), [&](const grant_key& k) { return k.name == key; });
    return found == keys.end() ? nullptr : &*found;
}

// The order in which source files are initialised is not known; that of names is the same in every build.
registration::registration(grant added) {
    std::vector<grant>& grants = registry();
    const auto behind =
        std::find_if(grants.begin(), grants.end(), [&](const grant& g) { return g.name > added.name; });
    grants.insert(behind, std::move(added));
}

const std::vector<grant>& all_grants() { return registry(); }

const grant* find_grant(std::string_view name) {
    const auto& grants = all_grants();
    const auto found = std::find_if(grants.begin(), grants.end(), [&](const grant& g) { return g.name == name; });
    return found == grants.end() ? nullptr : &*found;
}

std::string grants_with(std::string_view key) {
    std::string names;
    for (const grant& g : all_grants())
        if (g.host_key == key || g.find(key) != nullptr)
            names += (names.empty() ? "\"" : " and \"") + std::string(g.name) + "\"";
    return names;
}

std::string wrong_host(const std::string& url) {
    const auto parts = url_parts::of(url);
    if (!parts) return {}; // the configuration says so itself
    std::string host = parts->host;
    // Hosts that show pages to people. What is in front of these ends is the same in the name of the My Domain.
    constexpr std::array<std::string_view, 2> pages = {".lightning.force.com", ".my.salesforce-setup.com"};
    for (const std::string_view end : pages) {
        if (!replace_end(host, end, ".my.salesforce.com")) continue;
        return parts->host + " shows pages to people and has no logins for programs; the org's My Domain is https://"
               + host;
    }
    if (parts->has_path && host.ends_with(".salesforce.com"))
        return "the host alone was expected, without a path: https://" + host;
    return {};
}

bool is_shared_host(const std::string& url) {
    const auto parts = url_parts::of(url);
    return parts && (parts->host == "login.salesforce.com" || parts->host == "test.salesforce.com");
}

login_texts read_texts(const grant& of, const login_settings& settings) {
    login_texts out;
    for (const grant_key& key : of.keys) {
        const auto written = settings.keys.find(key.name);
        expansion now = written == settings.keys.end() ? expansion{} : written->second.read();
        if (now.bad.empty() && now.text.empty() && key.required) now.bad = "is empty";
        if (!now.bad.empty())
            throw http::unavailable{settings.section + " " + std::string(key.name) + ": " + now.bad, {}};
        if (key.kind == key_kind::secret)
            log::hide(now.text, key.name != "access_token"); // tokens are renewed for months
        out.set(key.name, std::move(now.text));
    }
    return out;
}

std::string identity_of(const grant& of, const login_settings& settings) {
    std::string out;
    for (const grant_key& key : of.keys) {
        const auto written = settings.keys.find(key.name);
        const std::string text = written == settings.keys.end() ? std::string() : written->second.read().text;
        out += text + '\n';
        if (key.kind == key_kind::file && !text.empty()) out += read_text_file(text, longest_key_file, true).text;
    }
    return out;
}

} // namespace sfcdc::runner::salesforce
