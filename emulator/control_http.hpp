// What tests and demonstrations steer the emulator with; listing.hpp has its routes.
#pragma once

#include "world.hpp"

#include <httplib.h>

namespace emulator {

void serve_control(httplib::Server& routes, world& in);

} // namespace emulator
