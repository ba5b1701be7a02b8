// Whether a server can be reached, and where on the way it ends: name, proxy, connection, TLS. Nothing is sent but what opens a
// connection. By libcurl, whose rules about proxies and certificates are then the same as those of the requests.
#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <string_view>

namespace sfcdc::runner {

// Which library will connect: each reads other variables of the environment for its proxy.
enum class connecting_library : std::uint8_t { curl, grpc };

// The proxy that a connection to `url` (with a scheme) goes through: its URL, as the environment has it. It may hold a password. Nothing:
// none. `variable` reads the environment; empty: the variable is not set.
std::optional<std::string> proxy_for(connecting_library by, const std::string& url,
                                     const std::function<std::string(const char*)>& variable);

// Host and port of a proxy's URL, without user and password.
std::string proxy_name(const std::string& proxy);

enum class probe_stage : std::uint8_t {
    proxy,     // the proxy cannot be reached, or does not connect
    name,      // the host has no address
    connect,   // nobody listens, or nothing comes through
    tls_name,  // the certificate is of another host
    tls_dates, // the certificate has expired, or is not valid yet
    tls_chain, // nobody in ca_file, or of the system's roots, vouches for the certificate
    tls,       // no TLS is spoken, or none that both know
    reached,
};

struct probe_result {
    probe_stage stage = probe_stage::reached; // where it ended
    std::string said{};                       // why; of a server or a library, for a message
    std::string address{};                    // that was connected to: the proxy's, where there is one
    std::optional<std::chrono::system_clock::time_point> certificate_ends{}; // where TLS was spoken
};

// Connects to `url`, with TLS for https, and closes the connection. `proxy` is what proxy_for() has returned; empty: none. Blocks for at
// most `limit`. Does not throw for what the peer does.
probe_result probe(const std::string& url, const std::string& proxy, const std::string& ca_file,
                   std::chrono::milliseconds limit = std::chrono::seconds(8));

} // namespace sfcdc::runner
