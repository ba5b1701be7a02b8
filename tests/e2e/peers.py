"""Peers that misbehave, as tiny servers on loopback, and a folder in which runners meet them. Standard library only."""
import contextlib
import http.server
import json
import pathlib
import signal
import socket
import struct
import subprocess
import tempfile
import threading
import urllib.error
import urllib.request

from harness import Runner

ORG = "00D000000000001AAA"
TOKEN = "00D000000000001!AQEAQTokenOfTheFakeOrg"


class Request:
    """What a client has asked for. Header names are in small letters."""

    def __init__(self, method, path, headers, body):
        self.method, self.path, self.headers, self.body = method, path, headers, body

    def whole(self):
        """All of it as one text, to be searched for what must not have been sent."""
        return "\n".join([self.method + " " + self.path, *(f"{k}: {v}" for k, v in self.headers.items()), self.body])


class Peer:
    """An HTTP server on a port of its own. For each request, in a thread of its own, answer(request) returns (status, body) or (status,
    body, headers); a body that is no text is sent as JSON. None is an answer that never comes. .seen has the requests so far."""

    def __init__(self, answer=None, host="127.0.0.1"):
        self.answer = answer or self.salesforce
        self.seen = []
        self.ended = threading.Event()
        peer = self

        class Handler(http.server.BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_POST(self):
                body = self.rfile.read(int(self.headers.get("Content-Length") or 0)).decode("utf-8", "replace")
                request = Request(self.command, self.path, {k.lower(): v for k, v in self.headers.items()}, body)
                peer.seen.append(request)
                with contextlib.suppress(OSError):
                    self.give(peer.answer(request))

            do_GET = do_POST

            def give(self, answer):
                if answer is None:
                    peer.ended.wait()
                    self.close_connection = True
                    return
                status, content, headers = (*answer, {})[:3]
                data = content.encode() if isinstance(content, str) else json.dumps(content).encode()
                self.send_response(status)
                for name, value in headers.items():
                    self.send_header(name, value)
                self.send_header("Content-Length", str(len(data)))
                self.end_headers()
                self.wfile.write(data)

            def log_message(self, *_):
                pass

        class Server(http.server.ThreadingHTTPServer):
            daemon_threads = True
            request_queue_size = 64

            def handle_error(self, *_):
                pass

        self.server = Server((host, 0), Handler)
        self.url = f"http://{host}:{self.server.server_port}"
        threading.Thread(target=self.server.serve_forever, args=(0.05,), daemon=True).start()

    def salesforce(self, request):
        """Answers as the login of an org does."""
        return self.token(request) if request.path.endswith("/token") else self.userinfo(request)

    def token(self, _=None, **changed):
        return 200, {"access_token": TOKEN, "instance_url": self.url, "id": f"{self.url}/id/{ORG}/005000000000001AAA",
                     "token_type": "Bearer"} | changed

    def userinfo(self, _=None, **changed):
        return 200, {"organization_id": ORG} | changed

    def asked(self, end):
        """How many requests had a path with this end."""
        return sum(request.path.endswith(end) for request in self.seen)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.ended.set()
        self.server.shutdown()
        self.server.server_close()


def passed_on(to):
    """An answer of a peer that passes the request on to another server, and returns what that says."""
    def answer(request):
        on = urllib.request.Request(to + request.path, data=request.body.encode() if request.method == "POST" else None)
        for name in ("authorization", "content-type"):
            if name in request.headers:
                on.add_header(name, request.headers[name])
        try:
            with urllib.request.urlopen(on, timeout=20) as said:
                return said.status, said.read().decode()
        except urllib.error.HTTPError as e:
            return e.code, e.read().decode()
    return answer


class Deaf:
    """A port that takes connections and says nothing. .connections has them."""

    def __init__(self):
        self.listening = socket.create_server(("127.0.0.1", 0))
        self.endpoint = "127.0.0.1:%d" % self.listening.getsockname()[1]
        self.connections = []
        threading.Thread(target=self.take, daemon=True).start()

    def take(self):
        with contextlib.suppress(OSError):
            while True:
                self.connections.append(self.listening.accept()[0])

    def __enter__(self):
        return self

    def __exit__(self, *_):
        with contextlib.suppress(OSError):
            self.listening.shutdown(socket.SHUT_RDWR)
        self.listening.close()
        for connection in self.connections:
            connection.close()


class Refusing:
    """A server of gRPC as far as it takes to end each call at once, with this status, this message and these trailers."""

    def __init__(self, status, message, **trailers):
        self.block = b"\x88" # :status 200, of HPACK's static table
        fields = {"content-type": "application/grpc", "grpc-status": str(status), "grpc-message": self.percent_encoded(message)}
        for name, value in (fields | {k.replace("_", "-"): v for k, v in trailers.items()}).items():
            self.block += b"\0" + self.hpack_text(name) + self.hpack_text(value)
        self.calls = 0
        self.listening = socket.create_server(("127.0.0.1", 0))
        self.endpoint = "127.0.0.1:%d" % self.listening.getsockname()[1]
        threading.Thread(target=self.serve, daemon=True).start()

    @staticmethod
    def percent_encoded(text):
        return "".join(chr(b) if 0x20 <= b <= 0x7e and b != 0x25 else f"%{b:02X}" for b in text.encode())

    @staticmethod
    def hpack_text(text):
        data, length = text.encode(), b""
        if len(data) < 127:
            length = bytes([len(data)])
        else:
            length, rest = b"\x7f", len(data) - 127
            while rest >= 128:
                length, rest = length + bytes([rest & 127 | 128]), rest >> 7
            length += bytes([rest])
        return length + data

    def serve(self):
        with contextlib.suppress(OSError):
            while True:
                threading.Thread(target=self.connection, args=(self.listening.accept()[0],), daemon=True).start()

    def connection(self, peer):
        def frame(kind, flags, stream, content=b""):
            peer.sendall(struct.pack(">I", len(content))[1:] + bytes([kind, flags]) + struct.pack(">I", stream) + content)
        with peer, peer.makefile("rb") as received, contextlib.suppress(OSError):
            received.read(24)  # the preface
            frame(4, 0, 0)
            while head := received.read(9):
                kind, flags, stream = head[3], head[4], struct.unpack(">I", head[5:9])[0]
                content = received.read(int.from_bytes(head[:3], "big"))
                if kind == 4 and not flags & 1:  # SETTINGS
                    frame(4, 1, 0)
                elif kind == 6 and not flags & 1:  # PING
                    frame(6, 1, 0, content)
                elif kind in (1, 9) and flags & 4:  # the end of HEADERS
                    self.calls += 1
                    pieces = [self.block[i:i + 16_384] for i in range(0, len(self.block), 16_384)]
                    for i, piece in enumerate(pieces):  # HEADERS, END_STREAM; then CONTINUATION; the last has END_HEADERS
                        frame(9 if i else 1, (0 if i else 1) | (4 if i == len(pieces) - 1 else 0), stream, piece)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        with contextlib.suppress(OSError):
            self.listening.shutdown(socket.SHUT_RDWR)
        self.listening.close()


def reached_at(salesforce, pubsub="127.0.0.1:9", workspace="http://127.0.0.1:9", zerobus="127.0.0.1:9"):
    """Where the services are, as the emulator prints it. Nothing listens at the defaults."""
    return {"salesforce_url": salesforce, "pubsub_endpoint": pubsub, "databricks_url": workspace, "zerobus_endpoint": zerobus,
            "tls": False, "ca_pem": None}


def lines_stream(folder, topic="/data/ChangeEvents", path=None, checkpoint=None, more=""):
    return (f'[[pipeline]]\ntopic = "{topic}"\nsink = "ndjson"\npath = "{path or f"{folder}/rows.ndjson"}"\n'
            f'checkpoint = "{checkpoint or f"{folder}/position"}"\n{more}\n')


def sqlite_stream(folder, topic="/data/ChangeEvents", path=None, more=""):
    return f'[[pipeline]]\ntopic = "{topic}"\nsink = "sqlite"\npath = "{path or f"{folder}/rows.db"}"\n{more}\n'


def lines_of(path):
    """The lines of a file, each with its line feed; none where there is no file."""
    path = pathlib.Path(path)
    return path.read_bytes().splitlines(keepends=True) if path.exists() else []


def rows_of(path):
    """What the lines of a file say, but for those of schemas. A line that is not whole is an error."""
    found = []
    for number, line in enumerate(lines_of(path), 1):
        if not line.endswith(b"\n"):
            raise AssertionError(f"{path}:{number}: the line has no end: {line[-80:]!r}")
        try:
            found.append(json.loads(line))
            if set(found[-1]) == {"schema_id", "schema_json"}:  # in front of dead letters
                found.pop()
        except ValueError:
            raise AssertionError(f"{path}:{number}: the line is broken: {line[:80]!r} ... {line[-80:]!r}") from None
    return found


class Place:
    """A temporary folder for runners that have no emulator, or not only one; what still runs at the end is killed."""

    def __init__(self, build):
        self.build = pathlib.Path(build)
        self.directory = tempfile.TemporaryDirectory(prefix="sfcdc-e2e-")
        self.folder = pathlib.Path(self.directory.name)
        self.runners = []
        self.started = []
        self.numbers = iter(range(1_000_000))

    def make(self, name=None):
        """A folder in the folder."""
        made = self.folder / (name or f"f{next(self.numbers)}")
        made.mkdir()
        return made

    def run(self, text, *options, folder=None, env=None):
        """`sfcdc run` on a configuration that is this text, or these bytes, with its log in the folder."""
        folder = folder or self.make()
        config = folder / "sfcdc.toml"
        config.write_bytes(text if isinstance(text, bytes) else text.encode())
        self.runners.append(Runner(self.build, config, folder / "log", *options, env=env))
        self.runners[-1].config = config
        return self.runners[-1]

    def open(self, command, **options):
        """Any process."""
        self.started.append(subprocess.Popen(command, **options))
        return self.started[-1]

    def __enter__(self):
        return self

    def __exit__(self, *_):
        for runner in self.runners:
            if runner.process.poll() is None:
                runner.kill()
        for process in self.started:
            if process.poll() is None:
                process.kill()
            process.wait()
        self.directory.cleanup()


def stop_all(runners, timeout=60):
    """SIGTERM to each, side by side; their exit codes."""
    for runner in runners:
        runner.process.send_signal(signal.SIGTERM)
    return [runner.wait(timeout) for runner in runners]
