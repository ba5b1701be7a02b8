#!/usr/bin/env python3
"""What the daemon needs of memory where nothing moves, measured on processes over loopback:

idle        many pipelines without an event: VmRSS, and percent of one core, after a settling time. All of them read one
            topic, each with a position (and table or file) of its own. Keepalives come every 60 s, where Salesforce sends one in
            270 s.
standstill  a lake that takes rows and acknowledges none, while the org always has more events: the largest VmRSS with the
            default memory_limit, against that limit and 40 MiB. Then the lake goes on, and every event that was published must
            become durable.

Prints one JSON object with the list "idle" and the list "standstill"; exits with 1 where a standstill needs more than that,
or rows are lost."""
import argparse
import json
import pathlib
import sys
import time

import daemon
from daemon import ROOT, TABLE, TOPIC, Failed, say

LIMIT_MIB = 256    # memory_limit by default
BESIDE_MIB = 40    # code, gRPC, what is on its way
AHEAD_BYTES = 100_000_000  # of events that the org has published and the daemon has not fetched


def idle(given, sink):
    with daemon.counting_scene(given.emulator_build, given.build, tls=given.tls) as scene:
        def one(number):
            own = {"table": f"main.salesforce.changes_{number}"} if sink == "zerobus" else {"path": str(scene.folder / f"{number}.ndjson")}
            return daemon.pipeline(given.build, topic=TOPIC, sink=sink, layout="sfcdc", checkpoint=str(scene.folder / f"{number}.checkpoint"), **own)
        scene.configure("\n".join(one(number) for number in range(given.pipelines)))
        runner = scene.run()
        daemon.wait_for(scene, lambda s: s["subscribers"] == given.pipelines, 120, f"{given.pipelines} subscriptions")
        time.sleep(given.settle)
        daemon.check_alive(scene)
        before, started = daemon.cpu_seconds(runner.process), time.monotonic()
        time.sleep(given.idle_seconds)
        daemon.check_alive(scene)
        used, elapsed = daemon.cpu_seconds(runner.process) - before, time.monotonic() - started
        status = scene.emulator.status()
        if status["subscribers"] != given.pipelines:
            raise Failed(f"{status['subscribers']} of {given.pipelines} subscriptions are left")
        measured = {
            "sink": sink, "tls": given.tls, "pipelines": given.pipelines, "rss_mib": round(daemon.memory_mib(runner.process, "VmRSS"), 1),
            "peak_rss_mib": round(daemon.memory_mib(runner.process, "VmHWM"), 1), "cpu_percent": round(100 * used / elapsed, 3),
            "threads": len(list(pathlib.Path(f"/proc/{runner.process.pid}/task").iterdir())),
            "streams": status["streams"], "settle_s": given.settle, "seconds": round(elapsed, 1),
        }
        if runner.stop() != 0:
            raise Failed("the daemon did not end with 0:\n" + runner.said()[-2000:])
        return measured


def standstill(given, event_bytes):
    with daemon.counting_scene(given.emulator_build, given.build, tls=given.tls) as scene:
        scene.configure(daemon.pipeline(given.build, topic=TOPIC, sink="zerobus", layout="sfcdc", table=TABLE,
                                        checkpoint=str(scene.folder / "position.checkpoint")))
        scene.emulator.fault("hold_acks", ms=int(given.seconds + 3600) * 1000)
        ahead = max(100, AHEAD_BYTES // event_bytes)
        daemon.publish_at_once(scene, ahead, bytes=event_bytes)
        runner = scene.run()
        end = time.monotonic() + given.seconds
        taken, since = 0, time.monotonic()
        while time.monotonic() < end:
            daemon.check_alive(scene)
            status = scene.emulator.status()
            if status["delivered"] > taken:
                taken, since = status["delivered"], time.monotonic()
            lacking = ahead - (status["published"] - status["delivered"])
            if lacking > ahead // 2:
                daemon.publish_at_once(scene, lacking, bytes=event_bytes)
            time.sleep(0.1)
        stood = time.monotonic() - since
        held = scene.emulator.status()
        peak = daemon.memory_mib(runner.process, "VmHWM")
        say(f"{held['delivered']} events of {event_bytes} bytes were taken, then none for {stood:.0f} s; peak {peak:.1f} MiB")
        if held["rows_acknowledged"] != 0:
            raise Failed("the lake acknowledged rows while it should hold them")
        if stood < 1:
            raise Failed(f"after {given.seconds:.0f} s the daemon still takes events: --seconds must be larger")

        # There is input while the daemon gets rid of what it holds, too: its memory may be largest then.
        daemon.publish_at_once(scene, ahead, bytes=event_bytes)
        scene.emulator.fault("clear")
        expected = daemon.expected_rows(scene)
        released = time.monotonic()
        daemon.wait_for(scene, lambda s: s["rows_acknowledged"] >= len(expected), 120 + len(expected) / 1000, "all rows", 0.5)
        # Rows that came twice are among those that were acknowledged: the last ones may still be missing.
        while True:
            found = daemon.account(expected, daemon.counted_rows(scene))
            if not found["missing"] or time.monotonic() > released + 600:
                break
            daemon.check_alive(scene)
            time.sleep(2)
        status = scene.emulator.status()
        # The kernel sums this up from counters of each CPU, and may say a little less later.
        peak_at_end = max(peak, daemon.memory_mib(runner.process, "VmHWM"))
        code = runner.stop()
        measured = {
            "event_bytes": event_bytes, "tls": given.tls, "seconds": given.seconds, "stood_still_s": round(stood, 1),
            "peak_rss_mib": round(peak, 1), "peak_rss_mib_at_end": round(peak_at_end, 1), "allowed_mib": LIMIT_MIB + BESIDE_MIB,
            "events_held": held["delivered"], "rows_in_the_lake_unacknowledged": held["rows"],
            "events": len(expected), "rows": found["rows"], "missing": found["missing"], "repeated": found["repeated"],
            "streams_opened": status["streams_opened"], "drained_in_s": round(time.monotonic() - released, 1), "exit_code": code,
        }
        wrong = []
        if peak_at_end > LIMIT_MIB + BESIDE_MIB:
            wrong.append(f"{peak_at_end:.1f} MiB are more than {LIMIT_MIB} + {BESIDE_MIB}")
        try:
            daemon.check_account(found, status["streams_opened"] > 1)
        except Failed as e:
            wrong.append(str(e))
        if code != 0:
            wrong.append(f"the daemon ended with {code}")
        return measured | {"wrong": wrong}


def main():
    arguments = argparse.ArgumentParser(prog="./dev footprint", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    arguments.add_argument("what", nargs="?", choices=("idle", "standstill"), help="both without")
    arguments.add_argument("--pipelines", type=int, default=100, help="idle")
    arguments.add_argument("--sink", choices=("ndjson", "zerobus"), help="idle: one after the other without")
    arguments.add_argument("--settle", type=float, default=10, help="idle: seconds before the measurement")
    arguments.add_argument("--idle-seconds", type=float, default=60, help="idle: of the measurement")
    arguments.add_argument("--event-bytes", type=int, help="standstill: 300 and then 1000000 without")
    arguments.add_argument("--seconds", type=float, default=600, help="standstill: until the lake goes on")
    arguments.add_argument("--tls", action="store_true", help="all connections over TLS")
    arguments.add_argument("--build", type=pathlib.Path, help="the folder of the daemon that is measured; build/gcc by default")
    arguments.add_argument("--emulator-build", type=pathlib.Path, default=ROOT / "build" / "gcc", help="build/gcc by default")
    given = arguments.parse_args()
    given.emulator_build = given.emulator_build.resolve()
    given.build = (given.build or given.emulator_build).resolve()
    made = {}
    try:
        if given.what != "standstill":
            made["idle"] = [idle(given, sink) for sink in ([given.sink] if given.sink else ["ndjson", "zerobus"])]
        if given.what != "idle":
            made["standstill"] = [standstill(given, size) for size in ([given.event_bytes] if given.event_bytes else [300, 1_000_000])]
    except Failed as e:
        if made:
            print(json.dumps(made))
        sys.exit(f"footprint: {e}")
    print(json.dumps(made))
    wrong = [line for one in made.get("standstill", []) for line in one["wrong"]]
    for line in wrong:
        say(f"footprint: {line}")
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
