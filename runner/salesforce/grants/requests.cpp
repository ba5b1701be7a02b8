#include "requests.hpp"

#include "../../operations/failure.hpp"

namespace sfcdc::runner::salesforce {

http::response ask_salesforce(const login_settings& settings, const http::request& request, std::string_view what,
                              const std::stop_token& stop) {
    http::response answer = http::send(request, stop);
    if (answer.transient())
        throw http::unavailable{std::string(what) + " at " + settings.login_url + " failed (" + http::why(answer)
                                    + ")",
                                answer.retry_after};
    return answer;
}

http::unavailable no_answer_of_a_service(const login_settings& settings, std::string_view what, long status) {
    return {std::string(what) + " at " + settings.login_url + " gave HTTP " + std::to_string(status)
                + " and no answer of an OAuth service",
            {}};
}

void throw_refused(const login_settings& settings, const std::string& said, const std::string& advice) {
    throw failure(exit_code::refused,
                  "Salesforce refused the login at " + settings.login_url + ": " + said + "; " + advice);
}

token_answer ask_token_endpoint(const login_settings& settings, std::vector<std::pair<std::string, std::string>> form,
                                const std::stop_token& stop,
                                const std::function<std::string(const std::string&)>& advice) {
    const http::response answer = ask_salesforce(settings,
                                                 {.url = settings.login_url + "/services/oauth2/token",
                                                  .form = std::move(form),
                                                  .basic_user = {},
                                                  .basic_password = {},
                                                  .bearer = {},
                                                  .ca_file = settings.ca_file},
                                                 "login", stop);
    if (!answer.ok()) {
        const std::string refusal = read_refusal(answer.body);
        if (refusal.empty()) throw no_answer_of_a_service(settings, "login", answer.status);
        throw_refused(settings, "HTTP " + std::to_string(answer.status) + " " + refusal, advice(refusal));
    }
    if (!answer.json()) throw no_answer_of_a_service(settings, "login", answer.status);
    return read_token_answer(answer.body);
}

} // namespace sfcdc::runner::salesforce
