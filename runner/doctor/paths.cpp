#include "paths.hpp"

#include "judgements.hpp"

#include <cstdlib>
#include <utility>

namespace sfcdc::runner::doctor {
namespace {

std::string variable(const char* name) {
    const char* const value = std::getenv(name);
    return value == nullptr ? "" : value;
}

} // namespace

std::string with_scheme(const std::string& endpoint) {
    return endpoint.find("://") == endpoint.npos ? "https://" + endpoint : endpoint;
}

bool look_at_path(report& to, const std::string& subject, connecting_library by, const std::string& endpoint,
                  const std::string& ca_file) {
    const std::string url = with_scheme(endpoint);
    const auto proxy = proxy_for(by, url, variable);
    path_judgements found =
        judge_path(url, proxy, probe(url, proxy.value_or(""), ca_file), std::chrono::system_clock::now());
    to.add("proxy", subject, std::move(found.proxy));
    to.add("dns", subject, std::move(found.name));
    to.add("tcp", subject, std::move(found.connection));
    to.add("tls", subject, std::move(found.tls));
    return found.reached;
}

bool is_open(connecting_library by, const std::string& host, const std::string& port) {
    // Through a proxy that is told to connect, whatever the scheme.
    const auto proxy = proxy_for(by, "https://" + host + ":" + port, variable);
    return probe("http://" + host + ":" + port, proxy.value_or(""), {}, std::chrono::seconds(4)).stage
           == probe_stage::reached;
}

} // namespace sfcdc::runner::doctor
