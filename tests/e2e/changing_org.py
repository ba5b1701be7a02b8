#!/usr/bin/env python3
"""An org whose schemas change under typed tables, with a runner that is killed again and again: is every value of every event in a
column or in _sf_rest, in the order of the commits?

usage: changing_org.py BUILD_FOLDER [--events N] [--changes N] [--kills N] [--entities N] [--evolve auto|plan|freeze] [--seed N] [--keep FOLDER]
"""
import argparse
import json
import pathlib
import random
import shutil
import sys
import time

from harness import Scene, wait_until, zerobus_stream

TABLE = "main.crm.{entity}_changes"


class Wrong(Exception):
    pass


def in_rest(rest, path):
    """(True, value) where the rest has the field of this dotted name."""
    value = rest
    for part in path.split("."):
        if value is None:
            return True, None  # a compound that is null as a whole
        if part not in value:
            return False, None
        value = value[part]
    return True, value


def as_in_lake(value):
    """A value of the truth as the lake has it."""
    (kind, content), = value.items()
    return int(content) if kind == "boolean" else content


def check_row(row, event, where):
    listed = json.loads(row["_sf_columns_to_update"] or "[]")
    rest = json.loads(row["_sf_rest"]) if row["_sf_rest"] else {}
    for path, stated in event["fields"].items():
        column, value = stated["column"], stated["value"]
        if column in listed:
            if value is None:
                if row[column] is not None:
                    raise Wrong(f"{where}: {path} was cleared, and the column has {row[column]!r}")
                continue
            wanted = as_in_lake(value)
            if row[column] == wanted or (isinstance(wanted, float) and row[column] == int(wanted)):
                continue
            raise Wrong(f"{where}: {path} is {value}, and the column has {row[column]!r}")
        there, kept = in_rest(rest, path)
        if value is None and event["change_type"] in ("CREATE", "UNDELETE"):
            continue  # that it is empty is what a new record means
        if not there:
            raise Wrong(f"{where}: {path} = {value} is neither in a column nor in _sf_rest")
        wanted = stated.get("avro", None if value is None else next(iter(value.values())))
        if kept != wanted:
            raise Wrong(f"{where}: {path} is {wanted!r}, and _sf_rest has {kept!r}")


def check_entity(scene, entity, kills):
    """(events, rows, duplicates, values in the rest) of an entity; raises Wrong."""
    table = TABLE.format(entity=entity)
    names = [r[1] for r in scene.emulator.query(f'PRAGMA table_info("{table}")')]
    rows, last, back = {}, None, 0
    for cells in scene.emulator.query(f'SELECT * FROM "{table}" ORDER BY rowid'):
        row = dict(zip(names, cells))
        rows.setdefault((row["_sf_replay_id"], row["_sf_record_ordinal"]), []).append(row)
        place = (row["_sf_commit_number"], row["_sf_sequence_number"], row["_sf_record_ordinal"])
        if last is not None and place < last:
            back += 1
        last = place
    if back > kills:
        raise Wrong(f"{table}: the order goes back {back} times, and the runner was killed {kills} times")
    events = twice = rests = used = 0
    for event in scene.emulator.history(entity):
        events += 1
        for ordinal, record in enumerate(event["record_ids"] or [None]):
            found = rows.get((event["replay_id"], ordinal))
            if not found:
                raise Wrong(f"{table}: the event {event['replay_id']} has no row for its record {ordinal}")
            used += 1
            twice += len(found) - 1
            for row in found:
                rests += row["_sf_rest"] is not None
                check_row(row, event, f"{table} {event['replay_id']}")
                if record is not None and "*" not in record and not record.startswith("000") and row["Id"] != record:
                    raise Wrong(f"{table}: a row of {record} says it is of {row['Id']}")
    if used != len(rows):
        raise Wrong(f"{table}: {len(rows) - used} rows are of no event")
    return events, used, twice, rests


def publish(scene, events, changes):
    """In pieces, because each is answered only when it is done."""
    pieces = -(-events // 50_000)
    for piece in range(pieces):
        scene.emulator.publish(events * (piece + 1) // pieces - events * piece // pieces,
                               schema_changes=changes * (piece + 1) // pieces - changes * piece // pieces)


def run(build, events, changes, kills, entities, evolve, seed, keep=None, judge=None):
    dice = random.Random(seed)
    options = ["--changing-entities", entities, "--keep-history", "--seed", seed, "--log-level", "warn"]
    with Scene(build, *options) as scene:
        more = f'layout = "typed"\nevolve = "{evolve}"\nevolve_interval = 1\nentities = {json.dumps([f"Entity{i:02}__c" for i in range(entities)])}'
        scene.configure(zerobus_stream(scene.folder, table=TABLE, more=more), warehouse_id=scene.emulator.info["warehouse_id"])
        parts = kills + 1
        started = time.monotonic()
        for part in range(parts):
            runner = scene.run()
            publish(scene, events // parts, changes * (part + 1) // parts - changes * part // parts)
            if part < kills:
                time.sleep(dice.uniform(0.05, 2))
                runner.kill()

        def arrived():
            if runner.process.poll() is not None:
                raise Wrong(f"the runner has ended:\n{runner.said()[-3000:]}")
            return all(event_is_there(scene, entity["entity"]) for entity in scene.emulator.entities())

        def event_is_there(scene, entity):
            last = None
            table = TABLE.format(entity=entity)
            for event in scene.emulator.history(entity, max(counts[entity] - 1, 0)):
                last, counts[entity] = event, counts[entity] + (last is not None)
            return last is None or scene.emulator.query(f'SELECT 1 FROM "{table}" WHERE _sf_replay_id = ? LIMIT 1', last["replay_id"])

        counts = {entity["entity"]: 0 for entity in scene.emulator.entities()}
        wait_until(arrived, 300 + events / 500, "that the last event of each entity is in the lake")
        if runner.stop() != 0:
            raise Wrong(runner.said()[-3000:])
        took = time.monotonic() - started
        total = [0, 0, 0, 0]
        for entity in scene.emulator.entities():
            total = [a + b for a, b in zip(total, check_entity(scene, entity["entity"], kills))]
        if judge:
            judge(scene)
        altered = sum("databricks: ALTER TABLE" in line for line in runner.said().splitlines())
        if keep:
            shutil.copytree(scene.folder, keep)
        return {"evolve": evolve, "seed": seed, "entities": entities, "events": total[0], "rows": total[1], "rows twice": total[2],
                "rows with a rest": total[3], "altered": altered, "kills": kills, "schema changes": changes, "seconds": round(took, 1)}


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("build", type=pathlib.Path)
    parser.add_argument("--events", type=int, default=100_000)
    parser.add_argument("--changes", type=int, default=30)
    parser.add_argument("--kills", type=int, default=20)
    parser.add_argument("--entities", type=int, default=20)
    parser.add_argument("--evolve", choices=["auto", "plan", "freeze"], default="auto")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--keep", type=pathlib.Path, help="the lake and the logs are copied to this folder, which must not exist")
    a = parser.parse_args()
    try:
        print(json.dumps(run(a.build, a.events, a.changes, a.kills, a.entities, a.evolve, a.seed, a.keep)))
    except Wrong as e:
        sys.exit(f"changing_org.py: {e}")
