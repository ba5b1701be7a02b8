// The ways to servers: looks at a proxy, a name, a connection and TLS, and says each of them.
#pragma once

#include "../io/probe.hpp"
#include "finding.hpp"

#include <string>

namespace sfcdc::runner::doctor {

// An endpoint as the configuration has it, with a scheme in front.
std::string with_scheme(const std::string& endpoint);

// Looks at the way to `endpoint` ("host:port" or a URL); `subject` is the key of the configuration. Returns whether the server was reached.
bool look_at_path(report& to, const std::string& subject, connecting_library by, const std::string& endpoint,
                  const std::string& ca_file);

// Whether a port of a host can be connected to, without TLS.
bool is_open(connecting_library by, const std::string& host, const std::string& port);

} // namespace sfcdc::runner::doctor
