#!/usr/bin/env python3
"""What sfcdc_bench says of arguments that mean nothing, and that the help of `./dev bench` names every line that there is.

usage: arguments.py SFCDC_BENCH USAGE_TEXT DATA_FOLDER
"""
import pathlib
import subprocess
import sys

bench, usage, data = sys.argv[1], pathlib.Path(sys.argv[2]).read_text(encoding="utf-8"), sys.argv[3]


def run(*arguments):
    done = subprocess.run([bench, "--data", data, *arguments], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, timeout=60)
    return done.returncode, done.stdout, done.stderr


def section(text, head):
    """The indented lines below a line of its own."""
    below = text.split("\n" + head + "\n")[1].split("\n")
    end = next((i for i, line in enumerate(below) if not line.startswith("  ")), len(below))
    return [line.strip() for line in below[:end]]


# A filter that names nothing: exit code 2, nothing on standard output, and what there is on standard error.
status, out, err = run("--filter", "no such line")
assert (status, out) == (2, ""), (status, out)
assert '"no such line"' in err.split("\n")[0], err
assert section(err, "data sets:") == ["std_create", "std_mix", "std_update", "wide_create", "wide_mix", "wide_update",
                                      "bitmaps_std", "bitmaps_wide", "schema_std", "schema_wide"], err
lines = section(err, "lines:")
assert "decode, every value read" in lines and len(lines) == len(set(lines)) > 10, lines

# The help names each line: by its own name, or by one that has LAYOUT or another batch in it.
named = section(usage, "Lines")
for line in lines:
    stem = line.split(",")[0] if line.split(",")[0] in ("JSON row", "protobuf row") else line
    stem = "to Arrow by 1000, by 100" if line == "to Arrow by 100" else stem
    assert any(text.startswith((stem + "  ", stem + ", LAYOUT ", stem + ", by ")) for text in named), line

# One that names a line, a data set, or a line of a data set.
assert run("--check", "--filter", "bitmap to names")[::2] == (0, "bitmaps_std: answers checked\nbitmaps_wide: answers checked\n")
assert run("--check", "--filter", "schema_wide")[::2] == (0, "schema_wide: answers checked\n")
assert run("--check", "--filter", "schema compile schema_std")[::2] == (0, "schema_std: answers checked\n")

# A number of rounds that is none.
for wrong in ("x", "", "0", "-1", "3x", " 3", "99999999999"):
    status, out, err = run("--rounds", wrong)
    assert (status, out) == (2, "") and f'not "{wrong}"' in err, (wrong, status, out, err)
assert run("--rounds")[0] == 2
assert run("--rounds", "1", "--filter", "schema_std")[0] == 0
