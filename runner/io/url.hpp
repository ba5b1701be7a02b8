// The parts of a URL, by libcurl's parser: what the configuration names, and what Salesforce says about its instance.
#pragma once

#include <optional>
#include <string>

namespace sfcdc::runner {

struct url_parts {
    std::string scheme;                                         // in small letters
    std::string host;                                           // in small letters; IPv6 in brackets
    std::string port;                                           // empty when the URL names none
    bool has_user = false, has_path = false, has_query = false; // a path is more than "/"

    bool loopback() const { return host == "127.0.0.1" || host == "localhost" || host == "[::1]"; }

    // Nothing for what is no URL with a scheme and a host of ASCII letters, digits, dots, hyphens and underscores.
    static std::optional<url_parts> of(const std::string& text);
};

} // namespace sfcdc::runner
