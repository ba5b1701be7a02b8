// What costs the compiler most and changes least.
#ifndef SFCDC_TESTS_CATCH_PCH_HPP // GCC warns of "#pragma once" in a header that it compiles by itself
#define SFCDC_TESTS_CATCH_PCH_HPP

#include "../catch.hpp"

#include <algorithm>
#include <cstdint>
#include <cstring>
#include <map>
#include <memory>
#include <random>
#include <span>
#include <sstream>
#include <string>
#include <string_view>
#include <vector>

#include <nlohmann/json.hpp>

#endif
