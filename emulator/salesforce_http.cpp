#include "salesforce_http.hpp"

#include "http_server.hpp"
#include "identifiers.hpp"
#include "soap.hpp"

#include <optional>

namespace emulator {
namespace {

using nlohmann::json;

struct login_refusal {
    const char* error;
    const char* description;
};

// Checks an assertion in the order of RFC 7523, section 3: form and signature first. Nothing: it is good.
std::optional<login_refusal> check_assertion(const std::string& assertion, world& in) {
    constexpr login_refusal invalid{"invalid_grant", "invalid assertion"};
    const std::size_t first = assertion.find('.'), last = assertion.rfind('.');
    if (first == assertion.npos || first == last || assertion.find('.', first + 1) != last) return invalid;
    const auto header_text = from_base64url(assertion.substr(0, first)),
               claims_text = from_base64url(assertion.substr(first + 1, last - first - 1)),
               signature = from_base64url(assertion.substr(last + 1));
    if (!header_text || !claims_text || !signature) return invalid;
    const json header = json::parse(*header_text, nullptr, false), claims = json::parse(*claims_text, nullptr, false);
    const auto text = [&](const json& of, const char* name) {
        return of.is_object() && of.contains(name) && of[name].is_string() ? of[name].get<std::string>()
                                                                           : std::string();
    };
    if (text(header, "alg") != "RS256" || !claims.is_object()) return invalid;
    if (text(claims, "iss") != in.settings.client_id)
        return login_refusal{"invalid_client_id", "client identifier invalid"};
    if (!in.app.verifies(assertion.substr(0, last), *signature)) return invalid;
    // This is a production org.
    if (const std::string audience = text(claims, "aud");
        audience != "https://login.salesforce.com" && audience != in.urls.salesforce_url)
        return login_refusal{"invalid_grant", "audience is invalid"};
    if (!claims.contains("exp") || !claims["exp"].is_number_integer()) return invalid;
    const auto left = std::chrono::sys_seconds(std::chrono::seconds(claims["exp"].get<std::int64_t>()))
                      - std::chrono::system_clock::now();
    if (left <= std::chrono::seconds(0)) return login_refusal{"invalid_grant", "expired authorization code"};
    if (left > std::chrono::minutes(3)) return invalid;
    if (text(claims, "sub") != in.settings.username)
        return login_refusal{"invalid_grant", "user hasn't approved this consumer"};
    return std::nullopt;
}

std::optional<login_refusal> check_login(const httplib::Request& request, world& in) {
    const std::string grant = request.get_param_value("grant_type");
    if (grant == "urn:ietf:params:oauth:grant-type:jwt-bearer")
        return check_assertion(request.get_param_value("assertion"), in);
    if (grant != "client_credentials") return login_refusal{"unsupported_grant_type", "grant type not supported"};
    if (request.get_param_value("client_id") != in.settings.client_id)
        return login_refusal{"invalid_client_id", "client identifier invalid"};
    if (request.get_param_value("client_secret") != in.settings.client_secret)
        return login_refusal{"invalid_client", "invalid client credentials"};
    return std::nullopt;
}

void token(const httplib::Request& request, httplib::Response& response, world& in) {
    std::this_thread::sleep_for(in.settings.latency);
    if (const auto fault = in.fault.take_token_fault(faults::side::salesforce)) {
        if (fault->retry_after_s) response.set_header("Retry-After", std::to_string(*fault->retry_after_s));
        answer_oauth_error(response, fault->status, "unknown_error", "retry your request");
        return;
    }
    in.count.logins += 1;
    if (const auto fault = in.fault.take_login_fault())
        return answer_oauth_error(response, 400, fault->error, fault->description);
    if (const auto refused = check_login(request, in))
        return answer_oauth_error(response, 400, refused->error, refused->description);

    const auto now = std::chrono::system_clock::now().time_since_epoch();
    answer(response, 200,
           {{"access_token", salesforce_token(in, in.settings.token_lifetime)},
            {"instance_url", in.urls.salesforce_url},
            {"id", "https://login.salesforce.com/id/" + in.salesforce.id() + "/" + in.salesforce.user_id()},
            {"token_type", "Bearer"},
            {"issued_at", std::to_string(std::chrono::duration_cast<std::chrono::milliseconds>(now).count())},
            {"scope", "api"},
            {"signature", fresh_token(43) + "="}});
}

void soap_login(const httplib::Request& request, httplib::Response& response, world& in) {
    std::this_thread::sleep_for(in.settings.latency);
    constexpr const char* xml = "text/xml; charset=utf-8";
    if (const auto fault = in.fault.take_token_fault(faults::side::salesforce)) {
        if (fault->retry_after_s) response.set_header("Retry-After", std::to_string(*fault->retry_after_s));
        response.status = fault->status;
        return response.set_content("<html><body>Maintenance</body></html>", "text/html");
    }
    in.count.logins += 1;
    const auto refuse = [&](const std::string& code, const std::string& sentence) {
        response.status = 500;
        response.set_content(soap_fault(code, sentence), xml);
    };
    if (const auto fault = in.fault.take_login_fault()) return refuse(fault->error, fault->description);
    const std::string version = request.matches[1].str();
    if (version.size() > 4 || std::stod(version) > 64.0)
        return refuse("UNSUPPORTED_API_VERSION", "Invalid Api version specified on URL");
    if (!request.has_header("SOAPAction")) return refuse("UNKNOWN_EXCEPTION", "SOAPAction HTTP header missing");
    const auto username = element_text(request.body, "username"), password = element_text(request.body, "password");
    if (!username || !password) return refuse("INVALID_OPERATION", "login needs username and password");
    const options& own = in.settings;
    if (*username == own.username && *password == own.password && !own.security_token.empty())
        return refuse(
            "LOGIN_MUST_USE_SECURITY_TOKEN",
            "Invalid username, password, security token; or user locked out. Are you at a new location? When "
            "accessing Salesforce--either via a desktop client or the API--from outside of your company's "
            "trusted networks, you must add a security token to your password to log in.");
    if (*username != own.username || *password != own.password + own.security_token)
        return refuse("INVALID_LOGIN", "Invalid username, password, security token; or user locked out.");
    response.set_content(soap_result({salesforce_token(in, own.token_lifetime), in.urls.salesforce_url, version,
                                      in.salesforce.id(), in.salesforce.user_id(), own.username}),
                         xml);
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
            {"preferred_username", in.settings.username}});
}

} // namespace

std::string salesforce_token(world& in, std::chrono::seconds lifetime) {
    return in.salesforce_tokens.issue(in.salesforce.id().substr(0, 15) + "!", "", lifetime);
}

void serve_salesforce_logins(httplib::Server& routes, world& in) {
    routes.Post("/services/oauth2/token",
                [&in](const auto& request, auto& response) { token(request, response, in); });
    routes.Post(R"(/services/Soap/u/(\d+\.\d))",
                [&in](const auto& request, auto& response) { soap_login(request, response, in); });
    routes.Get("/services/oauth2/userinfo",
               [&in](const auto& request, auto& response) { userinfo(request, response, in); });
}

} // namespace emulator
