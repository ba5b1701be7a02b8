// sfcdc_bench: checks every answer, then times it. One compiler a binary; `./dev bench` runs two of them.
#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <exception>
#include <string>
#include <string_view>
#include <vector>

#include "data.hpp"
#include "questions.hpp"
#include "timing.hpp"

namespace {

#if defined(__clang__)
constexpr const char* compiler = "clang++ " __clang_version__;
#else
constexpr const char* compiler = "g++ " __VERSION__;
#endif

struct options {
    std::string data = SFCDC_BENCH_DATA;
    std::string filter; // of "what data", as both stand in the table
    bool json = false;
    bool check_only = false;
    bench::effort effort;
};

[[noreturn]] void usage(int status) {
    std::fputs("usage: sfcdc_bench [--data DIR] [--filter WORD] [--rounds N] [--json] [--check]\n"
               "  --data DIR     schema_NAME.json, NAME_*.bin, bitmaps_NAME.txt; otherwise what generate.py made\n"
               "  --filter WORD  only lines and data sets whose name contains WORD\n"
               "  --rounds N     turns of each contender (21)\n"
               "  --json         an array of measurements in place of the table\n"
               "  --check        check the answers and time nothing\n",
               status == 0 ? stdout : stderr);
    std::exit(status);
}

options parse(int argc, char** argv) {
    options out;
    for (int i = 1; i < argc; ++i) {
        const std::string_view arg = argv[i];
        const auto value = [&]() -> const char* { return i + 1 < argc ? argv[++i] : (usage(2), nullptr); };
        if (arg == "--data")
            out.data = value();
        else if (arg == "--filter")
            out.filter = value();
        else if (arg == "--rounds")
            out.effort.rounds = std::atoi(value());
        else if (arg == "--json")
            out.json = true;
        else if (arg == "--check")
            out.check_only = true;
        else
            usage(arg == "--help" || arg == "-h" ? 0 : 2);
    }
    if (out.effort.rounds < 1) usage(2);
    return out;
}

// "clang++ 19.1.7 (++2025...)" is more than a table needs.
std::string short_compiler() {
    const std::string_view all = compiler;
    const std::size_t version = all.find(' ') + 1;
    return std::string(all.substr(0, all.find_first_of(" (", version)));
}

void print_table(const std::vector<bench::measurement>& all) {
    std::printf("%s; medians; ratio: Apache Avro C doing the same (rows: decoding), divided by the line\n\n"
                "%-38s %-14s %12s %8s %9s\n",
                short_compiler().c_str(), "what", "data", "ns", "GB/s", "ratio");
    for (const bench::measurement& m : all) {
        std::printf("%-38s %-14s %12.1f %8.2f", m.what.c_str(), m.data.c_str(), m.ns_per_event, m.gb_per_second);
        m.ratio_to_avro_c > 0 ? std::printf(" %9.1f\n", m.ratio_to_avro_c) : std::printf(" %9s\n", "");
    }
}

void print_json(const std::vector<bench::measurement>& all) {
    std::printf("[");
    for (const bench::measurement& m : all) {
        std::printf("%s\n  {\"what\": \"%s\", \"data\": \"%s\", \"compiler\": \"%s\", \"ns_per_event\": %.2f, "
                    "\"gb_per_second\": %.4f, \"ratio_to_avro_c\": ",
                    &m == all.data() ? "" : ",", m.what.c_str(), m.data.c_str(), short_compiler().c_str(),
                    m.ns_per_event, m.gb_per_second);
        m.ratio_to_avro_c > 0 ? std::printf("%.2f", m.ratio_to_avro_c) : std::printf("null");
        if (m.rows != 0)
            std::printf(", \"rows\": %llu, \"sum\": \"%016llx\"", static_cast<unsigned long long>(m.rows),
                        static_cast<unsigned long long>(m.sum));
        std::printf("}");
    }
    std::printf("\n]\n");
}

int run(const options& o) {
    const bench::folder folder = bench::read_folder(o.data);
    std::vector<bench::measurement> all;
    const auto race = [&](const std::string& data, auto add) {
        std::vector<bench::contender> contenders;
        add(contenders);
        std::fprintf(stderr, "%s: answers checked\n", data.c_str());
        if (o.check_only) return;
        // A line that one of the chosen is compared with stays: without it there is no ratio.
        std::vector<std::string> kept;
        const auto chosen = [&](const bench::contender& c) {
            return (c.what + ' ' + data).find(o.filter) != std::string::npos;
        };
        for (const bench::contender& c : contenders)
            if (chosen(c)) kept.insert(kept.end(), {c.what, c.against});
        std::erase_if(contenders,
                      [&](const auto& c) { return std::find(kept.begin(), kept.end(), c.what) == kept.end(); });
        for (bench::measurement& m : bench::race(data, contenders, o.effort)) all.push_back(std::move(m));
    };
    // A word that names data sets spares the others.
    bool names_data = false;
    const auto is_named = [&](const std::string& data) { return data.find(o.filter) != data.npos; };
    for (const auto& d : folder.data_sets) names_data |= is_named(d.name);
    for (const auto& d : folder.bitmap_sets) names_data |= is_named(d.name);
    for (const auto& d : folder.schemas) names_data |= is_named(d.name);
    const auto wanted = [&](const std::string& data) { return !names_data || is_named(data); };

    for (const auto& d : folder.data_sets)
        if (wanted(d.name)) race(d.name, [&](auto& out) { add_decode(d, out), add_rows(d, out), add_arrow(d, out); });
    for (const auto& d : folder.bitmap_sets)
        if (wanted(d.name)) race(d.name, [&](auto& out) { add_bitmaps(d, out); });
    for (const auto& d : folder.schemas)
        if (wanted(d.name)) race(d.name, [&](auto& out) { add_schema(d, out); });
    if (!o.check_only) o.json ? print_json(all) : print_table(all);
    return 0;
}

} // namespace

int main(int argc, char** argv) try { return run(parse(argc, argv)); } catch (const std::exception& e) {
    std::fprintf(stderr, "sfcdc_bench: %s\n", e.what());
    return 1;
}
