// The version of the library, for the preprocessor and as a text.
#pragma once

#define SFCDC_VERSION_MAJOR 0
#define SFCDC_VERSION_MINOR 1
#define SFCDC_VERSION_PATCH 0

namespace sfcdc::inline v0 {
// "MAJOR.MINOR.PATCH", of the macros above.
inline constexpr const char* version = "0.1.0";
} // namespace sfcdc::inline v0
