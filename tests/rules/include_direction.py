#!/usr/bin/env python3
"""Reads the #include lines of include/ and says where one points the wrong way.

    error, limits <- wire <- avro <- cdc <- row          simd <- wire, avro, cdc
                      ^
                      '--- call <- pubsub <- checkpoint
                             ^
                             '---- zerobus                 backoff <- call                   all of these <- delivery

and those of runner/, in quotes:

    operations <- io, disk, names <- credentials, salesforce/grants <- config <- salesforce, databricks <- sinks <- pipeline <- doctor <- commands <- main

It also says where one folder uses another's namespace `detail`, or its kernels.

usage: include_direction.py SOURCE_ROOT       checks the library
       include_direction.py --self-test       checks this script
"""
import pathlib
import posixpath
import re
import sys

# What a folder, or a header of the top level, may include besides its own folder. An unknown one may include nothing.
BASE = {"error", "limits", "version"}
ALLOWED = {
    "error": set(), "limits": set(), "version": set(), "backoff": {"error", "limits"},
    "simd": BASE,
    "wire": BASE | {"simd"},
    "avro": BASE | {"simd", "wire"},
    "cdc": BASE | {"simd", "wire", "avro"},
    "row": BASE | {"wire", "avro", "cdc"},
    "call": BASE | {"wire", "backoff"},
    "pubsub": BASE | {"wire", "backoff", "call"},
    "zerobus": BASE | {"wire", "backoff", "call"},
    "checkpoint": BASE | {"wire", "pubsub"},
    "delivery_options": BASE | {"wire", "backoff", "call", "pubsub", "zerobus"},
    "delivery_io": BASE | {"wire", "backoff", "call", "pubsub", "zerobus"},
    # The folder of this name, too: it has the parts of the one machine.
    "delivery": BASE | {"wire", "backoff", "call", "pubsub", "zerobus", "checkpoint", "delivery_options", "delivery_io"},
}
# The same for the folders of runner/; a file at its top is a part of its own, by its name.
RUNNER = {
    "operations": set(),
    "io": {"operations"},
    "disk": {"operations"},
    "names": set(),
    "credentials": {"operations", "io", "disk"},
    # The grants say themselves which keys of the configuration they have.
    "salesforce/grants": {"operations", "io", "disk"},
    "config": {"operations", "io", "disk", "names", "credentials", "salesforce/grants"},
    "salesforce": {"operations", "io", "disk", "config", "salesforce/grants"},
    "databricks": {"operations", "io", "disk", "names", "config"},
    "sinks": {"operations", "io", "disk", "names", "config", "databricks"},
    "pipeline": {"operations", "io", "disk", "names", "config", "salesforce", "databricks", "sinks"},
    "doctor": {"operations", "io", "disk", "names", "config", "salesforce", "salesforce/grants", "databricks", "sinks", "pipeline"},
    "commands": {"operations", "io", "disk", "names", "config", "salesforce", "salesforce/grants", "databricks", "sinks", "pipeline", "doctor"},
    "main": {"operations", "commands"},
    "pch": set(),
}
FORBIDDEN_NAMES = {"utils", "util", "common", "helpers", "helper", "detail", "types", "misc"}

# Headers of C++20 and the C ones in their C++ spelling.
STANDARD = set("""algorithm any array atomic barrier bit bitset cassert ccomplex cctype cerrno cfenv cfloat charconv chrono
cinttypes climits clocale cmath codecvt compare complex concepts condition_variable coroutine csetjmp csignal cstdarg cstddef
cstdint cstdio cstdlib cstring ctime cuchar cwchar cwctype deque exception execution filesystem format forward_list fstream
functional future initializer_list iomanip ios iosfwd iostream istream iterator latch limits list locale map memory
memory_resource mutex new numbers numeric optional ostream queue random ranges ratio regex scoped_allocator semaphore set
shared_mutex source_location span sstream stack stdexcept stop_token streambuf string string_view strstream syncstream
system_error thread tuple type_traits typeindex typeinfo unordered_map unordered_set utility valarray variant vector version""".split())
# Those of single machines, and the macros that tell machines apart, are for the backends alone.
INTRINSICS = {"emmintrin.h", "tmmintrin.h", "arm_neon.h"}
MACHINE = re.compile(r"^\s*#\s*(?:el)?if.*\b(__SSE\w*|__SSSE3__|__x86_64__|__AVX\w*|__aarch64__|__ARM_NEON|SFCDC_SCALAR)\b", re.MULTILINE)

INCLUDE = re.compile(r'^\s*#\s*include\s*(<([^>]*)>|"([^"]*)"|.*)', re.MULTILINE)


def part(path):
    """sfcdc/avro/plan.hpp -> avro; sfcdc/error.hpp -> error"""
    pieces = path.split("/")[1:]
    return pieces[0] if len(pieces) > 1 else pieces[0].rsplit(".", 1)[0]


def complaints(files):
    """files: path below include/ -> text"""
    for path, text in sorted(files.items()):
        for piece in path.split("/"):
            if piece.rsplit(".", 1)[0] in FORBIDDEN_NAMES:
                yield "%s: a name that says nothing: %s" % (path, piece)
        if "#pragma once" not in text:
            yield "%s: no #pragma once" % path
        own = part(path)
        if own == "sfcdc":  # the umbrella includes all
            for header in sorted(files):
                if part(header) != "sfcdc" and "#include <%s>" % header not in text:
                    yield "%s: does not include %s" % (path, header)
        elif own not in ALLOWED:
            yield "%s: a part that this test does not know: %s" % (path, own)
        for match in MACHINE.finditer(text) if own != "simd" else ():
            yield "%s:%d: asks for the machine, which is left to simd/: %s" % (path, text.count("\n", 0, match.start(1)) + 1, match.group(1))
        for match in INCLUDE.finditer(text):
            where = "%s:%d" % (path, text.count("\n", 0, match.start(1)) + 1)
            name = match.group(2)
            if name is None:
                yield "%s: include <...>, relative to include/: %s" % (where, match.group(1))
            elif name.startswith("sfcdc/"):
                if name not in files:
                    yield "%s: there is no %s" % (where, name)
                elif own != "sfcdc" and part(name) != own and part(name) not in ALLOWED.get(own, set()):
                    yield "%s: %s must not include %s" % (where, own, name)
            elif name not in STANDARD and not (own == "simd" and name in INTRINSICS):
                yield "%s: not the standard library: %s" % (where, name)


# What a folder has in its namespace `detail`, and its kernels, may change with the folder alone: nothing else names it.
PRIVATE = re.compile(r"\b(\w+)\s*::\s*(detail|scalar|vector128)\b")


def private_complaints(files):
    """files: path below include/, or below the repository for what uses the library -> text"""
    for path, text in sorted(files.items()):
        own = part(path) if path.startswith("sfcdc/") else None
        for match in PRIVATE.finditer(re.sub(r"//[^\n]*", lambda m: " " * len(m.group()), text)):
            line = text[text.rfind("\n", 0, match.start()) + 1:match.start()]
            if match.group(1) != own and not re.match(r"\s*(inline\s+)?namespace\s", line):
                yield "%s:%d: uses a private part of %s: %s" % (path, text.count("\n", 0, match.start()) + 1, match.group(1), match.group(2))


def runner_part(path):
    """io/http.hpp -> io; config.cpp -> config; a folder in a folder may be a part of its own"""
    inner = posixpath.dirname(path)
    return inner if inner in RUNNER else path.split("/")[0].rsplit(".", 1)[0]


def runner_complaints(files):
    """files: path below runner/ -> text"""
    for path, text in sorted(files.items()):
        own = runner_part(path)
        if own not in RUNNER:
            yield "runner/%s: a part that this test does not know: %s" % (path, own)
            continue
        for match in re.finditer(r'^\s*#\s*include\s*"([^"]+)"', text, re.MULTILINE):
            target = posixpath.normpath(posixpath.join(posixpath.dirname(path), match.group(1)))
            other = runner_part(target)
            if target not in files:
                if not target.endswith(".pb.h"):
                    yield "runner/%s: there is no %s" % (path, target)
            elif other != own and other not in RUNNER[own]:
                yield "runner/%s: %s must not include %s" % (path, own, target)


# There is one join: what else counts positions and rows together would be a second one.
def join_complaints(files):
    """files: path below the repository -> text"""
    for path, text in sorted(files.items()):
        if re.search(r"sfcdc/checkpoint\.hpp|\bsfcdc::checkpoint\b", text):
            yield "%s: uses checkpoint; only delivery.hpp does" % path


def self_test():
    assert list(join_complaints({"runner/x.cpp": "#include <sfcdc/checkpoint.hpp>"})) and not list(join_complaints({"runner/x.cpp": "s.checkpoint"}))

    def bad_private(path, text, wanted):
        assert bool(list(private_complaints({path: text}))) == wanted, (path, text)

    bad_private("sfcdc/cdc/bitmap.hpp", "using avro::detail::load_16;", True)
    bad_private("sfcdc/cdc/bitmap.hpp", "x = sfcdc::avro::detail :: f();", True)
    bad_private("sfcdc/cdc/bitmap.hpp", "x = wire::scalar::f();", True)
    bad_private("sfcdc/delivery.hpp", "pubsub::detail::proto3_writer w;", True)
    bad_private("runner/main.cpp", "sfcdc::row::detail::f();", True)
    bad_private("sfcdc/avro/plan.hpp", "avro::detail::f(); detail::g();", False)
    bad_private("sfcdc/avro/plan.hpp", "namespace sfcdc::avro::detail {", False)
    bad_private("sfcdc/avro/plan.hpp", "// row::detail::f() does it", False)

    def bad_runner(path, text, wanted):
        base = {"io/calls.hpp": "", "salesforce/org.hpp": "", "databricks/token.hpp": "", "pipeline/pipeline.hpp": "", "config/config.hpp": "", "salesforce/grants/grant.hpp": ""}
        got = list(runner_complaints({**base, path: text}))
        assert any(wanted in g for g in got) if wanted else not got, (path, text, got)

    bad_runner("salesforce/login.cpp", '#include "../io/calls.hpp"\n#include "org.hpp"\n#include "../config/config.hpp"', None)
    bad_runner("salesforce/login.cpp", '#include "../databricks/token.hpp"', "must not include")
    bad_runner("config/salesforce.cpp", '#include "../salesforce/grants/grant.hpp"', None)
    bad_runner("salesforce/grants/soap.cpp", '#include "../org.hpp"', "must not include")
    bad_runner("io/http.cpp", '#include "../config/config.hpp"', "must not include")
    bad_runner("databricks/x.hpp", '#include "../pipeline/pipeline.hpp"', "must not include")
    bad_runner("databricks/x.hpp", '#include "../io/none.hpp"', "there is no")
    bad_runner("helpers/x.hpp", "", "does not know")

    def bad(path, text, wanted):
        base = {"sfcdc/error.hpp": "#pragma once\n", "sfcdc/avro/plan.hpp": "#pragma once\n", "sfcdc/wire/utf8.hpp": "#pragma once\n", "sfcdc/simd/block.hpp": "#pragma once\n",
                "sfcdc/call/patience.hpp": "#pragma once\n", "sfcdc/pubsub/replay_id.hpp": "#pragma once\n", "sfcdc/zerobus/messages.hpp": "#pragma once\n",
                "sfcdc/row/json.hpp": "#pragma once\n", "sfcdc/cdc/event.hpp": "#pragma once\n"}
        got = list(complaints({**base, path: "#pragma once\n" + text}))
        assert any(wanted in g for g in got) if wanted else not got, (path, text, got)

    bad("sfcdc/row/json.hpp", "#include <sfcdc/cdc/event.hpp>\n#include <string>", None)
    bad("sfcdc/row/json.hpp", "#include <sfcdc/pubsub/replay_id.hpp>", "must not include")
    bad("sfcdc/row/json.hpp", "#include <sfcdc/zerobus/messages.hpp>", "must not include")
    bad("sfcdc/pubsub/replay_id.hpp", "#include <sfcdc/avro/plan.hpp>", "must not include")
    bad("sfcdc/pubsub/replay_id.hpp", "#include <sfcdc/cdc/event.hpp>", "must not include")
    bad("sfcdc/pubsub/replay_id.hpp", "#include <sfcdc/row/json.hpp>", "must not include")
    bad("sfcdc/pubsub/replay_id.hpp", "#include <sfcdc/zerobus/messages.hpp>", "must not include")
    bad("sfcdc/pubsub/replay_id.hpp", "#include <sfcdc/call/patience.hpp>", None)
    bad("sfcdc/zerobus/messages.hpp", "#include <sfcdc/call/patience.hpp>", None)
    bad("sfcdc/call/patience.hpp", "#include <sfcdc/pubsub/replay_id.hpp>", "must not include")
    bad("sfcdc/call/patience.hpp", "#include <sfcdc/zerobus/messages.hpp>", "must not include")
    bad("sfcdc/row/json.hpp", "#include <sfcdc/call/patience.hpp>", "must not include")
    bad("sfcdc/wire/utf8.hpp", "  #  include <sfcdc/avro/plan.hpp>", "must not include")
    bad("sfcdc/avro/plan.hpp", "#include <sfcdc/cdc/event.hpp>", "must not include")
    bad("sfcdc/error.hpp", "#include <sfcdc/wire/utf8.hpp>", "must not include")
    bad("sfcdc/error.hpp", "#include <nlohmann/json.hpp>", "not the standard library")
    bad("sfcdc/error.hpp", "#include <unistd.h>", "not the standard library")
    bad("sfcdc/error.hpp", '#include "limits.hpp"', "include <...>")
    bad("sfcdc/error.hpp", "#include <sfcdc/nothing.hpp>", "there is no")
    bad("sfcdc/wire/utf8.hpp", "#include <sfcdc/simd/block.hpp>", None)
    bad("sfcdc/cdc/event.hpp", "#include <sfcdc/simd/block.hpp>", None)
    bad("sfcdc/simd/block.hpp", "#include <sfcdc/wire/utf8.hpp>", "must not include")
    bad("sfcdc/simd/block.hpp", "#include <emmintrin.h>\n#ifdef __SSE2__\n#endif", None)
    bad("sfcdc/wire/utf8.hpp", "#include <emmintrin.h>", "not the standard library")
    bad("sfcdc/wire/utf8.hpp", "#ifdef __SSE2__\n#endif", "asks for the machine")
    bad("sfcdc/wire/utf8.hpp", "#  if defined(X) && defined(__aarch64__)\n#endif", "asks for the machine")
    bad("sfcdc/avro/utils.hpp", "", "says nothing")
    bad("sfcdc/detail/x.hpp", "", "says nothing")
    bad("sfcdc/other/x.hpp", "", "does not know")
    bad("sfcdc/checkpoint.hpp", "#include <sfcdc/zerobus/messages.hpp>", "must not include")
    bad("sfcdc/delivery.hpp", "#include <sfcdc/zerobus/messages.hpp>\n#include <sfcdc/pubsub/replay_id.hpp>", None)
    bad("sfcdc/delivery.hpp", "#include <sfcdc/row/json.hpp>", "must not include")
    bad("sfcdc/sfcdc.hpp", "#include <sfcdc/error.hpp>", "does not include sfcdc/avro/plan.hpp")
    return 0


def main(argument):
    if argument == "--self-test":
        return self_test()
    include = pathlib.Path(argument) / "include"
    files = {p.relative_to(include).as_posix(): p.read_text(encoding="utf-8") for p in include.rglob("*") if p.is_file()}
    assert len(files) > 10, "no headers below %s" % include
    runner = pathlib.Path(argument) / "runner"
    sources = {p.relative_to(runner).as_posix(): p.read_text(encoding="utf-8") for p in runner.rglob("*") if p.suffix in (".hpp", ".cpp")}
    users = {p.relative_to(argument).as_posix(): p.read_text(encoding="utf-8") for folder in ("runner", "tests/simulation", "examples")
             for p in (pathlib.Path(argument) / folder).rglob("*.?pp")}
    users_of_private = {path: text for path, text in users.items() if not path.startswith("tests/")}
    for folder in ("emulator", "bench"):
        outside = {p.relative_to(argument).as_posix(): p.read_text(encoding="utf-8") for p in (pathlib.Path(argument) / folder).rglob("*.?pp")}
        users_of_private.update(outside)
    found = list(private_complaints({**files, **users_of_private})) + list(complaints(files)) + list(runner_complaints(sources)) + list(join_complaints(users))
    print("\n".join(found) or "%d files, every include points the right way" % (len(files) + len(sources)))
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1]))
