"""Counts test cases, not test programs: what a meson test log says, or the sum of several counts.

usage: count_cases.py TESTLOG.json     reads meson's log, one JSON object a line
       count_cases.py --sum            adds up the lines "N passed, N failed" on standard input
"""
import json
import re
import sys


def of_output(test):
    """(passed, failed, skipped) of one test program."""
    text = test.get("stdout", "") + test.get("stderr", "")
    ok = test["result"] in ("OK", "EXPECTEDFAIL")
    passed = failed = skipped = 0
    if all_passed := re.findall(r"All tests passed \([^)]* in (\d+) test cases?\)", text):  # Catch2
        passed = sum(map(int, all_passed))
    elif summary := re.search(r"test cases:\s*(\d+) \|(.*)", text):  # Catch2 with failures
        count = lambda word: sum(map(int, re.findall(r"(\d+) " + word, summary.group(2))))
        passed, failed = count("passed"), count("failed")
    elif ran := re.search(r"^Ran (\d+) tests? in", text, re.M):  # unittest
        count = lambda word: sum(map(int, re.findall(word + r"=(\d+)", text.rsplit("Ran ", 1)[1])))
        failed, skipped = count("failures") + count("errors"), count("skipped")
        passed = int(ran.group(1)) - failed - skipped
    elif test["result"] == "SKIP":
        skipped = 1
    else:
        passed, failed = (1, 0) if ok else (0, 1)
    if not ok and test["result"] != "SKIP" and failed == 0:
        failed = 1  # it died after, or in place of, its summary
    return passed, failed, skipped


def line(passed, failed, skipped):
    return f"{passed} passed, {failed} failed" + (f", {skipped} skipped" if skipped else "")


def main():
    if sys.argv[1] == "--sum":
        counts = [
            tuple(int(n or 0) for n in m.groups())
            for m in re.finditer(r"^(\d+) passed, (\d+) failed(?:, (\d+) skipped)?$", sys.stdin.read(), re.M)
        ]
    else:
        with open(sys.argv[1], encoding="utf-8") as log:
            counts = [of_output(json.loads(entry)) for entry in log if entry.strip()]
    print(line(*(sum(column) for column in zip(*counts))) if counts else line(0, 0, 0))


main()
