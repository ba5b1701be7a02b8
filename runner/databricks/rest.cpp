#include "rest.hpp"

#include "../io/http.hpp"
#include "../io/pause.hpp"
#include "../operations/log.hpp"
#include "answers.hpp"

#include <spdlog/spdlog.h>

#include <algorithm>
#include <random>

namespace sfcdc::runner::databricks {
namespace {

// A table of 2,000 columns with comments has about one MiB.
constexpr std::size_t longest_rest_answer = 16u << 20;

refusal no_answer(refusal_class what, const std::string& message) { return {what, {}, {}, log::one_line(message)}; }

} // namespace

rest_session::rest_session(workspace& at, const rest_options& options, const std::stop_token& stop)
    : workspace_(at), options_(options), stop_(stop), deadline_(std::chrono::steady_clock::now() + options.limit) {}

outcome<nlohmann::json> rest_session::post(const std::string& path, const nlohmann::json& body) {
    return ask(path, body.dump(-1, ' ', false, nlohmann::json::error_handler_t::replace));
}

outcome<nlohmann::json> rest_session::ask(const std::string& path, const std::string& body) {
    const databricks_config& config = workspace_.config();
    const auto now = [] { return std::chrono::steady_clock::now(); };
    call::patience patience(options_.patience, std::random_device{}());
    refusal last; // of the attempts so far; each request has one
    std::chrono::seconds retry_after{0};
    for (call::next_attempt next; next;) {
        const time_point at = std::max(next.at, now() + retry_after);
        if (!last.message.empty() && at >= deadline_) return {{}, last};
        if (const auto wait = std::chrono::ceil<std::chrono::milliseconds>(at - now()); wait.count() > 0) {
            if (next.remedy != call::remedy::renew_token)
                spdlog::warn("{}: {}; next try in {} ms", config.section, last.message, wait.count());
            pause(stop_, wait);
        }
        retry_after = {};
        try {
            token_ = workspace_.rest_tokens().newer_than(refused_, stop_);
        } catch (const http::unavailable& u) { // why is logged by the broker
            if (stop_.stop_requested()) throw stopped{};
            last = no_answer(refusal_class::unavailable, u.reason);
            next = patience.after(call::token_answer::unavailable, now());
            continue;
        }
        if (next.remedy == call::remedy::renew_token) (void)patience.after(call::token_answer::renewed, now());
        const http::response answer = http::send({.url = config.workspace_url + path,
                                                  .form = {},
                                                  .basic_user = {},
                                                  .basic_password = {},
                                                  .bearer = token_.credential.text,
                                                  .ca_file = config.ca_file,
                                                  .json = body,
                                                  .longest_answer = longest_rest_answer},
                                                 stop_);
        if (stop_.stop_requested()) throw stopped{};
        if (answer.too_long) return {{}, no_answer(refusal_class::other, answer.body)};
        if (answer.ok())
            if (auto object = read_object(answer.body)) return {std::move(*object), {}};
        const auto refused = refusal_of_request(answer.status, answer.status == 0 ? "" : answer.body);
        // A gateway says 403 of a token that has expired, with that number as its code; what lacks a grant has a code in words.
        if (answer.status == 401 || (answer.status == 403 && refused && refused->condition == "403")) {
            last = refused.value_or(no_answer(refusal_class::no_privilege, "HTTP " + std::to_string(answer.status)));
            last.what = refusal_class::no_privilege;
            refused_ = token_.generation;
            next = patience.after(call::remedy::renew_token, now());
            continue;
        }
        // 501 is a service that does not have the request, and will not have it in ten minutes.
        if (refused && !answer.ok() && (!answer.transient() || answer.status == 501)) return {{}, *refused};
        const auto what = answer.status == 429 ? refusal_class::throttled : refusal_class::unavailable;
        last = refused.value_or(no_answer(what, answer.transient() ? http::why(answer)
                                                                   : "HTTP " + std::to_string(answer.status)
                                                                         + " and no answer of the REST API"));
        last.what = what;
        retry_after = answer.retry_after.value_or(std::chrono::seconds(0));
        next = patience.after(call::remedy::retry, now());
    }
    return {{}, last};
}

void rest_session::post_last(const std::string& path) noexcept {
    try {
        const databricks_config& config = workspace_.config();
        (void)http::send({.url = config.workspace_url + path,
                          .form = {},
                          .basic_user = {},
                          .basic_password = {},
                          .bearer = token_.credential.text,
                          .ca_file = config.ca_file,
                          .json = "{}",
                          .timeout = std::chrono::seconds(2)},
                         {});
    } catch (const std::exception& e) { // no memory
        spdlog::warn("{}: {}", section(), e.what());
    }
}

} // namespace sfcdc::runner::databricks
