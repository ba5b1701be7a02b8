"""The main job, end to end, with a kill in the middle: an emulated org publishes 50,000 change events, the runner streams
them into an emulated lake, is killed with SIGKILL half way, and is started again. The account at the end is taken from
what the org says that it published and what stands in the lake, by replay id.

usage: demo.py BUILD_FOLDER [EVENTS]
"""
import json
import pathlib
import sqlite3
import sys
import time

from harness import CDC_TABLE, ORDER_TABLE, Scene, wait_until, zerobus_stream

PLATFORM_TOPIC = "/event/Order_Event__e"


def progress(text, end=False):
    if sys.stderr.isatty():
        print(f"\r\033[K{text}", end="\n" if end else "", file=sys.stderr, flush=True)
    elif end:
        print(text, file=sys.stderr, flush=True)


def show_rows(lake_path):
    """Five rows, each of another kind, as a table."""
    with sqlite3.connect(f"file:{lake_path}?mode=ro", uri=True) as lake:
        rows = lake.execute(
            f'''SELECT replay_id, change_type, entity_name, json_extract(record_ids, '$[0]'), changed_fields, record_data_json
                FROM "{CDC_TABLE}" GROUP BY change_type ORDER BY count(*) DESC LIMIT 5'''
        ).fetchall()
    def short(value, width):
        text = str(value if value is not None else "")
        return text if len(text) <= width else text[: width - 1] + "…"
    def without_nulls(text):
        return json.dumps({k: v for k, v in json.loads(text).items() if v is not None}, ensure_ascii=False)
    heads = ("replay_id", "change_type", "entity_name", "record_ids[0]", "changed_fields", "record_data_json (not null)")
    widths = (20, 12, 12, 18, 34, 48)
    line = lambda cells: "  ".join(short(c, w).ljust(w) for c, w in zip(cells, widths)).rstrip()
    print(line(heads))
    print(line(["-" * w for w in widths]))
    for row in rows:
        print(line((*row[:4], ", ".join(json.loads(row[4] or "[]")), without_nulls(row[5]))))


def main():
    build = pathlib.Path(sys.argv[1]).resolve()
    events = int(sys.argv[2]) if len(sys.argv) > 2 else 50_000
    with Scene(build, "--seed", 1) as scene:
        scene.configure(zerobus_stream(scene.folder) + zerobus_stream(scene.folder, PLATFORM_TOPIC, ORDER_TABLE))
        emulator = scene.emulator
        emulator.publish(events // 2)
        rows = lambda: emulator.rows(CDC_TABLE) + emulator.rows(ORDER_TABLE)
        progress(f"the org has published {events // 2} events; starting the runner", True)

        started = time.monotonic()
        runner = scene.run()
        def at_least(n):
            now = rows()
            progress(f"{now} rows are durable")
            if runner.process.poll() is not None:
                raise SystemExit(f"the runner ended by itself:\n{runner.said()}")
            return now >= n
        wait_until(lambda: at_least(events // 2) and scene.position() is not None, 300, "half of the rows")
        emulator.control("/publish", {"count": events - events // 2, "rate": 200_000})  # and while these are on their way:
        wait_until(lambda: at_least(events // 2 + 1), 300, "more than half of the rows")
        runner.kill()
        resumed_from = scene.position()
        progress(f"kill -9 at {rows()} rows; starting again from the checkpoint {resumed_from}", True)
        runner = scene.run()
        wait_until(lambda: emulator.status()["published"] >= events, 120, "publishing")
        published = {e["replay_id"] for e in emulator.published()}
        def complete():
            at_least(0)
            return rows() >= events and published <= set(emulator.replay_ids(CDC_TABLE)) | set(emulator.replay_ids(ORDER_TABLE))
        try:
            wait_until(complete, 300, "the rest of the rows")
        except AssertionError as e:
            progress(str(e), True)
        seconds = time.monotonic() - started
        code = runner.stop()
        durable = emulator.replay_ids(CDC_TABLE) + emulator.replay_ids(ORDER_TABLE)
        progress(f"{len(durable)} rows are durable; the runner ended with {code}", True)

        print()
        show_rows(emulator.lake_path)
        print()
        lost = len(published - set(durable))
        print(json.dumps({
            "published": len(published), "rows_durable": len(durable), "events_lost": lost,
            "duplicate_rows": len(durable) - len(set(durable)), "events_per_second": round(len(published) / seconds),
            "resumed_from": resumed_from,
        }))
        return 0 if lost == 0 and code == 0 and len(published) == events else 1


if __name__ == "__main__":
    sys.exit(main())
