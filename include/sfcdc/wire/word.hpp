// Eight bytes as one number, under the names that the code above the kernels uses.
#pragma once

#include <sfcdc/simd/word.hpp>

namespace sfcdc::inline v0::wire {

using simd::load_8, simd::store_8;

} // namespace sfcdc::inline v0::wire
