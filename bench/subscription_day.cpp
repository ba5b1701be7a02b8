// How long 24 virtual hours with a drop every hour take pubsub::subscription; what it went through is checked first.
#include <algorithm>
#include <cstdio>
#include <vector>

#include "pubsub/virtual_day.hpp"
#include "timing.hpp"

int main() {
    std::vector<double> times;
    virtual_day day;
    for (int i = 0; i < 21; ++i) times.push_back(bench::time_of([&] { day = live_through(std::chrono::hours(24)); }));
    if (!day.in_order || day.drops != 23 || day.calls != day.drops + 1 || day.received != day.published) {
        std::puts("wrong: an event is lost, repeated or out of order, or a call was not resumed");
        return 1;
    }
    std::nth_element(times.begin(), times.begin() + 10, times.end());
    std::printf("24 virtual hours, %llu drops, %llu events, %llu keepalives: %.2f ms (median of 21)\n",
                static_cast<unsigned long long>(day.drops), static_cast<unsigned long long>(day.received),
                static_cast<unsigned long long>(day.keepalives), times[10] / 1e6);
}
