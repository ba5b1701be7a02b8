#!/usr/bin/env python3
"""`./dev bench --help` and `./dev bench e2e --help` answer where nothing is installed that builds or installs: PATH has only what
reads and prints.

usage: help.py SOURCE_ROOT
"""
import pathlib
import shutil
import subprocess
import sys
import tempfile

root = pathlib.Path(sys.argv[1])


def answer(path, *arguments):
    done = subprocess.run([root / "dev", *arguments], env={"PATH": str(path), "SFCDC_NO_INSTALL": "1"}, stdout=subprocess.PIPE,
                          stderr=subprocess.PIPE, text=True, timeout=60)
    return done.returncode, done.stdout, done.stderr


with tempfile.TemporaryDirectory() as folder:
    path = pathlib.Path(folder)
    for tool in ("env", "bash", "dirname", "nproc", "cat"):
        (path / tool).symlink_to(shutil.which(tool))
    # Without --help the verb asks dpkg-query, or names what is missing: the folder is as poor as it should be.
    assert answer(path, "bench")[0] != 0
    text = (root / "bench" / "usage.txt").read_text(encoding="utf-8")
    for arguments in (("bench", "--help"), ("bench", "-h"), ("bench", "--rounds", "3", "--help")):
        assert answer(path, *arguments) == (0, text, ""), arguments
    (path / "python3").symlink_to(sys.executable)
    for arguments in (("bench", "e2e", "--help"), ("footprint", "--help"), ("soak", "--help")):
        status, out, err = answer(path, *arguments)
        assert (status, err) == (0, "") and out.startswith("usage: ./dev " + " ".join(arguments[:-1])), (arguments, status, out, err)
