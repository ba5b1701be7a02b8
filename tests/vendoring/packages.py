#!/usr/bin/env python3
"""The ways of docs/vendoring.md that need installed headers, a release or a single file: each builds and runs a program.

usage: packages.py SOURCE_ROOT MESON [unittest options]      CXX: the compiler
"""
import hashlib
import importlib.util
import json
import os
import pathlib
import re
import shutil
import subprocess
import sys
import tempfile
import unittest

ROOT, MESON = pathlib.Path(sys.argv[1]).resolve(), sys.argv[2]
HERE = ROOT / "tests/vendoring"
PROGRAM = ROOT / "packaging/conan/test_package/main.cpp"
CXX = os.environ.get("CXX", "c++").split()
ENV = {k: v for k, v in os.environ.items() if not k.startswith("MESON")}
INSTALL_OPTIONS = ("-Dtests=disabled", "-Drunner=disabled", "-Demulator=disabled")

sys.dont_write_bytecode = True
sys.path.insert(0, str(HERE))
import tarball

VERSION = tarball.version(ROOT)
PRINTED = "sfcdc %s: a\n" % VERSION


def module(path):
    spec = importlib.util.spec_from_file_location(path.stem, path)
    loaded = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(loaded)
    return loaded


amalgamate = module(ROOT / "packaging/amalgamate.py")
make_wrap = module(ROOT / "packaging/wrapdb/make_wrap.py")


def run(*command, fails=False, **more):
    done = subprocess.run([str(c) for c in command], stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, timeout=300,
                          **{"env": ENV, **more})
    assert (done.returncode != 0) == fails, "%s: exit code %d\n%s" % (" ".join(map(str, command)), done.returncode, done.stdout)
    return done.stdout


class Case(unittest.TestCase):
    """Has a release, and its headers installed into a prefix that was moved afterwards, as packages are."""

    @classmethod
    def setUpClass(cls):
        if Case.__dict__.get("folder"):
            return
        Case.keep = tempfile.TemporaryDirectory()
        Case.folder = pathlib.Path(Case.keep.name)
        Case.release = tarball.make(ROOT, Case.folder)
        shutil.unpack_archive(Case.release, Case.folder / "release")
        Case.sources = Case.folder / "release" / ("sfcdc-" + VERSION)
        run(MESON, "setup", Case.folder / "build", Case.sources, "--prefix", Case.folder / "first", "--libdir", "lib", *INSTALL_OPTIONS)
        run(MESON, "install", "-C", Case.folder / "build")
        Case.prefix = Case.folder / "prefix"
        (Case.folder / "first").rename(Case.prefix)

    def project(self, name):
        """A copy of tests/vendoring/NAME with the program beside it."""
        folder = pathlib.Path(tempfile.mkdtemp(dir=self.folder, prefix=name + "-"))
        shutil.copytree(HERE / name, folder, dirs_exist_ok=True)
        shutil.copy(PROGRAM, folder)
        return folder

    def cmake(self, folder, *options):
        run("cmake", "-G", "Ninja", "-S", folder, "-B", folder / "build", *options)
        run("cmake", "--build", folder / "build")
        self.assertEqual(run(folder / "build/app"), PRINTED)


class Installed(Case):
    def test_nothing_but_headers_and_their_descriptions(self):
        installed = {p.relative_to(self.prefix).as_posix() for p in self.prefix.rglob("*") if p.is_file()}
        headers = {p.relative_to(ROOT).as_posix() for p in (ROOT / "include").rglob("*.hpp")}
        self.assertEqual(installed - headers, {"lib/pkgconfig/sfcdc.pc", "share/cmake/sfcdc/sfcdcConfig.cmake",
                                               "share/cmake/sfcdc/sfcdcConfigVersion.cmake", "share/sfcdc/single_include/sfcdc.hpp"})
        self.assertEqual(headers - installed, set())

    def test_find_package(self):
        self.cmake(self.project("find_package"), "-DCMAKE_PREFIX_PATH=%s" % self.prefix)

    def test_find_package_as_vcpkg_moves_it(self):
        moved = self.folder / "vcpkg"
        shutil.copytree(self.prefix, moved)
        (moved / "share/cmake/sfcdc/sfcdcConfig.cmake").rename(moved / "share/sfcdc/sfcdcConfig.cmake")
        (moved / "share/cmake/sfcdc/sfcdcConfigVersion.cmake").rename(moved / "share/sfcdc/sfcdcConfigVersion.cmake")
        config = moved / "share/sfcdc/sfcdcConfig.cmake"
        text, found = re.subn(r'get_filename_component\(PACKAGE_PREFIX_DIR "\$\{CMAKE_CURRENT_LIST_DIR\}/\.\.(/\.\.)*" ABSOLUTE\)',
                              'get_filename_component(PACKAGE_PREFIX_DIR "${CMAKE_CURRENT_LIST_DIR}/../../" ABSOLUTE)', config.read_text())
        self.assertEqual(found, 1)
        config.write_text(text)
        self.cmake(self.project("find_package"), "-DCMAKE_PREFIX_PATH=%s" % moved)

    def test_folders_outside_of_the_prefix(self):
        build = self.folder / "outside"
        run(MESON, "setup", build, self.sources, "--prefix", "/usr", "--includedir", "/opt/headers", *INSTALL_OPTIONS)
        config = (build / "packaging/sfcdcConfig.cmake").read_text()
        self.assertIn('INTERFACE_INCLUDE_DIRECTORIES "/opt/headers"', config)

    def test_versions_that_find_package_takes(self):
        folder = self.folder / "versions"
        folder.mkdir()
        major, minor, patch = VERSION.split(".")
        next_minor = "%s.%d" % (major, int(minor) + 1)
        wanted = {"": True, VERSION: True, "%s.%s" % (major, minor): True, VERSION + " EXACT": True, next_minor: False,
                  "%s.%s.%d" % (major, minor, int(patch) + 1): False, str(int(major) + 1): False, "0.0.1": False,
                  "0.0...%s" % next_minor: True, "%s...5" % next_minor: False, "0.0...<%s" % VERSION: False}
        lines = ["cmake_minimum_required(VERSION 3.19)", "project(versions LANGUAGES CXX)"]
        for n, asked in enumerate(wanted):
            lines += ["find_package(sfcdc %s CONFIG QUIET)" % asked, 'message(STATUS "case %d ${sfcdc_FOUND}")' % n, "unset(sfcdc_DIR CACHE)"]
        (folder / "CMakeLists.txt").write_text("\n".join(lines) + "\n")
        said = run("cmake", "-G", "Ninja", "-S", folder, "-B", folder / "build", "-DCMAKE_PREFIX_PATH=%s" % self.prefix)
        found = {int(n): answer in ("1", "TRUE") for n, answer in re.findall(r"-- case (\d+) (\w*)", said)}
        self.assertEqual({asked: found[n] for n, asked in enumerate(wanted)}, wanted)

    @unittest.skipUnless(shutil.which("pkg-config") and shutil.which("make"), "no pkg-config, or no make")
    def test_pkg_config(self):
        folder = self.project("pkg_config")
        # sfcdc.pc names the prefix that was configured; pkg-config replaces it by where the file lies, if it is asked.
        found = {**ENV, "PKG_CONFIG_PATH": str(self.prefix / "lib/pkgconfig"), "CXX": " ".join(CXX)}
        flags = run("pkg-config", "--define-prefix", "--cflags", "sfcdc", env=found)
        run("make", "-C", folder, "PKG_CONFIG=pkg-config --define-prefix", env=found)
        self.assertEqual(run(folder / "app"), PRINTED, flags)


class Release(Case):
    def test_fetch_content(self):
        self.cmake(self.project("fetch_content"), "-DSFCDC_URL=%s" % self.release.as_uri())

    def test_wrap(self):
        folder = self.project("wrap")
        (folder / "subprojects").mkdir()
        (folder / "subprojects/sfcdc.wrap").write_text(make_wrap.wrap(self.release, self.release.as_uri()))
        run(MESON, "setup", folder / "build", folder)
        run(MESON, "test", "-C", folder / "build")

    def test_a_release_that_was_changed_is_refused(self):
        folder = self.project("wrap")
        (folder / "subprojects").mkdir()
        digest = hashlib.sha256(self.release.read_bytes()).hexdigest()
        text = make_wrap.wrap(self.release, self.release.as_uri())
        self.assertIn(digest, text)
        (folder / "subprojects/sfcdc.wrap").write_text(text.replace(digest, "0" * 64))
        self.assertIn("hash", run(MESON, "setup", folder / "build", folder, fails=True))


class SingleHeader(Case):
    def test_it_is_made_again_byte_for_byte(self):
        text, _ = amalgamate.amalgamated(ROOT / "include")
        self.assertEqual((self.prefix / "share/sfcdc/single_include/sfcdc.hpp").read_text(encoding="utf-8"), text)

    def test_it_has_all_headers_once_and_includes_none(self):
        text, headers = amalgamate.amalgamated(ROOT / "include")
        self.assertEqual(set(headers), {p.relative_to(ROOT / "include").as_posix() for p in (ROOT / "include").rglob("*.hpp")})
        self.assertEqual(sorted(re.findall(r"^// ---- (sfcdc/\S+)$", text, re.M)), sorted(headers))
        self.assertNotIn("<sfcdc/", "\n".join(line for line in text.split("\n") if "#" in line and "include" in line))
        self.assertEqual(text.count("#pragma once"), 1)

    def test_a_program_of_two_sources(self):
        folder = pathlib.Path(tempfile.mkdtemp(dir=self.folder))
        (folder / "third_party/sfcdc").mkdir(parents=True)
        shutil.copy(self.prefix / "share/sfcdc/single_include/sfcdc.hpp", folder / "third_party/sfcdc")
        run(*CXX, "-std=c++20", "-Wall", "-Wextra", "-Werror", "-I", folder / "third_party", *sorted((HERE / "project").glob("*.cpp")),
            "-o", folder / "app")
        run(folder / "app")

    def test_what_it_cannot_do_is_an_error(self):
        folder = pathlib.Path(tempfile.mkdtemp(dir=self.folder)) / "sfcdc"
        folder.mkdir()
        (folder / "version.hpp").write_text('#pragma once\nversion = "1"\n')
        (folder / "sfcdc.hpp").write_text("#ifdef X\n#include <sfcdc/version.hpp>\n#endif\n")
        with self.assertRaisesRegex(ValueError, "sfcdc.hpp:2: .*inside of #if"):
            amalgamate.amalgamated(folder.parent)
        (folder / "sfcdc.hpp").write_text("#include <sfcdc/none.hpp>\n")
        with self.assertRaises(OSError):
            amalgamate.amalgamated(folder.parent)


class Recipes(unittest.TestCase):
    def test_versions_agree(self):
        manifest = json.loads((ROOT / "packaging/vcpkg/vcpkg.json").read_text())
        releases = json.loads((ROOT / "packaging/wrapdb/releases.json").read_text())
        self.assertIn('version = "%s";' % VERSION, (ROOT / "include/sfcdc/version.hpp").read_text())
        self.assertEqual(manifest["version"], VERSION)
        self.assertEqual(releases["sfcdc"]["versions"][0].rsplit("-", 1)[0], VERSION)

    # The fields by vcpkg's reference of vcpkg.json, as far as a port of headers has them.
    def test_the_manifest_of_vcpkg(self):
        manifest = json.loads((ROOT / "packaging/vcpkg/vcpkg.json").read_text())
        self.assertEqual(set(manifest), {"name", "version", "description", "license", "supports", "dependencies"})
        self.assertRegex(manifest["name"], r"^[a-z0-9]+(-[a-z0-9]+)*$")
        self.assertRegex(manifest["version"], r"^\d+(\.\d+)*$")
        for dependency in manifest["dependencies"]:
            self.assertEqual(dependency, {"name": dependency["name"], "host": True})
        # Each function of the portfile that is no function of CMake or of vcpkg itself comes with a dependency.
        needed = {"vcpkg_configure_meson": "vcpkg-tool-meson", "vcpkg_install_meson": "vcpkg-tool-meson", "vcpkg_cmake_config_fixup": "vcpkg-cmake-config"}
        builtin = {"vcpkg_fixup_pkgconfig", "vcpkg_install_copyright"}
        used = set(re.findall(r"^(vcpkg_\w+)\(", (ROOT / "packaging/vcpkg/portfile.cmake").read_text(), re.M))
        self.assertEqual({needed[f] for f in used - builtin}, {d["name"] for d in manifest["dependencies"]})

    def test_what_the_portfile_names_exists(self):
        portfile = (ROOT / "packaging/vcpkg/portfile.cmake").read_text()
        for option in re.findall(r"-D(\w+)=", portfile):
            self.assertIn("option('%s'" % option, (ROOT / "meson.options").read_text())
        files = re.findall(r'"\$\{SOURCE_PATH\}/([^"]+)"', portfile) + ["packaging/vcpkg/" + f for f in re.findall(r'\$\{CMAKE_CURRENT_LIST_DIR\}/(\w+)"', portfile)]
        self.assertEqual(sorted(files), ["LICENSE", "packaging/vcpkg/usage"])
        for file in files:
            self.assertTrue((ROOT / file).is_file(), file)
        self.assertEqual((ROOT / "packaging/vcpkg/../..").resolve(), ROOT)
        folder = re.search(r"CONFIG_PATH (\S+)\)", portfile).group(1)
        self.assertEqual(folder, "share/cmake/sfcdc")  # as Installed says
        targets = (ROOT / "packaging/cmake/sfcdcConfig.cmake.in").read_text()
        for target in re.findall(r"sfcdc::\w+", (ROOT / "packaging/vcpkg/usage").read_text()):
            self.assertIn("add_library(%s " % target, targets)

    # What docs/vendoring.md shows is what is tested.
    def test_the_blocks_of_the_documentation(self):
        page = (ROOT / "docs/vendoring.md").read_text(encoding="utf-8")
        blocks = re.findall(r"^<!-- part of: (\S+) -->\n```\w*\n(.*?)^```$", page, re.M | re.S)
        named = {file for file, _ in blocks}
        shown = sum(page.count("```%s\n" % language) for language in ("cmake", "meson", "make", "python"))
        self.assertEqual(shown, len(blocks), "a block has no <!-- part of: FILE --> in front")
        for file, block in blocks:
            self.assertIn(block, (ROOT / file).read_text(encoding="utf-8"), file)
        self.assertGreaterEqual(named, {"tests/vendoring/%s" % f for f in (
            "find_package/CMakeLists.txt", "fetch_content/CMakeLists.txt", "pkg_config/Makefile", "wrap/meson.build")})


if __name__ == "__main__":
    unittest.main(argv=[sys.argv[0], *sys.argv[3:]], verbosity=1)
