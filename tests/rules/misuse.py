#!/usr/bin/env python3
"""What must not compile does not, and what must does. usage: misuse.py SOURCE INCLUDE COMPILER..."""
import os
import pathlib
import re
import subprocess
import sys
import tempfile

source, include, compiler = sys.argv[1], sys.argv[2], sys.argv[3:]
# What the compiler has to say to each, so that a slip in the source does not pass for a refusal.
REASONS = {0: None, 1: "deleted", 2: "deleted", 3: "deleted", 4: "nodiscard", 5: "convert|conversion", 6: "operator *<|operator<|invalid operands",
           7: "no Avro type is read as this C", 8: "deleted", 9: "deleted",
           10: "deleted", 11: "deleted", 12: "deleted",
           14: "bool, std::int32_t, std::int64_t, float, double, std::string_view and ", 15: "no Avro type is read as this C",
           19: "deleted", 20: "deleted", 16: "nodiscard", 17: "nodiscard", 18: "could not convert|not contextually convertible|no conversion|cannot convert", 13: "no matching|could not convert|cannot convert|no viable"}
assert {int(n) for n in re.findall(r"MISUSE == (\d+)", open(source, encoding="utf-8").read())} == set(REASONS)
failed = False
flags = ["-std=c++20", "-Wall", "-Werror", "-I" + include]
with tempfile.TemporaryDirectory() as folder:
    # The headers take all of the time: they are precompiled once, and not parsed for each case.
    header = pathlib.Path(folder) / "precompiled.hpp"
    header.write_text("#include <sfcdc/sfcdc.hpp>\n")
    subprocess.run(compiler + flags + ["-x", "c++-header", str(header), "-o", str(header) + ".gch"], check=True)
    for number, reason in REASONS.items():
        run = subprocess.run(compiler + flags + ["-fsyntax-only", "-include", str(header), "-DMISUSE=%d" % number, source],
                             capture_output=True, text=True, env={**os.environ, "LC_ALL": "C"})
        compiled = run.returncode == 0
        right = compiled if reason is None else not compiled and re.search(reason, run.stderr)
        print("misuse %d: %s%s" % (number, "compiles" if compiled else "refused", "" if right else "  <-- WRONG\n" + run.stderr))
        failed = failed or not right
sys.exit(failed)
