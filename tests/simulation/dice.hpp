// Random choices that are the same on every machine for the same seed.
#pragma once

#include <cstdint>

namespace simulation {

class dice {
  public:
    explicit dice(std::uint64_t seed) : state_(seed) {}

    std::uint64_t roll() { // splitmix64
        std::uint64_t z = state_ += 0x9e3779b97f4a7c15u;
        z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9u;
        z = (z ^ z >> 27) * 0x94d049bb133111ebu;
        return z ^ z >> 31;
    }
    std::uint64_t below(std::uint64_t n) { return roll() % n; }
    bool one_in(std::uint64_t n) { return below(n) == 0; }
    // Both ends included; of integers and durations.
    template<class T> T between(T low, T high) {
        if constexpr (requires { low.count(); })
            return T(low.count()
                     + static_cast<typename T::rep>(below(static_cast<std::uint64_t>((high - low).count()) + 1)));
        else
            return static_cast<T>(low + static_cast<T>(below(static_cast<std::uint64_t>(high - low) + 1)));
    }

  private:
    std::uint64_t state_;
};

} // namespace simulation
