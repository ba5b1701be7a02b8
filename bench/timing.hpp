// A race: contenders over the same data take turns in one process, so that whatever disturbs the machine disturbs all
// of them, and the ratio of two is worth more than either number. The answer is the median over the rounds.
#pragma once

#include <time.h>

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <string>
#include <utility>
#include <vector>

namespace bench {

// The compiler must assume that somebody looks at `value` here, and at everything that it points to.
template<class T> inline void keep(const T& value) noexcept { asm volatile("" : : "r"(&value) : "memory"); }

// Nanoseconds that this thread was on a processor: on a shared machine the clock on the wall counts other people's work.
inline double thread_time() noexcept {
    timespec t{};
    clock_gettime(CLOCK_THREAD_CPUTIME_ID, &t);
    return static_cast<double>(t.tv_sec) * 1e9 + static_cast<double>(t.tv_nsec);
}

// What reading the clock twice seems to take: a system call, some hundred nanoseconds.
inline double clock_cost() {
    static const double cost = [] {
        double least = 1e9;
        for (int i = 0; i < 1000; ++i) {
            const double start = thread_time();
            least = std::min(least, thread_time() - start);
        }
        return least;
    }();
    return cost;
}

template<class F> double time_of(F&& f) {
    const double start = thread_time();
    f();
    return thread_time() - start - clock_cost();
}

// Apache Avro C decoding the same events: what a line without a counterpart in Avro C is compared with.
inline const std::string avro_c_decode = "decode, Apache Avro C";

struct contender {
    std::string what;
    std::uint64_t units = 0;             // events, bitmaps or schemas of one pass
    std::uint64_t byte_count = 0;        // of input of one pass; rows: of output
    std::function<double()> pass{};      // over all the data; returns its nanoseconds
    std::uint64_t rows = 0, sum = 0;     // of what was read, where a peer says them, too
    std::string against = avro_c_decode; // the contender that the ratio refers to; none of that name, no ratio
};

// A contender whose pass is timed as a whole.
template<class F> contender timed(std::string what, std::uint64_t units, std::uint64_t byte_count, F f) {
    contender out{.what = std::move(what), .units = units, .byte_count = byte_count};
    out.pass = [f = std::move(f)]() mutable { return time_of(f); };
    return out;
}

struct measurement {
    std::string what;
    std::string data;
    double ns_per_event = 0;
    double gb_per_second = 0;
    double ratio_to_avro_c = 0; // 0: Avro C has nothing to compare with
    std::uint64_t rows = 0, sum = 0;
};

struct effort {
    int rounds = 21;
    double turn_ns = 2e6; // a turn lasts at least this long: passes of some microseconds are repeated
};

inline std::vector<measurement> race(const std::string& data, std::vector<contender>& contenders, const effort& e) {
    struct lane {
        int passes = 1;
        std::vector<double> turns; // ns a pass
    };
    std::vector<lane> lanes(contenders.size());
    for (std::size_t i = 0; i < contenders.size(); ++i) {
        contenders[i].pass(); // caches, page faults, scratch memory
        const double once = contenders[i].pass();
        lanes[i].passes = once < e.turn_ns ? static_cast<int>(e.turn_ns / std::max(once, 1.0)) + 1 : 1;
    }
    for (int round = 0; round < e.rounds; ++round)
        for (std::size_t i = 0; i < contenders.size(); ++i) {
            contenders[i]
                .pass(); // what the one before left in the caches and branch predictors is no contender's time
            double sum = 0;
            for (int pass = 0; pass < lanes[i].passes; ++pass) sum += contenders[i].pass();
            lanes[i].turns.push_back(sum / lanes[i].passes);
        }

    std::vector<measurement> out;
    for (std::size_t i = 0; i < contenders.size(); ++i) {
        auto& turns = lanes[i].turns;
        std::nth_element(turns.begin(), turns.begin() + static_cast<std::ptrdiff_t>(turns.size() / 2), turns.end());
        const double median = turns[turns.size() / 2];
        const contender& c = contenders[i];
        out.push_back({c.what, data, median / static_cast<double>(c.units),
                       static_cast<double>(c.byte_count) / median, 0, c.rows, c.sum});
    }
    for (std::size_t i = 0; i < contenders.size(); ++i)
        for (const measurement& other : out)
            if (other.what == contenders[i].against)
                out[i].ratio_to_avro_c = other.ns_per_event / out[i].ns_per_event;
    return out;
}

} // namespace bench
