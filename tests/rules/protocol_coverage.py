#!/usr/bin/env python3
"""Reads docs/protocol-coverage.md: each scenario that is required stands there once, with a test or a reason, each error code of
pubsub/call_end.hpp with its remedy and a test, and each test that is named exists.

usage: protocol_coverage.py SOURCE_ROOT
       protocol_coverage.py --self-test       checks this script
"""
import pathlib
import re
import sys

REQUIRED = [n for a, b in ((1, 76), (79, 90), (119, 129), (143, 145), (158, 176), (188, 216)) for n in range(a, b + 1)]
REASON = re.compile(r"(does not apply|not shown)\b[^:]*: *\S")


def tests_of(root):
    """The names of all test cases, in C++ and in Python."""
    names = set()
    for path in (root / "tests").rglob("*.cpp"):
        names.update(re.findall(r'TEST_CASE\(\s*"((?:[^"\\]|\\.)*)"', path.read_text(encoding="utf-8")))
    for path in (root / "tests").rglob("*.py"):
        names.update(re.findall(r"^\s*def (test_\w+)\(", path.read_text(encoding="utf-8"), re.MULTILINE))
    return names


def complaints(text, tests, is_file):
    seen = []
    for line in text.splitlines():
        row = re.match(r"\| (\d+) [^|]+\| (.*) \|$", line)
        if not row:
            if re.match(r"\| *\d", line):
                yield "not of the form | number what | test or reason |: " + line
            continue
        number, answer = int(row.group(1)), row.group(2)
        seen.append(number)
        named = re.findall(r"`([^`]+)`", answer)
        for name in named:
            if name not in tests and not is_file(name):
                yield "%d: there is no test `%s`" % (number, name)
        if not REASON.match(answer) and not any(name in tests for name in named):
            yield "%d: neither a test nor a reason" % number
    for number in REQUIRED:
        if seen.count(number) != 1:
            yield "%d: stands there %d times" % (number, seen.count(number))


def error_codes(header):
    return re.findall(r'\{"([a-z.]+)",\s*remedy::(\w+)\}', header)


def code_complaints(text, codes, tests):
    rows = re.findall(r"^\| ([a-z]+\.[a-z.]+) \| (\w+) \| (.*) \|$", text, re.MULTILINE)
    if sorted((code, remedy) for code, remedy, _ in rows) != sorted(codes):
        yield "error codes: %s" % sorted(set((c, r) for c, r, _ in rows) ^ set(codes))
    for code, _, answer in rows:
        named = re.findall(r"`([^`]+)`", answer)
        if not named or not all(name in tests for name in named):
            yield "%s: no test, or one that does not exist" % code


def self_test():
    good = "".join("| %d what | `a test` |\n" % n for n in REQUIRED)

    def check(text, wanted):
        got = list(complaints(text, {"a test", "test_it"}, lambda name: name == "runner/x.cpp"))
        assert any(wanted in g for g in got) if wanted else not got, (wanted, got)

    check(good, None)
    check(good.replace("| 5 what | `a test` |", "| 5 what | does not apply: because |"), None)
    check(good.replace("| 5 what | `a test` |", "| 5 what | not shown: `runner/x.cpp` does it |"), None)
    check(good.replace("| 5 what | `a test` |", "| 5 what | `test_it` (in part) |"), None)
    check(good.replace("| 5 what | `a test` |", "| 5 what | `another test` |"), "5: there is no test")
    check(good.replace("| 5 what | `a test` |", "| 5 what | does not apply: as `another test` says |"), "5: there is no test")
    check(good.replace("| 5 what | `a test` |", "| 5 what | does not apply |"), "5: neither")
    check(good.replace("| 5 what | `a test` |", "| 5 what | `runner/x.cpp` |"), "5: neither")
    check(good.replace("| 5 what | `a test` |", "| 5 | `a test` |"), "5: stands there 0 times")
    check(good.replace("| 5 what | `a test` |\n", ""), "5: stands there 0 times")
    check(good + "| 5 what | `a test` |\n", "5: stands there 2 times")

    codes = error_codes('{"a.b", remedy::stop},\n{"c.d",\n   remedy::retry}, // why')
    assert codes == [("a.b", "stop"), ("c.d", "retry")], codes
    rows = "| a.b | stop | `a test` |\n| c.d | retry | `test_it` |\n"
    tests = {"a test", "test_it"}
    assert not list(code_complaints(rows, codes, tests))
    for bad in (rows.replace("stop", "retry"), rows.replace("a.b", "a.c"), rows.replace("`a test`", "`no test`"),
                rows.replace("`a test`", "tested"), rows[:rows.index("| c.d")], rows + rows):
        assert list(code_complaints(bad, codes, tests)), bad
    return 0


def main(argument):
    if argument == "--self-test":
        return self_test()
    root = pathlib.Path(argument)
    text = (root / "docs" / "protocol-coverage.md").read_text(encoding="utf-8")
    tests = tests_of(root)
    codes = error_codes((root / "include/sfcdc/pubsub/call_end.hpp").read_text(encoding="utf-8"))
    assert len(codes) > 30, codes
    found = list(complaints(text, tests, lambda name: (root / name).is_file())) + list(code_complaints(text, codes, tests))
    print("\n".join(found) or "%d scenarios and %d error codes, every test that is named exists" % (len(REQUIRED), len(codes)))
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1]))
