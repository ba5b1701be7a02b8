// Random choices that are the same on every machine for the same seed (the distributions of the standard library are
// not).
#pragma once

#include <cstddef>
#include <cstdint>
#include <random>

namespace emulator {

class dice {
  public:
    explicit dice(std::uint64_t seed) : engine_(seed) {}

    std::uint64_t roll() { return engine_(); }
    std::uint64_t below(std::uint64_t limit) { return engine_() % limit; }
    bool chance(unsigned per_mille) { return below(1000) < per_mille; }

    template<typename container> const auto& pick(const container& from) {
        return from[static_cast<std::size_t>(below(std::size(from)))];
    }

  private:
    std::mt19937_64 engine_;
};

} // namespace emulator
