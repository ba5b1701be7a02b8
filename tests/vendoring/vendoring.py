#!/usr/bin/env python3
"""A project that uses sfcdc as a meson subproject gets the headers and nothing else. packages.py has the other ways.

usage: vendoring.py SOURCE_ROOT MESON...      exit code 77: meson or ninja is not there
"""
import os
import pathlib
import re
import shutil
import subprocess
import sys
import tempfile

root, meson = pathlib.Path(sys.argv[1]).resolve(), sys.argv[2:]
if not (shutil.which("ninja") or shutil.which("ninja-build")):
    print("skipped: no ninja")
    sys.exit(77)


def run(*command, **more):
    done = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, timeout=300, **more)
    if done.returncode != 0:
        print(done.stdout)
        sys.exit("failed: " + " ".join(map(str, command)))
    return done.stdout


with tempfile.TemporaryDirectory() as folder:
    project = pathlib.Path(folder) / "vendor"
    shutil.copytree(root / "tests/vendoring/project", project)
    subproject = project / "subprojects/sfcdc"
    subproject.mkdir(parents=True)
    # What somebody vendors: the build files and the headers. If anything else were configured, it would not be found.
    for name in ("meson.build", "meson.options", "meson_options.txt"):
        if (root / name).exists():
            shutil.copy(root / name, subproject / name)
    (subproject / "include").symlink_to(root / "include")
    build = project / "build"
    env = {k: v for k, v in os.environ.items() if not k.startswith("MESON")}
    log = run(*meson, "setup", str(build), str(project), env=env)
    looked_for = set(re.findall(r"[Dd]ependency (\S+) found", log))
    assert looked_for <= {"sfcdc"}, "looked for %s:\n%s" % (looked_for, log)
    targets = run(*meson, "introspect", "--targets", str(build), env=env)
    assert '"name": "app"' in targets, targets
    assert targets.count('"filename"') == 1, "more targets than the project's own: " + targets
    tests = run(*meson, "introspect", "--tests", str(build), env=env)
    assert tests.count('"protocol"') == 1, "more tests than the project's own: " + tests
    print(run(*meson, "test", "-C", str(build), env=env))
    # And it installs nothing of ours into the vendoring project's prefix.
    plan = run(*meson, "introspect", "--installed", str(build), env=env)
    assert "sfcdc" not in plan, plan
print("ok")
