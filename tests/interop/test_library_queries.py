"""A table that the Python library salesforce-zerobus has begun and sfcdc goes on with answers the queries that the library shows to its users:
on DuckDB, over the rows of both. What is right is told by the events of the org, read by another Avro decoder, in the order of the topic.

Databricks' own functions are translated by the macros in MACROS. from_avro() has no counterpart: its macro looks up what fastavro has read.
"""
import functools
import io
import json
import os
import pathlib
import time

import duckdb
import fastavro
import pyarrow
import pytest

from harness import Scene, wait_until, zerobus_stream
from python_library import COLUMNS, Library

BUILD = pathlib.Path(os.environ["SFCDC_BUILD"])
TABLE = "main.crm.all_events"
ARROW = {"STRING": pyarrow.string(), "BIGINT": pyarrow.int64(), "ARRAY<STRING>": pyarrow.list_(pyarrow.string()), "BINARY": pyarrow.binary()}
MACROS = """
CREATE MACRO from_unixtime(seconds) AS strftime(to_timestamp(seconds), '%Y-%m-%d %H:%M:%S');
CREATE MACRO to_date(text) AS CAST(text AS DATE);
CREATE MACRO get_json_object(text, path) AS json_extract_string(text, path);
CREATE MACRO item(list, n) AS list_extract(list, n + 1);             -- list[n]; there it counts from 0
CREATE MACRO schema_of_json(text) AS                                 -- there a null is a string, and an integer a BIGINT
    replace(replace(json_structure(text)::VARCHAR, '"NULL"', '"VARCHAR"'), '"UBIGINT"', '"BIGINT"');
CREATE MACRO array_union(a, b) AS list_distinct(list_concat(a, b));
CREATE MACRO array_contains(list, one) AS list_contains(list, one);
CREATE TABLE avro_data (payload BLOB, schema_json VARCHAR, datum VARCHAR);
CREATE MACRO from_avro(bytes, written_with) AS (SELECT datum FROM avro_data d WHERE d.payload = bytes AND d.schema_json = written_with);
"""
CREATE_LIKE = ("CREATE", "UNDELETE", "GAP_CREATE", "GAP_UNDELETE", "GAP_OVERFLOW")
schemas = {}


def from_avro(payload, schema):
    """The datum as JSON; null where it is not one of the schema, as with the mode PERMISSIVE."""
    if schema not in schemas:
        schemas[schema] = fastavro.parse_schema(json.loads(schema), named_schemas={})
    parsed = schemas[schema]
    try:
        stream = io.BytesIO(payload)
        value = fastavro.schemaless_reader(stream, parsed)
        return json.dumps(value) if stream.read(1) == b"" else None
    except (EOFError, IndexError, UnicodeDecodeError, ValueError, OverflowError, MemoryError):
        return None


def publish(scene, count):
    """Half of them of custom objects, whose fields are cleared, and whose records are deleted and come back, and half of standard ones.

    Each half has commit times of its own in the emulator. Those of the second one are the later ones, so that it must be the last."""
    for workload in ("changing", "usual"):
        scene.emulator.publish(count // 2, workload=workload)


class Lake:
    """Both parts: what the org has published, the library's and sfcdc's rows, and all rows as a table `events` of DuckDB."""

    def __init__(self, generation):
        self.generation = generation
        with Scene(str(BUILD), "--changing-entities", 2) as scene:
            library = Library(scene, TABLE, generation)
            library.create()
            start = int(time.time() * 1000)
            written = []
            for count in (100, 500):  # a schema changes within the first hundred
                publish(scene, count)
                written += library.run(count, start)
            self.of_the_library = len(set(written))
            self.repeated = len(written) - self.of_the_library  # by its restart
            scene.configure(zerobus_stream(scene.folder, table=TABLE), warehouse_id=scene.emulator.info["warehouse_id"])
            runner = scene.run()
            publish(scene, 900)
            self.events = library.topic_events()
            wait_until(lambda: scene.emulator.rows(TABLE) >= len(self.events) + self.repeated, what="all rows")
            assert runner.stop() == 0, runner.said()
            self.truth = [library.row(e, 0) for e in self.events]
            self.bodies = [library.schema(e["schema_id"])[1].read(bytes.fromhex(e["payload"])) for e in self.events]
            self.library_resumes_behind = library.goes_on_behind()
            names = ", ".join(f'"{name}"' for name in COLUMNS)
            columns = list(zip(*scene.emulator.query(f'SELECT {names} FROM "{TABLE}" ORDER BY rowid')))
        arrays = []
        for (name, kind), values in zip(COLUMNS.items(), columns):
            if kind == "ARRAY<STRING>":
                values = [json.loads(v) for v in values]
            arrays.append(pyarrow.array(values, ARROW[kind]))
        self.db = duckdb.connect()
        self.db.execute("SET TimeZone = 'UTC';" + MACROS)
        self.db.register("arrow_rows", pyarrow.table(arrays, names=list(COLUMNS)))
        self.db.execute("CREATE TABLE events AS FROM arrow_rows")
        pairs = self.ask("""SELECT DISTINCT payload_binary, s.schema_json FROM events e
                            JOIN (SELECT DISTINCT entity_name, schema_json FROM events WHERE schema_json IS NOT NULL) s USING (entity_name)""")
        data = pyarrow.table([pyarrow.array(of, kind) for of, kind in zip((*zip(*pairs), [from_avro(*pair) for pair in pairs]),
                                                                         (pyarrow.binary(), pyarrow.string(), pyarrow.string()))], names=["p", "s", "d"])
        self.db.register("avro_read", data)
        self.db.execute("INSERT INTO avro_data FROM avro_read")

    def ask(self, sql, *parameters):
        return self.db.execute(sql, parameters).fetchall()

    def of(self, entity):
        """(row, body) of the events of an object, in the order of the topic."""
        return [(row, body) for row, body in zip(self.truth, self.bodies) if row["entity_name"] == entity]


@functools.cache
def made(generation):
    return Lake(generation)


@pytest.fixture(params=["commit", "clock"])
def lake(request):
    return made(request.param)


# For queries that order by commit times.
of_commit_times = pytest.mark.parametrize("lake", ["commit"], indirect=True)


def test_both_parts_are_there_and_each_event_once(lake):
    """The counts by which the library tells how far a table is."""
    assert 0 < lake.of_the_library < len(lake.events)
    (rows, events, newest, first, last), = lake.ask("SELECT count(*), count(DISTINCT event_id), max(replay_id), min(timestamp), max(timestamp) FROM events")
    assert (rows, events, newest) == (len(lake.events) + lake.repeated, len(lake.events), lake.events[-1]["replay_id"])
    if lake.generation == "commit":
        assert (first, last) == (min(row["timestamp"] for row in lake.truth), max(row["timestamp"] for row in lake.truth))
    assert {e for (e,) in lake.ask("SELECT DISTINCT entity_name FROM events")} == {row["entity_name"] for row in lake.truth}
    assert lake.ask("SELECT DISTINCT org_id FROM events") == [(lake.truth[0]["org_id"],)]


@of_commit_times
def test_the_last_changes_of_an_object(lake):
    """Of one day, the newest first: what changed, when, in which record, and a field of its JSON."""
    of_the_day = """
        SELECT change_type, item(record_ids, 0) AS record_id, changed_fields, from_unixtime(timestamp / 1000) AS event_time,
               get_json_object(record_data_json, '$.Name') AS name, get_json_object(record_data_json, '$.AnnualRevenue') AS revenue, replay_id
        FROM events
        WHERE entity_name = 'Account' AND to_date(from_unixtime(timestamp / 1000)) = to_date(from_unixtime(? / 1000))
        ORDER BY timestamp DESC, replay_id DESC LIMIT ?"""
    accounts = lake.of("Account")
    last = accounts[-1][0]["timestamp"]
    day = [(row, body) for row, body in accounts if row["timestamp"] // 86_400_000 == last // 86_400_000]

    def text(value):  # of a number: its JSON
        return value if value is None or isinstance(value, str) else json.dumps(value)
    for limit in (10, 100_000):
        wanted = [(row["change_type"], row["record_ids"][0], row["changed_fields"],
                   time.strftime("%Y-%m-%d %H:%M:%S", time.gmtime(row["timestamp"] // 1000)), text(body["Name"]), text(body["AnnualRevenue"]), row["replay_id"])
                  for row, body in reversed(day)][:limit]
        found = lake.ask(of_the_day, last, limit)
        as_texts = [row if not row[4] or not row[4].startswith("{") else (*row[:4], json.dumps(json.loads(row[4])), *row[5:]) for row in found]
        assert as_texts == wanted
    assert len({row["timestamp"] for row, _ in day}) > 1


def latest_schema(lake, entity):
    (schema,), = lake.ask("""SELECT schema_json FROM events WHERE entity_name = ? AND payload_binary IS NOT NULL AND schema_json IS NOT NULL
                             ORDER BY timestamp DESC LIMIT 1""", entity)
    return schema


@of_commit_times
@pytest.mark.parametrize("entity", ["Account", "Contact", "Invoice__c"])
def test_payloads_by_the_newest_schema(lake, entity):
    """The schema of the newest row that has one decodes the payloads of both parts that are written with it."""
    schema = latest_schema(lake, entity)
    events = lake.of(entity)
    assert schema == events[-1][0]["schema_json"]
    parsed = dict(lake.ask("SELECT replay_id, from_avro(payload_binary, ?) FROM events WHERE entity_name = ?", schema, entity))
    of_it = [(row, body) for row, body in events if row["schema_json"] == schema]
    assert len(of_it) > 20
    for row, body in of_it:
        assert json.loads(parsed[row["replay_id"]]) == body
    behind = {e["replay_id"] for e in lake.events[lake.of_the_library:]}
    assert 0 < len([row for row, _ in of_it if row["replay_id"] in behind]) < len(of_it)


@pytest.mark.parametrize("entity", ["Account", "Invoice__c"])
def test_json_by_the_types_of_one_row(lake, entity):
    """Types that were inferred from a row of either part read all rows: what is a number with a fraction in one is no integer in another."""
    events = lake.of(entity)
    bodies = {row["replay_id"]: body for row, body in events}
    schemas_of = dict(lake.ask("SELECT replay_id, schema_of_json(record_data_json) FROM events WHERE entity_name = ?", entity))
    kinds = {name: {type(body[name]) for body in bodies.values() if name in body} - {type(None)} for name in events[-1][1]}
    doubles = [name for name, of in kinds.items() if float in of]
    inferred = {name: {json.loads(schema)[name] for replay_id, schema in schemas_of.items() if name in bodies[replay_id]} for name in doubles}
    assert inferred == {name: {"DOUBLE", "VARCHAR"} for name in doubles}  # VARCHAR: it was null
    whole = [value for body in bodies.values() for value in map(body.get, doubles) if value is not None and value == int(value)]
    assert whole  # or the test would have shown nothing
    behind = [row["replay_id"] for row, _ in events if row["replay_id"] > lake.events[lake.of_the_library - 1]["replay_id"]]
    assert 0 < len(behind) < len(events)
    for one in (events[0][0]["replay_id"], behind[0], behind[-1]):
        types = json.loads(schemas_of[one])
        found = lake.ask("SELECT replay_id, to_json(from_json(record_data_json, ?)) FROM events WHERE entity_name = ?", schemas_of[one], entity)
        assert len(found) >= len(events)
        for replay_id, text in found:
            read = json.loads(text)
            for name, kind in types.items():
                wanted = bodies[replay_id].get(name)
                if not isinstance(kind, str) or isinstance(wanted, dict):
                    continue  # of a compound only the children that the row had are typed
                if kind == "VARCHAR" and wanted is not None and not isinstance(wanted, str):
                    wanted = json.dumps(wanted)
                assert read[name] == wanted, (name, kind)


def leaves(body, prefix=""):
    for name, value in body.items():
        if isinstance(value, dict):
            yield from leaves(value, prefix + name + ".")
        else:
            yield prefix + name, value


@pytest.mark.parametrize("entity", ["Contact", "Entity00__c"])
@pytest.mark.parametrize("lake, order", [("commit", "timestamp, replay_id"), ("commit", "replay_id"), ("clock", "replay_id")], indirect=["lake"])
def test_the_current_state(lake, entity, order):
    """Each field has what the last event said that names it in a list, or that states a whole record; records whose last event is a DELETE are
    gone. Where the library wrote its clock into timestamp, the order is that of replay_id alone (docs/layouts.md)."""
    fields = sorted({path for _, body in lake.of(entity) for path, _ in leaves({k: v for k, v in body.items() if k != "ChangeEventHeader"})})
    fields = [path for path in fields if not any(other.startswith(path + ".") for other in fields)]  # a compound may be null
    gone, state = {}, {}
    for row, body in lake.of(entity):
        record = row["record_ids"][0]
        said = {path: value for path, value in leaves(body)}
        named = set(row["changed_fields"]) | set(row["nulled_fields"]) | set(row["diff_fields"])
        gone[record] = row["change_type"] == "DELETE"
        for path in fields:
            if path in named or (row["change_type"] in CREATE_LIKE and said.get(path) is not None):
                state.setdefault(record, {})[path] = said.get(path)
    wanted = {record: state.get(record, {}) for record in gone if not gone[record]}
    found = {}
    sequence = "struct_pack(" + ", ".join(f"{name} := {name}" for name in order.split(", ")) + ")"
    lake.ask(f"""CREATE OR REPLACE TEMP VIEW parsed AS
        SELECT item(record_ids, 0) AS id, change_type, array_union(array_union(changed_fields, nulled_fields), diff_fields) AS mask, {sequence} AS seq,
               from_avro(payload_binary, (SELECT schema_json FROM events WHERE entity_name = '{entity}' AND payload_binary IS NOT NULL AND schema_json IS NOT NULL
                                          ORDER BY timestamp DESC LIMIT 1)) AS p
        FROM events WHERE entity_name = '{entity}'""")
    lake.ask("CREATE OR REPLACE TEMP TABLE parsed_rows AS FROM parsed")
    kept = {r for (r,) in lake.ask("SELECT id FROM parsed_rows GROUP BY id HAVING max_by(change_type, seq) <> 'DELETE'")}
    assert kept == set(wanted)
    for path in fields:
        at = "$." + ".".join(f'"{part}"' for part in path.split("."))
        for record, one in lake.ask(f"""
                SELECT id, max_by(struct_pack(v := json_extract(p, '{at}')), seq)
                FROM parsed_rows
                WHERE array_contains(mask, '{path}')
                   OR (change_type IN {CREATE_LIKE} AND coalesce(json_type(json_extract(p, '{at}')), 'NULL') <> 'NULL')
                GROUP BY id"""):
            found.setdefault(record, {})[path] = None if one["v"] is None else json.loads(one["v"])
    for record, fields_of in wanted.items():
        assert found.get(record, {}) == fields_of, record
    if entity != "Contact":
        assert any(gone.values())
        assert any(value is None for one in wanted.values() for value in one.values())  # a cleared field


@of_commit_times
def test_the_way_back(lake):
    """The library itself would go on behind the last event."""
    assert lake.library_resumes_behind == lake.events[-1]["replay_id"]
