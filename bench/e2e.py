#!/usr/bin/env python3
"""What the whole daemon needs for an event: from the emulated org through `sfcdc run` to an emulated lake that counts rows
instead of storing them, all on loopback. The events are published before the daemon starts; the rows are compared with what
was published (none missing, none twice, the same content in every round) before a number is printed. "start_to_durable_ms" is
from the start of the process to the acknowledgement of its first row, logins and connections included. Then, at a modest rate, the
time from an event's publication to the acknowledgement of its rows.

Prints one JSON object; with --against one with the members "this", "against" and "runner_cpu_ratio" (this / against, the
median of pairs that ran one after the other; "_best": of the best round of each, which other work on the machine disturbs least). The processor time of the daemon includes its start, about 0.05 s."""
import argparse
import json
import os
import pathlib
import statistics
import subprocess
import sys
import time

import daemon
from daemon import ROOT, TOPIC, Failed, say

WARM_UP = 200  # events before the latency is measured: logins, schemas and connections are behind them


def throughput(given, build):
    with daemon.counting_scene(given.emulator_build, build, given.layout, given.tls) as scene:
        daemon.publish_at_once(scene, given.events, bytes=given.event_bytes)
        expected = daemon.expected_rows(scene, given.layout)
        rows_expected = sum(rows for rows, _ in expected.values())
        scene.configure(daemon.pipeline(build, topic=TOPIC, sink="zerobus", **daemon.into(given.layout),
                                        checkpoint=str(scene.folder / "position.checkpoint")), **daemon.warehouse(scene, given.layout))
        emulator = scene.emulator.process
        emulator_before = daemon.cpu_seconds(emulator)
        started_us = time.monotonic_ns() / 1000  # the clock of the emulator's times
        runner = scene.run()
        status = daemon.wait_for(scene, lambda s: s["rows_acknowledged"] >= rows_expected, 60 + given.events / 1000, "all rows", 0.2)
        runner_cpu = daemon.cpu_seconds(runner.process)
        emulator_cpu = daemon.cpu_seconds(emulator) - emulator_before
        peak = daemon.memory_mib(runner.process, "VmHWM")
        counted = daemon.counted_rows(scene, given.layout)
        found = daemon.account(expected, counted)
        daemon.check_account(found, status["streams_opened"] > 1)
        if runner.stop() != 0:
            raise Failed("the daemon did not end with 0:\n" + runner.said()[-2000:])
    # From the first acknowledgement to the last: without the start of the daemon and the logins.
    times = [row.acknowledged_us for row in counted]
    first, last = min(times), max(times)
    behind_the_first = sum(time > first for time in times) / len(times) * len(expected)
    if last == first:
        raise Failed("all rows were acknowledged at once: more --events are needed")
    return {
        "events_per_second": behind_the_first / (last - first) * 1e6,
        "start_to_durable_ms": (first - started_us) / 1000,
        "runner_cpu_us_per_event": runner_cpu / len(expected) * 1e6,
        "emulator_cpu_us_per_event": emulator_cpu / len(expected) * 1e6,
        "peak_rss_mib": peak,
        "events": len(expected),
        "rows": found["rows"],
        "row_bytes": statistics.fmean(row.bytes for row in counted),
        "repeated": found["repeated"],
        "checksum": found["checksum"],
    }


def latency(given, build):
    with daemon.counting_scene(given.emulator_build, build, given.layout, given.tls) as scene:
        scene.configure(daemon.pipeline(build, topic=TOPIC, sink="zerobus", **daemon.into(given.layout),
                                        checkpoint=str(scene.folder / "position.checkpoint")), **daemon.warehouse(scene, given.layout))
        runner = scene.run()
        daemon.wait_for(scene, lambda s: s["subscribers"] > 0, 30, "a subscription")

        def all_durable():
            rows = sum(rows for rows, _ in daemon.expected_rows(scene, given.layout).values())
            daemon.wait_for(scene, lambda s: s["rows_acknowledged"] >= rows, 60, "all rows", 0.2)

        daemon.publish_at_once(scene, WARM_UP, bytes=given.event_bytes)
        all_durable()
        count = int(given.rate * given.seconds)
        scene.emulator.control("/publish", {"count": count, "rate": given.rate, "bytes": given.event_bytes})
        daemon.wait_for(scene, lambda s: s["published"] >= WARM_UP + count, 30 + 2 * given.seconds, "publishing", 0.2)
        all_durable()
        expected = daemon.expected_rows(scene, given.layout)
        counted = daemon.counted_rows(scene, given.layout)
        daemon.check_account(daemon.account(expected, counted), scene.emulator.status()["streams_opened"] > 1)
        runner.stop()
    measured = set(list(expected)[WARM_UP:])
    waits = sorted(row.acknowledged_us - expected[row.replay_id][1] for row in counted if row.replay_id in measured)
    return {
        "commit_to_durable_ms_p50": waits[len(waits) // 2] / 1000,
        "commit_to_durable_ms_p99": waits[min(len(waits) - 1, len(waits) * 99 // 100)] / 1000,
    }


def one_round(given, build):
    return throughput(given, build) | latency(given, build)


def summary(given, rounds):
    if len({one["checksum"] for one in rounds}) != 1:
        raise Failed(f"two rounds wrote different rows: {[one['checksum'] for one in rounds]}")
    numbers = {name: statistics.median(one[name] for one in rounds) for name in rounds[0] if name != "checksum"}
    digits = {"events_per_second": 0, "row_bytes": 0, "peak_rss_mib": 1}
    made = {name: int(value) if name in ("events", "rows", "repeated") else round(value, digits.get(name, 3)) for name, value in numbers.items()}
    best = min(one["runner_cpu_us_per_event"] for one in rounds)
    return made | {"event_bytes": given.event_bytes, "runner_cpu_us_per_event_best": round(best, 3), "rounds": len(rounds), "checksum": rounds[0]["checksum"],
                   "layout": given.layout, "tls": given.tls}


def build_of(commit, like, jobs):
    """The daemon of another commit, in a worktree below build/, with the compiler and the options of the folder `like`.
    Returns its folder, the commit, and whether its sources are compiled in groups as those of `like` are: old ones cannot be."""
    sha = subprocess.run(["git", "rev-parse", "--verify", commit + "^{commit}"], cwd=ROOT, check=True, capture_output=True, text=True).stdout.strip()
    tree = ROOT / "build" / "against" / sha[:12]
    if not tree.exists():
        # One that ./dev clean has removed is still in git's list.
        subprocess.run(["git", "worktree", "prune"], cwd=ROOT, check=True)
        subprocess.run(["git", "worktree", "add", "--detach", tree, sha], cwd=ROOT, check=True, stdout=sys.stderr)
    def options_of(folder):
        return {o["name"]: o["value"] for o in json.loads((folder / "meson-info" / "intro-buildoptions.json").read_text())}
    options = options_of(like)
    targets = json.loads((like / "meson-info" / "intro-targets.json").read_text())
    compiler = next(source["compiler"] for target in targets if target["name"] == "sfcdc"
                    for source in target["target_sources"] if source.get("language") == "cpp")
    build = tree / "build"
    environment = os.environ | {"CXX": " ".join(compiler), "CCACHE_BASEDIR": str(tree), "CCACHE_SLOPPINESS": "pch_defines,time_macros"}
    if not (build / "build.ninja").exists():
        same = [f"-D{name}={str(options[name]).lower()}" for name in
                ("buildtype", "optimization", "debug", "unity", "unity_size", "b_lto", "b_ndebug", "b_sanitize", "b_pch")]
        subprocess.run(["meson", "setup", build, *same, "-Drunner=enabled", "-Demulator=disabled", "-Dtests=disabled"],
                       cwd=tree, env=environment, check=True, stdout=sys.stderr)
    compile_it = ["ninja", "-C", build, "-j", str(jobs), "runner/sfcdc"]
    if subprocess.run(compile_it, env=environment, stdout=sys.stderr).returncode != 0:
        if options_of(build)["unity"] == "off":
            sys.exit(f"bench e2e: {commit} cannot be built with the options of {like}")
        say(f"{commit} cannot be built with -Dunity={options['unity']}; without it the compiler sees less of the daemon at a time")
        subprocess.run(["meson", "configure", build, "-Dunity=off"], env=environment, check=True, stdout=sys.stderr)
        subprocess.run(compile_it, env=environment, check=True, stdout=sys.stderr)
    return build, sha, options_of(build)["unity"] == options["unity"]


def main():
    arguments = argparse.ArgumentParser(prog="./dev bench e2e", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    arguments.add_argument("--events", type=int, default=300_000, help="published in each round")
    arguments.add_argument("--event-bytes", type=int, default=300, help="of each payload; 0 is the mix of an org: several objects, "
                           "two records an event, and one event in thirty that is no change event and stays behind")
    arguments.add_argument("--layout", choices=daemon.LAYOUTS, default="sfcdc")
    arguments.add_argument("--tls", action="store_true", help="all connections over TLS")
    arguments.add_argument("--rounds", type=int, default=1, help="numbers are medians of so many")
    arguments.add_argument("--rate", type=float, default=500, help="events a second while the latency is measured")
    arguments.add_argument("--seconds", type=float, default=5, help="of that measurement")
    arguments.add_argument("--build", type=pathlib.Path, help="the folder of the daemon that is measured; build/gcc by default")
    arguments.add_argument("--emulator-build", type=pathlib.Path, default=ROOT / "build" / "gcc", help="the emulator is always that of build/gcc by default")
    arguments.add_argument("--against", metavar="COMMIT", help="build this commit, too, and measure both in turns")
    arguments.add_argument("--jobs", type=int, default=os.cpu_count(), help="of the compiler, for --against")
    given = arguments.parse_args()
    given.emulator_build = given.emulator_build.resolve()
    builds = {"this": (given.build or given.emulator_build).resolve()}
    sha, same_options = None, True
    if given.against:
        builds["against"], sha, same_options = build_of(given.against, given.emulator_build, given.jobs)
    rounds = {name: [] for name in builds}
    try:
        for number in range(given.rounds):
            # Who is first changes from round to round, because a machine may become slower or faster meanwhile.
            for name in sorted(builds, reverse=number % 2 == 0):
                rounds[name].append(one_round(given, builds[name]))
                say(f"round {number + 1}, {name}: {json.dumps(rounds[name][-1])}")
        results = {name: summary(given, of) for name, of in rounds.items()}
    except Failed as e:
        sys.exit(f"bench e2e: {e}")
    if not given.against:
        print(json.dumps(results["this"]))
        return
    results["against"] |= {"commit": sha, "same_options": same_options}
    ratio = statistics.median(a["runner_cpu_us_per_event"] / b["runner_cpu_us_per_event"] for a, b in zip(rounds["this"], rounds["against"]))
    best = results["this"]["runner_cpu_us_per_event_best"] / results["against"]["runner_cpu_us_per_event_best"]
    print(json.dumps(results | {"runner_cpu_ratio": round(ratio, 4), "runner_cpu_ratio_best": round(best, 4), "same_rows": results["this"]["checksum"] == results["against"]["checksum"]}))


if __name__ == "__main__":
    main()
