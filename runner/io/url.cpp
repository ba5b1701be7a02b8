#include "url.hpp"

#include <curl/curl.h>

#include <memory>
#include <string_view>

namespace sfcdc::runner {

std::optional<url_parts> url_parts::of(const std::string& text) {
    const std::unique_ptr<CURLU, decltype(&curl_url_cleanup)> parsed(curl_url(), curl_url_cleanup);
    if (!parsed || curl_url_set(parsed.get(), CURLUPART_URL, text.c_str(), CURLU_NON_SUPPORT_SCHEME) != CURLUE_OK)
        return std::nullopt;
    const auto part = [&](CURLUPart which) -> std::optional<std::string> {
        char* value = nullptr;
        if (curl_url_get(parsed.get(), which, &value, 0) != CURLUE_OK) return std::nullopt;
        const std::unique_ptr<char, decltype(&curl_free)> owned(value, curl_free);
        return std::string(owned.get());
    };
    const auto small = [](std::string name) {
        for (char& c : name)
            if (c >= 'A' && c <= 'Z') c = static_cast<char>(c - 'A' + 'a');
        return name;
    };
    url_parts out;
    out.scheme = small(part(CURLUPART_SCHEME).value_or(""));
    out.host = small(part(CURLUPART_HOST).value_or(""));
    out.port = part(CURLUPART_PORT).value_or("");
    out.has_user =
        part(CURLUPART_USER).has_value() || part(CURLUPART_PASSWORD).has_value() || text.find('@') != text.npos;
    out.has_path = part(CURLUPART_PATH).value_or("/") != "/";
    out.has_query = part(CURLUPART_QUERY).has_value() || part(CURLUPART_FRAGMENT).has_value();
    const std::string_view of_host =
        out.host.starts_with('[') ? "0123456789abcdef:.[]" : "abcdefghijklmnopqrstuvwxyz0123456789-._";
    if (out.host.empty() || out.host.find_first_not_of(of_host) != out.host.npos) return std::nullopt;
    return out;
}

} // namespace sfcdc::runner
