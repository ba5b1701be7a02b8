// Requests to the REST API of a workspace: with its token, and again for as long as waiting may help.
#pragma once

#include "refusal.hpp"
#include "token.hpp"

#include <sfcdc/backoff.hpp>
#include <sfcdc/call/patience.hpp>

#include <nlohmann/json.hpp>

#include <chrono>
#include <stop_token>
#include <string>

namespace sfcdc::runner::databricks {

struct rest_options {
    call::patience_options patience{};        // of the waits between two attempts at one request
    std::chrono::milliseconds limit{600'000}; // after it no request is sent again; one that is new is sent once
};

// The requests of one task, such as a statement and the questions how far it is. All of them together have one limit of time. Blocks,
// and is used by one thread. What a server does that is busy (429, 408, all of 5xx but 501) or not reached is waited out, with
// Retry-After where it says so; a token that has expired is renewed; a page in place of an answer is waited out like no answer. The waits for a token are those of
// its broker, which the limit does not cut short.
//
// A request whose answer is lost is sent again: what is asked for must be safe to repeat.
class rest_session {
  public:
    // Refers to all three.
    rest_session(workspace& at, const rest_options& options, const std::stop_token& stop);

    // `path` begins with "/api/". Returns the answer, which is a JSON object, or why there is none. Throws stopped; failure(refused) when
    // the workspace refuses the credentials.
    outcome<nlohmann::json> get(const std::string& path) { return ask(path, {}); }
    outcome<nlohmann::json> post(const std::string& path, const nlohmann::json& body);

    // Posts an empty object once, also after a stop, within two seconds and without looking at the answer: a last word to a service
    // that is to be left alone.
    void post_last(const std::string& path) noexcept;

    time_point deadline() const noexcept { return deadline_; }
    // How the configuration calls the workspace: "[databricks]".
    const std::string& section() const noexcept { return workspace_.config().section; }

  private:
    outcome<nlohmann::json> ask(const std::string& path, const std::string& body);

    workspace& workspace_;
    const rest_options& options_;
    const std::stop_token& stop_;
    const time_point deadline_;
    workspace::tokens::issued token_{};
    unsigned refused_ = 0; // this generation of the token was not accepted
};

} // namespace sfcdc::runner::databricks
