// Prints, at the start of a test program, which backend of simd/ its kernels use. Included once in each program.
#pragma once

#include <cstdio>

#include <sfcdc/simd/block.hpp>

[[maybe_unused]] static const int backend_line = std::printf("simd backend: %s\n", sfcdc::simd::backend_name);
