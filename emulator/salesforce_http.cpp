#include "salesforce_http.hpp"

#include "http_server.hpp"
#include "identifiers.hpp"

namespace emulator {
namespace {

void token(const httplib::Request& request, httplib::Response& response, world& in) {
    std::this_thread::sleep_for(in.settings.latency);
    if (const auto fault = in.fault.take_token_fault(faults::side::salesforce)) {
        if (fault->retry_after_s) response.set_header("Retry-After", std::to_string(*fault->retry_after_s));
        answer_oauth_error(response, fault->status, "unknown_error", "retry your request");
        return;
    }
    in.count.logins += 1;
    if (request.get_param_value("grant_type") != "client_credentials")
        return answer_oauth_error(response, 400, "unsupported_grant_type", "grant type not supported");
    if (request.get_param_value("client_id") != in.settings.client_id)
        return answer_oauth_error(response, 400, "invalid_client_id", "client identifier invalid");
    if (request.get_param_value("client_secret") != in.settings.client_secret)
        return answer_oauth_error(response, 400, "invalid_client", "invalid client credentials");

    const auto now = std::chrono::system_clock::now().time_since_epoch();
    answer(response, 200,
           {{"access_token",
             in.salesforce_tokens.issue(in.salesforce.id().substr(0, 15) + "!", "", in.settings.token_lifetime)},
            {"instance_url", in.urls.salesforce_url},
            {"id", "https://login.salesforce.com/id/" + in.salesforce.id() + "/" + in.salesforce.user_id()},
            {"token_type", "Bearer"},
            {"issued_at", std::to_string(std::chrono::duration_cast<std::chrono::milliseconds>(now).count())},
            {"scope", "api"},
            {"signature", fresh_token(43) + "="}});
}

void userinfo(const httplib::Request& request, httplib::Response& response, world& in) {
    std::this_thread::sleep_for(in.settings.latency);
    const std::string authorization = request.get_header_value("Authorization");
    if (!authorization.starts_with("Bearer ")) {
        response.status = 401;
        return response.set_content("Missing_OAuth_Token", "text/html");
    }
    if (!in.salesforce_tokens.scope_of(authorization.substr(7))) {
        response.status = 403;
        return response.set_content("Bad_OAuth_Token", "text/html");
    }
    answer(response, 200,
           {{"sub", "https://login.salesforce.com/id/" + in.salesforce.id() + "/" + in.salesforce.user_id()},
            {"organization_id", in.salesforce.id()},
            {"user_id", in.salesforce.user_id()},
            {"preferred_username", "integration@emulator.example"}});
}

} // namespace

void serve_salesforce_logins(httplib::Server& routes, world& in) {
    routes.Post("/services/oauth2/token",
                [&in](const auto& request, auto& response) { token(request, response, in); });
    routes.Get("/services/oauth2/userinfo",
               [&in](const auto& request, auto& response) { userinfo(request, response, in); });
}

} // namespace emulator
