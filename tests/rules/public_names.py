#!/usr/bin/env python3
"""Compares the names that the headers of include/ declare for users with tests/rules/public_names.txt, so that the surface changes by
decision: a name that comes, goes or changes its kind fails the test until the file is written anew, and shows in the review.

The names are: namespaces' functions, constants, aliases, classes, enums with their enumerators, and of classes the public members.
What is in a namespace `detail` or of kernels, private, protected, a friend, or a class's constructor, destructor or assignment is left out. A name that is
overloaded stands once. An inline namespace (`inline namespace v0`, `namespace sfcdc::inline v0`) is no part of a name.

usage: public_names.py SOURCE_ROOT            compares
       public_names.py SOURCE_ROOT --write    writes the file anew
       public_names.py --self-test            checks this script
"""
import difflib
import pathlib
import re
import sys

TOKEN = re.compile(r"""
    (?P<skip>\s+|//[^\n]*|/\*.*?\*/|^[ \t]*\#(?:[^\n\\]|\\.)*)
  | (?P<text>(?:u8|[uUL])?R"(?P<mark>[^(]*)\(.*?\)(?P=mark)"|(?:u8|[uUL])?"(?:[^"\\\n]|\\.)*")
  | (?P<number>\.?\d(?:'?[\w.]|[eEpP][+-])*)
  | (?P<letter>(?:u8|[uUL])?'(?:[^'\\\n]|\\.)+')
  | (?P<word>[A-Za-z_]\w*)
  | (?P<sign>::|->\*|->|\[\[|<=>|<<=|<=|>=|==|!=|&&|\|\||\+\+|--|.)
""", re.VERBOSE | re.DOTALL | re.MULTILINE)
CLOSING = {"(": ")", "{": "}", "[": "]", "[[": "]"}
NO_NAMES = {"friend", "static_assert", "extern"}
# Of each kernel there is one for a machine, and the code around it takes the widest: no user names them.
PRIVATE = {"detail", "scalar", "vector128", "simd"}


def tokens_of(text):
    return [m.group() for m in TOKEN.finditer(text) if m.lastgroup != "skip"]


def behind(tokens, at):
    """The index behind the bracket that closes the one at `at`."""
    depth = 0
    for i in range(at, len(tokens)):
        if tokens[i] in CLOSING:
            depth += len(tokens[i])
        elif tokens[i] in CLOSING.values():
            depth -= 1
            if depth == 0:
                return i + 1
    raise SyntaxError("no bracket closes " + " ".join(tokens[at:at + 8]))


def behind_angle(tokens, at):
    """The index behind the '>' that closes the '<' at `at`. Comparisons in template arguments are in parentheses, as C++ wants it."""
    depth = 0
    i = at
    while i < len(tokens):
        if tokens[i] in ("(", "{", "["):
            i = behind(tokens, i)
            continue
        depth += {"<": 1, ">": -1}.get(tokens[i], 0)
        i += 1
        if depth == 0:
            return i
    raise SyntaxError("no '>' closes " + " ".join(tokens[at:at + 8]))


def is_word(token):
    return re.fullmatch(r"[A-Za-z_]\w*", token) is not None


class reader:
    def __init__(self, text):
        self.tokens = tokens_of(text)
        self.names = set()

    def scope(self, at, end, prefix, public, own_class):
        """Reads the declarations from `at` on up to `end`. prefix: "sfcdc::cdc::"; own_class: the name of the class around, or None."""
        while at < end:
            token = self.tokens[at]
            if token in (";", "}"):
                at += 1
            elif own_class is not None and token in ("public", "private", "protected") and self.tokens[at + 1] == ":":
                public = token == "public"
                at += 2
            else:
                at = self.declaration(at, end, prefix, public, own_class)

    def declaration(self, at, end, prefix, public, own_class):
        """Reads one declaration; returns the index behind it."""
        t = self.tokens
        while True:  # what may stand in front of it
            if t[at] == "template":
                at = behind_angle(t, at + 1) if t[at + 1] == "<" else at + 1
            elif t[at] == "requires":
                at = self.behind_requires(at + 1)
            elif t[at] == "[[":
                at = behind(t, at)
            elif t[at] == "inline" and t[at + 1] == "namespace":
                return self.namespace(at + 1, end, prefix, True)
            else:
                break
        if t[at] == "namespace":
            return self.namespace(at, end, prefix, False)
        if t[at] in NO_NAMES:
            return self.behind_declaration(at, end)
        if t[at] == "using":
            stop = self.behind_declaration(at, end)
            if t[at + 1] == "namespace":
                return stop
            if t[at + 1] == "enum":
                return stop
            name = t[at + 1] if t[at + 2] == "=" or t[at + 2] == "[[" else t[stop - 2]
            self.add(prefix, name, "alias", public)
            return stop
        if t[at] in ("concept",):
            self.add(prefix, t[at + 1], "concept", public)
            return self.behind_declaration(at, end)
        if t[at] == "enum":
            return self.enum(at, prefix, public)
        if t[at] in ("class", "struct", "union"):
            head = at + 1
            while t[head] in ("[[", "alignas"):
                head = behind(t, head if t[head] == "[[" else head + 1)
            names, i = [], head
            while is_word(t[i]) or t[i] == "::":
                names.append(t[i])
                i += 1
            if t[i] == "<":  # a specialisation; it adds no name
                i = behind_angle(t, i)
                names = []
            if t[i] == ";":
                return i + 1
            if t[i] in ("{", ":"):
                while t[i] != "{":
                    i += 1
                stop = behind(t, i)
                names = [n for n in names if n not in ("final", "::")]
                if names:
                    inner = prefix + names[-1] if "::" not in t[head:i] else prefix + "::".join(names)
                    name = "::".join(names)
                    if name.count("::") == 0:
                        self.add(prefix, name, "class", public)
                    if public:
                        self.scope(i + 1, stop - 1, inner + "::", t[at] != "class", names[-1])
                return self.behind_declaration(stop, end)
        return self.function_or_variable(at, end, prefix, public, own_class)

    def behind_requires(self, at):
        t = self.tokens
        while True:
            if t[at] == "(":
                at = behind(t, at)
            else:
                while is_word(t[at]) or t[at] == "::":
                    at += 1
                    if t[at] == "<":
                        at = behind_angle(t, at)
                    if is_word(t[at]) and t[at - 1] != "::":
                        return at
            if t[at] not in ("&&", "||"):
                return at
            at += 1

    def namespace(self, at, end, prefix, is_inline):
        t = self.tokens
        names, i = [], at + 1
        while t[i] not in ("{", "=", ";"):
            if t[i] == "inline":
                i += 2  # it and its name
                continue
            if is_word(t[i]):
                names.append(t[i])
            i += 1
        if t[i] != "{":
            return self.behind_declaration(at, end)
        stop = behind(t, i)
        if not PRIVATE & set(names):
            self.scope(i + 1, stop - 1, prefix + "".join(n + "::" for n in names if not is_inline), True, None)
        return stop

    def enum(self, at, prefix, public):
        t = self.tokens
        i = at + 1
        scoped = t[i] in ("class", "struct")
        i += 1 if scoped else 0
        if t[i] == "[[":
            i = behind(t, i)
        name = t[i] if is_word(t[i]) else ""
        while t[i] not in ("{", ";"):
            i += 1
        if t[i] == ";":
            return i + 1
        stop = behind(t, i)
        if name:
            self.add(prefix, name, "enum", public)
        i += 1
        while i < stop - 1:
            self.add(prefix + (name + "::" if scoped else ""), t[i], "enumerator", public)
            while i < stop - 1 and t[i] != ",":
                i = behind(t, i) if t[i] in CLOSING else i + 1
            i += 1
        return stop + 1

    def behind_declaration(self, at, end):
        """Behind the ';' or the body that ends what begins at `at`."""
        t = self.tokens
        while at < end:
            if t[at] == ";":
                return at + 1
            if t[at] == "{":
                at = behind(t, at)
                if at >= end or t[at] not in (";", ",", ")"):
                    return at
            else:
                at = behind(t, at) if t[at] in CLOSING else at + 1
        return at

    def function_or_variable(self, at, end, prefix, public, own_class):
        t = self.tokens
        i = at
        name = None
        while i < end:
            if t[i] == "operator":
                first = i
                i += 1
                while t[i] != "(" or (i == first + 1 and t[i + 1] == ")"):
                    i = i + 2 if t[i] == "(" else i + 1
                    if t[i - 1] == "<" and is_word(t[i - 2]) and t[i - 2] != "operator":
                        i = behind_angle(t, i - 1)
                words = t[first + 1:i]
                joined = " ".join(words) if is_word(words[0]) else "".join(words)
                name = "operator " + joined if is_word(words[0]) else "operator" + joined
                return self.function(i, end, prefix, name, public, own_class)
            if t[i] in ("__attribute__", "alignas", "decltype", "noexcept", "explicit") and t[i + 1] == "(":
                i = behind(t, i + 1)
            elif t[i] == "[[":
                i = behind(t, i)
            elif t[i] == "~":
                return self.function(i + 2, end, prefix, None, public, own_class)
            elif t[i] == "(":
                return self.function(i, end, prefix, t[i - 1], public, own_class)
            elif t[i] == "<":
                i = behind_angle(t, i)
            elif t[i] in ("=", ";", "{", "[", ",", ":"):  # a variable, and perhaps others behind a comma
                self.add(prefix, t[i - 1], "variable" if own_class is None else "member", public and "::" not in t[at:i][-2:-1])
                while i < end and t[i] not in (";", ","):
                    i = behind(t, i) if t[i] in CLOSING else behind_angle(t, i) if t[i] == "<" and t[i - 1] != " " and is_word(t[i - 1]) \
                        and self.is_angle(i) else i + 1
                if t[i] == ";":
                    return i + 1
                i += 1
            else:
                i += 1
        return i

    def is_angle(self, at):
        """Whether the '<' of an initialiser opens template arguments: whether it is closed before the initialiser ends."""
        t = self.tokens
        for i in range(at + 1, min(at + 40, len(t))):
            if t[i] in (";", "{", "&&", "||"):
                return False
            if t[i] == ">":
                return True
        return False

    def function(self, at, end, prefix, name, public, own_class):
        """at: the '(' of its parameters. A definition outside of its class adds no name."""
        t = self.tokens
        outside = t[at - 2] == "::" and name is not None and name == t[at - 1]
        if name is not None and name != own_class and name != "operator=" and not outside:
            self.add(prefix, name, "function", public)
        i = behind(t, at)
        while i < end and t[i] not in (";", "{", ":"):
            i = behind(t, i) if t[i] in CLOSING else i + 1
        if i < end and t[i] == ":":  # initialisers of members; the body's brace follows one of them, with no name in between
            i += 1
            while True:
                while t[i] not in ("(", "{"):
                    i = behind_angle(t, i) if t[i] == "<" else i + 1
                i = behind(t, i)
                if t[i] == "...":
                    i += 1
                if t[i] != ",":
                    break
                i += 1
        return behind(t, i) if t[i] == "{" else i + 1

    def add(self, prefix, name, kind, public):
        if public and is_word(name.split()[0].replace("operator", "operator_").split("(")[0][:8]):
            self.names.add("%s%s  %s" % (prefix, name, kind))


def names_of(texts):
    names = set()
    for path, text in texts:
        r = reader(text)
        try:
            r.scope(0, len(r.tokens), "", True, None)
        except (SyntaxError, IndexError) as e:
            raise SystemExit("%s: this script cannot read it: %s" % (path, e))
        names |= r.names
    return sorted(names)


def unversioned(path, text, major="0"):
    """The lines that open the library's namespace without the major version, which its symbols carry."""
    return ["%s:%d: %s" % (path, number, line) for number, line in enumerate(text.split("\n"), 1)
            if re.match(r"(inline )?namespace sfcdc\b(?!::inline v" + major + r"\b)", line)]


SELF_TEST = r'''
#pragma once
#include <vector> // class not_this
namespace sfcdc::inline v0::row {
inline namespace v1 { enum class color : int { red = 1, green [[deprecated]], blue }; }
enum : int { loose = 2 };
class forward;
namespace detail { struct hidden { int a; }; }
template<class T, int N = (1 > 0)> struct [[nodiscard]] box final : base<T> {
    box() : value{1}, other_(2) { if (true) { return; } }
    ~box();
    box& operator=(const box&) = default;
    explicit operator bool() const noexcept { return true; }
    bool operator()(int) const;
    friend bool operator==(const box&, const box&) = default;
    std::array<int, 3> value{}, more = {1, 2};
    static constexpr int size = 3 < 4 ? 1 : 2;
    template<class U> requires std::is_same_v<U, T> void put(U&& u) noexcept(true) { auto x = [&] { return 1; }; }
    struct inner { int depth; void go(); };
    using type = T;
  private:
    int other_;
    void secret();
  public:
    auto last() const -> int;
};
template<> struct box<int, 1> { int special; };
inline int box<int>::out() { return 1; }
[[gnu::noinline]] inline std::vector<std::pair<int, int>> make(const char* text = "(;{", int n = 1'000) { return {}; }
inline constexpr std::string_view words[] = {"a;", "b"};
using std::string;
template<class T> concept readable = requires(T t) { t.read(); };
bool operator<(int, box<int>) noexcept;
static_assert(sizeof(int) == 4, "class x {");
}
'''
WANTED = """sfcdc::row::box  class
sfcdc::row::box::inner  class
sfcdc::row::box::inner::depth  member
sfcdc::row::box::inner::go  function
sfcdc::row::box::last  function
sfcdc::row::box::more  member
sfcdc::row::box::operator bool  function
sfcdc::row::box::operator()  function
sfcdc::row::box::put  function
sfcdc::row::box::size  member
sfcdc::row::box::type  alias
sfcdc::row::box::value  member
sfcdc::row::color  enum
sfcdc::row::color::blue  enumerator
sfcdc::row::color::green  enumerator
sfcdc::row::color::red  enumerator
sfcdc::row::loose  enumerator
sfcdc::row::make  function
sfcdc::row::operator<  function
sfcdc::row::readable  concept
sfcdc::row::string  alias
sfcdc::row::words  variable""".split("\n")


def main(arguments):
    if arguments == ["--self-test"]:
        found = names_of([("self-test", SELF_TEST)])
        print("\n".join(difflib.unified_diff(WANTED, found, "wanted", "found", lineterm="")) or "reads what it should")
        lines = unversioned("x", "namespace sfcdc::inline v0::a {\nnamespace sfcdc::a {\nnamespace detail {\nnamespace sfcdc {")
        return int(found != WANTED or lines != ["x:2: namespace sfcdc::a {", "x:4: namespace sfcdc {"])
    root = pathlib.Path(arguments[0])
    names = names_of((p.relative_to(root).as_posix(), p.read_text(encoding="utf-8")) for p in sorted((root / "include").rglob("*.hpp")))
    major = re.search(r"SFCDC_VERSION_MAJOR (\d+)", (root / "include/sfcdc/version.hpp").read_text(encoding="utf-8"))[1]
    without = [line for p in sorted((root / "include").rglob("*.hpp")) for line in unversioned(p.relative_to(root).as_posix(), p.read_text(encoding="utf-8"), major)]
    if without:
        print("\n".join(without))
        print("A namespace of a header is sfcdc::inline v" + major + " or in it, so that programs can link libraries that vendor other versions.")
        return 1
    listed = root / "tests" / "rules" / "public_names.txt"
    if arguments[1:] == ["--write"]:
        listed.write_text("\n".join(names) + "\n", encoding="utf-8")
        return 0
    before = listed.read_text(encoding="utf-8").split("\n")[:-1]
    change = [line for line in difflib.unified_diff(before, names, "public_names.txt", "include/", lineterm="", n=0)]
    if change:
        print("\n".join(change))
        print("The public names have changed. If that is meant: python3 tests/rules/public_names.py . --write")
        return 1
    print("%d public names, all of them in the file" % len(names))
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
