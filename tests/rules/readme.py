#!/usr/bin/env python3
"""Compiles and runs the code of the README and of docs/: each ```cpp block under a line <!-- test: NAME -->, with NAME.cpp of
tests/rules/readme/ behind it, which calls what the block defines and returns 0 when it did what the README says.

usage: readme.py SOURCE_ROOT COMPILER...
"""
import pathlib
import re
import subprocess
import sys
import tempfile

root, compiler = pathlib.Path(sys.argv[1]), sys.argv[2:]
blocks = []
for page in [root / "README.md", *sorted((root / "docs").glob("*.md"))]:
    text = page.read_text(encoding="utf-8")
    found = re.findall(r"^<!-- test: (\w+) -->\n```cpp\n(.*?)^```$", text, re.MULTILINE | re.DOTALL)
    assert text.count("```cpp\n") == len(found), "a ```cpp block of %s has no <!-- test: NAME --> in front" % page.name
    blocks += [(page.name, name, code) for name, code in found]
callers = {p.stem: p for p in (root / "tests/rules/readme").glob("*.cpp")}
# A block without a caller, or a caller without its block, would be a test that is silently gone.
names = [name for _, name, _ in blocks]
assert len(names) == len(set(names)), names
assert set(names) == set(callers), "the texts have %s, tests/rules/readme has %s" % (sorted(names), sorted(callers))
failed = False
with tempfile.TemporaryDirectory() as folder:
    for page, name, code in blocks:
        source, program = pathlib.Path(folder) / (name + ".cpp"), pathlib.Path(folder) / name
        source.write_text('#line 1 "%s, %s"\n%s#line 1 "%s"\n%s' % (page, name, code, callers[name].name, callers[name].read_text()))
        build = subprocess.run(compiler + ["-std=c++20", "-Wall", "-Wextra", "-Werror", "-I", str(root / "include"), str(source), "-o", str(program)])
        ran = build.returncode == 0 and subprocess.run([str(program)], stdout=subprocess.PIPE, text=True, timeout=60)
        right = bool(ran) and ran.returncode == 0 and ran.stdout == (callers[name].with_suffix(".out").read_text() if callers[name].with_suffix(".out").exists() else "")
        print("%s: %s" % (name, "ok" if right else "WRONG: %r" % [ran and (ran.returncode, ran.stdout)]))
        failed = failed or not right
sys.exit(failed)
