#!/usr/bin/env python3
"""Each way to log in to Salesforce: a first login, a renewal in mid-stream, and what its refusals say.

usage: test_logins.py BUILD_FOLDER [TEST...]
"""
import base64
import contextlib
import os
import select
import socket
import sqlite3
import sys
import threading
import unittest

from harness import CDC_TABLE, Emulator, Scene, url, wait_until

CLIENT, SECRET = "sfcdc-emulator-client", "sfcdc-emulator-secret"
USER, PASSWORD, SECURITY_TOKEN = "integration@emulator.example", 'p<&>"\'ssword', "sfcdcEmulatorSecurityToken"
SOAP_OPTIONS = ("--password", PASSWORD)


def section(info, name, host_key="login_url", **keys):
    """[salesforce.NAME] for the emulator."""
    keys = {host_key: info["salesforce_url"], "pubsub_endpoint": url(info["pubsub_endpoint"], info["tls"])} | keys
    lines = [f"{key} = '''{value}'''" for key, value in keys.items()]
    return "\n".join([f"[salesforce.{name}]", *lines]) + "\n\n"


def sqlite_pipeline(folder, name):
    return f'[[pipeline]]\nsalesforce = "{name}"\ntopic = "/data/ChangeEvents"\nsink = "sqlite"\npath = "{folder}/{name}.db"\n\n'


def replay_ids(path):
    if not path.exists():
        return []
    with sqlite3.connect(f"file:{path}?mode=ro", uri=True, timeout=30) as database:
        try:
            return [row[0] for row in database.execute("SELECT replay_id FROM events")]
        except sqlite3.OperationalError:  # the table is not there yet
            return []


class Renewals(unittest.TestCase):
    def test_each_grant_goes_on_when_its_session_ends(self):
        with Scene(BUILD, *SOAP_OPTIONS) as scene:
            emulator, info, folder = scene.emulator, scene.emulator.info, scene.folder
            first = emulator.token()
            token_file = folder / "token"
            token_file.write_text(first["access_token"] + "\n")
            text = section(info, "credentials", client_id=CLIENT, client_secret=SECRET)
            text += section(info, "jwt", client_id=CLIENT, username=USER, private_key_file=emulator.private_key(folder / "key.pem"))
            text += section(info, "given", "instance_url", access_token="${file:%s}" % token_file)
            text += section(info, "soap", username=USER, password=PASSWORD, security_token=SECURITY_TOKEN)
            # What is missing here stands in the environment, as in an app of Databricks.
            text += f'[databricks]\nzerobus_endpoint = "{url(info["zerobus_endpoint"], False)}"\n\n'
            databases = {name: folder / f"{name}.db" for name in ("credentials", "given", "soap")}
            text += "".join(sqlite_pipeline(folder, name) for name in databases)
            text += f'[[pipeline]]\nsalesforce = "jwt"\ntopic = "/data/ChangeEvents"\nsink = "zerobus"\ntable = "{CDC_TABLE}"\ncheckpoint = "{folder}/jwt.checkpoint"\n'
            scene.config.write_text(text, encoding="utf-8")
            env = os.environ | {"DATABRICKS_HOST": info["databricks_url"], "DATABRICKS_CLIENT_ID": "sfcdc-emulator-principal",
                                "DATABRICKS_CLIENT_SECRET": "sfcdc-emulator-principal-secret"}
            runner = scene.run(env=env)

            def received():
                return [len(replay_ids(path)) for path in databases.values()] + [emulator.rows(CDC_TABLE)]

            wait_until(lambda: emulator.status()["subscribers"] == 4, 60, "four subscriptions")
            self.assertEqual(emulator.status()["tokens"]["salesforce"], 1 + 3)
            emulator.publish(3000, rate=1000)
            wait_until(lambda: min(received()) > 200, 60, "rows of each grant")
            emulator.fault("expire_salesforce_tokens", end_streams=False)
            second = emulator.token()
            (folder / "token.new").write_text(second["access_token"] + "\n")
            (folder / "token.new").rename(token_file)
            emulator.fault("subscribe_error", code="service.auth.error")

            def published():  # the workload has platform events, too
                return sorted(event["replay_id"] for event in emulator.published() if event["topic"].startswith("/data/"))

            wait_until(lambda: emulator.status()["published"] == 3000, 60, "the events")
            wait_until(lambda: min(received()) >= len(published()), 120, "all rows of each grant")
            self.assertEqual(emulator.status()["tokens"]["salesforce"], 2 + 6)
            self.assertEqual(runner.stop(), 0, runner.said())

            self.assertGreater(len(published()), 2000)
            self.assertEqual(sorted(emulator.replay_ids()), published())
            for name, path in databases.items():
                self.assertEqual(sorted(replay_ids(path)), published(), name)
            said = runner.said()
            self.assertEqual(said.count("logged in to"), 8)
            self.assertEqual(said.count("SOAP login() ends for all versions in Summer '27; move [salesforce.soap]"), 2)
            for secret in (SECRET, PASSWORD, SECURITY_TOKEN, first["access_token"], second["access_token"], "eyJ", "PRIVATE KEY",
                           "sfcdc-emulator-principal-secret"):
                self.assertNotIn(secret, said)

    def test_a_given_token_that_ends_says_what_to_do(self):
        with Scene(BUILD) as scene:
            emulator, folder = scene.emulator, scene.folder
            token = emulator.token()["access_token"]
            scene.config.write_text(section(emulator.info, "given", "instance_url", access_token="${SF_ACCESS_TOKEN}") + sqlite_pipeline(folder, "given"))
            runner = scene.run(env=os.environ | {"SF_ACCESS_TOKEN": token})
            wait_until(lambda: emulator.status()["subscribers"] == 1, 60, "a subscription")
            emulator.fault("revoke_token", token=token)
            wait_until(lambda: "Salesforce does not accept [salesforce.given] access_token" in runner.said(), 60, "the sentence")
            runner.kill()
            self.assertIn("Get a new one (sf org display", runner.said())
            self.assertNotIn(token, runner.said())


class Refusals(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.scene = Scene(BUILD, *SOAP_OPTIONS)
        cls.addClassCleanup(cls.scene.__exit__)
        cls.info = cls.scene.emulator.info
        cls.key = cls.scene.emulator.private_key(cls.scene.folder / "key.pem")

    def refused(self, code, *words, host_key="login_url", hidden=(), **keys):
        scene = self.scene
        scene.config.write_text(section(self.info, "one", host_key, **keys) + sqlite_pipeline(scene.folder, "one"), encoding="utf-8")
        scene.log.unlink(missing_ok=True)
        runner = scene.run()
        self.assertEqual(runner.wait(), code, runner.said())
        for word in words:
            self.assertIn(word, runner.said())
        for secret in (*hidden, PASSWORD, SECRET, SECURITY_TOKEN, "eyJ"):
            self.assertNotIn(secret, runner.said())

    def jwt(self, code, *words, **keys):
        self.refused(code, *words, **({"client_id": CLIENT, "username": USER, "private_key_file": self.key} | keys))

    def test_jwt_with_a_key_that_the_app_does_not_know(self):
        folder = self.scene.folder / "another"
        folder.mkdir()
        another = Emulator(BUILD, folder)
        key = another.private_key(folder / "key.pem")
        another.stop()
        self.jwt(3, "HTTP 400 invalid_grant (invalid assertion)", "the certificate that belongs to private_key_file", private_key_file=key)

    def test_jwt_of_another_user(self):
        self.jwt(3, "user hasn't approved this consumer", "pre-authorized", username="somebody@emulator.example")

    def test_jwt_of_an_unknown_consumer(self):
        self.jwt(3, "invalid_client_id (client identifier invalid)", "check [salesforce.one] client_id: the org of login_url has no such app", client_id="no-such-app")

    def test_jwt_for_another_kind_of_org(self):
        self.jwt(3, "audience is invalid", "set [salesforce.one] audience", audience="https://test.salesforce.com")

    def test_jwt_with_a_file_that_is_no_key(self):
        self.jwt(2, "[salesforce.one] private_key_file: ", "has no private key in PEM form", private_key_file=self.scene.emulator.log.name)

    def test_a_token_that_has_ended(self):
        token = self.scene.emulator.token()["access_token"]
        self.scene.emulator.fault("revoke_token", token=token)
        self.refused(3, "Salesforce does not accept [salesforce.one] access_token: it has expired", "sf org display", host_key="instance_url",
                     access_token=token, hidden=[token])

    def test_soap_without_the_security_token(self):
        self.refused(3, "LOGIN_MUST_USE_SECURITY_TOKEN", "set [salesforce.one] security_token", username=USER, password=PASSWORD)

    def test_soap_with_a_wrong_password(self):
        self.refused(3, "INVALID_LOGIN", "check [salesforce.one] username, password", username=USER, password="not-the-password", hidden=["not-the-password"])

    def test_soap_of_a_locked_user(self):
        self.scene.emulator.fault("login_error", error="PASSWORD_LOCKOUT", description="locked " + PASSWORD)
        self.refused(3, "PASSWORD_LOCKOUT (locked ***)", "is locked", username=USER, password=PASSWORD, security_token=SECURITY_TOKEN)

    def test_a_key_of_another_grant(self):
        self.refused(2, '[salesforce.one] username: is a key of grant = "jwt_bearer" and "soap"', client_id=CLIENT, client_secret=SECRET, username=USER)

class ConnectProxy:
    """A proxy that connects, with a user and a password, and knows where it was told to connect to."""

    def __init__(self):
        self.listening = socket.create_server(("127.0.0.1", 0))
        self.port = self.listening.getsockname()[1]
        self.asked, self.refused = [], 0
        threading.Thread(target=self.accept, daemon=True).start()

    def accept(self):
        with contextlib.suppress(OSError):
            while True:
                threading.Thread(target=self.serve, args=(self.listening.accept()[0],), daemon=True).start()

    def serve(self, client):
        with contextlib.suppress(OSError), client:
            head = b""
            while b"\r\n\r\n" not in head:
                got = client.recv(4096)
                if not got:
                    return
                head += got
            method, target, _ = head.split(b"\r\n", 1)[0].decode().split(" ")
            basic = b"Basic " + base64.b64encode(b"user:proxy-password")
            if method != "CONNECT" or basic not in head:
                self.refused += 1
                return client.sendall(b"HTTP/1.1 407 Proxy Authentication Required\r\nProxy-Authenticate: Basic realm=\"p\"\r\nContent-Length: 0\r\n\r\n")
            self.asked.append(target)
            host, port = target.rsplit(":", 1)
            with socket.create_connection((host, int(port))) as server:
                client.sendall(b"HTTP/1.1 200 OK\r\n\r\n")
                other = {client: server, server: client}
                while True:
                    for one in select.select(list(other), [], [])[0]:
                        data = one.recv(65536)
                        if not data:
                            return
                        other[one].sendall(data)

    def close(self):
        self.listening.close()


class Proxy(unittest.TestCase):
    def test_everything_goes_through_the_proxy_of_the_environment(self):
        proxy = ConnectProxy()
        self.addCleanup(proxy.close)
        at = f"http://user:proxy-password@127.0.0.1:{proxy.port}"
        environment = {k: v for k, v in os.environ.items() if "proxy" not in k.lower()} | {"https_proxy": at}
        with Scene(BUILD, "--seed", 12, "--tls") as scene:
            scene.configure()
            scene.emulator.publish(200)
            wanted = sorted(e["replay_id"] for e in scene.emulator.published() if e["topic"].startswith("/data/"))
            runner = scene.run(env=environment)
            wait_until(lambda: sorted(set(scene.emulator.replay_ids())) == wanted, 60, "all rows; the log:\n" + scene.log.read_text())
            scene.emulator.fault("expire_salesforce_tokens")  # the login is made again by it, too
            scene.emulator.publish(50)
            wanted = sorted(e["replay_id"] for e in scene.emulator.published() if e["topic"].startswith("/data/"))
            wait_until(lambda: sorted(set(scene.emulator.replay_ids())) == wanted, 60, "the rows behind a new login")
            self.assertEqual(runner.stop(), 0)
            info = scene.emulator.info
            for url in (info["salesforce_url"], info["pubsub_endpoint"], info["databricks_url"], info["zerobus_endpoint"]):
                host = url.removeprefix("https://").removeprefix("http://")
                self.assertIn(host, [a.replace("localhost", host.split(":")[0]) for a in proxy.asked], f"{url} is asked for by the proxy")
            self.assertNotIn("proxy-password", runner.said())

            # A host in no_proxy is asked directly.
            proxy.asked.clear()
            runner = scene.run(env=environment | {"no_proxy": "127.0.0.1,localhost"})
            scene.emulator.publish(20)
            wanted = sorted(e["replay_id"] for e in scene.emulator.published() if e["topic"].startswith("/data/"))
            wait_until(lambda: sorted(set(scene.emulator.replay_ids())) == wanted, 60, "the rows without a proxy")
            self.assertEqual(runner.stop(), 0)
            self.assertEqual(proxy.asked, [])


if __name__ == "__main__":
    BUILD = sys.argv.pop(1)
    unittest.main(verbosity=2)
