#!/usr/bin/env python3
"""A table that the Python library salesforce-zerobus has written is taken over: sfcdc goes on behind its rows, in its columns.

usage: test_takeover.py BUILD_FOLDER [what unittest takes]
"""
import json
import sqlite3
import sys
import time
import unittest

from harness import Scene, wait_until, zerobus_stream
from python_library import COLUMNS, EVERYTHING, Library

TABLE = "main.crm.account_events"
ACCOUNTS = "/data/AccountChangeEvent"
HOUR = 3_600_000


def now():
    return int(time.time() * 1000)


class Takeover(unittest.TestCase):
    def scene(self, topic=EVERYTHING, more=""):
        scene = Scene(BUILD)
        self.addCleanup(scene.__exit__)
        scene.configure(zerobus_stream(scene.folder, topic=topic, table=TABLE, more=more), warehouse_id=scene.emulator.info["warehouse_id"])
        return scene

    def library(self, scene, *arguments, **more):
        library = Library(scene, TABLE, *arguments, **more)
        library.create()
        return library

    def selects(self, scene):
        return [text for text in json.loads(scene.emulator.control("/statements")) if text.startswith("SELECT")]

    def take_over(self, scene, library, last):
        """Runs sfcdc until all is there, and returns the replay ids of its rows in their order; `last`: behind which event it must go on."""
        before = scene.emulator.rows(TABLE)
        scene.emulator.publish(60)  # a backlog, and what comes while it runs
        runner = scene.run()
        wanted = [e["replay_id"] for e in library.topic_events()]
        wait_until(lambda: set(wanted) <= set(scene.emulator.replay_ids(TABLE)), what="all events")
        scene.emulator.publish(40)
        wanted = [e["replay_id"] for e in library.topic_events()]
        wait_until(lambda: set(wanted) <= set(scene.emulator.replay_ids(TABLE)), what="all events")
        self.assertEqual(runner.stop(), 0, runner.said())
        said = [line for line in runner.said().splitlines() if "there is no stored position" in line]
        self.assertEqual(len(said), 1, runner.said())
        self.assertIn(f"going on behind the rows of {TABLE}, after {last};", said[0])
        written = scene.emulator.replay_ids(TABLE)[before:]
        self.assertEqual(written, wanted[wanted.index(last) + 1:])  # each once, in order, none left out
        return written

    def as_the_library(self, scene, library, written):
        """What sfcdc has written is what the library would have, but for times and where a schema stands."""
        events = {e["replay_id"]: e for e in library.topic_events()}
        names = ", ".join(f'"{name}"' for name in COLUMNS)
        rows = scene.emulator.query(f'SELECT {names} FROM "{TABLE}" ORDER BY rowid')[-len(written):]
        schemas, kinds = set(), set()
        for cells in rows:
            row = dict(zip(COLUMNS, cells))
            wanted = library.row(events[row["replay_id"]], 0)
            if library.generation == "clock":
                del wanted["timestamp"]
            del wanted["processed_timestamp"]
            for name in ("record_ids", "changed_fields", "nulled_fields", "diff_fields"):
                row[name] = json.loads(row[name])
            self.assertIn(row["schema_json"], (None, wanted["schema_json"]))
            if row["schema_id"] not in schemas:
                self.assertEqual(row["schema_json"], wanted["schema_json"])  # the first one with it
            schemas.add(row["schema_id"])
            kinds.add((row["entity_name"], row["change_type"]))
            del wanted["schema_json"]
            # The same members in the same order, and numbers of the same text: 100000.0 is neither 100000 nor 1e+05.
            same = [json.loads(text, parse_float=str, object_pairs_hook=list) for text in (row["record_data_json"], wanted["record_data_json"])]
            self.assertEqual(*same)
            del wanted["record_data_json"]
            self.assertEqual({name: row[name] for name in wanted}, wanted)
        self.assertGreater(len(kinds), 5)

    def test_of_the_generation_with_the_time_of_a_clock(self):
        """Rows of one millisecond, and restarts that go on behind any of them: the rows are out of order, and some are there twice."""
        scene = self.scene()
        library = self.library(scene, "clock")
        scene.emulator.publish(400)
        start = now() - HOUR
        written = library.run(150, start)
        written += library.run(120, start + 5_000)
        written += library.run(90, start + 10_000)
        self.assertGreater(len(written), len(set(written)))
        order = [e["replay_id"] for e in library.topic_events()]
        written = self.take_over(scene, library, max(written, key=order.index))
        self.assertEqual(len(self.selects(scene)), 1)
        self.as_the_library(scene, library, written)

    def test_of_the_generation_with_commit_times(self):
        """Many rows share a time, which has whole seconds."""
        scene = self.scene()
        library = self.library(scene, "commit")
        scene.emulator.publish(400)
        with_ties = library.run(150, now() - HOUR) + library.run(170, now() - HOUR)
        written = self.take_over(scene, library, with_ties[-1])
        self.assertEqual(len(self.selects(scene)), 1)
        self.as_the_library(scene, library, written)

    def test_of_one_object(self):
        scene = self.scene(ACCOUNTS)
        library = self.library(scene, "clock", ACCOUNTS)
        scene.emulator.publish(300)
        self.take_over(scene, library, library.run(90, now() - HOUR)[-1])
        self.assertEqual(len(self.selects(scene)), 1)

    def test_a_clock_that_went_back(self):
        """The newest rows by the time are not the newest: what is behind them comes twice, and nothing is lost."""
        scene = self.scene()
        library = self.library(scene, "clock")
        scene.emulator.publish(400)
        start = now() - HOUR
        last = library.run(200, start)
        library.generation = "commit"  # to go on where it was
        behind = library.topic_events()
        at = next(i for i, e in enumerate(behind) if e["replay_id"] == last[-1]) + 1
        library.generation = "clock"
        library.append([library.row(e, start - 60_000) for e in behind[at:at + 50]])
        self.take_over(scene, library, last[-1])

    def test_a_result_with_the_schemas_that_is_refused(self):
        """One of a hundred large schemas can be more than a warehouse gives: they are asked for one by one."""
        scene = self.scene()
        library = self.library(scene, "commit")
        scene.emulator.publish(300)
        last = library.run(250, now() - HOUR)[-1]
        scene.emulator.fault("sql_error", condition="PARSE_SYNTAX_ERROR", verb="SELECT")
        self.take_over(scene, library, last)
        self.assertGreater(len(self.selects(scene)), 2)

    def refused(self, scene, *sentences):
        """The pipeline wants a decision, before it has fetched or written anything."""
        rows = scene.emulator.rows(TABLE)
        runner = scene.run()
        self.assertEqual(runner.wait(), 4, runner.said())
        said = runner.said()
        for sentence in (f"the order of the rows in {TABLE} cannot be told", "--from earliest", "--from latest", *sentences):
            self.assertIn(sentence, said)
        self.assertEqual(scene.emulator.rows(TABLE), rows)
        self.assertEqual(scene.emulator.status()["delivered"], 0)

    def test_what_cannot_be_told(self):
        scene = self.scene()
        library = self.library(scene, "clock")
        scene.emulator.publish(300)
        library.run(250, now() - HOUR)
        spoilt = {"payload_binary = x'00'": "a row's payload cannot be decoded", "payload_binary = NULL": "a row lacks its payload or schema id",
                  "schema_json = '{'": "cannot be read", "schema_json = ''": "no row has the schema", "replay_id = 'xyz'": "xyz is no replay id"}
        for change, sentence in spoilt.items():
            with self.subTest(change), sqlite3.connect(scene.emulator.lake_path, timeout=30) as lake:
                lake.execute(f'CREATE TABLE kept AS SELECT * FROM "{TABLE}"')
                lake.execute(f'UPDATE "{TABLE}" SET {change}')
                lake.commit()
                self.refused(scene, sentence)
                lake.execute(f'DELETE FROM "{TABLE}"')
                lake.execute(f'INSERT INTO "{TABLE}" SELECT * FROM kept')
                lake.execute("DROP TABLE kept")

    def test_a_table_of_other_objects(self):
        scene = self.scene("/data/ContactChangeEvent")
        library = self.library(scene, "clock", ACCOUNTS)
        scene.emulator.publish(100)
        library.run(50, now() - HOUR)
        org = scene.emulator.info["org_id"]
        self.refused(scene, f"it has rows, the newest of them of Account in the org {org}, and none of Contact in the org {org}")
        scene.configure(zerobus_stream(scene.folder, table=TABLE), warehouse_id=scene.emulator.info["warehouse_id"])
        self.refused(scene, "all of its newest rows are of Account, as a topic of that object alone would write them")

    def test_a_table_of_another_org(self):
        scene = self.scene()
        library = self.library(scene, "commit", org_id="00DOther0000001AAA")
        scene.emulator.publish(100)
        library.run(50, now() - HOUR)
        self.refused(scene, f"in the org 00DOther0000001AAA, and none of the org {scene.emulator.info['org_id']}")

    def test_a_table_that_sfcdc_has_made_may_be_shared(self):
        scene = self.scene(ACCOUNTS)
        scene.emulator.publish(200)
        runner = scene.run()
        wait_until(lambda: scene.emulator.rows(TABLE) > 20, what="rows")
        self.assertEqual(runner.stop(), 0)
        scene.configure(zerobus_stream(scene.folder, topic="/data/ContactChangeEvent", table=TABLE), warehouse_id=scene.emulator.info["warehouse_id"])
        again = scene.run()
        wait_until(lambda: scene.emulator.query(f"SELECT 1 FROM \"{TABLE}\" WHERE entity_name = 'Contact'"), what="rows of contacts")
        self.assertEqual(again.stop(), 0, again.said())


if __name__ == "__main__":
    BUILD = sys.argv.pop(1)
    unittest.main()
