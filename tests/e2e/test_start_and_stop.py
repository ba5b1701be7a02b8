"""How the process starts and ends, whatever blocks it or is short.

usage: test_start_and_stop.py BUILD_FOLDER [unittest arguments]
"""
import contextlib
import fcntl
import json
import os
import pathlib
import resource
import shutil
import signal
import sqlite3
import stat
import subprocess
import sys
import tempfile
import time
import unittest

from harness import CDC_TABLE, Scene, config_text, wait_until, zerobus_stream
from peers import Deaf, Peer, Place, lines_stream, reached_at, rows_of, sqlite_stream

BUILD = None
# docs/running.md promises 30 s; the rest is for a machine that is busy with other tests.
LONGEST, SHORTEST = 32, 5


def full_pipe():
    """The end of a pipe into which nothing more can be written, and the end that nobody reads."""
    reader, writer = os.pipe()
    os.set_blocking(writer, False)
    with contextlib.suppress(BlockingIOError):
        while True:
            os.write(writer, b"." * 4096)
    with contextlib.suppress(BlockingIOError):
        while True:
            os.write(writer, b".")
    os.set_blocking(writer, True)
    return reader, writer


class Signals(unittest.TestCase):
    def drains_after(self, number):
        with Scene(BUILD, "--seed", 41, "--ack-delay-ms", 1000) as scene:
            scene.configure()
            scene.emulator.publish(400)
            runner = scene.run()
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

    def test_sighup_drains(self):
        self.drains_after(signal.SIGHUP)

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


class Blocked:
    """A runner that something blocks, for as long as the class lasts. `received` says that events are held."""

    def __init__(self, name, process, log, in_place, received, code=0, quick=False):
        self.name, self.process, self.log, self.in_place, self.received, self.code, self.quick = name, process, log, in_place, received, code, quick

    def said(self):
        return self.log.read_text(errors="replace") if self.log else ""


class Blocking(unittest.TestCase):
    """SIGTERM while something blocks: with 0 within 30 seconds, at once where nothing was received; a second signal ends it at once.
    All situations stand side by side."""

    @classmethod
    def setUpClass(cls):
        cls.stack = contextlib.ExitStack()
        try:
            cls.place = cls.stack.enter_context(Place(BUILD))
            cls.scene = cls.stack.enter_context(Scene(BUILD, "--seed", 42))
            cls.holding = cls.stack.enter_context(Scene(BUILD, "--seed", 42))
            cls.holding.emulator.fault("hold_acks", ms=600_000)
            cls.idle = cls.stack.enter_context(Scene(BUILD, "--seed", 42))
            cls.scene.emulator.publish(300)
            cls.holding.emulator.publish(300)
        except BaseException:
            cls.stack.close()
            raise

    @classmethod
    def tearDownClass(cls):
        cls.stack.close()

    def start(self, name, text, in_place, received=False, options=(), stdout=subprocess.DEVNULL, stderr=None, **more):
        folder = self.place.make()
        (folder / "sfcdc.toml").write_text(text(folder) if callable(text) else text)
        log = None
        if stderr is None:
            log = folder / "log"
            stderr = self.stack.enter_context(open(log, "wb"))
        process = self.place.open([BUILD / "runner" / "sfcdc", "run", "--config", folder / "sfcdc.toml", *options], stdout=stdout, stderr=stderr)
        blocked = Blocked(name, process, log, None, received, **more)
        blocked.in_place = lambda: in_place(blocked)
        return blocked

    def situations(self):
        """Starts them all."""
        emulator, holding, idle = self.scene.emulator.info, self.holding.emulator.info, self.idle.emulator.info
        enter = self.stack.enter_context
        said = lambda text: lambda blocked: text in blocked.said()

        peer = enter(Peer(lambda _: None))
        yield self.start("the login hangs", lambda f, u=peer.url: config_text(reached_at(u), lines_stream(f)), lambda _, p=peer: p.seen)

        peer = enter(Peer())
        peer.answer = lambda r, p=peer: p.token() if r.path.endswith("/token") else None
        yield self.start("userinfo hangs", lambda f, u=peer.url: config_text(reached_at(u), lines_stream(f)), lambda _, p=peer: p.asked("/userinfo"))

        peer = enter(Peer(lambda _: (503, {}, {"Retry-After": "600"})))
        yield self.start("the login asks for ten minutes", lambda f, u=peer.url: config_text(reached_at(u), lines_stream(f)), said("next try in"), quick=True)

        peer = enter(Peer())
        yield self.start("GetTopic cannot be reached", lambda f, u=peer.url: config_text(reached_at(u, "127.0.0.1:9"), lines_stream(f)), said("GetTopic"), quick=True)

        deaf = enter(Deaf())
        yield self.start("GetTopic is not answered", lambda f, u=peer.url, d=deaf: config_text(reached_at(u, d.endpoint), lines_stream(f)), lambda _, d=deaf: d.connections, quick=True)

        for world, received in ((emulator, True), (idle, False)):
            peer = enter(Peer(lambda _: None))
            yield self.start(f"the token of Databricks hangs, events received: {received}", lambda f, w=world, u=peer.url: config_text(w, zerobus_stream(f), workspace_url=u),
                             lambda b, p=peer, r=received: p.seen and ("schema" in b.said() or not r), received, quick=not received)

        peer = enter(Peer(lambda _: (503, {}, {"Retry-After": "600"})))
        yield self.start("the token of Databricks is promised in ten minutes", lambda f, u=peer.url: config_text(emulator, zerobus_stream(f), workspace_url=u),
                         lambda b, p=peer: p.seen and "schema" in b.said(), True)

        deaf = enter(Deaf())
        yield self.start("Zerobus is not answering", lambda f, d=deaf: config_text(emulator, zerobus_stream(f), zerobus_endpoint="http://" + d.endpoint),
                         lambda b, d=deaf: d.connections and "schema" in b.said(), True)

        yield self.start("the lake holds acknowledgements", lambda f: config_text(holding, zerobus_stream(f)), lambda b: "schema" in b.said() and self.holding.emulator.rows(CDC_TABLE) > 0, True)

        def pipe(folder, which):
            os.mkfifo(folder / "pipe")
            return config_text(emulator, lines_stream(folder, path=folder / "pipe" if which == "path" else None, more=f'dead_letters = "{folder}/pipe"' if which == "letters" else ""))
        yield self.start("a named pipe without a reader", lambda f: pipe(f, "path"), said("schema"), True)

        reader, writer = full_pipe()
        self.stack.callback(os.close, reader)
        yield self.start("standard output that nobody reads", lambda f: config_text(emulator, lines_stream(f, path="-")), said("schema"), True, stdout=writer)
        os.close(writer)

        for level in ("trace", "error"):
            reader, writer = full_pipe()
            self.stack.callback(os.close, reader)
            peer = enter(Peer())
            yield self.start(f"standard error that nobody reads, --log-level {level}", lambda f, u=peer.url: config_text(reached_at(u, emulator["pubsub_endpoint"]), lines_stream(f)),
                             lambda _, p=peer: p.asked("/userinfo"), True, ("--log-level", level), stderr=writer)
            os.close(writer)

        def locked(folder, rows):
            database = sqlite3.connect(folder / "rows.db", isolation_level=None, check_same_thread=False)
            self.stack.callback(database.close)
            if not rows:
                database.execute("PRAGMA journal_mode=WAL")
                database.execute("BEGIN IMMEDIATE")
                database.execute("CREATE TABLE x(a)")
            else:
                self.databases.append(database)
            return config_text(emulator if rows else idle, sqlite_stream(folder))
        yield self.start("a database that is locked at the start", lambda f: locked(f, False), said("logged in"), quick=True)

        yield self.start("nothing to do", lambda f: config_text(idle, zerobus_stream(f)), said("starting from"), quick=True)

        def two(folder):
            os.mkfifo(folder / "pipe")
            return config_text(emulator, lines_stream(folder, path=folder / "pipe") + lines_stream(folder, "/data/NoSuchChangeEvent", folder / "b", folder / "b.position"))
        yield self.start("a pipe, and another stream has failed", two, said("NoSuchChangeEvent"), True, code=3)

    def lock_when_running(self):
        """A database that another process locks in mid-run, with events that then come."""
        folder = self.place.make()
        scene = self.stack.enter_context(Scene(BUILD, "--seed", 43))
        blocked = self.start("a database that is locked in mid-run", config_text(scene.emulator.info, sqlite_stream(folder)), lambda b: "schema" in b.said(), True)
        scene.emulator.publish(20)
        def rows():
            with contextlib.suppress(sqlite3.OperationalError), contextlib.closing(sqlite3.connect(folder / "rows.db")) as database:
                return database.execute("SELECT count(*) FROM events").fetchone()[0]
        wait_until(rows, 20, "rows")
        database = sqlite3.connect(folder / "rows.db", isolation_level=None, timeout=20)
        self.stack.callback(database.close)
        database.execute("BEGIN IMMEDIATE")
        scene.emulator.publish(500)
        time.sleep(0.3)
        return blocked

    def all_in_place(self):
        self.databases = []
        standing = [*self.situations(), self.lock_when_running()]
        for blocked in standing:
            wait_until(blocked.in_place, 30, blocked.name)
        time.sleep(0.5)
        for blocked in standing:
            if blocked.code == 0:
                self.assertIsNone(blocked.process.poll(), f"{blocked.name}: {blocked.said()}")
        return standing

    def test_one_signal_ends_it_in_time(self):
        standing = self.all_in_place()
        sent = time.monotonic()
        for blocked in standing:
            if blocked.code == 0:
                blocked.process.send_signal(signal.SIGTERM)
        ended = {}
        while len(ended) < len(standing) and time.monotonic() < sent + LONGEST + 8:
            for blocked in standing:
                if blocked not in ended and blocked.process.poll() is not None:
                    ended[blocked] = time.monotonic() - sent
            time.sleep(0.02)
        for blocked in standing:
            with self.subTest(blocked.name):
                took = ended.get(blocked)
                print(f"  {blocked.name}: {blocked.process.returncode} after {took and round(took, 1)} s", file=sys.stderr)
                self.assertIsNotNone(took, "it does not end")
                self.assertEqual(blocked.process.returncode, blocked.code, blocked.said()[-1000:])
                self.assertLess(took, LONGEST if blocked.received else SHORTEST)

    def test_a_second_signal_ends_it_at_once(self):
        standing = self.all_in_place()
        for first, second in ((signal.SIGTERM, signal.SIGTERM), (signal.SIGINT, signal.SIGTERM)):
            pass
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
                code = blocked.process.wait(5)
                self.assertIn(code, (143, 0) if blocked.quick else (143,), blocked.said()[-1000:])
        self.assertLess(time.monotonic() - sent, 5)


if __name__ == "__main__":
    BUILD = pathlib.Path(sys.argv.pop(1)).resolve()
    unittest.main(verbosity=1)
