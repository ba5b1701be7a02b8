#!/usr/bin/env python3
"""Runs a program and compares what it prints. usage: prints.py EXPECTED_FILE PROGRAM ARGUMENT..."""
import pathlib
import subprocess
import sys

expected = pathlib.Path(sys.argv[1]).read_text(encoding="utf-8")
done = subprocess.run(sys.argv[2:], stdout=subprocess.PIPE, timeout=60)
printed = done.stdout.decode("utf-8")
if done.returncode != 0 or printed != expected:
    print("exit code %d, printed\n%s\ninstead of\n%s" % (done.returncode, printed, expected))
    sys.exit(1)
