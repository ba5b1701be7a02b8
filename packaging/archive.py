#!/usr/bin/env python3
"""Makes the release archive sfcdc-VERSION-linux-ARCH.tar.gz: the daemon as one file that needs few libraries, what runs it as a service, and
the licences of what is inside.

usage: archive.py BUILD FOLDER

BUILD is one with -Dportable=true. The archive is the same for the same build: all times are SOURCE_DATE_EPOCH, or that of the last commit.
"""
import gzip
import importlib.util
import io
import json
import pathlib
import platform
import re
import shutil
import subprocess
import sys
import tarfile
import tempfile

ROOT = pathlib.Path(__file__).resolve().parents[1]
# What the binary may ask the system for, and nothing else; each is in every distribution that has OpenSSL 3.
DYNAMIC = {"libc.so.6", "libm.so.6", "libcurl.so.4", "libssl.so.3", "libcrypto.so.3", "ld-linux-x86-64.so.2", "ld-linux-aarch64.so.1"}
# The Debian packages whose headers are used, but whose code is in those shared libraries.
SYSTEM = {"libc6-dev", "linux-libc-dev", "libcurl4-openssl-dev", "libssl-dev"}
# What is inside, by the Debian packages that it comes from. The first of them has the copyright file.
INSIDE = {
    "Abseil": ["libabsl-dev"], "c-ares": ["libc-ares-dev"], "CLI11": ["libcli11-dev"], "cpp-httplib": ["libcpp-httplib-dev"], "fmt": ["libfmt-dev"],
    "gRPC": ["libgrpc++-dev", "libgrpc-dev"], "JSON for Modern C++": ["nlohmann-json3-dev"], "libstdc++ and libgcc": ["libstdc++-12-dev", "libgcc-12-dev"],
    "prometheus-cpp": ["prometheus-cpp-dev"], "Protocol Buffers": ["libprotobuf-dev"], "pugixml": ["libpugixml-dev"], "RE2": ["libre2-dev"],
    "spdlog": ["libspdlog-dev"], "SQLite": ["libsqlite3-dev"], "toml++": ["libtomlplusplus-dev"], "zlib": ["zlib1g-dev"],
}
COMMON_LICENCES = pathlib.Path("/usr/share/common-licenses")


def run(*command):
    return subprocess.run([str(c) for c in command], check=True, stdout=subprocess.PIPE, text=True).stdout


def module(path):
    spec = importlib.util.spec_from_file_location(path.stem, path)
    loaded = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(loaded)
    return loaded


def needed(binary):
    return set(re.findall(r"\(NEEDED\)\s+Shared library: \[(.*)\]", run("readelf", "-d", binary)))


def oldest_glibc(binary):
    versions = re.findall(r"GLIBC_(\d+)\.(\d+)", run("readelf", "-V", binary))
    return ".".join(map(str, max((int(a), int(b)) for a, b in versions)))


def linked_files(build):
    """The files outside the project that are in the binary: headers, which the compiler has named for ninja, and members of archives and objects, which
    stand in the linker's map. A header counts although nothing of it may be left in the binary."""
    headers = re.findall(r"^    (.+)$", run("ninja", "-C", build, "-t", "deps"), re.M)
    text = (build / "runner/sfcdc.map").read_text(encoding="utf-8", errors="replace")
    members = text[text.index("Archive member included"):text.index("Memory Configuration")]
    linked = re.findall(r"^(\S+\.a)\(", members, re.M) + re.findall(r"^LOAD (\S+\.o)$", text, re.M)
    files = {(build / path).resolve() for path in {*headers, *linked}}
    if not any(f.suffix == ".a" for f in files) or not any("include" in f.parts for f in files):
        sys.exit("archive.py: neither ninja nor the linker's map say what is inside")
    return files


def owners(build, known):
    """Who those files come from: their Debian packages, and of files below the folders that are the keys of `known`, its values."""
    options = {o["name"]: o["value"] for o in json.loads(run("meson", "introspect", "--buildoptions", build))}
    sources = pathlib.Path(options["portable_sources"]).resolve()
    known = {**known, **{sources / source: package for source, package in module(ROOT / "packaging/sources.py").SOURCES.items()}}
    found, others = set(), []
    for file in sorted(linked_files(build)):
        folder = next((f for f in known if file.is_relative_to(f)), None)
        if folder:
            found.add(known[folder])
        # Below ROOT/build may be the files of others, too: what pip has installed there, for example.
        elif not file.is_relative_to(build.resolve()) and (not file.is_relative_to(ROOT) or file.is_relative_to(ROOT / "build")):
            others.append(file)
    answer = subprocess.run(["dpkg-query", "-S", *map(str, others)], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, check=False)
    if answer.returncode != 0:
        sys.exit("archive.py: the binary has something inside whose licence is not known:\n" + answer.stderr)
    return found | {re.split("[:,]", line)[0] for line in answer.stdout.splitlines()}


def check_inside(build, known={}, system=frozenset()):
    """INSIDE and `known` (see owners) have everyone whom something in the binary comes from, and nobody else. `system` is what counts like SYSTEM."""
    listed = {package for packages in INSIDE.values() for package in packages} | set(known.values()) - system
    found = owners(build, known) - SYSTEM - system
    if found - listed:
        sys.exit("archive.py: these packages are in the binary, and INSIDE does not list them: " + ", ".join(sorted(found - listed)))
    if listed - found:
        sys.exit("archive.py: INSIDE lists these packages, and nothing of them is in the binary: " + ", ".join(sorted(listed - found)))


def copyright_file(package):
    return (pathlib.Path("/usr/share/doc") / package / "copyright").read_text(encoding="utf-8", errors="replace")


def licences_inside():
    """The libraries of INSIDE with their versions, and the copyright file of each."""
    return [("%-24s %s" % (name, run("dpkg-query", "-W", "-f", "${Version}", package)), copyright_file(package))
            for name, (package, *_) in sorted(INSIDE.items())]


def licences(heading, works):
    """The text of a file with licences: a list of `works`, pairs of a title and a text, those texts, and the licences that they refer to, because only
    Debian has them in a folder of their own."""
    section = lambda title, text: "\n%s\n%s\n%s\n%s" % ("=" * 72, title, "=" * 72, text)
    referred = {}
    for _, text in works:
        for licence in re.findall(r"/usr/share/common-licenses/([\w.+-]*[\w+])", text):
            referred.setdefault((COMMON_LICENCES / licence).resolve(), set()).add(licence)
    texts = [section(title, text) for title, text in works]
    for file, names in sorted(referred.items()):
        texts.append(section(", ".join("%s/%s" % (COMMON_LICENCES, name) for name in sorted(names)), file.read_text(encoding="utf-8")))
    return "\n".join([heading + "\n", *(title for title, _ in works), *texts])


def make(build, folder):
    when = module(ROOT / "packaging/deb/make.py").epoch()
    version = json.loads(run("meson", "introspect", "--projectinfo", build))["version"]
    with tempfile.TemporaryDirectory() as place:
        binary = pathlib.Path(place) / "sfcdc"
        shutil.copy(build / "runner/sfcdc", binary)
        run("strip", binary)
        if extra := needed(binary) - DYNAMIC:
            sys.exit("archive.py: the binary needs libraries that it should have inside: " + ", ".join(sorted(extra)))
        check_inside(build)
        top = "sfcdc-%s-linux-%s" % (version, platform.machine())
        readme = ("sfcdc %s for Linux on %s\n\nbin/sfcdc needs glibc %s or newer, and these libraries of the system:\n%s\n\n"
                  "Certificates of authorities are read from /etc/ssl/certs/ca-certificates.crt (the package ca-certificates), unless the\n"
                  "configuration names a ca_file. LICENSES has the licences of the libraries inside.\n\n"
                  "How to run it: docs/deploying.md. systemd/ has the units, which expect /usr/bin/sfcdc.\n"
                  % (version, platform.machine(), oldest_glibc(binary), "\n".join("  " + n for n in sorted(needed(binary)))))
        content = {
            "README": readme.encode(), "LICENSES": licences("What sfcdc %s has inside. sfcdc itself: Apache-2.0, see LICENSE." % version, licences_inside()).encode(), "bin/sfcdc": binary.read_bytes(),
            "systemd/sfcdc.service": (build / "deploy/sfcdc.service").read_bytes(), "systemd/sfcdc@.service": (build / "deploy/sfcdc@.service").read_bytes(),
            "systemd/sysusers.d/sfcdc.conf": (ROOT / "deploy/systemd/sfcdc.sysusers").read_bytes(),
        }
        for file in ("LICENSE", "CHANGELOG.md", "docs/running.md", "docs/configuration.md", "docs/operations.md", "docs/layouts.md", "docs/deploying.md"):
            content[file] = (ROOT / file).read_bytes()
        content["sfcdc.toml"] = (ROOT / "deploy/sfcdc.toml").read_bytes()
        folder.mkdir(parents=True, exist_ok=True)
        path = folder / (top + ".tar.gz")
        with open(path, "wb") as file, gzip.GzipFile(filename="", mode="wb", fileobj=file, mtime=when) as packed, \
                tarfile.open(mode="w", fileobj=packed, format=tarfile.GNU_FORMAT) as archive:
            for name in sorted(content):
                entry = tarfile.TarInfo("%s/%s" % (top, name))
                entry.size, entry.mtime, entry.mode = len(content[name]), when, 0o755 if name.startswith("bin/") else 0o644
                archive.addfile(entry, io.BytesIO(content[name]))
        print(path)
        print(readme)


if __name__ == "__main__":
    if len(sys.argv) != 3:
        sys.exit(__doc__)
    make(pathlib.Path(sys.argv[1]), pathlib.Path(sys.argv[2]))
