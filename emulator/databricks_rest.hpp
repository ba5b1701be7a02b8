// The workspace's REST API: the Statement Execution API on its SQL warehouse, and Unity Catalog's descriptions of tables.
#pragma once

#include "world.hpp"

#include <httplib.h>

namespace emulator {

void serve_databricks_rest(httplib::Server& routes, world& in);

} // namespace emulator
