#!/usr/bin/env python3
"""`sfcdc dead-letters` and `sfcdc explain` against the emulated org and lake: what is kept, shown, and brought back."""
import base64
import json
import pathlib
import random
import sqlite3
import subprocess
import sys
import time
import unittest

from harness import CDC_TABLE, Scene, wait_until, zerobus_stream

BUILD = pathlib.Path(sys.argv.pop(1)) if len(sys.argv) > 1 else None
GOLDEN = pathlib.Path(__file__).parent.parent / "golden"


class Letters(unittest.TestCase):
    def sfcdc(self, *arguments, code=0, **more):
        done = subprocess.run([BUILD / "runner" / "sfcdc", *map(str, arguments)], capture_output=True, text=True, timeout=120, check=False, **more)
        self.assertEqual(done.returncode, code, done.stdout + done.stderr)
        return done

    def counts(self, scene):
        return json.loads(self.sfcdc("dead-letters", "list", "--json", "--config", scene.config).stdout)

    def bus(self, scene):
        return [e for e in scene.emulator.published() if e["topic"].startswith("/data/")]

    def run_to_the_end(self, scene):
        runner = scene.run()
        wait_until(lambda: scene.position() == self.bus(scene)[-1]["replay_id"], 120, "the last position")
        self.assertEqual(runner.stop(), 0, runner.said())

    def test_letters_are_listed_shown_and_retried(self):
        for layout in ("sfcdc", "typed"):
            with self.subTest(layout=layout), Scene(BUILD, "--seed", 41) as scene:
                table = CDC_TABLE if layout == "sfcdc" else "main.crm.{entity}_changes"
                scene.configure(zerobus_stream(scene.folder, table=table, more=f'layout = "{layout}"' + ("\ncreate = true" if layout == "typed" else "")),
                                **({} if layout == "sfcdc" else {"warehouse_id": scene.emulator.info["warehouse_id"]}))
                scene.emulator.publish(300)
                bus = self.bus(scene)
                # One row that is refused, and all events of an object whose schema is refused.
                column, what = ("event_id", "event_id") if layout == "sfcdc" else ("_sf_replay_id", "replay_id")
                scene.emulator.fault("forbid_schema", record="ContactChangeEvent")
                poisoned = next(e for e in bus[150:] if e["entity"] == "Account")
                scene.emulator.fault("poison", column=column, value=poisoned[what])
                self.run_to_the_end(scene)
                letters = scene.letters()
                row = next(l for l in letters if "row" in l)
                self.assertEqual((row["replay_id"], row["column"], row["columns"][column]), (poisoned["replay_id"], column, poisoned[what]))
                self.assertTrue(row["table"].startswith("main."), row)
                events = [l for l in letters if "payload" in l]
                self.assertGreater(len(events), 5)
                text = (scene.folder / "data_ChangeEvents.checkpoint.dead_letters.ndjson").read_text()
                self.assertEqual(text.count('"schema_json"'), 1, "of the row's event; that of the others is not known")

                listed = self.counts(scene)
                self.assertEqual((listed["letters"], listed["retried"]), (len(letters), 0))
                self.assertEqual(sorted((r["kind"], r["letters"]) for r in listed["reasons"]), [("event", len(events)), ("row", len(letters) - len(events))])
                shown = self.sfcdc("dead-letters", "show", "--config", scene.config, row["replay_id"]).stdout
                self.assertIn(f"> {column}: ", shown)
                self.assertIn("reason   column " + column, shown)

                # Nothing has changed: they fail again, and are letters once.
                retry = lambda *more, code=0: self.sfcdc("dead-letters", "retry", "--config", scene.config, *more, code=code)
                before = scene.emulator.query(f'SELECT count(*) FROM "{row["table"]}"')
                self.assertIn("it still cannot be decoded", retry("--dry-run", code=1).stdout)
                self.assertIn(f"0 letters were delivered, {len(letters)} failed again", retry(code=1).stdout)
                self.assertEqual(scene.emulator.query(f'SELECT count(*) FROM "{row["table"]}"'), before)
                self.assertEqual(self.counts(scene)["letters"], len(letters))
                position = scene.position()
                scene.emulator.fault("clear")

                # Not beside a daemon.
                runner = scene.run()
                wait_until(lambda: "resuming after" in scene.log.read_text(), 60, "the start")
                self.assertRegex(retry(code=1).stderr, f"process {runner.process.pid}")
                self.assertEqual(runner.stop(), 0)

                self.assertIn("would be delivered", retry("--dry-run").stdout)
                self.assertEqual(self.counts(scene)["retried"], 0)
                done = retry().stdout
                self.assertIn(f"{len(letters)} letters were delivered, 0 failed again, 0 stay", done)
                self.assertEqual(scene.position(), position, "untouched")
                tables = [CDC_TABLE] if layout == "sfcdc" else [t for (t,) in scene.emulator.query("SELECT name FROM sqlite_master WHERE type = 'table' AND name LIKE 'main.crm.%'")]
                key = "replay_id" if layout == "sfcdc" else "_sf_replay_id"
                ordinal = "record_ordinal" if layout == "sfcdc" else "_sf_record_ordinal"
                durable = [r for t in tables for r in scene.emulator.query(f'SELECT {key}, {ordinal} FROM "{t}"')]
                self.assertEqual({r for r, _ in durable}, {e["replay_id"] for e in bus})
                self.assertEqual(len(durable), len(set(durable)), "each row once")
                self.assertEqual((self.counts(scene)["letters"], self.counts(scene)["retried"]), (len(letters), len(letters)))
                self.assertIn("0 letters were delivered, 0 failed again, 0 stay", retry().stdout)
                # A daemon that starts again goes on as before.
                scene.emulator.publish(20)
                self.run_to_the_end(scene)

    def test_a_retry_that_is_killed_loses_and_forgets_nothing(self):
        for sink in ("zerobus", "sqlite"):
            with self.subTest(sink=sink), Scene(BUILD, "--seed", 42) as scene:
                rows = scene.folder / "rows.db"
                scene.configure(zerobus_stream(scene.folder, more='layout = "sfcdc"') if sink == "zerobus" else
                                f'[[pipeline]]\ntopic = "/data/ChangeEvents"\nsink = "sqlite"\nlayout = "sfcdc"\npath = "{rows}"\ntable = "events"\n'
                                f'dead_letters = "{scene.folder}/data_ChangeEvents.checkpoint.dead_letters.ndjson"\n')
                scene.emulator.publish(600)
                bus = self.bus(scene)
                scene.emulator.fault("forbid_schema", record="ContactChangeEvent")
                if sink == "zerobus":
                    self.run_to_the_end(scene)
                else:
                    last = bus[-1]["replay_id"]
                    stored = lambda: rows.exists() and rows.stat().st_size > 0 and last in json.dumps(sqlite3.connect(rows).execute("SELECT name FROM sqlite_master").fetchall() and sqlite3.connect(rows).execute("SELECT * FROM sfcdc_position").fetchall())
                    runner = scene.run()
                    wait_until(stored, 120, "the last position")
                    self.assertEqual(runner.stop(), 0)
                letters = len(scene.letters())
                self.assertGreater(letters, 10)
                scene.emulator.fault("clear")
                dice = random.Random(1)
                for _ in range(5):
                    process = subprocess.Popen([BUILD / "runner" / "sfcdc", "dead-letters", "retry", "--config", scene.config], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
                    time.sleep(0.03 + 0.15 * dice.random())
                    process.kill()
                    process.wait()
                self.sfcdc("dead-letters", "retry", "--config", scene.config)
                listed = self.counts(scene)
                self.assertEqual((listed["letters"], listed["retried"]), (letters, letters))
                durable = scene.emulator.replay_ids() if sink == "zerobus" else [r for (r,) in sqlite3.connect(rows).execute("SELECT replay_id FROM events")]
                self.assertEqual(set(durable), {e["replay_id"] for e in bus})

    def test_letters_of_an_earlier_version(self):
        with Scene(BUILD, "--seed", 43) as scene:
            scene.configure(zerobus_stream(scene.folder, more='layout = "sfcdc"'))
            scene.emulator.publish(50)
            scene.emulator.fault("forbid_schema", record="ContactChangeEvent")
            self.run_to_the_end(scene)
            scene.emulator.fault("clear")
            file = scene.folder / "data_ChangeEvents.checkpoint.dead_letters.ndjson"
            old = [{k: l[k] for k in ("received_timestamp", "topic_name", "replay_id", "event_id", "schema_id", "reason", "offset", "payload")} for l in scene.letters()]
            row = {k: v for k, v in old[0].items() if k not in ("offset", "payload")} | {"replay_id": "ff", "row_number": 0, "row": base64.b64encode(b"\x0a\x01x").decode()}
            file.write_text("".join(json.dumps(l) + "\n" for l in [*old, row]) + "no letter\n")
            self.assertEqual(self.counts(scene)["other_lines"], 1)
            shown = self.sfcdc("dead-letters", "show", "--config", scene.config).stdout
            self.assertIn("#0 entityName: string = \"Contact\"", shown, "by the schema that the org has")
            self.assertIn("earlier version wrote the row without the names", shown)
            said = self.sfcdc("dead-letters", "retry", "--config", scene.config, code=1).stdout
            self.assertIn(f"{len(old)} letters were delivered, 0 failed again, 1 stay", said)
            self.assertEqual(set(scene.emulator.replay_ids()), {e["replay_id"] for e in self.bus(scene)})
            by_id = self.sfcdc("explain", "--letter", old[0]["replay_id"], "--config", scene.config, "--layout", "typed").stdout
            self.assertIn(f"replay id {old[0]['replay_id']} (base64 ", by_id)
            self.assertIn("\"_sf_change_type\":", by_id)
            self.assertIn("There is no letter of an event", self.sfcdc("explain", "--letter", "00", "--config", scene.config, code=1).stderr)

    def test_explain(self):
        event = next(e for e in json.loads((GOLDEN / "events.json").read_text()) if e["what"] == "one child of an address, and the time of the change")
        schema = GOLDEN / "schemas" / event["schema_file"]
        explain = lambda *more, text=event["payload"], code=0: self.sfcdc("explain", "--schema", schema, *more, code=code, input=text)
        by_text = explain("--in", "base64", "--replay-id", "AAAAAAAKmxw=").stdout
        self.assertEqual(explain("--in", "hex", "--replay-id", "00000000000a9b1c", text=base64.b64decode(event["payload"]).hex() + "\n").stdout, by_text)
        self.assertIn("replay id 00000000000a9b1c (base64 AAAAAAAKmxw=)", by_text)
        self.assertIn("members of ShippingAddress", by_text)
        cut = explain("--in", "base64", text=base64.b64encode(base64.b64decode(event["payload"])[:30]).decode(), code=1).stdout
        self.assertIn("decoding ends at byte", cut)
        self.assertIn("The event's schema is needed", self.sfcdc("explain", code=2, input="").stderr)


if __name__ == "__main__":
    unittest.main()
