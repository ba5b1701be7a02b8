#!/usr/bin/env python3
"""Prints sfcdc.wrap for a release. usage: make_wrap.py TARBALL URL

TARBALL is the file that is downloaded from URL: its hash and its top folder stand in the wrap. sfcdc.wrap.in has the rest.
"""
import hashlib
import pathlib
import sys
import tarfile


def wrap(tarball, url):
    with tarfile.open(tarball) as archive:
        folders = {name.split("/")[0] for name in archive.getnames()}
        if len(folders) != 1:
            sys.exit("make_wrap.py: %s has %d top folders, not one" % (tarball, len(folders)))
    values = {"FOLDER": folders.pop(), "URL": url, "FILENAME": url.rsplit("/", 1)[-1],
              "SHA256": hashlib.sha256(tarball.read_bytes()).hexdigest()}
    text = (pathlib.Path(__file__).parent / "sfcdc.wrap.in").read_text(encoding="utf-8")
    for key, value in values.items():
        text = text.replace("@%s@" % key, value)
    return text


if __name__ == "__main__":
    if len(sys.argv) != 3:
        sys.exit(__doc__)
    print(wrap(pathlib.Path(sys.argv[1]), sys.argv[2]), end="")
