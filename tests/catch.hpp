// Catch2 of either generation: version 3 has another header (and a library), Debian 12 has version 2.
#pragma once

// Without a try block around each assertion a file compiles in three quarters of the time. What is thrown then ends the test
// case, and is reported for it.
#define CATCH_CONFIG_FAST_COMPILE

#if __has_include(<catch2/catch_all.hpp>)
#    include <catch2/catch_all.hpp>
#else
#    include <catch2/catch.hpp>
#endif
