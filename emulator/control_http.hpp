// What tests and demonstrations steer the emulator with: GET /published, GET /status, POST /publish, POST /fault,
// POST /schema.
#pragma once

#include "world.hpp"

#include <httplib.h>

namespace emulator {

void serve_control(httplib::Server& routes, world& in);

} // namespace emulator
