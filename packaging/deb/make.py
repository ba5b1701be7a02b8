#!/usr/bin/env python3
"""Makes Debian packages of what `meson install` writes: sfcdc, sfcdc-emulator, libsfcdc-dev.

usage: make.py BUILD FOLDER [--version VERSION]

BUILD is a build with prefix /usr; the packages go to FOLDER. The same build makes the same packages, byte for byte: all times are
SOURCE_DATE_EPOCH, or the time of the last commit. Needs dpkg-dev, which computes the dependencies.
"""
import argparse
import gzip
import hashlib
import json
import os
import pathlib
import re
import shutil
import subprocess
import sys
import tempfile
import time

HERE = pathlib.Path(__file__).resolve().parent
ROOT = HERE.parent.parent
# As Debian's own tools have it. The project has no address, so that whoever hands packages on says theirs.
MAINTAINER = "%s <%s>" % (os.environ.get("DEBFULLNAME", "The authors of sfcdc"), os.environ.get("DEBEMAIL", "sfcdc@localhost"))

# Which package has an installed file; the first pattern that matches.
OWNERS = (
    (r"usr/bin/sfcdc-emulator", "sfcdc-emulator"),
    (r"usr/share/doc/sfcdc/emulator\.md", "sfcdc-emulator"),
    (r"usr/include/|usr/share/pkgconfig/|usr/lib/(\S+/)?pkgconfig/|usr/share/cmake/|usr/share/sfcdc/single_include/", "libsfcdc-dev"),
    (r"", "sfcdc"),
)
# Folders of the package that no file makes, with their modes.
FOLDERS = {"sfcdc": {"etc/sfcdc": 0o755, "etc/sfcdc/credentials": 0o700}}


def run(*command, **more):
    return subprocess.run([str(c) for c in command], check=True, stdout=subprocess.PIPE, text=True, **more).stdout


def epoch():
    if "SOURCE_DATE_EPOCH" in os.environ:
        return int(os.environ["SOURCE_DATE_EPOCH"])
    try:
        return int(run("git", "-C", ROOT, "log", "-1", "--format=%ct"))
    except (OSError, subprocess.CalledProcessError):
        sys.exit("make.py: set SOURCE_DATE_EPOCH, since this is no git checkout")


def stanzas():
    for block in (HERE / "control.in").read_text(encoding="utf-8").split("\n\n"):
        yield dict(re.findall(r"^(\S+): (.*(?:\n .*)*)", block, re.M))


def architecture():
    return run("dpkg", "--print-architecture").strip()


def shared_libraries(tree, programs):
    """The packages of the libraries that the programs need, with the versions that they need."""
    with tempfile.TemporaryDirectory() as folder:
        (pathlib.Path(folder) / "debian").mkdir()
        (pathlib.Path(folder) / "debian/control").write_text("Source: sfcdc\n\nPackage: sfcdc\nArchitecture: any\n")
        answer = run("dpkg-shlibdeps", "-O", *programs, cwd=folder, stderr=subprocess.DEVNULL)
    return re.match(r"shlibs:Depends=(.*)", answer).group(1)


def gzipped(path, content):
    with open(path, "wb") as file, gzip.GzipFile(filename="", mode="wb", fileobj=file, mtime=0, compresslevel=9) as packed:
        packed.write(content)


def changelog(version, when):
    date = time.strftime("%a, %d %b %Y %H:%M:%S +0000", time.gmtime(when))
    return "sfcdc (%s) unstable; urgency=medium\n\n  * See CHANGELOG.md.\n\n -- %s  %s\n" % (version, MAINTAINER, date)


def split(installed, trees):
    # Headers are the same on each machine, and so is what says where they are.
    for description in installed.glob("usr/lib/*/pkgconfig/sfcdc.pc"):
        (installed / "usr/share/pkgconfig").mkdir(parents=True)
        description.rename(installed / "usr/share/pkgconfig/sfcdc.pc")
    for file in sorted(p for p in installed.rglob("*") if p.is_file() or p.is_symlink()):
        path = file.relative_to(installed).as_posix()
        owner = next(package for pattern, package in OWNERS if re.match(pattern, path))
        target = trees / owner / path
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.move(file, target)


def finish(tree, stanza, version, when, folder):
    """Writes DEBIAN/, and packs."""
    package = stanza["Package"]
    doc = tree / "usr/share/doc" / package
    doc.mkdir(parents=True, exist_ok=True)
    shutil.copy(HERE / "copyright", doc / "copyright")
    (doc / "LICENSE").unlink(missing_ok=True)  # Debian has it in common-licenses
    overrides = HERE / (package + "_lintian")
    if overrides.exists():
        (tree / "usr/share/lintian/overrides").mkdir(parents=True)
        shutil.copy(overrides, tree / "usr/share/lintian/overrides" / package)
    gzipped(doc / "changelog.gz", changelog(version, when).encode())
    if (doc / "CHANGELOG.md").exists():
        (doc / "CHANGELOG.md").rename(doc / "NEWS.md")
    for path, mode in FOLDERS.get(package, {}).items():
        (tree / path).mkdir(parents=True, exist_ok=True)
    programs = [p for p in tree.rglob("usr/bin/*") if p.is_file()]
    for path in tree.rglob("*"):
        if not path.is_symlink():
            path.chmod(0o755 if path.is_dir() or path in programs else 0o644)
    for path, mode in FOLDERS.get(package, {}).items():
        (tree / path).chmod(mode)
    tree.chmod(0o755)

    files = sorted(p for p in tree.rglob("*") if p.is_file())
    size = sum((p.stat().st_size + 1023) // 1024 for p in files) + sum(1 for p in tree.rglob("*") if p.is_dir())
    control = {"Package": package, "Version": version, "Architecture": stanza.get("Architecture", architecture()),
               "Maintainer": MAINTAINER, "Installed-Size": str(size)}
    if "Depends" in stanza:
        control["Depends"] = stanza["Depends"].format(shlibs=shared_libraries(tree, programs))
    control.update({"Section": stanza["Section"], "Priority": "optional", "Description": stanza["Description"]})
    meta = tree / "DEBIAN"
    meta.mkdir(mode=0o755)
    (meta / "control").write_text("".join("%s: %s\n" % entry for entry in control.items()), encoding="utf-8")
    (meta / "md5sums").write_text("".join("%s  %s\n" % (hashlib.md5(p.read_bytes()).hexdigest(), p.relative_to(tree)) for p in files))
    if conffiles := ["/%s\n" % p.relative_to(tree) for p in files if p.is_relative_to(tree / "etc")]:
        (meta / "conffiles").write_text("".join(conffiles))
    for script in sorted(HERE.glob(package + ".*")):
        shutil.copy(script, meta / script.suffix[1:])
        (meta / script.suffix[1:]).chmod(0o755)
    for path in [tree, *tree.rglob("*")]:
        os.utime(path, (when, when), follow_symlinks=False)
    name = "%s_%s_%s.deb" % (package, version, control["Architecture"])
    run("dpkg-deb", "--root-owner-group", "-Zxz", "--build", tree, folder / name, env={**os.environ, "SOURCE_DATE_EPOCH": str(when)})
    return folder / name


def make(build, folder, version):
    when = epoch()
    folder.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix="sfcdc-deb-") as place:
        place = pathlib.Path(place)
        run("meson", "install", "-C", build, "--no-rebuild", "--strip", env={**os.environ, "DESTDIR": str(place / "installed")})
        split(place / "installed", place)
        # A build without the emulator has no package of it, although its page is installed.
        has_program = lambda stanza: any((place / stanza["Package"]).glob("usr/bin/*"))
        return [finish(place / stanza["Package"], stanza, version, when, folder) for stanza in stanzas()
                if has_program(stanza) or "{shlibs}" not in stanza.get("Depends", "")]


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n", 1)[0])
    parser.add_argument("build", type=pathlib.Path)
    parser.add_argument("folder", type=pathlib.Path)
    parser.add_argument("--version", help="another one than the project's, such as 0.1.0+test")
    asked = parser.parse_args()
    project = json.loads(run("meson", "introspect", "--projectinfo", asked.build))
    for package in make(asked.build, asked.folder, asked.version or project["version"]):
        print(package)


if __name__ == "__main__":
    main()
