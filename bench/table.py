#!/usr/bin/env python3
"""Measurements of several runs as one: usage: table.py [--json] FILE...

Each FILE is what `sfcdc_bench --json` or a peer printed. A peer's ratio is filled in from Avro C's lines on the same data.
"""
import json
import statistics
import sys

AVRO_C_DECODE = "decode, Apache Avro C"


def merge(runs):
    """All measurements in one list, with the ratios that a peer could not know. Contenders that say what they have read, as
    arrow_avro does, must have read the same."""
    out = [m for run in runs for m in run]
    for data in {m["data"] for m in out}:
        read = {(m["rows"], m["sum"]): m["what"] for m in out if m["data"] == data and "sum" in m}
        if len(read) > 1:
            sys.exit(f"{data}: two contenders have read different values: {read}")
    for m in out:
        if m["ratio_to_avro_c"] is None and m["what"].startswith("decode"):
            decode = [n["ns_per_event"] for n in out if n["what"] == AVRO_C_DECODE and n["data"] == m["data"]]
            if decode:
                m["ratio_to_avro_c"] = round(statistics.mean(decode) / m["ns_per_event"], 2)
    return out


def cells(m):
    if m is None:
        return f"{'':>11} {'':>6} {'':>6}"
    ratio = m["ratio_to_avro_c"]
    return (f"{m['ns_per_event']:>11,.1f} {m['gb_per_second']:>6.2f} "
            + (f"{ratio:>6.{1 if ratio >= 0.95 else 2}f}" if ratio else f"{'':>6}"))


def table(measurements):
    compilers = []  # ours; a peer's runtime is named at the end of its line
    for m in measurements:
        if m["compiler"].startswith(("g++", "clang++")) and m["compiler"] not in compilers:
            compilers.append(m["compiler"])
    data_sets = list(dict.fromkeys(m["data"] for m in measurements))
    lines = [f"{'':<48}" + "".join(f" | {c:^25}" for c in compilers),
             f"{'what':<34}{'data':<14}" + f" | {'ns':>11} {'GB/s':>6} {'ratio':>6}" * max(1, len(compilers))]
    for data in data_sets:
        lines.append("-" * len(lines[1]))
        here = [m for m in measurements if m["data"] == data]
        for what in dict.fromkeys(m["what"] for m in here):
            of = {m["compiler"]: m for m in here if m["what"] == what}
            name = f"{what:<34}{data:<14}"
            if any(c in of for c in compilers):
                lines.append(name + "".join(" | " + cells(of.get(c)) for c in compilers))
            for runtime in of.keys() - set(compilers):
                lines.append(f"{name} | {cells(of[runtime])} | {runtime}")
    lines += ["", "ns: median, for one event, bitmap or schema. GB/s: of input; of rows, of output. Ratio: Apache Avro C in the same",
              "run on the same data, divided by the line: its decode; of JSON lines its JSON; of schemas its parser."]
    return "\n".join(lines)


if __name__ == "__main__":
    files = [a for a in sys.argv[1:] if a != "--json"]
    if not files or any(a.startswith("-") for a in files):
        sys.exit(__doc__)
    merged = merge([json.load(open(f, encoding="utf-8")) for f in files])
    print(json.dumps(merged, indent=1) if "--json" in sys.argv else table(merged))
