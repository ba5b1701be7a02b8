#include "parts.hpp"

#include <algorithm>
#include <charconv>
#include <string_view>
#include <system_error>

#include <arpa/inet.h>

namespace sfcdc::runner {

void read_status(const section& s, status_config& c) {
    c.log_interval = std::chrono::seconds(s.number("log_interval", 0, 86'400, c.log_interval.count()));
    c.ready_after = std::chrono::seconds(s.number("ready_after", 1, 86'400, c.ready_after.count()));
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
