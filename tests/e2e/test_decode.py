"""`sfcdc decode` and the examples when what they read or write is not what it should be.

usage: test_decode.py BUILD_FOLDER [unittest arguments]
"""
import base64
import json
import os
import pathlib
import pty
import re
import resource
import signal
import subprocess
import sys
import tempfile
import unittest

BUILD = None
GOLDEN = pathlib.Path(__file__).parent.parent / "golden"
EVENT = json.loads((GOLDEN / "events.json").read_text(encoding="utf-8"))[0]
SCHEMA = GOLDEN / "schemas" / EVENT["schema_file"]
LINE = EVENT["payload"].encode() + b"\n"
MEMORY = 2 << 30  # of address space: what is read without a bound ends with bad_alloc, and not with the machine


class InputAndOutput(unittest.TestCase):
    def setUp(self):
        directory = tempfile.TemporaryDirectory(prefix="sfcdc-decode-")
        self.addCleanup(directory.cleanup)
        self.folder = pathlib.Path(directory.name)
        self.text = self.file("event.base64", LINE)

    def file(self, name, content):
        path = self.folder / name
        path.write_bytes(content)
        return path

    def program(self, *arguments, prepare=None, **streams):
        """(exit code, standard output, standard error) of a program with bounded memory."""
        def start():
            resource.setrlimit(resource.RLIMIT_AS, (MEMORY, MEMORY))
            if prepare:
                prepare()
        sanitized = b"__asan_init" in pathlib.Path(arguments[0]).read_bytes()  # it reserves terabytes of addresses
        streams = {"stdin": subprocess.DEVNULL, "stdout": subprocess.PIPE} | streams
        done = subprocess.run([*map(str, arguments)], stderr=subprocess.PIPE, timeout=60, check=False,
                              preexec_fn=prepare if sanitized else start, **streams)
        return done.returncode, (done.stdout or b"").decode(), done.stderr.decode()

    def decode(self, *arguments, schema=SCHEMA, form="base64", **streams):
        return self.program(BUILD / "runner/sfcdc", "decode", "--schema", schema, "--in", form, *arguments, **streams)

    def assert_one_sentence(self, err, pattern):
        self.assertRegex(err, pattern)
        self.assertEqual(len(err.splitlines()), 1, err)
        self.assertIsNone(re.search(r"[\x00-\x09\x0b-\x1f\x7f-\x9f]", err), repr(err))


class Output(InputAndOutput):
    LOST = r"^sfcdc: standard output cannot be written, .*: "

    def test_a_full_device_with_much_output(self):
        many = self.file("many.base64", LINE * 2000)
        with open("/dev/full", "wb") as full:
            code, _, err = self.decode(many, stdout=full)
        self.assertEqual(code, 1)
        self.assert_one_sentence(err, self.LOST + "No space left on device")

    def test_a_full_device_with_output_that_only_the_last_flush_writes(self):
        with open("/dev/full", "wb") as full:
            code, _, err = self.decode(self.text, stdout=full)
        self.assertEqual(code, 1)
        self.assert_one_sentence(err, self.LOST + "No space left on device")

    def test_a_closed_standard_output(self):
        code, _, err = self.decode(self.text, prepare=lambda: os.close(1), stdout=None)
        self.assertEqual(code, 1)
        self.assert_one_sentence(err, self.LOST + "Bad file descriptor")

    def to_a_reader_who_is_gone(self, restore_signals):
        many = self.file("many.base64", LINE * 2000)
        read, write = os.pipe()
        os.close(read)
        try:
            return self.decode(many, stdout=write, restore_signals=restore_signals)
        finally:
            os.close(write)

    def test_a_broken_pipe_ends_it_as_it_ends_other_filters(self):
        code, _, err = self.to_a_reader_who_is_gone(restore_signals=True)
        self.assertEqual((code, err), (-signal.SIGPIPE, ""))

    def test_a_broken_pipe_ends_it_quietly_where_the_signal_is_ignored(self):
        code, _, err = self.to_a_reader_who_is_gone(restore_signals=False)  # Python itself ignores SIGPIPE
        self.assertEqual((code, err), (1, ""))


class Payloads(InputAndOutput):
    def assert_named_and_the_others_are_printed(self, path, pattern):
        """In each form, between two good files."""
        raw = base64.b64decode(LINE)
        for form, content in (("base64", LINE), ("hex", raw.hex().encode()), ("raw", raw)):
            with self.subTest(form=form):
                good = self.file("good." + form, content)
                code, out, err = self.decode(good, path, good, form=form)
                self.assertEqual(code, 1)
                self.assertEqual([json.loads(line) for line in out.splitlines()], [EVENT["expect"]] * 2)
                self.assert_one_sentence(err, pattern)

    def test_a_folder(self):
        self.assert_named_and_the_others_are_printed(self.folder, f"^{self.folder}: is a folder, a .*payload was expected$")

    def test_no_such_file(self):
        self.assert_named_and_the_others_are_printed(self.folder / "none", f"^{self.folder}/none: cannot be opened: No such file")

    def test_a_file_that_cannot_be_read(self):
        self.assert_named_and_the_others_are_printed("/proc/self/mem", "^/proc/self/mem: cannot be read: Input/output error$")

    def test_a_device_without_an_end(self):
        self.assert_named_and_the_others_are_printed("/dev/zero", "^/dev/zero: has more than [0-9]+ bytes, more than a .*payload may have$")

    def test_a_name_of_several_lines(self):
        self.assert_named_and_the_others_are_printed(self.folder / "a\nb\x1b[1m\x7f\u009b", r"/a\?b\?\[1m\?\?: cannot be opened")

    def test_standard_input_that_is_a_folder(self):
        folder = os.open(self.folder, os.O_RDONLY)
        self.addCleanup(os.close, folder)
        for form in ("base64", "hex", "raw"):
            for name in ([], ["-"]):
                with self.subTest(form=form, name=name):
                    code, out, err = self.decode(*name, form=form, stdin=folder)
                    self.assertEqual((code, out), (1, ""))
                    self.assert_one_sentence(err, "^standard input: is a folder, a .*payload was expected$")

    def test_a_closed_standard_input(self):
        code, _, err = self.decode("-", prepare=lambda: os.close(0), stdin=None)
        self.assertEqual(code, 1)
        self.assert_one_sentence(err, "^standard input: cannot be read: ")  # gRPC may have taken the free number, so any errno

    def test_standard_input_that_breaks_in_the_middle_of_a_line(self):
        master, slave = pty.openpty()  # once nobody holds the other end, the rest is read, and then comes EIO
        self.addCleanup(os.close, master)
        os.write(slave, LINE + LINE[:40])
        reader = subprocess.Popen([BUILD / "runner/sfcdc", "decode", "--schema", SCHEMA, "--in", "base64"], stdin=master,
                                  stdout=subprocess.PIPE, stderr=subprocess.PIPE)
        os.close(slave)
        out, err = reader.communicate(timeout=60)
        self.assertEqual((reader.returncode, len(out.splitlines())), (1, 1))
        self.assert_one_sentence(err.decode(), "^standard input:2: cannot be read: Input/output error$")

    def test_standard_input_cannot_be_read_twice(self):
        code, out, err = self.decode("-", self.text, "-")
        self.assertEqual((code, out), (2, ""))
        self.assert_one_sentence(err, "named twice")


class Schemas(InputAndOutput):
    def assert_refused(self, schema, pattern, **streams):
        code, out, err = self.decode(self.text, schema=schema, **streams)
        self.assertEqual((code, out), (2, ""))
        self.assert_one_sentence(err, pattern)

    def test_a_folder(self):
        self.assert_refused(self.folder, rf"^sfcdc: {self.folder}: is a folder, the Avro schema \(.avsc\) was expected\.$")

    def test_no_such_file(self):
        self.assert_refused(self.folder / "none", f"^sfcdc: {self.folder}/none: cannot be opened: No such file or directory.$")

    def test_an_empty_file(self):
        self.assert_refused(self.file("empty", b""), r"/empty: is empty, the Avro schema \(.avsc\) was expected\.$")

    def test_a_file_that_cannot_be_read(self):
        self.assert_refused("/proc/self/mem", "^sfcdc: /proc/self/mem: cannot be read: Input/output error.$")

    def test_a_device_without_an_end(self):
        self.assert_refused("/dev/zero", "^sfcdc: /dev/zero: has more than 4194304 bytes, more than the Avro schema")

    def test_a_name_of_several_lines(self):
        self.assert_refused(self.file("a\nb\x1b[1m", b"{"), r"/a\?b\?\[1m: byte 1: ")


class Examples(InputAndOutput):
    def test_a_schema_that_is_none(self):
        empty = self.file("empty", b"")
        for name in ("decode_one_event", "json_for_a_log", "project_five_fields"):
            for path in (self.folder, self.folder / "none", empty, "/proc/self/mem"):
                with self.subTest(name=name, path=path):
                    code, out, err = self.program(BUILD / "examples" / name, path, EVENT["payload"])
                    self.assertEqual((code, err), (1, ""))
                    self.assert_one_sentence(out, f"^{path}: there is no schema to be read")


if __name__ == "__main__":
    BUILD = pathlib.Path(sys.argv.pop(1)).resolve()
    unittest.main(verbosity=1)
