"""A bare Debian 12 in a folder, in which packages are tried as on a machine that has nothing. Needs root, debootstrap and Debian's archive."""
import json
import os
import pathlib
import shutil
import socket
import subprocess

PLACE = pathlib.PurePath("srv")  # of the test's files, in the bare Debian


def run(*command, **more):
    """Runs a command and returns its output, errors included; fails, with that output, unless the command succeeds."""
    done = subprocess.run([str(c) for c in command], stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, timeout=480, **more)
    if done.returncode != 0:
        raise AssertionError("%s: exit code %d\n%s" % (" ".join(map(str, command)), done.returncode, done.stdout))
    return done.stdout


def free_port():
    with socket.create_server(("127.0.0.1", 0)) as server:
        return server.getsockname()[1]


class Chroot:
    """A copy of the bare system. Processes in it share the network of the machine, and nothing else is mounted, unless `proc` gives each of them
    /proc: without it the dynamic linker does not find what lies relative to a program ($ORIGIN). It is mounted in a namespace of the process, so that
    nothing is left mounted. `cache` keeps what debootstrap made, and the packages that apt has fetched, for the next run."""

    def __init__(self, folder, cache, proc=False):
        base = cache / "bookworm"
        if not (base / "ready").exists():
            shutil.rmtree(base, ignore_errors=True)
            cache.mkdir(parents=True, exist_ok=True)
            run("debootstrap", "--variant=minbase", "bookworm", base, "http://deb.debian.org/debian")
            (base / "ready").touch()
        self.path = pathlib.Path(folder) / "root"
        mount = 'mount -t proc proc "$0/proc" && exec chroot "$@"'
        self.enter = ["unshare", "--mount", "sh", "-c", mount, str(self.path)] if proc else ["chroot"]
        run("cp", "-a", base, self.path)
        self.archives = cache / "archives"
        self.archives.mkdir(exist_ok=True)
        run("cp", "-a", f"{self.archives}/.", self.path / "var/cache/apt/archives/")
        shutil.copy("/etc/resolv.conf", self.path / "etc/resolv.conf")
        self.environment = {"PATH": "/usr/sbin:/usr/bin:/sbin:/bin", "DEBIAN_FRONTEND": "noninteractive", "LC_ALL": "C.UTF-8"}
        self.environment.update({k: v for k, v in os.environ.items() if k.lower() in ("http_proxy", "https_proxy", "no_proxy")})
        self("apt-get", "update", "-q")

    def __call__(self, *command, **more):
        return run(*self.enter, self.path, *command, env=self.environment, **more)

    def install(self, *packages):
        """Installs packages as people do: names are Debian's, paths are files of the test."""
        named = []
        for package in packages:
            if isinstance(package, pathlib.Path):
                shutil.copy(package, self.path / PLACE)
                package = f"/{PLACE}/{package.name}"
            named.append(package)
        # This configuration of apt keeps what it fetches, for the next run of the test.
        said = self("apt-get", "install", "-y", "-q", "--no-install-recommends", "-o", "APT::Keep-Downloaded-Packages=true", *named)
        for fetched in (self.path / "var/cache/apt/archives").glob("*.deb"):
            if not (self.archives / fetched.name).exists():
                shutil.copy(fetched, self.archives)
        return said

    def start(self, *command, user=None, **more):
        options = ["--userspec", f"{user}:{user}"] if user else []
        return subprocess.Popen([*self.enter, *options, str(self.path), *command], **{"env": self.environment, **more})


def decode_golden(chroot, program, root):
    """Decodes the first golden event in the bare system; returns the entity that it says, and the one that is expected."""
    golden = root / "tests/golden"
    event = json.loads((golden / "events.json").read_text(encoding="utf-8"))[0]
    shutil.copy(golden / "schemas" / event["schema_file"], chroot.path / PLACE / "schema.avsc")
    (chroot.path / PLACE / "payload.txt").write_text(event["payload"] + "\n")
    decoded = json.loads(chroot(program, "decode", "--schema", f"/{PLACE}/schema.avsc", "--in", "base64", f"/{PLACE}/payload.txt"))
    return decoded["header"]["entityName"], event["expect"]["header"]["entityName"]
