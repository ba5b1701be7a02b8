#!/usr/bin/env python3
"""Every file that the recipes of HACKING.md name exists. usage: recipes.py ROOT"""
import pathlib
import re
import sys

root = pathlib.Path(sys.argv[1])
text = (root / "HACKING.md").read_text()
section = text[text.index("## Where to add what"):]
section = section[:section.index("\n## ", 3)]
named = [name for name in re.findall(r"`([\w./]+)`", section) if "/" in name and not name.startswith("./")]
named += [name for name in re.findall(r"`([\w.]+\.hpp)`", section)]
bases = (root, root / "include" / "sfcdc")
missing = [name for name in named if not any((base / name).exists() for base in bases)]
for name in missing:
    print(f"HACKING.md: {name} does not exist")
if len(named) < 10:
    sys.exit(f"HACKING.md: only {len(named)} files were found in the recipes; does the section still have its form?")
print(f"{len(named)} files")
sys.exit(1 if missing else 0)
