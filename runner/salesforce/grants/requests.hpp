// The HTTP requests of a login, with what every grant makes of their answers.
#pragma once

#include "../../io/http.hpp"
#include "answers.hpp"
#include "login_settings.hpp"

#include <functional>
#include <stop_token>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace sfcdc::runner::salesforce {

// Sends one request of a login, called `what` in messages. Throws http::unavailable when another try may help.
http::response ask_salesforce(const login_settings& settings, const http::request& request, std::string_view what,
                              const std::stop_token& stop);

// What to throw for a page in place of an answer (a proxy's, a maintenance): it says nothing of the credentials, and is waited out like
// no answer.
http::unavailable no_answer_of_a_service(const login_settings& settings, std::string_view what, long status);

// Throws the failure(refused) of a login: "Salesforce refused the login at URL: SAID; ADVICE".
[[noreturn]] void throw_refused(const login_settings& settings, const std::string& said, const std::string& advice);

// Posts a form to /services/oauth2/token. `advice` makes the words behind "; " of what read_refusal() has found. Throws failure(refused),
// and http::unavailable.
token_answer ask_token_endpoint(const login_settings& settings, std::vector<std::pair<std::string, std::string>> form,
                                const std::stop_token& stop,
                                const std::function<std::string(const std::string& refusal)>& advice);

} // namespace sfcdc::runner::salesforce
