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
import sqlite3
import stat
import subprocess
import sys
import threading
import time
import unittest

from harness import CDC_TABLE, Scene, config_text, wait_until, zerobus_stream
from peers import Peer, Place, lines_of, lines_stream, reached_at, rows_of, sqlite_stream, stop_all

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
    """Replay ids in the order of the rows, and the stored positions by topic; nothing where there is no database yet."""
    if not pathlib.Path(path).exists():
        return [], {}
    with contextlib.closing(sqlite3.connect(path, timeout=30)) as database:
        try:
            return ([r[0] for r in database.execute(f'SELECT replay_id FROM "{table}" ORDER BY rowid')],
                    dict(database.execute("SELECT topic, replay_id FROM sfcdc_position")))
        except sqlite3.OperationalError as e:
            if "no such table" in str(e):
                return [], {}
            raise


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
        scene.emulator.publish(self.dice.randint(20, 120), self.dice.choice((0, 500)))
        time.sleep(self.dice.uniform(0, 0.2) if number % 3 else 0)  # sometimes from the start on
        if self.tmpfs:
            self.disk.fill(self.dice.randrange(0, self.most_on_disk))
        else:
            runner.limit(self.dice.randrange(*self.limits()))
        for _ in range(10):
            scene.emulator.publish(self.dice.randint(20, self.most_events))
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
            if self.undecodable:
                scene.emulator.fault("undecodable", times=1_000_000)
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
        return [e["replay_id"] for e in self.scene.emulator.published() if e["topic"].startswith("/data/")]

    def at_the_end(self):
        return self.position() == self.bus()[-1]

    def position(self):
        return stored_position(self.folder / "position")

    def check(self, when):
        """Every event up to the stored position is in a line that can be read, or a row, and no line is broken."""
        bus, position, found = self.bus(), self.position(), self.found()
        behind = [] if position is None else bus[: bus.index(position) + 1]
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
        size = self.dice.choice((0, max((f.stat().st_size for f in self.folder.glob("rows.db*")), default=0)))
        return max(1000, size - 100_000), size + 300_000

    def position(self):
        return database_rows(self.folder / "rows.db")[1].get(self.topic)

    def found(self):
        return set(database_rows(self.folder / "rows.db")[0])

    def check(self, when):
        rows, positions = database_rows(self.folder / "rows.db")
        bus, position = self.bus(), positions.get(self.topic)
        wanted = [] if position is None else bus[: bus.index(position) + 1]
        if rows != wanted:
            first = next((i for i, pair in enumerate(zip(rows, wanted)) if pair[0] != pair[1]), min(len(rows), len(wanted)))
            raise AssertionError(f"{self.name}: {when}: {len(rows)} rows for {len(wanted)} events up to the position ({len(set(rows) & set(wanted))} of them); "
                                 f"the first that is another one is number {first}")


class Full(unittest.TestCase):
    """20 times for each kind of file, at random moments, each in a scene of its own beside the others."""

    ROUNDS = 20
    KINDS = {"position": FullPosition, "JSON lines": FullLines, "dead letters": FullLetters, "SQLite": FullDatabase}

    @classmethod
    def setUpClass(cls):
        with Place(BUILD) as place:
            cls.mounts = is_root_that_may_mount(place.folder)
        cls.pool = concurrent.futures.ThreadPoolExecutor(8)
        cls.results = {}
        for tmpfs in (False, True)[: 1 + cls.mounts]:
            for seed, (kind, disk) in enumerate(cls.KINDS.items()):
                cls.results[kind, tmpfs] = cls.pool.submit(disk(kind, seed, tmpfs).run, cls.ROUNDS)

    @classmethod
    def tearDownClass(cls):
        cls.pool.shutdown(cancel_futures=True)

    def full(self, kind, tmpfs):
        if tmpfs and not self.mounts:
            self.skipTest("needs root, and to mount")
        codes = self.results[kind, tmpfs].result()
        self.assertGreaterEqual(len(codes), self.ROUNDS * 3 // 4, "it was hardly ever full")

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


class FilesTest(unittest.TestCase):
    def at_the_last_event(self, scene, position, runner=None):
        """Waits until this stored position is the last event of the bus, and returns the bus."""
        def check():
            if runner is not None:
                self.assertIsNone(runner.process.poll(), runner.said())
            bus = [e["replay_id"] for e in scene.emulator.published() if e["topic"].startswith("/data/")]
            return bus if position() == bus[-1] else None
        return wait_until(check, 40, "the last position")


class Vanishing(FilesTest):
    """Deleted, moved or replaced while the process has the file open: nothing is written into a file without a name."""

    @contextlib.contextmanager
    def while_running(self, ways, stream, position, undecodable=False):
        """A runner for each way, all up to date; way(folder) is done to its files; then more is published. Gives scene, runs by name
        (folder, runner), and the events from before and after."""
        with Scene(BUILD, "--seed", 61) as scene, Place(BUILD) as place:
            if undecodable:
                scene.emulator.fault("undecodable", times=1_000_000)
            scene.emulator.publish(150)
            runs = {}
            for name in ways:
                folder = place.make() / "state"
                folder.mkdir()
                runs[name] = folder, place.run(config_text(scene.emulator.info, stream(folder)), folder=folder.parent)
            for folder, runner in runs.values():
                before = self.at_the_last_event(scene, lambda f=folder: position(f), runner)
            for name, way in ways.items():
                way(runs[name][0])
            scene.emulator.publish(150)
            after = [e["replay_id"] for e in scene.emulator.published() if e["topic"].startswith("/data/")][len(before):]
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
                        self.assertEqual(position(folder), before[-1])
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
        position = lambda folder: database_rows(folder / "rows.db")[1].get("/data/ChangeEvents")
        with self.while_running(ways, sqlite_stream, position) as (scene, runs, before, after):
            for name, (folder, runner) in runs.items():
                with self.subTest(name):
                    self.assertEqual(runner.wait(30), 1, runner.said())
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
                    self.assertEqual(database_rows(folder / "rows.db")[0], before + after)

    def restarted(self, runner):
        from harness import Runner
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
                    if name in ("replaced by a folder", "its folder deleted", "its folder moved"):
                        self.assertEqual(runner.wait(30), 1, runner.said())
                        self.assertRegex(runner.said(), re.escape(f"{folder}/position") + "(.new)?: cannot ")
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
           "4097 bytes and a line": b'{"a":1}\n{"a":"' + b"x" * 4091, "a megabyte": b'{"a":1}\n{"a":"' + b"x" * 1_000_000}
    KEPT = {"a whole object": b'{"a":1}\n{"b":2}', "only a whole object": b'{"b":2}', "4096 bytes": b'{"a":"' + b"x" * 4088 + b'"}'}
    FOREIGN = {"a word": b"hello", "a table": b"a;b\n1;2", "a list that is torn": b"[1,2", "zeros": b'{"a":1}\n\0\0\0\0', "33 MiB without a line feed": b'{"a":"' + b"x" * (33 << 20)}
    AS_IT_IS = {"nothing": b"", "whole lines": b'{"a":1}\n{"b":2}\n', "an empty line": b"\n"}

    def starts_with(self, file, stream, undecodable):
        with Scene(BUILD, "--seed", 63) as scene, Place(BUILD) as place:
            if undecodable:
                scene.emulator.fault("undecodable", times=1_000_000)
            scene.emulator.publish(20)
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
                    bus = self.at_the_last_event(scene, lambda f=folder: stored_position(f / "position"), runner)
                    self.assertEqual(runner.stop(), 0)
                    kept = content + b"\n" if kind == "KEPT" else content[: content.rfind(b"\n") + 1]
                    self.assertTrue((folder / file).read_bytes().startswith(kept))
                    rows = [json.loads(line) for line in (folder / file).read_bytes()[len(kept):].splitlines()]
                    self.assertEqual([row["replay_id"] for row in rows], bus)
                    self.assertEqual("an earlier run left the last line unfinished" in runner.said(), kind == "CUT")

    def test_json_lines(self):
        self.starts_with("rows.ndjson", lines_stream, False)

    def test_dead_letters(self):
        self.starts_with("letters", lambda f: lines_stream(f, path="-", more=f'dead_letters = "{f}/letters"'), True)


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
            self.assertEqual(refused.wait(20), 1, refused.said())
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

    def test_a_position_of_zerobus(self):
        self.second_is_refused(zerobus_stream, zerobus_stream, lambda folder: stored_position(folder / "data_ChangeEvents.checkpoint"))

    def test_a_database(self):
        position = lambda folder: database_rows(folder / "rows.db")[1].get("/data/ChangeEvents")
        for name, spelt in (("as it is", lambda f: f / "rows.db"), ("a linked folder", lambda f: f.parent / "link" / "rows.db")):
            with self.subTest(name):
                self.second_is_refused(sqlite_stream, lambda f, s=spelt: sqlite_stream(f, path=s(f)), position)

    def test_a_database_by_a_link(self):
        """A link to the database itself is the same database: its position has one writer."""
        def linked(folder):
            if not (folder / "link.db").is_symlink():
                (folder / "link.db").symlink_to(folder / "rows.db")
            return sqlite_stream(folder, path=folder / "link.db")
        self.second_is_refused(sqlite_stream, linked, lambda folder: database_rows(folder / "rows.db")[1].get("/data/ChangeEvents"))

    def two_positions(self, file, stream, undecodable):
        with Scene(BUILD, "--seed", 65) as scene, Place(BUILD) as place:
            if undecodable:
                scene.emulator.fault("undecodable", times=1_000_000)
            folder = place.make()
            scene.emulator.publish(50)
            one = place.run(config_text(scene.emulator.info, stream(folder, "one")))
            self.at_the_last_event(scene, lambda: stored_position(folder / "one"), one)
            refused = place.run(config_text(scene.emulator.info, stream(folder, "two")))
            self.assertEqual(refused.wait(20), 1, refused.said())
            self.assertIn(f"{folder / file}: ", refused.said())
            self.assertIsNone(stored_position(folder / "two"))
            self.assertEqual(len(rows_of(folder / file)), len(self.at_the_last_event(scene, lambda: stored_position(folder / "one"))))
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


if __name__ == "__main__":
    BUILD = pathlib.Path(sys.argv.pop(1)).resolve()
    unittest.main(verbosity=1)
