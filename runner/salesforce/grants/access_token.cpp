// A token that somebody else has asked for, as `sf org display` prints it. It cannot be renewed here: when it ends, its text is read
// again from ${file:…} or the environment.
#include "grant.hpp"

namespace sfcdc::runner::salesforce {
namespace {

std::string how_to_get_one(const login_settings& settings) {
    return "Get a new one (sf org display --target-org NAME --verbose prints the access token beside its instance "
           "URL) "
           "and put it where "
           + settings.section
           + " access_token reads it: a text ${file:PATH} is read again without a restart. For a daemon, grant = "
             "\"jwt_bearer\" or \"client_credentials\" renews its tokens itself.";
}

const registration access_token({
    .name = "access_token",
    .own_key = "access_token",
    .keys = {{"access_token", key_kind::secret}},
    .host_key = "instance_url",
    .check = [](const login_settings& settings, const login_texts& own) -> std::vector<mistake> {
        std::vector<mistake> found;
        if (is_shared_host(settings.login_url))
            found.push_back({"instance_url",
                             "the instance URL of the org was expected, as `sf org display` prints it "
                             "beside the token (https://NAME.my.salesforce.com)"});
        if (!fits_a_header(own["access_token"]))
            found.push_back({"access_token", "it has characters that no token has, such as spaces; the access token "
                                             "alone was expected, as `sf org display` prints it"});
        return found;
    },
    .ask = [](const login_settings& settings, const login_texts& own, const std::stop_token&) -> token_answer {
        return {own["access_token"], settings.login_url, {}};
    },
    .token_ended =
        [](const login_settings& settings) {
            return "Salesforce does not accept " + settings.section
                   + " access_token: it has expired, was revoked, or belongs to another org than instance_url. "
                   + how_to_get_one(settings);
        },
});

} // namespace
} // namespace sfcdc::runner::salesforce
