"""The runner against the emulator: real processes, sockets, files and signals.

usage: test_runner.py BUILD_FOLDER [unittest arguments]
"""
import base64
import json
import os
import pathlib
import random
import re
import sqlite3
import sys
import time
import unittest

from harness import CDC_TABLE, ORDER_TABLE, Scene, decode, wait_until, zerobus_stream

BUILD = None
SECRETS = ("sfcdc-emulator-secret", "sfcdc-emulator-principal-secret")


class RunnerTest(unittest.TestCase):
    def complete(self, scene, runner, table=CDC_TABLE, topic=lambda e: e["topic"].startswith("/data/"), timeout=120):
        """Waits until every published event of the topic that can be decoded is in the table; returns the list."""
        def check():
            self.assertIsNone(runner.process.poll(), scene.log.read_text())
            wanted = [e["replay_id"] for e in scene.emulator.published() if topic(e) and not e.get("undecodable")]
            return wanted if set(wanted) <= set(scene.emulator.replay_ids(table)) else None
        return wait_until(check, timeout, "the last row")

    def assert_nothing_lost(self, scene, table=CDC_TABLE):
        published = {e["replay_id"] for e in scene.emulator.published() if e["topic"].startswith("/data/")}
        self.assertEqual(published - set(scene.emulator.replay_ids(table)), set())

    def assert_position_behind_rows(self, scene):
        """Every event up to the stored position is in the lake."""
        position = scene.position()
        if position is None:
            return
        durable = set(scene.emulator.replay_ids())
        bus = [e["replay_id"] for e in scene.emulator.published() if e["topic"].startswith("/data/")]
        self.assertIn(position, bus)
        ahead = [r for r in bus[: bus.index(position) + 1] if r not in durable]
        self.assertEqual(ahead, [], f"the position {position} is ahead of {len(ahead)} rows")


class Delivery(RunnerTest):
    def test_every_event_becomes_a_row_and_sigterm_ends_with_0(self):
        with Scene(BUILD, "--seed", 3) as scene:
            scene.configure()
            scene.emulator.publish(3000)
            runner = scene.run()
            wanted = self.complete(scene, runner)
            self.assertEqual(runner.stop(), 0)
            durable = scene.emulator.replay_ids()
            self.assertEqual(sorted(durable), sorted(set(durable)), "without a fault nothing comes twice")
            self.assertEqual(len(wanted), len(durable))
            self.assertEqual(scene.position(), wanted[-1])

    def test_rows_come_in_the_order_of_the_bus(self):
        with Scene(BUILD, "--seed", 4) as scene:
            scene.configure()
            scene.emulator.publish(1000)
            wanted = self.complete(scene, scene.run())
            rows = scene.emulator.query(f'SELECT replay_id FROM "{CDC_TABLE}" ORDER BY _wire_offset, _row')
            self.assertEqual([r[0] for r in rows], wanted)

    def test_a_second_run_goes_on_where_the_first_ended(self):
        with Scene(BUILD, "--seed", 5) as scene:
            scene.configure()
            scene.emulator.publish(500)
            first = scene.run()
            self.complete(scene, first)
            self.assertEqual(first.stop(), 0)
            stored = scene.position()
            scene.emulator.publish(500)
            second = scene.run()
            self.complete(scene, second)
            self.assertEqual(second.stop(), 0)
            self.assertIn(f"resuming after {stored}", scene.log.read_text())
            durable = scene.emulator.replay_ids()
            self.assertEqual(len(durable), len(set(durable)))

    def test_kill_9_at_20_random_moments_loses_nothing(self):
        moments = random.Random(20)
        with Scene(BUILD, "--seed", 6) as scene:
            scene.configure()
            scene.emulator.publish(30_000, rate=6000)
            for _ in range(20):
                runner = scene.run()
                time.sleep(moments.uniform(0.05, 0.6))
                self.assertIsNone(runner.process.poll(), scene.log.read_text())
                runner.kill()
                self.assert_position_behind_rows(scene)
            runner = scene.run()
            wait_until(lambda: scene.emulator.status()["published"] >= 30_000, 120, "publishing")
            self.complete(scene, runner)
            self.assertEqual(runner.stop(), 0)
            self.assert_nothing_lost(scene)
            self.assert_position_behind_rows(scene)

    def test_kill_9_with_slow_acknowledgements(self):
        with Scene(BUILD, "--seed", 7, "--ack-delay-ms", 300) as scene:
            scene.configure()
            scene.emulator.publish(5000)
            for _ in range(3):
                runner = scene.run()
                time.sleep(0.5)
                runner.kill()
                self.assert_position_behind_rows(scene)
            runner = scene.run()
            self.complete(scene, runner)
            self.assertEqual(runner.stop(), 0)

    def test_the_sqlite_sink_has_each_event_once_whatever_kills_it(self):
        with Scene(BUILD, "--seed", 8) as scene:
            database = scene.folder / "rows.db"
            scene.configure(f'[[pipeline]]\ntopic = "/data/ChangeEvents"\nsink = "sqlite"\npath = "{database}"\n')
            scene.emulator.publish(6000, rate=6000)
            moments = random.Random(8)
            def ids():
                with sqlite3.connect(database, timeout=30) as d:
                    return [r[0] for r in d.execute("SELECT replay_id FROM events")]
            for _ in range(8):
                runner = scene.run()
                time.sleep(moments.uniform(0.1, 0.4))
                runner.kill()
            runner = scene.run()
            wait_until(lambda: scene.emulator.status()["published"] >= 6000, 60, "publishing")
            wanted = [e["replay_id"] for e in scene.emulator.published() if e["topic"].startswith("/data/")]
            wait_until(lambda: set(wanted) <= set(ids()), 60, "the last row")
            self.assertEqual(runner.stop(), 0)
            self.assertEqual(ids(), wanted)

    def test_ndjson_to_standard_output_and_to_a_file(self):
        for path in ("-", "rows.ndjson"):
            with self.subTest(path=path), Scene(BUILD, "--seed", 9) as scene:
                target = path if path == "-" else scene.folder / path
                scene.configure(f'[[pipeline]]\ntopic = "/data/AccountChangeEvent"\nsink = "ndjson"\npath = "{target}"\n'
                                f'checkpoint = "{scene.folder}/data_AccountChangeEvent.checkpoint"\n')
                scene.emulator.publish(150)
                runner = scene.run()
                wanted = [e["replay_id"] for e in scene.emulator.published() if e["topic"] == "/data/AccountChangeEvent"]
                wait_until(lambda: scene.position("/data/AccountChangeEvent") == wanted[-1], 30, "the last position")
                self.assertEqual(runner.stop(), 0)
                text = runner.printed if path == "-" else target.read_text(encoding="utf-8")
                rows = [json.loads(line) for line in text.splitlines()]
                self.assertEqual([r["replay_id"] for r in rows], wanted)
                self.assertEqual(rows[0]["entity_name"], "Account")

    def test_several_streams_of_one_configuration(self):
        with Scene(BUILD, "--seed", 10) as scene:
            scene.configure(zerobus_stream(scene.folder) + zerobus_stream(scene.folder, "/event/Order_Event__e", ORDER_TABLE))
            scene.emulator.publish(2000)
            runner = scene.run()
            self.complete(scene, runner)
            self.complete(scene, runner, ORDER_TABLE, lambda e: e["topic"] == "/event/Order_Event__e")
            self.assertEqual(runner.stop(), 0)

    def test_start_latest_takes_only_what_comes_afterwards(self):
        with Scene(BUILD, "--seed", 11, "--keepalive-ms", 300) as scene:
            scene.configure(zerobus_stream(scene.folder, more='start = "latest"'))
            scene.emulator.publish(100)
            before = {e["replay_id"] for e in scene.emulator.published()}
            runner = scene.run()
            wait_until(lambda: scene.emulator.status()["subscribers"] == 1, 30, "the subscription")
            time.sleep(0.5)
            scene.emulator.publish(100)
            wait_until(lambda: scene.emulator.rows(CDC_TABLE) > 50, 30, "rows")
            self.assertEqual(runner.stop(), 0)
            self.assertEqual(before & set(scene.emulator.replay_ids()), set())

    def test_a_keepalive_moves_the_position(self):
        with Scene(BUILD, "--seed", 12, "--keepalive-ms", 300) as scene:
            scene.configure(zerobus_stream(scene.folder, "/event/Order_Event__e", ORDER_TABLE))
            scene.emulator.publish(1000)
            runner = scene.run()
            last = scene.emulator.published()[-1]["replay_id"]
            wait_until(lambda: scene.position("/event/Order_Event__e") == last, 30, "the position of the keepalive")
            self.assertEqual(runner.stop(), 0)


class Rows(RunnerTest):
    def test_the_sixteen_columns(self):
        with Scene(BUILD, "--seed", 13) as scene:
            scene.configure()
            scene.emulator.publish(2000)
            runner = scene.run()
            self.complete(scene, runner)
            self.assertEqual(runner.stop(), 0)
            columns = [r[1] for r in scene.emulator.query(f'PRAGMA table_info("{CDC_TABLE}")') if not r[1].startswith("_")]
            self.assertEqual(columns, ["event_id", "schema_id", "replay_id", "timestamp", "change_type", "entity_name", "change_origin", "record_ids",
                                       "changed_fields", "nulled_fields", "diff_fields", "record_data_json", "payload_binary", "schema_json", "org_id",
                                       "processed_timestamp"])
            by_id = {e["replay_id"]: e for e in scene.emulator.published()}
            q = f'SELECT replay_id, event_id, schema_id, change_type, entity_name, record_ids, changed_fields, record_data_json, org_id FROM "{CDC_TABLE}"'
            for replay_id, event_id, schema_id, change_type, entity, record_ids, changed, body, org in scene.emulator.query(q):
                told = by_id[replay_id]
                self.assertEqual((event_id, schema_id, entity), (told["event_id"], told["schema_id"], told["entity"]))
                self.assertEqual(org, scene.emulator.info["org_id"])
                body = json.loads(body)
                self.assertNotIn("ChangeEventHeader", body)
                for name in json.loads(changed or "[]"):
                    top, _, child = name.partition(".")
                    self.assertIn(top, body)
                    if child and body[top] is not None:
                        self.assertIn(child, body[top])
                if change_type == "GAP_OVERFLOW":
                    self.assertEqual(json.loads(record_ids), ["000000000000000AAA"])

    def test_schema_json_stands_in_the_first_row_of_each_schema_and_on_demand_in_each_row(self):
        for every, expected in (("10000", "first"), ("1", "all")):
            with self.subTest(every=every), Scene(BUILD, "--seed", 14) as scene:
                scene.configure(zerobus_stream(scene.folder, more=f"schema_json_every = {every}"))
                scene.emulator.publish(800)
                runner = scene.run()
                self.complete(scene, runner)
                self.assertEqual(runner.stop(), 0)
                with_schema = [r[0] for r in scene.emulator.query(f'SELECT schema_id FROM "{CDC_TABLE}" WHERE schema_json IS NOT NULL AND schema_json <> \'\'')]
                schemas = {r[0] for r in scene.emulator.query(f'SELECT DISTINCT schema_id FROM "{CDC_TABLE}"')}
                if expected == "first":
                    self.assertEqual(sorted(with_schema), sorted(schemas))
                else:
                    self.assertEqual(len(with_schema), scene.emulator.rows(CDC_TABLE))

    def test_the_lakeflow_layout(self):
        with Scene(BUILD, "--seed", 15) as scene:
            scene.configure(zerobus_stream(scene.folder, more='layout = "lakeflow"'))
            scene.emulator.publish(300)
            runner = scene.run()
            wanted = {e["replay_id"] for e in scene.emulator.published() if e["topic"].startswith("/data/")}
            wait_until(lambda: scene.emulator.rows(CDC_TABLE) >= len(wanted), 30, "the last row")
            self.assertEqual(runner.stop(), 0)
            rows = scene.emulator.query(f'SELECT replay_id, topic_name, decoded_event FROM "{CDC_TABLE}"')
            self.assertEqual({base64.b64decode(r[0]).hex() for r in rows}, wanted)
            for _, topic, decoded in rows:
                self.assertEqual(topic, "/data/ChangeEvents")
                header = json.loads(decoded)["ChangeEventHeader"]
                self.assertEqual("changedFieldsNames" in header, bool(header["changedFields"]))


class Faults(RunnerTest):
    def survives(self, *faults, events=3000, options=(), twice_allowed=True):
        """Publishes slowly, applies the faults in between, and expects every event in the lake."""
        with Scene(BUILD, "--seed", 16, *options) as scene:
            scene.configure()
            runner = scene.run()
            scene.emulator.publish(events, rate=1500)
            for fault in faults:
                time.sleep(0.4)
                scene.emulator.fault(**fault)
            wait_until(lambda: scene.emulator.status()["published"] >= events, 120, "publishing")
            self.complete(scene, runner)
            self.assertEqual(runner.stop(), 0)
            self.assert_nothing_lost(scene)
            durable = scene.emulator.replay_ids()
            if not twice_allowed:
                self.assertEqual(len(durable), len(set(durable)))
            return scene.log.read_text(), scene.emulator.status()

    def test_an_expired_token_is_renewed(self):
        said, _ = self.survives({"op": "expire_salesforce_tokens"}, twice_allowed=False)
        self.assertEqual(said.count("logged in to"), 2)

    def test_the_subscription_ends_cleanly(self):
        self.survives({"op": "drop_subscribers"}, {"op": "drop_subscribers"}, twice_allowed=False)

    def test_the_service_is_unavailable(self):
        said, _ = self.survives({"op": "subscribe_error", "code": "service.unavailable", "times": 2}, twice_allowed=False)
        self.assertIn("service.unavailable", said)

    def test_rotation_without_a_duration(self):
        self.survives({"op": "rotate_streams", "duration_ms": None}, {"op": "rotate_streams", "duration_ms": None})

    def test_rotation_with_time_for_the_last_acks_repeats_nothing(self):
        self.survives({"op": "rotate_streams", "duration_ms": 2000}, {"op": "rotate_streams", "duration_ms": 2000}, options=("--ack-delay-ms", 100), twice_allowed=False)

    def test_zerobus_breaks_in_mid_stream(self):
        self.survives({"op": "zerobus_error", "code": "UNAVAILABLE", "when": "stream", "times": 1}, {"op": "zerobus_error", "code": "INTERNAL", "when": "stream", "times": 1})

    def test_zerobus_does_not_open(self):
        self.survives({"op": "zerobus_error", "code": "UNAVAILABLE", "when": "create", "times": 3}, {"op": "zerobus_error", "code": "UNAVAILABLE", "when": "stream", "times": 1})

    def test_a_token_of_zerobus_expires(self):
        self.survives({"op": "expire_databricks_tokens"}, {"op": "rotate_streams", "duration_ms": 100})

    def test_the_token_endpoint_is_busy(self):
        with Scene(BUILD, "--seed", 17) as scene:
            scene.configure()
            scene.emulator.fault("token_status", side="databricks", status=429, times=2)
            scene.emulator.fault("token_status", side="salesforce", status=503, times=2)
            scene.emulator.publish(300)
            runner = scene.run()
            self.complete(scene, runner)
            self.assertEqual(runner.stop(), 0)

    def test_acks_that_are_held_back_do_not_move_the_position(self):
        with Scene(BUILD, "--seed", 18) as scene:
            scene.configure()
            scene.emulator.fault("hold_acks", ms=1500)
            scene.emulator.publish(500)
            runner = scene.run()
            wait_until(lambda: scene.emulator.rows(CDC_TABLE) > 0, 30, "rows")
            self.assertIsNone(scene.position())
            self.complete(scene, runner)
            self.assertEqual(runner.stop(), 0)
            self.assert_position_behind_rows(scene)
            self.assertIsNotNone(scene.position())

    def test_a_subscription_that_went_silent_is_given_up(self):
        """Half open: the connection stands, and nothing comes, not even a keepalive."""
        with Scene(BUILD, "--seed", 31, "--keepalive-ms", 300) as scene:
            scene.configure(zerobus_stream(scene.folder, more="silence_limit = 2"))
            scene.emulator.publish(200)
            runner = scene.run()
            self.complete(scene, runner)
            scene.emulator.fault("silence_subscribe", ms=4000)
            scene.emulator.publish(200)
            self.complete(scene, runner)
            self.assertEqual(runner.stop(), 0)
            self.assertIn("neither events nor a keepalive in time", scene.log.read_text())
            self.assertGreaterEqual(scene.emulator.status()["subscribe_calls"], 2)
            durable = scene.emulator.replay_ids()
            self.assertEqual(len(durable), len(set(durable)))

    def test_an_idle_subscription_with_keepalives_is_not_given_up(self):
        with Scene(BUILD, "--seed", 32, "--keepalive-ms", 300) as scene:
            scene.configure(zerobus_stream(scene.folder, more="silence_limit = 2"))
            scene.emulator.publish(50)
            runner = scene.run()
            self.complete(scene, runner)
            time.sleep(4)
            self.assertEqual(runner.stop(), 0)
            self.assertEqual(scene.emulator.status()["subscribe_calls"], 1)

    def test_a_slow_login_does_not_hold_up_acknowledgements(self):
        """Tokens are asked for beside the pipeline's thread: rows in flight become durable, and the position follows."""
        with Scene(BUILD, "--seed", 33, "--ack-delay-ms", 500) as scene:
            scene.configure()
            scene.emulator.publish(300)
            runner = scene.run()
            wait_until(lambda: scene.emulator.rows(CDC_TABLE) > 0, 30, "rows")
            scene.emulator.fault("token_status", side="salesforce", status=503, times=1, retry_after_s=6)
            scene.emulator.fault("expire_salesforce_tokens")
            wait_until(lambda: scene.position() is not None, 4, "a position")
            self.complete(scene, runner)
            self.assertEqual(runner.stop(), 0)

    def test_over_tls(self):
        with Scene(BUILD, "--seed", 19, "--tls") as scene:
            scene.configure()
            scene.emulator.publish(500)
            runner = scene.run()
            self.complete(scene, runner)
            self.assertEqual(runner.stop(), 0)

    def test_an_unreachable_endpoint_is_retried_with_back_off(self):
        with Scene(BUILD) as scene:
            scene.configure(pubsub_endpoint="http://127.0.0.1:9")
            runner = scene.run()
            time.sleep(4)
            self.assertIsNone(runner.process.poll())
            self.assertEqual(runner.stop(), 0)
            tries = scene.log.read_text().count("next try in")
            self.assertGreaterEqual(tries, 2)
            self.assertLess(tries, 12, "it spins")


class Decisions(RunnerTest):
    def test_an_expired_position_stops_with_the_choices(self):
        with Scene(BUILD, "--seed", 21) as scene:
            scene.configure()
            scene.emulator.publish(200)
            first = scene.run()
            self.complete(scene, first)
            self.assertEqual(first.stop(), 0)
            stored = scene.position()
            scene.emulator.fault("expire_retention")
            scene.emulator.publish(50)
            second = scene.run()
            self.assertEqual(second.wait(30), 4)
            said = scene.log.read_text()
            for part in (stored, "--from earliest", "--from latest", "72 hours"):
                self.assertIn(part, said)
            self.assertEqual(scene.position(), stored, "the stored position stays")
            third = scene.run("--from", "earliest")
            self.complete_since(scene, third, 50)
            self.assertEqual(third.stop(), 0)

    def complete_since(self, scene, runner, last):
        wanted = [e["replay_id"] for e in scene.emulator.published()[-last:] if e["topic"].startswith("/data/")]
        wait_until(lambda: set(wanted) <= set(scene.emulator.replay_ids()), 30, "the new rows")

    def test_from_does_not_replace_a_position_that_is_good(self):
        with Scene(BUILD, "--seed", 22) as scene:
            scene.configure()
            scene.emulator.publish(200)
            first = scene.run()
            self.complete(scene, first)
            self.assertEqual(first.stop(), 0)
            scene.emulator.publish(100)
            second = scene.run("--from", "latest")
            self.complete(scene, second)
            self.assertEqual(second.stop(), 0)
            durable = scene.emulator.replay_ids()
            self.assertEqual(len(durable), len(set(durable)))

    def test_an_undecodable_event_is_kept_and_the_stream_goes_on(self):
        with Scene(BUILD, "--seed", 23) as scene:
            scene.configure()
            scene.emulator.publish(100)
            scene.emulator.fault("undecodable", times=1)
            scene.emulator.publish(200)
            runner = scene.run()
            self.complete(scene, runner)
            self.assertEqual(runner.stop(), 0)
            bad = [e for e in scene.emulator.published() if e.get("undecodable")]
            self.assertEqual(len(bad), 1)
            letters = scene.letters()
            if not bad[0]["topic"].startswith("/data/"):
                self.skipTest("the workload cut a platform event short")
            self.assertEqual([(l["replay_id"], l["event_id"]) for l in letters], [(bad[0]["replay_id"], bad[0]["event_id"])])
            self.assertTrue(letters[0]["reason"])
            self.assertGreater(len(base64.b64decode(letters[0]["payload"])), 0)
            self.assertRegex(scene.log.read_text(), rf"{bad[0]['replay_id']}.*cannot be decoded: byte \d+: ")

    def test_on_undecodable_stop_keeps_the_position_in_front(self):
        with Scene(BUILD, "--seed", 24) as scene:
            scene.configure(zerobus_stream(scene.folder, more='on_undecodable = "stop"'))
            scene.emulator.publish(150)
            scene.emulator.fault("undecodable", times=1)
            scene.emulator.publish(150)
            bus = [e for e in scene.emulator.published() if e["topic"].startswith("/data/")]
            at = next(i for i, e in enumerate(bus) if e.get("undecodable"))
            runner = scene.run()
            self.assertEqual(runner.wait(30), 4)
            position = scene.position()
            if position is not None:
                self.assertLess([e["replay_id"] for e in bus].index(position), at)
            self.assertIn("on_undecodable", scene.log.read_text())


class Refusals(RunnerTest):
    def refused(self, *parts, code=3, streams=None, options=(), **overrides):
        with Scene(BUILD, "--publish", 20, "--publish-before-subscribe", *options) as scene:
            scene.configure(streams(scene.folder) if streams else None, **overrides)
            self.assertEqual(scene.run().wait(30), code)
            said = scene.log.read_text()
            for part in parts:
                self.assertIn(part, said)
            for secret in SECRETS:
                self.assertNotIn(secret, said)

    def test_wrong_salesforce_secret(self):
        self.refused("Salesforce refused the login", "[salesforce] client_id, client_secret", sf_client_secret="wrong")

    def test_unknown_topic(self):
        self.refused("/data/NoSuchChangeEvent", "[[pipeline]] topic", streams=lambda folder: zerobus_stream(folder, "/data/NoSuchChangeEvent"))

    def test_wrong_databricks_secret(self):
        self.refused("Databricks refused a token", "[databricks] client_id, client_secret", db_client_secret="wrong")

    def test_unknown_table(self):
        self.refused("Databricks has no table " + CDC_TABLE, "[[pipeline]] table", options=("--unknown-table", CDC_TABLE))

    def test_forbidden_table(self):
        self.refused("Databricks refuses the table " + CDC_TABLE, "granted on the table itself", options=("--forbid-table", CDC_TABLE))

    def test_rows_that_do_not_fit_the_table(self):
        """A hundred bad rows in a row are no bad rows but another table: the rest stays in front of the position."""
        with Scene(BUILD, "--seed", 25) as scene:
            scene.configure()
            scene.emulator.publish(600)
            scene.emulator.fault("poison", column="org_id", value=scene.emulator.info["org_id"])
            self.assertEqual(scene.run().wait(60), 3)
            self.assertIn("Databricks refuses rows", scene.log.read_text())
            self.assertEqual(scene.emulator.rows(CDC_TABLE), 0)
            kept = {l["replay_id"] for l in scene.letters()}
            self.assertGreaterEqual(len(kept), 100)
            bus = [e["replay_id"] for e in scene.emulator.published() if e["topic"].startswith("/data/")]
            self.assertEqual(scene.position(), bus[0], "the first row gives a position; all others of the verdict are tried again")
            letters = len(scene.letters())
            self.assertEqual(scene.run().wait(60), 3)
            self.assertEqual(scene.position(), bus[0], "a restart eats nothing")
            self.assertLess(len(scene.letters()), letters + 10, "the letters of the first run are not written again")


class PoisonRows(RunnerTest):
    """A row that Databricks refuses, among others that it takes."""

    def poison(self, scene, *places):
        """Publishes, and poisons the rows of the events at these places; returns them and all events."""
        scene.emulator.publish(1500)
        bus = [e for e in scene.emulator.published() if e["topic"].startswith("/data/")]
        for place in places:
            scene.emulator.fault("poison", column="event_id", value=bus[place]["event_id"])
        return [bus[place] for place in places], bus

    def test_it_is_kept_with_the_reason_and_all_others_arrive(self):
        for places in ((0,), (257,), (3, 4, 700)):
            with self.subTest(places=places), Scene(BUILD, "--seed", 28) as scene:
                scene.configure()
                bad, bus = self.poison(scene, *places)
                runner = scene.run()
                wait_until(lambda: scene.position() == bus[-1]["replay_id"], 60, "the last position")
                self.assertEqual(runner.stop(), 0)
                poisoned = {e["replay_id"] for e in bad}
                durable = scene.emulator.replay_ids()
                self.assertEqual(sorted(durable), sorted({e["replay_id"] for e in bus} - poisoned), "each other row, once")
                letters = scene.letters()
                self.assertEqual([(l["replay_id"], l["event_id"], l["schema_id"]) for l in letters],
                                 [(e["replay_id"], e["event_id"], e["schema_id"]) for e in bad])
                for letter, event in zip(letters, bad):
                    self.assertIn("column event_id holds a value that is not accepted", letter["reason"])
                    self.assertIn(event["event_id"].encode(), base64.b64decode(letter["row"]))
                    self.assertRegex(scene.log.read_text(), rf"{event['replay_id']}.*gives a row that {CDC_TABLE} does not take")

    def test_the_position_waits_in_front_of_the_last_rows_for_one_that_is_taken(self):
        """Refused rows with none behind them may be the table's fault: a restart tries them again, and a row that is taken passes them."""
        with Scene(BUILD, "--seed", 34) as scene:
            scene.configure()
            bad, bus = self.poison(scene, -2, -1)
            runner = scene.run()
            wait_until(lambda: len(scene.letters()) == 2, 60, "the letters")
            wait_until(lambda: scene.position() == bus[-3]["replay_id"], 60, "the position in front of them")
            self.assertEqual(runner.stop(), 0)
            runner = scene.run()
            wait_until(lambda: "gives a row that" in scene.log.read_text().partition("resuming after")[2], 60, "the second refusal")
            self.assertEqual(scene.position(), bus[-3]["replay_id"])
            scene.emulator.publish(100)
            last = [e for e in scene.emulator.published() if e["topic"].startswith("/data/")][-1]
            wait_until(lambda: scene.position() == last["replay_id"], 60, "the last position")
            self.assertEqual(runner.stop(), 0)
            self.assertEqual([l["replay_id"] for l in scene.letters()], [e["replay_id"] for e in bad], "each letter once")

    def test_rows_stay_in_order_around_it(self):
        with Scene(BUILD, "--seed", 29) as scene:
            scene.configure()
            bad, bus = self.poison(scene, 400)
            runner = scene.run()
            wait_until(lambda: scene.position() == bus[-1]["replay_id"], 60, "the last position")
            self.assertEqual(runner.stop(), 0)
            rows = [r[0] for r in scene.emulator.query(f'SELECT replay_id FROM "{CDC_TABLE}" ORDER BY rowid')]
            self.assertEqual(rows, [e["replay_id"] for e in bus if e not in bad])

    def test_on_undecodable_stop_keeps_the_position_in_front(self):
        with Scene(BUILD, "--seed", 30) as scene:
            scene.configure(zerobus_stream(scene.folder, more='on_undecodable = "stop"'))
            bad, bus = self.poison(scene, 500)
            self.assertEqual(scene.run().wait(60), 4)
            self.assert_position_behind_rows(scene)
            stored = [e["replay_id"] for e in bus].index(scene.position())
            self.assertLess(stored, 500)
            self.assertEqual({l["replay_id"] for l in scene.letters()}, {bad[0]["replay_id"]})


class Configuration(RunnerTest):
    GOOD = '[salesforce]\nlogin_url = "https://acme.my.salesforce.com"\nclient_id = "a"\nclient_secret = "b"\n'
    STREAM = '[[pipeline]]\ntopic = "/data/AccountChangeEvent"\nsink = "sqlite"\npath = "rows.db"\n'

    def mistakes(self, text, *expected, env=None):
        with Scene(BUILD) as scene:
            scene.config.write_text(text, encoding="utf-8")
            before = scene.emulator.status()
            self.assertEqual(scene.run(env=env).wait(20), 2)
            said = scene.log.read_text()
            for line in expected:  # ":LINE: TEXT"; the column is behind the line
                _, number, text = line.split(":", 2)
                self.assertRegex(said, re.escape(f"{scene.config}:{number}:") + r"\d+:" + re.escape(text))

    def test_a_misspelt_key(self):
        self.mistakes(self.GOOD + self.STREAM + 'lauout = "lakeflow"\n', ':9: [pipeline] lauout: unknown key; did you mean "layout"?')

    def test_an_unknown_section(self):
        self.mistakes(self.GOOD + self.STREAM + "[salsforce]\n", ':9: salsforce: unknown key; did you mean "salesforce"?')

    def test_a_wrong_type(self):
        self.mistakes(self.GOOD.replace('"a"', "5") + self.STREAM, ":3: [salesforce] client_id: a string was expected")

    def test_a_missing_key(self):
        self.mistakes(self.GOOD.replace('client_id = "a"\n', "") + self.STREAM, ":1: [salesforce] client_id: missing")

    def test_a_missing_variable(self):
        self.mistakes(self.GOOD.replace('"b"', '"${NO_SUCH_VARIABLE}"') + self.STREAM, ":4: [salesforce] client_secret: the environment variable NO_SUCH_VARIABLE is not set")

    def test_a_missing_file_of_a_secret(self):
        self.mistakes(self.GOOD.replace('"b"', '"${file:/no/such/file}"') + self.STREAM, ":4: [salesforce] client_secret: cannot read the file /no/such/file")

    def test_a_value_that_is_none_of_the_choices(self):
        self.mistakes(self.GOOD + self.STREAM.replace("sqlite", "postgres"), ':7: [pipeline] sink: one of "zerobus", "sqlite", "ndjson" was expected, not "postgres"')

    def test_several_mistakes_at_once(self):
        self.mistakes(self.GOOD.replace('"a"', "5") + self.STREAM + "tipoc = 1\n", ":3: ", ":9: ")

    def test_broken_toml(self):
        self.mistakes(self.GOOD + "[[pipeline]\n", ":5: ")

    def test_the_login_host_that_cannot_work(self):
        self.mistakes(self.GOOD.replace("acme.my", "login") + self.STREAM, ":2: [salesforce] login_url: client credentials work on the org's My Domain host only")

    def test_a_table_name_of_two_parts(self):
        self.mistakes(self.GOOD + '[databricks]\nworkspace_url = "https://w"\nzerobus_endpoint = "z"\nclient_id = "a"\nclient_secret = "b"\n'
                      '[[pipeline]]\ntopic = "/data/A"\nsink = "zerobus"\ntable = "a.b"\ncheckpoint = "c"\n', ":13: [pipeline] table: three parts were expected")

    def test_credentials_over_plain_http(self):
        self.mistakes(self.GOOD.replace("https://", "http://") + self.STREAM, ":2: [salesforce] login_url: a URL with https:// was expected")

    def test_no_such_file(self):
        with Scene(BUILD) as scene:
            self.assertEqual(scene.run().wait(20), 2)
            self.assertIn("the configuration cannot be read: No such file or directory", scene.log.read_text())

    def test_values_from_the_environment_and_from_files(self):
        with Scene(BUILD, "--seed", 26) as scene:
            secret = scene.folder / "secret"
            secret.write_text("sfcdc-emulator-secret\n")
            scene.configure(sf_client_id="${SF_ID}", sf_client_secret="${file:" + str(secret) + "}")
            scene.emulator.publish(50)
            runner = scene.run(env={**os.environ, "SF_ID": "sfcdc-emulator-client"})
            self.complete(scene, runner)
            self.assertEqual(runner.stop(), 0)

    def test_a_checkpoint_of_another_topic(self):
        with Scene(BUILD) as scene:
            scene.configure()
            (scene.folder / "data_ChangeEvents.checkpoint").write_text(
                json.dumps({"topic": "/data/Other", "org_id": scene.emulator.info["org_id"], "replay_id": "00"}))
            self.assertEqual(scene.run().wait(20), 4)
            self.assertIn("a position means nothing elsewhere", scene.log.read_text())

    def test_a_damaged_checkpoint(self):
        for text in ("", "{", '{"topic":"/data/ChangeEvents","org_id":"x","replay_id":"zz"}', "[]"):
            with self.subTest(text=text), Scene(BUILD) as scene:
                scene.configure()
                (scene.folder / "data_ChangeEvents.checkpoint").write_text(text)
                self.assertEqual(scene.run().wait(20), 4)
                self.assertIn("not a checkpoint of sfcdc, or it is damaged", scene.log.read_text())


class Secrets(RunnerTest):
    def test_no_secret_and_no_token_in_the_log(self):
        with Scene(BUILD, "--seed", 27) as scene:
            scene.configure()
            scene.emulator.publish(300)
            scene.emulator.fault("token_status", side="databricks", status=503, times=1)
            runner = scene.run("--log-level", "trace")
            self.complete(scene, runner)
            scene.emulator.fault("expire_salesforce_tokens")
            time.sleep(1)
            runner.stop()
            said = scene.log.read_text()
            for secret in SECRETS:
                self.assertNotIn(secret, said)
            self.assertNotRegex(said, r"(?i)bearer|access_?token|00D\w{15}!")


class Decode(unittest.TestCase):
    """The subcommand, on the golden events."""

    @classmethod
    def setUpClass(cls):
        golden = pathlib.Path(__file__).parent.parent / "golden"
        cls.golden = golden
        cls.events = json.loads((golden / "events.json").read_text(encoding="utf-8"))

    def schema(self, event):
        return self.golden / "schemas" / event["schema_file"]

    def payload(self, event):
        return base64.b64decode(event["payload"])

    def test_each_way_in(self):
        event = self.events[0]
        schema = self.schema(event)
        raw = self.payload(event)
        results = [
            decode(BUILD, "--schema", schema, stdin=raw),
            decode(BUILD, "--schema", schema, "--in", "hex", stdin=raw.hex().encode() + b"\n"),
            decode(BUILD, "--schema", schema, "--in", "base64", "-", stdin=base64.b64encode(raw) + b"\r\n\n"),
        ]
        for code, out, err in results:
            self.assertEqual((code, err), (0, ""))
            self.assertEqual(json.loads(out), event["expect"])

    def test_each_format(self):
        event = self.events[0]
        for form, keys in (("changed", {"changed", "nulled", "diff"}), ("header", set(event["expect"]["header"]))):
            code, out, _ = decode(BUILD, "--schema", self.schema(event), "--format", form, stdin=self.payload(event))
            self.assertEqual(code, 0)
            self.assertEqual(set(json.loads(out)), keys)

    def test_a_bad_line_is_named_and_the_others_are_printed(self):
        event = self.events[0]
        line = base64.b64encode(self.payload(event)).decode()
        code, out, err = decode(BUILD, "--schema", self.schema(event), "--in", "base64", stdin=f"{line}\n!!\n{line[:40]}\n{line}\n".encode())
        self.assertEqual(code, 1)
        self.assertEqual(len(out.splitlines()), 2)
        self.assertRegex(err, r"standard input:2: character 0: .*base64")
        self.assertRegex(err, r"standard input:3: byte \d+: ")

    def test_a_schema_that_cannot_be_read(self):
        self.assertEqual(decode(BUILD, "--schema", "/no/such.avsc")[0], 2)
        code, _, err = decode(BUILD, "--schema", self.golden / "events.json")
        self.assertEqual(code, 2)
        self.assertRegex(err, r"events.json: byte \d+: ")

    def test_bad_command_lines(self):
        self.assertEqual(decode(BUILD)[0], 2)
        self.assertEqual(decode(BUILD, "--schema", "x", "--format", "yaml")[0], 2)
        self.assertEqual(decode(BUILD, "--help")[0], 0)


if __name__ == "__main__":
    BUILD = pathlib.Path(sys.argv.pop(1)).resolve()
    unittest.main(verbosity=1)
