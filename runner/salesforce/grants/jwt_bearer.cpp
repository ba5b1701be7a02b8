// OAuth 2.0 JWT bearer: a short-lived assertion, signed with the private key whose certificate the app has, is exchanged for a token. No
// secret travels. It works on the My Domain host and on login.salesforce.com or test.salesforce.com. Source: Salesforce Help, "OAuth 2.0
// JWT Bearer Flow".
#include "../../io/http.hpp"
#include "../../io/url.hpp"
#include "../../operations/log.hpp"
#include "grant.hpp"
#include "jwt.hpp"
#include "requests.hpp"

#include <chrono>

#include <sys/stat.h>

namespace sfcdc::runner::salesforce {
namespace {

// Salesforce takes 180 s at most, by its own clock: this leaves a minute for a clock that is ahead, and two for one that is behind.
constexpr std::chrono::seconds validity{120};
constexpr std::size_t longest_key = 64u << 10;

rsa_key read_key(const login_texts& own) {
    rsa_key key;
    const auto [pem, bad] = read_text_file(own["private_key_file"], longest_key, true);
    if (bad.empty()) return rsa_key::read(pem, own["private_key_passphrase"]);
    key.bad = "cannot be read: " + bad;
    return key;
}

// Who the assertion is for: the authorisation server of the org's kind, and a site by its own URL.
std::string audience_of(const login_settings& settings, const login_texts& own) {
    if (!own["audience"].empty()) return own["audience"];
    const auto url = url_parts::of(settings.login_url);
    if (!url) return settings.login_url;
    if (url->host == "test.salesforce.com" || url->host.ends_with(".sandbox.my.salesforce.com"))
        return "https://test.salesforce.com";
    if (url->host == "login.salesforce.com" || url->host.ends_with(".my.salesforce.com"))
        return "https://login.salesforce.com";
    return settings.login_url;
}

std::string remedy(const login_settings& settings, const std::string& refusal, const std::string& audience) {
    const auto says = [&](std::string_view words) { return refusal.find(words) != refusal.npos; };
    const std::string& section = settings.section;
    if (says("approved this consumer") || says("not admin approved"))
        return "the app has to be approved for the user of " + section
               + " username: set its policy to \"Admin approved users are pre-authorized\" and give it a permission "
                 "set or profile of the user.";
    if (says("audience"))
        return "the assertion was for " + audience + "; set " + section
               + " audience to https://login.salesforce.com for a production org, https://test.salesforce.com for a "
                 "sandbox, or the URL of the site.";
    if (says("expired"))
        return "the assertion was valid for two minutes; check the clock of this machine, and that the user of "
               + section + " username is active.";
    if (says("invalid_client_id"))
        return "check " + section
               + " client_id: the org of login_url has no such app; one that is new takes up to ten minutes.";
    if (says("invalid_client") || says("invalid assertion"))
        return "check " + section
               + " client_id and username, and that the app has the certificate that belongs to private_key_file.";
    return "check " + section
           + " client_id, username, private_key_file and login_url, and that the app is approved for " + "the user.";
}

std::vector<mistake> check_jwt(const login_settings&, const login_texts& own) {
    std::vector<mistake> found;
    const std::string& path = own["private_key_file"];
    struct stat file{};
    if (path.empty()) return found;
    if (const rsa_key key = read_key(own); !key)
        found.push_back({"private_key_file", path + " " + key.bad});
    else if (::stat(path.c_str(), &file) == 0 && (file.st_mode & (S_IROTH | S_IWOTH)) != 0)
        found.push_back({"private_key_file",
                         path + ": every user of the machine may read or write it; take that away (chmod o-rw)"});
    if (const auto audience = url_parts::of(own["audience"]);
        !own["audience"].empty() && (!audience || own["audience"].find("://") == std::string::npos))
        found.push_back({"audience", "a URL was expected, as in \"https://login.salesforce.com\""});
    return found;
}

token_answer ask_jwt(const login_settings& settings, const login_texts& own, const std::stop_token& stop) {
    const rsa_key key = read_key(own);
    // It was good when the process started: a file that is being replaced is waited for.
    if (!key)
        throw http::unavailable{settings.section + " private_key_file: " + own["private_key_file"] + " " + key.bad,
                                {}};
    const std::string audience = audience_of(settings, own);
    const auto now = std::chrono::floor<std::chrono::seconds>(std::chrono::system_clock::now());
    const std::string assertion = make_jwt({own["client_id"], own["username"], audience, now + validity}, key);
    log::hide(assertion);
    return ask_token_endpoint(
        settings, {{"grant_type", "urn:ietf:params:oauth:grant-type:jwt-bearer"}, {"assertion", assertion}}, stop,
        [&](const std::string& refusal) { return remedy(settings, refusal, audience); });
}

const registration jwt_bearer({
    .name = "jwt_bearer",
    .own_key = "private_key_file",
    .keys = {{"client_id"},
             {"username"},
             {"private_key_file", key_kind::file},
             {"private_key_passphrase", key_kind::secret, false},
             {"audience", key_kind::text, false}},
    .check = check_jwt,
    .ask = ask_jwt,
});

} // namespace
} // namespace sfcdc::runner::salesforce
