"""The wheel: what is in it, and installed in a bare Debian 12 that has Python and nothing else. Needs root, debootstrap, Debian's archive and auditwheel.

usage: wheel.py CACHE WHEEL EMULATOR [unittest arguments]

CACHE keeps what debootstrap made. WHEEL is what `./dev wheel` has made, for Debian's Python, beside the folder `build` that it was made of. EMULATOR
is a program of this machine.
"""
import base64
import contextlib
import csv
import hashlib
import importlib.util
import json
import pathlib
import re
import shutil
import signal
import sys
import tempfile
import unittest
import zipfile

ROOT = pathlib.Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "tests/e2e"))
from bare_debian import PLACE, Chroot, decode_golden, run
from harness import CDC_TABLE, ORDER_TABLE, Emulator, config_text, wait_until, zerobus_stream

CACHE, WHEEL, EMULATOR = None, None, None
DEBIAN_GLIBC = (2, 36)
EVENTS = 1000
# What the wheel may take from the system. PEP 600 allows more, which a bare system does not have.
SYSTEM = {"libc.so.6", "libm.so.6", "libresolv.so.2", "libgcc_s.so.1", "libstdc++.so.6", "libz.so.1", "ld-linux-x86-64.so.2", "ld-linux-aarch64.so.1"}


def licences_module():
    spec = importlib.util.spec_from_file_location("wheel_licences", ROOT / "packaging/wheel_licences.py")
    loaded = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(loaded)
    return loaded


class Content(unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory(prefix="sfcdc-")
        self.addCleanup(folder.cleanup)
        self.top = pathlib.Path(folder.name)
        with zipfile.ZipFile(WHEEL) as packed:
            packed.extractall(self.top)
        (self.info,) = self.top.glob("*.dist-info")
        self.files = {p.relative_to(self.top).as_posix(): p for p in sorted(self.top.rglob("*")) if p.is_file()}
        self.binaries = {name: p for name, p in self.files.items() if p.read_bytes()[:4] == b"\x7fELF"}
        self.libraries = {p.name for name, p in self.files.items() if name.startswith("sfcdc.libs/")}

    def test_it_has_the_daemon_and_the_decoder(self):
        self.assertIn("sfcdc.scripts/sfcdc", self.binaries)
        self.assertTrue(any(re.fullmatch(r"sfcdc/_core\..*\.so", name) for name in self.binaries), self.binaries)
        self.assertTrue(self.libraries)

    def test_the_tag_asks_for_no_newer_glibc_than_debian_12_has(self):
        tag = re.fullmatch(r"sfcdc-[^-]+-(cp\d+-cp\d+-manylinux_2_(\d+)_\w+)\.whl", WHEEL.name)
        self.assertTrue(tag, WHEEL.name)
        self.assertLessEqual((2, int(tag.group(2))), DEBIAN_GLIBC)
        self.assertIn(f"\nTag: {tag.group(1)}\n", (self.info / "WHEEL").read_text())
        for name, binary in self.binaries.items():
            asked = [(int(a), int(b)) for a, b in re.findall(r"\bGLIBC_(\d+)\.(\d+)", run("readelf", "-V", binary))]
            self.assertLessEqual(max(asked), (2, int(tag.group(2))), name)

    def test_auditwheel_agrees_with_the_tag_and_names_no_other_library_of_the_system(self):
        said = " ".join(run("auditwheel", "show", WHEEL).split())
        platform = WHEEL.stem.rpartition("-")[2]
        self.assertIn(f'is consistent with the following platform tag: "{platform}"', said)
        named = set(re.findall(r"(\S+) with versions \{", said))
        self.assertIn("libc.so.6", named, said)
        self.assertEqual(named - self.libraries - SYSTEM, set())

    def test_each_binary_needs_only_what_is_inside_or_in_every_system(self):
        for name, binary in self.binaries.items():
            dynamic = run("readelf", "-d", binary)
            needed = set(re.findall(r"\(NEEDED\).*\[(.*)\]", dynamic))
            self.assertTrue(needed, name)
            self.assertEqual(needed - self.libraries - SYSTEM, set(), name)
            for path in re.findall(r"\(R(?:UN)?PATH\).*\[(.*)\]", dynamic):
                self.assertRegex(path, r"^\$ORIGIN(/|$)", name)

    def test_the_record_has_every_file_as_it_is(self):
        with open(self.info / "RECORD", newline="", encoding="utf-8") as file:
            lines = list(csv.reader(file))
        own = f"{self.info.name}/RECORD"
        self.assertEqual(sorted(line[0] for line in lines), sorted(self.files))
        for name, digest, size in lines:
            content = self.files[name].read_bytes()
            expected = "sha256=" + base64.urlsafe_b64encode(hashlib.sha256(content).digest()).rstrip(b"=").decode()
            self.assertEqual((digest, size), ("", "") if name == own else (expected, str(len(content))), name)

    def test_each_library_inside_has_its_licence(self):
        text = (self.info / "licenses/LICENSES").read_text(encoding="utf-8")
        listed, *sections = text.split("\n" + "=" * 72 + "\n")
        titles, texts = sections[0::2], sections[1::2]
        works = listed.strip().split("\n\n")[1].split("\n")
        self.assertEqual(works, titles[:len(works)])
        self.assertEqual([t for t, body in zip(titles, texts) if len(body) < 300], [])
        named = [name for title in works if ": " in title for name in title.split(": ")[1].split(", ")]
        self.assertEqual(sorted(named), sorted(self.libraries))
        for name in ("gRPC", "SQLite", "libstdc++ and libgcc", "nanobind", "robin-map", "curl", "openssl", "gnutls28"):
            (at,) = [i for i, title in enumerate(titles) if title.startswith(name + " ")]
            self.assertRegex(texts[at], r"(?i)copyright|public domain", name)
        for licence in set(re.findall(r"/usr/share/common-licenses/[\w.+-]*[\w+]", text)):
            self.assertTrue(any(licence in t.split(", ") for t in titles), licence)

    def test_our_licence_and_theirs_stand_in_the_metadata(self):
        self.assertEqual((self.info / "licenses/LICENSE").read_bytes(), (ROOT / "LICENSE").read_bytes())
        metadata = (self.info / "METADATA").read_text(encoding="utf-8").split("\n\n")[0]
        self.assertIn("\nLicense-Expression: Apache-2.0\n", metadata)
        self.assertEqual(sorted(re.findall(r"^License-File: (.*)$", metadata, re.M)), sorted(p.name for p in (self.info / "licenses").iterdir()))

    def test_a_library_that_is_of_no_package_is_an_error(self):
        licences = licences_module()
        some = sorted(self.libraries)[0]
        self.assertTrue(licences.package_of(some))
        other_content = re.sub(r"-[0-9a-f]{8}\.", "-00000000.", some)
        for library in (other_content, "libnobody-00000000.so.1", "libnobody.so.1"):
            with self.assertRaisesRegex(SystemExit, re.escape(library)):
                licences.package_of(library)

    def test_code_in_the_extension_that_is_not_listed_makes_no_licences(self):
        licences = licences_module()
        build = WHEEL.parents[1] / "build"
        system = frozenset({"Python"})
        licences.archive.check_inside(build, licences.known(), system)
        for left_out in ("nanobind", "robin-map"):
            with self.assertRaises(SystemExit):
                licences.archive.check_inside(build, {k: v for k, v in licences.known().items() if v != left_out}, system)

    def test_nothing_says_where_it_was_made(self):
        for name, file in self.files.items():
            self.assertNotIn(str(ROOT).encode(), file.read_bytes(), name)


# Runs in the bare Debian. What it finds is compared outside, where the expectations are.
DECODE = """
import base64, importlib.util, json, pathlib
import sfcdc
found = []
for event in json.loads(pathlib.Path("events.json").read_text(encoding="utf-8")):
    schema = sfcdc.Schema(pathlib.Path("schemas", event["schema_file"]).read_text(encoding="utf-8"))
    payload = base64.b64decode(event["payload"])
    found.append({"schema_id": schema.id, "header": schema.header(payload), "json": json.loads(schema.to_json(payload)),
                  "rows": sfcdc.Decoder(schema).decode([payload]).rows})
print(json.dumps({"version": sfcdc.__version__, "pyarrow": importlib.util.find_spec("pyarrow") is not None, "found": found}))
"""


class Installed(unittest.TestCase):
    def test_it_is_installed_decodes_streams_and_is_removed(self):
        with tempfile.TemporaryDirectory(prefix="sfcdc-") as folder:
            self.chroot = Chroot(folder, CACHE, proc=True)
            self.chroot.install("python3", "python3-venv")
            self.assertEqual(list(self.chroot.path.glob("usr/lib/*/libcurl*")), [], "it is inside")
            self.place = self.chroot.path / PLACE
            shutil.copy(WHEEL, self.place)
            self.chroot("python3", "-m", "venv", f"/{PLACE}/venv")
            program, python = f"/{PLACE}/venv/bin/sfcdc", f"/{PLACE}/venv/bin/python"
            before = self.entries()
            pip = (python, "-m", "pip", "--disable-pip-version-check", "--no-cache-dir")
            self.chroot(*pip, "install", "--no-index", "--no-deps", f"/{PLACE}/{WHEEL.name}")
            self.chroot(*pip, "check")
            self.assertGreater(self.entries(), before)

            self.assertRegex(self.chroot(program, "--version"), r"^\d+\.\d+\.\d+\n$")
            self.assertIn("dead-letters", self.chroot(program, "--help"))
            self.assertEqual(*decode_golden(self.chroot, program, ROOT))
            self.decode(python, self.chroot(program, "--version").strip())
            self.stream(folder, program)

            self.chroot(*pip, "uninstall", "--yes", "sfcdc")
            self.assertEqual(self.entries() - before, set())

    def entries(self):
        """Files and folders of the environment, without what Python compiles of pip when it runs it."""
        venv = self.place / "venv"
        found = {p.relative_to(venv).as_posix() for p in venv.rglob("*")}
        return {p for p in found if not re.search(r"/site-packages/(pip|setuptools|pkg_resources|_distutils_hack)/", p)}

    def decode(self, python, version):
        golden = ROOT / "tests/golden"
        shutil.copy(golden / "events.json", self.place)
        shutil.copytree(golden / "schemas", self.place / "schemas")
        (self.place / "decode.py").write_text(DECODE, encoding="utf-8")
        answer = json.loads(self.chroot("/bin/sh", "-c", f"cd /{PLACE} && {python} decode.py"))
        self.assertEqual((answer["version"], answer["pyarrow"]), (version, False))
        events = json.loads((golden / "events.json").read_text(encoding="utf-8"))
        self.assertEqual(len(answer["found"]), len(events))
        for found, event in zip(answer["found"], events):
            with self.subTest(event["what"]):
                header = event["expect"]["header"]
                for part in ("header", "changed", "nulled", "body"):
                    self.assertEqual(found["json"][part], event["expect"][part], part)
                # A row is of one record; a platform event has no header.
                self.assertEqual((found["schema_id"], found["rows"]), (event["schema_id"], len(header["recordIds"]) if header else 1))
                if header:
                    self.assertEqual((found["header"]["entity_name"], found["header"]["changed_fields"]), (header["entityName"], header["changedFields"]))

    def stream(self, folder, program):
        """The first events of the demo, of an emulator outside, arrive, each once. By TLS, whose libraries are those of the wheel."""
        build = pathlib.Path(folder) / "build"
        (build / "emulator").mkdir(parents=True)
        (build / "emulator/sfcdc-emulator").symlink_to(EMULATOR)
        emulator = Emulator(build, folder, "--seed", 1, "--tls")
        self.addCleanup(emulator.stop)
        shutil.copy(emulator.info["ca_pem"], self.place / "ca.pem")
        (self.chroot.path / "var/lib/sfcdc").mkdir()
        config = self.place / "sfcdc.toml"
        pipelines = zerobus_stream("/var/lib/sfcdc") + zerobus_stream("/var/lib/sfcdc", "/event/Order_Event__e", ORDER_TABLE)
        config.write_text(config_text(emulator.info, pipelines, ca_file=f"/{PLACE}/ca.pem"), encoding="utf-8")
        emulator.publish(EVENTS)
        wait_until(lambda: emulator.status()["published"] >= EVENTS, 60, "publishing")
        published = emulator.published()
        self.assertEqual(len(published), EVENTS)
        rows = lambda: emulator.rows(CDC_TABLE) + emulator.rows(ORDER_TABLE)
        with open(self.place / "daemon.log", "w+", encoding="utf-8") as log:
            daemon = self.chroot.start(program, "run", "--config", f"/{PLACE}/{config.name}", stderr=log)
            try:
                with contextlib.suppress(AssertionError):  # the comparison below says more
                    wait_until(lambda: daemon.poll() is not None or rows() >= EVENTS, 60)
                mapped = pathlib.Path(f"/proc/{daemon.pid}/maps").read_text() if daemon.poll() is None else ""
                daemon.send_signal(signal.SIGTERM)
                code = daemon.wait(40)
            finally:
                daemon.kill()
                daemon.wait()
            log.seek(0)
            self.assertEqual(code, 0, log.read())
        for table, data in ((CDC_TABLE, True), (ORDER_TABLE, False)):
            wanted = [e["replay_id"] for e in published if e["topic"].startswith("/data/") == data]
            self.assertTrue(wanted, table)
            self.assertEqual(emulator.replay_ids(table), wanted)
        loaded = {pathlib.PurePath(path) for path in re.findall(r"(/\S+\.so(?:\.\S*)?)$", mapped, re.M)}
        inside = {path.name for path in loaded if path.parent.name == "sfcdc.libs"}
        self.assertTrue(any(name.startswith("libssl-") for name in inside), loaded)
        others = {path.name for path in loaded} - inside  # by the names of the files, libz.so.1.2.13
        self.assertEqual({name for name in others if not any(f"{name}.".startswith(f"{soname}.") for soname in SYSTEM)}, set())


if __name__ == "__main__":
    CACHE, WHEEL, EMULATOR = (pathlib.Path(sys.argv.pop(1)).resolve() for _ in range(3))
    unittest.main(verbosity=1)
