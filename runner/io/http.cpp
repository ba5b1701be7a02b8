#include "http.hpp"

#include <curl/curl.h>
#include <nlohmann/json.hpp>

#include <algorithm>
#include <memory>
#include <mutex>

namespace sfcdc::runner::http {
namespace {

constexpr std::size_t max_body_bytes = 1u << 20;

std::size_t receive(char* data, std::size_t size, std::size_t n, void* user) {
    auto& body = *static_cast<std::string*>(user);
    if (body.size() + size * n > max_body_bytes) return 0;
    body.append(data, size * n);
    return size * n;
}

// libcurl asks about once a second, and more often while something moves.
int stop_asked(void* stop, curl_off_t, curl_off_t, curl_off_t, curl_off_t) {
    return static_cast<const std::stop_token*>(stop)->stop_requested() ? 1 : 0;
}

std::string encode(CURL* curl, const std::string& text) {
    const std::unique_ptr<char, decltype(&curl_free)> encoded(
        curl_easy_escape(curl, text.data(), static_cast<int>(text.size())), curl_free);
    return encoded ? encoded.get() : "";
}

} // namespace

bool response::json() const noexcept {
    const std::size_t first = body.find_first_not_of(" \t\r\n");
    return first != body.npos && body[first] == '{' && nlohmann::json::accept(body);
}

response send(const request& r, const std::stop_token& stop) {
    static std::once_flag once;
    std::call_once(once, [] { curl_global_init(CURL_GLOBAL_DEFAULT); });
    const std::unique_ptr<CURL, decltype(&curl_easy_cleanup)> curl(curl_easy_init(), curl_easy_cleanup);
    CURL* const c = curl.get();
    if (c == nullptr) return {0, "no memory for a request", {}};

    response out;
    std::string form;
    for (const auto& [key, value] : r.form) form += (form.empty() ? "" : "&") + key + "=" + encode(c, value);
    std::unique_ptr<curl_slist, decltype(&curl_slist_free_all)> headers(nullptr, curl_slist_free_all);
    if (!r.bearer.empty()) headers.reset(curl_slist_append(nullptr, ("Authorization: Bearer " + r.bearer).c_str()));

    curl_easy_setopt(c, CURLOPT_URL, r.url.c_str());
    curl_easy_setopt(c, CURLOPT_PROTOCOLS_STR, "http,https");
    curl_easy_setopt(c, CURLOPT_TIMEOUT, 30L);
    curl_easy_setopt(c, CURLOPT_CONNECTTIMEOUT, 10L);
    curl_easy_setopt(c, CURLOPT_NOSIGNAL, 1L);
    curl_easy_setopt(c, CURLOPT_NOPROGRESS, 0L);
    curl_easy_setopt(c, CURLOPT_XFERINFOFUNCTION, stop_asked);
    curl_easy_setopt(c, CURLOPT_XFERINFODATA, &stop);
    curl_easy_setopt(c, CURLOPT_WRITEFUNCTION, receive);
    curl_easy_setopt(c, CURLOPT_WRITEDATA, &out.body);
    curl_easy_setopt(c, CURLOPT_HTTPHEADER, headers.get());
    if (!form.empty()) curl_easy_setopt(c, CURLOPT_POSTFIELDS, form.c_str());
    if (!r.basic_user.empty()) {
        curl_easy_setopt(c, CURLOPT_HTTPAUTH, CURLAUTH_BASIC);
        curl_easy_setopt(c, CURLOPT_USERNAME, r.basic_user.c_str());
        curl_easy_setopt(c, CURLOPT_PASSWORD, r.basic_password.c_str());
    }
    if (!r.ca_file.empty()) curl_easy_setopt(c, CURLOPT_CAINFO, r.ca_file.c_str());

    const CURLcode done = curl_easy_perform(c);
    if (done == CURLE_WRITE_ERROR)
        return {0, "the answer is longer than " + std::to_string(max_body_bytes) + " bytes", {}};
    if (done != CURLE_OK) return {0, done == CURLE_ABORTED_BY_CALLBACK ? "stopped" : curl_easy_strerror(done), {}};
    curl_easy_getinfo(c, CURLINFO_RESPONSE_CODE, &out.status);
    curl_off_t wait = 0;
    if (curl_easy_getinfo(c, CURLINFO_RETRY_AFTER, &wait) == CURLE_OK && wait > 0)
        out.retry_after = std::chrono::seconds(std::min<curl_off_t>(wait, longest_retry_after.count()));
    return out;
}

} // namespace sfcdc::runner::http
