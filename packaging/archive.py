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
# What is inside, by the Debian package that has its copyright file.
INSIDE = {"gRPC": "libgrpc++-dev", "Protocol Buffers": "libprotobuf-dev", "Abseil": "libabsl-dev", "c-ares": "libc-ares-dev", "RE2": "libre2-dev",
          "zlib": "zlib1g-dev", "SQLite": "libsqlite3-dev", "spdlog": "libspdlog-dev", "fmt": "libfmt-dev", "toml++": "libtomlplusplus-dev",
          "CLI11": "libcli11-dev", "JSON for Modern C++": "nlohmann-json3-dev", "libstdc++ and libgcc": "libstdc++-12-dev"}


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


def licences():
    """Name, version and copyright file of each library that is inside."""
    for name, package in sorted(INSIDE.items()):
        text = pathlib.Path("/usr/share/doc") / package / "copyright"
        version = run("dpkg-query", "-W", "-f", "${Version}", package)
        yield name, version, text.read_text(encoding="utf-8", errors="replace")


def make(build, folder):
    when = module(ROOT / "packaging/deb/make.py").epoch()
    version = json.loads(run("meson", "introspect", "--projectinfo", build))["version"]
    with tempfile.TemporaryDirectory() as place:
        binary = pathlib.Path(place) / "sfcdc"
        shutil.copy(build / "runner/sfcdc", binary)
        run("strip", binary)
        if extra := needed(binary) - DYNAMIC:
            sys.exit("archive.py: the binary needs libraries that it should have inside: " + ", ".join(sorted(extra)))
        top = "sfcdc-%s-linux-%s" % (version, platform.machine())
        listed = ["What sfcdc %s has inside. sfcdc itself: Apache-2.0, see LICENSE.\n" % version]
        texts = []
        for name, their_version, text in licences():
            listed.append("%-24s %s" % (name, their_version))
            texts.append("\n%s\n%s %s\n%s\n%s" % ("=" * 72, name, their_version, "=" * 72, text))
        readme = ("sfcdc %s for Linux on %s\n\nbin/sfcdc needs glibc %s or newer, and these libraries of the system:\n%s\n\n"
                  "How to run it: docs/deploying.md. systemd/ has the units, which expect /usr/bin/sfcdc.\n"
                  % (version, platform.machine(), oldest_glibc(binary), "\n".join("  " + n for n in sorted(needed(binary)))))
        content = {
            "README": readme.encode(), "LICENSES": "\n".join(listed + texts).encode(), "bin/sfcdc": binary.read_bytes(),
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
