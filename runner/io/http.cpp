#include "http.hpp"

#include "../operations/heartbeat.hpp"

#include <curl/curl.h>
#include <nlohmann/json.hpp>

#include <algorithm>
#include <ctime>
#include <memory>
#include <mutex>

namespace sfcdc::runner::http {
namespace {

struct bounded_body {
    std::string& text;
    std::size_t limit;
};

std::size_t receive(char* data, std::size_t size, std::size_t n, void* user) {
    const auto& body = *static_cast<bounded_body*>(user);
    if (body.text.size() + size * n > body.limit) return 0;
    body.text.append(data, size * n);
    return size * n;
}

// libcurl asks about once a second, and more often while something moves.
int stop_asked(void* stop, curl_off_t, curl_off_t, curl_off_t, curl_off_t) {
    return static_cast<const std::stop_token*>(stop)->stop_requested() ? 1 : 0;
}

} // namespace

bool response::json() const noexcept {
    const std::size_t first = body.find_first_not_of(" \t\r\n");
    return first != body.npos && body[first] == '{' && nlohmann::json::accept(body);
}

std::string percent_encoded(std::string_view text) {
    // libcurl takes a length of 0 for "up to the terminating zero".
    if (text.empty()) return {};
    const std::unique_ptr<char, decltype(&curl_free)> encoded(
        curl_easy_escape(nullptr, text.data(), static_cast<int>(text.size())), curl_free);
    return encoded ? encoded.get() : "";
}

response send(const request& r, const std::stop_token& stop) {
    static std::once_flag once;
    std::call_once(once, [] { curl_global_init(CURL_GLOBAL_DEFAULT); });
    const std::unique_ptr<CURL, decltype(&curl_easy_cleanup)> curl(curl_easy_init(), curl_easy_cleanup);
    CURL* const c = curl.get();
    if (c == nullptr) return {0, "no memory for a request", {}, false};

    response out;
    std::string form;
    bounded_body body{out.body, r.longest_answer};
    for (const auto& [key, value] : r.form) {
        if (!form.empty()) form += '&';
        form += key + "=" + percent_encoded(value);
    }
    std::unique_ptr<curl_slist, decltype(&curl_slist_free_all)> headers(nullptr, curl_slist_free_all);
    const auto add_header = [&](const std::string& line) {
        if (curl_slist* const longer = curl_slist_append(headers.get(), line.c_str())) {
            (void)headers.release(); // is the head of the longer list
            headers.reset(longer);
        }
    };
    if (!r.bearer.empty()) add_header("Authorization: Bearer " + r.bearer);
    if (!r.json.empty()) add_header("Content-Type: application/json");
    if (!r.protobuf.empty()) add_header("Content-Type: application/x-protobuf");
    if (!r.xml.empty()) add_header("Content-Type: text/xml; charset=UTF-8");
    for (const std::string& line : r.headers) add_header(line);

    curl_easy_setopt(c, CURLOPT_URL, r.url.c_str());
    curl_easy_setopt(c, CURLOPT_PROTOCOLS_STR, "http,https");
    curl_easy_setopt(c, CURLOPT_TIMEOUT_MS, static_cast<long>(r.timeout.count()));
    curl_easy_setopt(c, CURLOPT_CONNECTTIMEOUT, 10L);
    curl_easy_setopt(c, CURLOPT_NOSIGNAL, 1L);
    curl_easy_setopt(c, CURLOPT_NOPROGRESS, 0L);
    curl_easy_setopt(c, CURLOPT_XFERINFOFUNCTION, stop_asked);
    curl_easy_setopt(c, CURLOPT_XFERINFODATA, &stop);
    curl_easy_setopt(c, CURLOPT_WRITEFUNCTION, receive);
    curl_easy_setopt(c, CURLOPT_WRITEDATA, &body);
    curl_easy_setopt(c, CURLOPT_HTTPHEADER, headers.get());
    const std::string& posted = !r.json.empty()       ? r.json
                                : !r.xml.empty()      ? r.xml
                                : !r.protobuf.empty() ? r.protobuf
                                                      : form;
    if (!posted.empty()) {
        curl_easy_setopt(c, CURLOPT_POSTFIELDSIZE_LARGE, static_cast<curl_off_t>(posted.size()));
        curl_easy_setopt(c, CURLOPT_POSTFIELDS, posted.c_str());
    }
    if (!r.basic_user.empty()) {
        curl_easy_setopt(c, CURLOPT_HTTPAUTH, CURLAUTH_BASIC);
        curl_easy_setopt(c, CURLOPT_USERNAME, r.basic_user.c_str());
        curl_easy_setopt(c, CURLOPT_PASSWORD, r.basic_password.c_str());
    }
    if (!r.ca_file.empty()) curl_easy_setopt(c, CURLOPT_CAINFO, r.ca_file.c_str());

    const heartbeat::waits for_the_answer;
    const CURLcode done = curl_easy_perform(c);
    if (done == CURLE_WRITE_ERROR)
        return {0, "the answer is longer than " + std::to_string(r.longest_answer) + " bytes", {}, true};
    if (done != CURLE_OK)
        return {0, done == CURLE_ABORTED_BY_CALLBACK ? "stopped" : curl_easy_strerror(done), {}, false};
    curl_easy_getinfo(c, CURLINFO_RESPONSE_CODE, &out.status);
    curl_off_t wait = 0;
    if (curl_easy_getinfo(c, CURLINFO_RETRY_AFTER, &wait) == CURLE_OK && wait > 0)
        out.retry_after = std::chrono::seconds(std::min<curl_off_t>(wait, longest_retry_after.count()));
    curl_header* date = nullptr;
    if (curl_easy_header(c, "Date", 0, CURLH_HEADER, -1, &date) == CURLHE_OK)
        if (const std::time_t at = curl_getdate(date->value, nullptr); at > 0)
            out.date = std::chrono::system_clock::from_time_t(at);
    return out;
}

} // namespace sfcdc::runner::http
