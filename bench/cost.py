#!/usr/bin/env python3
"""What including sfcdc costs: the time to compile headers and small programs, against an empty file, and the text (machine
code and constants) that a program has more than an empty main. Prints a table; fails beyond the bounds.

A time is the user and system time of the compiler, in seconds, the median of some rounds. A round compiles everything once, so that a
change of the processor's clock meets all of it alike. Seconds depend on the machine: what is quoted and bounded is the
ratio to a file that includes five headers of the standard library, which stands in brackets."""
import argparse
import os
import pathlib
import shutil
import statistics
import subprocess
import sys
import tempfile
import time

ROOT = pathlib.Path(__file__).resolve().parent.parent
STANDARD = ("string", "vector", "string_view", "optional", "charconv")
HEADERS = ("cdc/decoder.hpp", "row/json.hpp", "pubsub/subscription.hpp", "sfcdc.hpp")
TIMES_STANDARD = {"decode one event, print it as JSON": 12, "a subscription": 7}  # the most with g++
KIB = {"decode one event": 75, "decode one event, print it as JSON": 92}  # the most with either compiler
PROGRAMS = {
    "decode one event": """
#include <sfcdc/cdc/decoder.hpp>
int main(int argc, char** argv) {
    if (argc < 3) return 1;
    const auto [plan, bad_schema] = sfcdc::cdc::compile(argv[1]);
    if (bad_schema) return 1;
    sfcdc::cdc::decoder decoder;
    const auto [event, bad] = decoder.decode(plan, sfcdc::wire::as_bytes(argv[2]));
    if (bad) return 1;
    std::size_t names = 0;
    for (const std::string_view name : event.changed_fields()) names += name.size();
    return static_cast<int>(names + event.get<std::string_view>(plan.find(argv[1])).value.size());
}
""",
    "decode one event, print it as JSON": """
#include <cstdio>
#include <sfcdc/cdc/decoder.hpp>
#include <sfcdc/row/json.hpp>
int main(int argc, char** argv) {
    if (argc < 3) return 1;
    const auto [plan, bad_schema] = sfcdc::cdc::compile(argv[1]);
    if (bad_schema) return 1;
    sfcdc::cdc::decoder decoder;
    const auto [event, bad] = decoder.decode(plan, sfcdc::wire::as_bytes(argv[2]));
    if (bad) return 1;
    std::string json;
    sfcdc::row::append_event_json(event, json);
    return std::puts(json.c_str());
}
""",
    "a subscription": """
#include <sfcdc/pubsub/subscription.hpp>
int main(int argc, char** argv) {
    if (argc < 3) return 1;
    sfcdc::pubsub::subscription_options options;
    options.topic_name = argv[1];
    options.preset = sfcdc::pubsub::replay_preset::latest;
    sfcdc::pubsub::subscription subscription(options);
    const sfcdc::time_point now{};
    std::size_t told = 0;
    while (const auto action = subscription.poll_action(now)) told += action->index();
    if (subscription.handle(sfcdc::pubsub::opened{1}, now) != sfcdc::errc::none) return 1;
    while (const auto action = subscription.poll_action(now)) told += action->index();
    if (subscription.handle(sfcdc::pubsub::response{1, argv[2]}, now) != sfcdc::errc::none) return 1;
    while (const auto event = subscription.poll_event()) told += event->index();
    return static_cast<int>(told);
}
""",
}


def including(headers):
    return "".join(f"#include <{header}>\n" for header in headers)


def compile_seconds(compiler, source, folder):
    before = os.times()
    subprocess.run([compiler, "-std=c++20", "-O2", f"-I{ROOT}/include", "-c", source, "-o", folder / "out.o"], check=True)
    after = os.times()
    return after.children_user + after.children_system - before.children_user - before.children_system


def text_bytes(compiler, source, folder):
    program = folder / "program"
    subprocess.run([compiler, "-std=c++20", "-O2", f"-I{ROOT}/include", source, "-o", program], check=True)
    return int(subprocess.run(["size", program], check=True, capture_output=True, text=True).stdout.splitlines()[1].split()[0])


def main():
    arguments = argparse.ArgumentParser(prog="./dev cost", description=__doc__)
    arguments.add_argument("--rounds", type=int, default=7, help="compilations of each file")
    given = arguments.parse_args()
    compilers = [c for c in ("g++", "clang++-19") if shutil.which(c)]
    too_much = []
    with tempfile.TemporaryDirectory() as name:
        folder = pathlib.Path(name)

        def source(text):
            file = folder / "source.cpp"
            file.write_text(text)
            return file

        texts = {"an empty file": "", "the five standard headers": including(STANDARD)}
        texts |= {f"<sfcdc/{header}>": including([f"sfcdc/{header}"]) for header in HEADERS} | PROGRAMS
        used = {(what, c): [] for what in texts for c in compilers}
        for _ in range(given.rounds):
            for what, text in texts.items():
                file = source(text)
                for c in compilers:
                    used[what, c].append(compile_seconds(c, file, folder))

        print(f"{'-O2, median of ' + str(given.rounds):36}" + "".join(f"{c:>20}" for c in compilers))
        for what in texts:
            line = f"{what:36}"
            for c in compilers:
                empty, standard, spent = (statistics.median(used[w, c]) for w in ("an empty file", "the five standard headers", what))
                if what == "an empty file":
                    line += f"{spent:>10.2f} s        "
                    continue
                times = (spent - empty) / (standard - empty)
                line += f"{'+' + format(spent - empty, '.2f'):>10} s ({times:>5.1f})"
                if c == "g++" and times > TIMES_STANDARD.get(what, times):
                    too_much.append(f"{what}: takes more than {TIMES_STANDARD[what]} times as long to compile as the standard headers")
            print(line)

        nothing = {c: text_bytes(c, source("int main() {}\n"), folder) for c in compilers}
        print(f"{'text of an empty main':36}" + "".join(f"{nothing[c] / 1024:>16.1f} KiB" for c in compilers))
        for what, text in PROGRAMS.items():
            added = {c: text_bytes(c, source(text), folder) - nothing[c] for c in compilers}
            print(f"{what:36}" + "".join(f"{'+' + format(added[c] / 1024, '.1f'):>16} KiB" for c in compilers))
            if max(added.values()) > KIB.get(what, float("inf")) * 1024:
                too_much.append(f"{what}: has more than {KIB[what]} KiB of text")
    for line in too_much:
        print(line, file=sys.stderr)
    return 1 if too_much else 0


sys.exit(main())
