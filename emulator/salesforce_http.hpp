// Salesforce's logins: OAuth client credentials and userinfo.
#pragma once

#include "world.hpp"

#include <httplib.h>

namespace emulator {

void serve_salesforce_logins(httplib::Server& routes, world& in);

} // namespace emulator
