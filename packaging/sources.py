#!/usr/bin/env python3
"""Fetches the sources of the libraries that Debian has no static archives of, for a build with -Dportable=true.

usage: sources.py FOLDER

FOLDER gets a folder for each source package, as dpkg-source unpacks it: with Debian's patches, in the version of the installed -dev package,
so that the portable daemon and the package's have the same code inside. apt checks the signatures. Nothing is fetched twice. Needs apt,
dpkg-dev and the network, but not root: apt's lists of sources are kept apart from the machine's.
"""
import pathlib
import shutil
import subprocess
import sys
import tempfile

# The source packages, each with an installed package that is made from it.
SOURCES = {"cpp-httplib": "libcpp-httplib-dev", "prometheus-cpp": "prometheus-cpp-dev"}


def run(*command, **more):
    return subprocess.run([str(c) for c in command], check=True, stdout=subprocess.PIPE, text=True, **more).stdout


def version(package):
    return run("dpkg-query", "-W", "-f", "${source:Version}", package)


def repositories():
    """The repositories that have the installed packages, as lines of sources.list."""
    found = set()
    for package in SOURCES.values():
        installed = run("dpkg-query", "-W", "-f", "${Version}", package)
        lines = [[column.strip() for column in line.split("|")] for line in run("apt-cache", "madison", package).splitlines()]
        # The third column is "URL SUITE/COMPONENT ARCHITECTURE Packages".
        ours = [where.split() for _, offered, where in lines if offered == installed and where.endswith(" Packages")]
        if not ours:
            sys.exit("sources.py: apt offers no %s %s, which is installed: apt-get update, then apt-get install %s" % (package, installed, package))
        for url, place, *_ in ours:
            suite, _, component = place.rpartition("/")
            found.add("deb-src %s %s %s\n" % (url, suite, component))
    return sorted(found)


def fetch(folder):
    """Fetches what is missing."""
    missing = {source: version(package) for source, package in SOURCES.items()}
    missing = {s: v for s, v in missing.items() if not (folder / s / "VERSION").is_file() or (folder / s / "VERSION").read_text() != v}
    if not missing:
        return
    folder.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix="sfcdc-sources-") as place:
        place = pathlib.Path(place)
        (place / "lists/partial").mkdir(parents=True)
        (place / "sources.list").write_text("".join(repositories()), encoding="utf-8")
        apt = ["apt-get", "-q", "-o", f"Dir::Etc::SourceList={place}/sources.list", "-o", "Dir::Etc::SourceParts=/dev/null",
               "-o", f"Dir::State::Lists={place}/lists", "-o", f"Dir::Cache={place}/cache",
               "-o", "APT::Sandbox::User=root"]  # apt's own user cannot write into a folder of this one
        run(*apt, "update")
        for source, wanted in missing.items():
            below = place / source
            below.mkdir()
            run(*apt, "source", "--only-source", f"{source}={wanted}", cwd=below)
            unpacked = [p for p in below.iterdir() if p.is_dir()]
            if len(unpacked) != 1:
                sys.exit("sources.py: %s was unpacked as %s" % (source, sorted(p.name for p in unpacked)))
            # The times in the archive are those of the upstream's files: a build that has an older version would not see that they are others.
            for file in unpacked[0].rglob("*"):
                file.touch()
            (unpacked[0] / "VERSION").write_text(wanted)
            shutil.rmtree(folder / source, ignore_errors=True)
            shutil.move(unpacked[0], folder / source)
            print(source, wanted)


if __name__ == "__main__":
    if len(sys.argv) != 2:
        sys.exit(__doc__)
    fetch(pathlib.Path(sys.argv[1]))
