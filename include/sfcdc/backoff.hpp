// How long to wait before the next attempt: twice as long each time up to a limit, spread at random so that many
// clients that lost the same server do not come back at the same moment.
#pragma once

#include <chrono>
#include <cstdint>

namespace sfcdc::inline v0 {

// When something happens, for the protocols: always an argument, so that a test can be years long. Only differences count.
using time_point = std::chrono::steady_clock::time_point;

// Deterministic for a seed; holds no clock.
class backoff {
  public:
    using duration = std::chrono::milliseconds;

    // The first wait, and the longest one.
    struct options {
        duration first{500}; // less than a millisecond counts as one
        duration limit{30'000};
    };

    explicit backoff(std::uint64_t seed) noexcept : state_(seed) {}
    backoff(std::uint64_t seed, options o) noexcept : options_(o), state_(seed) {}

    // Between a half and the whole of first * 2^attempts, never above the limit.
    duration next() noexcept {
        const std::int64_t first = at_least_one(options_.first);
        const std::int64_t limit = at_least_one(options_.limit);
        const unsigned doubled = attempts_ < 20 ? attempts_ : 20;
        ++attempts_;
        const std::int64_t whole = first > limit >> doubled ? limit : first << doubled;
        const auto half = static_cast<std::uint64_t>(whole / 2);
        return duration(static_cast<std::int64_t>(half + random() % (half + 1)));
    }

    // After a success: the next failure starts from the shortest wait again.
    void reset() noexcept { attempts_ = 0; }
    unsigned attempts() const noexcept { return attempts_; }

  private:
    static std::int64_t at_least_one(duration wait) noexcept { return wait.count() < 1 ? 1 : wait.count(); }
    std::uint64_t random() noexcept { // splitmix64
        std::uint64_t z = state_ += 0x9e3779b97f4a7c15u;
        z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9u;
        z = (z ^ z >> 27) * 0x94d049bb133111ebu;
        return z ^ z >> 31;
    }

    options options_{};
    std::uint64_t state_;
    unsigned attempts_ = 0;
};

} // namespace sfcdc::inline v0
