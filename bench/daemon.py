"""The daemon between the emulated org and a lake that counts rows: what bench/e2e.py, bench/footprint.py and bench/soak.py share."""
import base64
import collections
import json
import pathlib
import sys
import time

ROOT = pathlib.Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT / "tests" / "e2e"))
from harness import Scene  # noqa: E402  (found through the line above)

TOPIC = "/data/ChangeEvents"
TABLE = "main.salesforce.change_events"
LAYOUTS = ("sfcdc", "salesforce_zerobus", "lakeflow", "typed")
# The same event has other values in these columns in each run. lakeflow's "timestamp" is the time of arrival; in
# salesforce_zerobus it is the time of the commit, which stays in the checksum.
UNREPEATABLE = {
    "sfcdc": ("ingested_at",),
    "salesforce_zerobus": ("processed_timestamp", "schema_json"),
    "lakeflow": ("timestamp",),
    "typed": ("_sf_ingested_at",),
}


class Failed(Exception):
    """The daemon ended, did not get on, or wrote other rows than it should have."""


def into(layout):
    """The keys of a pipeline that say where its rows go. The events that are measured are all of Account."""
    return {"layout": layout, "table": "main.salesforce.{entity}_changes" if layout == "typed" else TABLE}


def warehouse(scene, layout):
    """What the configuration needs besides: typed tables are made by the daemon."""
    return {"warehouse_id": scene.emulator.info["warehouse_id"]} if layout == "typed" else {}


def block(build):
    """How this build's configuration calls a pipeline: it was [[stream]] before."""
    return "pipeline" if b"[[pipeline]]" in (pathlib.Path(build) / "runner" / "sfcdc").read_bytes() else "stream"


def pipeline(build, **keys):
    """The block of one pipeline, as TOML; JSON strings are TOML strings."""
    return f"[[{block(build)}]]\n" + "".join(f"{key} = {json.dumps(value)}\n" for key, value in keys.items())


def counting_scene(emulator_build, build, layout="sfcdc", tls=False):
    """An emulator whose lake counts rows. Runs in it are of the daemon in `build`, which may be older than the emulator."""
    without = [option for column in UNREPEATABLE[layout] for option in ("--checksum-without", column)]
    scene = Scene(emulator_build, "--seed", 1, "--count-rows", *without, *(["--tls"] if tls else []))
    scene.build = build
    return scene


def publish_at_once(scene, count, **details):
    """Publishes in parts, because each of them is answered only when it is done."""
    while count > 0:
        part = min(count, 50_000)
        scene.emulator.control("/publish", {"count": part, **details})
        count -= part


def check_alive(scene):
    process = scene.runners[-1].process
    if process.poll() is not None:
        raise Failed(f"the daemon has ended with {process.returncode}; its log ends with:\n" + scene.runners[-1].said()[-2000:])


def wait_for(scene, condition, timeout, what, pause=0.1):
    """Polls the emulator's status until condition(status); a daemon that has ended is an error."""
    end = time.monotonic() + timeout
    while True:
        status = scene.emulator.status()
        if condition(status):
            return status
        check_alive(scene)
        if time.monotonic() > end:
            raise Failed(f"{what}: not within {timeout:.0f} s; status {status}; the daemon's log ends with:\n"
                         + scene.runners[-1].said()[-2000:])
        time.sleep(pause)


def cpu_seconds(process):
    """User and system time of a process and all of its threads so far, also those that have ended."""
    # The clock that clock_getcpuclockid() names: Linux counts nanoseconds in it, where /proc/PID/stat has steps of 10 ms.
    return time.clock_gettime((~process.pid << 3) | 2)


def memory_mib(process, field):
    """VmRSS (now) or VmHWM (the most so far)."""
    for line in pathlib.Path(f"/proc/{process.pid}/status").read_text().splitlines():
        if line.startswith(field + ":"):
            return int(line.split()[1]) / 1024
    raise Failed(f"/proc has no {field}")


def expected_rows(scene, layout="sfcdc", topic=TOPIC):
    """Replay id to (rows, microseconds of the publication), from what the org says that it has published."""
    prefix = "/data/" if topic == TOPIC else topic
    return {
        event["replay_id"]: (event["records"] if layout in ("sfcdc", "typed") else 1, event["published_us"])
        for event in scene.emulator.published() if event["topic"].startswith(prefix)
    }


Counted = collections.namedtuple("Counted", "replay_id ordinal checksum bytes acknowledged_us")


def counted_rows(scene, layout="sfcdc", table=TABLE):
    if layout == "typed":
        table = "main.salesforce.Account_changes"
    rows = [Counted(*json.loads(line)) for line in scene.emulator.control("/counted?table=" + table).splitlines()]
    if layout == "lakeflow":
        rows = [row._replace(replay_id=base64.b64decode(row.replay_id).hex()) for row in rows]
    return rows


def account(expected, counted):
    """What is missing, unknown or came more than once, and the checksum of each row once. Only acknowledged rows count."""
    durable = [row for row in counted if row.acknowledged_us is not None]
    found = {}
    contradictions = 0
    for row in durable:
        if found.setdefault((row.replay_id, row.ordinal), row.checksum) != row.checksum:
            contradictions += 1
    wanted = {(replay_id, ordinal) for replay_id, (rows, _) in expected.items() for ordinal in range(rows)}
    return {
        "rows": len(found),
        "missing": len(wanted - found.keys()),
        "unknown": len(found.keys() - wanted),
        "repeated": len(durable) - len(found),
        "contradictions": contradictions,
        "checksum": f"{sum(found.values()) % 2**64:016x}",
    }


def check_account(of, may_repeat):
    """Rows may repeat where a stream was opened anew, which sends again what was not acknowledged."""
    if of["missing"] or of["unknown"] or of["contradictions"] or (of["repeated"] and not may_repeat):
        raise Failed(f"the rows in the lake are not those of the events: {of}")


def say(text):
    print(text, file=sys.stderr, flush=True)
