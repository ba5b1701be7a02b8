// One HTTP request at a time, by libcurl. For the two token endpoints.
#pragma once

#include "pause.hpp"

#include <algorithm>
#include <chrono>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace sfcdc::runner::http {

struct request {
    std::string url;
    std::vector<std::pair<std::string, std::string>> form; // not empty: POST, url-encoded
    std::string basic_user, basic_password;                // not empty: HTTP Basic
    std::string bearer;                                    // not empty: Authorization: Bearer
    std::string ca_file;
};

struct response {
    long status = 0; // 0: no answer; `body` then says why, without any part of the request but its host
    std::string body;
    std::optional<std::chrono::seconds> retry_after;

    bool ok() const noexcept { return status >= 200 && status < 300; }
    // Worth another try: no answer, too many requests, or the server's own fault.
    bool transient() const noexcept { return status == 0 || status == 408 || status == 429 || status >= 500; }
};

// Thrown by those who ask for tokens: there was no answer, or one that says nothing about the request. Another try may help.
struct unavailable {
    std::string reason; // for the log, without secrets
    std::optional<std::chrono::seconds> retry_after;
};

// Why a response is transient, for the log.
inline std::string why(const response& r) { return r.status == 0 ? r.body : "HTTP " + std::to_string(r.status); }

// What `ask()` gives. A service that says when to come back is believed: its `unavailable` is passed on no sooner.
template<class Ask> auto patiently(const std::stop_token& stop, Ask&& ask) {
    try {
        return ask();
    } catch (const unavailable& u) {
        if (u.retry_after) pause(stop, std::min<std::chrono::seconds>(*u.retry_after, std::chrono::minutes(10)));
        throw;
    }
}

// Blocks for 30 seconds at most. Does not throw for what the peer does, does not follow redirects (the form holds a
// secret), reads 1 MiB at most.
response send(const request& r);

} // namespace sfcdc::runner::http
