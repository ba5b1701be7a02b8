#!/usr/bin/env python3
"""Typed tables: made from the schemas of the events, widened while rows are on their way.

usage: test_typed.py BUILD_FOLDER [what unittest takes]
"""
import sqlite3
import sys
import unittest

from harness import Scene, wait_until, zerobus_stream

ENTITY_TABLE = "main.crm.{entity}_changes"
ACCOUNT = "main.crm.Account_changes"


def typed(folder, more="", table=ENTITY_TABLE):
    return zerobus_stream(folder, table=table, more='layout = "typed"\n' + more)


class Typed(unittest.TestCase):
    def scene(self, more="", *options):
        scene = Scene(BUILD, *options)
        self.addCleanup(scene.__exit__)
        scene.configure(typed(scene.folder, more), warehouse_id=scene.emulator.info["warehouse_id"])
        return scene

    def rows(self, scene):
        tables = [name for (name,) in scene.emulator.query("SELECT name FROM sqlite_master WHERE type = 'table' AND name LIKE 'main.crm.%'")]
        return {name: scene.emulator.rows(name) for name in tables}

    def all_replay_ids(self, scene):
        return {id for name in self.rows(scene) for (id,) in scene.emulator.query(f'SELECT DISTINCT _sf_replay_id FROM "{name}"')}

    def arrived(self, scene, timeout=60):
        wanted = {event["replay_id"] for event in scene.emulator.published() if event["topic"].startswith("/data/")}
        wait_until(lambda: wanted <= self.all_replay_ids(scene), timeout, "that all events are in the lake")

    def columns(self, scene, table=ACCOUNT):
        return [row[1] for row in scene.emulator.query(f'PRAGMA table_info("{table}")')]

    def test_tables_are_made_and_widened_while_rows_go_on(self):
        scene = self.scene("evolve_interval = 0")
        runner = scene.run()
        scene.emulator.publish(100)  # half of them with the field
        wait_until(lambda: "rows have" in runner.said(), what="that rows get the new column")
        added = [line for line in runner.said().splitlines() if "ADD COLUMNS" in line]
        self.assertEqual(len(added), 1)
        column = added[0].split("ADD COLUMNS (`")[1].split("`")[0]
        self.assertIn(column, self.columns(scene))
        scene.emulator.publish(1500)
        self.arrived(scene)
        self.assertEqual(runner.stop(), 0, runner.said())
        in_rest = scene.emulator.query(f'SELECT count(*) FROM "{ACCOUNT}" WHERE _sf_rest LIKE ?', f'%"{column}"%')[0][0]
        in_column = scene.emulator.query(f'SELECT count(*) FROM "{ACCOUNT}" WHERE "{column}" IS NOT NULL')[0][0]
        self.assertGreater(in_column, 0)
        # All that the org said of the field is in one of the two, and in no row in both.
        self.assertEqual(scene.emulator.query(f'SELECT count(*) FROM "{ACCOUNT}" WHERE "{column}" IS NOT NULL AND _sf_rest LIKE ?', f'%"{column}"%')[0][0], 0)
        self.assertGreaterEqual(in_rest, 0)

    def test_rows_keep_their_order_over_a_new_column(self):
        scene = self.scene("evolve_interval = 0")
        runner = scene.run()
        for _ in range(6):
            scene.emulator.publish(300)
        wait_until(lambda: "rows have" in runner.said(), what="that rows get the new column")
        scene.emulator.publish(300)
        self.arrived(scene)
        self.assertEqual(runner.stop(), 0, runner.said())
        order = scene.emulator.query(f'SELECT _sf_commit_number, _sf_sequence_number, _sf_record_ordinal FROM "{ACCOUNT}" ORDER BY rowid')
        self.assertEqual(order, sorted(order))
        self.assertEqual(len(order), len(set(order)))

    def test_plan_says_what_would_be_needed_and_takes_it_when_it_is_there(self):
        scene = self.scene('evolve = "plan"\nevolve_interval = 1')
        runner = scene.run()
        scene.emulator.publish(100)
        plan = scene.folder / "data_ChangeEvents.checkpoint.plan.sql"
        wait_until(lambda: plan.exists() and "ADD COLUMNS" in plan.read_text(), what="a plan")
        before = self.columns(scene)
        statement = plan.read_text().strip().rstrip(";")
        self.assertIn(statement.split("ADD COLUMNS")[0], runner.said())
        scene.sql(statement)
        wait_until(lambda: "rows have" in runner.said(), what="that the columns were noticed")
        self.assertGreater(len(self.columns(scene)), len(before))
        wait_until(lambda: plan.read_text() == "", what="an empty plan")
        self.arrived(scene)
        self.assertEqual(runner.stop(), 0, runner.said())

    def test_freeze_leaves_the_table_alone(self):
        scene = self.scene('evolve = "freeze"')
        runner = scene.run()
        scene.emulator.publish(100)
        self.arrived(scene)
        before = self.columns(scene)
        scene.emulator.publish(300)
        self.arrived(scene)
        self.assertEqual(runner.stop(), 0, runner.said())
        self.assertEqual(self.columns(scene), before)
        self.assertNotIn("ADD COLUMNS", runner.said())
        self.assertGreater(scene.emulator.query(f'SELECT count(*) FROM "{ACCOUNT}" WHERE _sf_rest IS NOT NULL')[0][0], 0)

    def test_a_column_that_zerobus_does_not_see_yet_is_waited_for(self):
        scene = self.scene("evolve_interval = 0")
        scene.emulator.fault("column_delay", ms=3000)
        runner = scene.run()
        scene.emulator.publish(100)
        self.arrived(scene)
        wait_until(lambda: "rows have" in runner.said(), what="that rows get the new column")
        self.assertEqual(runner.stop(), 0, runner.said())

    def test_a_missing_table_and_no_create(self):
        scene = self.scene("create = false")
        runner = scene.run()
        scene.emulator.publish(10)
        self.assertEqual(runner.wait(), 3)
        self.assertIn("create = true", runner.said())
        self.assertIn("CREATE TABLE IF NOT EXISTS `main`.`crm`.", runner.said())

    def test_a_restart_goes_on_with_the_columns_that_the_table_has(self):
        scene = self.scene("evolve_interval = 0")
        runner = scene.run()
        scene.emulator.publish(100)
        wait_until(lambda: "rows have" in runner.said(), what="that rows get the new column")
        runner.kill()
        again = scene.run()
        scene.emulator.publish(200)
        self.arrived(scene)
        self.assertEqual(again.stop(), 0, again.said())
        self.assertEqual(again.said().count("ADD COLUMNS"), 1)  # of the first run


class Position(unittest.TestCase):
    """Without a stored position a pipeline goes on behind the rows of its tables."""

    def scene(self, more, table, *options):
        scene = Scene(BUILD, *options)
        self.addCleanup(scene.__exit__)
        scene.configure(zerobus_stream(scene.folder, table=table, more=more), warehouse_id=scene.emulator.info["warehouse_id"])
        return scene

    def published(self, scene):
        return [event["replay_id"] for event in scene.emulator.published() if event["topic"].startswith("/data/")]

    def run_without_checkpoint(self, layout, table, column):
        scene = self.scene(f'layout = "{layout}"', table)
        runner = scene.run()
        scene.emulator.publish(500)

        def ids():
            tables = [n for (n,) in scene.emulator.query("SELECT name FROM sqlite_master WHERE type = 'table' AND name LIKE 'main.%'")]
            return [(n, id) for n in tables for (id,) in scene.emulator.query(f'SELECT "{column}" FROM "{n}"')]

        wait_until(lambda: set(self.published(scene)) <= {id for _, id in ids()}, what="all rows")
        self.assertEqual(runner.stop(), 0, runner.said())
        (scene.folder / "data_ChangeEvents.checkpoint").unlink()
        before = len(ids())
        scene.emulator.publish(50)
        again = scene.run()
        wait_until(lambda: set(self.published(scene)) <= {id for _, id in ids()}, what="all rows")
        self.assertEqual(again.stop(), 0, again.said())
        return scene, before, len(ids())

    def test_of_the_layout_sfcdc(self):
        scene, before, after = self.run_without_checkpoint("sfcdc", "main.crm.events", "replay_id")
        self.assertIn("going on behind the rows of main.crm.events", scene.runners[-1].said())
        self.assertLess(after - before, 200)  # 50 events of one to three rows, and not 550

    def test_of_typed_tables_the_least_far_counts(self):
        scene, before, after = self.run_without_checkpoint("typed", ENTITY_TABLE, "_sf_replay_id")
        self.assertIn("there is no stored position; going on behind the rows of 3 tables", scene.runners[-1].said())
        self.assertLess(after - before, before)

    def test_of_the_table_of_the_python_library(self):
        """Its rows have the time of a clock in place of the order: the newest rows by it are in any order."""
        scene, before, after = self.run_without_checkpoint("salesforce_zerobus", "main.crm.events", "replay_id")
        self.assertIn("going on behind the rows of main.crm.events", scene.runners[-1].said())
        self.assertLess(after - before, 100)

    def test_a_replay_id_that_cannot_be_told_is_a_decision(self):
        scene = self.scene('layout = "salesforce_zerobus"', "main.crm.events")
        runner = scene.run()
        scene.emulator.publish(20)
        wait_until(lambda: scene.emulator.rows("main.crm.events") >= 15, what="rows")
        self.assertEqual(runner.stop(), 0)
        (scene.folder / "data_ChangeEvents.checkpoint").unlink()
        with sqlite3.connect(scene.emulator.lake_path) as lake:
            lake.execute('UPDATE "main.crm.events" SET payload_binary = x\'00\'')
        again = scene.run()
        self.assertEqual(again.wait(), 4)
        self.assertIn("cannot be told", again.said())
        last = scene.run("--from", "latest")
        wait_until(lambda: "starting from latest" in last.said(), what="a start")
        self.assertEqual(last.stop(), 0)

    def test_backfill_false_is_latest_in_a_table_without_rows(self):
        scene = self.scene('layout = "sfcdc"\nbackfill = false', "main.crm.events")
        scene.emulator.publish(20)
        runner = scene.run()
        wait_until(lambda: "starting from latest" in runner.said(), what="a start")
        self.assertEqual(runner.stop(), 0)

    def test_a_table_that_does_not_fit_is_named_with_what_mends_it(self):
        scene = self.scene('layout = "sfcdc"', "main.crm.events")
        scene.sql("CREATE TABLE `main`.`crm`.`events` (`org_id` STRING, `topic` BIGINT, `extra` STRING NOT NULL) TBLPROPERTIES ('delta.enableRowTracking' = 'true')")
        runner = scene.run()
        self.assertEqual(runner.wait(), 3)
        for words in ("the columns replay_id, record_ordinal, event_id,",
                      "the column topic is bigint, and the rows have STRING there",
                      "the column extra is NOT NULL, and the rows have no value for it (ALTER TABLE `main`.`crm`.`events` ALTER COLUMN `extra` DROP NOT NULL)",
                      "row tracking is on"):
            self.assertIn(words, runner.said())


if __name__ == "__main__":
    BUILD = sys.argv.pop(1)
    unittest.main()
