"""The Debian packages in a bare Debian 12: installed, run, upgraded, removed, purged. Needs root, debootstrap and Debian's archive.

usage: deb.py CACHE FIRST_VERSION_FOLDER SECOND_VERSION_FOLDER [unittest arguments]

CACHE keeps what debootstrap made, and the packages that apt has fetched.
"""
import contextlib
import json
import os
import pathlib
import re
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
import unittest

ROOT = pathlib.Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "tests/e2e"))
from bare_debian import PLACE, Chroot, decode_golden, free_port, run
from harness import config_text, wait_until, zerobus_stream

CACHE, FIRST, SECOND = None, None, None
TABLE = "main.salesforce.change_events"
# More is a setting that was lost from the unit; systemd counts tenths.
MOST_EXPOSED = 14


def one(folder, package):
    found = sorted(folder.glob(package + "_*.deb"))
    assert len(found) == 1, found
    return found[0]


def health_check():
    """The command by which the image asks whether the daemon is well, as the Dockerfile's HEALTHCHECK has it."""
    return re.search(r"^HEALTHCHECK (?:[^\\\n]|\\\n)*CMD (.*)$", (ROOT / "Dockerfile").read_text(encoding="utf-8"), re.M).group(1)


class Daemon:
    """The daemon as its unit runs it, and what it tells the service manager."""

    def __init__(self, chroot):
        self.socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        path = chroot.path / "run/notify"
        path.unlink(missing_ok=True)
        self.socket.bind(str(path))
        path.chmod(0o666)
        self.socket.setblocking(False)
        self.messages = []
        self.log = open(chroot.path / "root/daemon.log", "a+", encoding="utf-8")
        environment = {**chroot.environment, "NOTIFY_SOCKET": "/run/notify", "WATCHDOG_USEC": "2000000"}
        self.process = chroot.start("/usr/bin/sfcdc", "run", "--config", "/etc/sfcdc/sfcdc.toml", user="sfcdc", env=environment,
                                    stderr=self.log, cwd=chroot.path)

    def heard(self, message):
        with contextlib.suppress(BlockingIOError):
            while True:
                self.messages.append(self.socket.recv(4096).decode())
        return sum(text.split("\n")[0] == message for text in self.messages)

    def said(self):
        self.log.seek(0)
        return self.log.read()

    def stop(self):
        self.process.send_signal(signal.SIGTERM)
        code = self.process.wait(40)
        self.heard("")
        self.socket.close()
        self.ended = self.said()
        self.log.close()
        return code


def state_of(folder):
    """Every file below a folder, with its content, owner and mode."""
    return {p.relative_to(folder).as_posix(): (p.read_bytes(), p.stat().st_uid, p.stat().st_mode) for p in sorted(folder.rglob("*")) if p.is_file()}


class Package(unittest.TestCase):
    def test_it_is_installed_run_upgraded_and_removed_without_losing_a_position(self):
        with tempfile.TemporaryDirectory(prefix="sfcdc-") as folder:
            chroot = Chroot(folder, CACHE)
            chroot.install(one(FIRST, "sfcdc"))
            self.assertRegex(chroot("sfcdc", "--version"), r"^\d+\.\d+\.\d+\n$")
            self.assertRegex(chroot("getent", "passwd", "sfcdc"), r"^sfcdc:x:\d+:\d+:sfcdc,*:/var/lib/sfcdc:/usr/sbin/nologin\n$")
            state = chroot.path / "var/lib/sfcdc"
            self.assertEqual(state.stat().st_mode & 0o777, 0o700)
            self.assertEqual((chroot.path / "etc/sfcdc/credentials").stat().st_mode & 0o777, 0o700)
            self.assertFalse((chroot.path / "usr/include/sfcdc").exists(), "the headers are a package of their own")
            self.assertEqual(*decode_golden(chroot, "sfcdc", ROOT))

            chroot.install(one(FIRST, "sfcdc-emulator"), one(FIRST, "libsfcdc-dev"))
            self.assertTrue((chroot.path / "usr/include/sfcdc/sfcdc.hpp").exists())
            emulator = chroot.start("/usr/bin/sfcdc-emulator", "--lake", f"/{PLACE}/lake.db", "--seed", "81", stdout=subprocess.PIPE, text=True)
            try:
                self.stream(chroot, json.loads(emulator.stdout.readline()))
            finally:
                emulator.kill()
                emulator.wait()
                emulator.stdout.close()

    def stream(self, chroot, info):
        config = chroot.path / "etc/sfcdc/sfcdc.toml"
        without_status = config_text(info, zerobus_stream("/var/lib/sfcdc", table=TABLE))
        config.write_text(without_status, encoding="utf-8")
        healthy = lambda: chroot.start("/bin/sh", "-c", health_check(), stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL).wait(60)
        self.assertEqual(healthy(), 0, "without [status] listen there is nothing to ask")
        config.write_text(f'{without_status}\n[status]\nlisten = "127.0.0.1:{free_port()}"\n', encoding="utf-8")
        self.assertEqual(healthy(), 1, "nothing runs")
        edited = chroot.path / "etc/default/sfcdc"
        edited.write_text(edited.read_text() + "# a line of the operator's\n")
        control = lambda path, body=None: run("curl", "-fsS", "--max-time", "60", *(["-d", json.dumps(body)] if body else []), info["control_url"] + path)
        rows = lambda: self.rows(chroot)

        def durable(count):
            wait_until(lambda: rows() >= count, 60, f"{count} rows")
            wait_until(lambda: (chroot.path / "var/lib/sfcdc/data_ChangeEvents.checkpoint").exists(), 30, "a position")

        daemon = Daemon(chroot)
        wait_until(lambda: daemon.heard("READY=1"), 60, "READY=1")
        wait_until(lambda: daemon.heard("WATCHDOG=1") >= 2, 60, "WATCHDOG=1")
        self.assertEqual(healthy(), 0)
        control("/publish", {"count": 200})
        durable(1)
        # The old version runs on while its files are replaced.
        running = chroot.install(one(SECOND, "sfcdc"), one(SECOND, "sfcdc-emulator"))
        self.assertIn("Unpacking sfcdc (", running)
        self.assertNotEqual(chroot("dpkg-query", "-W", "-f", "${Version}", "sfcdc"), one(FIRST, "sfcdc").name.split("_")[1])
        self.assertIn("a line of the operator's", edited.read_text())
        control("/publish", {"count": 200})
        time.sleep(1)
        code = daemon.stop()
        self.assertEqual(code, 0, daemon.ended)
        self.assertTrue(any(m.startswith("STOPPING=1\n") for m in daemon.messages), daemon.messages)

        state = chroot.path / "var/lib/sfcdc"
        kept = state_of(state)
        self.assertIn("data_ChangeEvents.checkpoint", kept)
        said = chroot("apt-get", "remove", "-y", "-q", "sfcdc")
        self.assertFalse((chroot.path / "usr/bin/sfcdc").exists())
        self.assertEqual(state_of(state), kept, said)
        self.assertTrue(config.exists() and edited.exists())
        said = chroot("apt-get", "purge", "-y", "-q", "sfcdc")
        self.assertIn("/var/lib/sfcdc has positions or dead letters and is kept", said)
        self.assertEqual(state_of(state), kept)
        self.assertTrue(config.exists(), "the operator has written it")
        self.assertFalse(edited.exists())

        control("/publish", {"count": 200})
        chroot.install(one(SECOND, "sfcdc"))
        self.assertEqual(state_of(state), kept)
        daemon = Daemon(chroot)
        published = [json.loads(line) for line in control("/published").splitlines()]
        wanted = [e["replay_id"] for e in published if e["topic"].startswith("/data/")]
        wait_until(lambda: rows() >= len(wanted), 60, "all rows")
        code = daemon.stop()
        self.assertEqual(code, 0, daemon.ended)
        self.assertIn("resuming after", daemon.ended)
        self.assertEqual(self.replay_ids(chroot), wanted, "none is lost, and none comes twice")

    def query(self, chroot, sql):
        import sqlite3

        with contextlib.closing(sqlite3.connect(f"file:{chroot.path}/{PLACE}/lake.db?mode=ro", uri=True, timeout=30)) as lake:
            try:
                return [row[0] for row in lake.execute(sql)]
            except sqlite3.OperationalError as e:
                if "no such table" in str(e):
                    return []
                raise

    def rows(self, chroot):
        return sum(self.query(chroot, f'SELECT count(*) FROM "{TABLE}"'))

    def replay_ids(self, chroot):
        return self.query(chroot, f'SELECT replay_id FROM "{TABLE}"')


class Files(unittest.TestCase):
    def setUp(self):
        self.folder = tempfile.TemporaryDirectory(prefix="sfcdc-")
        self.addCleanup(self.folder.cleanup)
        self.tree = pathlib.Path(self.folder.name)
        run("dpkg-deb", "--extract", one(FIRST, "sfcdc"), self.tree)

    @unittest.skipUnless(shutil.which("systemd-analyze"), "no systemd-analyze")
    def test_the_units_are_valid_and_hardened(self):
        (self.tree / "etc/passwd").write_text("root:x:0:0::/:/bin/sh\n")
        units = self.tree / "usr/lib/systemd/system"
        self.assertEqual({u.name for u in units.iterdir()}, {"sfcdc.service", "sfcdc@.service"})
        # Targets that every unit is ordered by are those of the machine.
        for unit in ("sfcdc.service", "sfcdc@emea.service"):
            shutil.copy(units / unit.replace("emea", ""), self.tree / unit)
            text = (self.tree / unit).read_text().replace("=/usr/bin/sfcdc", f"={self.tree}/usr/bin/sfcdc")
            (self.tree / unit).write_text(text.replace(f"file:/usr", f"file:{self.tree}/usr"))
            self.assertEqual(run("systemd-analyze", "verify", "--man=no", self.tree / unit), "")
            run("systemd-analyze", "security", "--offline=true", f"--threshold={MOST_EXPOSED}", self.tree / unit)

    def test_dependencies_are_those_of_the_libraries(self):
        depends = run("dpkg-deb", "--field", one(FIRST, "sfcdc"), "Depends")
        for library in ("libc6 (>=", "libgrpc++1.51", "libcurl4 (>=", "libsqlite3-0", "libprotobuf32"):
            self.assertIn(library, depends)
        self.assertNotIn("{", depends)

    def test_a_build_without_the_emulator_makes_the_other_packages(self):
        if "SFCDC_WITHOUT_EMULATOR" not in os.environ:
            self.skipTest("there is no such build: see ./dev package --test")
        made = sorted(p.name.split("_")[0] for p in pathlib.Path(os.environ["SFCDC_WITHOUT_EMULATOR"]).glob("*.deb"))
        self.assertEqual(made, ["libsfcdc-dev", "sfcdc"])

    def test_the_same_build_makes_the_same_package(self):
        again = pathlib.Path(os.environ["SFCDC_AGAIN"]) if "SFCDC_AGAIN" in os.environ else None
        if again is None:
            self.skipTest("nothing was made twice: see ./dev package --test")
        for package in sorted(FIRST.glob("*.deb")):
            self.assertEqual(package.read_bytes(), (again / package.name).read_bytes(), package.name)

    @unittest.skipUnless(shutil.which("lintian"), "no lintian")
    def test_lintian_has_no_objection(self):
        # The first is about uploads to Debian, and whoever makes packages for others says an address (DEBEMAIL).
        said = subprocess.run(["lintian", "--allow-root", "--fail-on", "error,warning", "--suppress-tags",
                               "initial-upload-closes-no-bugs,bogus-mail-host,bogus-mail-host-in-debian-changelog,no-manual-page", *map(str, sorted(FIRST.glob("*.deb")))],
                              stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, check=False)
        self.assertEqual((said.returncode, said.stdout), (0, ""))


if __name__ == "__main__":
    CACHE, FIRST, SECOND = (pathlib.Path(sys.argv.pop(1)).resolve() for _ in range(3))
    unittest.main(verbosity=1)
