"""Files that hold something: position, dead letters, JSON lines, SQLite. Full disks, files that vanish or are torn, two processes, links.

usage: test_files.py BUILD_FOLDER [unittest arguments]
"""
import concurrent.futures
import contextlib
import json
import os
import pathlib
import random
import re
import resource
import shutil
import signal
import socket
import sqlite3
import stat
import subprocess
import sys
import threading
import time
import unittest

from harness import Runner, Scene, config_text, wait_until, zerobus_stream
from peers import Peer, Place, lines_of, lines_stream, reached_at, rows_of, sqlite_stream

BUILD = None
NO_LIMIT = resource.RLIM_INFINITY


def is_root_that_may_mount(folder):
    """Whether a small file system can be mounted; it is unmounted again."""
    if os.geteuid() != 0:
        return False
    if subprocess.run(["mount", "-t", "tmpfs", "-o", "size=64k", "none", folder], capture_output=True, check=False).returncode != 0:
        return False
    subprocess.run(["umount", folder], check=True)
    return True


def database_rows(path, table="events"):
    """Replay ids in the order of the rows; none where there is no database or no table yet."""
    return [row[0] for row in of_database(path, f'SELECT replay_id FROM "{table}" ORDER BY rowid')]


def database_positions(path):
    """The stored positions by topic."""
    return dict(of_database(path, "SELECT topic, replay_id FROM sfcdc_position"))


def of_database(path, sql):
    if not pathlib.Path(path).exists():
        return []
    with contextlib.closing(sqlite3.connect(path, timeout=30)) as database:
        try:
            return database.execute(sql).fetchall()
        except sqlite3.OperationalError as e:
            if "no such table" in str(e):
                return []
            raise


def publish(scene, count, rate=0, undecodable=False):
    """Publishes events of which all can be decoded, or three of four cannot: if all could not, the run would end."""
    if not undecodable:
        return scene.emulator.publish(count, rate)
    for _ in range(-(-count // 20)):
        scene.emulator.fault("undecodable", times=15)
        scene.emulator.publish(20)


def bus_of(scene, undecodable=None):
    """The replay ids of what the subscriptions get, in order: of all events, or of those that can or cannot be decoded."""
    return [e["replay_id"] for e in scene.emulator.published()
            if e["topic"].startswith("/data/") and undecodable in (None, bool(e.get("undecodable")))]


def stored_position(path):
    path = pathlib.Path(path)
    return json.loads(path.read_text())["replay_id"] if path.exists() else None


class Limited:
    """A run whose files may be limited from outside, with a log in a pipe: the limit is one of all files of the process."""

    def __init__(self, config):
        self.process = subprocess.Popen([BUILD / "runner" / "sfcdc", "run", "--config", config], stdout=subprocess.DEVNULL, stderr=subprocess.PIPE)
        self.text = b""
        self.reader = threading.Thread(target=self.read)
        self.reader.start()

    def read(self):
        with self.process.stderr:
            while piece := self.process.stderr.read1():
                self.text += piece

    def said(self):
        return self.text.decode("utf-8", "replace")

    def limit(self, size):
        with contextlib.suppress(ProcessLookupError):
            resource.prlimit(self.process.pid, resource.RLIMIT_FSIZE, (size, NO_LIMIT))

    def ends_within(self, seconds):
        with contextlib.suppress(subprocess.TimeoutExpired):
            self.process.wait(seconds)
            self.reader.join()
            return True
        return False

    def end(self, number):
        if self.process.poll() is None:
            self.process.send_signal(number)
        self.process.wait(40)
        self.reader.join()
        return self.process.returncode


class Tmpfs:
    """A file system of its own, which can be made full at any moment."""

    def __init__(self, folder):
        self.folder = folder
        subprocess.run(["mount", "-t", "tmpfs", "-o", "size=64m,mode=0700", "none", folder], check=True)

    def fill(self, left):
        """Leaves room for so many bytes, in pages."""
        for _ in range(100):
            found = os.statvfs(self.folder)
            used = (found.f_blocks - found.f_bfree) * found.f_frsize
            resized = subprocess.run(["mount", "-o", f"remount,size={max(4096, used + left)}", self.folder], capture_output=True, check=False)
            if resized.returncode == 0:  # otherwise a file has grown meanwhile
                return
        raise AssertionError(resized.stderr)

    def room(self):
        subprocess.run(["mount", "-o", "remount,size=64m", self.folder], check=True)

    def end(self):
        subprocess.run(["umount", "-l", self.folder], check=False)


class FullDisk:
    """One kind of file on a disk that becomes full again and again, while events are published."""

    topic = "/data/ChangeEvents"
    undecodable = False
    most_events = 60 # at a time

    def __init__(self, kind, seed, tmpfs):
        self.dice, self.tmpfs = random.Random(seed), tmpfs
        self.name = f"{kind}, {'a small file system' if tmpfs else 'a limit'}"
        self.codes = []

    def round(self, scene, runner, number):
        """True when the disk became full for it."""
        publish(scene, self.dice.randint(20, 120), self.dice.choice((0, 500)), self.undecodable)
        time.sleep(self.dice.uniform(0, 0.2) if number % 3 else 0)  # sometimes from the start on
        if self.tmpfs:
            self.disk.fill(self.dice.randrange(0, self.most_on_disk))
        else:
            runner.limit(self.dice.randrange(*self.limits()))
        for _ in range(10):
            publish(scene, self.dice.randint(20, self.most_events), undecodable=self.undecodable)
            if ended := runner.ends_within(0.15):
                break
        if self.tmpfs:
            self.disk.room()
        else:
            runner.limit(NO_LIMIT)
        return ended

    def run(self, rounds):
        with Scene(BUILD, "--seed", 51) as scene, contextlib.ExitStack() as stack:
            self.scene = scene
            self.folder = scene.folder / "disk"
            self.folder.mkdir()
            if self.tmpfs:
                self.disk = Tmpfs(self.folder)
                stack.callback(self.disk.end)
            scene.configure(self.stream())
            runner = Limited(scene.config)
            stack.callback(lambda: runner.end(signal.SIGKILL))
            for number in range(rounds):
                if self.round(scene, runner, number):
                    self.codes.append(runner.process.returncode)
                    if runner.process.returncode != 1 or "sfcdc: " not in runner.said() or str(self.folder) not in runner.said():
                        raise AssertionError(f"{self.name}: round {number}: {runner.process.returncode}: {runner.said()[-1000:]}")
                    self.check(number)
                    runner = Limited(scene.config)
            print(f"  {self.name}: full {len(self.codes)} times of {rounds}", file=sys.stderr)
            wait_until(lambda: runner.process.poll() is not None or self.at_the_end(), 60, f"{self.name}: the last event")
            if runner.end(signal.SIGTERM) != 0:
                raise AssertionError(f"{self.name}: {runner.process.returncode}: {runner.said()[-1000:]}")
            self.check("the end")
            if self.position() != self.bus()[-1]:
                raise AssertionError(f"{self.name}: the position is not the last event")
        return self.codes

    def bus(self):
        return bus_of(self.scene)

    def at_the_end(self):
        return self.position() == self.bus()[-1]

    def position(self):
        return stored_position(self.folder / "position")

    def check(self, when):
        """Every event up to the stored position is in a line that can be read, or a row, and no line is broken."""
        bus, position, found = self.bus(), self.position(), self.found()
        here = set(bus_of(self.scene, self.undecodable))
        behind = [] if position is None else [r for r in bus[: bus.index(position) + 1] if r in here]
        missing = [r for r in behind if r not in found]
        if missing:
            raise AssertionError(f"{self.name}: {when}: {len(missing)} of {len(behind)} events behind the position are nowhere")


class FullPosition(FullDisk):
    most_on_disk = 1  # no page for the draft

    def stream(self):
        return zerobus_stream(self.folder).replace(f"{self.folder}/data_ChangeEvents.checkpoint", f"{self.folder}/position")

    def limits(self):
        return 0, 110

    def found(self):
        return set(self.scene.emulator.replay_ids())


class FullLines(FullDisk):
    most_on_disk = 100_000
    file = "rows.ndjson"

    def stream(self):
        return lines_stream(self.folder)

    def limits(self):
        size = sum(map(len, lines_of(self.folder / self.file)))
        return max(1000, size), max(1000, size) + 100_000

    def found(self):
        return {row["replay_id"] for row in rows_of(self.folder / self.file)}


class FullLetters(FullLines):
    undecodable = True
    file = "letters.ndjson"

    def stream(self):
        return lines_stream(self.folder, path="-", more=f'dead_letters = "{self.folder}/letters.ndjson"')

    def limits(self):
        start, _ = super().limits()
        return start, start + 20_000


class FullDatabase(FullDisk):
    most_on_disk = 300_000
    most_events = 150

    def stream(self):
        return sqlite_stream(self.folder)

    def limits(self):
        # The -wal begins at 0 in each run; the database grows when it is taken over from there.
        size = self.dice.choice((0, 0, max((f.stat().st_size for f in self.folder.glob("rows.db*")), default=0)))
        return max(1000, size - 100_000), size + 300_000

    def position(self):
        return database_positions(self.folder / "rows.db").get(self.topic)

    def found(self):
        return set(database_rows(self.folder / "rows.db"))

    def check(self, when):
        rows, bus, position = database_rows(self.folder / "rows.db"), self.bus(), self.position()
        wanted = [] if position is None else bus[: bus.index(position) + 1]
        if rows != wanted:
            first = next((i for i, pair in enumerate(zip(rows, wanted)) if pair[0] != pair[1]), min(len(rows), len(wanted)))
            raise AssertionError(f"{self.name}: {when}: {len(rows)} rows for {len(wanted)} events up to the position ({len(set(rows) & set(wanted))} of them); "
                                 f"the first that is another one is number {first}")


class FilesTest(unittest.TestCase):
    def at_the_last_event(self, scene, position, runner=None):
        """Waits until this stored position is the last event of the bus, and returns the bus."""
        def check():
            if runner is not None:
                self.assertIsNone(runner.process.poll(), runner.said())
            bus = bus_of(scene)
            return bus if position() == bus[-1] else None
        return wait_until(check, 20, "the last position")


class Vanishing(FilesTest):
    """Deleted, moved or replaced while the process has the file open: nothing is written into a file without a name."""

    @contextlib.contextmanager
    def while_running(self, ways, stream, position, undecodable=False):
        """A runner for each way, all up to date; way(folder) is done to its files; then more is published. Gives scene, runs by name
        (folder, runner), and the events of the file from before and after."""
        with Scene(BUILD, "--seed", 61) as scene, Place(BUILD) as place:
            publish(scene, 140, undecodable=undecodable)
            runs = {}
            for name in ways:
                folder = place.make() / "state"
                folder.mkdir()
                runs[name] = folder, place.run(config_text(scene.emulator.info, stream(folder)), folder=folder.parent)
            for folder, runner in runs.values():
                self.at_the_last_event(scene, lambda f=folder: position(f), runner)
            self.last_before, before = bus_of(scene)[-1], bus_of(scene, undecodable)
            for name, way in ways.items():
                way(runs[name][0])
            publish(scene, 140, undecodable=undecodable)
            after = bus_of(scene, undecodable)[len(before):]
            yield scene, runs, before, after

    def lines_or_letters(self, file, stream, undecodable):
        def moved(folder):
            (folder / file).rename(folder / "moved")
        def replaced(folder, content=b'{"other":1}\n'):
            (folder / "other").write_bytes(content)
            os.replace(folder / "other", folder / file)
        def linked(folder):
            moved(folder)
            (folder / file).symlink_to(folder / "target")
        def torn(folder):
            moved(folder)
            replaced(folder, b'{"other":1}\n{"torn":')
        def truncated(folder):
            os.truncate(folder / file, 0)
        def a_folder(folder):
            moved(folder)
            (folder / file).mkdir()
        ways = {"deleted": lambda f: (f / file).unlink(), "moved": moved, "replaced": replaced, "replaced by a link": linked,
                "replaced by a torn one": torn, "truncated": truncated, "replaced by a folder": a_folder}
        position = lambda folder: stored_position(folder / "position")
        with self.while_running(ways, stream, position, undecodable) as (scene, runs, before, after):
            for name, (folder, runner) in runs.items():
                with self.subTest(name):
                    ids = lambda path: {row.get("replay_id") for row in rows_of(folder / path)}
                    if name == "replaced by a folder":
                        self.assertEqual(runner.wait(30), 1)
                        self.assertIn(f"{folder / file}: cannot open for writing", runner.said())
                        self.assertEqual(position(folder), self.last_before)
                        self.assertEqual(ids("moved") & set(before), set(before))
                        continue
                    self.at_the_last_event(scene, lambda f=folder: position(f), runner)
                    self.assertEqual(runner.stop(), 0)
                    self.assertEqual(set(after) - ids(file), set(), "events that came afterwards")
                    if (folder / "moved").exists():
                        self.assertEqual(set(before) - ids("moved"), set())
                    if name != "truncated":
                        self.assertIn(f"{folder / file}: the file was moved or deleted; a new one is begun", runner.said())
                    if name in ("replaced", "replaced by a torn one"):
                        self.assertEqual(rows_of(folder / file)[0], {"other": 1})

    def test_json_lines(self):
        self.lines_or_letters("rows.ndjson", lines_stream, False)

    def test_dead_letters(self):
        self.lines_or_letters("letters", lambda f: lines_stream(f, path="-", more=f'dead_letters = "{f}/letters"'), True)

    def test_json_lines_that_are_rotated_all_the_time(self):
        dice = random.Random(62)
        with Scene(BUILD, "--seed", 62) as scene:
            scene.configure(lines_stream(scene.folder))
            runner = scene.run()
            scene.emulator.publish(3000, rate=1500)
            for number in range(30):
                time.sleep(dice.uniform(0, 0.1))
                with contextlib.suppress(FileNotFoundError):
                    (scene.folder / "rows.ndjson").rename(scene.folder / f"rows.{number}")
            wait_until(lambda: scene.emulator.status()["published"] >= 3000, 30, "publishing")
            bus = self.at_the_last_event(scene, lambda: stored_position(scene.folder / "position"), runner)
            self.assertEqual(runner.stop(), 0)
            files = [*scene.folder.glob("rows.*")]
            self.assertGreater(len(files), 10)
            self.assertEqual(set(bus) - {row["replay_id"] for file in files for row in rows_of(file)}, set())

    def test_a_database(self):
        names = ("rows.db", "rows.db-wal", "rows.db-shm")
        def moved(folder, which=names):
            (folder / "away").mkdir()
            for name in which:
                with contextlib.suppress(FileNotFoundError):
                    (folder / name).rename(folder / "away" / name)
        def back(folder):
            for file in (folder / "away").iterdir():
                file.replace(folder / file.name)
        def deleted(folder):
            for name in names:
                (folder / name).unlink(missing_ok=True)
        def replaced(folder):
            moved(folder)
            with contextlib.closing(sqlite3.connect(folder / "rows.db")) as other:
                other.execute("CREATE TABLE other(a)")
                other.commit()
        ways = {"deleted": deleted, "moved": moved, "moved without its -wal": lambda f: moved(f, names[:1]), "replaced": replaced}
        position = lambda folder: database_positions(folder / "rows.db").get("/data/ChangeEvents")
        with self.while_running(ways, sqlite_stream, position) as (scene, runs, before, after):
            for name, (folder, runner) in runs.items():
                with self.subTest(name):
                    self.assertEqual(runner.wait(30), 4, runner.said())
                    self.assertIn(f"{folder}/rows.db: the database was moved or deleted while it was in use", runner.said())
                    if name == "deleted":
                        self.assertFalse((folder / "rows.db").exists(), "a database was begun anew by itself")
                        continue
                    if name == "replaced":
                        with contextlib.closing(sqlite3.connect(folder / "rows.db")) as other:
                            self.assertEqual(other.execute("SELECT name FROM sqlite_master").fetchall(), [("other",)])
                        deleted(folder)
                    back(folder)
                    again = self.restarted(runner)
                    self.at_the_last_event(scene, lambda f=folder: position(f), again)
                    self.assertEqual(again.stop(), 0)
                    self.assertEqual(database_rows(folder / "rows.db"), before + after)

    def restarted(self, runner):
        again = Runner(BUILD, runner.config, runner.log_path)
        self.addCleanup(lambda: again.process.poll() is not None or again.kill())
        return again

    def test_a_position(self):
        def moved(folder):
            (folder / "position").rename(folder / "moved")
        def replaced(folder):
            (folder / "position").write_text("something else")
        def linked(folder):
            moved(folder)
            (folder / "position").symlink_to(folder / "moved")
        def a_folder(folder):
            (folder / "position").unlink()
            (folder / "position").mkdir()
        def without_lock(folder):
            (folder / "position.lock").unlink()
        def its_folder_moved(folder):
            folder.rename(folder.parent / "away")
        def its_folder_replaced(folder):
            its_folder_moved(folder)
            folder.mkdir()
        ways = {"deleted": lambda f: (f / "position").unlink(), "moved": moved, "replaced": replaced, "replaced by a link": linked, "its lock deleted": without_lock,
                "replaced by a folder": a_folder, "its folder deleted": shutil.rmtree, "its folder moved": its_folder_moved, "its folder replaced": its_folder_replaced}
        position = lambda folder: stored_position(folder / "position")
        def stream(folder):
            return lines_stream(folder, path=folder.parent / "rows.ndjson", more=f'dead_letters = "{folder.parent}/letters"')
        with self.while_running(ways, stream, position) as (scene, runs, before, after):
            for name, (folder, runner) in runs.items():
                with self.subTest(name):
                    if name == "replaced by a folder" or name.startswith("its "):  # without its lock it may be another's
                        self.assertEqual(runner.wait(30), 1, runner.said())
                        self.assertRegex(runner.said(), re.escape(f"{folder}/position") + "((.new)?: cannot |.lock: the lock was removed)")
                    else:
                        self.at_the_last_event(scene, lambda f=folder: position(f), runner)
                        self.assertEqual(runner.stop(), 0)
                        self.assertTrue(stat.S_ISREG((folder / "position").lstat().st_mode))
                    found = [row["replay_id"] for row in rows_of(folder.parent / "rows.ndjson")]
                    self.assertEqual(found[: len(before)], before)
                    self.assertEqual(found, (before + after)[: len(found)])


class Torn(FilesTest):
    """A last line without an end, from a crash or a full disk, before the start."""

    HALF = json.dumps({"replay_id": "00", "text": "\u00fc" * 200}, ensure_ascii=False).encode()
    CUT = {"the beginning of an object": b'{"a":1}\n{"replay_id":"00', "nothing else": b'{"replay', "one character": b'{"a":1}\n{',
           "in the middle of a character": b'{"a":1}\n' + HALF[:28], "all but the brace": HALF[:-1], "4095 bytes": b'{"a":"' + b"x" * 4089, "4096 bytes": b'{"a":"' + b"x" * 4090,
           "4097 bytes and a line": b'{"a":1}\n{"a":"' + b"x" * 4091, "a megabyte": b'{"a":1}\n{"a":"' + b"x" * 1_000_000,
           "zeros, from a loss of power": b'{"a":1}\n\0\0\0\0'}
    KEPT = {"a whole object": b'{"a":1}\n{"b":2}', "only a whole object": b'{"b":2}', "4096 bytes": b'{"a":"' + b"x" * 4088 + b'"}'}
    FOREIGN = {"a word": b"hello", "a table": b"a;b\n1;2", "a list that is torn": b"[1,2"}
    AS_IT_IS = {"nothing": b"", "whole lines": b'{"a":1}\n{"b":2}\n', "an empty line": b"\n"}

    def starts_with(self, file, stream, undecodable):
        with Scene(BUILD, "--seed", 63) as scene, Place(BUILD) as place:
            publish(scene, 20, undecodable=undecodable)
            runs = {}
            for kind in ("CUT", "KEPT", "FOREIGN", "AS_IT_IS"):
                for name, content in getattr(self, kind).items():
                    folder = place.make()
                    (folder / file).write_bytes(content)
                    runs[kind, name] = folder, content, place.run(config_text(scene.emulator.info, stream(folder)), folder=folder)
            for (kind, name), (folder, content, runner) in runs.items():
                with self.subTest(f"{kind}, {name}"):
                    if kind == "FOREIGN":
                        self.assertEqual(runner.wait(20), 1, runner.said()[-1000:])
                        self.assertRegex(runner.said(), re.escape(str(folder / file)) + ": its last .*(has no end and is not of sfcdc|have no line feed)")
                        self.assertEqual((folder / file).read_bytes(), content, "what is not ours is not changed")
                        self.assertIsNone(stored_position(folder / "position"))
                        continue
                    self.at_the_last_event(scene, lambda f=folder: stored_position(f / "position"), runner)
                    self.assertEqual(runner.stop(), 0)
                    kept = content + b"\n" if kind == "KEPT" else content[: content.rfind(b"\n") + 1]
                    self.assertTrue((folder / file).read_bytes().startswith(kept))
                    rows = [json.loads(line) for line in (folder / file).read_bytes()[len(kept):].splitlines()]
                    self.assertEqual([row["replay_id"] for row in rows if "schema_json" not in row or "replay_id" in row], bus_of(scene, undecodable))
                    self.assertEqual("an earlier run left the last line unfinished" in runner.said(), kind == "CUT")

    def test_json_lines(self):
        self.starts_with("rows.ndjson", lines_stream, False)

    def test_dead_letters(self):
        self.starts_with("letters", lambda f: lines_stream(f, path="-", more=f'dead_letters = "{f}/letters"'), True)

    def test_a_file_that_has_no_line_feed_is_refused_soon(self):
        with Scene(BUILD, "--seed", 63) as scene, Place(BUILD) as place:
            scene.emulator.publish(20)
            folder = place.make()
            content = b'{"a":"' + b"x" * (70 << 20)
            (folder / "rows.ndjson").write_bytes(content)
            runner = place.run(config_text(scene.emulator.info, lines_stream(folder)), folder=folder)
            wait_until(lambda: runner.process.poll() is not None, 5, "the end")
            self.assertEqual(runner.wait(), 1)
            self.assertRegex(runner.said(), "rows.ndjson: its last .* bytes have no line feed; this is no file of lines")
            self.assertEqual((folder / "rows.ndjson").read_bytes(), content)


class TwoProcesses(FilesTest):
    """One process for one state. The refusal names the other's process id; a kill -9 leaves no lock behind."""

    def second_is_refused(self, first, second, position, table=None):
        """first(folder) and second(folder) are streams with one state. Gives scene and folder after the second has gone on."""
        with Scene(BUILD, "--seed", 64) as scene, Place(BUILD) as place:
            folder = place.make("state")
            (place.folder / "link").symlink_to(folder)
            scene.emulator.publish(100)
            one = place.run(config_text(scene.emulator.info, first(folder)))
            self.at_the_last_event(scene, lambda: position(folder), one)
            logins = scene.emulator.status()["logins"]
            refused = place.run(config_text(scene.emulator.info, second(folder)))
            with contextlib.suppress(subprocess.TimeoutExpired):
                refused.process.wait(3)
            self.assertEqual(refused.process.poll(), 1, f"both run: {refused.said()}")
            self.assertIn(f"process {one.process.pid} ", refused.said())
            self.assertEqual(scene.emulator.status()["logins"], logins, "it was found before the first call")
            self.assertIsNone(one.process.poll())
            one.kill()
            scene.emulator.publish(100)
            two = place.run(config_text(scene.emulator.info, second(folder)))
            self.at_the_last_event(scene, lambda: position(folder), two)
            self.assertEqual(two.stop(), 0)
            return scene, folder

    def test_a_position_of_json_lines(self):
        position = lambda folder: stored_position(folder / "position")
        for name, spelt in (("as it is", lambda f: f / "position"), ("./", lambda f: f"{f}/./position"), ("a linked folder", lambda f: f.parent / "link" / "position")):
            with self.subTest(name):
                self.second_is_refused(lambda f: lines_stream(f, path=f / "a"), lambda f, s=spelt: lines_stream(f, path=f / "b", checkpoint=s(f)), position)

    def test_a_lock_that_is_removed_ends_its_process(self):
        """Otherwise a second one, which locks the new file of that name, would run beside it."""
        with Scene(BUILD, "--seed", 65) as scene, Place(BUILD) as place:
            folder = place.make("state")
            scene.emulator.publish(50)
            one = place.run(config_text(scene.emulator.info, lines_stream(folder, path=folder / "a")))
            self.at_the_last_event(scene, lambda: stored_position(folder / "position"), one)
            (folder / "position.lock").unlink()
            self.assertEqual(one.wait(10), 1)
            self.assertIn("position.lock: the lock was removed", one.said())

    def test_a_position_of_zerobus(self):
        self.second_is_refused(zerobus_stream, zerobus_stream, lambda folder: stored_position(folder / "data_ChangeEvents.checkpoint"))

    def test_a_database(self):
        position = lambda folder: database_positions(folder / "rows.db").get("/data/ChangeEvents")
        for name, spelt in (("as it is", lambda f: f / "rows.db"), ("a linked folder", lambda f: f.parent / "link" / "rows.db")):
            with self.subTest(name):
                self.second_is_refused(sqlite_stream, lambda f, s=spelt: sqlite_stream(f, path=s(f)), position)

    def test_a_database_by_a_link(self):
        """A link to the database itself is the same database: its position has one writer."""
        def linked(folder):
            if not (folder / "link.db").is_symlink():
                (folder / "link.db").symlink_to(folder / "rows.db")
            return sqlite_stream(folder, path=folder / "link.db")
        self.second_is_refused(sqlite_stream, linked, lambda folder: database_positions(folder / "rows.db").get("/data/ChangeEvents"))

    def two_positions(self, file, stream, undecodable):
        with Scene(BUILD, "--seed", 65) as scene, Place(BUILD) as place:
            folder = place.make()
            publish(scene, 40, undecodable=undecodable)
            one = place.run(config_text(scene.emulator.info, stream(folder, "one")))
            self.at_the_last_event(scene, lambda: stored_position(folder / "one"), one)
            logins = scene.emulator.status()["logins"]
            refused = place.run(config_text(scene.emulator.info, stream(folder, "two")))
            self.assertEqual(refused.wait(20), 1, refused.said())
            self.assertEqual(scene.emulator.status()["logins"], logins, "it was found before the first call")
            self.assertIn(f"{folder / file}: ", refused.said())
            self.assertIsNone(stored_position(folder / "two"))
            self.assertEqual([row["replay_id"] for row in rows_of(folder / file)], bus_of(scene, undecodable))
            one.kill()
            two = place.run(config_text(scene.emulator.info, stream(folder, "two")))
            self.at_the_last_event(scene, lambda: stored_position(folder / "two"), two)
            self.assertEqual(two.stop(), 0)
            rows_of(folder / file)
            self.assertIn(f"process {one.process.pid} ", refused.said())

    def test_json_lines_of_two_positions(self):
        self.two_positions("rows.ndjson", lambda f, p: lines_stream(f, checkpoint=f / p), False)

    def test_dead_letters_of_two_positions(self):
        self.two_positions("letters", lambda f, p: lines_stream(f, path="-", checkpoint=f / p, more=f'dead_letters = "{f}/letters"'), True)

    def test_what_stands_in_a_lock_of_before_does_not_matter(self):
        with Place(BUILD) as place, Peer(lambda _: None) as peer:
            for content in (b"", b"1\n", b"%d\n" % os.getpid(), b"no number", b"9" * 100_000, b"\0\xff"):
                folder = place.make()
                (folder / "position.lock").write_bytes(content)
                runner = place.run(config_text(reached_at(peer.url), lines_stream(folder)), folder=folder)
                wait_until(lambda: (folder / "position.lock").read_bytes() == b"%d\n" % runner.process.pid, 10, "the process id")
                self.assertEqual(runner.stop(10), 0)


class Proved(FilesTest):
    """What can be seen of a file before the first call is seen before it: exit code 2, with the file's name, and no login."""

    # The files of a stream, by the key of the configuration: where they are, and a stream that has one of them here.
    FILES = {"position": lambda folder, path: lines_stream(folder, checkpoint=path), "position of zerobus": lambda folder, path: zerobus_at(folder, path),
             "JSON lines": lambda folder, path: lines_stream(folder, path=path), "database": lambda folder, path: sqlite_stream(folder, path=path),
             "dead letters": lambda folder, path: lines_stream(folder, more=f'dead_letters = "{path}"'),
             "dead letters of a database": lambda folder, path: sqlite_stream(folder, more=f'dead_letters = "{path}"')}
    REPLACED = ("position", "position of zerobus")

    def setUp(self):
        self.place = self.enterContext(Place(BUILD))
        self.peer = self.enterContext(Peer())

    def refused(self, name, text, *parts, code=2):
        folder = self.place.make()
        runner = self.place.run(config_text(reached_at(self.peer.url), text), folder=folder)
        with self.subTest(name):
            with contextlib.suppress(subprocess.TimeoutExpired):
                runner.process.wait(3)
            self.assertEqual(runner.process.poll(), code, runner.said())
            for part in parts:
                self.assertIn(str(part), runner.said())
        if runner.process.poll() is None:
            runner.kill()
        with self.subTest(f"{name}: no call"):
            self.assertEqual([r.path for r in self.peer.seen], [], "a login was made")
        self.peer.seen.clear()
        return runner

    def each(self, make, *parts, of=None, code=2):
        """make(folder) prepares a folder and returns the path that the configuration names. Nothing is left there that was not before."""
        for name in of or self.FILES:
            folder = self.place.make()
            path = make(folder)
            before = sorted(folder.rglob("*"))
            self.refused(name, self.FILES[name](folder, path), path, *parts, code=code)
            with self.subTest(name):
                # A lock stays, and so does the empty file that is an empty database.
                left = [p for p in sorted(folder.rglob("*")) if p not in before and not p.name.endswith((".lock", "rows.db"))]
                self.assertEqual(left, [])

    def test_a_folder_that_is_missing(self):
        self.each(lambda f: f / "none" / "file", "its folder", "does not exist")

    def test_a_folder_that_is_missing_in_a_folder_that_is_missing(self):
        for name in self.FILES:
            folder = self.place.make()
            self.refused(name, self.FILES[name](folder, folder / "none" / "sfcdc" / "file"), folder / "none" / "sfcdc")

    def test_a_folder_that_is_a_file(self):
        def make(folder):
            (folder / "a").write_text("")
            return folder / "a" / "file"
        self.each(make)

    def test_a_folder_that_is_a_link_to_nothing(self):
        def make(folder):
            (folder / "link").symlink_to(folder / "none")
            return folder / "link" / "file"
        self.each(make, "link")

    def test_a_folder_in_place_of_the_file(self):
        def make(folder):
            (folder / "file").mkdir()
            return folder / "file"
        self.each(make, "s a ")  # is a folder, Is a directory

    def test_a_link_in_place_of_a_position(self):
        def make(folder, target="target"):
            (folder / target).write_text("")
            (folder / "file").symlink_to(folder / target)
            return folder / "file"
        def dangling(folder):
            (folder / "file").symlink_to(folder / "none")
            return folder / "file"
        self.each(make, "is a link to", of=self.REPLACED)
        self.each(dangling, "is a link to", of=self.REPLACED)

    @staticmethod
    def a_pipe(folder):
        os.mkfifo(folder / "file")
        return folder / "file"

    @staticmethod
    def a_socket(folder):
        with socket.socket(socket.AF_UNIX) as listening:
            listening.bind(str(folder / "file"))
        return folder / "file"

    def test_something_else_in_place_of_a_position(self):
        self.each(self.a_pipe, "is no regular file", of=self.REPLACED)
        self.each(self.a_socket, "is no regular file", of=self.REPLACED)

    def test_something_else_in_place_of_a_database(self):
        self.each(self.a_pipe, of=["database"])
        self.each(self.a_socket, of=["database"])
        folder = self.place.make()
        (folder / "null").symlink_to("/dev/null")
        if os.geteuid() == 0:
            self.addCleanup(pathlib.Path("/dev/null.lock").unlink, missing_ok=True)
        self.refused("/dev/null", sqlite_stream(folder, path=folder / "null"), folder / "null")

    def test_a_socket_in_place_of_lines(self):
        self.each(self.a_socket, of=["JSON lines", "dead letters"])

    def test_what_is_beside_a_position(self):
        """Its draft and its lock have names of their own, at which nothing else may be."""
        for beside in (".new", ".lock"):
            def a_folder(folder, beside=beside):
                (folder / f"file{beside}").mkdir()
                return folder / "file"
            def a_link(folder, beside=beside):
                (folder / "target").write_text("precious")
                (folder / f"file{beside}").symlink_to(folder / "target")
                return folder / "file"
            self.each(a_folder, f"file{beside}: ", of=self.REPLACED)
            self.each(a_link, f"file{beside}: ", of=self.REPLACED)
        for target in self.place.folder.glob("*/target"):
            self.assertEqual(target.read_text(), "precious")

    def test_a_mount_in_place_of_a_position(self):
        if not is_root_that_may_mount(self.place.make()):
            self.skipTest("needs root, and to mount")
        mounts = []
        def make(folder):
            (folder / "file").write_text("")
            (folder / "elsewhere").write_text("")
            subprocess.run(["mount", "--bind", folder / "elsewhere", folder / "file"], check=True)
            mounts.append(folder / "file")
            self.addCleanup(subprocess.run, ["umount", "-l", folder / "file"], check=False)
            return folder / "file"
        try:
            self.each(make, "is a mount of its own", of=self.REPLACED)
        finally:
            for mount in mounts:
                subprocess.run(["umount", mount], check=True)

    def test_dead_letters_in_a_folder_that_is_missing(self):
        """Months later the first bad event would end each run."""
        for name in ("dead letters", "dead letters of a database"):
            folder = self.place.make()
            self.refused(name, self.FILES[name](folder, folder / "none" / "letters"), folder / "none")

    def test_the_folder_of_the_readme_is_made(self):
        """Its own configuration has the position in /var/lib/sfcdc, which nobody makes."""
        for name, stream in self.FILES.items():
            with self.subTest(name):
                folder = self.place.make()
                runner = self.place.run(config_text(reached_at(self.peer.url), stream(folder, folder / "sfcdc" / "file")), folder=folder)
                wait_until(lambda: self.peer.asked("/userinfo"), 10, "the login")
                self.assertEqual(stat.S_IMODE((folder / "sfcdc").stat().st_mode), 0o700)
                self.assertEqual(runner.stop(10), 0)
                self.peer.seen.clear()

    def as_another_user(self, folder, text):
        """The command that runs it so that permissions hold: they do not for root."""
        (folder / "sfcdc.toml").write_text(config_text(reached_at(self.peer.url), text))
        (folder / "sfcdc.toml").chmod(0o644)
        program = self.place.folder / "sfcdc"
        if not program.exists():
            shutil.copy(BUILD / "runner" / "sfcdc", program)
            self.place.folder.chmod(0o755)
        user = ["setpriv", "--reuid=471110", "--clear-groups"] if os.geteuid() == 0 else []
        return subprocess.run([*user, program, "run", "--config", folder / "sfcdc.toml"], capture_output=True, text=True, timeout=20, check=False)

    def without_permission(self, make, of=None, code=2):
        for name in of or self.FILES:
            outer = self.place.make()
            outer.chmod(0o777)
            folder = outer / "state"
            folder.mkdir()
            path = make(folder)
            with self.subTest(name):
                try:
                    done = self.as_another_user(outer, self.FILES[name](outer, path))
                finally:
                    folder.chmod(0o755)
                self.assertEqual(done.returncode, code, done.stderr)
                self.assertIn(str(path), done.stderr)
                self.assertIn("ermission denied", done.stderr)
                self.assertEqual(self.peer.seen, [])

    def test_a_folder_that_takes_no_new_files(self):
        def make(folder):
            folder.chmod(0o555)
            return folder / "file"
        self.without_permission(make)

    def test_a_folder_that_takes_no_new_files_with_an_old_position_in_it(self):
        def make(folder):
            (folder / "file").write_text('{"topic":"/data/ChangeEvents","org_id":"00D000000000001AAA","replay_id":"00"}')
            (folder / "file").chmod(0o666)
            folder.chmod(0o555)
            return folder / "file"
        self.without_permission(make, of=self.REPLACED)

    def test_a_file_that_cannot_be_written(self):
        def make(folder):
            folder.chmod(0o777)
            (folder / "file").write_text("")
            (folder / "file").chmod(0o444)
            return folder / "file"
        self.without_permission(make, of=[name for name in self.FILES if name not in self.REPLACED])

    def test_a_position_that_cannot_be_read(self):
        def make(folder):
            folder.chmod(0o777)
            (folder / "file").write_text("")
            (folder / "file").chmod(0o200)
            return folder / "file"
        self.without_permission(make, of=self.REPLACED)


def zerobus_at(folder, position, more=""):
    return zerobus_stream(folder, more=more).replace(f"{folder}/data_ChangeEvents.checkpoint", str(position))


class OneUse(FilesTest):
    """A file has one use, however it is spelt. The refusal names the line, the key and what the file is already."""

    def setUp(self):
        self.place = self.enterContext(Place(BUILD))

    def refused(self, name, text, key, use, config=None, stdout=subprocess.DEVNULL):
        folder = self.place.make()
        config = config or folder / "sfcdc.toml"
        text = config_text(reached_at("http://127.0.0.1:9"), text)
        config.write_text(text)
        with open(folder / "log", "wb") as log:
            process = self.place.open([BUILD / "runner" / "sfcdc", "run", "--config", config], stdout=stdout, stderr=log, cwd=folder)
        with contextlib.suppress(subprocess.TimeoutExpired):
            process.wait(3)
        said = (folder / "log").read_text()
        with self.subTest(name):
            self.assertEqual(process.poll(), 2, said)
            name_of_key = re.match("checkpoint|path|dead_letters", key)[0]
            line = max(i for i, l in enumerate(text.splitlines(), 1) if l.startswith(f"{name_of_key} = "))
            self.assertRegex(said, rf"sfcdc.toml:{line}:\d+: \[pipeline\] {key}: .* is already .*{use}.*; a file has one use")

    def spellings(self, folder, name):
        """Other names for the file folder/name."""
        (folder / "link").symlink_to(folder)
        (folder / "down").mkdir()
        return {"the same": f"{folder}/{name}", "./": f"{folder}/./{name}", "//": f"{folder}//{name}", "..": f"{folder}/down/../{name}",
                "a linked folder": f"{folder}/link/{name}", "from the working folder": f"../{folder.name}/{name}"}

    def test_two_uses_in_one_stream(self):
        for there in (False, True):
            for uses in (("path", "checkpoint"), ("checkpoint", "dead_letters"), ("path", "dead_letters")):
                folder = self.place.make()
                for how, spelt in self.spellings(folder, "x").items():
                    (folder / "x").unlink(missing_ok=True)
                    if there:
                        (folder / "x").write_text("")
                    named = {"path": folder / "rows", "checkpoint": folder / "position", "dead_letters": folder / "letters"} | {uses[0]: folder / "x", uses[1]: spelt}
                    text = lines_stream(folder, path=named["path"], checkpoint=named["checkpoint"], more=f'dead_letters = "{named["dead_letters"]}"')
                    # The key that is looked at later is the one in the message: checkpoint, path, dead letters.
                    order = sorted(uses, key=("checkpoint", "path", "dead_letters").index)
                    self.refused(f"{uses}, {how}, there: {there}", text, order[1], order[0])

    def test_two_uses_in_two_streams(self):
        other = "/data/AccountChangeEvent"
        for there in (False, True):
            folder = self.place.make()
            for how, spelt in self.spellings(folder, "x").items():
                (folder / "x").unlink(missing_ok=True)
                if there:
                    (folder / "x").write_text("")
                one, x = lambda **names: lines_stream(folder, other, **({"path": folder / "a", "checkpoint": folder / "b"} | names)), folder / "x"
                for name, text, key, use in (
                        ("two positions", one(checkpoint=x) + lines_stream(folder, checkpoint=spelt), "checkpoint", "checkpoint"),
                        ("a position of zerobus", one(checkpoint=x) + zerobus_at(folder, spelt), "checkpoint", "checkpoint"),
                        ("two files of lines", one(path=x) + lines_stream(folder, path=spelt), "path", "path"),
                        ("lines and a position", one(path=x) + lines_stream(folder, checkpoint=spelt), "checkpoint", "path"),
                        ("lines and a database", one(path=x) + sqlite_stream(folder, path=spelt), "path", "path"),
                        ("a database and a position", sqlite_stream(folder, other, path=x) + lines_stream(folder, checkpoint=spelt), "checkpoint", "database"),
                        ("letters and a database", one(more=f'dead_letters = "{x}"') + sqlite_stream(folder, path=spelt), "path", "dead_letters"),
                        ("two files of letters", one(more=f'dead_letters = "{x}"') + lines_stream(folder, more=f'dead_letters = "{spelt}"'), "dead_letters", "dead_letters")):
                    if how in ("the same", "a linked folder"):
                        self.refused(f"{name}, {how}, there: {there}", text, key, use)

    def test_links_to_the_file_itself(self):
        for link in (lambda f: os.link(f / "x", f / "y"), lambda f: (f / "y").symlink_to("x"), lambda f: (f / "y").symlink_to(f / "x")):
            folder = self.place.make()
            (folder / "x").write_text("")
            link(folder)
            self.refused("lines and letters", lines_stream(folder, path=folder / "x", more=f'dead_letters = "{folder}/y"'), "dead_letters", "path")
            self.refused("lines and a position", lines_stream(folder, path=folder / "x", checkpoint=folder / "y"), "path", "checkpoint")

    def test_a_link_to_a_file_that_is_not_there_yet(self):
        """Whoever opens it would make the file behind it. Either it is seen that both are one file, or the link is refused as such."""
        folder, other = self.place.make(), "/data/AccountChangeEvent"
        (folder / "y").symlink_to(folder / "x")
        for text in (lines_stream(folder, path=folder / "x", more=f'dead_letters = "{folder}/y"'),
                     lines_stream(folder, other, path=folder / "y", checkpoint=folder / "a") + lines_stream(folder, path=folder / "x")):
            runner = self.place.run(config_text(reached_at("http://127.0.0.1:9"), text))
            self.assertEqual(runner.wait(10), 2, runner.said())
            self.assertRegex(runner.said(), "a file has one use|link")

    def test_the_files_beside_one(self):
        folder, other = self.place.make(), "/data/AccountChangeEvent"
        one = lambda **names: lines_stream(folder, **({"path": folder / "a", "checkpoint": folder / "b"} | names))
        for beside, use in ((".new", "draft"), (".lock", "lock")):
            self.refused(f"x{beside}, in one", one(checkpoint=folder / "x", path=folder / f"x{beside}"), "path", use)
            self.refused(f"x{beside}, letters", one(checkpoint=folder / "x", more=f'dead_letters = "{folder}/./x{beside}"'), "dead_letters", use)
            self.refused(f"x{beside}, in two", lines_stream(folder, other, checkpoint=folder / "x") + one(checkpoint=folder / f"x{beside}"), "checkpoint", use)
            self.refused(f"x{beside}, the other way", lines_stream(folder, other, path=folder / f"x{beside}") + one(checkpoint=folder / "x"), f"checkpoint's {use} .*", "path")
        for beside in ("-wal", "-shm", "-journal", ".lock"):
            self.refused(f"x{beside}, letters", sqlite_stream(folder, path=folder / "x", more=f'dead_letters = "{folder}/x{beside}"'), "dead_letters", "database")
            self.refused(f"x{beside}, in two", sqlite_stream(folder, other, path=folder / "x") + one(checkpoint=folder / f"x{beside}"), "checkpoint", "database")
            self.refused(f"x{beside}, the other way", one(path=folder / f"x{beside}") + sqlite_stream(folder, other, path=folder / "x"), f"path{beside}", "path")

    def test_a_database_beside_a_database(self):
        """The -wal of one is no database of another, though both are files of databases."""
        folder = self.place.make()
        for beside in ("-wal", "-shm", "-journal", ".lock"):
            self.refused(f"x{beside}", sqlite_stream(folder, "/data/AccountChangeEvent", path=folder / "x") + sqlite_stream(folder, path=folder / f"x{beside}"), "path", "database")

    def test_files_that_the_configuration_itself_names(self):
        folder = self.place.make()
        config = folder / "sfcdc.toml"
        self.refused("the configuration, lines", lines_stream(folder, path=config), "path", "the configuration itself", config)
        self.refused("the configuration, position", lines_stream(folder, checkpoint=f"{folder}/./sfcdc.toml"), "checkpoint", "the configuration itself", config)
        self.refused("the configuration, database", sqlite_stream(folder, path=config), "path", "the configuration itself", config)
        self.refused("the configuration, letters", lines_stream(folder, more=f'dead_letters = "{config}"'), "dead_letters", "the configuration itself", config)
        (folder / "secret").write_text("secret-secret")
        text = config_text(reached_at("http://127.0.0.1:9"), lines_stream(folder, path=folder / "secret"), sf_client_secret="${file:%s/secret}" % folder)
        runner = self.place.run(text)
        self.assertEqual(runner.wait(10), 2)
        self.assertRegex(runner.said(), r"\[pipeline\] path: .*/secret is already the file of \[salesforce\] client_secret; a file has one use")
        self.assertEqual((folder / "secret").read_text(), "secret-secret")
        (folder / "ca.pem").write_text("-----BEGIN CERTIFICATE-----\n")
        runner = self.place.run(config_text(reached_at("http://127.0.0.1:9"), lines_stream(folder, checkpoint=folder / "ca.pem"), ca_file=folder / "ca.pem"))
        self.assertEqual(runner.wait(10), 2)
        self.assertRegex(runner.said(), r"\[pipeline\] checkpoint: .*/ca.pem is already the certificates of \[(salesforce|databricks)\]; a file has one use")

    def test_standard_output(self):
        folder, other = self.place.make(), "/data/AccountChangeEvent"
        twice = lines_stream(folder, other, path="-", checkpoint=folder / "a") + lines_stream(folder, path="-")
        self.refused("twice, /dev/null", twice, "path", "path")
        reader, writer = os.pipe()
        self.addCleanup(os.close, reader)
        self.refused("twice, a pipe", twice, "path", "path", stdout=writer)
        self.refused("by its other name", lines_stream(folder, other, path="-", checkpoint=folder / "a") + lines_stream(folder, path="/dev/stdout"), "path", "path", stdout=writer)
        os.close(writer)
        with open(folder / "out", "ab") as out:
            self.refused("twice, a file", twice, "path", "path", stdout=out)
            self.refused("and the file that it is", lines_stream(folder, path="-", more=f'dead_letters = "{folder}/out"'), "dead_letters", "path", stdout=out)
            self.refused("and a position", lines_stream(folder, path="-", checkpoint=folder / "out"), "path", "checkpoint", stdout=out)

    def mistake(self, text, expected):
        runner = self.place.run(config_text(reached_at("http://127.0.0.1:9"), text))
        with self.subTest(text):
            self.assertEqual(runner.wait(10), 2, runner.said())
            self.assertRegex(runner.said(), rf"sfcdc.toml:\d+:\d+: \[pipeline\]{expected}")

    def test_a_database_that_is_no_file(self):
        for path in (":memory:", "file::memory:", "file:x?mode=memory", "file:x"):
            self.mistake(sqlite_stream(self.place.folder, path=path), " path: the name of a file was expected")

    def test_one_topic_twice_in_one_database(self):
        folder = self.place.make()
        for spelt in [*self.spellings(folder, "x").values()][:-1]:
            self.mistake(sqlite_stream(folder, path=folder / "x") + sqlite_stream(folder, path=spelt, more='table = "others"'), ": two pipelines keep the position of /data/ChangeEvents")

    def test_what_may_be_shared(self):
        """Two topics in one database, with tables of their own or one; a device."""
        with Peer(lambda _: None) as peer:
            folder = self.place.make()
            text = (sqlite_stream(folder, "/data/AccountChangeEvent", path=folder / "x") + sqlite_stream(folder, path=folder / "x", more='table = "others"')
                    + lines_stream(folder, "/event/Order_Event__e", path="/dev/null", more='dead_letters = "/dev/null"'))
            runner = self.place.run(config_text(reached_at(peer.url), text))
            wait_until(lambda: peer.seen, 10, "the login")
            self.assertEqual(runner.stop(10), 0)


class Locked(FilesTest):
    """SQLite: another process that holds the database is waited out, and each event is there once and in order."""

    @contextlib.contextmanager
    def another(self, path):
        """A connection of another process, as far as SQLite can tell."""
        with contextlib.closing(sqlite3.connect(path, isolation_level=None, timeout=30, check_same_thread=False)) as database:
            yield database

    def position(self, scene, topic="/data/ChangeEvents"):
        return database_positions(scene.folder / "rows.db").get(topic)

    def assert_once_and_in_order(self, scene):
        self.assertEqual(database_rows(scene.folder / "rows.db"), bus_of(scene))

    def locked_at_the_start(self, *statements, journal="wal", seconds=1.5):
        with Scene(BUILD, "--seed", 71) as scene:
            scene.configure(sqlite_stream(scene.folder))
            scene.emulator.publish(200)
            with self.another(scene.folder / "rows.db") as other:
                other.execute(f"PRAGMA journal_mode={journal}")
                for statement in statements:
                    other.execute(statement)
                runner = scene.run()
                wait_until(lambda: "logged in" in runner.said(), 10, "the login")
                time.sleep(seconds)
                self.assertIsNone(runner.process.poll(), runner.said())
                other.execute("ROLLBACK")
                if "PRAGMA locking_mode=EXCLUSIVE" in statements:
                    other.execute("PRAGMA locking_mode=NORMAL")
                    other.execute("SELECT 1 FROM sqlite_master").fetchall()
            self.at_the_last_event(scene, lambda: self.position(scene), runner)
            self.assertEqual(runner.stop(), 0)
            self.assert_once_and_in_order(scene)

    def test_by_a_writer_at_the_start(self):
        self.locked_at_the_start("BEGIN IMMEDIATE", "CREATE TABLE x(a)")

    def test_by_an_exclusive_transaction_at_the_start(self):
        self.locked_at_the_start("CREATE TABLE x(a)", "BEGIN EXCLUSIVE", "INSERT INTO x VALUES (1)", journal="delete")

    def test_by_a_connection_in_exclusive_mode_at_the_start(self):
        self.locked_at_the_start("PRAGMA locking_mode=EXCLUSIVE", "CREATE TABLE x(a)", "BEGIN IMMEDIATE", "INSERT INTO x VALUES (1)")

    def test_by_a_writer_in_mid_run(self):
        with Scene(BUILD, "--seed", 72) as scene:
            scene.configure(sqlite_stream(scene.folder))
            scene.emulator.publish(100)
            runner = scene.run()
            before = self.at_the_last_event(scene, lambda: self.position(scene), runner)
            with self.another(scene.folder / "rows.db") as other:
                other.execute("BEGIN IMMEDIATE")
                scene.emulator.publish(800)
                time.sleep(2)
                self.assertIsNone(runner.process.poll(), runner.said())
                self.assertEqual(database_rows(scene.folder / "rows.db"), before)
                other.execute("COMMIT")
            self.at_the_last_event(scene, lambda: self.position(scene), runner)
            self.assertEqual(runner.stop(), 0)
            self.assert_once_and_in_order(scene)

    def test_by_others_who_come_and_go(self):
        """VACUUM, a reader that stays, a checkpoint, connections that open and close: from before the first start on, and over kill -9."""
        with Scene(BUILD, "--seed", 73) as scene:
            scene.configure(sqlite_stream(scene.folder))
            path, over, failures = scene.folder / "rows.db", threading.Event(), []
            def repeated(work):
                def loop():
                    while not over.is_set():
                        try:
                            with contextlib.closing(sqlite3.connect(path, isolation_level=None, timeout=0.05)) as database:
                                work(database)
                        except sqlite3.OperationalError as e:
                            if "locked" not in str(e) and "no such table" not in str(e):
                                failures.append(e)
                        time.sleep(0.005)
                return threading.Thread(target=loop)
            def reader(database):
                database.execute("BEGIN")
                database.execute("SELECT count(*) FROM events").fetchall()
                time.sleep(0.1)
            others = [repeated(lambda d: d.execute("VACUUM")), repeated(reader), repeated(lambda d: d.execute("PRAGMA wal_checkpoint(TRUNCATE)")),
                      repeated(lambda d: d.execute("BEGIN EXCLUSIVE").execute("ROLLBACK"))]
            for other in others:
                other.start()
            try:
                dice = random.Random(73)
                for _ in range(5):
                    runner = scene.run()
                    scene.emulator.publish(150, rate=1000)
                    time.sleep(dice.uniform(0.2, 0.7))
                    self.assertIsNone(runner.process.poll(), runner.said())
                    runner.kill()
                runner = scene.run()
                scene.emulator.publish(300)
                wait_until(lambda: scene.emulator.status()["published"] >= 1050, 20, "publishing")
                self.at_the_last_event(scene, lambda: self.position(scene), runner)
                self.assertEqual(runner.stop(), 0)
            finally:
                over.set()
                for other in others:
                    other.join()
            self.assertEqual(failures, [])
            self.assert_once_and_in_order(scene)

    def test_a_row_that_does_not_fit_on_the_disk_moves_no_position(self):
        """SQLite rolls a whole transaction back when a row of it cannot be written: no position may then be stored on its own."""
        with Scene(BUILD, "--seed", 76) as scene, contextlib.ExitStack() as stack:
            scene.emulator.publish(1500)
            bus = bus_of(scene)
            for number, limit in enumerate(range(100_000, 2_100_000, 250_000)):
                folder = scene.folder / f"limit{number}"
                folder.mkdir()
                scene.configure(sqlite_stream(folder, more="schema_json_every = 1"))
                runner = Limited(scene.config)
                stack.callback(runner.end, signal.SIGKILL)
                runner.limit(limit)
                with self.subTest(limit=limit):
                    self.assertTrue(runner.ends_within(20), runner.said())
                    self.assertEqual(runner.process.returncode, 1, runner.said())
                    position = database_positions(folder / "rows.db").get("/data/ChangeEvents")
                    rows = database_rows(folder / "rows.db")
                    self.assertEqual(len(rows), 0 if position is None else bus.index(position) + 1, f"events up to the position: {runner.said()[-300:]}")
                    self.assertEqual(rows, bus[: len(rows)])

    def test_names_of_tables_that_are_taken(self):
        with Place(BUILD) as place:
            for table in ("sfcdc_position", "SFCDC_Position", "sfcdc_anything", "sqlite_sequence", "SQLITE_x", "sqlite_"):
                with self.subTest(table):
                    folder = place.make()
                    runner = place.run(config_text(reached_at("http://127.0.0.1:9"), sqlite_stream(folder, more=f'table = "{table}"')), folder=folder)
                    self.assertEqual(runner.wait(10), 2, runner.said())
                    self.assertRegex(runner.said(), r"sfcdc.toml:\d+:\d+: \[pipeline\] table: names that begin with .* are taken")
                    self.assertFalse((folder / "rows.db").exists())

    def test_names_of_tables_that_are_odd(self):
        for table in ("order", 'a "quoted" one', "with space; DROP TABLE x", "\u00fcmlaut", "1"):
            with self.subTest(table), Scene(BUILD, "--seed", 74) as scene:
                scene.configure(sqlite_stream(scene.folder, more="table = " + json.dumps(table, ensure_ascii=False)))
                scene.emulator.publish(20)
                runner = scene.run()
                bus = self.at_the_last_event(scene, lambda: self.position(scene), runner)
                self.assertEqual(runner.stop(), 0)
                with contextlib.closing(sqlite3.connect(scene.folder / "rows.db")) as database:
                    quoted = table.replace('"', '""')
                    self.assertEqual([r[0] for r in database.execute(f'SELECT replay_id FROM "{quoted}" ORDER BY rowid')], bus)

    def test_two_topics_in_one_database(self):
        """In one table or two, with kill -9: each event of each topic once and in order."""
        dice = random.Random(75)
        for tables in (("events", "events"), ("events", "accounts")):
            with self.subTest(tables), Scene(BUILD, "--seed", 75) as scene:
                topics = ("/data/ChangeEvents", "/data/AccountChangeEvent")
                scene.configure("".join(sqlite_stream(scene.folder, topic, more=f'table = "{table}"') for topic, table in zip(topics, tables)))
                scene.emulator.publish(3000, rate=2000)
                for _ in range(4):
                    runner = scene.run()
                    time.sleep(dice.uniform(0.1, 0.4))
                    self.assertIsNone(runner.process.poll(), runner.said())
                    runner.kill()
                runner = scene.run()
                wait_until(lambda: scene.emulator.status()["published"] >= 3000, 20, "publishing")
                published = scene.emulator.published()
                buses = {topics[0]: [e["replay_id"] for e in published if e["topic"].startswith("/data/")],
                         topics[1]: [e["replay_id"] for e in published if e["topic"] == topics[1]]}
                for topic in topics:
                    wait_until(lambda t=topic: self.position(scene, t) == buses[t][-1], 30, f"the last position of {topic}")
                self.assertEqual(runner.stop(), 0)
                if tables[0] != tables[1]:
                    for topic, table in zip(topics, tables):
                        self.assertEqual(database_rows(scene.folder / "rows.db", table), buses[topic])
                else:  # the table does not say of which subscription a row is: each of both has its own, in order
                    rows = database_rows(scene.folder / "rows.db")
                    self.assertEqual(sorted(rows), sorted(buses[topics[0]] + buses[topics[1]]))
                    first_times = [r for i, r in enumerate(rows) if r not in set(buses[topics[1]])]
                    self.assertEqual(first_times, [r for r in buses[topics[0]] if r not in set(buses[topics[1]])])


class WhenFull(unittest.TestCase):
    """20 times for each kind of file, at random moments, each in a scene of its own beside the others and beside the other tests."""

    ROUNDS = 20
    KINDS = {"position": FullPosition, "JSON lines": FullLines, "dead letters": FullLetters, "SQLite": FullDatabase}
    results = {}

    @classmethod
    def begin(cls):
        with Place(BUILD) as place:
            cls.mounts = is_root_that_may_mount(place.folder)
        cls.pool = concurrent.futures.ThreadPoolExecutor(8)
        for tmpfs in (False, True)[: 1 + cls.mounts]:
            for seed, (kind, disk) in enumerate(cls.KINDS.items()):
                cls.results[kind, tmpfs] = cls.pool.submit(disk(kind, seed, tmpfs).run, cls.ROUNDS)

    @classmethod
    def setUpClass(cls):
        if not cls.results:
            cls.begin()

    @classmethod
    def tearDownClass(cls):
        cls.pool.shutdown(cancel_futures=True)

    def full(self, kind, tmpfs):
        if tmpfs and not self.mounts:
            self.skipTest("needs root, and to mount")
        codes = self.results[kind, tmpfs].result()
        self.assertGreaterEqual(len(codes), self.ROUNDS // 2, "it was hardly ever full")

    def test_position_at_a_limit(self):
        self.full("position", False)

    def test_json_lines_at_a_limit(self):
        self.full("JSON lines", False)

    def test_dead_letters_at_a_limit(self):
        self.full("dead letters", False)

    def test_sqlite_at_a_limit(self):
        self.full("SQLite", False)

    def test_position_on_a_full_file_system(self):
        self.full("position", True)

    def test_json_lines_on_a_full_file_system(self):
        self.full("JSON lines", True)

    def test_dead_letters_on_a_full_file_system(self):
        self.full("dead letters", True)

    def test_sqlite_on_a_full_file_system(self):
        self.full("SQLite", True)


if __name__ == "__main__":
    BUILD = pathlib.Path(sys.argv.pop(1)).resolve()
    if not [name for name in sys.argv[1:] if not name.startswith("-")]:
        WhenFull.begin()  # all tests: the others run meanwhile
    unittest.main(verbosity=1)
