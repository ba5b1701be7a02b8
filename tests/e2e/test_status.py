"""What a running sfcdc says over HTTP and in its log about how it is. The emulator's account is the truth.

usage: test_status.py BUILD_FOLDER [unittest arguments]
"""
import fcntl
import http.server
import json
import os
import pathlib
import pty
import re
import select
import signal
import socket
import struct
import subprocess
import sys
import termios
import threading
import time
import unittest
import urllib.error
import urllib.request

from harness import CDC_TABLE, Scene, wait_until, zerobus_stream

BUILD = None
TOPIC = "/data/ChangeEvents"
LABELS = f'pipeline="{TOPIC}",topic="{TOPIC}"'
SECRETS = ("sfcdc-emulator-secret", "sfcdc-emulator-principal-secret")
DOCS = pathlib.Path(__file__).parents[2] / "docs" / "operations.md"


def configure(scene, status, streams=None):
    scene.configure(streams)
    text = scene.config.read_text(encoding="utf-8")
    scene.config.write_text("[status]\n" + status + "\n" + text.replace("[salesforce]\n", "[salesforce]\ndelivery_allocation = 50000\n"), encoding="utf-8")


def address(runner):
    """Where the server listens, once it does."""
    return wait_until(lambda: re.search(r"status: (http://[^/]+)/", runner.said()), 60, "the status server")[1]


def get(url):
    """(status, text)"""
    try:
        with urllib.request.urlopen(url, timeout=30) as answer:
            return answer.status, answer.read().decode()
    except urllib.error.HTTPError as e:
        with e:
            return e.code, e.read().decode()


def series(text):
    """Values by name and labels."""
    return {line.rpartition(" ")[0]: float(line.rpartition(" ")[2]) for line in text.splitlines() if not line.startswith("#")}


class Top(unittest.TestCase):
    def top(self, *arguments):
        done = subprocess.run([pathlib.Path(BUILD) / "runner" / "sfcdc", "top", *map(str, arguments)], capture_output=True, text=True, timeout=60, check=False)
        return done.returncode, done.stdout, done.stderr

    def test_frames(self):
        with Scene(BUILD, "--seed", 92) as scene:
            scene.emulator.publish(300)
            rows = len([e for e in scene.emulator.published() if e["topic"].startswith("/data/")])
            configure(scene, 'listen = "127.0.0.1:0"')
            runner = scene.run()
            at = address(runner)
            def all_there():  # the supervisor looks at its pipelines ten times a second, so that their state comes behind their rows
                shown = json.loads(get(at + "/status")[1])["pipelines"][0]
                return shown["rows_durable"] == rows and shown["state"] == "running"
            wait_until(all_there, 60, "all rows, and the state")
            code, printed, said = self.top("--url", at, "--once")
            self.assertEqual((code, said), (0, ""))
            lines = printed.splitlines()
            self.assertRegex(lines[0], r"^sfcdc \S+   since \d{4}-.*   memory \d+ MiB, limit of held rows 256 MiB$")
            self.assertEqual(lines[1], "ready")
            self.assertRegex(lines[-1], rf"^{TOPIC} +running +- +- +{rows} ")
            self.assertNotIn("\x1b", printed)
            # A terminal that is resized, and Ctrl-C.
            master, slave = pty.openpty()
            size = lambda columns: fcntl.ioctl(slave, termios.TIOCSWINSZ, struct.pack("HHHH", 24, columns, 0, 0))
            size(200)
            shown = subprocess.Popen([pathlib.Path(BUILD) / "runner" / "sfcdc", "top", "--url", at, "--interval", "0.2"], stdout=slave)
            self.addCleanup(lambda: shown.poll() is None and (shown.kill(), shown.wait()))
            seen = b""
            def until(word, times=1):
                nonlocal seen
                end = time.monotonic() + 60
                while seen.count(word) < times:
                    self.assertLess(time.monotonic(), end, seen)
                    if select.select([master], [], [], 0.2)[0]:
                        seen += os.read(master, 65536)
            until(b"last error")
            seen = b""
            size(30)
            shown.send_signal(signal.SIGWINCH)
            until(b"\x1b[J", 4)  # the first ones may be of the size before
            frame = seen.decode().split("\x1b[J")[-2]
            self.assertLess(max(len(re.sub(r"\x1b\[\??\d*[A-Za-z]", "", line)) for line in frame.split("\r\n")), 31)
            shown.send_signal(signal.SIGINT)
            self.assertEqual(shown.wait(30), 0)
            until(b"\x1b[?1049l")
            os.close(master), os.close(slave)

            self.assertEqual(self.top("--config", scene.config, "--once")[0], 2)  # port 0 says no place
            self.assertEqual(runner.stop(), 0)
            code, printed, said = self.top("--url", at, "--once")
            self.assertEqual((code, printed), (1, ""))
            self.assertIn("is the daemon running?", said)
        self.assertEqual(self.top("--once")[0], 2)


class Receiver(http.server.BaseHTTPRequestHandler):
    """Takes what an OTLP receiver takes, or refuses it. The server has the list `requests`, and `status`."""

    def do_POST(self):
        self.server.requests.append((self.path, dict(self.headers), self.rfile.read(int(self.headers["Content-Length"]))))
        self.send_response(self.server.status)
        self.end_headers()

    def log_message(self, *_):
        pass


class Push(unittest.TestCase):
    def test_metrics_are_pushed_and_an_outage_is_said_once(self):
        receiver = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Receiver)
        receiver.requests, receiver.status = [], 200
        threading.Thread(target=receiver.serve_forever, daemon=True).start()
        self.addCleanup(receiver.server_close)
        self.addCleanup(receiver.shutdown)
        with Scene(BUILD, "--seed", 97) as scene:
            configure(scene, f'otlp_endpoint = "http://127.0.0.1:{receiver.server_port}"\notlp_interval = 1\notlp_headers = ["X-Key: otlp-secret-key"]')
            runner = scene.run()
            wait_until(lambda: len(receiver.requests) >= 2, 30, "two requests")
            path, headers, body = receiver.requests[-1]
            self.assertEqual(path, "/v1/metrics")
            self.assertEqual((headers["Content-Type"], headers["X-Key"]), ("application/x-protobuf", "otlp-secret-key"))
            for text in (b"sfcdc_events_received_total", b"sfcdc_decode_seconds", b"service.name", TOPIC.encode()):
                self.assertTrue(text in body, text)
            self.assertNotIn("otlp:", runner.said())
            receiver.status = 500
            before = len(receiver.requests)
            wait_until(lambda: len(receiver.requests) >= before + 3, 30, "three more requests")
            receiver.status = 200
            wait_until(lambda: "otlp: 127.0.0.1 takes the metrics" in runner.said(), 30, "that it works again")
            self.assertEqual(runner.said().count("otlp: 127.0.0.1 does not take the metrics (HTTP 500)"), 1)
            scene.emulator.publish(200)
            wait_until(lambda: scene.emulator.rows(CDC_TABLE) > 0, 30, "rows")
            self.assertNotIn("otlp-secret-key", runner.said())
            self.assertEqual(runner.stop(), 0)


class Status(unittest.TestCase):
    def test_numbers_are_those_of_the_emulator(self):
        with Scene(BUILD, "--seed", 91, "--keepalive-ms", 500) as scene:
            scene.emulator.publish(2000)
            scene.emulator.fault("undecodable", times=2)
            scene.emulator.publish(200)
            events = [e for e in scene.emulator.published() if e["topic"].startswith("/data/")]
            configure(scene, 'listen = "127.0.0.1:0"\nlog_interval = 1')
            runner = scene.run()
            at = address(runner)
            pipeline = lambda: json.loads(get(at + "/status")[1])["pipelines"][0]
            wait_until(lambda: pipeline()["events_handled"] >= len(events) and pipeline()["events_waiting"] == 0, 120, "all events")
            scene.emulator.fault("rotate_streams", duration_ms=100)
            wait_until(lambda: pipeline()["stream_rotations"] == 1, 60, "the rotation")
            scene.emulator.fault("drop_subscribers")
            wait_until(lambda: pipeline()["reconnects"] and pipeline()["waits_for"] == "connected", 60, "the subscription after its end")

            # The emulator's events were committed long ago, but a keepalive says that there is nothing newer.
            wait_until(lambda: pipeline()["position_age_seconds"] < 600, 60, "a keepalive")

            pages = {path: get(at + path) for path in ("/", "/metrics", "/status", "/healthz", "/readyz")}
            self.assertEqual({path: code for path, (code, _) in pages.items()}, dict.fromkeys(pages, 200))
            metrics, now = series(pages["/metrics"][1]), json.loads(pages["/status"][1])
            of = lambda name, more="": metrics[f"{name}{{{LABELS}{more}}}"]
            letters = [letter for letter in scene.letters()]
            self.assertEqual(of("sfcdc_events_received_total"), len(events))
            self.assertEqual(of("sfcdc_events_handled_total"), len(events))
            self.assertEqual(of("sfcdc_dead_letters_total", ',kind="event"'), len(letters))
            self.assertGreaterEqual(len(letters), 1)
            rows = scene.emulator.rows(CDC_TABLE)
            self.assertEqual((of("sfcdc_rows_total"), of("sfcdc_rows_durable_total")), (rows, rows))
            self.assertEqual(of("sfcdc_events_waiting"), 0)
            self.assertEqual(of("sfcdc_held_bytes"), 0)
            self.assertEqual(of("sfcdc_stalled_seconds"), 0)
            self.assertEqual(of("sfcdc_subscribed"), 1)
            self.assertEqual(of("sfcdc_pipeline_state", ',state="running"'), 1)
            self.assertEqual(of("sfcdc_reconnects_total", ',side="subscription",reason="OK"'), 1)
            self.assertGreater(of("sfcdc_acks_total"), 0)
            self.assertGreater(of("sfcdc_received_bytes_total"), 100 * len(events))
            self.assertGreater(of("sfcdc_credits"), 0)
            self.assertGreater(of("sfcdc_decode_seconds_count"), len(events) / 64 - 3)
            self.assertGreater(of("sfcdc_encode_seconds_sum"), 0)
            lags = of("sfcdc_commit_to_durable_seconds_count")
            self.assertGreater(lags, 0)
            self.assertEqual(of("sfcdc_commit_to_durable_seconds_bucket", ',le="+Inf"'), lags)
            self.assertLess(of("sfcdc_position_age_seconds"), 600)
            self.assertGreater(of("sfcdc_position_hours_to_loss"), 71)
            self.assertEqual(metrics['sfcdc_deliveries_24h{salesforce="salesforce"}'], len(events))
            self.assertEqual(metrics['sfcdc_delivery_allocation{salesforce="salesforce"}'], 50000)
            self.assertEqual(now["pipelines"][0]["position"], scene.position())
            self.assertTrue(now["ready"])
            self.assertIn("The subscription ended: ", now["pipelines"][0]["last_error"]["text"])

            # The documentation names all of it, and nothing else.
            docs = DOCS.read_text(encoding="utf-8")
            section = lambda name: docs.split(f"\n## {name}\n")[1].split("\n## ")[0]
            names = {re.sub("^# TYPE (\\S+) .*", r"\1", line) for line in pages["/metrics"][1].splitlines() if line.startswith("# TYPE ")}
            first_cells = lambda text: set(re.findall(r"`([a-z_0-9]+)`", "".join(line.split("|")[1] for line in text.splitlines() if line.startswith("| `"))))
            self.assertEqual(names, first_cells(section("Metrics")))
            self.assertEqual(set(now) | set(now["pipelines"][0]), first_cells(section("/status")))

            line = wait_until(lambda: re.findall(r"info /data/ChangeEvents: (\d+) received, (\d+) durable, 0 refused, (\d+) undecodable, 0 waiting, lag [0-9.]+ s, position ([0-9a-f]+), connected", runner.said()), 30, "the health line")[-1]
            self.assertEqual(line, (str(len(events)), str(rows), str(len(letters)), scene.position()))
            for secret in SECRETS:
                for path, (_, text) in pages.items():
                    self.assertNotIn(secret, text, path)
                self.assertNotIn(secret, runner.said())
            self.assertEqual(runner.stop(), 0)

    def test_ready_while_the_lake_hangs_and_after(self):
        with Scene(BUILD, "--seed", 92) as scene:
            configure(scene, 'listen = "127.0.0.1:0"\nready_after = 2')
            runner = scene.run()
            at = address(runner)
            wait_until(lambda: json.loads(get(at + "/status")[1])["pipelines"][0]["waits_for"] == "connected", 60, "the subscription")
            self.assertEqual(get(at + "/readyz"), (200, "ready\n"))
            scene.emulator.fault("hold_acks", ms=600_000)
            scene.emulator.publish(50)
            code, reason = wait_until(lambda: (lambda answer: answer if answer[0] == 503 else None)(get(at + "/readyz")), 60, "503")
            self.assertRegex(reason, r"^/data/ChangeEvents: the position could not move for \d+ s; \w+")
            self.assertEqual(get(at + "/healthz"), (200, "alive\n"), "it lives all the same")
            held = json.loads(get(at + "/status")[1])["pipelines"][0]
            self.assertGreater(held["events_waiting"], 0)
            self.assertGreater(held["rows_waiting"], 0)
            self.assertGreater(held["bytes_in_flight"], 0)
            self.assertGreater(held["lag_seconds"], 1)
            scene.emulator.fault("clear")
            wait_until(lambda: get(at + "/readyz")[0] == 200, 60, "ready again")
            self.assertEqual(runner.stop(), 0)

    def test_a_taken_port_is_said_and_the_stream_goes_on(self):
        with Scene(BUILD, "--seed", 93) as scene, socket.socket() as taken:
            taken.bind(("127.0.0.1", 0))
            taken.listen()
            port = taken.getsockname()[1]
            configure(scene, f'listen = "127.0.0.1:{port}"')
            scene.emulator.publish(100)
            runner = scene.run()
            events = sum(e["topic"].startswith("/data/") for e in scene.emulator.published())
            wait_until(lambda: scene.emulator.rows(CDC_TABLE) == events, 60, "the rows")
            self.assertRegex(runner.said(), rf"warning status: 127\.0\.0\.1:{port} cannot be listened on \(.*in use.*\)")
            taken.close()
            self.assertEqual(address(runner), f"http://127.0.0.1:{port}")
            self.assertEqual(get(f"http://127.0.0.1:{port}/healthz")[0], 200)
            self.assertEqual(runner.said().count("cannot be listened on"), 1, "it is said once")
            self.assertEqual(runner.stop(), 0)


if __name__ == "__main__":
    BUILD = pathlib.Path(sys.argv.pop(1)).resolve()
    unittest.main(verbosity=1)
