// The workspace's token endpoint.
#pragma once

#include "world.hpp"

#include <httplib.h>

namespace emulator {

void serve_databricks_logins(httplib::Server& routes, world& in);

} // namespace emulator
