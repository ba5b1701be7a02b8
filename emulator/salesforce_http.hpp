// Salesforce's logins: OAuth client credentials and JWT bearer, SOAP's login(), and userinfo.
#pragma once

#include "world.hpp"

#include <httplib.h>

namespace emulator {

// A session of the org that is valid from now on.
std::string salesforce_token(world& in, std::chrono::seconds lifetime);

void serve_salesforce_logins(httplib::Server& routes, world& in);

} // namespace emulator
