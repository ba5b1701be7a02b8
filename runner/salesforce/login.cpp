#include "login.hpp"

#include "../failure.hpp"
#include "../http.hpp"
#include "../pause.hpp"

#include <sfcdc/backoff.hpp>

#include <nlohmann/json.hpp>
#include <spdlog/spdlog.h>

#include <random>

namespace sfcdc::runner::salesforce {
namespace {

std::string member(const nlohmann::json& object, const char* name) {
    return object.is_object() && object.contains(name) && object[name].is_string() ? object[name].get<std::string>()
                                                                                   : std::string();
}

// ".../id/<organisation>/<user>": the last but one segment.
std::string org_of_identity(const std::string& url) {
    const std::size_t last = url.rfind('/');
    if (last == std::string::npos || last == 0) return {};
    const std::size_t before = url.rfind('/', last - 1);
    return before == std::string::npos ? std::string() : url.substr(before + 1, last - before - 1);
}

} // namespace

session login::current(const std::stop_token& stop) {
    backoff wait(std::random_device{}());
    for (;;) {
        std::chrono::milliseconds delay{};
        try {
            const std::scoped_lock lock(mutex_);
            if (session_.generation == 0) replace_session();
            return session_;
        } catch (const http::unavailable& u) {
            delay = u.retry_after ? std::chrono::milliseconds(*u.retry_after) : wait.next();
            spdlog::warn("salesforce: {}; next try in {} ms", u.reason, delay.count());
        }
        pause(stop, delay);
    }
}

session login::renewed(const session& refused) {
    const std::scoped_lock lock(mutex_);
    if (session_.generation == refused.generation) replace_session();
    return session_;
}

void login::replace_session() {
    session fresh = log_in();
    fresh.generation = session_.generation + 1;
    session_ = std::move(fresh);
    spdlog::info("salesforce: logged in to {} (org {})", session_.instance_url, session_.org_id);
}

session login::log_in() const {
    const auto ask = [&](const http::request& r, const char* what) {
        http::response answer = http::send(r);
        if (answer.transient())
            throw http::unavailable{std::string(what) + " at " + config_.login_url + " failed (" + http::why(answer)
                                        + ")",
                                    answer.retry_after};
        return answer;
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
    const nlohmann::json answer = nlohmann::json::parse(token.body, nullptr, false);
    if (!token.ok())
        throw failure(exit_code::refused,
                      "Salesforce refused the login at " + config_.login_url + ": HTTP "
                          + std::to_string(token.status) + " " + member(answer, "error") + " ("
                          + member(answer, "error_description")
                          + "); check [salesforce] client_id, client_secret and login_url, and that the client "
                            "credentials flow of the app has a run-as user.");
    session s{member(answer, "access_token"), member(answer, "instance_url"), {}, 0};
    if (s.access_token.empty() || s.instance_url.empty())
        throw failure(exit_code::refused,
                      "The login at " + config_.login_url
                          + " gave no access_token or instance_url; check [salesforce] login_url.");
    for (const char c : s.access_token)
        if (c <= ' ' || c > '~')
            throw failure(exit_code::refused,
                          "The access token from " + config_.login_url + " has characters that no header may carry.");

    const http::response user = ask({.url = s.instance_url + "/services/oauth2/userinfo",
                                     .form = {},
                                     .basic_user = {},
                                     .basic_password = {},
                                     .bearer = s.access_token,
                                     .ca_file = config_.ca_file},
                                    "userinfo");
    s.org_id = member(nlohmann::json::parse(user.body, nullptr, false), "organization_id");
    if (!user.ok() || s.org_id.empty())
        throw failure(
            exit_code::refused,
            "Salesforce did not say which org this is (userinfo: HTTP " + std::to_string(user.status)
                + "); the app of [salesforce] client_id needs the scopes \"api\" and \"openid\" or \"id\".");
    const std::string identity = org_of_identity(member(answer, "id"));
    if (!identity.empty() && identity != s.org_id)
        throw failure(exit_code::refused,
                      "Salesforce names two orgs for one login (" + identity + " and " + s.org_id + ").");
    return s;
}

} // namespace sfcdc::runner::salesforce
