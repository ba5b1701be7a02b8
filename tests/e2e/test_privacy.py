"""Fields that a pipeline hides: values are looked for in everything that the runner writes, in all layouts and sinks, with and without the
keys deny and tokenise.

usage: test_privacy.py BUILD_FOLDER [unittest arguments]
"""
import base64
import fnmatch
import hashlib
import hmac
import json
import os
import pathlib
import re
import sqlite3
import sys
import unittest
import urllib.request

from harness import Scene, wait_until

BUILD = None
LAYOUTS = {"salesforce_zerobus": "payload_binary", "lakeflow": "event_payload", "sfcdc": None}
SINKS = ("zerobus", "sqlite", "ndjson")
KEY = bytes(range(200, 240))
ADDRESS = rb"post\d+@example\.com"

# By object; a compound stands for its children.
DENY = {"*": ["*Phone", "BillingAddress.Street", "ShippingAddress", "*__pc"], "Account": ["AnnualRevenue"], "Invoice__c": ["Document__c"]}
TOKENISE = {"*": ["*Email*", "Recipient__c"], "Account": ["Description", "Name"], "Contact": ["Name.LastName", "MailingAddress.City"]}
# What TOKENISE names and is no text is left out.
NO_TEXTS = ("HasOptedOutOfEmail", "PersonHasOptedOutOfEmail", "EmailBouncedDate", "PersonEmailBouncedDate", "Total__c")


def token(value):
    key_id = hashlib.sha256(KEY).hexdigest()[:8]
    return f"tok_{key_id}_" + base64.urlsafe_b64encode(hmac.new(KEY, value.encode(), "sha256").digest()).decode()[:22]


def toml_of(patterns):
    return "{ " + ", ".join(f'"{entity}" = {json.dumps(fields)}' for entity, fields in patterns.items()) + " }"


def stands(patterns, entity, name):
    """Whether patterns name this field, or the compound that it is in."""
    return any(fnmatch.fnmatchcase(part, p)
               for of, fields in patterns.items() if of in ("*", entity)
               for p in fields for part in (name, name.partition(".")[0]))


class Hidden:
    """What record_data becomes, and which values are gone from it."""

    def __init__(self, deny, tokenise):
        self.deny, self.tokenise = deny, tokenise
        self.gone, self.seen = set(), []

    def of(self, entity, data):
        return {name: value for name, value in ((n, self.field(entity, n, v)) for n, v in data.items()) if value != "gone"}

    def field(self, entity, name, value):
        if isinstance(value, dict):
            inner = {n: self.field(entity, f"{name}.{n}", v) for n, v in value.items()}
            inner = {n: v for n, v in inner.items() if v != "gone"}
            return inner or "gone"
        if stands(self.deny, entity, name):
            self.note(value)
            return "gone"
        if stands(self.tokenise, entity, name) and name in NO_TEXTS:
            return "gone"
        if stands(self.tokenise, entity, name) and value is not None:
            self.note(value)
            return token(value)
        self.seen.append(json.dumps(value, ensure_ascii=False))
        return value

    def note(self, value):
        """Only values that can be told apart from others, and look the same in JSON as in bytes, can be looked for."""
        if isinstance(value, str) and re.fullmatch(r"[ -!#-\[\]-~]{9,}", value) or isinstance(value, float) and len(repr(value)) > 9:
            self.gone.add(str(value))

    def values(self):
        others = "\n".join(self.seen)
        return {v for v in self.gone if v not in others}


def without_empty(data):
    return {n: v for n, v in data.items() if v != {}}


def decoded(text):
    """What stands in base64 in lines of JSON: payloads, refused rows."""
    for line in text.splitlines():
        if not line.startswith(b"{"):
            continue
        for name in ("payload", "row", "payload_binary", "event_payload"):
            if isinstance(value := json.loads(line).get(name), str):
                yield base64.b64decode(value)


def contents(folder):
    """All that the runner has written, by file: its bytes, what is in base64 in them, and the cells of databases. The journal that SQLite
    keeps beside a database, and may remove at any time, counts as a part of the database."""
    out = {}
    for file in sorted(pathlib.Path(folder).rglob("*")):
        if not file.is_file() or file.name in ("sfcdc.toml", "token.key", "emulator.log"):
            continue
        try:
            found = [file.read_bytes()]
        except FileNotFoundError:
            continue
        if file.suffix == ".ndjson":
            found += decoded(found[0])
        if found[0].startswith(b"SQLite format 3\0"):
            with sqlite3.connect(f"file:{file}?mode=ro", uri=True, timeout=30) as database:
                for (table,) in database.execute("SELECT name FROM sqlite_master WHERE type = 'table'").fetchall():
                    for row in database.execute(f'SELECT * FROM "{table}"'):
                        found += [c if isinstance(c, bytes) else str(c).encode() for c in row]
        name = file.name.removesuffix("-wal").removesuffix("-shm")
        out[name] = b"\n".join([out.get(name, b""), *found])
    return out


class Privacy(unittest.TestCase):
    def run_all(self, keys, without_payload):
        """Runs all layouts into all sinks, with events that cannot be decoded and a row that is refused. Returns what the runner has written,
        and the rows of the layout sfcdc."""
        with Scene(BUILD, "--seed", 41) as scene:
            (scene.folder / "token.key").write_bytes(KEY)
            os.chmod(scene.folder / "token.key", 0o600)
            scene.emulator.fault("undecodable", times=80)
            scene.emulator.publish(80)
            scene.emulator.publish(600)
            bus = [e for e in scene.emulator.published() if e["topic"].startswith("/data/")]
            good = [e for e in bus if not e.get("undecodable")]
            self.assertGreater(len(bus) - len(good), 5)
            refused = next(e for e in good[100:] if e["records"] == 1)
            scene.emulator.fault("poison", column="event_id", value=refused["event_id"])

            pipelines = ""
            for layout, payload in LAYOUTS.items():
                for sink in SINKS:
                    name = f"{sink}_{layout}"
                    pipelines += f'[[pipeline]]\ntopic = "/data/ChangeEvents"\nsink = "{sink}"\nlayout = "{layout}"\n' + {
                        "zerobus": f'table = "main.salesforce.{layout}"\ncheckpoint = "{scene.folder}/{name}.checkpoint"\n',
                        "sqlite": f'path = "{scene.folder}/{name}.db"\n',
                        "ndjson": f'path = "{scene.folder}/{name}.ndjson"\ncheckpoint = "{scene.folder}/{name}.checkpoint"\n',
                    }[sink]
                    if payload and without_payload:
                        pipelines += f'exclude = ["{payload}"]\n'
                    pipelines += keys.replace("KEY", str(scene.folder / "token.key")) + "\n"
            # Typed tables that stay as the first schema made them, so that there are values in _sf_rest, too.
            pipelines += f'[[pipeline]]\ntopic = "/data/ChangeEvents"\nsink = "zerobus"\nlayout = "typed"\nevolve = "plan"\n'
            pipelines += f'table = "main.typed.{{entity}}"\ncheckpoint = "{scene.folder}/typed.checkpoint"\n' + keys.replace("KEY", str(scene.folder / "token.key")) + "\n"
            pipelines += '[status]\nlisten = "127.0.0.1:0"\n'
            scene.configure(pipelines, warehouse_id=scene.emulator.info["warehouse_id"])
            runner = scene.run("--log-level", "debug")

            def rows(sink, layout):
                if sink == "zerobus":
                    return scene.emulator.rows(f"main.salesforce.{layout}")
                if sink == "ndjson":
                    file = scene.folder / f"{sink}_{layout}.ndjson"
                    return file.read_bytes().count(b"\n") if file.exists() else 0
                with sqlite3.connect(scene.folder / f"{sink}_{layout}.db", timeout=30) as database:
                    try:
                        return database.execute("SELECT count(*) FROM events").fetchone()[0]
                    except sqlite3.OperationalError:
                        return 0

            def wanted(sink, layout):
                all_rows = sum(max(e["records"], 1) for e in good) if layout == "sfcdc" else len(good)
                return all_rows - (sink == "zerobus" and layout != "lakeflow")

            def typed_rows():
                tables = scene.emulator.query("SELECT name FROM sqlite_master WHERE type = 'table' AND name LIKE 'main.typed.%'")
                return sum(scene.emulator.rows(name) for (name,) in tables)

            def complete():
                self.assertIsNone(runner.process.poll(), scene.log.read_text())
                if typed_rows() < wanted("ndjson", "sfcdc"):
                    return False
                return all(rows(s, l) >= wanted(s, l) for l in LAYOUTS for s in SINKS)

            wait_until(complete, 120, "the last row")
            address = wait_until(lambda: re.search(r"status: (http://127\.0\.0\.1:\d+)", runner.said()), 30, "the status server")[1]
            pages = {p: urllib.request.urlopen(f"{address}/{p}", timeout=30).read() for p in ("", "status", "metrics")}
            self.assertIn(b"rows_durable", pages["status"])
            self.assertEqual(runner.stop(), 0)
            written = contents(scene.folder) | {f"page {p}": text for p, text in pages.items()}
            lines = [json.loads(line) for line in (scene.folder / "ndjson_sfcdc.ndjson").read_text(encoding="utf-8").splitlines()]
            return written, {(r["replay_id"], r["record_ordinal"]): r for r in lines}

    def assert_hidden(self, hidden, before, after, rows_before, rows_after):
        self.assertEqual(rows_before.keys(), rows_after.keys())
        for place, row in rows_before.items():
            expected = hidden.of(row["entity_name"], json.loads(row["record_data"]))
            self.assertEqual(without_empty(json.loads(rows_after[place]["record_data"])), without_empty(expected), place)
            self.assertEqual(rows_after[place]["changed_fields"], row["changed_fields"], "names of fields stay")
        values = hidden.values()
        self.assertGreater(len(values), 100)

        def found(written, name):
            return {v for v in values if v.encode() in written[name]}
        self.assertEqual(before.keys(), after.keys())
        for name in before:
            self.assertEqual(found(after, name), set(), name)
            self.assertNotIn(KEY, after[name], name)
            # The search can find them: there they are without the keys.
            if re.fullmatch(r"lake\.db|(sqlite|ndjson)_\w+\.(db|ndjson)", name):
                self.assertGreater(len(found(before, name)), 0.9 * len(values), name)
            # Events that cannot be decoded are in no row, but e-mail addresses are told by their form, and all of them are hidden.
            self.assertNotRegex(after[name], ADDRESS, name)
            if name.endswith("dead_letters.ndjson"):
                self.assertRegex(before[name], ADDRESS, name)
        return values

    def test_no_value_of_a_hidden_field_is_written_anywhere(self):
        before, rows_before = self.run_all("", False)
        keys = f'deny = {toml_of(DENY)}\ntokenise = {toml_of(TOKENISE)}\ntoken_key_file = "KEY"\n'
        after, rows_after = self.run_all(keys, True)
        values = self.assert_hidden(Hidden(DENY, TOKENISE), before, after, rows_before, rows_after)
        self.assertTrue(any(v.startswith("+49") for v in values))
        self.assertTrue(any(v.startswith("post") for v in values))
        self.assertTrue(any(re.fullmatch(r"-?[0-9.]+", v) for v in values))
        patch = b"leads are reviewed every week"
        for name in before:
            self.assertNotIn(patch, after[name], name)
        self.assertIn(patch, before["lake.db"])

        letters = [json.loads(line) for name, text in after.items() if "dead_letters" in name for line in text.splitlines() if line.startswith(b'{"received')]
        events = [l for l in letters if "row_number" not in l]
        self.assertGreater(len(events), 5)
        for letter in events:
            self.assertNotIn("payload", letter)
            self.assertIn("deny", letter["payload_withheld"])
        self.assertEqual(len([l for l in letters if "row" in l]), 2, "the refused row of two tables")

        log = after["runner.log"].decode()
        self.assertRegex(log, r"left out of Account: .*AnnualRevenue.*; tokens of the key " + hashlib.sha256(KEY).hexdigest()[:8] + ": .*Name")
        self.assertNotIn("matches no field", log)

    def test_payload_columns_have_the_tokens(self):
        before, rows_before = self.run_all("", False)
        after, rows_after = self.run_all(f'tokenise = {toml_of(TOKENISE | {"Invoice__c": ["Total__c"]})}\ntoken_key_file = "KEY"\n', False)
        hidden = Hidden({}, TOKENISE | {"Invoice__c": ["Total__c"]})
        self.assert_hidden(hidden, before, after, rows_before, rows_after)
        self.assertIn("tokenise: these fields of Invoice__c are no texts, and are left out: Total__c", after["runner.log"].decode())
        tokens = set(re.findall(rb"tok_[0-9a-f]{8}_[\w-]{22}", after["ndjson_lakeflow.ndjson"]))
        in_payloads = set(re.findall(rb"tok_[0-9a-f]{8}_[\w-]{22}", b"\n".join(decoded(after["ndjson_lakeflow.ndjson"]))))
        self.assertGreater(len(tokens), 50)
        self.assertEqual(tokens, in_payloads)

    def test_a_pattern_that_matches_nothing_is_said(self):
        with Scene(BUILD, "--seed", 42) as scene:
            scene.emulator.publish(50)
            rows = scene.folder / "rows.ndjson"
            scene.configure(f'[[pipeline]]\ntopic = "Account"\nsink = "ndjson"\npath = "{rows}"\nlayout = "sfcdc"\n'
                            f'checkpoint = "{scene.folder}/c"\ndeny = ["SNN__c", "Account.Phone", "Phone"]\n')
            runner = scene.run()
            wait_until(lambda: rows.exists() and rows.stat().st_size > 0, 60, "a row")
            self.assertEqual(runner.stop(), 0)
            log = scene.log.read_text()
            self.assertEqual(log.count("matches no field"), 2, log)
            self.assertIn('deny: "SNN__c" matches no field of Account', log)
            self.assertIn('written as deny = { Account = ["Phone"] }', log)

    def test_a_payload_column_beside_deny_is_refused(self):
        with Scene(BUILD, "--seed", 43) as scene:
            scene.configure(f'[[pipeline]]\ntopic = "Account"\nsink = "sqlite"\npath = "{scene.folder}/rows.db"\ndeny = ["Phone"]\n')
            self.assertEqual(scene.run().wait(), 2)
            self.assertIn('exclude = ["payload_binary"]', scene.log.read_text())
            self.assertFalse((scene.folder / "rows.db").exists())


if __name__ == "__main__":
    BUILD = pathlib.Path(sys.argv.pop(1)).resolve()
    unittest.main(verbosity=1)
