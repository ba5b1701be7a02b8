// The org's REST API, as far as one asks it what an org has: versions, limits, Tooling queries about channels and events, and
// descriptions of objects. Other queries are refused.
#pragma once

#include "world.hpp"

#include <httplib.h>

namespace emulator {

void serve_salesforce_rest(httplib::Server& routes, world& in);

} // namespace emulator
