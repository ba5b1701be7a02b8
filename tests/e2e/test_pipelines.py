"""Many pipelines in one process: what fails does not touch the others, and what they share they share.

usage: test_pipelines.py BUILD_FOLDER [unittest arguments]
"""
import collections
import json
import pathlib
import re
import sqlite3
import sys
import time
import unittest

from harness import Scene, config_text, wait_until, zerobus_stream
from peers import Peer, lines_of, lines_stream, sqlite_stream

BUILD = None
ACCOUNTS, CONTACTS, EVERYTHING = "/data/AccountChangeEvent", "/data/ContactChangeEvent", "/data/ChangeEvents"


def pipeline(folder, name, topic=ACCOUNTS, table=None, more=""):
    return zerobus_stream(folder, topic, table or "main.many." + name, more, name)


def entities_published(scene):
    """How many change events each object has had."""
    return collections.Counter(e["topic"].removeprefix("/data/") for e in scene.emulator.published() if e["topic"].startswith("/data/"))


class Isolation(unittest.TestCase):
    def test_seventeen_of_twenty(self):
        """One has an unknown topic, one a forbidden table, one a schema that it may not read; the others do not notice."""
        with Scene(BUILD, "--seed", 81, "--forbid-table", "main.many.forbidden") as scene:
            scene.emulator.fault("forbid_schema", record="ContactChangeEvent")
            good = [f"good{i}" for i in range(17)]
            blocks = [pipeline(scene.folder, "unknown", "/data/NoSuchChangeEvent"), pipeline(scene.folder, "forbidden"),
                      pipeline(scene.folder, "unread", CONTACTS), *(pipeline(scene.folder, name) for name in good)]
            scene.configure("".join(blocks))
            scene.emulator.publish(3000)
            accounts = entities_published(scene)["AccountChangeEvent"]
            self.assertGreater(entities_published(scene)["ContactChangeEvent"], 101, "more than a hundred in a row")
            runner = scene.run()
            wait_until(lambda: all(scene.emulator.rows("main.many." + name) >= accounts for name in good), 60, "the rows of the good ones")
            for reason in (r"NoSuchChangeEvent: Salesforce does not give the topic", r"AccountChangeEvent into main\.many\.forbidden of \[databricks\]: Databricks refuses the table main\.many\.forbidden",
                           r"ContactChangeEvent: .*more than a hundred events in a row"):
                wait_until(lambda r=reason: re.search(r, runner.said()), 30, reason)
            self.assertIn("[needs a decision]", runner.said())
            again = set(re.findall(r"error ([^ :]+)[^\n]*\[the next try is in \d+ s\]", runner.said()))
            self.assertEqual(again, {"/data/NoSuchChangeEvent", ACCOUNTS})
            first = next(e["replay_id"] for e in scene.emulator.published() if e["topic"] == CONTACTS)
            stored = json.loads((scene.folder / "unread.checkpoint").read_text())["replay_id"]
            self.assertEqual(stored, first, "without any position the first letter is passed, and no other")
            # They go on.
            scene.emulator.publish(1000)
            accounts = entities_published(scene)["AccountChangeEvent"]
            wait_until(lambda: all(scene.emulator.rows("main.many." + name) >= accounts for name in good), 60, "what came later")
            self.assertIsNone(runner.process.poll())
            self.assertEqual(runner.stop(), 4, "a decision is the greatest of what is down")
            for name in good:
                self.assertEqual(scene.emulator.rows("main.many." + name), accounts)

    def test_the_process_ends_when_none_is_up(self):
        with Scene(BUILD, "--seed", 82) as scene:
            scene.configure(pipeline(scene.folder, "one", "/data/NoSuchOneChangeEvent") + pipeline(scene.folder, "two", "/data/NoSuchTwoChangeEvent"))
            runner = scene.run()
            self.assertEqual(runner.wait(20), 3)
            for topic in ("NoSuchOne", "NoSuchTwo"):
                self.assertRegex(runner.said(), f"error /data/{topic}ChangeEvent: Salesforce does not give the topic")
            self.assertIn("[no pipeline is up]", runner.said())

    def test_a_pipeline_that_failed_is_started_again(self):
        """Its lock is taken away, which ends its run; one to two minutes later it goes on where it was."""
        with Scene(BUILD, "--seed", 83) as scene:
            folder = scene.folder
            scene.configure(lines_stream(folder, path=folder / "a", checkpoint=folder / "one") + lines_stream(folder, path=folder / "b", checkpoint=folder / "two"))
            scene.emulator.publish(300)
            runner = scene.run()
            events = entities_published(scene).total()
            written = lambda name: len(lines_of(folder / name)) if (folder / name).exists() else 0
            wait_until(lambda: written("a") == written("b") == events, 30, "the first events")
            (folder / "one.lock").unlink()
            wait_until(lambda: "one.lock: the lock was removed" in runner.said(), 10, "the end of the first")
            scene.emulator.publish(300)
            events = entities_published(scene).total()
            wait_until(lambda: written("b") == events, 30, "the second goes on")
            self.assertLess(written("a"), events)
            wait_until(lambda: written("a") >= events, 150, "the first is started again")
            self.assertIn(": starting again", runner.said())
            self.assertEqual(runner.stop(), 0, "both are up")
            self.assertEqual(written("a"), events, "nothing twice: the position was kept")

    def test_one_database_of_two_pipelines(self):
        """One fails in the middle of a transaction, and is not started again: the other goes on at once, and so does a reader."""
        with Scene(BUILD, "--seed", 95) as scene:
            database = scene.folder / "rows.db"
            scene.configure(sqlite_stream(scene.folder, EVERYTHING, database, 'on_failure = "stop"') + sqlite_stream(scene.folder, ACCOUNTS, database, 'table = "accounts"'))
            scene.emulator.publish(100)
            runner = scene.run()

            def rows(table):
                with sqlite3.connect(database) as db:
                    return db.execute(f"SELECT count(*) FROM {table}").fetchone()[0]
            accounts = lambda: rows("accounts")
            published = lambda: entities_published(scene)["AccountChangeEvent"]
            wait_until(lambda: self.quietly(accounts) == published(), 30, "the first accounts")
            wait_until(lambda: self.quietly(lambda: rows("events")), 30, "the first events")
            with sqlite3.connect(database) as db:
                db.execute("ALTER TABLE events RENAME COLUMN event_id TO zzz")
            scene.emulator.publish(200)
            wait_until(lambda: "cannot write a row" in runner.said(), 20, "the failure")
            wait_until(lambda: accounts() == published(), 10, "the other goes on")
            scene.emulator.publish(100)
            wait_until(lambda: accounts() == published(), 10, "and on")
            self.assertNotIn("has been locked for", runner.said())
            self.assertEqual(runner.stop(15), 1)
            self.assertEqual(accounts(), published())

    @staticmethod
    def quietly(ask):
        try:
            return ask()
        except sqlite3.OperationalError:
            return None

    def test_two_sections_of_one_org_and_one_position(self):
        """Only the login shows it: the second pipeline is not started, and the first loses nothing."""
        with Scene(BUILD, "--seed", 96) as scene:
            text = config_text(scene.emulator.info, "")
            section = text[text.index("[salesforce]"):text.index("[databricks]")]
            text += section.replace("[salesforce]", "[salesforce.b]")
            for name, more in (("a", ""), ("b", 'salesforce = "b"')):
                text += sqlite_stream(scene.folder, EVERYTHING, scene.folder / "rows.db", f'table = "{name}"\n{more}')
            scene.config.write_text(text)
            scene.emulator.publish(300)
            runner = scene.run()
            wait_until(lambda: "another pipeline of this process keeps the position" in runner.said(), 20, "the refusal")
            events = entities_published(scene).total()

            def rows(table):
                with sqlite3.connect(scene.folder / "rows.db") as db:
                    return self.quietly(lambda: db.execute(f"SELECT count(*) FROM {table}").fetchone()[0]) or 0
            wait_until(lambda: events in (rows("a"), rows("b")), 20, "all rows in one of them")
            self.assertIn("[needs a decision]", runner.said())
            self.assertEqual(runner.stop(), 4)
            self.assertEqual(rows("a") + rows("b"), events)

    def test_on_failure_stop(self):
        with Scene(BUILD, "--seed", 84) as scene:
            scene.configure(pipeline(scene.folder, "one", "/data/NoSuchChangeEvent", more='on_failure = "stop"') + pipeline(scene.folder, "two"))
            runner = scene.run()
            wait_until(lambda: "[failed]" in runner.said(), 20, "its end")
            self.assertIsNone(runner.process.poll())
            self.assertEqual(runner.stop(), 3)


class Credentials(unittest.TestCase):
    def test_one_login_for_all_pipelines(self):
        with Scene(BUILD, "--seed", 85) as scene:
            scene.configure("".join(pipeline(scene.folder, f"t{i}", table="main.many.one") for i in range(20)))
            scene.emulator.publish(200)
            runner = scene.run()
            accounts = entities_published(scene)["AccountChangeEvent"]
            wait_until(lambda: scene.emulator.rows("main.many.one") >= 20 * accounts, 60, "all rows")
            status = scene.emulator.status()
            self.assertEqual(status["tokens"]["salesforce"], 1)
            self.assertEqual(status["tokens"]["databricks"], 1, "one for the table")
            scene.emulator.fault("expire_salesforce_tokens")
            scene.emulator.publish(200)
            accounts = entities_published(scene)["AccountChangeEvent"]
            wait_until(lambda: scene.emulator.rows("main.many.one") >= 20 * accounts, 60, "all rows")
            self.assertEqual(scene.emulator.status()["tokens"]["salesforce"], 2, "one renewal for all")
            self.assertEqual(runner.stop(), 0)

    def test_a_wrong_secret_is_one_refused_login(self):
        """Of twenty pipelines; an org beside it goes on."""
        with Scene(BUILD, "--seed", 86) as scene, Peer(lambda _: (400, {"error": "invalid_client"})) as wrong:
            text = config_text(scene.emulator.info, "").replace("[salesforce]", "[salesforce.good]")
            text += f'[salesforce.wrong]\nlogin_url = "{wrong.url}"\nclient_id = "a"\nclient_secret = "not-the-secret"\n'
            text += pipeline(scene.folder, "good", more='salesforce = "good"')
            text += "".join(pipeline(scene.folder, f"wrong{i}", more='salesforce = "wrong"') for i in range(20))
            scene.config.write_text(text)
            scene.emulator.publish(200)
            runner = scene.run()
            accounts = entities_published(scene)["AccountChangeEvent"]
            wait_until(lambda: scene.emulator.rows("main.many.good") == accounts, 30, "the rows of the good org")
            wait_until(lambda: runner.said().count("check [salesforce.wrong] client_id") == 20, 30, "twenty reasons")
            self.assertEqual(wrong.asked("/token"), 1)
            self.assertNotIn("not-the-secret", runner.said())
            self.assertEqual(runner.stop(), 3)

    def test_without_another_org_a_wrong_secret_ends_the_process(self):
        with Scene(BUILD, "--seed", 87) as scene, Peer(lambda _: (401, {"error": "invalid_client"})) as wrong:
            scene.configure("".join(pipeline(scene.folder, f"t{i}") for i in range(20)), login_url=wrong.url)
            self.assertEqual(scene.run().wait(20), 3)
            self.assertEqual(wrong.asked("/token"), 1)


class Routing(unittest.TestCase):
    def test_a_table_for_each_object(self):
        with Scene(BUILD, "--seed", 88) as scene:
            scene.configure(zerobus_stream(scene.folder, EVERYTHING, "main.crm.{entity}"))
            scene.emulator.publish(1000)
            published = entities_published(scene)
            runner = scene.run()
            tables = {"AccountChangeEvent": "main.crm.Account", "ContactChangeEvent": "main.crm.Contact", "Invoice__ChangeEvent": "main.crm.Invoice__c"}
            self.assertEqual(set(tables), set(published), "the objects of the emulated org")
            for record, table in tables.items():
                wait_until(lambda t=table, r=record: scene.emulator.rows(t) == published[r], 30, "rows of " + table)
            last = [e["replay_id"] for e in scene.emulator.published() if e["topic"].startswith("/data/")][-1]
            wait_until(lambda: scene.position(EVERYTHING) == last, 10, "one position for all tables")
            self.assertEqual(runner.stop(), 0)

    def test_a_sqlite_table_for_each_object(self):
        with Scene(BUILD, "--seed", 89) as scene:
            scene.configure(sqlite_stream(scene.folder, EVERYTHING, scene.folder / "rows.db", 'table = "sf_{entity}"\nexclude_entities = ["Contact"]'))
            scene.emulator.publish(1000)
            published = entities_published(scene)
            runner = scene.run()

            def rows(table):
                with sqlite3.connect(scene.folder / "rows.db") as db:
                    try:
                        return db.execute(f"SELECT count(*) FROM {table}").fetchone()[0]
                    except sqlite3.OperationalError:
                        return 0
            wait_until(lambda: rows("sf_Account") == published["AccountChangeEvent"], 30, "the accounts")
            wait_until(lambda: rows("sf_Invoice__c") == published["Invoice__ChangeEvent"], 30, "the invoices")
            self.assertEqual(runner.stop(), 0)
            self.assertEqual(rows("sf_Contact"), 0)
            self.assertRegex(runner.said(), f"{published['ContactChangeEvent']} events were left out by the configuration \\(entity\\)")

    def test_what_is_left_out_is_passed(self):
        with Scene(BUILD, "--seed", 90) as scene:
            scene.configure(lines_stream(scene.folder, EVERYTHING, scene.folder / "rows", more='entities = ["Invoice__c"]'))
            scene.emulator.publish(500)
            published = entities_published(scene)
            runner = scene.run()
            last = [e["replay_id"] for e in scene.emulator.published() if e["topic"].startswith("/data/")][-1]
            position = scene.folder / "position"
            wait_until(lambda: position.exists() and json.loads(position.read_text())["replay_id"] == last, 30, "the last position")
            self.assertEqual(runner.stop(), 0)
            rows = lines_of(scene.folder / "rows")
            self.assertEqual(len(rows), published["Invoice__ChangeEvent"])
            self.assertEqual({json.loads(row)["entity_name"] for row in rows}, {"Invoice__c"})

    def test_a_topic_that_is_corrected_is_said(self):
        with Scene(BUILD, "--seed", 91) as scene:
            scene.configure(lines_stream(scene.folder, "Invoice__c", scene.folder / "rows"))
            scene.emulator.publish(200)
            runner = scene.run()
            wait_until(lambda: len(lines_of(scene.folder / "rows")) == entities_published(scene)["Invoice__ChangeEvent"], 30, "the rows")
            self.assertIn("the topic Invoice__c is /data/Invoice__ChangeEvent in Salesforce", runner.said())
            self.assertEqual(runner.stop(), 0)


class Managed(unittest.TestCase):
    """Salesforce keeps the position of a managed subscription."""

    def scene(self, *options):
        return Scene(BUILD, "--managed-subscription", "Rows=/data/ChangeEvents=18x000000000001AAA", *options)

    @staticmethod
    def pipeline(folder, subscription="Rows"):
        return (f'[[pipeline]]\ntopic = "{EVERYTHING}"\nmanaged_subscription = "{subscription}"\nsink = "ndjson"\n'
                f'path = "{folder}/rows"\ndead_letters = "{folder}/letters"\n')

    @staticmethod
    def committed(scene):
        return json.loads(scene.emulator.control("/status"))["managed"]["Rows"]["committed"]

    def test_rows_arrive_and_a_kill_loses_none(self):
        with self.scene("--seed", 92) as scene:
            scene.configure(self.pipeline(scene.folder))
            runner = scene.run()
            scene.emulator.publish(2000, rate=1000)
            wait_until(lambda: len(lines_of(scene.folder / "rows")) > 300, 30, "rows")
            runner.kill()
            scene.configure(self.pipeline(scene.folder, "18x000000000001AAA"))  # the same one by its id
            runner = scene.run()
            wait_until(lambda: scene.emulator.status()["published"] == 2000, 30, "all events")
            last = [e["replay_id"] for e in scene.emulator.published() if e["topic"].startswith("/data/")]
            wait_until(lambda: self.committed(scene) == last[-1], 30, "the last position")
            rows = collections.Counter(json.loads(line)["replay_id"] for line in lines_of(scene.folder / "rows"))
            self.assertEqual(set(rows), set(last), "every event, and no other")
            self.assertEqual(runner.stop(), 0)
            # A run that finds nothing new writes nothing.
            before = len(lines_of(scene.folder / "rows"))
            runner = scene.run()
            wait_until(lambda: scene.emulator.status()["subscribers"] == 1, 20, "a subscription")
            time.sleep(1)
            self.assertEqual(runner.stop(), 0)
            self.assertEqual(len(lines_of(scene.folder / "rows")), before)
            self.assertEqual([f.name for f in scene.folder.iterdir() if "checkpoint" in f.name or f.suffix == ".lock"], [])

    def test_events_that_cannot_be_decoded_are_passed_behind_their_letters(self):
        with self.scene("--seed", 93) as scene:
            scene.configure(self.pipeline(scene.folder))
            scene.emulator.fault("undecodable", times=3)
            scene.emulator.publish(200)
            runner = scene.run()
            last = [e["replay_id"] for e in scene.emulator.published() if e["topic"].startswith("/data/")]
            wait_until(lambda: self.committed(scene) == last[-1], 30, "the last position")
            self.assertEqual(runner.stop(), 0)
            letters = {l["replay_id"] for l in map(json.loads, lines_of(scene.folder / "letters")) if "replay_id" in l}
            rows = {json.loads(line)["replay_id"] for line in lines_of(scene.folder / "rows")}
            self.assertEqual(rows | letters, set(last))
            self.assertTrue(letters)
            self.assertFalse(rows & letters)

    def test_one_that_does_not_exist(self):
        with self.scene("--seed", 94) as scene:
            scene.configure(self.pipeline(scene.folder, "NoSuch"))
            runner = scene.run()
            self.assertEqual(runner.wait(20), 3)
            self.assertIn("managed.subscription.developer.name.not.found", runner.said())


if __name__ == "__main__":
    BUILD = pathlib.Path(sys.argv.pop(1)).resolve()
    unittest.main(verbosity=1)
