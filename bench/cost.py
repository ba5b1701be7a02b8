#!/usr/bin/env python3
"""What including sfcdc costs: the time to compile a header, against an empty file, and the text (machine code and
constants) that decoding one event adds to a program, against an empty main. Prints a table; fails beyond the bounds."""
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
SECONDS, KIB = 1.5, 100  # of <sfcdc/cdc/decoder.hpp> with g++; of the program that decodes one event with either

HEADERS = ("cdc/decoder.hpp", "row/json.hpp", "sfcdc.hpp")
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
    "and print it as JSON": """
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
}


def compile_seconds(compiler, source, folder, rounds):
    """Median of what the compiler uses of the processor: other work on the machine does not count."""
    used = []
    for _ in range(rounds):
        before = os.times()
        subprocess.run([compiler, "-std=c++20", "-O2", f"-I{ROOT}/include", "-c", source, "-o", folder / "out.o"], check=True)
        after = os.times()
        used.append(after.children_user + after.children_system - before.children_user - before.children_system)
    return statistics.median(used)


def text_bytes(compiler, source, folder):
    program = folder / "program"
    subprocess.run([compiler, "-std=c++20", "-O2", f"-I{ROOT}/include", source, "-o", program], check=True)
    return int(subprocess.run(["size", program], check=True, capture_output=True, text=True).stdout.splitlines()[1].split()[0])


def main():
    arguments = argparse.ArgumentParser(prog="./dev cost", description=__doc__)
    arguments.add_argument("--rounds", type=int, default=7, help="compilations of each header")
    given = arguments.parse_args()
    compilers = [c for c in ("g++", "clang++-19") if shutil.which(c)]
    too_much = []
    with tempfile.TemporaryDirectory() as name:
        folder = pathlib.Path(name)

        def source(text):
            file = folder / "source.cpp"
            file.write_text(text)
            return file

        print(f"{'-O2, median of ' + str(given.rounds):32}" + "".join(f"{c:>16}" for c in compilers))
        empty = {c: compile_seconds(c, source(""), folder, given.rounds) for c in compilers}
        print(f"{'an empty file':32}" + "".join(f"{empty[c]:>14.2f} s" for c in compilers))
        for header in HEADERS:
            spent = {c: compile_seconds(c, source(f"#include <sfcdc/{header}>\n"), folder, given.rounds) - empty[c] for c in compilers}
            print(f"{'+ <sfcdc/' + header + '>':32}" + "".join(f"{spent[c]:>14.2f} s" for c in compilers))
            if header == "cdc/decoder.hpp" and spent["g++"] > SECONDS:
                too_much.append(f"<sfcdc/{header}> takes more than {SECONDS} s to compile")
        nothing = {c: text_bytes(c, source("int main() {}\n"), folder) for c in compilers}
        print(f"{'an empty main':32}" + "".join(f"{nothing[c] / 1024:>12.1f} KiB" for c in compilers))
        for what, text in PROGRAMS.items():
            added = {c: text_bytes(c, source(text), folder) - nothing[c] for c in compilers}
            print(f"{'+ ' + what:32}" + "".join(f"{added[c] / 1024:>12.1f} KiB" for c in compilers))
            if what == "decode one event" and max(added.values()) > KIB * 1024:
                too_much.append(f"a program that decodes one event has more than {KIB} KiB of text")
    for line in too_much:
        print(line, file=sys.stderr)
    return 1 if too_much else 0


sys.exit(main())
