// How these tests wait: on the inbox, as a pipeline does. A wake-up that is lost is a test that fails.
#pragma once

#include "io/inbox.hpp"

#include <chrono>

namespace test {

using steady = std::chrono::steady_clock;

// False when it did not come true in a time in which it should have, many times over.
template<class Condition> bool until(sfcdc::runner::inbox& in, Condition condition) {
    const auto give_up = steady::now() + std::chrono::seconds(20);
    while (!condition()) {
        if (steady::now() >= give_up) return false;
        in.wait_until(give_up);
    }
    return true;
}

} // namespace test
