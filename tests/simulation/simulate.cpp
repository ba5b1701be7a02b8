// Runs seeds of the simulation, or one virtual day, and says what it saw. Exit code 1: an invariant did not hold.
//
// usage: simulate [--seeds N] [--first S] [--events N] [--trace]     --trace prints the last lines of each seed's journal
//        simulate --day                                              24 hours, with a drop of every call each hour
#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <ctime>
#include <string_view>

#include "world.hpp"

namespace {

using namespace simulation;

// Of this process alone, whatever else the machine has to do.
double cpu_seconds() { return static_cast<double>(std::clock()) / CLOCKS_PER_SEC; }

// False when an invariant did not hold; then the seed was run again to show how it came to that.
bool run(plan p, tally& total) {
    world w(p);
    try {
        total.add(w.run());
        w.trace().print(stdout);
        return true;
    } catch (const violation& what) {
        if (!p.trace) {
            p.trace = true;
            return run(p, total);
        }
        w.trace().print(stdout);
        std::printf("seed %llu: %s\nagain: ./dev simulate --first %llu --seeds 1 --events %u --trace\n",
                    static_cast<unsigned long long>(p.seed), what.what(), static_cast<unsigned long long>(p.seed),
                    p.events);
        return false;
    }
}

void print(const tally& t, double seconds) {
    const auto n = [](std::uint64_t v) { return static_cast<unsigned long long>(v); };
    std::printf("%llu seeds, %.0f virtual hours, %llu events, %llu rows in %.1f s of CPU (%.2f ms a seed)\n",
                n(t.seeds), t.hours, n(t.events), n(t.rows), seconds,
                1e3 * seconds / static_cast<double>(std::max<std::uint64_t>(t.seeds, 1)));
    std::printf("calls %llu, deaths %llu, orderly ends %llu, given up %llu, positions stored %llu\n", n(t.calls),
                n(t.crashes), n(t.stops), n(t.given_up), n(t.positions));
    std::printf("rows sent %llu, durable twice %llu; events fetched again %llu; dead letters %llu, twice %llu\n",
                n(t.rows_sent), n(t.duplicates), n(t.fetched_again), n(t.dead_letters), n(t.dead_letters_again));
    for (std::size_t i = 0; i < fault_count; ++i)
        std::printf("%10llu  %.*s\n", n(t.by_fault[i]), static_cast<int>(faults[i].name.size()),
                    faults[i].name.data());
}

int day() {
    tally total;
    const double start = cpu_seconds();
    const bool good = run({.events = 8'640, .faults = false}, total);
    const double seconds = cpu_seconds() - start;
    std::printf("24 virtual hours, %llu events, every call reset each hour: %.1f ms of CPU, %llu calls, %llu rows "
                "durable twice\n",
                static_cast<unsigned long long>(total.events), 1e3 * seconds,
                static_cast<unsigned long long>(total.calls), static_cast<unsigned long long>(total.duplicates));
    return good ? 0 : 1;
}

} // namespace

int main(int argc, char** argv) {
    plan p;
    std::uint64_t seeds = 100;
    for (int i = 1; i < argc; ++i) {
        const std::string_view option = argv[i];
        if (option == "--day") return day();
        if (option == "--trace") {
            p.trace = true;
            continue;
        }
        const std::uint64_t value = i + 1 < argc ? std::strtoull(argv[++i], nullptr, 10) : 0;
        if (option == "--seeds" && value > 0)
            seeds = value;
        else if (option == "--first")
            p.seed = value;
        else if (option == "--events" && value > 0)
            p.events = static_cast<std::uint32_t>(value);
        else {
            std::fputs("usage: simulate [--seeds N] [--first S] [--events N] [--trace] | --day\n", stderr);
            return 2;
        }
    }
    tally total;
    const double start = cpu_seconds();
    for (std::uint64_t i = 0; i < seeds; ++i, ++p.seed)
        if (!run(p, total)) return 1;
    print(total, cpu_seconds() - start);
    return 0;
}
