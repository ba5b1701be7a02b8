#include "probe.hpp"

#include "url.hpp"

#include <curl/curl.h>

#include <array>
#include <memory>

namespace sfcdc::runner {
namespace {

std::string in_small(std::string_view text) {
    std::string out(text);
    for (char& c : out)
        if (c >= 'A' && c <= 'Z') c = static_cast<char>(c - 'A' + 'a');
    return out;
}

// Whether a host is in a list such as "localhost, .example.com". curl compares whole labels, gRPC compares ends of texts.
bool listed(connecting_library by, std::string_view list, const std::string& host) {
    while (!list.empty()) {
        const std::size_t comma = list.find(',');
        std::string one = in_small(list.substr(0, comma));
        list.remove_prefix(comma == list.npos ? list.size() : comma + 1);
        std::erase(one, ' ');
        if (one == "*" && by == connecting_library::curl) return true;
        if (one.starts_with('.') && by == connecting_library::curl) one.erase(0, 1);
        if (one.empty() || !host.ends_with(one)) continue;
        if (by == connecting_library::grpc || host.size() == one.size() || host[host.size() - one.size() - 1] == '.')
            return true;
    }
    return false;
}

template<std::size_t n>
std::string first_set(const std::array<const char*, n>& names,
                      const std::function<std::string(const char*)>& variable) {
    for (const char* const name : names)
        if (std::string value = variable(name); !value.empty()) return value;
    return {};
}

probe_stage stage_of(CURLcode code, long verify_result) {
    switch (code) {
    case CURLE_OK: return probe_stage::reached;
    case CURLE_COULDNT_RESOLVE_PROXY:
    case CURLE_PROXY: return probe_stage::proxy;
    case CURLE_COULDNT_RESOLVE_HOST: return probe_stage::name;
    case CURLE_PEER_FAILED_VERIFICATION:
        // Numbers of OpenSSL's X509_V_ERR. curl compares the name itself, before it asks OpenSSL, and leaves the 1 ("unspecified") that it
        // begins with, or 0.
        switch (verify_result) {
        case 0:
        case 1:
        case 62:
        case 64: return probe_stage::tls_name;
        case 9:
        case 10: return probe_stage::tls_dates;
        default: return probe_stage::tls_chain;
        }
    case CURLE_SSL_CONNECT_ERROR:
    case CURLE_SSL_CIPHER:
    case CURLE_SSL_CACERT_BADFILE: return probe_stage::tls;
    default: return probe_stage::connect;
    }
}

std::optional<std::chrono::system_clock::time_point> end_of_certificate(CURL* c) {
    curl_certinfo* chain = nullptr;
    if (curl_easy_getinfo(c, CURLINFO_CERTINFO, &chain) != CURLE_OK || chain == nullptr || chain->num_of_certs < 1)
        return std::nullopt;
    constexpr std::string_view key = "Expire date:";
    for (const curl_slist* line = chain->certinfo[0]; line != nullptr; line = line->next)
        if (const std::string_view text = line->data; text.starts_with(key))
            if (const std::time_t at = curl_getdate(line->data + key.size(), nullptr); at > 0)
                return std::chrono::system_clock::from_time_t(at);
    return std::nullopt;
}

} // namespace

std::optional<std::string> proxy_for(connecting_library by, const std::string& url,
                                     const std::function<std::string(const char*)>& variable) {
    const auto parts = url_parts::of(url);
    if (!parts) return std::nullopt;
    std::string proxy, without;
    if (by == connecting_library::grpc) {
        // Source: gRPC's doc/environment_variables.md.
        proxy = first_set(std::array{"grpc_proxy", "https_proxy", "http_proxy"}, variable);
        without = first_set(std::array{"no_grpc_proxy", "no_proxy"}, variable);
    } else {
        // Source: curl(1), "ENVIRONMENT". HTTP_PROXY in capitals is not read: a CGI's client could set it.
        proxy = parts->scheme == "https"
                    ? first_set(std::array{"https_proxy", "HTTPS_PROXY", "all_proxy", "ALL_PROXY"}, variable)
                    : first_set(std::array{"http_proxy", "all_proxy", "ALL_PROXY"}, variable);
        without = first_set(std::array{"no_proxy", "NO_PROXY"}, variable);
    }
    if (proxy.empty() || listed(by, without, parts->host)) return std::nullopt;
    return proxy;
}

std::string proxy_name(const std::string& proxy) {
    const auto parts = url_parts::of(proxy.find("://") == proxy.npos ? "http://" + proxy : proxy);
    if (!parts) return "the proxy, whose URL cannot be read";
    return parts->host + (parts->port.empty() ? "" : ":" + parts->port);
}

probe_result probe(const std::string& url, const std::string& proxy, const std::string& ca_file,
                   std::chrono::milliseconds limit) {
    const std::unique_ptr<CURL, decltype(&curl_easy_cleanup)> curl(curl_easy_init(), curl_easy_cleanup);
    CURL* const c = curl.get();
    if (c == nullptr) return {probe_stage::connect, "there is no memory for a request"};
    char words[CURL_ERROR_SIZE] = "";
    curl_easy_setopt(c, CURLOPT_URL, url.c_str());
    curl_easy_setopt(c, CURLOPT_PROTOCOLS_STR, "http,https");
    curl_easy_setopt(c, CURLOPT_CONNECT_ONLY, 1L);
    curl_easy_setopt(c, CURLOPT_TIMEOUT_MS, static_cast<long>(limit.count()));
    curl_easy_setopt(c, CURLOPT_NOSIGNAL, 1L);
    curl_easy_setopt(c, CURLOPT_CERTINFO, 1L);
    curl_easy_setopt(c, CURLOPT_ERRORBUFFER, words);
    curl_easy_setopt(c, CURLOPT_PROXY, proxy.c_str()); // an empty one: none, whatever the environment says
    if (!proxy.empty()) curl_easy_setopt(c, CURLOPT_HTTPPROXYTUNNEL, 1L);
    if (!ca_file.empty()) curl_easy_setopt(c, CURLOPT_CAINFO, ca_file.c_str());

    const CURLcode code = curl_easy_perform(c);
    long verify_result = 0;
    curl_easy_getinfo(c, CURLINFO_SSL_VERIFYRESULT, &verify_result);
    probe_result out;
    out.stage = stage_of(code, verify_result);
    // The proxy is the one that is connected to, and that refuses to connect further.
    if (!proxy.empty() && out.stage == probe_stage::connect) out.stage = probe_stage::proxy;
    if (code != CURLE_OK) out.said = *words != '\0' ? words : curl_easy_strerror(code);
    char* address = nullptr;
    if (curl_easy_getinfo(c, CURLINFO_PRIMARY_IP, &address) == CURLE_OK && address != nullptr) out.address = address;
    out.certificate_ends = end_of_certificate(c);
    return out;
}

} // namespace sfcdc::runner
