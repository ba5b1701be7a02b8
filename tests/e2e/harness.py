"""The emulator and the runner as real processes, and the lake as the SQLite file that it is. Standard library only."""
import base64
import json
import os
import pathlib
import signal
import sqlite3
import ssl
import subprocess
import tempfile
import time
import urllib.error
import urllib.request

CDC_TABLE = "main.salesforce.change_events"
ORDER_TABLE = "main.salesforce.order_events"


def wait_until(condition, timeout=60.0, what="it"):
    """Polls until condition() is true and returns its value."""
    end = time.monotonic() + timeout
    while True:
        value = condition()
        if value:
            return value
        if time.monotonic() > end:
            raise AssertionError(f"{what} did not happen within {timeout} s")
        time.sleep(0.05)


class Emulator:
    """sfcdc-emulator in a folder of its own; its ports are in .info, its control interface behind .control()."""

    def __init__(self, build, folder, *options):
        self.lake_path = pathlib.Path(folder) / "lake.db"
        self.log = open(pathlib.Path(folder) / "emulator.log", "w", encoding="utf-8")
        program = pathlib.Path(build) / "emulator" / "sfcdc-emulator"
        self.process = subprocess.Popen(
            [program, "--lake", self.lake_path, *map(str, options)], stdout=subprocess.PIPE, stderr=self.log, text=True
        )
        line = self.process.stdout.readline()
        if not line:
            raise AssertionError(f"the emulator did not start: see {self.log.name}")
        self.info = json.loads(line)
        self.tls = ssl.create_default_context(cafile=self.info["ca_pem"]) if self.info["tls"] else None

    def control(self, path, body=None):
        request = urllib.request.Request(self.info["control_url"] + path)
        if body is not None:
            request.data = json.dumps(body).encode()
            request.add_header("Content-Type", "application/json")
        with urllib.request.urlopen(request, timeout=600, context=self.tls) as answer:
            return answer.read().decode()

    def status(self):
        return json.loads(self.control("/status"))

    def fault(self, op, **details):
        self.control("/fault", {"op": op, **details})

    def publish(self, count, rate=0, **more):
        """`more`: workload, schema_changes, bytes; see docs/emulator.md."""
        self.control("/publish", {"count": count, "rate": rate, **more})

    def token(self):
        """A session of the org, as `sf org display` shows one: access_token, instance_url, org_id, username."""
        return json.loads(self.control("/token", {}))

    def private_key(self, path):
        """Writes the key that the org's app knows, made for this run, for logins by JWT."""
        path = pathlib.Path(path)
        path.touch(mode=0o600)
        path.write_text(self.control("/private_key"), encoding="utf-8")
        return path

    def lines(self, path):
        """JSON lines of the control interface, one by one: there may be more of them than fit into memory."""
        request = urllib.request.Request(self.info["control_url"] + path)
        with urllib.request.urlopen(request, timeout=60, context=self.tls) as answer:
            for line in answer:
                yield json.loads(line)

    def entities(self):
        """The entities whose schemas change (--changing-entities)."""
        return json.loads(self.control("/entities"))

    def records(self, entity):
        """What its events have stated of each record of such an entity."""
        return self.lines("/records?entity=" + entity)

    def history(self, entity, start=0):
        """What each event of such an entity has stated (--keep-history)."""
        return self.lines(f"/history?entity={entity}&from={start}")

    def change_schema(self, entity, change, **details):
        """`change` is add, remove, type or earlier; `details`: field, type."""
        return json.loads(self.control("/schema_change", {"entity": entity, "change": change, **details}))

    def published(self):
        """Everything published so far, in the order of the bus."""
        return [json.loads(line) for line in self.control("/published").splitlines()]

    def query(self, sql, *parameters):
        """Rows of the lake; none while its tables do not exist."""
        with sqlite3.connect(f"file:{self.lake_path}?mode=ro", uri=True, timeout=30) as lake:
            try:
                return lake.execute(sql, parameters).fetchall()
            except sqlite3.OperationalError as e:
                if "no such table" in str(e):
                    return []
                raise

    def rows(self, table):
        found = self.query(f'SELECT count(*) FROM "{table}"')
        return found[0][0] if found else 0

    def replay_ids(self, table=CDC_TABLE):
        return [row[0] for row in self.query(f'SELECT replay_id FROM "{table}"')]

    def stop(self):
        self.process.send_signal(signal.SIGTERM)
        code = self.process.wait(30)
        self.process.stdout.close()
        self.log.close()
        return code


def url(endpoint, tls):
    return ("https://" if tls else "http://") + endpoint


def config_text(info, streams, **overrides):
    """A configuration for the emulator. `streams` is TOML text; overrides replace values of the first two sections."""
    values = {
        "login_url": info["salesforce_url"],
        "sf_client_id": "sfcdc-emulator-client",
        "sf_client_secret": "sfcdc-emulator-secret",
        "pubsub_endpoint": url(info["pubsub_endpoint"], info["tls"]),
        "workspace_url": info["databricks_url"],
        "zerobus_endpoint": url(info["zerobus_endpoint"], info["tls"]),
        "db_client_id": "sfcdc-emulator-principal",
        "db_client_secret": "sfcdc-emulator-principal-secret",
        "ca_file": info["ca_pem"] or "",
        "warehouse_id": "",
    } | overrides
    values["warehouse"] = f'\nwarehouse_id = "{values["warehouse_id"]}"' if values["warehouse_id"] else ""
    return """[salesforce]
login_url = "{login_url}"
client_id = "{sf_client_id}"
client_secret = "{sf_client_secret}"
pubsub_endpoint = "{pubsub_endpoint}"
ca_file = "{ca_file}"

[databricks]
workspace_url = "{workspace_url}"{warehouse}
zerobus_endpoint = "{zerobus_endpoint}"
client_id = "{db_client_id}"
client_secret = "{db_client_secret}"
ca_file = "{ca_file}"

""".format(**values) + streams


def zerobus_stream(folder, topic="/data/ChangeEvents", table=CDC_TABLE, more="", name=None):
    """A pipeline; its position is NAME.checkpoint, by default with the topic as its name."""
    name = name or topic.strip("/").replace("/", "_")
    return f"""[[pipeline]]
topic = "{topic}"
sink = "zerobus"
table = "{table}"
checkpoint = "{folder}/{name}.checkpoint"
{more}
"""


class Runner:
    """One run of `sfcdc run`."""

    def __init__(self, build, config, log, *options, env=None, stdin=subprocess.DEVNULL):
        self.log_path = pathlib.Path(log)
        self.log = open(log, "a", encoding="utf-8")
        self.output = tempfile.TemporaryFile("w+", encoding="utf-8")  # a pipe that nobody reads would block the runner
        self.process = subprocess.Popen(
            [pathlib.Path(build) / "runner" / "sfcdc", "run", "--config", config, *options],
            stdin=stdin, stdout=self.output, stderr=self.log, text=True, env=env,
        )

    def kill(self):
        self.process.kill()
        return self._ended()

    def stop(self, timeout=60):
        self.process.send_signal(signal.SIGTERM)
        return self.wait(timeout)

    def wait(self, timeout=60):
        self.process.wait(timeout)
        return self._ended()

    def _ended(self):
        self.process.wait()
        self.output.seek(0)
        self.printed = self.output.read()
        self.output.close()
        self.log.close()
        return self.process.returncode

    def said(self):
        return self.log_path.read_text(encoding="utf-8")


class Scene:
    """A temporary folder with an emulator, and runs of the runner on one configuration in it."""

    def __init__(self, build, *emulator_options):
        self.build = build
        self.directory = tempfile.TemporaryDirectory(prefix="sfcdc-e2e-")
        self.folder = pathlib.Path(self.directory.name)
        self.emulator = Emulator(build, self.folder, *emulator_options)
        self.config = self.folder / "sfcdc.toml"
        self.log = self.folder / "runner.log"
        self.runners = []

    def configure(self, streams=None, **overrides):
        self.config.write_text(config_text(self.emulator.info, streams or zerobus_stream(self.folder), **overrides), encoding="utf-8")

    def run(self, *options, env=None, stdin=subprocess.DEVNULL):
        self.runners.append(Runner(self.build, self.config, self.log, *options, env=env, stdin=stdin))
        return self.runners[-1]

    def sql(self, statement):
        """Runs a statement on the emulated warehouse, and returns the rows of its result."""
        info = self.emulator.info
        def ask(path, body, authorization, kind):
            request = urllib.request.Request(info["databricks_url"] + path, data=body, headers={"Authorization": authorization, "Content-Type": kind})
            with urllib.request.urlopen(request, timeout=60, context=self.emulator.tls) as answer:
                return json.loads(answer.read())
        basic = "Basic " + base64.b64encode(b"sfcdc-emulator-principal:sfcdc-emulator-principal-secret").decode()
        token = ask("/oidc/v1/token", b"grant_type=client_credentials&scope=all-apis", basic, "application/x-www-form-urlencoded")["access_token"]
        body = {"statement": statement, "warehouse_id": info["warehouse_id"], "wait_timeout": "50s"}
        answer = ask("/api/2.0/sql/statements", json.dumps(body).encode(), "Bearer " + token, "application/json")
        if answer["status"]["state"] != "SUCCEEDED":
            raise AssertionError(f"{statement}: {answer['status']}")
        return answer["result"].get("data_array", [])

    def position(self, topic="/data/ChangeEvents"):
        """The stored replay id, or None."""
        file = self.folder / (topic.strip("/").replace("/", "_") + ".checkpoint")
        return json.loads(file.read_text())["replay_id"] if file.exists() else None

    def letters(self, topic="/data/ChangeEvents"):
        """The dead letters; lines of schemas and marks are left out."""
        file = self.folder / (topic.strip("/").replace("/", "_") + ".checkpoint.dead_letters.ndjson")
        lines = [json.loads(line) for line in file.read_text(encoding="utf-8").splitlines()] if file.exists() else []
        return [line for line in lines if "reason" in line]

    def __enter__(self):
        return self

    def __exit__(self, *_):
        for runner in self.runners:
            if runner.process.poll() is None:
                runner.kill()
        self.emulator.stop()
        self.directory.cleanup()


def decode(build, *options, stdin=b""):
    """sfcdc decode: (exit code, standard output, standard error)."""
    done = subprocess.run([pathlib.Path(build) / "runner" / "sfcdc", "decode", *map(str, options)], input=stdin, capture_output=True, check=False)
    return done.returncode, done.stdout.decode(), done.stderr.decode()
