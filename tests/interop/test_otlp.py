"""What the daemon pushes by OTLP, read by OpenTelemetry's own messages: the same series and values as /metrics shows."""
import http.server
import os
import pathlib
import re
import threading
import urllib.request

from harness import CDC_TABLE, Scene, wait_until
from opentelemetry.proto.collector.metrics.v1.metrics_service_pb2 import ExportMetricsServiceRequest
from opentelemetry.proto.metrics.v1.metrics_pb2 import AGGREGATION_TEMPORALITY_CUMULATIVE

BUILD = pathlib.Path(os.environ.get("SFCDC_BUILD", "build/gcc"))
MOVING = re.compile(r"^(process_|sfcdc_lag_seconds$|sfcdc_position_age|sfcdc_position_hours)")  # these are others at each look


class Receiver(http.server.BaseHTTPRequestHandler):
    def do_POST(self):
        self.server.bodies.append(self.rfile.read(int(self.headers["Content-Length"])))
        self.send_response(200)
        self.end_headers()

    def log_message(self, *_):
        pass


def labels(attributes):
    return ",".join(f'{a.key}="{a.value.string_value}"' for a in attributes)


def series(request):
    """Values by name and labels, in Prometheus' form, and the metrics by name."""
    out, by_name = {}, {}
    (resource,) = request.resource_metrics
    (scope,) = resource.scope_metrics
    for metric in scope.metrics:
        by_name[metric.name] = metric
        kind = metric.WhichOneof("data")
        for point in getattr(metric, kind).data_points:
            assert 0 < point.start_time_unix_nano <= point.time_unix_nano
            of = labels(point.attributes)
            if kind == "histogram":
                below = 0
                classes = len(point.explicit_bounds) + 1 if point.explicit_bounds else 0  # a summary has none
                assert len(point.bucket_counts) == classes
                for bound, count in zip([*point.explicit_bounds, float("inf")], point.bucket_counts):
                    below += count
                    out[(metric.name + "_bucket", of, bound)] = below
                out[(metric.name + "_sum", of)], out[(metric.name + "_count", of)] = point.sum, point.count
            else:
                out[(metric.name, of)] = point.as_double
    return out, by_name


def scraped(text):
    out = {}
    for line in text.splitlines():
        if line.startswith("#"):
            continue
        name, of, value = re.fullmatch(r"([a-z0-9_]+)(?:\{(.*)\})? (\S+)", line).groups()
        bound = re.search(r',?le="([^"]*)"', of or "")
        key = (name, re.sub(r',?le="[^"]*"', "", of or ""))
        out[(*key, float(bound[1].replace("+Inf", "inf"))) if bound else key] = float(value)
    return out


def test_pushed_series_are_those_of_prometheus():
    receiver = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Receiver)
    receiver.bodies = []
    threading.Thread(target=receiver.serve_forever, daemon=True).start()
    try:
        with Scene(BUILD, "--seed", 5) as scene:
            scene.emulator.publish(500)
            published = len([e for e in scene.emulator.published() if e["topic"].startswith("/data/")])
            scene.configure()
            text = scene.config.read_text(encoding="utf-8")
            scene.config.write_text(f'[status]\nlisten = "127.0.0.1:0"\notlp_interval = 1\notlp_endpoint = "http://127.0.0.1:{receiver.server_port}"\n' + text, encoding="utf-8")
            runner = scene.run()
            wait_until(lambda: scene.emulator.rows(CDC_TABLE) >= published, 60, "all rows")
            at = wait_until(lambda: re.search(r"status: (http://[^/]+)/", runner.said()), 60, "the status server")[1]

            def at_rest():
                """What was pushed while nothing changed, as scrapes in front of it and behind it show; or nothing."""
                before = scraped(urllib.request.urlopen(at + "/metrics", timeout=30).read().decode())
                seen = len(receiver.bodies)
                wait_until(lambda: len(receiver.bodies) > seen + 1, 30, "a push")
                after = scraped(urllib.request.urlopen(at + "/metrics", timeout=30).read().decode())
                changed = {k for k in before if not MOVING.match(k[0]) and before[k] != after.get(k)}
                return None if changed else (ExportMetricsServiceRequest.FromString(receiver.bodies[-1]), after)

            request, shown = wait_until(at_rest, 60, "a moment at rest")
            assert runner.stop() == 0
    finally:
        receiver.shutdown()
        receiver.server_close()
    resource = {a.key: a.value.string_value for a in request.resource_metrics[0].resource.attributes}
    assert resource["service.name"] == "sfcdc"
    pushed, by_name = series(request)
    assert pushed.keys() == shown.keys()
    fixed = {k for k in shown if not MOVING.match(k[0])}
    assert len(fixed) > 40
    assert {k: pushed[k] for k in fixed} == {k: shown[k] for k in fixed}
    received = by_name["sfcdc_events_received_total"]
    assert received.sum.is_monotonic and received.sum.aggregation_temporality == AGGREGATION_TEMPORALITY_CUMULATIVE
    assert received.sum.data_points[0].as_double == published
    assert received.description
