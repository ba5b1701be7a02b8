"""Tables as the Python library salesforce-zerobus leaves them behind, written without any code of sfcdc: an Avro reader, names of bitmaps and rows of
its own. Its events are those that the emulated org says it has published.

Two generations of the library are about. What differs:

                     "clock"                                            "commit"
  timestamp          the writer's clock                                 the event's commit time
  goes on behind     the row with the greatest timestamp                the row with the greatest replay_id

In both, processed_timestamp is the writer's clock, schema_json and payload_binary are in each row, and an event that was seen since the process
began is left out, so that rows come twice only after a restart.
"""
import json
import sqlite3
import struct

COLUMNS = {"event_id": "STRING", "schema_id": "STRING", "replay_id": "STRING", "timestamp": "BIGINT", "change_type": "STRING", "entity_name": "STRING",
           "change_origin": "STRING", "record_ids": "ARRAY<STRING>", "changed_fields": "ARRAY<STRING>", "nulled_fields": "ARRAY<STRING>",
           "diff_fields": "ARRAY<STRING>", "record_data_json": "STRING", "payload_binary": "BINARY", "schema_json": "STRING", "org_id": "STRING",
           "processed_timestamp": "BIGINT"}
EVERYTHING = "/data/ChangeEvents"
HEADER = "ChangeEventHeader"


class Schema:
    """An Avro schema, and the values that are written with it, as dictionaries."""

    def __init__(self, text):
        self.named = {}
        self.root = self.known(json.loads(text))

    def known(self, kind):
        if isinstance(kind, list):
            return [self.known(k) for k in kind]
        if isinstance(kind, str):
            return self.named.get(kind, kind)
        if kind["type"] == "array":
            return {"type": "array", "items": self.known(kind["items"])}
        if kind["type"] == "enum":
            self.named[kind["name"]] = kind
        elif kind["type"] == "record":
            of = self.named[kind["name"]] = dict(kind)
            of["fields"] = [{"name": f["name"], "type": self.known(f["type"])} for f in kind["fields"]]
            return of
        elif not isinstance(kind["type"], str) or len(kind) == 1:
            return self.known(kind["type"])
        return kind

    def read(self, payload):
        self.left = memoryview(payload)
        value = self.value(self.root)
        if len(self.left):
            raise ValueError("bytes are left")
        return value

    def take(self, count):
        if count > len(self.left):
            raise ValueError("bytes are missing")
        taken, self.left = self.left[:count], self.left[count:]
        return bytes(taken)

    def number(self):
        n = shift = 0
        while True:
            byte, = self.take(1)
            n |= (byte & 127) << shift
            shift += 7
            if byte < 128:
                return n >> 1 ^ -(n & 1)

    def value(self, kind):
        if isinstance(kind, list):
            return self.value(kind[self.number()])
        name = kind if isinstance(kind, str) else kind["type"]
        if name == "record":
            return {f["name"]: self.value(f["type"]) for f in kind["fields"]}
        if name == "array":
            items = []
            while count := self.number():
                if count < 0:
                    count = -count
                    self.number()
                items += [self.value(kind["items"]) for _ in range(count)]
            return items
        if name == "enum":
            return kind["symbols"][self.number()]
        if name in ("int", "long"):
            return self.number()
        if name == "string":
            return self.take(self.number()).decode()
        if name == "bytes":
            return self.take(self.number())
        if name == "boolean":
            return self.take(1) == b"\1"
        if name == "double":
            return struct.unpack("<d", self.take(8))[0]
        if name == "float":
            return struct.unpack("<f", self.take(4))[0]
        if name == "null":
            return None
        raise ValueError(f"a type {name}")

    def names(self, bitmaps):
        """The fields of a list of bitmaps: those of the record first, then those of its compounds, each as parent.child."""
        found = []
        for bitmap in bitmaps:
            parent, dash, digits = bitmap.rpartition("-")
            fields, prefix = self.root["fields"], ""
            if dash:
                field = fields[int(parent)]
                fields = next(k for k in field["type"] if isinstance(k, dict))["fields"]
                prefix = field["name"] + "."
            bits = int(digits, 16)
            found += [prefix + f["name"] for i, f in enumerate(fields) if bits >> i & 1]
        return found


class Library:
    """One subscription of the library, into one table of the emulated lake."""

    def __init__(self, scene, table, generation="commit", topic=EVERYTHING, org_id=None):
        self.scene, self.table, self.generation, self.topic = scene, table, generation, topic
        self.org_id = org_id or scene.emulator.info["org_id"]
        self.schemas = {}
        self.appended = 0

    def create(self, columns=COLUMNS):
        listed = ", ".join(f"{name} {kind} COMMENT 'of the library'" for name, kind in columns.items())
        self.scene.sql(f"CREATE TABLE IF NOT EXISTS {self.table} ({listed}) USING DELTA TBLPROPERTIES ('delta.autoOptimize.optimizeWrite' = 'true', "
                       "'delta.autoOptimize.autoCompact' = 'true', 'delta.enableRowTracking' = 'false') COMMENT 'change events as they come'")

    def topic_events(self):
        """What the topic has, in its order: what the emulator says of each event, with its payload."""
        all_of = [e for e in self.scene.emulator.lines("/published?payloads") if e["topic"].startswith("/data/")]
        return [e for e in all_of if self.topic in (EVERYTHING, e["topic"])]

    def schema(self, schema_id):
        if schema_id not in self.schemas:
            text = self.scene.emulator.control("/schema?id=" + schema_id)
            self.schemas[schema_id] = (text, Schema(text))
        return self.schemas[schema_id]

    def row(self, event, now):
        """The row of an event that is written at `now`, in milliseconds since 1970; a dictionary by column."""
        text, schema = self.schema(event["schema_id"])
        payload = bytes.fromhex(event["payload"])
        body = schema.read(payload)
        header = body.pop(HEADER)
        return {"event_id": event["event_id"], "schema_id": event["schema_id"], "replay_id": event["replay_id"],
                "timestamp": now if self.generation == "clock" else header["commitTimestamp"],
                "change_type": header["changeType"], "entity_name": header["entityName"], "change_origin": header["changeOrigin"],
                "record_ids": header["recordIds"], "changed_fields": schema.names(header["changedFields"]), "nulled_fields": schema.names(header["nulledFields"]),
                "diff_fields": schema.names(header["diffFields"]), "record_data_json": json.dumps(body), "payload_binary": payload, "schema_json": text,
                "org_id": self.org_id, "processed_timestamp": now}

    def append(self, rows):
        places = ", ".join("?" * (len(COLUMNS) + 3))
        names = ", ".join(f'"{name}"' for name in (*COLUMNS, "_stream_id", "_wire_offset", "_row"))
        self.appended += 1
        cells = [[*(json.dumps(v) if isinstance(v, list) else v for v in row.values()), f"library {self.appended}", i, 0] for i, row in enumerate(rows)]
        with sqlite3.connect(self.scene.emulator.lake_path, timeout=30) as lake:
            lake.executemany(f'INSERT INTO "{self.table}" ({names}) VALUES ({places})', cells)

    def goes_on_behind(self):
        by = "timestamp" if self.generation == "clock" else "replay_id"
        found = self.scene.emulator.query(f'SELECT replay_id FROM "{self.table}" ORDER BY {by} DESC LIMIT 1')
        return found[0][0] if found else None

    def run(self, count, now, rows_a_millisecond=7):
        """A process: it takes up to `count` events behind where it goes on, beginning at `now`, and dies. Returns the replay ids of its rows."""
        events = self.topic_events()
        behind = self.goes_on_behind()
        first = 1 + next(i for i, e in enumerate(events) if e["replay_id"] == behind) if behind else 0
        taken, seen = [], set()
        for event in events[first:first + count]:
            if event["event_id"] not in seen:
                seen.add(event["event_id"])
                taken.append(event)
        self.append([self.row(event, now + i // rows_a_millisecond) for i, event in enumerate(taken)])
        return [event["replay_id"] for event in taken]
