// sfcdc_bench: checks every answer, then times it. One compiler a binary; `./dev bench` runs two of them.
#include <algorithm>
#include <charconv>
#include <cstdio>
#include <cstdlib>
#include <exception>
#include <string>
#include <string_view>
#include <system_error>
#include <utility>
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
    std::string filter; // See is_chosen().
    bool json = false;
    bool check_only = false;
    bool alone = false; // Without the lines that the chosen ones are compared with.
    bench::effort effort;
};

[[noreturn]] void usage(int status) {
    std::fputs("usage: sfcdc_bench [--data DIR] [--filter WORD] [--rounds N] [--json] [--check] [--alone]\n"
               "  --data DIR     schema_NAME.json, NAME_*.bin, bitmaps_NAME.txt; otherwise what generate.py made\n"
               "  --filter WORD  only lines and data sets whose name contains WORD; 2 if there is none\n"
               "  --rounds N     turns of each contender, from 1 on (21)\n"
               "  --json         an array of measurements in place of the table\n"
               "  --check        check the answers and time nothing\n"
               "  --alone        without the line that a chosen one is compared with: for profiles\n",
               status == 0 ? stdout : stderr);
    std::exit(status);
}

int parse_rounds(std::string_view text) {
    int out = 0;
    const auto [end, bad] = std::from_chars(text.data(), text.data() + text.size(), out);
    if (bad != std::errc{} || end != text.data() + text.size() || out < 1) {
        std::fprintf(stderr, "sfcdc_bench: --rounds takes a whole number from 1 on, not \"%.*s\"\n",
                     static_cast<int>(text.size()), text.data());
        std::exit(2);
    }
    return out;
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
            out.effort.rounds = parse_rounds(value());
        else if (arg == "--json")
            out.json = true;
        else if (arg == "--check")
            out.check_only = true;
        else if (arg == "--alone")
            out.alone = true;
        else
            usage(arg == "--help" || arg == "-h" ? 0 : 2);
    }
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

template<class Add> std::vector<std::string> names_of(Add add) {
    std::vector<bench::contender> contenders;
    add(contenders);
    std::vector<std::string> out;
    for (const bench::contender& c : contenders) out.push_back(c.what);
    return out;
}

// The names of the lines that a data set has. They are learned from its first event alone, which takes milliseconds, so
// that a filter is judged before minutes of checks.
std::vector<std::string> lines_of(const bench::data_set& d) {
    const bench::data_set first{d.name, d.schema_json, {}, {d.events[0]}, d.events[0].size()};
    return names_of([&](auto& out) { add_decode(first, out), add_rows(first, out), add_arrow(first, out); });
}
std::vector<std::string> lines_of(const bench::bitmap_set& d) {
    const bench::bitmap_set first{d.name, d.schema_json, {}, {d.elements[0]}, d.elements[0].size()};
    return names_of([&](auto& out) { add_bitmaps(first, out); });
}
std::vector<std::string> lines_of(const bench::schema_text& d) {
    return names_of([&](auto& out) { add_schema(d, out); });
}

// Whether a line of a data set is asked for: the filter stands in "what data", as both stand in the table.
bool is_chosen(const options& o, const std::string& what, const std::string& data) {
    return (what + ' ' + data).find(o.filter) != std::string::npos;
}

[[noreturn]] void nothing_chosen(const options& o, const bench::folder& folder) {
    std::fprintf(stderr, "sfcdc_bench: no line and no data set is named by --filter \"%s\"\n", o.filter.c_str());
    std::vector<std::string> lines, data;
    const auto add = [&](const auto& sets) {
        for (const auto& d : sets) {
            data.push_back(d.name);
            for (std::string& line : lines_of(d))
                if (std::find(lines.begin(), lines.end(), line) == lines.end()) lines.push_back(std::move(line));
        }
    };
    add(folder.data_sets), add(folder.bitmap_sets), add(folder.schemas);
    std::fputs("lines:\n", stderr);
    for (const std::string& line : lines) std::fprintf(stderr, "  %s\n", line.c_str());
    std::fputs("data sets:\n", stderr);
    for (const std::string& name : data) std::fprintf(stderr, "  %s\n", name.c_str());
    std::exit(2);
}

int run(const options& o) {
    const bench::folder folder = bench::read_folder(o.data);
    // A data set of which no line is asked for is spared its checks.
    const auto wanted = [&](const auto& d) {
        const std::vector<std::string> lines = lines_of(d);
        return std::any_of(lines.begin(), lines.end(),
                           [&](const std::string& what) { return is_chosen(o, what, d.name); });
    };
    std::vector<bench::measurement> all;
    bool any = false;
    const auto race = [&](const std::string& data, auto add) {
        any = true;
        std::vector<bench::contender> contenders;
        add(contenders);
        std::fprintf(stderr, "%s: answers checked\n", data.c_str());
        if (o.check_only) return;
        // A line that one of the chosen is compared with stays, because without it there is no ratio.
        std::vector<std::string> kept;
        for (const bench::contender& c : contenders)
            if (is_chosen(o, c.what, data)) kept.insert(kept.end(), {c.what, o.alone ? c.what : c.against});
        std::erase_if(contenders,
                      [&](const auto& c) { return std::find(kept.begin(), kept.end(), c.what) == kept.end(); });
        for (bench::measurement& m : bench::race(data, contenders, o.effort)) all.push_back(std::move(m));
    };
    for (const auto& d : folder.data_sets)
        if (wanted(d)) race(d.name, [&](auto& out) { add_decode(d, out), add_rows(d, out), add_arrow(d, out); });
    for (const auto& d : folder.bitmap_sets)
        if (wanted(d)) race(d.name, [&](auto& out) { add_bitmaps(d, out); });
    for (const auto& d : folder.schemas)
        if (wanted(d)) race(d.name, [&](auto& out) { add_schema(d, out); });
    if (!any) nothing_chosen(o, folder);
    if (!o.check_only) o.json ? print_json(all) : print_table(all);
    return 0;
}

} // namespace

int main(int argc, char** argv) try { return run(parse(argc, argv)); } catch (const std::exception& e) {
    std::fprintf(stderr, "sfcdc_bench: %s\n", e.what());
    return 1;
}
