#include "login.hpp"

#include "../operations/failure.hpp"
#include "../operations/log.hpp"
#include "grants/grant.hpp"
#include "grants/requests.hpp"

#include <spdlog/spdlog.h>

namespace sfcdc::runner::salesforce {

namespace {

// Reads which org the token belongs to. Throws as log_in().
std::string ask_for_org(const grant& by, const salesforce_config& config, const token_answer& token,
                        const std::stop_token& stop) {
    const http::response user = ask_salesforce(config,
                                               {.url = token.instance_url + "/services/oauth2/userinfo",
                                                .form = {},
                                                .basic_user = {},
                                                .basic_password = {},
                                                .bearer = token.access_token,
                                                .ca_file = config.ca_file},
                                               "userinfo", stop);
    if (by.token_ended != nullptr && !user.ok() && refuses_session(user.body))
        throw failure(exit_code::refused, by.token_ended(config));
    if (!user.json()) throw no_answer_of_a_service(config, "userinfo", user.status);
    std::string org_id = read_org_id(user.body);
    if (!user.ok() || org_id.empty())
        throw failure(exit_code::refused, "Salesforce did not say which org this is (userinfo: HTTP "
                                              + std::to_string(user.status) + "); the app of " + config.section
                                              + " needs the scopes \"api\" and \"openid\" or \"id\".");
    return org_id;
}

} // namespace

session log_in(const salesforce_config& config, const std::stop_token& stop) {
    const grant& by = *find_grant(config.grant);
    const login_texts own = read_texts(by, config);
    token_answer answer = by.ask(config, own, stop);
    log::hide(answer.access_token);
    if (const std::string wrong = check_token(answer, config.login_url); !wrong.empty())
        throw failure(exit_code::refused, "The login at " + config.login_url
                                              + " gave an answer that cannot be used: " + wrong + "; check "
                                              + config.section + " " + std::string(by.host_key) + ".");
    session s{answer.access_token, answer.instance_url, answer.org_id};
    if (!answer.org_certain) s.org_id = ask_for_org(by, config, answer, stop);
    if (!answer.org_id.empty() && answer.org_id != s.org_id)
        throw failure(exit_code::refused,
                      "Salesforce names two orgs for one login (" + answer.org_id + " and " + s.org_id + ").");
    spdlog::info("salesforce: logged in to {} (org {})", s.instance_url, s.org_id);
    return s;
}

sessions make_sessions(const salesforce_config& config) {
    return {[&config] { return identity_of(*find_grant(config.grant), config); },
            [&config](const std::stop_token& stop) { return log_in(config, stop); }};
}

} // namespace sfcdc::runner::salesforce
