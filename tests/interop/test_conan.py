"""The Conan recipe of a release, built by Conan itself, whose test_package finds the package with CMake and runs a program."""
import json
import os
import pathlib
import shutil
import subprocess
import sys

ROOT = pathlib.Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "tests/vendoring"))
import tarball

CONAN = pathlib.Path(sys.executable).parent / "conan"


def conan(home, *command, stderr=subprocess.STDOUT):
    done = subprocess.run([CONAN, *map(str, command)], env={**os.environ, "CONAN_HOME": str(home)}, stdout=subprocess.PIPE,
                          stderr=stderr, text=True, timeout=300)
    assert done.returncode == 0, done.stdout[-4000:]
    return done.stdout


def test_the_recipe(tmp_path):
    home, version = tmp_path / "home", tarball.version(ROOT)
    shutil.unpack_archive(tarball.make(ROOT, tmp_path), tmp_path)
    conan(home, "profile", "detect")
    recipe = tmp_path / ("sfcdc-" + version) / "packaging/conan"
    said = conan(home, "create", recipe, "-s", "compiler.cppstd=20")
    assert "sfcdc %s: a\n" % version in said, said[-4000:]
    packages = json.loads(conan(home, "list", "--format=json", "sfcdc/%s:*" % version, stderr=subprocess.DEVNULL))
    (revision,) = packages["Local Cache"]["sfcdc/" + version]["revisions"].values()
    (package_id,) = revision["packages"]
    package = pathlib.Path(conan(home, "cache", "path", "sfcdc/%s:%s" % (version, package_id), stderr=subprocess.DEVNULL).strip())
    packaged = {p.relative_to(package).as_posix() for p in package.rglob("*") if p.is_file()}
    headers = {p.relative_to(ROOT).as_posix() for p in (ROOT / "include").rglob("*.hpp")}
    assert packaged == headers | {"licenses/LICENSE", "conaninfo.txt", "conanmanifest.txt"}


def test_an_older_standard_is_refused(tmp_path):
    home = tmp_path / "home"
    shutil.unpack_archive(tarball.make(ROOT, tmp_path), tmp_path)
    conan(home, "profile", "detect")
    done = subprocess.run([CONAN, "create", tmp_path / ("sfcdc-" + tarball.version(ROOT)) / "packaging/conan", "-s", "compiler.cppstd=17"],
                          env={**os.environ, "CONAN_HOME": str(home)}, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, timeout=300)
    assert done.returncode != 0 and "C++" in done.stdout and "20" in done.stdout, done.stdout[-2000:]
