"""The release archive: what is in it, and its binary in a bare Debian 12 that has only what its README names. Needs root, debootstrap and Debian's archive.

usage: release_archive.py CACHE BUILD FOLDER FOLDER_OF_THE_SAME_MADE_AGAIN EMULATOR [unittest arguments]

CACHE keeps what debootstrap made. BUILD is what the archive was made of, with -Dportable=true; EMULATOR is a program of this machine.
"""
import importlib.util
import json
import os
import pathlib
import re
import shutil
import signal
import subprocess
import sys
import tarfile
import tempfile
import unittest
import urllib.request

ROOT = pathlib.Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "tests/e2e"))
from bare_debian import PLACE, Chroot, decode_golden, free_port, run
from harness import CDC_TABLE, Emulator, config_text, wait_until, zerobus_stream

CACHE, BUILD, FIRST, AGAIN, EMULATOR = None, None, None, None, None


def the_archive(folder):
    found = sorted(folder.glob("sfcdc-*.tar.gz"))
    assert len(found) == 1, found
    return found[0]


def maker():
    spec = importlib.util.spec_from_file_location("archive", ROOT / "packaging/archive.py")
    loaded = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(loaded)
    return loaded


def sonames(readme):
    return re.findall(r"^  (\S+\.so\S*)$", readme, re.M)


def package_of(soname):
    """The Debian package that has a shared library, as this machine has it."""
    listed = re.search(r"^\s*%s .* => (\S+)$" % re.escape(soname), run("ldconfig", "-p"), re.M).group(1)
    # Where /lib is a link to /usr/lib, dpkg knows some libraries by the one path and some by the other.
    real = os.path.realpath(listed)
    owner = subprocess.run(["dpkg-query", "-S", real, real.removeprefix("/usr")], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True, check=False)
    return re.split("[:,]", owner.stdout)[0]


class Content(unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory(prefix="sfcdc-")
        self.addCleanup(folder.cleanup)
        with tarfile.open(the_archive(FIRST)) as archive:
            archive.extractall(folder.name)
        (self.top,) = pathlib.Path(folder.name).iterdir()

    def test_the_readme_names_the_libraries_that_the_binary_needs(self):
        needed = re.findall(r"\(NEEDED\).*\[(.*)\]", run("readelf", "-d", self.top / "bin/sfcdc"))
        self.assertEqual(sonames((self.top / "README").read_text()), sorted(needed))
        self.assertFalse([n for n in needed if re.match("libstdc|libgcc|libgrpc|libproto|libsqlite|libz", n)])

    def test_nothing_of_what_is_inside_takes_the_place_of_a_library_of_the_system(self):
        exported = run("nm", "-D", "--defined-only", self.top / "bin/sfcdc")
        self.assertEqual(re.findall(r" (?:inflate|deflate|ares_init|sqlite3_open)$", exported, re.M), [])

    def test_each_library_inside_has_its_licence(self):
        text = (self.top / "LICENSES").read_text(encoding="utf-8")
        listed, *sections = text.split("\n" + "=" * 72 + "\n")
        titles = sections[0::2]
        self.assertEqual(re.findall(r"^(\S.*\S)$", listed, re.M)[1:], titles[:len(maker().INSIDE)])
        for name in ("gRPC", "cpp-httplib", "prometheus-cpp", "pugixml", "SQLite", "libstdc++ and libgcc"):
            self.assertTrue(any(t.startswith(name + " ") for t in titles), name)
        for licence in set(re.findall(r"/usr/share/common-licenses/[\w.+-]*[\w+]", text)):
            self.assertTrue(any(licence in t.split(", ") for t in titles), licence)
        self.assertNotIn("GnuTLS", text, "the emulator alone has it")

    def test_a_library_that_is_not_listed_makes_no_archive(self):
        archive = maker()
        archive.check_inside(BUILD)
        without = {k: v for k, v in archive.INSIDE.items() if k != "pugixml"}
        for inside, named in ((without, "libpugixml-dev"), ({**archive.INSIDE, "bash": ["bash"]}, "bash")):
            archive.INSIDE = inside
            with self.assertRaisesRegex(SystemExit, ": " + named + "$"):
                archive.check_inside(BUILD)

    def test_the_same_build_makes_the_same_archive(self):
        self.assertEqual(the_archive(FIRST).read_bytes(), the_archive(AGAIN).read_bytes())

    def test_the_binary_says_nothing_of_the_machine_that_made_it(self):
        self.assertNotIn(str(ROOT).encode(), (self.top / "bin/sfcdc").read_bytes())


class Binary(unittest.TestCase):
    def test_it_runs_where_only_the_libraries_of_its_readme_are(self):
        with tempfile.TemporaryDirectory(prefix="sfcdc-") as folder:
            chroot = Chroot(folder, CACHE)
            run("tar", "-xzf", the_archive(FIRST), "-C", chroot.path / "opt", "--no-same-owner")
            (top,) = (chroot.path / "opt").iterdir()
            chroot.install(*sorted({package_of(name) for name in sonames((top / "README").read_text())}))
            self.assertEqual(list(chroot.path.glob("usr/lib/*/libgrpc*")), [], "it is inside")
            program = f"/opt/{top.name}/bin/sfcdc"
            self.assertRegex(chroot(program, "--version"), r"^\d+\.\d+\.\d+\n$")
            self.assertIn("dead-letters", chroot(program, "--help"))
            self.check(chroot, top, program)
            self.assertEqual(*decode_golden(chroot, program, ROOT))
            self.stream(chroot, folder, program)

    def check(self, chroot, top, program):
        """The archive's example is a configuration, as soon as its secrets are there."""
        text = (top / "sfcdc.toml").read_text(encoding="utf-8")
        for secret in re.findall(r"\$\{file:/([^}]*)\}", text):
            (chroot.path / secret).parent.mkdir(parents=True, exist_ok=True)
            (chroot.path / secret).write_text("a-text-of-the-test\n")
        (chroot.path / "var/lib/sfcdc").mkdir()
        chroot(program, "check", "--config", f"/opt/{top.name}/sfcdc.toml")
        (top / "sfcdc.toml").write_text(text.replace("[[pipeline]]", "[[pipelin]]"), encoding="utf-8")
        with self.assertRaisesRegex(AssertionError, "exit code 2"):
            chroot(program, "check", "--config", f"/opt/{top.name}/sfcdc.toml")

    def stream(self, chroot, folder, program):
        """Events of an emulator outside arrive, each once."""
        build = pathlib.Path(folder) / "build"
        (build / "emulator").mkdir(parents=True)
        (build / "emulator/sfcdc-emulator").symlink_to(EMULATOR)
        emulator = Emulator(build, folder, "--seed", "82")
        self.addCleanup(emulator.stop)
        config = chroot.path / PLACE / "sfcdc.toml"
        status = f"127.0.0.1:{free_port()}"
        config.write_text(config_text(emulator.info, zerobus_stream("/var/lib/sfcdc")) + f'\n[status]\nlisten = "{status}"\n', encoding="utf-8")
        with open(chroot.path / PLACE / "daemon.log", "w+", encoding="utf-8") as log:
            daemon = chroot.start(program, "run", "--config", f"/{PLACE}/{config.name}", stderr=log)
            try:
                emulator.publish(200)
                wanted = [e["replay_id"] for e in emulator.published() if e["topic"].startswith("/data/")]
                wait_until(lambda: daemon.poll() is not None or emulator.rows(CDC_TABLE) >= len(wanted), 60, "all rows")
                # The server, its client and the metrics are of libraries that Debian's package has as shared ones.
                self.assertIn("\n/data/ChangeEvents ", chroot(program, "top", "--once", "--config", f"/{PLACE}/{config.name}"))
                with urllib.request.urlopen(f"http://{status}/metrics", timeout=60) as answer:
                    self.assertRegex(answer.read().decode(), r"(?m)^sfcdc_\w+\{")
                daemon.send_signal(signal.SIGTERM)
                code = daemon.wait(40)
            finally:
                daemon.kill()
                daemon.wait()
            log.seek(0)
            self.assertEqual(code, 0, log.read())
        self.assertEqual(emulator.replay_ids(), wanted)


if __name__ == "__main__":
    CACHE, BUILD, FIRST, AGAIN, EMULATOR = (pathlib.Path(sys.argv.pop(1)).resolve() for _ in range(5))
    unittest.main(verbosity=1)
