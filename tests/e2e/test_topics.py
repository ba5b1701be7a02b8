"""Pipelines whose topic is a pattern: each topic of the org that matches has a pipeline, also one that turns up while the daemon runs.

usage: test_topics.py BUILD_FOLDER [unittest arguments]
"""
import contextlib
import json
import os
import pathlib
import re
import signal
import sqlite3
import subprocess
import sys
import unittest
import urllib.request

from harness import Scene, wait_until

BUILD = None


def lines(path):
    return [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()] if path.exists() else []


def events_by_pattern(folder, more=""):
    """The platform events of the org, each into a file."""
    return f"""[[pipeline]]
topic = "/event/*"
topic_interval = 1
sink = "ndjson"
layout = "sfcdc"
path = "{folder}/{{topic}}.ndjson"
checkpoint = "{folder}/{{topic}}.checkpoint"
{more}
"""


class Topics(unittest.TestCase):
    def scene(self):
        return self.enterContext(Scene(BUILD))

    def sfcdc(self, scene, *arguments, code=0):
        done = subprocess.run([pathlib.Path(BUILD) / "runner" / "sfcdc", *arguments, "--config", scene.config], capture_output=True, text=True, timeout=60)
        self.assertEqual(done.returncode, code, done.stdout + done.stderr)
        return done.stdout + done.stderr

    def define(self, scene, topic, count):
        return scene.emulator.control("/topic", {"topic": topic, "count": count})

    def wait_for_rows(self, scene, name, count):
        wait_until(lambda: len(lines(scene.folder / f"{name}.ndjson")) >= count, 30, f"{count} rows of {name}; the log:\n" + scene.log.read_text())

    def published(self, scene, topic):
        return [e["replay_id"] for e in scene.emulator.published() if e["topic"] == topic]

    def test_topics_that_are_there_and_one_that_turns_up(self):
        scene = self.scene()
        scene.configure(events_by_pattern(scene.folder))
        self.define(scene, "/event/Refund__e", 0)
        runner = scene.run()
        wait_until(lambda: scene.emulator.status()["subscribers"] >= 2, 30, "subscriptions to both topics")
        self.assertIn("without /event/LoginEventStream", runner.said(), "what the user may not subscribe to is left out")
        self.define(scene, "/event/Refund__e", 20)
        # These are published before anybody knows of the topic.
        self.define(scene, "/event/Payment__e", 30)
        self.wait_for_rows(scene, "Refund__e", 20)
        self.wait_for_rows(scene, "Payment__e", 30)
        self.assertIn("/event/Payment__e: a new topic of /event/*", runner.said())
        self.define(scene, "/event/Payment__e", 5)
        self.wait_for_rows(scene, "Payment__e", 35)
        self.assertEqual(runner.stop(), 0)

        # Each has a position of its own; by the pattern's own name all are meant.
        shown = self.sfcdc(scene, "position", "show")
        self.assertEqual(self.sfcdc(scene, "position", "show", "--pipeline", "/event/*"), shown)
        for name in ("Payment__e", "Refund__e"):
            last = self.published(scene, f"/event/{name}")[-1]
            self.assertRegex(shown, rf"(?m)^/event/{name}: {last} .* of /event/{name} of org .*/{name}\.checkpoint$")
        self.assertIn(self.published(scene, "/event/Payment__e")[-1], self.sfcdc(scene, "position", "show", "--pipeline", "/event/Payment__e"))
        self.assertRegex(self.sfcdc(scene, "dead-letters", "list"), r"(?m)^/event/Payment__e: ")
        self.define(scene, "/event/Payment__e", 7)
        runner = scene.run()
        self.wait_for_rows(scene, "Payment__e", 42)
        self.assertEqual(runner.kill(), -9)
        runner = scene.run()
        self.define(scene, "/event/Payment__e", 8)
        wait_until(lambda: {row["replay_id"] for row in lines(scene.folder / "Payment__e.ndjson")} == set(self.published(scene, "/event/Payment__e")), 30, "all rows")
        self.assertEqual(runner.stop(), 0)

    def test_a_topic_of_its_own_and_a_topic_that_goes(self):
        scene = self.scene()
        scene.configure(f"""[[pipeline]]
topic = "/data/*ChangeEvent"
topic_interval = 1
sink = "zerobus"
layout = "sfcdc"
table = "main.crm.{{topic}}"
checkpoint = "{scene.folder}/{{topic}}.checkpoint"

[[pipeline]]
topic = "Contact"
sink = "ndjson"
layout = "sfcdc"
path = "{scene.folder}/contacts.ndjson"
checkpoint = "{scene.folder}/contacts.checkpoint"
""")
        scene.emulator.control("/publish", {"count": 2000})
        runner = scene.run()
        def complete():
            by_topic = {t: self.published(scene, t) for t in ("/data/AccountChangeEvent", "/data/Invoice__ChangeEvent", "/data/ContactChangeEvent")}
            return (set(scene.emulator.replay_ids("main.crm.AccountChangeEvent")) == set(by_topic["/data/AccountChangeEvent"])
                    and set(scene.emulator.replay_ids("main.crm.Invoice__ChangeEvent")) == set(by_topic["/data/Invoice__ChangeEvent"])
                    and {r["replay_id"] for r in lines(scene.folder / "contacts.ndjson")} == set(by_topic["/data/ContactChangeEvent"]))
        wait_until(complete, 30, "all rows in three places")
        self.assertEqual(scene.emulator.rows("main.crm.ContactChangeEvent"), 0, "a topic that has a pipeline of its own is not the pattern's")
        self.assertFalse((scene.folder / "ContactChangeEvent.checkpoint").exists())

        scene.emulator.fault("deselect", entity="Invoice__c")
        wait_until(lambda: "/data/Invoice__ChangeEvent: the org does not have it any more" in runner.said(), 30, "the pipeline's end; the log:\n" + runner.said())
        scene.emulator.fault("clear")  # it is selected again
        wait_until(lambda: "/data/Invoice__ChangeEvent: a new topic of /data/*ChangeEvent" in runner.said(), 30, "a new pipeline; the log:\n" + runner.said())
        scene.emulator.control("/publish", {"count": 500})
        wait_until(complete, 30, "all rows again")
        self.assertEqual(runner.stop(), 0)

    def test_a_reload_changes_what_is_the_patterns(self):
        before = signal.signal(signal.SIGHUP, signal.SIG_DFL)
        self.addCleanup(signal.signal, signal.SIGHUP, before)
        scene = self.scene()
        self.define(scene, "/event/Payment__e", 10)
        scene.configure(events_by_pattern(scene.folder))
        runner = scene.run()
        self.wait_for_rows(scene, "Payment__e", 10)
        said = runner.said()
        own = f"""[[pipeline]]
topic = "/event/Payment__e"
sink = "ndjson"
layout = "sfcdc"
path = "{scene.folder}/own.ndjson"
checkpoint = "{scene.folder}/own.checkpoint"
"""
        scene.configure(events_by_pattern(scene.folder) + own)
        os.kill(runner.process.pid, signal.SIGHUP)
        # The pattern and its other topic go on, and the topic that is named now changes hands.
        wait_until(lambda: "the configuration was reloaded: 2 pipelines go on, 1 end, 1 begin" in runner.said()[len(said):], 30, runner.said())
        wait_until(lambda: len(lines(scene.folder / "own.ndjson")) == 10, 30, runner.said())
        self.define(scene, "/event/Payment__e", 5)
        wait_until(lambda: len(lines(scene.folder / "own.ndjson")) == 15, 30, runner.said())
        self.assertEqual(len(lines(scene.folder / "Payment__e.ndjson")), 10)
        scene.configure(events_by_pattern(scene.folder))
        os.kill(runner.process.pid, signal.SIGHUP)
        self.wait_for_rows(scene, "Payment__e", 15)  # behind its own position
        self.assertEqual(len(lines(scene.folder / "Payment__e.ndjson")), 15)
        self.assertEqual(runner.stop(), 0)

    def test_a_topic_begins_at_its_earliest_event_whatever_is_said_and_however_it_ended(self):
        scene = self.scene()
        self.define(scene, "/event/Payment__e", 10)
        scene.configure(f"""[[pipeline]]
topic = "/event/Pay*"
topic_interval = 1
sink = "zerobus"
layout = "sfcdc"
table = "main.crm.{{topic}}"
checkpoint = "{scene.folder}/{{topic}}.checkpoint"
""")
        scene.emulator.fault("zerobus_error", code="UNAVAILABLE", when="create", times=1000)
        runner = scene.run("--from", "latest")
        wait_until(lambda: "/event/Payment__e: a topic of /event/Pay*" in runner.said(), 30, runner.said())
        self.define(scene, "/event/Payout__e", 5)
        wait_until(lambda: "/event/Payout__e: a new topic of /event/Pay*" in runner.said(), 30, runner.said())
        self.assertIn("--from does not hold for the topics of a pattern", runner.said())
        runner.kill()  # no row is durable, and no position is stored
        scene.emulator.fault("clear")
        runner = scene.run()
        for name, count in (("Payment__e", 10), ("Payout__e", 5)):
            wait_until(lambda: scene.emulator.rows(f"main.crm.{name}") == count, 30, f"the rows of {name}; the log:\n" + scene.log.read_text())
        self.assertEqual(runner.stop(), 0)

    def test_two_patterns_and_one_place_for_a_position(self):
        scene = self.scene()
        self.define(scene, "/event/Payment__e", 10)
        block = """[[pipeline]]
topic = "{topic}"
topic_interval = 1
sink = "sqlite"
layout = "sfcdc"
path = "{path}"
table = "{table}"
dead_letters = "{letters}"
"""
        one, two = str(scene.folder / "one.db"), str(scene.folder / "two.db")
        letters = f"{scene.folder}/%s_{{topic}}.letters"
        scene.configure(block.format(topic="/event/*", path=one, table="all_events", letters=letters % "a")
                        + block.format(topic="/event/Pay*", path=one, table="payments", letters=letters % "b")
                        + block.format(topic="/event/*__e", path=two, table="events", letters=letters % "c"))
        runner = scene.run()

        def rows(path, table):
            with contextlib.closing(sqlite3.connect(f"file:{path}?mode=ro", uri=True)) as database:
                try:
                    return database.execute(f"SELECT count(*) FROM {table}").fetchone()[0]
                except sqlite3.OperationalError:
                    return 0

        wait_until(lambda: os.path.exists(one) and os.path.exists(two) and rows(two, "events") == 10 and rows(one, "all_events") + rows(one, "payments") == 10, 30, runner.said())
        wait_until(lambda: "is left to /event/Payment__e" in runner.said(), 30, runner.said())
        self.assertRegex(runner.said(), r"error /event/(\*|Pay\*): /event/Payment__e is left to /event/Payment__e.*, which keeps its position in the same place")
        self.assertEqual(runner.said().count("is left to"), 1, "it is said once")
        self.assertEqual(runner.stop(), 0)

    def test_an_org_that_does_not_answer_is_asked_again_and_one_without_topics_is_said(self):
        scene = self.scene()
        scene.configure(events_by_pattern(scene.folder).replace("/event/*", "/event/Pay*__e"))
        scene.emulator.fault("expire_salesforce_tokens")
        runner = scene.run()
        wait_until(lambda: "/event/Pay*__e: the org has no topic that matches" in runner.said(), 30, runner.said())
        scene.emulator.fault("expire_salesforce_tokens")  # a new login is had on the way
        self.define(scene, "/event/Payment__e", 3)
        self.wait_for_rows(scene, "Payment__e", 3)
        self.assertEqual(runner.said().count("the org has no topic that matches"), 1)
        self.assertEqual(runner.stop(), 0)

    def test_a_login_service_that_is_busy_is_waited_out(self):
        scene = self.scene()
        scene.configure(events_by_pattern(scene.folder))
        scene.config.write_text('[status]\nlisten = "127.0.0.1:0"\n' + scene.config.read_text())
        runner = scene.run()
        wait_until(lambda: "/event/Order_Event__e: a topic of /event/*" in runner.said(), 30, runner.said())
        scene.emulator.fault("token_status", side="salesforce", status=429, times=2, retry_after_s=1)
        scene.emulator.fault("expire_salesforce_tokens")
        self.define(scene, "/event/Payment__e", 3)
        self.wait_for_rows(scene, "Payment__e", 3)
        self.assertNotIn("/event/*: it has ended", runner.said())
        with urllib.request.urlopen(re.search(r"status: (http://[^/]+)/", runner.said())[1] + "/status", timeout=30) as answer:
            pattern = next(one for one in json.load(answer)["pipelines"] if one["name"] == "/event/*")
        self.assertEqual((pattern["state"], pattern["waits_for"]), ("running", "connected"))
        self.assertEqual(runner.stop(), 0)

    def test_doctor_check_and_tables_know_patterns(self):
        scene = self.scene()
        self.define(scene, "/event/Payment__e", 1)
        scene.configure(f"""[[pipeline]]
topic = "/event/*"
sink = "zerobus"
layout = "typed"
table = "main.crm.{{topic}}"
checkpoint = "{scene.folder}/{{topic}}.checkpoint"
""", warehouse_id=scene.emulator.info["warehouse_id"])
        self.assertIn("/event/* of [salesforce] -> main.crm.{topic} of [databricks]", self.sfcdc(scene, "check"))
        plan = self.sfcdc(scene, "tables", "plan")
        self.assertIn("CREATE TABLE IF NOT EXISTS `main`.`crm`.`Payment__e`", plan)
        self.assertIn("CREATE TABLE IF NOT EXISTS `main`.`crm`.`Order_Event__e`", plan)
        self.assertIn("/event/* is a pattern of topics", self.sfcdc(scene, "position", "set", "00000000000000010000", code=2))
        found = subprocess.run([pathlib.Path(BUILD) / "runner" / "sfcdc", "doctor", "--config", scene.config], capture_output=True, text=True, timeout=60).stdout
        self.assertRegex(found, r"(?m)^good +topics of /event/\*: the org has 2 topics that match; without /event/LoginEventStream: .*not.found")
        self.assertRegex(found, r"(?m)^good +topic of /event/Payment__e: ")


if __name__ == "__main__":
    BUILD = sys.argv.pop(1)
    unittest.main()
