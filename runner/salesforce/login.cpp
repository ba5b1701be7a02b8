#include "login.hpp"

#include "../io/http.hpp"
#include "../io/pause.hpp"
#include "../operations/failure.hpp"
#include "../operations/log.hpp"
#include "answers.hpp"

#include <sfcdc/backoff.hpp>

#include <spdlog/spdlog.h>

#include <random>

namespace sfcdc::runner::salesforce {
session login::current(const std::stop_token& stop) {
    backoff wait(std::random_device{}());
    for (;;) {
        std::chrono::milliseconds delay{};
        try {
            const std::scoped_lock lock(mutex_);
            if (session_.generation == 0) replace_session(stop);
            return session_;
        } catch (const http::unavailable& u) {
            if (stop.stop_requested()) throw stopped{};
            delay = u.retry_after ? std::chrono::milliseconds(*u.retry_after) : wait.next();
            spdlog::warn("salesforce: {}; next try in {} ms", u.reason, delay.count());
        }
        pause(stop, delay);
    }
}

session login::renewed(const session& refused, const std::stop_token& stop) {
    const std::scoped_lock lock(mutex_);
    if (session_.generation == refused.generation) replace_session(stop);
    return session_;
}

void login::replace_session(const std::stop_token& stop) {
    session fresh = log_in(stop);
    fresh.generation = session_.generation + 1;
    session_ = std::move(fresh);
    spdlog::info("salesforce: logged in to {} (org {})", session_.instance_url, session_.org_id);
}

session login::log_in(const std::stop_token& stop) const {
    // A page in place of an answer (a proxy's, a maintenance) says nothing of the credentials: it is waited out like no answer.
    const auto ask = [&](const http::request& r, const char* what) {
        http::response answer = http::send(r, stop);
        if (answer.transient())
            throw http::unavailable{std::string(what) + " at " + config_.login_url + " failed (" + http::why(answer)
                                        + ")",
                                    answer.retry_after};
        return answer;
    };
    const auto no_answer = [&](const char* what, long status) {
        return http::unavailable{std::string(what) + " at " + config_.login_url + " gave HTTP "
                                     + std::to_string(status) + " and no answer of an OAuth service",
                                 {}};
    };

    const http::response token = ask({.url = config_.login_url + "/services/oauth2/token",
                                      .form = {{"grant_type", "client_credentials"},
                                               {"client_id", config_.client_id},
                                               {"client_secret", config_.client_secret}},
                                      .basic_user = {},
                                      .basic_password = {},
                                      .bearer = {},
                                      .ca_file = config_.ca_file},
                                     "login");
    if (!token.ok()) {
        const std::string refusal = read_refusal(token.body);
        if (refusal.empty()) throw no_answer("login", token.status);
        throw failure(exit_code::refused,
                      "Salesforce refused the login at " + config_.login_url + ": HTTP "
                          + std::to_string(token.status) + " " + refusal
                          + "; check [salesforce] client_id, client_secret and login_url, and that the client "
                            "credentials flow of the app has a run-as user.");
    }
    if (!token.json()) throw no_answer("login", token.status);
    const token_answer answer = read_token_answer(token.body, config_.login_url);
    log::hide(answer.access_token);
    if (!answer.wrong.empty())
        throw failure(exit_code::refused, "The login at " + config_.login_url
                                              + " gave an answer that cannot be used: " + answer.wrong
                                              + "; check [salesforce] login_url.");

    const http::response user = ask({.url = answer.instance_url + "/services/oauth2/userinfo",
                                     .form = {},
                                     .basic_user = {},
                                     .basic_password = {},
                                     .bearer = answer.access_token,
                                     .ca_file = config_.ca_file},
                                    "userinfo");
    if (!user.json()) throw no_answer("userinfo", user.status);
    const session s{answer.access_token, answer.instance_url, read_org_id(user.body), 0};
    if (!user.ok() || s.org_id.empty())
        throw failure(
            exit_code::refused,
            "Salesforce did not say which org this is (userinfo: HTTP " + std::to_string(user.status)
                + "); the app of [salesforce] client_id needs the scopes \"api\" and \"openid\" or \"id\".");
    if (!answer.org_id.empty() && answer.org_id != s.org_id)
        throw failure(exit_code::refused,
                      "Salesforce names two orgs for one login (" + answer.org_id + " and " + s.org_id + ").");
    return s;
}

} // namespace sfcdc::runner::salesforce
