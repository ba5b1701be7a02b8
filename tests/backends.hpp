// Runs a test of a kernel for each backend of simd/ that the machine has.
#pragma once

#include "catch.hpp"

#include <sfcdc/simd/block.hpp>

// Calls f.template operator()<Block>() for each block type; a failure is reported with the backend's name.
template<class F> void for_each_backend(F&& f) {
    [&]<class... Blocks>(sfcdc::simd::block_list<Blocks...>) {
        const auto run = [&]<class Block>() {
            INFO("backend " << Block::name);
            f.template operator()<Block>();
        };
        (run.template operator()<Blocks>(), ...);
    }(sfcdc::simd::available_blocks());
}
