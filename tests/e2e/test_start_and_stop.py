"""How the process starts and ends, whatever blocks it or is short.

usage: test_start_and_stop.py BUILD_FOLDER [unittest arguments]
"""
import contextlib
import json
import os
import pathlib
import re
import shutil
import signal
import sqlite3
import subprocess
import sys
import threading
import time
import unittest

from harness import CDC_TABLE, Scene, config_text, wait_until, zerobus_stream
from peers import Deaf, Peer, Place, lines_stream, reached_at, sqlite_stream

BUILD = None
# docs/running.md promises 30 s; the rest is for a machine that is busy with other tests.
LONGEST, SHORTEST = 32, 5


def fill(writer):
    """Writes into a pipe until nothing more goes in. Whoever writes to it then waits for a reader."""
    os.set_blocking(writer, False)
    for piece in (b"." * 4096, b"."):
        with contextlib.suppress(BlockingIOError):
            while True:
                os.write(writer, piece)
    os.set_blocking(writer, True)


def full_pipe():
    """The end of a pipe that nobody reads, and the end that takes nothing more."""
    reader, writer = os.pipe()
    fill(writer)
    return reader, writer


class Signals(unittest.TestCase):
    def drains_after(self, number, stdin=subprocess.DEVNULL):
        with Scene(BUILD, "--seed", 41, "--ack-delay-ms", 1000) as scene:
            scene.configure()
            scene.emulator.publish(400)
            runner = scene.run(stdin=stdin)
            wait_until(lambda: scene.emulator.rows(CDC_TABLE) > 0, 30, "rows")
            self.assertIsNone(scene.position(), "they are not acknowledged")
            runner.process.send_signal(number)
            self.assertEqual(runner.wait(32), 0, scene.log.read_text())
            bus = [e["replay_id"] for e in scene.emulator.published() if e["topic"].startswith("/data/")]
            durable = scene.emulator.replay_ids()
            self.assertEqual(bus[: len(durable)], durable)
            self.assertEqual(scene.position(), durable[-1], "all that was sent is acknowledged and passed")

    def test_sigterm_drains(self):
        self.drains_after(signal.SIGTERM)

    def test_sigint_drains(self):
        self.drains_after(signal.SIGINT)

    def test_sighup_of_a_terminal_drains(self):
        terminal, standard_input = os.openpty()
        self.addCleanup(os.close, terminal)
        self.addCleanup(os.close, standard_input)
        # Under nohup the tests, and so the runner, would inherit that SIGHUP is ignored, which the runner respects.
        before = signal.signal(signal.SIGHUP, signal.SIG_DFL)
        self.addCleanup(signal.signal, signal.SIGHUP, before)
        self.drains_after(signal.SIGHUP, standard_input)

    def test_sighup_reloads_the_configuration(self):
        before = signal.signal(signal.SIGHUP, signal.SIG_DFL)
        self.addCleanup(signal.signal, signal.SIGHUP, before)
        with Scene(BUILD, "--seed", 43) as scene:
            def lines(entity, more=""):
                return (f'[[pipeline]]\ntopic = "{entity}"\nsink = "ndjson"\npath = "{scene.folder}/{entity}.ndjson"\n'
                        f'checkpoint = "{scene.folder}/{entity}.checkpoint"\n{more}\n')
            def rows(entity):
                file = scene.folder / f"{entity}.ndjson"
                return [json.loads(line) for line in file.read_bytes().split(b"\n")[:-1]] if file.exists() else []
            def published(entity):
                event = entity.replace("__c", "__") + "ChangeEvent"
                ids = [e["replay_id"] for e in scene.emulator.published() if e["topic"] == f"/data/{event}"]
                self.assertTrue(ids, entity)
                return ids
            def all_of(*entities):
                wait_until(lambda: all([r["replay_id"] for r in rows(e)][-1:] == published(e)[-1:] for e in entities), 30, f"rows of {entities}")
            def reload(said):
                times = scene.log.read_text().count(said)
                runner.process.send_signal(signal.SIGHUP)
                wait_until(lambda: scene.log.read_text().count(said) > times, 30, said)

            scene.configure(lines("Account") + lines("Contact"))
            scene.emulator.publish(300)
            runner = scene.run()
            all_of("Account", "Contact")
            # A comment and another order change nothing; a file with mistakes neither.
            scene.configure(lines("Contact", "# the same") + lines("Account"))
            reload("2 pipelines go on, 0 end, 0 begin")
            good = scene.config.read_text()
            scene.config.write_text(good + "nonsense = 1\n")
            reload("the configuration was not reloaded, and what runs goes on")
            self.assertIn("nonsense: unknown key", scene.log.read_text())
            scene.configure(lines("Account").replace("/Account.ndjson", "/none/Account.ndjson"))
            reload("the configuration was not reloaded, and what runs goes on")
            self.assertIn("/none", scene.log.read_text())
            # One goes, one changes, one comes; what has changed begins behind its position, in the same file.
            scene.configure(lines("Account", 'exclude = ["payload_binary"]') + lines("Invoice__c"))
            reload("0 pipelines go on, 2 end, 2 begin")
            contacts = len(rows("Contact"))
            scene.emulator.publish(300)
            all_of("Account", "Invoice__c")
            self.assertEqual(len(rows("Contact")), contacts)
            self.assertEqual([r["replay_id"] for r in rows("Account")], published("Account"))
            self.assertIn("payload_binary", rows("Account")[0])
            self.assertNotIn("payload_binary", rows("Account")[-1])
            # It comes back, and goes on where it was. The others are not disturbed.
            calls = scene.log.read_text().count("/data/AccountChangeEvent: resuming")
            scene.configure(lines("Account", 'exclude = ["payload_binary"]') + lines("Invoice__c") + lines("Contact"))
            reload("2 pipelines go on, 0 end, 1 begin")
            all_of("Contact")
            self.assertEqual([r["replay_id"] for r in rows("Contact")], published("Contact"))
            self.assertEqual(scene.log.read_text().count("/data/AccountChangeEvent: resuming"), calls)
            self.assertEqual(runner.stop(), 0)

    def test_sighup_is_ignored_under_nohup(self):
        with Place(BUILD) as place, Peer(lambda _: None) as peer:
            before = signal.signal(signal.SIGHUP, signal.SIG_IGN)
            try:
                folder = place.make()
                runner = place.run(config_text(reached_at(peer.url), lines_stream(folder)), folder=folder)
            finally:
                signal.signal(signal.SIGHUP, before)
            wait_until(lambda: peer.seen, 10, "the login")
            runner.process.send_signal(signal.SIGHUP)
            time.sleep(1)
            self.assertIsNone(runner.process.poll())
            self.assertEqual(runner.stop(10), 0)


class Short(unittest.TestCase):
    """Threads, descriptors or memory are short from the start: the process ends with a sentence and a code, or runs. It dies of no signal."""

    def started_with(self, option, values, streams, seconds):
        """Runs with these limits, side by side: (value, exit code or None while it runs, its log, whether a position is stored)."""
        with Scene(BUILD, "--seed", 44) as scene, Place(BUILD) as place:
            scene.emulator.publish(200)
            place.folder.chmod(0o755)
            program = place.folder / "sfcdc"  # where another user may reach it
            shutil.copy(BUILD / "runner" / "sfcdc", program)
            runs = []
            for number, value in enumerate(values):
                folder = place.make()
                folder.chmod(0o777)
                text = "".join(lines_stream(folder, path=folder / f"rows{i}", checkpoint=folder / f"position{i}") for i in range(streams))
                (folder / "sfcdc.toml").write_text(config_text(scene.emulator.info, text))
                # The limit counts all threads of a user: each run has one of its own.
                user = ["setpriv", f"--reuid={471_100 + number}", "--clear-groups"] if option == "nproc" else []
                with open(folder / "log", "wb") as log:
                    runs.append((value, folder, place.open(["prlimit", f"--{option}={value}", *user, program, "run", "--config", folder / "sfcdc.toml"],
                                                           stdout=subprocess.DEVNULL, stderr=log)))
            end = time.monotonic() + seconds
            settled = lambda folder, process: process.poll() is not None or (folder / "position0").exists()
            while time.monotonic() < end and not all(settled(folder, process) for _, folder, process in runs):
                time.sleep(0.1)
            results = [(value, process.poll(), (folder / "log").read_text(errors="replace"), (folder / "position0").exists()) for value, folder, process in runs]
            for _, _, process in runs:
                if process.poll() is None:
                    process.send_signal(signal.SIGTERM)
            time.sleep(1)
            for _, _, process in runs:
                if process.poll() is None:
                    process.send_signal(signal.SIGTERM)
            for (value, code, _, _), (_, _, process) in zip(results, runs):
                with self.subTest(f"{option} {value}"):
                    self.assertIn(process.wait(5), (code,) if code is not None else (0, 1, 143))
            return results

    def assert_each_ends_well(self, option, results, sentence):
        for value, code, said, stored in results:
            with self.subTest(f"{option} {value}"):
                if code is None:
                    self.assertTrue(stored or "; next try in " in said or re.search(sentence, said), f"it neither runs nor is about to end: {said[-500:]}")
                else:
                    self.assertEqual(code, 1, said[-500:])
                    self.assertRegex(said, rf"(?m)^sfcdc: .*{sentence}")
        self.assertIsNone(results[-1][1], "the largest limit is none")
        self.assertIsNotNone(results[0][1], "the smallest limit is one")

    def test_of_threads(self):
        if os.geteuid() != 0:
            self.skipTest("needs root: another user's limit")
        self.assert_each_ends_well("nproc", self.started_with("nproc", (*range(1, 22), 40), 5, 6), "hread .*(cannot|can) be started .*raise the limit of processes and threads")

    def test_of_descriptors(self):
        self.assert_each_ends_well("nofile", self.started_with("nofile", (*range(4, 22), 64), 3, 6), "(Too many open files|descriptors|ulimit -n)")

    def test_of_memory(self):
        if b"__asan_init" in (BUILD / "runner" / "sfcdc").read_bytes():
            self.skipTest("the sanitizer takes the whole address space")
        for value, code, said, _ in self.started_with("as", [m << 20 for m in (*range(40, 200, 14), *range(200, 640, 40))], 2, 8):
            with self.subTest(f"{value >> 20} MiB"):
                if "error while loading shared libraries" in said:
                    continue  # not our words yet
                self.assertIn(code, (None, 1), said[-500:])
                if code is not None:
                    self.assertIn("sfcdc: ", said)


class Blocked:
    """A runner that something blocks, for as long as the class lasts. `received` says that events are held; a quick one may have ended
    before a second signal comes; one with a code ends with it."""

    def __init__(self, name, process, log, in_place, received, code=0, quick=False):
        self.name, self.process, self.log, self.in_place, self.received, self.code, self.quick = name, process, log, in_place, received, code, quick
        self.took = None  # seconds from the signal to the end
        self.wrong = None  # why it does not stand

    def said(self):
        return self.log.read_text(errors="replace") if self.log else ""


class WhileBlocked(unittest.TestCase):
    """SIGTERM while something blocks: with 0 within 30 seconds, at once where nothing was received; a second signal ends it at once.
    All situations stand side by side."""

    signalled = None  # the situations of the first test, which may have been begun before all others: it waits for half a minute

    @classmethod
    def begin(cls):
        cls.stack = contextlib.ExitStack()
        try:
            cls.place = cls.stack.enter_context(Place(BUILD))
            cls.scene = cls.stack.enter_context(Scene(BUILD, "--seed", 42))
            cls.holding = cls.stack.enter_context(Scene(BUILD, "--seed", 42))
            cls.holding.emulator.fault("hold_acks", ms=600_000)
            cls.idle = cls.stack.enter_context(Scene(BUILD, "--seed", 42))
            cls.scene.emulator.publish(300)
            cls.holding.emulator.publish(300)
            cls.signalled = cls.all_in_place()
        except BaseException:
            cls.stack.close()
            raise
        cls.watcher = threading.Thread(target=cls.stop_each, daemon=True)
        cls.watcher.start()

    @classmethod
    def setUpClass(cls):
        if cls.signalled is None:
            cls.begin()

    @classmethod
    def tearDownClass(cls):
        cls.stack.close()

    @classmethod
    def stop_each(cls):
        """One signal to each; notes what each needs to its end."""
        sent = time.monotonic()
        for blocked in cls.signalled:
            blocked.process.send_signal(signal.SIGTERM)
        while time.monotonic() < sent + LONGEST + 4 and any(blocked.took is None for blocked in cls.signalled):
            for blocked in cls.signalled:
                if blocked.took is None and blocked.process.poll() is not None:
                    blocked.took = time.monotonic() - sent
            time.sleep(0.02)

    @classmethod
    def start(cls, name, text, in_place, received=False, options=(), stdout=subprocess.DEVNULL, stderr=None, **more):
        folder = cls.place.make()
        (folder / "sfcdc.toml").write_text(text(folder) if callable(text) else text)
        log = None
        if stderr is None:
            log = folder / "log"
            stderr = cls.stack.enter_context(open(log, "wb"))
        process = cls.place.open([BUILD / "runner" / "sfcdc", "run", "--config", folder / "sfcdc.toml", *options], stdout=stdout, stderr=stderr)
        blocked = Blocked(name, process, log, None, received, **more)
        blocked.in_place = lambda: in_place(blocked)
        return blocked

    @classmethod
    def fills_up(cls, reader, writer):
        """Reads a log until a schema is there, that is until events were received; then lets its pipe fill up."""
        os.set_blocking(reader, False)
        with contextlib.suppress(BlockingIOError):
            cls.read_so_far += os.read(reader, 65_536)
        if b"schema" in cls.read_so_far:
            fill(writer)
        return b"schema" in cls.read_so_far

    @classmethod
    def situations(cls):
        """Starts them all."""
        cls.read_so_far = b""
        emulator, holding, idle = cls.scene.emulator.info, cls.holding.emulator.info, cls.idle.emulator.info
        enter = cls.stack.enter_context
        said = lambda text: lambda blocked: text in blocked.said()

        peer = enter(Peer(lambda _: None))
        yield cls.start("the login hangs", lambda f, u=peer.url: config_text(reached_at(u), lines_stream(f)), lambda _, p=peer: p.seen, quick=True)

        peer = enter(Peer())
        peer.answer = lambda r, p=peer: p.token() if r.path.endswith("/token") else None
        yield cls.start("userinfo hangs", lambda f, u=peer.url: config_text(reached_at(u), lines_stream(f)), lambda _, p=peer: p.asked("/userinfo"), quick=True)

        peer = enter(Peer(lambda _: (503, {}, {"Retry-After": "600"})))
        yield cls.start("the login asks for ten minutes", lambda f, u=peer.url: config_text(reached_at(u), lines_stream(f)), said("next try in"), quick=True)

        peer = enter(Peer())
        yield cls.start("GetTopic cannot be reached", lambda f, u=peer.url: config_text(reached_at(u, "127.0.0.1:9"), lines_stream(f)), said("GetTopic"), quick=True)

        deaf = enter(Deaf())
        yield cls.start("GetTopic is not answered", lambda f, u=peer.url, d=deaf: config_text(reached_at(u, d.endpoint), lines_stream(f)), lambda _, d=deaf: d.connections, quick=True)

        for world, received in ((emulator, True), (idle, False)):
            peer = enter(Peer(lambda _: None))
            yield cls.start(f"the token of Databricks hangs, events received: {received}", lambda f, w=world, u=peer.url: config_text(w, zerobus_stream(f), workspace_url=u),
                             lambda b, p=peer, r=received: p.seen and ("schema" in b.said() or not r), received, quick=not received)

        peer = enter(Peer(lambda _: (503, {}, {"Retry-After": "600"})))
        yield cls.start("the token of Databricks is promised in ten minutes", lambda f, u=peer.url: config_text(emulator, zerobus_stream(f), workspace_url=u),
                         lambda b, p=peer: p.seen and "schema" in b.said(), True)

        deaf = enter(Deaf())
        yield cls.start("Zerobus is not answering", lambda f, d=deaf: config_text(emulator, zerobus_stream(f), zerobus_endpoint="http://" + d.endpoint),
                         lambda b, d=deaf: d.connections and "schema" in b.said(), True)

        yield cls.start("the lake holds acknowledgements", lambda f: config_text(holding, zerobus_stream(f)), lambda b: "schema" in b.said() and cls.holding.emulator.rows(CDC_TABLE) > 0, True)

        def pipe(folder):
            os.mkfifo(folder / "pipe")
            return config_text(emulator, lines_stream(folder, path=folder / "pipe"))
        yield cls.start("a named pipe without a reader", pipe, said("schema"), True)

        reader, writer = full_pipe()
        cls.stack.callback(os.close, reader)
        yield cls.start("standard output that nobody reads", lambda f: config_text(emulator, lines_stream(f, path="-")), said("schema"), True, stdout=writer)
        os.close(writer)

        reader, writer = full_pipe()
        cls.stack.callback(os.close, reader)
        peer = enter(Peer())
        yield cls.start("standard error that nobody reads, nothing received", lambda f, u=peer.url: config_text(reached_at(u), lines_stream(f)),
                         lambda _, p=peer: p.asked("/userinfo"), options=("--log-level", "trace"), stderr=writer)

        peer = enter(Peer(lambda _: (400, {"error": "invalid_client"})))
        yield cls.start("standard error that nobody reads, and the login is refused", lambda f, u=peer.url: config_text(reached_at(u), lines_stream(f)),
                         lambda _, p=peer: p.seen, options=("--log-level", "error"), stderr=writer, code=3)
        os.close(writer)

        reader, writer = os.pipe()
        cls.stack.callback(os.close, reader)
        yield cls.start("standard error that nobody reads any more", lambda f: config_text(holding, zerobus_stream(f)),
                         lambda _, r=reader, w=writer: cls.fills_up(r, w), True, options=("--log-level", "trace"), stderr=writer)

        def locked(folder):
            database = sqlite3.connect(folder / "rows.db", isolation_level=None)
            cls.stack.callback(database.close)
            database.execute("PRAGMA journal_mode=WAL")
            database.execute("BEGIN IMMEDIATE")
            database.execute("CREATE TABLE x(a)")
            return config_text(idle, sqlite_stream(folder))
        yield cls.start("a database that is locked at the start", locked, said("logged in"), quick=True)

        yield cls.start("nothing to do", lambda f: config_text(idle, zerobus_stream(f)), said("starting from"), quick=True)

        def two(folder):
            os.mkfifo(folder / "pipe")
            return config_text(emulator, lines_stream(folder, path=folder / "pipe") + lines_stream(folder, "/data/NoSuchChangeEvent", folder / "b", folder / "b.position"))
        yield cls.start("a pipe, and another stream has failed", two, said("NoSuchChangeEvent"), True, code=3)

    @classmethod
    def lock_when_running(cls):
        """A database that another process locks in mid-run, with events that then come."""
        folder = cls.place.make()
        scene = cls.stack.enter_context(Scene(BUILD, "--seed", 43))
        blocked = cls.start("a database that is locked in mid-run", config_text(scene.emulator.info, sqlite_stream(folder)), lambda b: "schema" in b.said(), True)
        scene.emulator.publish(20)
        def rows():
            with contextlib.suppress(sqlite3.OperationalError), contextlib.closing(sqlite3.connect(folder / "rows.db")) as database:
                return database.execute("SELECT count(*) FROM events").fetchone()[0]
        wait_until(rows, 20, "rows")
        database = sqlite3.connect(folder / "rows.db", isolation_level=None, timeout=20)
        cls.stack.callback(database.close)
        database.execute("BEGIN IMMEDIATE")
        scene.emulator.publish(500)
        time.sleep(0.3)
        return blocked

    @classmethod
    def all_in_place(cls):
        standing = [*cls.situations(), cls.lock_when_running()]
        for blocked in standing:
            try:
                wait_until(lambda b=blocked: b.in_place() or (b.code == 0 and b.process.poll() is not None), 30, blocked.name)
            except AssertionError as e:
                blocked.wrong = str(e)
        time.sleep(0.5)
        for blocked in standing:
            if blocked.code == 0 and blocked.process.poll() is not None:
                blocked.wrong = f"it has ended by itself with {blocked.process.returncode}"
        return standing

    def test_one_signal_ends_it_in_time(self):
        self.watcher.join()
        for blocked in self.signalled:
            with self.subTest(blocked.name):
                self.assertIsNone(blocked.wrong, blocked.said()[-1000:])
                self.assertIsNotNone(blocked.took, "it does not end")
                self.assertEqual(blocked.process.returncode, blocked.code, blocked.said()[-1000:])
                self.assertLess(blocked.took, LONGEST if blocked.received else SHORTEST)
                if blocked.name == "a database that is locked in mid-run":
                    self.assertRegex(blocked.said(), r"rows.db: the database has been locked for \d+ s by another process or pipeline; waiting")

    def test_a_second_signal_ends_it_at_once(self):
        standing = self.all_in_place()
        sent = time.monotonic()
        # Where nothing holds it, the first signal would have ended it before the second one is sent a moment later.
        for blocked in standing:
            blocked.process.send_signal(signal.SIGTERM)
            if blocked.quick:
                blocked.process.send_signal(signal.SIGINT)
        time.sleep(0.3)
        for blocked in standing:
            if not blocked.quick and blocked.process.poll() is None:
                blocked.process.send_signal(signal.SIGTERM)
        for blocked in standing:
            with self.subTest(blocked.name):
                self.assertIsNone(blocked.wrong, blocked.said()[-1000:])
                code = blocked.process.wait(5)
                self.assertIn(code, (143, blocked.code) if blocked.quick or blocked.code else (143,), blocked.said()[-1000:])
        self.assertLess(time.monotonic() - sent, 5)


if __name__ == "__main__":
    BUILD = pathlib.Path(sys.argv.pop(1)).resolve()
    if not [name for name in sys.argv[1:] if not name.startswith("-")]:
        WhileBlocked.begin()  # all tests: the others run meanwhile
    unittest.main(verbosity=1)
