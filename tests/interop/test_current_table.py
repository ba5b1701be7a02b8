"""The current state of the records of an org whose schemas change, made on DuckDB from the rows of the lake by the SQL that
`sfcdc tables sql current` prints, against what the org itself says of its records: field by field, cleared ones included.

CURRENT_EVENTS=1000000 is the size of a long run."""
import json
import os
import pathlib
import subprocess

import duckdb
import pyarrow

import changing_org

BUILD = pathlib.Path(os.environ["SFCDC_BUILD"])
SEED = int(os.environ.get("SFCDC_SEED", "1"))
EVENTS = int(os.environ.get("CURRENT_EVENTS", "10000"))
ARROW = {"STRING": pyarrow.string(), "INT": pyarrow.int32(), "BIGINT": pyarrow.int64(), "DOUBLE": pyarrow.float64(), "BOOLEAN": pyarrow.bool_(),
         "TIMESTAMP": pyarrow.timestamp("us", "UTC"), "DATE": pyarrow.date32(), "ARRAY<STRING>": pyarrow.list_(pyarrow.string())}


def sfcdc(*arguments):
    return subprocess.run([BUILD / "runner" / "sfcdc", *map(str, arguments)], stdout=subprocess.PIPE, check=True, timeout=60, text=True).stdout


def types_of(scene, entity):
    """The columns of a table and their Delta types, as the warehouse has them."""
    stored, = scene.emulator.query("SELECT contract FROM _sfcdc_contracts WHERE name LIKE ?", f"%{entity}_changes")[0]
    return {c["name"]: c["type"].upper() for c in json.loads(stored)["columns"]}


def history(scene, entity, types):
    """The rows of the lake as an Arrow table."""
    names = list(types)
    quoted = ", ".join(f'"{name}"' for name in names)
    columns = list(zip(*scene.emulator.query(f'SELECT {quoted} FROM "{changing_org.TABLE.format(entity=entity)}"'))) or [[]] * len(names)
    arrays = []
    for name, values in zip(names, columns):
        kind = types[name]
        if kind == "BOOLEAN":
            values = [None if v is None else bool(v) for v in values]
        elif kind == "ARRAY<STRING>":
            values = [None if v is None else json.loads(v) for v in values]
        if kind == "DATE":
            arrays.append(pyarrow.array(values, pyarrow.int32()).cast(pyarrow.date32()))
        elif kind == "TIMESTAMP":
            arrays.append(pyarrow.array(values, pyarrow.int64()).cast(ARROW[kind]))
        else:
            arrays.append(pyarrow.array(values, ARROW[kind]))
    return pyarrow.table(arrays, names=names)


def comparable(value):
    if value is None:
        return None
    (kind, content), = value.items()
    return content


def judge(scene):
    for entity in scene.emulator.entities():
        name = entity["entity"]
        types = types_of(scene, name)
        sql = scene.folder / "pipeline.toml"
        sql.write_text(scene.config.read_text().replace("entities = ", "# entities = ") + f'entities = ["{name}"]\n')
        create, merge, _ = sfcdc("tables", "sql", "current", "--engine", "duckdb", "--config", sql).split(";\n")
        db = duckdb.connect()
        db.execute("SET TimeZone = 'UTC';")
        rows = history(scene, name, types)
        create, merge = (text.replace(f'"main"."crm"."{name}_', f'"{name}_') for text in (create, merge))
        db.execute(create)
        db.register("all_rows", rows)
        db.execute(f'CREATE TABLE "{name}_changes" AS FROM all_rows')
        db.execute(merge)
        check(db, name, scene, types, entity["columns"])


def check(db, name, scene, types, columns):
    fields = [c for c in columns if c in types]
    shown = {"TIMESTAMP": "epoch_us({})", "DATE": "date_diff('day', DATE '1970-01-01', {})"}
    select = ", ".join(shown.get(types[f], "{}").format(f'"{f}"') for f in fields)
    current = {row[0]: (row[1], row[2:]) for row in db.execute(f'SELECT "Id", _sf_complete, {select} FROM "{name}_current"').fetchall()}
    kinds = {"STRING": ("text",), "DOUBLE": ("number",), "INT": ("number",), "BIGINT": ("number",), "BOOLEAN": ("boolean",), "TIMESTAMP": ("microseconds",), "DATE": ("days",)}
    seen = 0
    for record in scene.emulator.records(name):
        if not record["fields"] and record["id"] not in current:
            continue  # only a gap has told of it
        assert record["id"] in current, f"{name}: the record {record['id']} is missing"
        seen += 1
        complete, values = current[record["id"]]
        assert complete == record["complete"], record
        for field, value in zip(fields, values):
            truth = record["fields"].get(field)
            if truth is not None and next(iter(truth)) not in kinds[types[field]]:
                # The field's type has changed: its column has the values of before, and none of the new type.
                if not (types[field] in ("TIMESTAMP", "DATE", "INT", "BIGINT", "DOUBLE") and "number" in truth):
                    assert value is None or value != comparable(truth), f"{name} {record['id']} {field}: {truth}"
                continue
            if truth is None and field in record["fields"]:
                assert value is None, f"{name} {record['id']} {field}: cleared, and the table has {value!r}"
            elif truth is not None:
                wanted = comparable(truth)
                assert value == wanted, f"{name} {record['id']} {field}: {wanted!r}, and the table has {value!r}"
            else:
                assert value is None, f"{name} {record['id']} {field}: never stated, and the table has {value!r}"
    assert seen == len(current), f"{name}: {len(current) - seen} records are not of the org"
    assert seen > 0


def test_the_current_table_is_what_the_org_has():
    entities = min(20, max(2, EVENTS // 5000))
    changing_org.run(BUILD, EVENTS, 3 * entities, 2, entities, "auto", SEED, judge=judge)
