#!/usr/bin/env python3
"""Writes all of include/sfcdc/ as one header, in the order of sfcdc.hpp. The same headers give the same bytes.

usage: amalgamate.py [--depfile FILE] INCLUDE_FOLDER OUTPUT

Each header is copied as it is, without its #pragma once and its includes of other sfcdc headers, whose text stands where the
first of these includes stood. Includes of the standard library stay in place: some are conditional, and a second one costs
nothing.
"""
import argparse
import pathlib
import re
import sys

OWN = re.compile(r"^\s*#\s*include\s*<(sfcdc/[^>]+)>[^\n]*$")
ONCE = re.compile(r"^\s*#\s*pragma\s+once\b")
FORMAT_SWITCH = re.compile(r"^\s*// clang-format (off|on)\s*$")
HEAD = """\
// sfcdc %s, all headers in one file, made by packaging/amalgamate.py: changes belong into include/sfcdc/.
// SPDX-License-Identifier: Apache-2.0
#pragma once
"""


def amalgamated(include):
    """(text, headers in order). Raises ValueError where an include cannot be replaced by text."""
    seen, out = [], []

    def add(name):
        if name in seen:
            return
        seen.append(name)
        lines = (include / name).read_text(encoding="utf-8").split("\n")
        body, depth = [], 0
        for number, line in enumerate(lines, 1):
            own = OWN.match(line)
            if own and depth:
                raise ValueError("%s:%d: an include of sfcdc's own inside of #if" % (name, number))
            if own:
                add(own.group(1))
            elif not ONCE.match(line) and not FORMAT_SWITCH.match(line):
                body.append(line)
            depth += bool(re.match(r"^\s*#\s*if", line)) - bool(re.match(r"^\s*#\s*endif", line))
        text = re.sub(r"\n{3,}", "\n\n", "\n".join(body)).strip("\n")
        out.append("// ---- %s\n%s\n" % (name, text))

    add("sfcdc/sfcdc.hpp")
    version = re.search(r'version = "([^"]+)"', (include / "sfcdc/version.hpp").read_text(encoding="utf-8")).group(1)
    return HEAD % version + "\n" + "\n".join(out), seen


def main():
    arguments = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    arguments.add_argument("--depfile", type=pathlib.Path, help="also write which headers the output depends on, for ninja")
    arguments.add_argument("include", type=pathlib.Path)
    arguments.add_argument("output", type=pathlib.Path)
    given = arguments.parse_args()
    try:
        text, headers = amalgamated(given.include)
    except (ValueError, OSError) as why:
        sys.exit("amalgamate.py: %s" % why)
    given.output.parent.mkdir(parents=True, exist_ok=True)
    given.output.write_text(text, encoding="utf-8")
    if given.depfile:
        given.depfile.write_text("%s: %s\n" % (given.output, " ".join(str(given.include / h) for h in headers)), encoding="utf-8")


if __name__ == "__main__":
    main()
