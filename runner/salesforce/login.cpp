#include "login.hpp"

#include "../io/http.hpp"
#include "../operations/failure.hpp"
#include "../operations/log.hpp"
#include "answers.hpp"

#include <spdlog/spdlog.h>

namespace sfcdc::runner::salesforce {

session log_in(const salesforce_config& config, const std::stop_token& stop) {
    const client_credentials::texts own = config.credentials.read(config.section);
    // A page in place of an answer (a proxy's, a maintenance) says nothing of the credentials: it is waited out like no answer.
    const auto ask = [&](const http::request& r, const char* what) {
        http::response answer = http::send(r, stop);
        if (answer.transient())
            throw http::unavailable{std::string(what) + " at " + config.login_url + " failed (" + http::why(answer)
                                        + ")",
                                    answer.retry_after};
        return answer;
    };
    const auto no_answer = [&](const char* what, long status) {
        return http::unavailable{std::string(what) + " at " + config.login_url + " gave HTTP "
                                     + std::to_string(status) + " and no answer of an OAuth service",
                                 {}};
    };

    const http::response token = ask({.url = config.login_url + "/services/oauth2/token",
                                      .form = {{"grant_type", "client_credentials"},
                                               {"client_id", own.client_id},
                                               {"client_secret", own.client_secret}},
                                      .basic_user = {},
                                      .basic_password = {},
                                      .bearer = {},
                                      .ca_file = config.ca_file},
                                     "login");
    if (!token.ok()) {
        const std::string refusal = read_refusal(token.body);
        if (refusal.empty()) throw no_answer("login", token.status);
        throw failure(exit_code::refused, "Salesforce refused the login at " + config.login_url + ": HTTP "
                                              + std::to_string(token.status) + " " + refusal + "; check "
                                              + config.section
                                              + " client_id, client_secret and login_url, and that the client "
                                                "credentials flow of the app has a run-as user.");
    }
    if (!token.json()) throw no_answer("login", token.status);
    const token_answer answer = read_token_answer(token.body, config.login_url);
    log::hide(answer.access_token);
    if (!answer.wrong.empty())
        throw failure(exit_code::refused, "The login at " + config.login_url + " gave an answer that cannot be used: "
                                              + answer.wrong + "; check " + config.section + " login_url.");

    const http::response user = ask({.url = answer.instance_url + "/services/oauth2/userinfo",
                                     .form = {},
                                     .basic_user = {},
                                     .basic_password = {},
                                     .bearer = answer.access_token,
                                     .ca_file = config.ca_file},
                                    "userinfo");
    if (!user.json()) throw no_answer("userinfo", user.status);
    session s{answer.access_token, answer.instance_url, read_org_id(user.body)};
    if (!user.ok() || s.org_id.empty())
        throw failure(exit_code::refused, "Salesforce did not say which org this is (userinfo: HTTP "
                                              + std::to_string(user.status) + "); the app of " + config.section
                                              + " client_id needs the scopes \"api\" and \"openid\" or \"id\".");
    if (!answer.org_id.empty() && answer.org_id != s.org_id)
        throw failure(exit_code::refused,
                      "Salesforce names two orgs for one login (" + answer.org_id + " and " + s.org_id + ").");
    spdlog::info("salesforce: logged in to {} (org {})", s.instance_url, s.org_id);
    return s;
}

sessions make_sessions(const salesforce_config& config) {
    return {[&config] { return config.credentials.identity(); },
            [&config](const std::stop_token& stop) { return log_in(config, stop); }};
}

} // namespace sfcdc::runner::salesforce
