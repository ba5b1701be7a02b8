#include "../io/url.hpp"
#include "../operations/log.hpp"
#include "parts.hpp"

#include <algorithm>
#include <charconv>
#include <string_view>
#include <system_error>

#include <arpa/inet.h>

namespace sfcdc::runner {
namespace {

void read_otlp(const section& s, otlp_options& c) {
    c.interval = std::chrono::seconds(s.number("otlp_interval", 1, 3'600, c.interval.count()));
    c.headers = s.texts("otlp_headers");
    for (const char* const key : {"otlp_interval", "otlp_headers"})
        useless(s, key, !s.has("otlp_endpoint"), "there is no otlp_endpoint that metrics would be sent to");
    for (const std::string& line : c.headers) {
        const std::size_t colon = line.find(": ");
        if (colon == line.npos || colon == 0
            || !std::ranges::all_of(line, [](char b) { return b >= ' ' && b <= '~'; }))
            s.wrong("otlp_headers", "number " + std::to_string(&line - c.headers.data() + 1)
                                        + " of the list: \"NAME: VALUE\" was expected, in ASCII");
        else
            log::hide(std::string_view(line).substr(colon + 2), true);
    }
    c.url = s.text("otlp_endpoint", s.has("otlp_endpoint"));
    while (c.url.ends_with('/')) c.url.pop_back();
    if (c.url.empty()) return;
    const auto parts = url_parts::of(c.url);
    if (!parts || (parts->scheme != "https" && parts->scheme != "http") || parts->has_user || parts->has_query)
        s.wrong("otlp_endpoint", "the URL of an OTLP receiver was expected, without user and query, as in "
                                 "\"http://localhost:4318\"");
    else if (parts->scheme == "http" && !parts->loopback() && !c.headers.empty())
        s.wrong("otlp_endpoint", "otlp_headers may be credentials, which leave this machine by https:// only");
    if (!c.url.ends_with("/v1/metrics")) c.url += "/v1/metrics";
}

} // namespace

void read_status(const section& s, status_config& c) {
    c.log_interval = std::chrono::seconds(s.number("log_interval", 0, 86'400, c.log_interval.count()));
    c.ready_after = std::chrono::seconds(s.number("ready_after", 1, 86'400, c.ready_after.count()));
    read_otlp(s, c.otlp);
    if (!s.has("listen")) return;
    const std::string listen = s.text("listen", true);
    if (listen.empty()) return; // it was said
    const std::size_t colon = std::min(listen.rfind(':'), listen.size());
    const std::string_view port = std::string_view(listen).substr(std::min(colon + 1, listen.size()));
    std::string host = listen.substr(0, colon);
    if (host.size() > 2 && host.front() == '[' && host.back() == ']')
        host = host.substr(1, host.size() - 2);
    else if (host.find(':') != host.npos)
        host.clear(); // IPv6 without brackets: where does the port begin?
    unsigned char address[sizeof(in6_addr)];
    const bool is_address = host == "localhost" || ::inet_pton(AF_INET, host.c_str(), address) == 1
                            || ::inet_pton(AF_INET6, host.c_str(), address) == 1;
    const auto [end, bad] = std::from_chars(port.data(), port.data() + port.size(), c.port);
    if (!is_address || port.empty() || bad != std::errc() || end != port.data() + port.size())
        return s.wrong("listen",
                       "an IP address and a port were expected, as in \"127.0.0.1:9464\" or \"[::1]:9464\"; "
                       "\"0.0.0.0:9464\" listens for other machines, too");
    c.host = host;
}

} // namespace sfcdc::runner
