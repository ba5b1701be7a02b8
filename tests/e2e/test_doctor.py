#!/usr/bin/env python3
"""doctor finds what is planted, says it on the right line with the right fix, and leaves the other lines good; topics lists an org.

usage: test_doctor.py BUILD_FOLDER [unittest arguments]
"""
import contextlib
import json
import os
import pathlib
import socket
import subprocess
import sys
import threading
import unittest

from harness import Scene, wait_until, zerobus_stream

BUILD = pathlib.Path(sys.argv.pop(1)) if len(sys.argv) > 1 else None
DOCS = pathlib.Path(__file__).resolve().parents[2] / "docs" / "operations.md"
ACCOUNTS = "/data/AccountChangeEvent"
TABLE = "main.crm.accounts"
SECRETS = ("sfcdc-emulator-secret", "sfcdc-emulator-principal-secret", "eyJ", "not the secret", "hunter2")
LAYOUT = 'columns = ["entity_name", "event_id", "change_type"]'


class Forwarder:
    """Passes connections on from 127.0.0.2, which no certificate of the emulator names."""

    def __init__(self, to):
        self.to = to
        self.listener = socket.create_server(("127.0.0.2", 0))
        self.endpoint = f"127.0.0.2:{self.listener.getsockname()[1]}"
        threading.Thread(target=self.accept, daemon=True).start()

    def accept(self):
        with contextlib.suppress(OSError):
            while True:
                here, _ = self.listener.accept()
                there = socket.create_connection(self.to)
                for a, b in ((here, there), (there, here)):
                    threading.Thread(target=self.pump, args=(a, b), daemon=True).start()

    @staticmethod
    def pump(a, b):
        with contextlib.suppress(OSError):
            while data := a.recv(65536):
                b.sendall(data)
            b.shutdown(socket.SHUT_WR)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.listener.close()


def closed_port():
    with socket.create_server(("127.0.0.1", 0)) as s:
        return s.getsockname()[1]


class Doctor(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.stack = contextlib.ExitStack()
        cls.scene = cls.stack.enter_context(Scene(BUILD, "--tls", "--seed", 5))
        cls.emulator = cls.scene.emulator
        cls.make_table()
        cls.emulator.publish(200)
        cls.bus = [e["replay_id"] for e in cls.emulator.published() if e["topic"] == ACCOUNTS]
        # In front of the last events, so that the answer to the question for it comes at once.
        cls.checkpoint = cls.scene.folder / "data_AccountChangeEvent.checkpoint"
        cls.checkpoint.write_text(json.dumps({"topic": ACCOUNTS, "org_id": cls.emulator.info["org_id"], "replay_id": cls.bus[-5]}) + "\n")

    @classmethod
    def tearDownClass(cls):
        cls.stack.close()

    @classmethod
    def make_table(cls, columns="entity_name STRING, event_id STRING, change_type STRING", properties=""):
        cls.scene.sql(f"DROP TABLE IF EXISTS {TABLE}")
        cls.scene.sql(f"CREATE TABLE {TABLE} ({columns}) USING DELTA{properties}")

    def configure(self, topic=ACCOUNTS, more=LAYOUT, **overrides):
        overrides.setdefault("warehouse_id", self.emulator.info["warehouse_id"])
        self.scene.configure(zerobus_stream(self.scene.folder, topic, TABLE, more), **overrides)

    def run_doctor(self, *options, env=None):
        done = subprocess.run([BUILD / "runner" / "sfcdc", "doctor", "--config", self.scene.config, *options], capture_output=True, text=True,
                              timeout=120, check=False, env=os.environ | (env or {}))
        for secret in SECRETS:
            self.assertNotIn(secret, done.stdout + done.stderr)
        return done

    def examine(self, code, env=None):
        """The checks by name and subject."""
        done = self.run_doctor("--json", env=env)
        self.assertEqual(done.stderr, "")
        found = json.loads(done.stdout)
        self.assertEqual((done.returncode, found["exit_code"]), (code, code), done.stdout)
        self.assertEqual(found["good"], code == 0)
        return {(c["check"], c["subject"]): c for c in found["checks"]}

    def planted(self, check, what, fix, code=3, verdict="failed", env=None, skipped=()):
        """One finding that is not good has this check, these words and this fix; only `skipped` depend on it."""
        found = self.examine(code, env)
        bad = [c for c in found.values() if c["verdict"] in ("failed", "warning")]
        self.assertEqual([c["check"] for c in bad], [check], bad)
        self.assertEqual(bad[0]["verdict"], verdict)
        self.assertRegex(bad[0]["what"], what)
        self.assertRegex(bad[0]["fix"], fix)
        self.assertEqual({c["check"] for c in found.values() if c["verdict"] == "skipped"} - {"ports"}, set(skipped))
        self.assertLessEqual({c["check"] for c in found.values() if c["verdict"] == "unknown"}, {"region"})
        return bad[0]

    OF_TOPIC = ("schema", "hidden_fields", "position")
    OF_SESSION = ("cdc_selected", "topic", *OF_TOPIC)

    def tearDown(self):
        self.emulator.fault("clear")

    # ---- all is well

    def test_all_is_well_and_nothing_is_touched(self):
        self.configure()
        before = {p: p.read_bytes() for p in self.scene.folder.iterdir() if p.is_file() and "lake" not in p.name and p.suffix != ".log"}
        status = self.emulator.status()
        found = self.examine(0)
        self.assertLessEqual({c["verdict"] for c in found.values()}, {"good", "unknown", "skipped"})
        unknown = {c["check"] for c in found.values() if c["verdict"] != "good"}
        self.assertEqual(unknown, {"ports", "region"}, "what an emulator on loopback cannot have")
        self.assertLessEqual({"proxy", "dns", "tcp", "tls", "ports", "login", "org_id", "clock", "session", "api_requests",
                              "delivery_allocation", "cdc_selected", "topic", "schema", "hidden_fields", "position", "token", "region",
                              "warehouse", "grants", "table", "row_tracking", "zerobus_stream"}, {check for check, _ in found})
        after = {p: p.read_bytes() for p in self.scene.folder.iterdir() if p.is_file() and "lake" not in p.name and p.suffix != ".log"}
        self.assertEqual(before, after)
        self.assertEqual(self.emulator.rows(TABLE), 0)
        wait_until(lambda: self.emulator.status()["subscribers"] == 0, 20, "the end of the subscription")
        self.assertLessEqual(self.emulator.status()["delivered"] - status["delivered"], 1)

        # The lines have the form of the page.
        lines = self.run_doctor().stdout.splitlines()
        form = r"(good|unknown|skipped|warning|failed) +[a-z_]+ of \S.*: .+\."
        for line in lines[:-1]:
            self.assertRegex(line, rf"\A{form}\Z")
        self.assertRegex(lines[-1], r"\A\d+ checks: \d+ good")
        sample = DOCS.read_text().split("sfcdc doctor --config sfcdc.toml\n", 1)[1].split("\n\n", 1)[0].splitlines()
        sample = [line.strip() for line in sample if line.strip()]
        for line in sample[:-1]:
            self.assertRegex(line, rf"\A{form}\Z")
        self.assertEqual({(l.split()[1]) for l in sample[:-1]} - {l.split()[1] for l in lines[:-1]}, set())
        self.assertRegex(sample[-1], r"\A\d+ checks: \d+ good")

    def test_a_channel_is_its_members(self):
        self.configure(topic="/data/Sales__chn")
        found = self.examine(0)
        self.assertEqual(found["topic", "/data/Sales__chn"]["verdict"], "good")
        self.assertEqual(found["schema", ACCOUNTS]["verdict"], "good")
        self.assertFalse([subject for check, subject in found if check == "cdc_selected"], "a channel's members need no selection")

    def test_a_reader_that_has_seen_enough_is_no_error(self):
        self.configure()
        shell = f"trap '' PIPE; '{BUILD}/runner/sfcdc' doctor --config '{self.scene.config}' | head -2; echo ${{PIPESTATUS[0]}}"
        out = subprocess.run(["bash", "-c", shell], capture_output=True, text=True, timeout=60, check=False)
        self.assertEqual((out.stdout.splitlines()[-1], out.stderr), ("0", ""))

    # ---- what is planted, in the order of the lines

    def test_01_a_wrong_secret(self):
        self.configure(sf_client_secret="not the secret")
        self.planted("login", "invalid_client", "client_secret", skipped=("org_id", "session", "api_requests", "delivery_allocation", *self.OF_SESSION))

    def test_02_a_wrong_domain(self):
        self.configure()
        self.emulator.fault("login_error", error="invalid_grant", description="request not supported on this domain")
        self.planted("login", "not supported on this domain", "My Domain|login_url", skipped=("org_id", "session", "api_requests", "delivery_allocation", *self.OF_SESSION))

    def test_03_a_closed_port(self):
        port = closed_port()
        self.configure(pubsub_endpoint=f"https://127.0.0.1:{port}")
        self.planted("tcp", f"nothing answers at 127.0.0.1:{port}", "firewall", skipped=("tls", "session", "api_requests", "delivery_allocation", *self.OF_SESSION))

    def test_04_a_certificate_of_another_host(self):
        host, port = self.emulator.info["pubsub_endpoint"].split(":")
        with Forwarder((host, int(port))) as forwarder:
            self.configure(pubsub_endpoint="https://" + forwarder.endpoint)
            self.planted("tls", "is of another host", "spelling", skipped=("session", "api_requests", "delivery_allocation", *self.OF_SESSION))

    def test_05_a_proxy_that_is_not_there(self):
        self.configure()
        proxy = f"http://user:hunter2-hunter2@127.0.0.1:{closed_port()}"
        # gRPC alone goes through it.
        env = {"grpc_proxy": proxy, "no_grpc_proxy": ""}
        found = self.examine(3, env)
        bad = [c for c in found.values() if c["verdict"] == "failed"]
        self.assertEqual({(c["check"], c["subject"]) for c in bad},
                         {("proxy", "[salesforce] pubsub_endpoint"), ("proxy", "[databricks] zerobus_endpoint")}, bad)
        for c in bad:
            self.assertRegex(c["what"], "the proxy 127.0.0.1:\\d+ does not connect to ")
            self.assertIn("no_proxy", c["fix"])
            self.assertNotIn("hunter2", json.dumps(c))

    def test_06_a_topic_that_is_missing(self):
        self.configure(topic="/event/Nothing__e")
        self.planted("topic", "topic.not.found", "check \\[\\[pipeline\\]\\] topic", skipped=self.OF_TOPIC)

    def test_07_a_topic_that_is_forbidden(self):
        self.configure()
        for code, what in (("topic.meta.permission", "topic.meta.permission"), ("subscription.topic.cannot.subscribe", "may not subscribe")):
            self.emulator.fault("forbid_topic", topic=ACCOUNTS, code=code)
            self.planted("topic", what, "read access", skipped=self.OF_TOPIC)

    def test_08_an_object_that_is_not_selected(self):
        self.configure()
        self.emulator.fault("deselect", entity="Account")
        self.planted("cdc_selected", "is off for Account", "Setup, Change Data Capture", skipped=("topic", *self.OF_TOPIC))

    def test_09_a_schema_that_is_forbidden(self):
        self.configure()
        self.emulator.fault("forbid_schema", record="AccountChangeEvent")
        self.planted("schema", "schema.meta.permission", "read access to the object", skipped=("hidden_fields",))

    def test_10_a_grant_that_is_missing(self):
        self.configure()
        self.emulator.fault("grant", privilege="MODIFY", how="missing")
        self.planted("grants", f"MODIFY on {TABLE} is missing", "GRANT MODIFY ON TABLE `main`.`crm`.`accounts` TO `sfcdc-emulator-principal`",
                     skipped=("zerobus_stream",))

    def test_11_a_grant_that_is_inherited_only(self):
        self.configure()
        for privilege in ("MODIFY", "SELECT"):
            self.emulator.fault("grant", privilege=privilege, how="inherited")
        self.planted("grants", "inherited from schema main.crm only", "GRANT SELECT, MODIFY ON TABLE", skipped=("zerobus_stream",))

    def test_12_a_warehouse_that_is_missing(self):
        self.configure(warehouse_id="e0000000000000ff")
        self.planted("warehouse", "RESOURCE_DOES_NOT_EXIST", "warehouse_id")

    def test_13_a_column_that_is_missing(self):
        self.configure()
        self.addCleanup(self.make_table)
        self.make_table("entity_name STRING, event_id STRING")
        self.planted("table", "change_type is missing", r"ALTER TABLE `main`.`crm`.`accounts` ADD COLUMNS \(`change_type` STRING",
                     skipped=("zerobus_stream",))

    def test_14_row_tracking(self):
        self.configure()
        self.addCleanup(self.make_table)
        self.make_table(properties=" TBLPROPERTIES ('delta.enableRowTracking' = 'true')")
        self.planted("row_tracking", "row tracking is on", "'delta.enableRowTracking' = 'false'", skipped=("zerobus_stream",))

    def test_15_an_endpoint_of_another_region(self):
        self.configure()
        self.emulator.fault("zerobus_error", code="NOT_FOUND", when="create")
        self.planted("zerobus_stream", "of another workspace or region", "zerobus_endpoint to the workspace's own")

    def test_17_a_clock_that_is_wrong(self):
        self.configure()
        self.emulator.fault("clock_skew", s=600)
        c = self.planted("clock", r"(599|60\d) s behind", "time server")
        self.emulator.fault("clock_skew", s=-600)
        self.planted("clock", "s ahead of", "time server")
        self.assertEqual(c["subject"], "[salesforce]")

    def test_18_an_allocation_that_is_used_up(self):
        self.configure()
        self.emulator.fault("org_limit", name="DailyDeliveredPlatformEvents", remaining=0)
        self.planted("delivery_allocation", "0 of 50000 events", "wait until")
        self.emulator.fault("org_limit", name="DailyDeliveredPlatformEvents", remaining=4000)
        self.planted("delivery_allocation", "4000 of 50000", "wait until", code=0, verdict="warning")

    def test_19_a_restriction_of_addresses(self):
        self.configure()
        self.emulator.fault("restrict_ip")
        self.planted("session", "accepts the login but not the session", "IP restrictions", skipped=("api_requests", "delivery_allocation", *self.OF_SESSION))

    def test_20_a_field_that_is_hidden(self):
        self.configure()
        self.emulator.fault("hide_field", object="Account", field="Phone")
        self.planted("hidden_fields", "may not see Phone of Account", "permission set", code=0, verdict="warning")
        # What the pipeline leaves out by itself is no loss.
        self.configure(more=LAYOUT + '\ndeny = { Account = ["phone"] }')
        self.examine(0)

    def test_zz_16_a_position_that_has_expired(self):
        """Last: it wipes the retention for good."""
        self.configure()
        self.emulator.fault("expire_retention")
        self.planted("position", f"does not know the position {self.bus[-5]}", "--from earliest", code=4)
        self.assertIn(self.bus[-5], self.checkpoint.read_text())

    # ---- topics

    def test_topics_lists_the_org(self):
        self.configure()
        run = lambda *a: subprocess.run([BUILD / "runner" / "sfcdc", "topics", "--config", self.scene.config, *a], capture_output=True, text=True, timeout=60, check=False)
        done = run("--json")
        self.assertEqual(done.returncode, 0, done.stderr)
        topics = {t["topic"]: t for t in json.loads(done.stdout)["topics"]}
        self.assertEqual(topics[ACCOUNTS]["kind"], "change events")
        self.assertEqual(topics["/data/Sales__chn"]["members"], [{"event": "AccountChangeEvent", "filter": "Industry = 'Energy'"}])
        self.assertTrue(all(topics[t]["may_subscribe"] for t in ("/data/ChangeEvents", ACCOUNTS, "/data/Invoice__ChangeEvent", "/data/Sales__chn", "/event/Order_Event__e")))
        self.assertFalse(topics["/event/LoginEventStream"]["may_subscribe"])
        self.assertIn("topic.not.found", topics["/event/LoginEventStream"]["why_not"])
        self.emulator.fault("deselect", entity="Contact")
        lines = run().stdout.splitlines()
        self.assertIn(f"{ACCOUNTS}\tchange events\tyes", lines)
        self.assertFalse([l for l in lines if "Contact" in l])
        self.emulator.fault("restrict_ip")
        done = run()
        self.assertEqual(done.returncode, 3)
        self.assertIn("INVALID_SESSION_ID", done.stderr)


if __name__ == "__main__":
    unittest.main()
