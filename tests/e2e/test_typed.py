#!/usr/bin/env python3
"""Typed tables: made from the schemas of the events, widened while rows are on their way.

usage: test_typed.py BUILD_FOLDER [what unittest takes]
"""
import pathlib
import sqlite3
import subprocess
import sys
import unittest

import changing_org
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
        in_column = scene.emulator.query(f'SELECT count(*) FROM "{ACCOUNT}" WHERE "{column}" IS NOT NULL')[0][0]
        self.assertGreater(in_column, 0)
        # It is in no row in both (test_an_org_whose_schemas_change looks at each value).
        self.assertEqual(scene.emulator.query(f'SELECT count(*) FROM "{ACCOUNT}" WHERE "{column}" IS NOT NULL AND _sf_rest LIKE ?', f'%"{column}"%')[0][0], 0)

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
        self.assertIn("sfcdc tables plan", runner.said())

    def test_an_alter_that_is_refused_is_tried_again(self):
        scene = self.scene("evolve_interval = 0")
        scene.emulator.fault("forbid_alter")
        runner = scene.run()
        scene.emulator.publish(100)
        wait_until(lambda: "it cannot get its new columns" in runner.said(), what="an error")
        self.arrived(scene)
        scene.emulator.fault("clear")
        wait_until(lambda: "rows have" in runner.said(), what="that rows get the new column")
        self.assertEqual(runner.stop(), 0, runner.said())

    def test_a_table_that_is_made_again_under_a_stream_ends_the_pipeline(self):
        scene = self.scene('entities = ["Contact"]')
        runner = scene.run()
        scene.emulator.publish(300)
        contacts = "main.crm.Contact_changes"
        wait_until(lambda: scene.emulator.rows(contacts) > 0, what="rows")
        before = scene.position()
        scene.sql("DROP TABLE `main`.`crm`.`Contact_changes`")
        subprocess.run([BUILD + "/runner/sfcdc", "tables", "apply", "--config", scene.config], check=True, timeout=60, capture_output=True)
        scene.emulator.publish(100)
        self.assertEqual(runner.wait(120), 3)
        self.assertIn("was dropped and made again", runner.said())
        self.assertIsNotNone(before)

    def test_freeze_takes_the_columns_that_the_table_has(self):
        scene = self.scene("evolve_interval = 0")
        runner = scene.run()
        scene.emulator.publish(100)
        wait_until(lambda: "rows have" in runner.said(), what="that rows get the new column")
        self.assertEqual(runner.stop(), 0)
        column = runner.said().split("ADD COLUMNS (`")[1].split("`")[0]
        before = scene.emulator.query(f'SELECT count(*) FROM "{ACCOUNT}" WHERE "{column}" IS NOT NULL')[0][0]
        scene.configure(typed(scene.folder, 'evolve = "freeze"'), warehouse_id=scene.emulator.info["warehouse_id"])
        (scene.folder / "data_ChangeEvents.checkpoint").unlink()
        again = scene.run("--from", "earliest")
        wait_until(lambda: "rows have" in again.said().split("stopping")[-1], what="that rows get the column")
        scene.emulator.publish(1000)
        wait_until(lambda: scene.emulator.query(f'SELECT count(*) FROM "{ACCOUNT}" WHERE "{column}" IS NOT NULL')[0][0] > before, what="values in the column")
        self.assertEqual(again.stop(), 0, again.said())

    def test_an_org_whose_schemas_change(self):
        for evolve in ("auto", "plan", "freeze"):
            with self.subTest(evolve):
                counted = changing_org.run(BUILD, 3000, 12, 3, 4, evolve, 5)
                self.assertGreater(counted["rows with a rest"], 0)
                (self.assertGreater if evolve == "auto" else self.assertEqual)(counted["altered"], 0)

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

    def run_without_checkpoint(self, layout, table, column, spoil=None):
        scene = self.scene(f'layout = "{layout}"', table)
        runner = scene.run()
        scene.emulator.publish(500)

        def ids():
            tables = [n for (n,) in scene.emulator.query("SELECT name FROM sqlite_master WHERE type = 'table' AND name LIKE 'main.%'")]
            return [(n, id) for n in tables for (id,) in scene.emulator.query(f'SELECT "{column}" FROM "{n}"')]

        wait_until(lambda: set(self.published(scene)) <= {id for _, id in ids()}, what="all rows")
        self.assertEqual(runner.stop(), 0, runner.said())
        (scene.folder / "data_ChangeEvents.checkpoint").unlink()
        if spoil:
            with sqlite3.connect(scene.emulator.lake_path, timeout=30) as lake:
                lake.execute(spoil)
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
        scene, before, after = self.run_without_checkpoint(
            "salesforce_zerobus", "main.crm.events", "replay_id",
            'UPDATE "main.crm.events" SET timestamp = 1700000000000 + rowid * 1000 + abs(random()) % 20000')
        self.assertIn("going on behind the rows of main.crm.events", scene.runners[-1].said())
        self.assertLess(after - before, 100)

    def test_another_topic_s_rows_show_no_position(self):
        scene = self.scene('layout = "typed"', ENTITY_TABLE)
        def topic(name, more=""):
            scene.configure(zerobus_stream(scene.folder, topic=name, table=ENTITY_TABLE, more='layout = "typed"\n' + more), warehouse_id=scene.emulator.info["warehouse_id"])
        topic("/data/AccountChangeEvent")
        runner = scene.run()
        scene.emulator.publish(300)
        wait_until(lambda: scene.emulator.rows(ACCOUNT) > 20, what="rows")
        self.assertEqual(runner.stop(), 0)
        topic("/data/ContactChangeEvent")  # its table is missing: from the start
        again = scene.run()
        wait_until(lambda: scene.emulator.rows("main.crm.Contact_changes") > 0, what="rows of contacts")
        self.assertEqual(again.stop(), 0)
        topic("/data/ChangeEvents")
        last = scene.run()
        self.assertEqual(last.wait(), 4)
        self.assertIn("its rows are of", last.said())

    def test_tables_of_others_are_passed_over(self):
        scene = self.scene('layout = "typed"', "main.crm.{entity}")
        scene.sql("CREATE TABLE `main`.`crm`.`dim_date` (`d` STRING)")
        runner = scene.run()
        scene.emulator.publish(50)
        wait_until(lambda: scene.emulator.rows("main.crm.Account") > 0, what="rows")
        self.assertEqual(runner.stop(), 0, runner.said())

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


class Commands(unittest.TestCase):
    """sfcdc tables"""

    def sfcdc(self, *arguments, code=0):
        done = subprocess.run([BUILD + "/runner/sfcdc", "tables", *map(str, arguments)], capture_output=True, text=True, timeout=60)
        self.assertEqual(done.returncode, code, done.stderr)
        return done.stdout, done.stderr

    def scene(self, more="", topic="/data/AccountChangeEvent"):
        scene = Scene(BUILD)
        self.addCleanup(scene.__exit__)
        scene.configure(zerobus_stream(scene.folder, topic=topic, table=ENTITY_TABLE, more='layout = "typed"\n' + more), warehouse_id=scene.emulator.info["warehouse_id"])
        return scene

    def test_without_a_login(self):
        schema = pathlib.Path(__file__).parent.parent / "golden/schemas/ContactChangeEvent.avsc"
        out, _ = self.sfcdc("plan", "--schema", schema, "--table", "main.crm.{entity}_history")
        self.assertTrue(out.startswith("CREATE TABLE IF NOT EXISTS `main`.`crm`.`Contact_history` (\n  `Id` STRING COMMENT 'record id',\n"))
        out, _ = self.sfcdc("show", "--schema", schema)
        self.assertIn("MailingCity\tSTRING\tMailingAddress.City\n", out)
        for engine, words in (("databricks", "AS AUTO CDC INTO"), ("spark", "MERGE INTO `main`.`default`.`Contact_current`"), ("duckdb", 'MERGE INTO "main"."default"."Contact_current"')):
            out, _ = self.sfcdc("sql", "current", "--schema", schema, "--engine", engine)
            self.assertIn(words, out)
        out, _ = self.sfcdc("sql", "dedupe", "--schema", schema, "--into", "main.crm.contacts")
        self.assertTrue(out.startswith("CREATE OR REPLACE VIEW `main`.`crm`.`contacts` AS"))

    def test_what_is_missing_or_wrong(self):
        self.assertIn("--config or --schema is missing", self.sfcdc("plan", code=2)[1])
        schema = pathlib.Path(__file__).parent.parent / "golden/schemas/ContactChangeEvent.avsc"
        self.assertIn("--config is missing", self.sfcdc("apply", "--schema", schema, code=2)[1])
        self.assertIn("three parts", self.sfcdc("plan", "--schema", schema, "--table", "crm.{entity}", code=2)[1])
        self.assertIn("cannot be opened", self.sfcdc("plan", "--schema", "nowhere.avsc", code=2)[1])
        self.sfcdc("sql", code=2)

    def test_plan_apply_and_show(self):
        scene = self.scene()
        out, _ = self.sfcdc("plan", "--config", scene.config)
        self.assertIn("-- main.crm.Account_changes: is missing\nCREATE TABLE", out)
        self.assertEqual(scene.emulator.rows(ACCOUNT), 0)
        out, _ = self.sfcdc("apply", "--config", scene.config)
        self.assertIn("-- main.crm.Account_changes: is made", out)
        out, _ = self.sfcdc("plan", "--config", scene.config)
        self.assertEqual(out, "-- main.crm.Account_changes: is as it should be\n")
        scene.sql("DROP TABLE `main`.`crm`.`Account_changes`")
        scene.sql("CREATE TABLE `main`.`crm`.`Account_changes` (`Id` BIGINT)")
        out, _ = self.sfcdc("show", "--config", scene.config)
        self.assertIn("the column Id is bigint, and the rows have STRING there", out)
        _, err = self.sfcdc("apply", "--config", scene.config, code=3)

    def test_a_channel_needs_names(self):
        scene = self.scene(topic="/data/ChangeEvents")
        self.assertIn("name them in [[pipeline]] entities, or give --schema", self.sfcdc("plan", "--config", scene.config, code=2)[1])
        scene = self.scene('entities = ["Account", "Contact"]', topic="/data/ChangeEvents")
        out, _ = self.sfcdc("plan", "--config", scene.config)
        self.assertIn("-- main.crm.Account_changes: is missing", out)
        self.assertIn("-- main.crm.Contact_changes: is missing", out)

    def test_privacy_says_what_becomes_of_each_field(self):
        scene = self.scene('deny = ["Phone"]')
        out, _ = self.sfcdc("privacy", "--config", scene.config)
        self.assertIn("main.crm.Account_changes\tPhone\tabsent\n", out)
        self.assertIn("main.crm.Account_changes\tType\tplain\n", out)
        out, _ = self.sfcdc("plan", "--config", scene.config)
        self.assertNotIn("`Phone`", out)


if __name__ == "__main__":
    BUILD = sys.argv.pop(1)
    unittest.main()
