"""Events a second over a slow network, against the bound that Salesforce sets: 100 events may be asked for at a time, so
that 100 / round trip is all that a subscription can have. The runner keeps the credits full; a client that stops until its
rows are durable pays for a second round trip.

usage: round_trip.py BUILD_FOLDER [EVENTS [LATENCY_MS]]     (each way; by default 15000 and 30)
"""
import pathlib
import subprocess
import sys
import time

from harness import CDC_TABLE, Scene, wait_until


def rate(scene, process, events):
    """Rows a second, without the start and the end."""
    def rows():
        if process.poll() is not None:
            raise SystemExit(f"it has ended:\n{scene.log.read_text()}")
        return scene.emulator.rows(CDC_TABLE)
    wait_until(lambda: rows() >= events // 10, 120, "the first tenth")
    first, started = rows(), time.monotonic()
    wait_until(lambda: rows() >= events * 9 // 10, 600, "nine tenths")
    last, ended = rows(), time.monotonic()
    return (last - first) / (ended - started)


def main():
    build = pathlib.Path(sys.argv[1]).resolve()
    events = int(sys.argv[2]) if len(sys.argv) > 2 else 15_000
    latency = int(sys.argv[3]) if len(sys.argv) > 3 else 30
    bound = 100 / (2 * latency / 1000)
    print(f"{latency} ms each way; 100 credits / round trip = {bound:.0f} events/s")
    for name in ("sfcdc run", "stop and wait"):
        with Scene(build, "--seed", 1, "--latency-ms", latency) as scene:
            scene.configure()
            scene.emulator.publish(events)
            published = sum(e["topic"].startswith("/data/") for e in scene.emulator.published())
            if name == "sfcdc run":
                reached = rate(scene, scene.run().process, published)
            else:
                with open(scene.log, "a", encoding="utf-8") as log:
                    client = subprocess.Popen([build / "tests" / "e2e" / "stop_and_wait", scene.config], stderr=log)
                    try:
                        reached = rate(scene, client, published)
                    finally:
                        client.kill()
                        client.wait()
            print(f"{name:14} {reached:6.0f} events/s  {reached / bound:6.1%}")


if __name__ == "__main__":
    main()
