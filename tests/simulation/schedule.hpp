// The virtual clock: what happens when. Time moves only from one thing to the next.
#pragma once

#include <algorithm>
#include <chrono>
#include <cstdint>
#include <functional>
#include <tuple>
#include <utility>
#include <vector>

#include <sfcdc/backoff.hpp>

namespace simulation {

using sfcdc::time_point;
using duration = std::chrono::nanoseconds;
using namespace std::chrono_literals;

class schedule {
  public:
    time_point now() const { return now_; }

    bool idle() const { return queue_.empty(); }

    // Things of the same time happen in the order in which they were planned.
    void at(time_point when, std::function<void()> what) {
        queue_.push_back({std::max(when, now_), ++planned_, std::move(what)});
        std::push_heap(queue_.begin(), queue_.end(), later);
    }
    void after(duration wait, std::function<void()> what) { at(now_ + wait, std::move(what)); }

    // Does the next thing that is due by `until`. False when there is none, and then it is `until`.
    bool step(time_point until) {
        if (queue_.empty() || queue_.front().when > until) {
            now_ = std::max(now_, until);
            return false;
        }
        std::pop_heap(queue_.begin(), queue_.end(), later);
        entry next = std::move(queue_.back());
        queue_.pop_back();
        now_ = next.when;
        next.what();
        return true;
    }

  private:
    struct entry {
        time_point when;
        std::uint64_t order;
        std::function<void()> what;
    };
    static bool later(const entry& a, const entry& b) {
        return std::tie(a.when, a.order) > std::tie(b.when, b.order);
    }

    time_point now_{};
    std::uint64_t planned_ = 0;
    std::vector<entry> queue_; // a heap
};

} // namespace simulation
