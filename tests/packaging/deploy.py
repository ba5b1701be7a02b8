"""What deploy/ holds: that it agrees with the daemon and with itself. What needs other linters is tests/interop/test_deploy.py.

usage: deploy.py BUILD [unittest arguments]
"""
import pathlib
import re
import subprocess
import sys
import tempfile
import tomllib
import unittest

ROOT = pathlib.Path(__file__).resolve().parents[2]
BUILD = None
DEPLOY = ROOT / "deploy"


def version():
    return re.search(r"^\s*version: '([^']+)'", (ROOT / "meson.build").read_text(encoding="utf-8"), re.M).group(1)


class Deploy(unittest.TestCase):
    def test_the_bundle_has_the_sql_that_the_daemon_prints(self):
        printed = subprocess.run([BUILD / "runner/sfcdc", "tables", "sql", "current", "--schema", ROOT / "tests/golden/schemas/ContactChangeEvent.avsc",
                                  "--table", "main.crm.{entity}_changes"], check=True, stdout=subprocess.PIPE, text=True).stdout
        self.assertEqual((DEPLOY / "databricks/src/current.sql").read_text(encoding="utf-8"), printed)

    def test_each_example_is_a_configuration(self):
        files = [DEPLOY / "sfcdc.toml", DEPLOY / "kubernetes/sfcdc.toml", DEPLOY / "databricks/src/sfcdc.toml"]
        self.assertEqual(sorted(DEPLOY.rglob("*.toml")), sorted(files))
        for file in files:
            with self.subTest(file.name), tempfile.TemporaryDirectory() as folder:
                text = re.sub(r"\$\{[^}]*\}", "a-text-of-the-test", file.read_text(encoding="utf-8"))
                text = text.replace("@HOST@", "example.cloud.databricks.com").replace("@PORT@", "8000")
                self.assertTrue(tomllib.loads(text)["pipeline"])
                written = pathlib.Path(folder) / "sfcdc.toml"
                written.write_text(text, encoding="utf-8")
                checked = subprocess.run([BUILD / "runner/sfcdc", "check", "--config", written], capture_output=True, text=True, check=False)
                self.assertEqual(checked.returncode, 0, checked.stderr)

    def test_the_image_is_built_with_the_packages_that_a_build_needs(self):
        dev = re.search(r'^packages_demo="([^"]*)"', (ROOT / "dev").read_text(encoding="utf-8"), re.M).group(1).split()
        dockerfile = re.sub(r"\\\n", " ", (ROOT / "Dockerfile").read_text(encoding="utf-8"))
        installed = re.search(r"^RUN apt-get update .*? --no-install-recommends (.*?) &&", dockerfile, re.M).group(1).split()
        # The image has no emulator and no cache of objects, and makes a package.
        self.assertEqual(sorted(installed), sorted({*dev, "dpkg-dev"} - {"ccache", "libgnutls28-dev"}))

    def test_versions_are_the_project_s(self):
        self.assertIn(f"image: sfcdc:{version()}\n", (DEPLOY / "kubernetes/sfcdc.yaml").read_text(encoding="utf-8"))
        self.assertIn(version(), (ROOT / "CHANGELOG.md").read_text(encoding="utf-8"))

    def test_install_writes_below_destdir(self):
        with tempfile.TemporaryDirectory() as folder:
            subprocess.run(["meson", "install", "-C", BUILD, "--no-rebuild", "--quiet", "--destdir", folder], check=True)
            below = pathlib.Path(folder) / "usr/local"
            installed = {p.relative_to(below).as_posix() for p in below.rglob("*") if p.is_file()}
            self.assertGreaterEqual(installed, {
                "bin/sfcdc", "bin/sfcdc-emulator", "include/sfcdc/sfcdc.hpp", "lib/systemd/system/sfcdc.service", "lib/systemd/system/sfcdc@.service",
                "lib/sysusers.d/sfcdc.conf", "etc/default/sfcdc", "share/doc/sfcdc/LICENSE", "share/doc/sfcdc/examples/sfcdc.toml",
                "share/doc/sfcdc/deploying.md", "share/cmake/sfcdc/sfcdcConfig.cmake"})
            unit = (below / "lib/systemd/system/sfcdc@.service").read_text(encoding="utf-8")
            self.assertNotRegex(unit, r"@[A-Z]+@")
            self.assertIn("ExecStart=/usr/local/bin/sfcdc run --config /usr/local/etc/sfcdc/%i.toml $SFCDC_OPTIONS\n", unit)


if __name__ == "__main__":
    BUILD = pathlib.Path(sys.argv.pop(1)).resolve()
    unittest.main(verbosity=1)
