"""The status page in headless Chromium, with no pipeline, one and a hundred: what it draws, and screenshots of it, which are in BUILD/screenshots
(SFCDC_SCREENSHOTS=FOLDER: there; docs/ has those that were looked at). Skipped without chromium or chromium-headless-shell (Debian packages)."""
import datetime
import html
import http.server
import json
import math
import os
import pathlib
import re
import shutil
import subprocess
import tempfile
import threading

import pytest

BUILD = pathlib.Path(os.environ.get("SFCDC_BUILD", "build/gcc"))
ROOT = pathlib.Path(__file__).parents[2]
SCREENSHOTS = pathlib.Path(os.environ.get("SFCDC_SCREENSHOTS", BUILD / "screenshots"))
CHROMIUM = shutil.which("chromium-headless-shell") or shutil.which("chromium")
HOSTILE = "<img src=x onerror=document.title='run'>"


def pipeline(n, turn, of):
    """What /status says of pipeline number n at the turn-th time."""
    stalled, failed = of > 1 and n in (7, 30), of > 1 and n in (11, 52)
    speed = 0 if stalled or failed else 40 + 900 / (n + 1) * (2 + math.sin(turn / 3 + n) + 0.6 * math.sin(turn / 1.3 + 2 * n))
    received = int(500_000 / (n + 1) + speed * 2 * turn)
    entity = ["Account", "Contact", "Opportunity", "Case", "Order", "Lead", "Asset", "Contract"][n % 8] + (f"{n}__" if n >= 8 else "")
    topic = "/data/ChangeEvents" if of == 1 else f"/data/{entity}ChangeEvent"
    waiting = 21_500 if stalled else int(speed / 10)
    error = None
    if stalled:
        error = "The stream into main.crm.contract was interrupted: UNAVAILABLE: the service is overloaded"
    if failed:
        error = f"Salesforce does not give the topic {topic}: select its entity in Change Data Capture. {HOSTILE}"
    age = 40_000 + n * 500 if stalled else 190_000 if failed else 0.4 + n % 3
    return {
        "name": topic, "topic": topic, "sink": "zerobus", "destination": "main.salesforce.change_events" if of == 1 else f"main.crm.{entity.lower()}", "salesforce": "salesforce",
        "state": "waiting to be started again" if failed else "running", "waits_for": "waiting to be started again" if failed else "waits for rows to become durable" if stalled else "connected",
        "events_received": received, "events_handled": received, "events_filtered": 0, "events_undecodable": 3 if n % 31 == 5 else 0, "events_waiting": waiting, "gap_events": 0,
        "bytes_received": received * 300, "rows": received, "rows_durable": received - waiting, "rows_refused": 0, "rows_waiting": waiting, "bytes_in_flight": waiting * 280,
        "bytes_held": waiting * 640, "credits": 100, "acks": turn, "resent_requests": 0, "stream_rotations": 0, "schema_changes": 0, "reconnects": [],
        "lag_seconds": 40_000.0 if stalled else None if failed else 0.3 + 0.2 * math.sin(turn / 2 + n), "position": None if failed else f"{0x179a1e0000 + n * 4096 + turn:020x}",
        "position_age_seconds": age, "hours_to_loss": max(72 - age / 3600, 0), "stalled_seconds": 600 if stalled else 0,
        "last_error": {"text": error, "at": "2026-03-02T09:12:44Z"} if error else None,
    }


def status(of, turn):
    now = datetime.datetime(2026, 3, 2, 9, 30) + datetime.timedelta(seconds=2 * turn)
    pipelines = [pipeline(n, turn, of) for n in range(of)]
    not_ready = [f"{p['name']}: the position could not move for {p['stalled_seconds']} s; {p['waits_for']}" for p in pipelines if p["stalled_seconds"] >= 600]
    return {"version": "0.1.0", "now": now.isoformat() + "Z", "started": "2026-02-27T06:00:00Z", "ready": not not_ready, "not_ready": not_ready,
            "memory": {"resident_bytes": (46 << 20) + of * 700_000, "limit_bytes": 256 << 20},
            "orgs": [{"salesforce": "salesforce", "deliveries_24h": sum(p["events_received"] for p in pipelines), "delivery_allocation": 12_000_000}] if of else [], "pipelines": pipelines}


class Page:
    """The page with its own policy, as the runner serves it, in front of a /status that is made up."""

    def __init__(self, of):
        header = (BUILD / "runner" / "status_page.hpp").read_text(encoding="ascii")
        policy = re.search(r'status_page_policy = "([^"]*)"', header)[1]
        page = (ROOT / "runner" / "operations" / "status_page.html").read_bytes()
        self.asked = []
        turns = iter(range(1_000_000))
        outer = self

        class Handler(http.server.BaseHTTPRequestHandler):
            def do_GET(self):
                outer.asked.append(self.path)
                known = {"/": lambda: (page, "text/html; charset=utf-8"), "/status": lambda: (json.dumps(status(of, next(turns))).encode(), "application/json")}
                body, kind = known.get(self.path, lambda: (b"", "text/plain"))()
                self.send_response(200 if self.path in known else 404)
                for name, value in (("Content-Type", kind), ("Content-Length", str(len(body))), ("Content-Security-Policy", policy)):
                    self.send_header(name, value)
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, *_):
                pass

        self.server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.thread = threading.Thread(target=self.server.serve_forever, daemon=True)
        self.thread.start()

    def browse(self, *options):
        with tempfile.TemporaryDirectory() as profile:
            done = subprocess.run([CHROMIUM, "--headless", "--no-sandbox", "--disable-gpu", "--no-proxy-server", "--hide-scrollbars", "--enable-logging=stderr", f"--user-data-dir={profile}",
                                   "--virtual-time-budget=130000", *options, f"http://127.0.0.1:{self.server.server_port}/"], capture_output=True, text=True, timeout=240, check=True)
        errors = [line for line in done.stderr.splitlines() if ":CONSOLE" in line]
        assert not errors, errors
        return done.stdout

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.server.shutdown()
        self.server.server_close()
        self.thread.join()


@pytest.mark.skipif(CHROMIUM is None, reason="there is no chromium")
@pytest.mark.parametrize("of, height", [(0, 420), (1, 420), (100, 1000)])
def test_page(of, height):
    SCREENSHOTS.mkdir(parents=True, exist_ok=True)
    with Page(of) as page:
        dom = page.browse("--dump-dom")
        assert dom.count("<tbody") == of
        assert dom.count("<svg") >= 2 * of
        visible = re.sub(r"<script>.*?</script>", "", dom, flags=re.DOTALL)
        assert ("No pipeline is running." in visible.split('id="empty"')[1]) == (of == 0)
        assert not re.search(r"NaN|undefined|Infinity", re.sub(r"<style>.*?</style>", "", visible, flags=re.DOTALL))
        assert "<title>sfcdc</title>" in dom
        if of == 100:
            assert html.escape(HOSTILE, quote=False) in dom, "a peer's text is text"
        for scheme, number in (("", 1), ("-dark", 0)):
            file = SCREENSHOTS / f"status-{of}{scheme}.png"
            page.browse(f"--window-size=1280,{height}", f"--screenshot={file}", f"--blink-settings=preferredColorScheme={number}")
            assert file.stat().st_size > 5_000
        assert set(page.asked) == {"/", "/status"}, "nothing else is loaded"
        assert page.asked.count("/status") > 60, "it is drawn live"
