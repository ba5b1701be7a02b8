#!/usr/bin/env python3
"""Six hours of mixed load, compressed: does the daemon hold on to descriptors, threads or memory, and does it lose an event?

One daemon has pipelines of all kinds (zerobus with a table for each object, typed tables that follow their schemas, sqlite,
JSON lines, patterns of topics), with its status server on. A cycle of everything that happens in production is repeated:
rates that change, subscriptions that are dropped, streams that are rotated, tokens of both sides that expire, busy token endpoints,
slow acknowledgements, events that cannot be decoded, rows that are refused, schemas that change, topics that go and come,
reloads that remove and add a pipeline. Meanwhile /metrics and /status are read each second, by clients that break off, too.

Each cycle ends with a rest in which all rows are durable. What the process has then is compared between cycles. In the end
every event that the org has published must be in the tables, once or more, or be one of the dead letters that were caused.

Exits with 1 and a sentence where something is not flat, or something is lost."""
import argparse
import collections
import contextlib
import json
import os
import pathlib
import re
import signal
import socket
import sqlite3
import statistics
import struct
import sys
import threading
import time
import urllib.request

import daemon
from daemon import ROOT, TOPIC, Failed, say
from harness import Scene

# --- What flat means ----------------------------------------------------------------------------------------------------------
# A process of this kind is never quite still: while a stream is opened anew it has two connections for a moment, an
# allocator keeps what it will need again, and a burst that meets an outage holds more rows than one that does not. So values are
# compared only between rests, at the same phase of each cycle, and each rest counts with the median of its samples.
# The first cycles are not counted, because caches, pools and the allocator's arenas fill in them. Of the others:
#
#   trend   the slope of the least-squares line through all of them, times the time that they span. It sees a leak that is small
#           in each cycle, because every cycle adds to the evidence.
#   growth  the largest value of the last fifth minus the largest one of the first fifth. It sees a step that comes late, which
#           a line through all points would make look small.
#
# Either of them above what is allowed is a leak. What is allowed is less than one descriptor, thread or megabyte of each cycle would
# add up to, and more than what a rest differs from the next one without a leak.
#
# gRPC starts threads of its own when it has much to do, twice as many as there are cores at most, and ends them when it likes. So they are
# counted apart from those that the daemon starts.
#
# glibc gives threads arenas of their own, up to eight for each core, and what is free in one is not used by another. So the resident memory
# grows for a long time while the memory in use does not, which cannot be told from a small leak. With one arena it follows what is in use.
ALLOCATOR = {"MALLOC_ARENA_MAX": "1"}
WARM_UP = 0.2          # the part of the cycles that is not counted
ENOUGH_CYCLES = 7      # with fewer the trend means nothing, and the last rest is compared with the one before the first cycle
ALLOWED = {"descriptors": 1, "threads": 1, "grpc_threads": 2 * (os.cpu_count() or 1), "rss_mib": 4.0}
NOT_JUDGED_AT_ONCE = "rss_mib"  # with few cycles it is still filling pools

MOST_CYCLES = 12
SHORTEST_CYCLE = 15    # seconds: a fault needs a second or two until it is over
REST = 0.12            # the part of a cycle in which nothing happens and samples count
LOAD = 0.78            # the part in which the phases happen; what is left is for what they have held up
SETTLE_LIMIT = 90      # seconds until all rows are durable once faults are over; a restart of a pipeline takes longer than that
TOKEN_LIFETIME = 20    # seconds
CHANGING_ENTITIES = 3
FIRST_CUTS = 90        # among them are events of each object; more than a hundred in a row would end a pipeline
PLATFORM_EVENTS = ("/event/Order_Event__e", "/event/Payment__e", "/event/Late__e")
REFUSED_CHANGE_TYPE = "DELETE"  # rare enough, so that the search for a bad row ends before the next one is there
TERMS = tuple(ALLOWED)


def slope(values):
    """Of the least-squares line through values at 0, 1, 2, …"""
    middle, mean = (len(values) - 1) / 2, statistics.fmean(values)
    return sum((x - middle) * (y - mean) for x, y in enumerate(values)) / sum((x - middle) ** 2 for x in range(len(values)))


def judge(rests):
    """What is said of each term, and sentences about what is not flat. `rests` has one value of each term for each rest; the first is
    the one before the first cycle."""
    judged, wrong = {}, []
    cycles = rests[1:]
    many = len(cycles) >= ENOUGH_CYCLES
    for term in TERMS:
        judged[term] = {"start": rests[0][term], "end": rests[-1][term], "largest": max(r[term] for r in rests)}
        if many:
            counted = [r[term] for r in cycles[max(1, round(len(cycles) * WARM_UP)):]]
            fifth = max(1, len(counted) // 5)
            found = {"trend": slope(counted) * (len(counted) - 1), "growth": max(counted[-fifth:]) - max(counted[:fifth])}
        else:
            found = {"growth": rests[-1][term] - rests[0][term]}
        judged[term] |= {name: round(value, 2) for name, value in found.items()}
        allowed = ALLOWED[term] if many or term != NOT_JUDGED_AT_ONCE else None
        judged[term]["allowed"] = allowed
        for name, value in found.items():
            if allowed is not None and value > allowed:
                wrong.append(f"{term} are not flat: the {name} is {value:.1f} where {allowed} are allowed; at rest they were "
                             + ", ".join(f"{r[term]:g}" for r in rests))
    return judged, wrong


def unaccounted(expected, found, letters):
    """The rows that are missing and those of no event. All three arguments have (replay id, record ordinal); a letter of a whole event has
    None in place of the ordinal."""
    missing = {row for row in expected - found if row not in letters and (row[0], None) not in letters}
    return missing, found - expected


# --- The daemon's pipelines and their rows ------------------------------------------------------------------------------------
Sink = collections.namedtuple("Sink", "name topic rows exactly_once letters")


def rows_of_lake(scene, tables, prefix=""):
    names = [n for (n,) in scene.emulator.query("SELECT name FROM sqlite_master WHERE type = 'table' AND name LIKE ?", tables)]
    return [row for n in names for row in scene.emulator.query(f'SELECT {prefix}replay_id, {prefix}record_ordinal FROM "{n}"')]


def rows_of_database(path):
    with contextlib.closing(sqlite3.connect(path)) as database:
        return database.execute("SELECT replay_id, record_ordinal FROM events").fetchall()


def rows_of_lines(path):
    return [(row["replay_id"], row["record_ordinal"]) for row in json_lines(path)]


def json_lines(path):
    return [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()] if path.exists() else []


def pipelines(scene, build):
    """The blocks of the configuration, of which the last one comes and goes, and where their rows are."""
    folder = scene.folder
    blocks, sinks = [], []

    def add(name, topic, rows, exactly_once=False, **keys):
        blocks.append(daemon.pipeline(build, topic=topic, **{"layout": "sfcdc", "dead_letters": f"{folder}/{name}.letters", **keys}))
        sinks.append(Sink(name, topic, rows, exactly_once, folder / f"{name}.letters"))

    def checkpoint(name):
        return f"{folder}/{name}.checkpoint"

    add("raw", TOPIC, lambda: rows_of_lake(scene, "main.raw.%"), sink="zerobus", table="main.raw.{entity}", checkpoint=checkpoint("raw"))
    add("typed", TOPIC, lambda: rows_of_lake(scene, "main.typed.%", "_sf_"), sink="zerobus", layout="typed", table="main.typed.{entity}",
        evolve="auto", evolve_interval=1, checkpoint=checkpoint("typed"))
    add("sqlite", TOPIC, lambda: rows_of_database(folder / "rows.db"), exactly_once=True, sink="sqlite", path=f"{folder}/rows.db")
    add("ndjson", "/data/AccountChangeEvent", lambda: rows_of_lines(folder / "accounts.ndjson"), sink="ndjson",
        path=f"{folder}/accounts.ndjson", checkpoint=checkpoint("accounts"))
    # A pattern is a pipeline for each topic. /event/* gets another one while the daemon runs, the other pattern's goes and comes.
    blocks.append(daemon.pipeline(build, topic="/event/*", topic_interval=1, sink="ndjson", layout="sfcdc", path=f"{folder}/{{topic}}.ndjson",
                                  checkpoint=f"{folder}/{{topic}}.checkpoint"))
    for topic in PLATFORM_EVENTS:
        name = topic.removeprefix("/event/")
        sinks.append(Sink(name, topic, lambda name=name: rows_of_lines(folder / f"{name}.ndjson"), False,
                          folder / f"{name}.checkpoint.dead_letters.ndjson"))
    blocks.append(daemon.pipeline(build, topic="/data/Inv*ChangeEvent", topic_interval=1, sink="zerobus", layout="sfcdc",
                                  table="main.patterns.{topic}", checkpoint=f"{folder}/data_{{topic}}.checkpoint"))
    sinks.append(Sink("invoices", "/data/Invoice__ChangeEvent", lambda: rows_of_lake(scene, "main.patterns.%"), False,
                      folder / "data_Invoice__ChangeEvent.checkpoint.dead_letters.ndjson"))
    add("contacts", "/data/ContactChangeEvent", lambda: rows_of_lake(scene, "main.reloads.contacts"), sink="zerobus",
        table="main.reloads.contacts", checkpoint=checkpoint("contacts"))
    return blocks, sinks


def letters_of(sink):
    """(replay id, ordinal) of refused rows and (replay id, None) of events, and sentences about letters that nobody has caused."""
    found, wrong = set(), []
    for letter in json_lines(sink.letters):
        if "reason" not in letter:
            continue  # the schema of the letters behind it
        if "payload" in letter:
            found.add((letter["replay_id"], None))
            continue
        columns = letter["columns"]
        ordinal = columns.get("record_ordinal", columns.get("_sf_record_ordinal"))
        change_type = columns.get("change_type", columns.get("_sf_change_type"))
        found.add((letter["replay_id"], int(ordinal)))
        if change_type != REFUSED_CHANGE_TYPE:
            wrong.append(f"{sink.name}: a row of {letter['replay_id']} became a dead letter, and the lake refuses none of {change_type}")
    return found, wrong


def account(scene, sinks, cuts):
    """Counts of each sink, and sentences about what is lost, unknown or twice. `cuts` events were published cut short."""
    counts, wrong = {}, []
    published = scene.emulator.published()
    for sink in sinks:
        prefix = "/data/" if sink.topic == TOPIC else sink.topic
        expected = {(event["replay_id"], ordinal) for event in published if event["topic"].startswith(prefix) for ordinal in range(event["records"])}
        rows = [tuple(row) for row in sink.rows()]
        letters, uncaused = letters_of(sink)
        missing, unknown = unaccounted(expected, set(rows), letters)
        events = sum(ordinal is None for _, ordinal in letters)
        counts[sink.name] = {"expected": len(expected), "rows": len(set(rows)), "undecodable_events": events, "refused_rows": len(letters) - events,
                             "repeated": len(rows) - len(set(rows)), "missing": len(missing), "unknown": len(unknown)}
        wrong += uncaused
        if missing or unknown:
            wrong.append(f"{sink.name}: {len(missing)} rows of published events are in no table and no dead letter, {len(unknown)} rows "
                         f"are of no event: {sorted(missing | unknown)[:3]}")
        if sink.exactly_once and len(rows) > len(set(rows)):
            wrong.append(f"{sink.name}: {len(rows) - len(set(rows))} rows are there twice")
        if events > cuts:
            wrong.append(f"{sink.name}: {events} events became dead letters, and {cuts} cannot be decoded")
    return counts, wrong


# --- The samples, and those who ask the daemon meanwhile ----------------------------------------------------------------------
def sample(process):
    """Linux calls a thread as the one that has started it, so that all are called as the program but for those that gRPC has named."""
    threads = threads_by_name(process)
    own = threads.get(pathlib.Path(f"/proc/{process.pid}/comm").read_text().strip(), 0)
    return {"descriptors": len(os.listdir(f"/proc/{process.pid}/fd")), "threads": own, "grpc_threads": sum(threads.values()) - own,
            "rss_mib": round(daemon.memory_mib(process, "VmRSS"), 2)}


def descriptors_by_peer(process, info):
    """How many descriptors lead where: to the services, to a file, or to what else the kernel calls them."""
    services = {int(re.search(r":(\d+)/?$", info[name])[1]): name.partition("_")[0]
                for name in ("pubsub_endpoint", "zerobus_endpoint", "salesforce_url", "databricks_url")}
    peers = {}
    for family in ("tcp", "tcp6"):
        for line in pathlib.Path(f"/proc/{process.pid}/net/{family}").read_text().splitlines()[1:]:
            fields = line.split()
            peers[fields[9]] = services.get(int(fields[2].rpartition(":")[2], 16), "another connection")
    counts = collections.Counter()
    for entry in os.listdir(f"/proc/{process.pid}/fd"):
        try:
            target = os.readlink(f"/proc/{process.pid}/fd/{entry}")
        except FileNotFoundError:
            continue  # closed meanwhile
        if socket_number := re.match(r"socket:\[(\d+)\]", target):
            counts[peers.get(socket_number[1], "another socket")] += 1
        else:
            counts["a file" if target.startswith("/") else target.removeprefix("anon_inode:").partition(":")[0]] += 1
    return dict(sorted(counts.items()))


def threads_by_name(process):
    counts = collections.Counter()
    for entry in os.listdir(f"/proc/{process.pid}/task"):
        try:
            counts[pathlib.Path(f"/proc/{process.pid}/task/{entry}/comm").read_text().strip()] += 1
        except (FileNotFoundError, ProcessLookupError):
            continue  # it has ended meanwhile
    return dict(sorted(counts.items()))


class Watcher(threading.Thread):
    """Takes a sample each second and asks the status server, also as clients do that break off."""

    def __init__(self, scene, runner, address):
        super().__init__(daemon=True)
        self.scene, self.runner, self.address = scene, runner, address
        self.phase = (0, "start")
        self.samples = []  # (phase, seconds, sample of the daemon, sample of the emulator)
        self.failed = None
        self.scrapes = self.broken = 0
        self.ending = threading.Event()
        self.held = None

    def run(self):
        started = time.monotonic()
        try:
            for turn in range(1_000_000):
                due = started + turn
                if self.ending.wait(max(0.0, due - time.monotonic())):
                    return
                # Before anybody asks, so that the sample has no connection of the status server.
                self.samples.append((self.phase, time.monotonic() - started, sample(self.runner.process), sample(self.scene.emulator.process)))
                for path in ("/metrics", "/status"):
                    with urllib.request.urlopen(f"http://{self.address}{path}", timeout=30) as answer:
                        if not answer.read():
                            raise Failed(f"{path} is empty")
                        self.scrapes += 1
                self.break_off(turn % 5)
        except Exception as e:  # told by whoever waits for this thread
            self.failed = e
        finally:
            self.let_go()

    def break_off(self, kind):
        self.let_go()
        if kind == 4 and self.phase[1] == "rest":
            return  # it would be in the next sample
        host, port = self.address.split(":")
        client = socket.create_connection((host, int(port)), 30)
        self.broken += 1
        if kind == 4:  # says nothing until the next turn
            self.held = client
            return
        with client:
            client.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))  # closing resets the connection
            if kind == 1:
                client.sendall(b"GET /status HTTP/1.1\r\nHo")
            elif kind > 1:
                client.sendall(b"GET /status HTTP/1.1\r\nHost: soak\r\n\r\n")
            if kind == 3:
                client.recv(10)

    def let_go(self):
        if self.held:
            self.held.close()
            self.held = None

    def check(self):
        daemon.check_alive(self.scene)
        if self.failed:
            raise Failed(f"the status server: {self.failed!r}")

    def stop(self):
        self.ending.set()
        self.join()


# --- The load ----------------------------------------------------------------------------------------------------------------
class Load:
    """One cycle is all phases, one after the other, and a rest."""

    def __init__(self, scene, runner, watcher, blocks, second):
        self.scene, self.runner, self.watcher, self.blocks = scene, runner, watcher, blocks
        self.second = second  # of real time for each second of the phases
        self.cycle = 0
        self.cuts = 0

    def phases(self):
        """Name, function and length in seconds of the phases."""
        return [("steady", self.steady, 4), ("burst", self.burst, 4), ("subscriptions", self.subscriptions, 7), ("tokens", self.tokens, 7),
                ("lake", self.lake, 8), ("letters", self.letters, 6), ("schemas", self.schemas, 6), ("topics", self.topics, 7),
                ("reload", self.reload, 6), ("idle", self.idle, 3)]

    def length(self):
        return sum(seconds for _, _, seconds in self.phases())

    def fault(self, op, **details):
        self.scene.emulator.fault(op, **details)

    def publish(self, seconds, rate, workload="usual", **details):
        self.scene.emulator.publish(max(1, round(seconds * self.second * rate)), rate, workload=workload, **details)

    def sleep(self, seconds):
        end = time.monotonic() + seconds * self.second
        while (left := end - time.monotonic()) > 0:
            self.watcher.check()
            time.sleep(min(left, 0.5))

    def steady(self):
        self.publish(4, 50)
        for topic in PLATFORM_EVENTS:
            self.scene.emulator.control("/topic", {"topic": topic, "count": 10})
        self.sleep(4)

    def burst(self):
        self.scene.emulator.publish(round(1500 * self.second), workload="changing")
        self.scene.emulator.publish(round(1500 * self.second), workload="usual")
        self.sleep(4)

    def subscriptions(self):
        self.publish(7, 100)
        self.sleep(1)
        self.fault("drop_subscribers")
        self.sleep(2)
        self.fault("subscribe_error", code="service.unavailable", times=3)
        self.sleep(2)
        self.fault("silence_subscribe", ms=int(1500 * self.second))
        self.sleep(2)

    def tokens(self):
        self.publish(7, 100)
        for side in ("salesforce", "databricks"):
            self.fault("token_status", side=side, status=429, times=1, retry_after_s=1)
        self.fault("expire_salesforce_tokens")
        self.fault("expire_databricks_tokens")
        self.fault("rotate_streams", duration_ms=200)  # the next streams need tokens
        self.sleep(4)
        self.fault("token_status", side="salesforce", status=503, times=1)
        self.fault("expire_salesforce_tokens", end_streams=False)
        self.fault("drop_subscribers")
        self.sleep(3)

    def lake(self):
        self.publish(8, 100)
        self.sleep(1)
        self.fault("rotate_streams", duration_ms=1000)
        self.sleep(2)
        self.fault("zerobus_error", code="UNAVAILABLE", when="stream", times=4)
        self.fault("zerobus_error", code="INTERNAL", when="create", times=2)
        self.sleep(2)
        self.fault("zerobus_error", code="UNAUTHENTICATED", when="stream")
        self.fault("zerobus_error", code="RESOURCE_EXHAUSTED", when="create")
        self.fault("hold_acks", ms=int(1500 * self.second))
        self.sleep(3)

    def letters(self):
        self.fault("poison", column="change_type", value=REFUSED_CHANGE_TYPE)
        self.fault("poison", column="_sf_change_type", value=REFUSED_CHANGE_TYPE)
        self.cuts += 5
        self.fault("undecodable", times=5)
        self.publish(4, 150)
        self.sleep(6)
        self.fault("clear")

    def schemas(self):
        """The org gets a new schema, and has an earlier one again; the warehouse is slow meanwhile."""
        self.fault("slow_statements", ms=300)
        self.fault("column_delay", ms=500)
        self.fault("rest_status", status=503, times=1)
        entity = f"Entity{self.cycle % CHANGING_ENTITIES:02}__c"
        self.scene.emulator.change_schema(entity, "add")
        self.publish(3, 60, "changing")
        self.sleep(3)
        self.scene.emulator.change_schema(entity, "earlier")
        self.publish(3, 60, "changing")
        self.sleep(3)
        self.fault("clear")

    def topics(self):
        self.publish(7, 50)
        invoices = "/data/Invoice__ChangeEvent: "
        self.until_said(invoices + "the org does not have it any more", lambda: self.fault("deselect", entity="Invoice__c"))
        self.sleep(4)
        self.until_said(invoices + "a new topic", lambda: self.fault("clear"))  # it is selected again
        self.sleep(3)

    def reload(self):
        """The last pipeline is removed and added."""
        self.publish(6, 50)
        for blocks in (self.blocks[:-1], self.blocks):
            def change(blocks=blocks):
                configure(self.scene, blocks)
                os.kill(self.runner.process.pid, signal.SIGHUP)
            self.until_said("the configuration was reloaded: ", change)
            self.sleep(3)

    def until_said(self, text, act):
        """Waits until the daemon's log has the text once more than before."""
        before = self.runner.said().count(text)
        act()
        end = time.monotonic() + 60
        while self.runner.said().count(text) == before:
            if time.monotonic() > end:
                raise Failed(f"the daemon does not say {text!r}; its log ends with:\n" + self.runner.said()[-2000:])
            self.watcher.check()
            time.sleep(0.1)

    def idle(self):
        self.sleep(3)

    def warm_up(self):
        """What a pipeline opens at its first letter, and then keeps, is open before the first rest."""
        self.settle()
        self.cuts += FIRST_CUTS
        self.fault("undecodable", times=FIRST_CUTS)
        self.scene.emulator.publish(FIRST_CUTS, workload="usual")

    def settle(self):
        """Every table and topic gets rows, so that each stream that a rest may have is open; then everything becomes durable."""
        self.watcher.phase = (self.cycle, "settling")
        self.scene.emulator.publish(300, workload="usual")
        self.scene.emulator.publish(100, workload="changing")
        for topic in PLATFORM_EVENTS:
            self.scene.emulator.control("/topic", {"topic": topic, "count": 3})
        end, before, since = time.monotonic() + SETTLE_LIMIT, None, 0.0
        while True:
            self.watcher.check()
            now = self.counts()
            if now != before or not self.at_rest(now):
                before, since = now, time.monotonic()
            elif time.monotonic() - since >= 1:
                return
            if time.monotonic() > end:
                raise Failed(f"rows do not become durable, or a pipeline is down: {now}; the log ends with:\n{self.runner.said()[-3000:]}")
            time.sleep(0.2)

    def counts(self):
        with urllib.request.urlopen(f"http://{self.watcher.address}/status", timeout=30) as answer:
            of = json.loads(answer.read())["pipelines"]
        return {one["name"]: (one["state"], one["waits_for"], one["events_waiting"], one["rows_waiting"], one["rows_durable"], one["position"])
                for one in of}

    @staticmethod
    def at_rest(counts):
        return all(state == "running" and waits_for == "connected" and events == rows == 0
                   for state, waits_for, events, rows, _, _ in counts.values())

    def rest(self, seconds):
        self.settle()
        self.watcher.phase = (self.cycle, "rest")
        end = time.monotonic() + seconds
        while time.monotonic() < end:
            self.watcher.check()
            time.sleep(0.2)
        self.watcher.phase = (self.cycle, "between")
        return {term: statistics.median(s[term] for phase, _, s, _ in self.watcher.samples if phase == (self.cycle, "rest")) for term in TERMS}

    def run_cycle(self):
        self.cycle += 1
        for name, act, _ in self.phases():
            self.watcher.phase = (self.cycle, name)
            act()


def configure(scene, blocks):
    scene.configure("\n".join(blocks), warehouse_id=scene.emulator.info["warehouse_id"])
    text = scene.config.read_text(encoding="utf-8")
    # A rename, because a reload may read the file at any time.
    new = scene.config.with_suffix(".new")
    new.write_text('[status]\nlisten = "127.0.0.1:0"\nlog_interval = 10\n\n' + text, encoding="utf-8")
    new.replace(scene.config)


def wait_for_account(scene, sinks, load):
    """Everything is durable when the daemon has settled; what is judged is read from the sinks, which may be a moment behind."""
    end = time.monotonic() + 30
    while True:
        counts, wrong = account(scene, sinks, load.cuts)
        if not wrong or time.monotonic() > end:
            return counts, wrong
        time.sleep(1)


def run(build, seconds, tls=False, emulator_build=None, seed=1, keep_log=None):
    """The report, with the list "wrong" of sentences."""
    cycles = int(max(1, min(MOST_CYCLES, seconds // SHORTEST_CYCLE)))
    length = seconds / cycles
    before = signal.signal(signal.SIGHUP, signal.SIG_DFL)  # under nohup the daemon would not hear it
    options = ["--seed", seed, "--token-lifetime-s", TOKEN_LIFETIME, "--keepalive-ms", 1000, "--changing-entities", CHANGING_ENTITIES,
               "--log-level", "warn", *(["--tls"] if tls else [])]
    with contextlib.ExitStack() as stack:
        stack.callback(signal.signal, signal.SIGHUP, before)
        scene = stack.enter_context(Scene(emulator_build or build, *options))
        scene.build = build
        blocks, sinks = pipelines(scene, build)
        configure(scene, blocks)
        scene.emulator.control("/topic", {"topic": PLATFORM_EVENTS[1], "count": 1})
        runner = scene.run(env=os.environ | ALLOCATOR)
        if keep_log:
            stack.callback(lambda: pathlib.Path(keep_log).write_text(runner.said(), encoding="utf-8"))
        end = time.monotonic() + 60
        while not (found := re.search(r"status: http://([^/]+)/", runner.said())):
            daemon.check_alive(scene)
            if time.monotonic() > end:
                raise Failed("the status server did not start:\n" + runner.said()[-2000:])
            time.sleep(0.1)
        watcher = Watcher(scene, runner, found[1])
        watcher.start()
        stack.callback(watcher.stop)
        load = Load(scene, runner, watcher, blocks, 1.0)
        load.second = length * LOAD / load.length()
        started = time.monotonic()
        rests = []
        made_of = []
        load.warm_up()
        for _ in range(cycles + 1):
            if rests:
                load.run_cycle()
            rests.append(load.rest(max(3.0, length * REST)))
            made_of.append({"descriptors": descriptors_by_peer(runner.process, scene.emulator.info), "threads": threads_by_name(runner.process)})
            say(f"{time.monotonic() - started:5.0f} s, cycle {load.cycle}: at rest {rests[-1]}")
        counts, lost = wait_for_account(scene, sinks, load)
        watcher.stop()
        watcher.check()
        judged, leaks = judge(rests)
        status = scene.emulator.status()
        restarts = runner.said().count(": starting again")
        code = runner.stop()
        wrong = lost + leaks
        if code != 0:
            wrong.append(f"the daemon ended with {code}:\n" + runner.said()[-2000:])
        if restarts:
            wrong.append(f"pipelines failed and were started again {restarts} times")
        peaks = [{term: max(s[term] for phase, _, s, _ in watcher.samples if phase[0] == cycle) for term in TERMS} for cycle in range(1, cycles + 1)]
        emulator = [s for _, _, _, s in watcher.samples]
        return {
            "seconds": round(time.monotonic() - started, 1), "tls": tls, "cycles": cycles, "flat": judged,
            "at_rest": rests, "made_of": made_of, "peaks": peaks,
            "emulator": {term: {"start": emulator[0][term], "end": emulator[-1][term]} for term in TERMS},
            "happened": {"events": status["published"], "deliveries": status["delivered"], "subscribe_calls": status["subscribe_calls"],
                         "streams_opened": status["streams_opened"], "logins": status["logins"], "tokens": status["tokens"],
                         "cut_events": load.cuts, "reloads": 2 * cycles, "scrapes": watcher.scrapes, "broken_requests": watcher.broken},
            "account": counts, "wrong": wrong,
        }


def report(made):
    """The report for people."""
    lines = [f"{made['cycles']} cycles in {made['seconds']:.0f} s: " + ", ".join(f"{name} {value}" for name, value in made["happened"].items())]
    for term, of in made["flat"].items():
        lines.append(f"{term}: " + ", ".join(f"{name} {value}" for name, value in of.items()) + "; at rest " + " ".join(f"{r[term]:g}" for r in made["at_rest"]))
    for term in ("descriptors", "threads"):
        for part in sorted({part for one in made["made_of"] for part in one[term]}):
            lines.append(f"{term}, {part}: " + " ".join(str(one[term].get(part, 0)) for one in made["made_of"]))
    lines.append("largest of each cycle: " + "; ".join(f"{term} " + " ".join(f"{p[term]:g}" for p in made["peaks"]) for term in TERMS))
    lines.append("emulator: " + ", ".join(f"{term} {of['start']:g} to {of['end']:g}" for term, of in made["emulator"].items()))
    for name, of in made["account"].items():
        lines.append(f"{name}: " + ", ".join(f"{key} {value}" for key, value in of.items()))
    return "\n".join(lines)


def main():
    arguments = argparse.ArgumentParser(prog="./dev soak", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    arguments.add_argument("--seconds", type=float, default=600, help="of all cycles; 600 by default, and at least 15")
    arguments.add_argument("--tls", action="store_true", help="all connections over TLS")
    arguments.add_argument("--json", action="store_true", help="one JSON object in place of lines")
    arguments.add_argument("--log", type=pathlib.Path, help="a file that the daemon's log is copied to")
    arguments.add_argument("--build", type=pathlib.Path, help="the folder of the daemon that is looked at; build/gcc by default")
    arguments.add_argument("--emulator-build", type=pathlib.Path, default=ROOT / "build" / "gcc", help="build/gcc by default")
    given = arguments.parse_args()
    given.emulator_build = given.emulator_build.resolve()
    try:
        made = run((given.build or given.emulator_build).resolve(), given.seconds, given.tls, given.emulator_build, keep_log=given.log)
    except Failed as e:
        sys.exit(f"soak: {e}")
    print(json.dumps(made) if given.json else report(made))
    for line in made["wrong"]:
        say(f"soak: {line}")
    return 1 if made["wrong"] else 0


if __name__ == "__main__":
    sys.exit(main())
