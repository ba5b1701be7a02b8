// HTTP requests by libcurl, each of which blocks: to the token endpoints of both services, to userinfo, to SOAP's login, and to the REST API of a
// Databricks workspace.
#pragma once

#include <chrono>
#include <cstddef>
#include <optional>
#include <stop_token>
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
    std::string json{};                        // not empty: POST of this JSON text; there is no form then
    std::string xml{};                         // the same of XML
    std::string protobuf{};                    // the same of a message of protobuf
    std::vector<std::string> headers{};        // more lines of the head, "NAME: VALUE"; without line feeds
    std::size_t longest_answer = 1u << 20;     // in bytes
    std::chrono::milliseconds timeout{30'000}; // for the whole of request and answer
};

// A service that asks for more patience than this is asked again all the same. What a peer says is clamped here, before it is
// computed with.
inline constexpr std::chrono::seconds longest_retry_after = std::chrono::minutes(10);

struct response {
    long status = 0; // 0: no answer; `body` then says why, without any part of the request but its host
    std::string body;
    std::optional<std::chrono::seconds> retry_after; // from 0 to longest_retry_after
    bool too_long = false; // there was an answer, longer than the request allows; `status` is 0
    std::optional<std::chrono::system_clock::time_point>
        date{}; // the server's clock, in whole seconds, where it says so

    // Whether the body is a JSON object: what an OAuth service answers, and a page of a proxy or of a maintenance is not.
    bool json() const noexcept;
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

// Blocks for at most as long as the request's timeout, and for a second after a stop was asked for. Does not throw for what the peer
// does, does not follow redirects (the form holds a secret), reads no more than the request allows.
response send(const request& r, const std::stop_token& stop);

// Text as one segment of a URL's path, or one value of a form: all but ASCII letters, digits and "-._~" is percent-encoded.
std::string percent_encoded(std::string_view text);

} // namespace sfcdc::runner::http
