// One HTTP request at a time, by libcurl. For the two token endpoints.
#pragma once

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

// Blocks for 30 seconds at most. Does not throw for what the peer does, does not follow redirects (the form holds a
// secret), reads 1 MiB at most.
response send(const request& r);

} // namespace sfcdc::runner::http
