#!/usr/bin/env python3
"""The pages for users, run as they stand: the snippets of docs/emulator.md, and the commands of docs/quickstart.md and of the README with what
they are said to print.

usage: test_pages.py BUILD_FOLDER [what unittest takes]
"""
import os
import pathlib
import re
import shutil
import subprocess
import sys
import tempfile
import unittest

ROOT = pathlib.Path(__file__).resolve().parents[2]
BUILD = pathlib.Path(sys.argv.pop(1)).resolve() if len(sys.argv) > 1 else None


def page(name):
    return (ROOT / name).read_text(encoding="utf-8")


def snippet(name, language):
    """The block of this language behind <!-- test: NAME -->."""
    found = re.findall(rf"^<!-- test: {name} -->\n```{language}\n(.*?)^```$", page("docs/emulator.md"), re.MULTILINE | re.DOTALL)
    assert len(found) == 1, f"{len(found)} snippets are called {name}"
    return found[0]


def environment(build):
    """The programs are in the PATH, as after an installation."""
    return os.environ | {"PATH": f"{build}/runner:{build}/emulator:{os.environ['PATH']}"}


def run_snippet(build, name, language, file, *command):
    """(exit code, all that it printed) of a snippet, in a folder of its own."""
    with tempfile.TemporaryDirectory() as folder:
        pathlib.Path(folder, file).write_text(snippet(name, language), encoding="utf-8")
        done = subprocess.run([*command, file], cwd=folder, env=environment(build), capture_output=True, text=True, timeout=150, check=False)
        return done.returncode, done.stdout + done.stderr


def node_version():
    """0 where there is none."""
    node = shutil.which("node")
    said = node and subprocess.run([node, "--version"], capture_output=True, text=True, check=False).stdout
    return int(re.match(r"v(\d+)", said)[1]) if said else 0


def commands(text):
    """[(commands, what they print or None)] of the ```sh blocks, each of which may have a ```text block behind it."""
    blocks = re.findall(r"^```sh\n(.*?)^```\n(?:\n```text\n(.*?)^```$)?", text, re.MULTILINE | re.DOTALL)
    return [(sh, out or None) for sh, out in blocks]


@unittest.skipUnless(BUILD, "there are no programs")
class Snippets(unittest.TestCase):
    def test_python(self):
        code, said = run_snippet(BUILD, "python", "python", "test_pipeline.py", sys.executable)
        self.assertEqual(code, 0, said)
        self.assertIn("Ran 1 test", said)

    @unittest.skipIf(node_version() < 18, "Node 18 or newer is needed; ./dev interop has it")
    def test_node(self):
        code, said = run_snippet(BUILD, "node", "js", "pipeline.test.js", "node", "--test")
        self.assertEqual(code, 0, said)
        self.assertIn("# pass 1", said)


@unittest.skipUnless(BUILD, "there are no programs")
class Commands(unittest.TestCase):
    maxDiff = None

    def run_page(self, blocks):
        """Runs the blocks in one shell, as somebody would who copies them, and compares what each prints."""
        script = "set -e\ntrap 'kill $(jobs -p) 2>/dev/null || true' EXIT\n"
        for number, (sh, _) in enumerate(blocks):
            script += sh + f"echo '<<{number}>>'\n"
        with tempfile.TemporaryDirectory() as folder:
            done = subprocess.run(["bash", "-c", script], cwd=folder, env=environment(BUILD), stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
                                  text=True, timeout=240, check=False)
        self.assertEqual(done.returncode, 0, done.stdout)
        printed = re.split(r"<<\d+>>\n", done.stdout)
        for (sh, wanted), out in zip(blocks, printed):
            if wanted is not None:
                self.assertEqual(out, wanted, sh)

    def test_quickstart(self):
        text = page("docs/quickstart.md")
        local = text[:text.index("## A real org and a real workspace")]
        installation, *rest = commands(local)
        self.assertIn("./dev demo", installation[0])  # this one is left to the build that runs the test
        self.assertGreater(len(rest), 5)
        self.run_page(rest)

    def test_readme(self):
        text = page("README.md")
        shown = text[text.index("## What goes in, what comes out"):]
        shown = shown[:shown.index("\n## ", 3)]
        blocks = commands(shown)
        self.assertEqual(len(blocks), 1)
        self.run_page([(f"cd '{ROOT}'\n{sh}", out) for sh, out in blocks])  # its reader is in the clone


if __name__ == "__main__":
    unittest.main()
