// OAuth 2.0 client credentials. The flow exists on the My Domain host of an org only; there is no refresh token, a new login is
// the renewal. Source: Salesforce Help, "OAuth 2.0 Client Credentials Flow".
#include "../../io/url.hpp"
#include "grant.hpp"
#include "requests.hpp"

namespace sfcdc::runner::salesforce {
namespace {

const registration client_credentials({
    .name = "client_credentials",
    .own_key = "client_secret",
    .keys = {{"client_id"}, {"client_secret", key_kind::secret}},
    .check = [](const login_settings& settings, const login_texts&) -> std::vector<mistake> {
        if (!is_shared_host(settings.login_url)) return {};
        return {{"login_url", "client credentials work on the org's My Domain host only "
                              "(https://NAME.my.salesforce.com), not on "
                                  + url_parts::of(settings.login_url)->host}};
    },
    .ask =
        [](const login_settings& settings, const login_texts& own, const std::stop_token& stop) {
            return ask_token_endpoint(settings,
                                      {{"grant_type", "client_credentials"},
                                       {"client_id", own["client_id"]},
                                       {"client_secret", own["client_secret"]}},
                                      stop, [&](const std::string&) {
                                          return "check " + settings.section
                                                 + " client_id, client_secret and login_url, and that the client "
                                                   "credentials flow of the app has a run-as user.";
                                      });
        },
});

} // namespace
} // namespace sfcdc::runner::salesforce
