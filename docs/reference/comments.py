#!/usr/bin/env python3
"""Doxygen's INPUT_FILTER: prints a header whose plain comments are those that Doxygen reads. usage: comments.py HEADER | --self-test

A block of `//` lines directly in front of a declaration becomes `///`, one behind a member or an enumerator on its line `///<`, and the
first one of the file `/// \\file`. Only namespaces, classes and enums are looked at: Doxygen would take a documentation block inside of a
function's body for a part of the function's description. In an enum a comment in front of several enumerators is about all of them,
up to an empty line or another comment. What means something to Doxygen, Markdown or HTML outside of `code` is escaped.
"""
import pathlib
import re
import sys

SCOPE = re.compile(r'^(inline\s+)?namespace\b|^extern\s*""$')
TYPE = re.compile(r"^(template\s*<.*>\s*)?(requires\b.*?)?(typedef\s+)?(class|struct|union)\b(?!.*\boperator\b)", re.DOTALL)
ENUM = re.compile(r"^enum\b")


class Scanner:
    """Follows the braces of C++ line by line: `scope` is where a line begins, and `statement` what has been read of a declaration that
    began on a line before."""

    def __init__(self):
        self.stack = ["namespace"]
        self.statement = ""
        self.in_comment = False
        self.directive = False

    @property
    def scope(self):
        return self.stack[-1]

    def opened(self):
        text = re.sub(r"\[\[.*?\]\]", "", self.statement).strip()
        if SCOPE.match(text):
            return "namespace"
        if ENUM.match(text):
            return "enum"
        if TYPE.match(text) and "(" not in re.sub(r"alignas\s*\([^)]*\)|<.*?>|requires\s*\(.*?\)", "", text):
            return "type"
        return "body"

    def feed(self, line):
        """Returns where a trailing comment begins, or -1."""
        i, comment = 0, -1
        if self.directive or (line.lstrip().startswith("#") and not self.in_comment):
            self.directive = line.rstrip().endswith("\\")
            return -1
        while i < len(line):
            c = line[i]
            if self.in_comment:
                end = line.find("*/", i)
                if end < 0:
                    break
                self.in_comment, i = False, end + 2
                continue
            if line.startswith("//", i):
                comment = i
                break
            if line.startswith("/*", i):
                self.in_comment, i = True, i + 2
                continue
            if c in "\"'" and not (c == "'" and i > 0 and line[i - 1].isalnum() and i + 1 < len(line) and line[i + 1].isalnum()):
                if c == '"' and line[max(i - 1, 0)] == "R":
                    opening = line[i + 1:line.index("(", i)]
                    i = line.index(")" + opening + '"', i) + len(opening) + 1
                else:
                    i += 1
                    while line[i] != c:
                        i += 2 if line[i] == "\\" else 1
                self.statement += '""'
            elif c == "{":
                self.stack.append(self.opened())
                if self.stack[-1] != "body":
                    self.statement = ""
                else:
                    self.statement += " {"
            elif c == "}":
                closed = self.stack.pop()
                # A body ends the declaration; so does an initialiser, up to its semicolon, which is another empty one.
                self.statement = "" if closed != "body" or self.scope != "body" else self.statement
            elif c == ";" and self.scope != "body":
                self.statement = ""
            elif c == "," and self.scope == "enum":
                self.statement = ""
            elif c == ":" and self.scope == "type" and self.statement.strip() in ("public", "private", "protected"):
                self.statement = ""
            elif self.scope != "body":
                self.statement += c
            i += 1
        if self.scope != "body" and self.statement:
            self.statement += "\n"
        return comment


def escaped(text):
    parts = text.split("`")
    if len(parts) % 2 == 0:  # A single ` is a character.
        return re.sub(r"([\\@<>#&%`])", r"\\\1", text)
    return "`".join(part if i % 2 else re.sub(r"([\\@<>#&%])", r"\\\1", part) for i, part in enumerate(parts))


def translated(comment, mark):
    """`// text` with another mark; indented lines are code, which Markdown takes as it is."""
    indent, text = re.match(r"(\s*)//(.*)$", comment, re.DOTALL).groups()
    if text.startswith(" Source: "):  # A line of its own.
        mark += " <br/>"
    return f"{indent}{mark}{text if re.match(r' {5}', text) else escaped(text)}"


def documented(text):
    scanner = Scanner()
    # Users write sfcdc::avro, not sfcdc::v0::avro.
    lines = re.sub(r"^(namespace \w+)::inline \w+", r"\1", text, flags=re.MULTILINE).split("\n")
    out = []
    block = []     # Numbers in `out` of the lines of a comment that may turn out to be in front of a declaration.
    group = []     # In an enum: the text of the comment that is about the enumerators below.
    trailing = -1  # Column of a trailing comment that the next line may go on with.
    first = True   # The comment at the top is about the file.

    def translate(mark):
        for number in block:
            out[number] = translated(out[number], mark)

    for line in lines:
        stripped = line.strip()
        scope, inside = scanner.scope, scanner.statement.strip() != ""
        if stripped.startswith("//") and not scanner.in_comment:
            if trailing >= 0 and line.index("//") == trailing:
                out.append(translated(line, "///<"))
                continue
            trailing = -1
            if scope != "body" and not inside:
                block.append(len(out))
            out.append(line)
            continue
        trailing = -1
        begins = stripped not in ("", "}", "};", "public:", "private:", "protected:") and not stripped.startswith(("#", "}"))
        if block and out[block[0]].strip().startswith("// ----"):  # A heading between members.
            del block[0]
        if block and first and stripped.startswith("#pragma once"):
            translate("///")
            out[block[0]] = "/// \\file\n" + out[block[0]]
        elif block and begins and not re.match(r"(inline )?namespace\b|static_assert\b", stripped):
            group = [translated(out[number], "///") for number in block] if scope == "enum" else []
            translate("///")
        elif scope == "enum" and group and begins and not inside and not block:
            out.extend(group)
        elif not begins or block:
            group = []
        first = first and not (block or begins)
        alone = not block
        block = []
        at = scanner.feed(line)
        if at > 0 and "NOLINT" not in line and scope != "body":
            code, comment = line[:at].rstrip(), line[at:]
            complete = scanner.scope == scope and scanner.statement.strip() == ""
            if scope == "enum" and scanner.scope == "enum" or complete and code.strip() != "}" and code.endswith((";", "}")):
                line, trailing = line[:at] + translated(comment, "///<"), at
                if group and out[-len(group):] == group:
                    del out[-len(group):]  # It has a comment of its own.
            elif scanner.scope == "type" and scanner.statement.strip() == "" and code.endswith("{") and alone:
                line = re.match(r"\s*", code)[0] + f"/** {escaped(comment[2:].strip())} */ " + code.strip()
        out.append(line)
    return "\n".join(out)


EXAMPLE = """// Of the file; a<b> and `c<d>`.
#pragma once

#include <x>

namespace a::inline v0 {

// Of f.
// Source: more.
template<class T> void f(T&& t) {
    // Not of g.
    g({1, "}"}, '{', 1'000); // Nor this.
}

// Not of anything.

enum class e {
    // Two of them.
    one,
    two,

    three,
    four, // Its own,
          // longer.
};

// Of the struct.
struct s {
    int i = {}; // Of i.
    // ---- a heading
    int j{3};
    // ---- another
    // Of k: see e::one, 5 % of #1.
    int k() const {
        return 0; // Not this.
    }
    int l() const { return 1; } // Of l.

  private:
    // Of the private one.
    int m_;
};

struct with_comment { // Of it.
    int i;
};
} // namespace a
"""
EXPECTED = r"""/// \file
/// Of the file; a\<b\> and `c<d>`.
#pragma once

#include <x>

namespace a {

/// Of f.
/// <br/> Source: more.
template<class T> void f(T&& t) {
    // Not of g.
    g({1, "}"}, '{', 1'000); // Nor this.
}

// Not of anything.

enum class e {
    /// Two of them.
    one,
    /// Two of them.
    two,

    three,
    four, ///< Its own,
          ///< longer.
};

/// Of the struct.
struct s {
    int i = {}; ///< Of i.
    // ---- a heading
    int j{3};
    // ---- another
    /// Of k: see e::one, 5 \% of \#1.
    int k() const {
        return 0; // Not this.
    }
    int l() const { return 1; } ///< Of l.

  private:
    /// Of the private one.
    int m_;
};

/** Of it. */ struct with_comment {
    int i;
};
} // namespace a
"""

if __name__ == "__main__":
    if sys.argv[1:] == ["--self-test"]:
        found = documented(EXAMPLE)
        for number, (a, b) in enumerate(zip(found.split("\n"), EXPECTED.split("\n")), 1):
            assert a == b, f"line {number}: {a!r} in place of {b!r}"
        assert found == EXPECTED, found
    elif len(sys.argv) == 2:
        sys.stdout.write(documented(pathlib.Path(sys.argv[1]).read_text(encoding="utf-8")))
    else:
        sys.exit(__doc__)
