// Catch2 of either generation: version 3 has another header (and a library), Debian 12 has version 2.
#pragma once

#if __has_include(<catch2/catch_all.hpp>)
#    include <catch2/catch_all.hpp>
#else
#    include <catch2/catch.hpp>
#endif
