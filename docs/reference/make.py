#!/usr/bin/env python3
"""Makes the reference of the public headers, build/docs/html, with Doxygen. `./dev docs` calls it.

usage: make.py [--self-test]; the latter runs no Doxygen

The front page is the README and the headers in the order of sfcdc.hpp; docs/*.md and HACKING.md are pages. Ends with 1, and says where, if
- a relative link of these pages leads to nothing,
- a public name of a namespace has no comment: a class, an enum, an alias, a constant, or a function none of whose overloads has one
  (macros and iterators go by the names that others gave them; what a class's members are is mostly said by their names), or
- Doxygen warns of anything else, such as a reference that it cannot resolve.
"""
import pathlib
import re
import shutil
import subprocess
import sys
import tempfile
import xml.etree.ElementTree as xml

ROOT = pathlib.Path(__file__).resolve().parents[2]
PAGES = ROOT / "build" / "docs" / "pages"
SOURCES = [ROOT / "README.md", ROOT / "HACKING.md", *sorted((ROOT / "docs").glob("*.md"))]


def page_id(path):
    return "page_" + re.sub(r"\W", "_", path.stem.lower())


def first_sentence(header):
    """Of the comment at the top of a header, as one line."""
    lines = []
    for line in header.read_text(encoding="utf-8").split("\n"):
        if not line.startswith("//"):
            break
        lines.append(line[2:].strip())
    text = " ".join(lines).split("  ")[0]
    return re.split(r"(?<=[.:;])\s", text)[0].rstrip(":;").replace("<", "&lt;").replace(">", "&gt;")


def reading_order():
    out = ["", "# The headers, in reading order {#reading_order}", ""]
    for line in (ROOT / "include/sfcdc/sfcdc.hpp").read_text(encoding="utf-8").split("\n"):
        name = re.match(r"#include <sfcdc/(.*)>", line)
        if name:
            out.append(f'- @ref sfcdc/{name[1]} "{name[1]}": {first_sentence(ROOT / "include/sfcdc" / name[1])}')
        elif out[-1].startswith("- "):
            out += ["", "<!-- the next group -->", ""]
    return out


def anchors(source):
    """What a link to a heading of this page has behind its #: by GitHub's rule, the heading in small letters without punctuation."""
    headings = re.findall(r"^#+ (.*)$", source.read_text(encoding="utf-8"), re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}


def page(source, broken):
    """The text of a page with links that Doxygen can follow; what is not in the reference is named without a link."""
    def link(found):
        mark, text, target = found.groups()
        if re.match(r"\w+:", target):
            return found[0]
        file, _, anchor = target.partition("#")
        path = (source.parent / file).resolve() if file else source.resolve()
        if not path.exists() or (anchor and path.suffix == ".md" and anchor not in anchors(path)):
            broken.append(f"{source.name}: the link to {target} leads to nothing")
        if mark:
            return f"![{text}]({path.name})"
        if path in SOURCES:
            return f"[{text}](@ref {page_id(path)})" if path.name != "README.md" else f"[{text}](@ref index)"
        if path.suffix == ".hpp" and path.is_relative_to(ROOT / "include"):
            return f'@ref {path.relative_to(ROOT / "include")} "{text}"'
        return text
    lines, code = [], False
    for line in source.read_text(encoding="utf-8").split("\n"):
        code ^= line.startswith("```")
        lines.append(line if code else re.sub(r"(!?)\[([^][]*)\]\(([^()\s]+)\)", link, line))
    title = lines.index(next(line for line in lines if line.startswith("# ")))
    if source.name == "README.md":
        others = ", ".join(f"[{s.stem}](@ref {page_id(s)})" for s in SOURCES if s != source)
        lines += ["", f"Pages: {others}.", *reading_order()]
    else:
        lines[title] += f" {{#{page_id(source)}}}"
    return "\n".join(lines).rstrip("\n") + "\n"


def errors_of(warnings, documented):
    """The lines of Doxygen's warnings that are errors. `documented`: whether a function of a namespace is described by an overload."""
    out = []
    for line in warnings:
        member = re.search(r"Member (.*) \((.*)\) of (\w+) (.*) is not documented\.$", line)
        compound = re.search(r"Compound (.*) is not documented\.$", line)
        if member:
            name = re.match(r"(?:operator\W+|[\w~]+)", member[1])[0]
            if member[3] == "namespace" and not (member[2] == "function" and documented(member[4] + "::" + name)):
                out.append(line)
        elif not compound or not compound[1].endswith("::iterator"):
            out.append(line)
    return out


def overloads():
    """Which functions of namespaces have a description, by the XML that Doxygen writes."""
    found = set()
    for file in (ROOT / "build/docs/xml").glob("namespace*.xml"):
        compound = xml.parse(file).getroot().find("compounddef")
        for member in compound.iter("memberdef"):
            if any("".join(member.find(part).itertext()).strip() for part in ("briefdescription", "detaileddescription")):
                found.add(compound.findtext("compoundname") + "::" + member.findtext("name"))
    return found


def main():
    shutil.rmtree(PAGES.parent, ignore_errors=True)
    PAGES.mkdir(parents=True)
    problems = []
    for source in SOURCES:
        (PAGES / source.name).write_text(page(source, problems), encoding="utf-8")
    subprocess.run(["doxygen", "docs/reference/Doxyfile"], cwd=ROOT, check=True)
    warnings = (PAGES.parent / "warnings.txt").read_text(encoding="utf-8").replace(f"{ROOT}/", "").split("\n")
    documented = overloads()
    problems += errors_of([w for w in warnings if w.strip()], documented.__contains__)
    for problem in problems:
        print(problem, file=sys.stderr)
    if problems:
        sys.exit(f"docs: {len(problems)} errors")
    print("build/docs/html/index.html")


def self_test():
    # The pages as they are: no link leads to nothing, and every header has its sentence.
    problems = []
    front = page(ROOT / "README.md", problems)
    for source in SOURCES[1:]:
        page(source, problems)
    assert problems == [], "\n".join(problems)
    headers = re.findall(r'^- @ref sfcdc/(\S+) "\1": (.*)$', front, re.MULTILINE)
    assert len(headers) > 100 and headers[0][0] == "error.hpp" and all(sentence for _, sentence in headers), headers
    assert "](docs/" not in front
    # A page with a link that leads to nothing, and one that is code.
    with tempfile.TemporaryDirectory() as folder:
        file = pathlib.Path(folder) / "a page.md"
        file.write_text(f"# A page\n[one](no/such.md) and [two]({ROOT}/README.md) [here](#a-page) [lost](#nowhere)\n```\n[three](no/such.md)\n```\n")
        assert page(file, problems) == ("# A page {#page_a_page}\none and [two](@ref index) here lost\n```\n[three](no/such.md)\n```\n")
        assert len(problems) == 2 and "no/such.md" in problems[0] and "#nowhere" in problems[1], problems
    # Which warnings are errors.
    fails = ["a.hpp:1: warning: Compound sfcdc::a is not documented.",
             "a.hpp:2: warning: Member f(int) (function) of namespace sfcdc is not documented.",
             "a.hpp:3: warning: Member e (enumeration) of namespace sfcdc is not documented.",
             "a.hpp:4: warning: unable to resolve reference to 'x' for \\ref command"]
    passes = ["a.hpp:5: warning: Compound sfcdc::a::iterator is not documented.",
              "a.hpp:6: warning: Member g(int) (function) of namespace sfcdc is not documented.",
              "a.hpp:7: warning: Member h() (function) of class sfcdc::a is not documented."]
    assert errors_of(fails + passes, {"sfcdc::g"}.__contains__) == fails


if __name__ == "__main__":
    if sys.argv[1:] not in ([], ["--self-test"]):
        sys.exit(__doc__)
    self_test() if sys.argv[1:] else main()
