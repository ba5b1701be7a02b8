#!/usr/bin/env python3
"""Writes status_page.hpp: the page as a string, and the policy that lets a browser run the script and the style in it, and no others.

usage: embed_page.py status_page.html status_page.hpp
"""
import base64
import hashlib
import re
import sys


def hashes(kind, page):
    found = re.findall(f"<{kind}>(.*?)</{kind}>", page, re.DOTALL)
    if not found or len(found) != page.count("<" + kind):
        sys.exit(f"embed_page.py: <{kind}> without attributes was expected")
    return " ".join("'sha256-" + base64.b64encode(hashlib.sha256(text.encode()).digest()).decode() + "'" for text in found)


def main(source, target):
    with open(source, encoding="utf-8") as file:
        page = file.read()
    policy = ("default-src 'none'; connect-src 'self'; img-src data:; base-uri 'none'; form-action 'none'; frame-ancestors 'none'; "
              f"script-src {hashes('script', page)}; style-src {hashes('style', page)}")
    # A literal is bounded (64 KiB in the standard), an array is not.
    data = page.encode("ascii")  # entities and escapes say the rest: whether char has a sign does not matter
    lines = "\n".join("    " + "".join(f"{byte}," for byte in data[i:i + 40]) for i in range(0, len(data), 40))
    with open(target, "w", encoding="utf-8") as file:
        file.write(f"""// Made of status_page.html by embed_page.py.
#pragma once

#include <string_view>

namespace sfcdc::runner {{

inline constexpr char status_page_bytes[] = {{
{lines}
}};
inline constexpr std::string_view status_page(status_page_bytes, sizeof status_page_bytes);
inline constexpr std::string_view status_page_policy = "{policy}";

}} // namespace sfcdc::runner
""")


main(*sys.argv[1:])
