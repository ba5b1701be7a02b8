#!/usr/bin/env python3
"""The commands around `run`, against the emulated org: what they print, what they leave untouched, and how they end."""
import datetime
import json
import os
import pathlib
import subprocess
import sys
import unittest

from harness import CDC_TABLE, Scene, wait_until, zerobus_stream

BUILD = pathlib.Path(sys.argv.pop(1)) if len(sys.argv) > 1 else None
ACCOUNTS = "/data/AccountChangeEvent"


class Commands(unittest.TestCase):
    def sfcdc(self, *arguments, code=0, **more):
        done = subprocess.run([BUILD / "runner" / "sfcdc", *map(str, arguments)], capture_output=True, text=True, timeout=60, check=False, **more)
        self.assertEqual(done.returncode, code, done.stderr)
        return done

    def test_tail_prints_events_and_touches_no_position(self):
        with Scene(BUILD, "--seed", 5) as scene:
            scene.emulator.publish(200)
            scene.configure(zerobus_stream(scene.folder, ACCOUNTS))
            bus = [e for e in scene.emulator.published() if e["topic"] == ACCOUNTS]
            tail = lambda *a, **m: self.sfcdc("tail", "Account", "--config", scene.config, *a, **m).stdout.splitlines()
            lines = [json.loads(line) for line in tail("--from", "earliest", "-n", 20)]
            self.assertEqual([l["replay_id"] for l in lines], [e["replay_id"] for e in bus[:20]])
            self.assertEqual({l["event"]["header"]["entityName"] for l in lines}, {"Account"})
            # Behind an event, by its replay id.
            after = [json.loads(line)["replay_id"] for line in tail("--from", bus[9]["replay_id"], "-n", 5)]
            self.assertEqual(after, [e["replay_id"] for e in bus[10:15]])
            # A reader that has seen enough is no error.
            shell = f"'{BUILD}/runner/sfcdc' tail Account --config '{scene.config}' --from earliest | head -3; echo ${{PIPESTATUS[0]}}"
            out = subprocess.run(["bash", "-c", shell], capture_output=True, text=True, timeout=60, check=False)
            self.assertEqual(out.stdout.splitlines()[-1], "0", out.stderr)
            self.assertEqual(len(out.stdout.splitlines()), 4)
            # Updates that do not change the field are left out; the log of the org says which ones there are.
            every = [json.loads(line)["event"] for line in tail("--from", "earliest", "-n", len(bus))]
            def kept(event):
                named = event["changed"] + event["nulled"] + event["diff"]
                return event["header"]["changeType"] != "UPDATE" or not named or "Phone" in named
            wanted = [e["header"]["transactionKey"] for e in every if kept(e)]
            self.assertTrue(any(e["header"]["changeType"] == "UPDATE" and kept(e) for e in every))
            self.assertLess(len(wanted), len(every))
            lines = tail("--from", "earliest", "--changed", "Phone", "-n", len(wanted))
            self.assertEqual([json.loads(line)["event"]["header"]["transactionKey"] for line in lines], wanted)
            self.assertEqual([], list(scene.folder.glob("*.checkpoint")))
            self.assertEqual(list(scene.folder.glob("*dead_letters*")), [])

    def test_tail_says_what_cannot_work(self):
        with Scene(BUILD) as scene:
            scene.configure(zerobus_stream(scene.folder, ACCOUNTS))
            said = self.sfcdc("tail", "Nothing__e", "--config", scene.config, code=3).stderr
            self.assertIn("/event/Nothing__e", said)
            said = self.sfcdc("tail", "Account", "--config", scene.config, "--from", "yesterday", code=2).stderr
            self.assertIn("--from: ", said)

    def test_schema_of_a_topic_and_of_an_id(self):
        with Scene(BUILD) as scene:
            scene.configure(zerobus_stream(scene.folder, ACCOUNTS))
            by_topic = self.sfcdc("schema", "Account", "--config", scene.config).stdout
            self.assertEqual(json.loads(by_topic)["name"], "AccountChangeEvent")
            scene.emulator.publish(5)
            schema_id = json.loads(self.sfcdc("tail", "Account", "--config", scene.config, "--from", "earliest", "-n", 1).stdout) and \
                next(e["schema_id"] for e in scene.emulator.published() if e["topic"] == ACCOUNTS)
            self.assertEqual(self.sfcdc("schema", schema_id, "--config", scene.config).stdout, by_topic)
            self.assertIn("several objects", self.sfcdc("schema", "/data/ChangeEvents", "--config", scene.config, code=2).stderr)

    def test_a_position_is_shown_and_set_while_no_daemon_runs(self):
        with Scene(BUILD, "--seed", 6) as scene:
            scene.configure(zerobus_stream(scene.folder, ACCOUNTS))
            self.assertIn("no position is stored", self.sfcdc("position", "show", "--config", scene.config).stdout)
            scene.emulator.publish(300)
            runner = scene.run()
            bus = [e["replay_id"] for e in scene.emulator.published() if e["topic"] == ACCOUNTS]
            wait_until(lambda: scene.position(ACCOUNTS) == bus[-1], 60, "the last position")
            self.assertIn("process", self.sfcdc("position", "set", "--config", scene.config, bus[0], code=1).stderr)
            self.assertEqual(runner.stop(), 0)
            shown = json.loads(self.sfcdc("position", "export", "--config", scene.config).stdout)
            self.assertEqual(shown["replay_id"], bus[-1])
            self.assertIn("18 characters", self.sfcdc("position", "set", "--config", scene.config, bus[0], "--org-id", "bogus", code=2).stderr)
            for word in ("2026", "yesterday123", "AAAAAAAAAAAA"):
                self.assertIn("REPLAY_ID", self.sfcdc("position", "set", "--config", scene.config, word, code=2).stderr)
            self.sfcdc("position", "set", "--config", scene.config, bus[-11])
            self.assertIn(bus[-11], self.sfcdc("position", "show", "--config", scene.config).stdout)
            before = scene.emulator.rows(CDC_TABLE)
            runner = scene.run("--from", "earliest")
            wait_until(lambda: scene.position(ACCOUNTS) == bus[-1], 60, "the last position again")
            self.assertEqual(runner.stop(), 0)
            self.assertGreaterEqual(scene.emulator.rows(CDC_TABLE), before + 10)
            self.assertIn("--from does not say where to begin", scene.log.read_text())

    def test_what_connects_to_nothing_does_without_secrets(self):
        with Scene(BUILD) as scene:
            scene.configure(zerobus_stream(scene.folder, ACCOUNTS))
            text = scene.config.read_text()
            for key in ("client_secret", "login_url"):  # of the services
                text = "\n".join(f'{key} = "${{file:{scene.folder}/not_there}}"' if line.startswith(key) else line for line in text.splitlines()) + "\n"
            scene.config.write_text('[status]\nlisten = "127.0.0.1:9"\notlp_endpoint = "http://localhost"\notlp_headers = ["K: ${NOT_SET_HERE}"]\n' + text)
            self.assertIn("not_there", self.sfcdc("check", "--config", scene.config, code=2).stderr)
            self.assertIn("no mistakes, as far as can be told without the secrets", self.sfcdc("check", "--without-secrets", "--config", scene.config).stdout)
            self.assertIn("no position is stored", self.sfcdc("position", "show", "--config", scene.config).stdout)
            self.sfcdc("position", "set", "--config", scene.config, "0000000000e4f3a10000", "--org-id", "00D000000000001AAA")
            self.assertIn("0000000000e4f3a10000", self.sfcdc("position", "export", "--config", scene.config).stdout)
            self.assertIn("0 letters", self.sfcdc("dead-letters", "list", "--config", scene.config).stdout)
            self.assertIn("is the daemon running?", self.sfcdc("top", "--once", "--config", scene.config, code=1).stderr)
            # What is said of a pipeline has to be right all the same.
            scene.config.write_text(scene.config.read_text() + "sikn = 1\n")
            self.assertIn("[pipeline] sikn: unknown key", self.sfcdc("position", "show", "--config", scene.config, code=2).stderr)

    def test_a_start_at_a_replay_id_and_at_a_time(self):
        with Scene(BUILD, "--seed", 7) as scene:
            scene.emulator.publish(400)
            bus = [e for e in scene.emulator.published() if e["topic"] == ACCOUNTS]
            scene.configure(zerobus_stream(scene.folder, ACCOUNTS))
            runner = scene.run("--from", bus[19]["replay_id"])
            wait_until(lambda: scene.position(ACCOUNTS) == bus[-1]["replay_id"], 60, "the last position")
            self.assertEqual(runner.stop(), 0)
            ids = {r for (r,) in scene.emulator.query(f'SELECT replay_id FROM "{CDC_TABLE}"')}
            self.assertEqual(ids, {e["replay_id"] for e in bus[20:]})
        with Scene(BUILD, "--seed", 7) as scene:
            scene.emulator.publish(400)
            scene.configure(zerobus_stream(scene.folder, ACCOUNTS) + zerobus_stream(scene.folder, "/event/Order_Event__e", "main.salesforce.orders"))
            times = {}
            for topic, field in ((ACCOUNTS, lambda e: e["header"]["commitTimestamp"]), ("/event/Order_Event__e", lambda e: e["body"]["CreatedDate"])):
                ids = [e["replay_id"] for e in scene.emulator.published() if e["topic"] == topic]
                lines = self.sfcdc("tail", topic, "--config", scene.config, "--from", "earliest", "-n", len(ids)).stdout.splitlines()
                times[topic] = [(l["replay_id"], field(l["event"])) for l in map(json.loads, lines)]
            middle = sorted(t for _, t in times[ACCOUNTS])[len(times[ACCOUNTS]) // 2] // 1000 * 1000
            text = datetime.datetime.fromtimestamp(middle / 1000, datetime.timezone.utc).strftime("%Y-%m-%dT%H:%M:%SZ")
            runner = scene.run("--from", text)
            for topic in times:
                wait_until(lambda: scene.position(topic) == times[topic][-1][0], 60, "the last position")
            self.assertEqual(runner.stop(), 0)
            for topic, table in ((ACCOUNTS, CDC_TABLE), ("/event/Order_Event__e", "main.salesforce.orders")):
                wanted = {replay_id for replay_id, at in times[topic] if at >= middle}
                self.assertEqual(set(scene.emulator.replay_ids(table)), wanted)
                self.assertIn(f"{topic}: {len(times[topic]) - len(wanted)} events were left out by the configuration (time)", runner.said())
            self.assertGreater(len(times[ACCOUNTS]), len({r for r, at in times[ACCOUNTS] if at >= middle}))
            self.assertIn("not over yet", self.sfcdc("run", "--config", scene.config, "--from", "2100-01-01T00:00:00Z", code=2).stderr)

    def test_a_position_of_a_linked_database_is_not_set_beside_the_daemon(self):
        with Scene(BUILD) as scene:
            (scene.folder / "link.db").symlink_to(scene.folder / "real.db")
            scene.configure(f'[[pipeline]]\ntopic = "{ACCOUNTS}"\nsink = "sqlite"\npath = "{scene.folder}/link.db"\n')
            scene.emulator.publish(50)
            runner = scene.run()
            wait_until(lambda: self.sfcdc("position", "export", "--config", scene.config).stdout, 30, "a position")
            self.assertIn("process", self.sfcdc("position", "set", "--config", scene.config, "00000000000a9b1c", code=1).stderr)
            self.assertEqual(runner.stop(), 0)
            self.sfcdc("position", "set", "--config", scene.config, "00000000000a9b1c")
            self.assertIn("00000000000a9b1c", self.sfcdc("position", "show", "--config", scene.config).stdout)

    def test_check_and_words(self):
        with Scene(BUILD) as scene:
            scene.configure(zerobus_stream(scene.folder, ACCOUNTS))
            self.assertIn("no mistakes", self.sfcdc("check", "--config", scene.config).stdout)
            scene.config.write_text(scene.config.read_text() + "sikn = 1\nlayuot = 2\n")
            said = self.sfcdc("check", "--config", scene.config, code=2).stderr
            self.assertRegex(said, r'toml:\d+:1: \[pipeline\] sikn: unknown key; did you mean "sink"\?')
            self.assertRegex(said, r'toml:\d+:1: \[pipeline\] layuot: unknown key; did you mean "layout"\?')
        self.assertIn('unknown word "rnu"; did you mean "run"?', self.sfcdc("rnu", code=2).stderr)
        self.assertIn('run: unknown option "--cofnig"; did you mean "--config"?', self.sfcdc("run", "--cofnig", "x", code=2).stderr)
        shell = f"trap '' PIPE; '{BUILD}/runner/sfcdc' options | true; echo ${{PIPESTATUS[0]}}"
        self.assertIn(subprocess.run(["bash", "-c", shell], capture_output=True, text=True, timeout=60, check=False).stdout, ("0\n", "1\n"))
        for name, words in (("bash", "tables sql"), ("man", ".SS position set")):
            self.assertIn(words, self.sfcdc("completion", name).stdout)
        keys = json.loads(self.sfcdc("options", "--format", "json").stdout)
        self.assertIn("exclude_origins", {k["key"] for k in keys})


if __name__ == "__main__":
    unittest.main()
