"""What peers, files and the configuration say: it is data, bounded and checked, and no secret comes out in a log.

usage: test_words.py BUILD_FOLDER [unittest arguments]
"""
import contextlib
import os
import pathlib
import re
import resource
import sys
import time
import unittest
import urllib.parse

from harness import CDC_TABLE, Runner, Scene, config_text, wait_until, zerobus_stream
from peers import ORG, TOKEN, Peer, Place, Refusing, lines_stream, passed_on, reached_at, sqlite_stream, stop_all

BUILD = None
SECRETS = ("sfcdc-emulator-secret", "sfcdc-emulator-principal-secret")
# With what encodings change, and without a piece that occurs twice.
SECRET = "S3cr+et/wiTh=oDd&chArs \u00fc%qZ"


def encodings(secret):
    """How a secret may be spelt in a text."""
    return {"as it is": secret, "percent-encoded": urllib.parse.quote(secret, safe=""),
            "percent-encoded in small letters": re.sub("%..", lambda m: m[0].lower(), urllib.parse.quote(secret, safe="")),
            "as a form": urllib.parse.quote_plus(secret)}


class WordsTest(unittest.TestCase):
    def assert_bounded_lines(self, said, begins=r"\d{4}-\d\d-\d\dT[\d:.]+Z |sfcdc: "):
        """Each line of a log begins as one, is short, and holds no control character and no end of a line."""
        for line in said.rstrip("\n").split("\n"):
            self.assertRegex(line, rf"\A({begins})", "a text from outside has made a line of its own")
            self.assertLess(len(line.encode()), 2200)
            self.assertNotRegex(line, "[\x00-\x1f\x7f-\x9f\u2028-\u202e\u2066-\u2069]")

    def assert_no_secret(self, said, secret=SECRET):
        for way, text in encodings(secret).items():
            self.assertNotIn(text, said, f"the secret, {way}")
            for at in range(len(text) - 7):  # a part of it
                self.assertNotIn(text[at:at + 8], said, f"a part of the secret, {way}")


class Delays(WordsTest):
    VALUES = ("99999999999", "9223372036854775807", "18446744073709551616", "86400", "601", "-1", "0", "1e9", "soon", "",
              "Fri, 31 Dec 9999 23:59:59 GMT", "Thu, 01 Jan 1970 00:00:00 GMT")

    def test_what_a_login_names_is_clamped_and_said(self):
        with Place(BUILD) as place, contextlib.ExitStack() as peers:
            runs = []
            for status in (429, 503):
                for value in self.VALUES:
                    peer = peers.enter_context(Peer(lambda _, s=status, v=value: (s, {"error": "busy"}, {"Retry-After": v})))
                    folder = place.make()
                    runs.append((f"{status} {value}", peer, place.run(config_text(reached_at(peer.url), lines_stream(folder)), folder=folder)))
            time.sleep(3)
            for name, peer, runner in runs:
                with self.subTest(name):
                    wait_until(lambda r=runner: "next try in" in r.said(), 10, "the first wait")
                    self.assertLessEqual(len(peer.seen), 6, "it spins")
                    waits = [int(ms) for ms in re.findall(r"next try in (-?\d+) ms", runner.said())]
                    self.assertTrue(all(0 < ms <= 600_000 for ms in waits), waits)
                    if name.endswith((" 86400", "9999 23:59:59 GMT", " 601")):
                        self.assertEqual(waits, [600_000])
            self.assertEqual(set(stop_all([r for _, _, r in runs], 20)), {0})

    def test_what_userinfo_names_is_clamped(self):
        def answer(request):
            return peer.token() if request.path.endswith("/token") else (503, "", {"Retry-After": "99999999999"})
        with Place(BUILD) as place, Peer(answer) as peer:
            folder = place.make()
            runner = place.run(config_text(reached_at(peer.url), lines_stream(folder)), folder=folder)
            wait_until(lambda: "next try in 600000 ms" in runner.said(), 10, "the wait")
            time.sleep(1)
            self.assertEqual(peer.asked("/userinfo"), 1)
            self.assertEqual(runner.stop(10), 0)

    def test_what_the_token_endpoint_of_databricks_names_is_clamped_and_said(self):
        """docs/running.md: each wait is logged. That is before it, for an operator who wonders why nothing comes."""
        with Scene(BUILD, "--seed", 1) as scene, Peer(lambda _: (429, {}, {"Retry-After": "99999999999"})) as peer:
            scene.configure(workspace_url=peer.url)
            runner = scene.run()
            wait_until(lambda: peer.seen, 10, "a request for a token")
            time.sleep(2)
            self.assertEqual(len(peer.seen), 1)
            said = scene.log.read_text()
            self.assertEqual(runner.stop(10), 0)
            self.assertRegex(said, r"no token.*HTTP 429")
            self.assertIn(" in 600000 ms", said)


class Refusals(WordsTest):
    """What a login says about why it refuses goes into the log, but only that."""

    def refused(self, answers, status=400, **overrides):
        """The log of a run for each answer, at --log-level trace."""
        with Place(BUILD) as place, contextlib.ExitStack() as peers:
            runs = []
            for answer in answers:
                peer = peers.enter_context(Peer(lambda _, a=answer: (status, a)))
                folder = place.make()
                text = config_text(reached_at(peer.url), lines_stream(folder), **{"sf_client_secret": SECRET, "sf_client_id": "the-client"} | overrides)
                runs.append(place.run(text, "--log-level", "trace", folder=folder))
            for run in runs:
                self.assertEqual(run.wait(30), 3, run.said()[:1000])
            return [run.said() for run in runs]

    def test_a_description_is_in_the_log(self):
        said, = self.refused([{"error": "invalid_grant", "error_description": "no client credentials user enabled"}])
        self.assertIn("HTTP 400 invalid_grant (no client credentials user enabled)", said)
        self.assertIn("[salesforce] client_id, client_secret", said)

    def echoed(self, way):
        text = encodings(SECRET)[way]
        answers = [{"error": "invalid_client", "error_description": d} for d in (
            text, f"grant_type=client_credentials&client_id=the-client&client_secret={text}", f"the secret {text}, of the-client, is wrong",
            "x" * 1990 + text, "x" * 1998 + text)]
        answers += [{"error": e} for e in (text, f"unknown client {text}", "x" * 1950 + text)]
        for status in (400, 401):
            for said in self.refused(answers, status):
                self.assert_no_secret(said)
                self.assert_bounded_lines(said)

    def test_one_that_echoes_the_secret(self):
        self.echoed("as it is")

    def test_one_that_echoes_the_form(self):
        self.echoed("percent-encoded")

    def test_one_that_echoes_the_form_in_small_letters(self):
        self.echoed("percent-encoded in small letters")

    def test_one_that_echoes_the_form_with_plus_signs(self):
        self.echoed("as a form")

    def test_one_of_many_lines_and_control_characters(self):
        odd = ("one\ntwo", "one\r\n2026-01-01T00:00:00.000Z info forged", "\x1b[31mred\x1b[0m", "bell\x07 nul\x00 del\x7f", "c1 \x85 \x9b31m",
               "lines\u2028and\u2029paragraphs", "turned \u202e\u2066 round", "\u00fcmlaut")
        for said, text in zip(self.refused([{"error": text, "error_description": text} for text in odd]), odd):
            with self.subTest(text=text):
                self.assertIn("Salesforce refused the login", said)
                self.assert_bounded_lines(said)
                self.assertNotRegex(said, r"(?m)^2026-01-01T")

    def test_one_of_a_million_bytes(self):
        text = "0123456789" * 100_000
        for said in self.refused([{"error": "e", "error_description": text}, {"error": text}, {"error": "e", "error_description": "\u2028" * 150_000}]):
            self.assert_bounded_lines(said)
            self.assertLess(len(said), 10_000)

    def test_an_answer_that_is_longer_than_a_megabyte_is_waited_out(self):
        with Place(BUILD) as place, Peer(lambda _: (400, {"error": "e" * 1_100_000})) as peer:
            folder = place.make()
            runner = place.run(config_text(reached_at(peer.url), lines_stream(folder)), folder=folder)
            wait_until(lambda: "next try in" in runner.said(), 10, "the wait")
            self.assertEqual(runner.stop(10), 0)
            self.assert_bounded_lines(runner.said())

    def test_of_grpc(self):
        """A status of gRPC has a text, too: of GetTopic, which has the token, and of a stream of rows."""
        odd = "one\ntwo \x1b[31m \u2028\u202e " + TOKEN + " " + "x" * 3000
        with Place(BUILD) as place, Peer() as org, Refusing(7, odd, error_code="sfdc.platform.x\u00fc") as refusing:
            folder = place.make()
            runner = place.run(config_text(reached_at(org.url, refusing.endpoint), lines_stream(folder)), "--log-level", "trace", folder=folder)
            self.assertEqual(runner.wait(20), 3, runner.said()[:1000])
            self.assertIn("does not give the topic", runner.said())
            self.assert_bounded_lines(runner.said())
            self.assert_no_secret(runner.said(), TOKEN.partition("!")[2])  # what is in front of it is the org id
        with Scene(BUILD, "--seed", 2) as scene, Refusing(5, odd) as refusing:
            scene.configure(zerobus_endpoint="http://" + refusing.endpoint)
            runner = scene.run("--log-level", "trace")
            self.assertEqual(runner.wait(20), 3, runner.said()[:1000])
            self.assertIn("Databricks has no table", runner.said())
            self.assert_bounded_lines(runner.said())


class Answers(WordsTest):
    """What a login gives is checked before it becomes a header, a URL or a line."""

    def unusable(self, cases, sentence, code=3):
        """A run with each answer ends with the sentence, and the token was sent nowhere but to the login's own userinfo."""
        with Place(BUILD) as place, contextlib.ExitStack() as peers:
            runs = []
            for name, answer in cases.items():
                peer = peers.enter_context(Peer())
                peer.answer = lambda request, p=peer, a=answer: a(p, request)
                folder = place.make()
                runs.append((name, peer, place.run(config_text(reached_at(peer.url), lines_stream(folder)), "--log-level", "trace", folder=folder)))
            for name, peer, runner in runs:
                with self.subTest(name):
                    self.assertEqual(runner.wait(30), code, runner.said()[:1000])
                    self.assertIn(sentence, runner.said())
                    self.assertNotIn(TOKEN, runner.said())
                    self.assert_bounded_lines(runner.said())
            return {name: peer for name, peer, _ in runs}

    def test_the_token_goes_to_no_foreign_host(self):
        with Peer(host="127.0.0.2") as foreign, Peer() as other:
            port = foreign.server.server_port
            urls = {"another host": foreign.url, "another host and a path": foreign.url + "/",
                    "a host that begins like it": f"http://127.0.0.1.example:{port}", "no port that is a number": f"http://127.0.0.1:x@127.0.0.2:{port}",
                    "a user": f"http://user@127.0.0.2:{port}", "user and password": f"http://user:hunter2-hunter2@127.0.0.2:{port}",
                    "the own host as user": f"http://127.0.0.1@127.0.0.2:{port}", "the own host, a backslash": f"http://127.0.0.1\\@127.0.0.2:{port}",
                    "the own host, a hash": f"http://127.0.0.2:{port}#127.0.0.1", "a query": f"http://127.0.0.2:{port}?127.0.0.1",
                    "https elsewhere": f"https://127.0.0.2:{port}", "an umlaut": f"http://127.0.0.\u00fc:{port}",
                    "a host with an umlaut": "https://m\u00fcnchen.my.salesforce.com", "of Salesforce, but no login of it": "https://acme.my.salesforce.com",
                    "no scheme": f"127.0.0.2:{port}", "another scheme": f"ftp://127.0.0.2:{port}", "a file": "file:///etc/passwd",
                    "empty": "", "a number": 7, "a line break": f"http://127.0.0.2:{port}\r\nX: y", "spaces": f" http://127.0.0.2:{port} "}
            self.unusable({name: lambda p, r, u=u: p.token(instance_url=u) if r.path.endswith("/token") else p.userinfo() for name, u in urls.items()},
                          "gave an answer that cannot be used: it")
            self.assertEqual([r.whole() for r in foreign.seen + other.seen], [])

    def test_a_path_behind_the_own_host(self):
        urls = ("/\u00fc", "/x", "?q", "#f", "/\r\nX: y")
        peers = self.unusable({u: lambda p, r, u=u: p.token(instance_url=p.url + u) for u in urls}, "gave an answer that cannot be used: it")
        for peer in peers.values():
            self.assertEqual([r.path for r in peer.seen], ["/services/oauth2/token"])

    def test_a_token_that_no_header_can_carry(self):
        tokens = ("a\nb", "a\r\nX: y", "a b", "tab\t", "nul\0", "del\x7f", "\u00fcmlaut", "", 7, None, ["x"])
        self.unusable({repr(t): lambda p, r, t=t: p.token(access_token=t) for t in tokens}, "gave an answer that cannot be used: it")

    def test_an_org_id_that_is_none(self):
        ids = ("00D\nx", "00D00000000001\u00fcAAA", "00D000000000001", "", " " + ORG, ORG + "\r\nx: y", "005000000000001AAA", "x" * 1_000_000, 7, None)
        self.unusable({repr(i)[:40]: lambda p, r, i=i: p.token(id="") if r.path.endswith("/token") else p.userinfo(organization_id=i) for i in ids},
                      "did not say which org this is")

    def test_two_org_ids(self):
        self.unusable({"two": lambda p, r: p.token() if r.path.endswith("/token") else p.userinfo(organization_id="00D000000000002AAA")},
                      "names two orgs for one login")

    def test_a_redirection_is_not_followed(self):
        """The form has the secret in it. A page that leads elsewhere is no answer, and is waited out."""
        with Place(BUILD) as place, Peer() as elsewhere, contextlib.ExitStack() as peers:
            runs = []
            for status in (301, 302, 303, 307, 308):
                for where in ("/token", "/userinfo"):
                    peer = peers.enter_context(Peer())
                    peer.answer = lambda r, p=peer, s=status, w=where: (s, "<html>", {"Location": elsewhere.url + r.path}) if r.path.endswith(w) else p.token()
                    folder = place.make()
                    runs.append((f"{status} {where}", peer, place.run(config_text(reached_at(peer.url), lines_stream(folder)), folder=folder)))
            for name, peer, runner in runs:
                wait_until(lambda p=peer, n=name: p.asked(n.split()[1]), 10, "a request")
            time.sleep(0.5)
            self.assertEqual([r.whole() for r in elsewhere.seen], [])
            for name, peer, runner in runs:
                if name.endswith("/token"):
                    with self.subTest(name):
                        self.assertIsNone(runner.process.poll(), runner.said())
                        self.assertEqual(runner.stop(10), 0)


class Pages(WordsTest):
    """A page of HTML in place of an answer: a proxy's, a maintenance's. It says nothing of the credentials, and is waited out."""

    def answers_later(self, path, statuses, turns):
        """Logins of which this part gives pages at first, side by side."""
        with Place(BUILD) as place, contextlib.ExitStack() as peers:
            runs = []
            for status in statuses:
                peer, left = peers.enter_context(Peer()), [turns]
                def answer(request, peer=peer, left=left, status=status):
                    if request.path.endswith(path) and left[0] > 0:
                        left[0] -= 1
                        return status, "<!DOCTYPE html><html><body>Down for maintenance</body></html>", {"Content-Type": "text/html"}
                    return peer.salesforce(request)
                peer.answer = answer
                folder = place.make()
                runs.append((status, place.run(config_text(reached_at(peer.url), lines_stream(folder)), folder=folder)))
            for status, runner in runs:
                with self.subTest(status=status):
                    wait_until(lambda r=runner: "logged in to" in r.said() or r.process.poll() is not None, 15, "the login")
                    self.assertIsNone(runner.process.poll(), runner.said())
                    before = runner.said().split("logged in to")[0]
                    self.assertEqual(before.count("next try in"), turns, before)
                    self.assertNotIn("<html", runner.said())
                    self.assertEqual(runner.stop(10), 0)

    def test_of_the_login(self):
        self.answers_later("/token", (200, 302, 403, 404, 503), 2)

    def test_of_userinfo(self):
        self.answers_later("/userinfo", (200, 302, 404, 503), 1)

    def test_of_databricks(self):
        for status in (200, 404):
            with self.subTest(status=status), Scene(BUILD, "--seed", 3) as scene, Peer() as peer:
                pass_on, left = passed_on(scene.emulator.info["databricks_url"]), [2]
                def answer(request):
                    left[0] -= 1
                    return (status, "<html>Sign in</html>") if left[0] >= 0 else pass_on(request)
                peer.answer = answer
                scene.configure(workspace_url=peer.url)
                scene.emulator.publish(50)
                runner = scene.run()
                wait_until(lambda: scene.emulator.rows(CDC_TABLE) > 0 or runner.process.poll() is not None, 20, "rows")
                self.assertIsNone(runner.process.poll(), runner.said())
                self.assertEqual(runner.said().count("no answer of an OAuth service"), 2)
                self.assertEqual(runner.stop(), 0)


class Urls(WordsTest):
    """A password in a URL would be sent and logged with it: it is refused, and the refusal does not show it."""

    def test_user_information_is_refused(self):
        bad = ("https://user:hunter2-hunter2@acme.my.salesforce.com", "https://hunter2-hunter2@acme.my.salesforce.com", "https://:hunter2-hunter2@acme.example",
               "https://user:hunter2%2dhunter2@acme.example", "http://user:hunter2-hunter2@127.0.0.1:9", "https://user:hunter2-hunter2@acme.example/x?y#z",
               "https://acme.example\\@user:hunter2-hunter2@b.example", "user:hunter2-hunter2@acme.example:443", "https://user:hunter2\u00fc-hunter2@acme.example",
               "https://user:hunter2-hunter2@", "https://acme.example/?password=hunter2-hunter2", "https://acme.example/#hunter2-hunter2")
        keys = {"login_url": "[salesforce] login_url", "pubsub_endpoint": "[salesforce] pubsub_endpoint",
                "workspace_url": "[databricks] workspace_url", "zerobus_endpoint": "[databricks] zerobus_endpoint"}
        with Place(BUILD) as place:
            runs = []
            for key, label in keys.items():
                for value in bad:
                    folder = place.make()
                    text = config_text(reached_at("http://127.0.0.1:9"), zerobus_stream(folder), **{key: value.replace("\\", "\\\\")})
                    runs.append((value, label, place.run(text, "--log-level", "trace", folder=folder)))
            for value, label, runner in runs:
                with self.subTest(value=value, key=label):
                    self.assertEqual(runner.wait(20), 2, runner.said())
                    self.assertRegex(runner.said(), rf"sfcdc.toml:\d+:\d+: {re.escape(label)}: ")
                    self.assertNotIn("hunter2", runner.said())


class Files(WordsTest):
    """Files that the configuration names, and the configuration: the mistake is said with the key and the line, and ends with 2."""

    def test_a_file_with_a_secret(self):
        with Place(BUILD) as place:
            folder = place.make()
            os.mkfifo(folder / "pipe")
            cases = {"folder": (folder, "it is a folder"), "missing": (folder / "none", "No such file"), "/dev/zero": ("/dev/zero", "it is no regular file"),
                     "/dev/null": ("/dev/null", "it is no regular file"), "pipe": (folder / "pipe", "it is no regular file"),
                     "/proc/self/mem": ("/proc/self/mem", "cannot read the file /proc/self/mem: ")}
            for name, content, reason in (
                    ("bom", b"\xef\xbb\xbfsecret-secret\n", "byte order mark"), ("nul", b"secret\0secret\n", "a NUL"), ("utf16", "secret".encode("utf-16-le"), "a NUL"),
                    ("cr", b"secret-secret\r\n", "a CR"), ("two lines", b"secret\nsecret\n", "a line break"), ("two ends", b"secret-secret\n\n", "a line break"),
                    ("escape", b"secret\x1b[0m", "control character 27"), ("long", b"s" * 65_537, "longer than 65536 bytes"), ("huge", b"s" * 50_000_000, "longer than 65536")):
                (folder / name).write_bytes(content)
                cases[name] = (folder / name, reason)
            for key, label in (("sf_client_secret", "[salesforce] client_secret"), ("db_client_secret", "[databricks] client_secret")):
                for name, (path, reason) in cases.items():
                    with self.subTest(name, key=key):
                        runner = place.run(config_text(reached_at("http://127.0.0.1:9"), zerobus_stream(folder), **{key: "${file:%s}" % path}), folder=place.make())
                        self.assertEqual(runner.wait(20), 2)
                        self.assertRegex(runner.said(), rf"sfcdc.toml:\d+:\d+: {re.escape(label)}: .*{re.escape(str(path))}")
                        self.assertIn(reason, runner.said())
                        self.assertNotRegex(runner.said(), "secret-secret|s{20}")

    def test_the_longest_file_with_a_secret_and_an_end_of_a_line(self):
        with Place(BUILD) as place, Peer(lambda _: (400, {"error": "invalid_client"})) as peer:
            folder = place.make()
            (folder / "secret").write_bytes(b"s" * 65_535 + b"\n")
            runner = place.run(config_text(reached_at(peer.url), lines_stream(folder), sf_client_secret="${file:%s}" % (folder / "secret")), folder=folder)
            self.assertEqual(runner.wait(20), 3)
            self.assertTrue(peer.seen[0].body.endswith("client_secret=" + "s" * 65_535))

    def test_a_secret_from_the_environment(self):
        with Place(BUILD) as place:
            for value, reason in (("secret-secret\r", "a CR"), ("\ufeffsecret-secret", "byte order mark"), ("secret\nsecret-secret", "a line break")):
                folder = place.make()
                runner = place.run(config_text(reached_at("http://127.0.0.1:9"), lines_stream(folder), sf_client_secret="${THE_SECRET}"), folder=folder,
                                   env={**os.environ, "THE_SECRET": value})
                self.assertEqual(runner.wait(20), 2)
                self.assertRegex(runner.said(), rf":\d+: \[salesforce\] client_secret: .*THE_SECRET has (a )?{reason}")
                self.assertNotIn("secret-secret", runner.said())

    def test_certificates(self):
        with Place(BUILD) as place:
            folder = place.make()
            (folder / "no.pem").write_text("no certificate")
            (folder / "der").write_bytes(bytes(range(256)) * 8)
            (folder / "empty").write_bytes(b"")
            os.mkfifo(folder / "pipe")
            for path, reason in ((folder / "none", "No such file"), (folder, "it is a folder"), ("/dev/zero", "it is no regular file"), (folder / "pipe", "it is no regular file"),
                                 (folder / "no.pem", "no certificate in PEM form"), (folder / "der", "no certificate in PEM form"), (folder / "empty", "no certificate in PEM form")):
                with self.subTest(path=path):
                    runner = place.run(config_text(reached_at("https://127.0.0.1:9"), zerobus_stream(folder), ca_file=path), folder=place.make())
                    self.assertEqual(runner.wait(20), 2)
                    for section in ("salesforce", "databricks"):
                        self.assertRegex(runner.said(), rf"sfcdc.toml:\d+:\d+: \[{section}\] ca_file: {re.escape(str(path))}: .*{reason}")


class Configuration(WordsTest):
    GOOD = '[salesforce]\nlogin_url = "http://127.0.0.1:9"\nclient_id = "a"\nclient_secret = "b"\n'

    def refused(self, place, name, text, options=()):
        folder = place.make()
        with self.subTest(name):
            runner = place.run(text, *options, folder=folder)
            self.assertEqual(runner.wait(60), 2, runner.said()[:500])
            self.assertRegex(runner.said(), r"\Asfcdc: ")
            self.assert_bounded_lines(runner.said(), rf"(sfcdc: )?{re.escape(str(folder))}/sfcdc\.toml[:\d]*: ")  # a line for each mistake
            return runner.said()

    def test_what_is_no_file_of_a_configuration(self):
        with Place(BUILD) as place:
            for path, reason in ((place.folder, "it is a folder"), ("/dev/zero", "it is longer than"), (place.folder / "none", "No such file|no such file"), ("/proc/self/mem", "cannot be read")):
                with self.subTest(path=path):
                    runner = Runner(BUILD, path, place.folder / f"log{len(place.runners)}")
                    place.runners.append(runner)
                    self.assertEqual(runner.wait(20), 2)
                    self.assertRegex(runner.said(), rf"{re.escape(str(path))}: .*({reason})")
            self.assertIn("longer than", self.refused(place, "2 MiB", self.GOOD + "# " + "x" * (2 << 20) + "\n"))
            self.assertIn("longer than", self.refused(place, "2 MiB of lines", self.GOOD * 40_000))
            for name, text in (("NULs", b"\0" * 1000), ("noise", bytes(range(256)) * 100), ("a broken UTF-8", b'[salesforce]\nlogin_url = "\xff\xfe"\n'),
                               ("UTF-16", self.GOOD.encode("utf-16")), ("nothing", b""), ("a very long line", b"a" * 1_000_000), ("a long value", self.GOOD.encode() + b'x = "' + b"y" * 900_000 + b'"\n')):
                self.refused(place, name, text)

    def test_nesting_is_bounded(self):
        """Each of these is a table in a table in a table: the library makes and destroys them by recursion."""
        n = 200_000
        cases = {
            "arrays": "x = " + "[" * n + "]" * n,
            "arrays on lines of their own": "x = " + "[\n" * n + "]\n" * n,
            "arrays that do not end": "x = " + "[" * n,
            "inline tables": "x = " + "{a = " * n + "1" + "}" * n,
            "arrays and inline tables": "x = " + "[{a = " * (n // 2) + "1" + "}]" * (n // 2),
            "a dotted key": "a." * n + "a = 1",
            "a dotted key of quoted words": '"a".' * n + "a = 1",
            "a dotted key with spaces": "a . " * n + "a = 1",
            "a dotted key behind a quote that is escaped": '"\\"".' + "a." * n + "a = 1",
            "a dotted key behind an apostrophe in a quoted word": '"\'".' + "a." * n + "a = 1",
            "a dotted key behind a text of many lines": 'x = {t = """\n\'""", ' + "a." * n + "a = 1}",
            "a header": "[" + "a." * n + "a]",
            "a header of an array": "[[" + "a." * n + "a]]",
            "a header behind a quote that is escaped": '["\\"".' + "a." * n + "a]",
            "dotted keys in inline tables": "x = " + "".join("[\n{" + "a." * 99 + "a = " for _ in range(120)) + "1" + "}]" * 120,
            "dotted keys in more inline tables": "x = " + "".join("[\n{" + "a." * 99 + "a = " for _ in range(4_000)) + "1" + "}]" * 4_000,
        }
        with Place(BUILD) as place:
            for name, text in cases.items():
                self.refused(place, name, self.GOOD + text + "\n")

    def test_it_is_said_in_lines_of_a_log(self):
        """Words of the file come back in messages: control characters and long words, too."""
        with Place(BUILD) as place:
            stream = sqlite_stream(place.folder)
            for name, text in (("a key", '"a\\u001b[31m\\nb" = 1\n' + self.GOOD), ("a key of 100,000 characters", "x" * 100_000 + " = 1\n" + self.GOOD),
                               ("a choice", self.GOOD + stream + 'layout = "\\u001b[31m"\n'), ("a long choice", self.GOOD + stream + 'layout = "' + "x" * 100_000 + '"\n'),
                               ("a column", self.GOOD + stream + 'columns = ["\\u0000\\u0085\\u202e"]\n')):
                self.refused(place, name, text)


class Secrets(WordsTest):
    def test_not_by_what_the_libraries_log(self):
        """gRPC logs headers when its own variables ask for it; the lines are ours."""
        with Scene(BUILD, "--seed", 4) as scene:
            scene.configure()
            scene.emulator.publish(50)
            runner = scene.run("--log-level", "trace", env={**os.environ, "GRPC_VERBOSITY": "DEBUG", "GRPC_TRACE": "api,call_error,channel,client_channel,connectivity_state,http,http2_stream_state"})
            wait_until(lambda: scene.emulator.rows(CDC_TABLE) > 0, 30, "rows")
            self.assertEqual(runner.stop(), 0)
            said = scene.log.read_text(errors="replace")
            self.assertIn("accesstoken", said, "the test sees no headers")
            for secret in SECRETS:
                self.assertNotIn(secret, said)
            self.assertNotRegex(said, r"Bearer [^*]|accesstoken: [^*]|00D\w{12}!")

    def test_no_dump_of_the_memory(self):
        allowed = resource.getrlimit(resource.RLIMIT_CORE)[1]
        if allowed == 0:
            self.skipTest("core dumps are off for the tests, too")
        with Place(BUILD) as place, Peer(lambda _: None) as peer:
            folder = place.make()
            before = resource.getrlimit(resource.RLIMIT_CORE)
            try:
                resource.setrlimit(resource.RLIMIT_CORE, (allowed, allowed))
                runner = place.run(config_text(reached_at(peer.url), lines_stream(folder)), folder=folder)
            finally:
                resource.setrlimit(resource.RLIMIT_CORE, before)
            wait_until(lambda: peer.seen, 10, "the login")
            limits = pathlib.Path(f"/proc/{runner.process.pid}/limits").read_text()
            self.assertRegex(limits, r"Max core file size +0 +0 ")
            self.assertEqual(runner.stop(10), 0)


if __name__ == "__main__":
    BUILD = pathlib.Path(sys.argv.pop(1)).resolve()
    unittest.main(verbosity=1)
