// User name, password and security token by SOAP's login(), for those who have nothing else. Salesforce ends the call for all versions in
// Summer '27, and versions from 65.0 on do not have it.
#include "grant.hpp"
#include "requests.hpp"
#include "soap_messages.hpp"

#include <spdlog/spdlog.h>

#include <array>

namespace sfcdc::runner::salesforce {
namespace {

constexpr std::string_view last_version = "64.0";

// Faults of the service rather than of the credentials.
bool passes(std::string_view code) {
    constexpr std::array<std::string_view, 4> codes = {"API_CURRENTLY_DISABLED", "SERVER_UNAVAILABLE",
                                                       "REQUEST_RUNNING_TOO_LONG", "UNKNOWN_EXCEPTION"};
    for (const std::string_view one : codes)
        if (one == code) return true;
    return false;
}

std::string advise(const login_settings& settings, std::string_view code) {
    const std::string& section = settings.section;
    if (code == "LOGIN_MUST_USE_SECURITY_TOKEN")
        return "set " + section
               + " security_token (Salesforce sends a new one by mail: personal settings, \"Reset My Security "
                 "Token\"), or add this machine's address to the trusted IP ranges of the org.";
    if (code == "PASSWORD_LOCKOUT")
        return "the user of " + section
               + " username is locked after too many wrong passwords; wait until the lock is over, or have an "
                 "administrator unlock the user.";
    if (code == "API_DISABLED_FOR_ORG" || code == "UNSUPPORTED_API_VERSION" || code == "UNSUPPORTED_CLIENT")
        return "this org has no SOAP login(); use grant = \"jwt_bearer\" or \"client_credentials\" in " + section
               + ".";
    return "check " + section
           + " username, password, security_token and login_url (https://test.salesforce.com for a sandbox); after a "
             "change of the password the security token is another one.";
}

token_answer ask_soap(const login_settings& settings, const login_texts& own, const std::stop_token& stop) {
    spdlog::warn("salesforce: SOAP login() ends for all versions in Summer '27; move {} to grant = \"jwt_bearer\" or "
                 "\"client_credentials\" before.",
                 settings.section);
    const http::response answer =
        http::send({.url = settings.login_url + "/services/Soap/u/" + std::string(last_version),
                    .form = {},
                    .basic_user = {},
                    .basic_password = {},
                    .bearer = {},
                    .ca_file = settings.ca_file,
                    .xml = soap_login(own["username"], own["password"] + own["security_token"]),
                    .headers = {"SOAPAction: login"},
                    .longest_answer = longest_soap_answer},
                   stop);
    // A fault comes with HTTP 500.
    soap_answer said = read_soap_answer(answer.body);
    const auto unavailable = [&](const std::string& why) {
        return http::unavailable{"login at " + settings.login_url + " failed (" + why + ")", answer.retry_after};
    };
    if (answer.status == 0 || (!said.soap && answer.transient())) throw unavailable(http::why(answer));
    if (!said.soap) throw no_answer_of_a_service(settings, "login", answer.status);
    if (!said.fault_code.empty()) {
        const std::string fault = said.fault_code + (said.fault_text.empty() ? "" : " (" + said.fault_text + ")");
        if (passes(said.fault_code)) throw unavailable(fault);
        throw_refused(settings, fault, advise(settings, said.fault_code));
    }
    if (said.password_expired)
        throw_refused(settings, "the password has expired",
                      "log in by a browser, choose another one, and put it into " + settings.section
                          + " password, with the new security_token.");
    return std::move(said.token);
}

const registration soap({
    .name = "soap",
    .own_key = "password",
    .keys = {{"username"}, {"password", key_kind::secret}, {"security_token", key_kind::secret, false}},
    .check = [](const login_settings&, const login_texts&) { return std::vector<mistake>(); },
    .ask = ask_soap,
});

} // namespace
} // namespace sfcdc::runner::salesforce
