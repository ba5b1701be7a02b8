"""A release as users get it, made of the working tree: sfcdc-VERSION.tar.gz with the library and its packaging."""
import re
import tarfile

# The top of the tree that handing on the library needs. The rest of a release, the daemon and the tests, is left out: what
# would look for it fails.
PARTS = ("LICENSE", "README.md", "meson.build", "meson.options", "meson_options.txt", "include", "packaging")


def version(root):
    return re.search(r"^\s*version: '([^']+)'", (root / "meson.build").read_text(encoding="utf-8"), re.M).group(1)


def make(root, folder):
    """Writes the tarball into `folder` and returns its path."""
    top = "sfcdc-" + version(root)
    path = folder / (top + ".tar.gz")
    leave_out = lambda entry: None if "__pycache__" in entry.name else entry
    with tarfile.open(path, "w:gz") as archive:
        for part in PARTS:
            archive.add(root / part, "%s/%s" % (top, part), filter=leave_out)
    return path
