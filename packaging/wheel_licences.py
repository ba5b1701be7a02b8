#!/usr/bin/env python3
"""Adds to a wheel the licences of what it has inside, as LICENSES beside our own LICENSE in the folder licenses/ of its dist-info.

usage: wheel_licences.py BUILD WHEEL

WHEEL is what `auditwheel repair` has made of BUILD on this machine, and is replaced. Has to be run by a Python that has nanobind installed, and is
the one that the wheel was built with.

A wheel has three kinds of others' code: libraries inside the daemon, which archive.py knows; nanobind and robin-map inside the extension; and the
shared libraries that auditwheel has copied into sfcdc.libs. Each of these must be a file of a Debian package; any other is an error.
"""
import base64
import csv
import hashlib
import importlib.metadata
import importlib.util
import io
import os
import pathlib
import re
import subprocess
import sys
import sysconfig
import zipfile

ROOT = pathlib.Path(__file__).resolve().parents[1]
NAME = "LICENSES"


def module(path):
    spec = importlib.util.spec_from_file_location(path.stem, path)
    loaded = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(loaded)
    return loaded


archive = module(ROOT / "packaging/archive.py")


def known():
    """The folders of code that is in the extension and of no Debian package, for archive.check_inside(): each part of nanobind by itself, so that
    another library that nanobind carries with it is an error until its licence is here."""
    nanobind = pathlib.Path(importlib.metadata.distribution("nanobind").locate_file("nanobind")).resolve()
    headers = {pathlib.Path(sysconfig.get_path(name)).resolve() for name in ("include", "platinclude")}
    return {nanobind / "include": "nanobind", nanobind / "src": "nanobind", nanobind / "ext/robin_map": "robin-map",
            **dict.fromkeys(headers, "Python")}


def licences_of_extension():
    """The licence of nanobind as its wheel has it, and that of robin-map as it stands at the beginning of its header: nanobind's wheel has no file of it."""
    nanobind = importlib.metadata.distribution("nanobind")
    files = [f for f in nanobind.files if ".dist-info" in f.parts[0] and f.name.startswith("LICENSE")]
    if not files:
        sys.exit("wheel_licences.py: nanobind's wheel has no licence")
    header = nanobind.locate_file("nanobind/ext/robin_map/include/tsl/robin_map.h").read_text(encoding="utf-8")
    comment = re.match(r"/\*\*\n(.*?)\*/", header, re.S)
    robin_map = "\n".join(re.sub(r"^ \* ?", "", line) for line in comment.group(1).splitlines()) if comment else ""
    if "Copyright" not in robin_map or "Permission is hereby granted" not in robin_map:
        sys.exit("wheel_licences.py: robin_map.h does not begin with a licence")
    return [("%-24s %s" % ("nanobind", nanobind.version), "\n".join(f.read_text(encoding="utf-8") for f in files)),
            ("%-24s as nanobind %s has it" % ("robin-map", nanobind.version), robin_map + "\n")]


def package_of(library):
    """The Debian package of a library in sfcdc.libs. auditwheel has put the beginning of the hash of the file that it copied into the name, so that
    the package is known to be that of this file and not of another one of the same name."""
    renamed = re.fullmatch(r"([^.]+)-([0-9a-f]{8})(\..+)", library)
    if not renamed:
        sys.exit("wheel_licences.py: auditwheel does not name a library like " + library)
    name, digest = renamed.group(1) + renamed.group(3), renamed.group(2)
    answer = subprocess.run(["dpkg-query", "-S", "*/" + name], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True, check=False)
    for package, path in re.findall(r"^([^:,\s]+)(?::\w+)?: (/.*)$", answer.stdout, re.M):
        if pathlib.Path(path).is_file() and hashlib.sha256(pathlib.Path(path).read_bytes()).hexdigest().startswith(digest):
            return package
    sys.exit("wheel_licences.py: no Debian package has the file that %s was copied from" % library)


def licences_of_libraries(libraries):
    """For each source package, whose name and version say where the source code is, its libraries and copyright files."""
    sources = {}
    for library in libraries:
        package = package_of(library)
        source = archive.run("dpkg-query", "-W", "-f", "${source:Package}\t${source:Version}", package).split("\t")
        names, texts = sources.setdefault(tuple(source), ([], []))
        names.append(library)
        if (text := archive.copyright_file(package)) not in texts:
            texts.append(text)
    return [("%-24s %s: %s" % (source, version, ", ".join(names)), "\n".join(texts)) for (source, version), (names, texts) in sorted(sources.items())]


def record(files, name):
    """The wheel's RECORD of its other files."""
    text = io.StringIO()
    lines = csv.writer(text, lineterminator="\n")
    for file, content in files.items():
        lines.writerow([file, "sha256=" + base64.urlsafe_b64encode(hashlib.sha256(content).digest()).rstrip(b"=").decode(), len(content)])
    lines.writerow([name, "", ""])
    return text.getvalue().encode()


def add(wheel, text):
    """Replaces the wheel by one that has the licences."""
    with zipfile.ZipFile(wheel) as old:
        entries = old.infolist()
        files = {e.filename: old.read(e) for e in entries if not e.is_dir()}
    (at,) = {name.removesuffix("RECORD") for name in files if re.fullmatch(r"[^/]+\.dist-info/RECORD", name)}
    metadata, added = at + "METADATA", at + "licenses/" + NAME
    if added in files:
        sys.exit("wheel_licences.py: %s has the licences already" % wheel)
    ours = b"\nLicense-File: LICENSE\n"
    if at + "licenses/LICENSE" not in files or ours not in files[metadata]:
        sys.exit("wheel_licences.py: %s has no LICENSE of our own" % wheel)
    files[metadata] = files[metadata].replace(ours, ours + b"License-File: %s\n" % NAME.encode(), 1)
    files[added] = text.encode()
    del files[at + "RECORD"]
    files[at + "RECORD"] = record(files, at + "RECORD")
    old_entries = {e.filename: e for e in entries}
    new = wheel.with_suffix(".new")
    with zipfile.ZipFile(new, "w", zipfile.ZIP_DEFLATED) as made:
        for name, content in files.items():  # the RECORD is the last, as its specification recommends
            entry = old_entries.get(name)
            if entry is None:
                entry = zipfile.ZipInfo(name, old_entries[metadata].date_time)
                entry.external_attr, entry.compress_type = old_entries[metadata].external_attr, zipfile.ZIP_DEFLATED
            made.writestr(entry, content)
    os.replace(new, wheel)


def main(build, wheel):
    archive.check_inside(build, known(), frozenset({"Python"}))
    with zipfile.ZipFile(wheel) as packed:
        libraries = sorted(name.partition("/")[2] for name in packed.namelist() if re.fullmatch(r"[^/]+\.libs/.+", name))
    version = wheel.name.split("-")[1]
    works = [*archive.licences_inside(), *licences_of_extension(), *licences_of_libraries(libraries)]
    add(wheel, archive.licences("What sfcdc %s has inside. sfcdc itself: Apache-2.0, see LICENSE. Where files are named, these are of sfcdc.libs,\n"
                                "from Debian's source package of that name and version; changed are only their names and those of the files they need." % version, works))
    print("%s: the licences of %d works" % (wheel, len(works)))


if __name__ == "__main__":
    if len(sys.argv) != 3:
        sys.exit(__doc__)
    main(pathlib.Path(sys.argv[1]), pathlib.Path(sys.argv[2]))
