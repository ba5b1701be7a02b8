"""Rows as Databricks' own parser reads them, by the descriptor that Databricks' SDK makes of the tables in docs/layouts.md."""
import base64
import itertools
import json
import os
import pathlib
import re
import shutil
import struct
import subprocess

import pytest
from google.protobuf import descriptor_pb2, descriptor_pool, message_factory

ROOT = pathlib.Path(__file__).resolve().parents[2]
BUILD = pathlib.Path(os.environ["SFCDC_BUILD"])
MAKE_ROWS = BUILD / "tests" / "make_rows"
LAYOUTS = ("salesforce_zerobus", "sfcdc", "lakeflow")
TYPES = {"STRING": "STRING", "INT": "INT", "BIGINT": "LONG", "TIMESTAMP": "TIMESTAMP", "BINARY": "BINARY", "BOOLEAN": "BOOLEAN",
         "DOUBLE": "DOUBLE", "FLOAT": "FLOAT", "DATE": "DATE", "DECIMAL": "DECIMAL", "VARIANT": "VARIANT"}


@pytest.fixture(scope="session")
def program():
    cargo = shutil.which("cargo")
    if cargo is None:
        pytest.skip("there is no cargo")
    # A copy, so that neither Cargo.lock nor target/ appears among the sources.
    place = BUILD / "interop" / "zeroparser"
    shutil.copytree(ROOT / "tests/interop/zeroparser", place / "source", dirs_exist_ok=True)
    subprocess.run([cargo, "build", "--quiet", "--target-dir", place / "target"], cwd=place / "source", check=True, timeout=1800)
    return place / "target/debug/zeroparser_judge"


def column(name, type_, position):
    """A column as Unity Catalog's REST API has it."""
    array = re.fullmatch(r"ARRAY<(\w+)>", type_)
    out = {"name": name, "type_name": "ARRAY" if array else TYPES[type_.split("(")[0]], "position": position}
    if array:
        out["type_json"] = json.dumps({"type": "array", "elementType": array.group(1).lower(), "containsNull": True})
    return out


def documented_table(layout):
    page = (ROOT / "docs/layouts.md").read_text(encoding="utf-8")
    section = page.split("\n## `%s`\n" % layout, 1)[1]
    body = re.search(r"CREATE TABLE [^(]*\(\n(.*?)\n\)", section, re.S).group(1)
    lines = [re.match(r"\s*(\w+) ([A-Z]\S*?),?(\s|$)", line) for line in body.split("\n")]
    assert all(lines), body
    return [column(line.group(1), line.group(2), i) for i, line in enumerate(lines)]


def frames_of(*layout):
    raw = subprocess.run([MAKE_ROWS, *layout], stdout=subprocess.PIPE, check=True, timeout=60).stdout
    out = []
    while raw:
        (length,) = struct.unpack_from("<I", raw)
        out.append(raw[4:4 + length])
        raw = raw[4 + length:]
    return out


def verdict(program, frames, table, tmp_path):
    (tmp_path / "table.json").write_text(json.dumps(table))
    given = b"".join(struct.pack("<I", len(f)) + f for f in frames)
    done = subprocess.run([program, tmp_path / "table.json"], input=given, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, timeout=300)
    return done.returncode, done.stdout.decode()


@pytest.mark.parametrize("layout", LAYOUTS)
def test_golden_events(program, layout, tmp_path):
    frames = frames_of(layout)
    code, said = verdict(program, frames, documented_table(layout), tmp_path)
    assert code == 0, said
    rows, values, _, differences = map(int, re.findall(r"\d+", said.splitlines()[-1]))
    assert rows == (len(frames) - 1) // 2 > 30 and values > 5 * rows and differences == 0, said


def typed_table(which):
    """The columns of a typed table; None when there is no golden schema of this number."""
    done = subprocess.run([MAKE_ROWS, "columns", which], stdout=subprocess.PIPE, timeout=60)
    assert done.returncode in (0, 3)
    return None if done.returncode else [column(*line.split(" ", 1), i) for i, line in enumerate(done.stdout.decode().splitlines())]


def test_golden_events_as_typed_rows(program, tmp_path):
    sums = [0, 0]
    for which in map(str, itertools.count()):
        if (table := typed_table(which)) is None:
            break
        frames = frames_of("typed", which)
        code, said = verdict(program, frames, table, tmp_path)
        assert code == 0, (which, said)
        rows, values, _, differences = map(int, re.findall(r"\d+", said.splitlines()[-1]))
        assert rows == (len(frames) - 1) // 2 > 0 and differences == 0, said
        sums = [sums[0] + rows, sums[1] + values]
    assert sums[0] > 30 and sums[1] > 12 * sums[0]


def test_random_events_as_typed_rows(program, tmp_path):
    frames, table = frames_of("typed", "random"), typed_table("random")
    code, said = verdict(program, frames, table, tmp_path)
    assert code == 0, said
    rows, values, _, differences = map(int, re.findall(r"\d+", said.splitlines()[-1]))
    assert rows == (len(frames) - 1) // 2 >= 10_000 and values > 15 * rows and differences == 0, said
    place = next(i for i in range(2, len(frames), 2) if json.loads(frames[i])["BillingCity"])
    frames[place] = json.dumps({**json.loads(frames[place]), "BillingCity": "?"}).encode()
    code, said = verdict(program, frames[:place + 1], table, tmp_path)
    assert code == 1 and f"row {place // 2}, BillingCity: " in said and " 1 differences" in said, said


# A judge that finds nothing may not have looked.
def test_the_judge_sees_what_is_wrong(program, tmp_path):
    frames, table = frames_of("sfcdc"), documented_table("sfcdc")

    def complaint(frames, table=table):
        code, said = verdict(program, frames, table, tmp_path)
        assert code == 1, said
        return said

    def expecting(**changes):
        return [*frames[:2], json.dumps({**json.loads(frames[2]), **changes}).encode(), *frames[3:]]

    assert "row 1, sequence_number: Int32(" in complaint(expecting(sequence_number=77))
    assert "row 1, change_type: Some(String(" in complaint(expecting(change_type=None))
    assert "row 1, record_data: String(" in complaint(expecting(record_data={"$json": {}}))
    assert "row 1, changed_fields: 2 items; expected: 1" in complaint(expecting(changed_fields=["LastModifiedDate"]))
    assert 'row 1: "other" is expected, but is no column' in complaint(expecting(other=1))
    assert "row 1: is refused" in complaint([frames[0], frames[1][:-1], *frames[2:]])
    assert "row 1, org_id: None" in complaint([frames[0], b"", *frames[2:]])
    assert "the descriptor: has ingested_at = 20" in complaint(frames, table[:-1])
    assert "the descriptor: has not ingested_at = 20 Optional Int32" in complaint(frames, [*table[:-1], column("ingested_at", "INT", 19)])
    assert verdict(program, frames[:-1], table, tmp_path)[0] == 2


# Each type that a column can have, in messages that Google's library has written.
def test_every_type_of_a_column(program, tmp_path):
    kind = descriptor_pb2.FieldDescriptorProto
    columns = [("text", "STRING", kind.TYPE_STRING), ("n", "INT", kind.TYPE_INT32), ("big", "BIGINT", kind.TYPE_INT64), ("at", "TIMESTAMP", kind.TYPE_INT64),
               ("day", "DATE", kind.TYPE_INT32), ("is", "BOOLEAN", kind.TYPE_BOOL), ("x", "DOUBLE", kind.TYPE_DOUBLE), ("f", "FLOAT", kind.TYPE_FLOAT),
               ("raw", "BINARY", kind.TYPE_BYTES), ("money", "DECIMAL(38,2)", kind.TYPE_STRING), ("rest", "VARIANT", kind.TYPE_STRING),
               ("words", "ARRAY<STRING>", kind.TYPE_STRING)]
    file = descriptor_pb2.FileDescriptorProto(name="every_type.proto", package="every", syntax="proto2")
    row = file.message_type.add(name="Row")
    for number, (name, type_, wire) in enumerate(columns, 1):
        row.field.add(name=name, number=number, type=wire, label=kind.LABEL_REPEATED if type_.startswith("ARRAY") else kind.LABEL_OPTIONAL)
    pool = descriptor_pool.DescriptorPool()
    pool.Add(file)
    message = message_factory.GetMessageClass(pool.FindMessageTypeByName("every.Row"))
    expected = [
        {"text": "é\u0000", "n": -1, "big": 2**53 + 1, "at": -1, "day": -719162, "is": True, "x": 0.1, "f": 0.5, "raw": base64.b64encode(b"\xff\x00").decode(),
         "money": "1234567890123456789.05", "rest": {"$json": {"b": [1, 2.5], "a": None}}, "words": ["", "b"]},
        {"text": "", "n": 0, "big": -2**63, "at": 0, "day": 0, "is": False, "x": -0.0, "f": "-Infinity", "raw": "", "money": "", "rest": "null", "words": []},
        {"x": "NaN", "f": "NaN", "big": 2**63 - 1, "n": 2**31 - 1},
        {},
    ]
    frames = [row.SerializeToString()]
    for values in expected:
        written = {**values}
        for name in ("x", "f"):
            if isinstance(values.get(name), str):
                written[name] = float(values[name].replace("Infinity", "inf"))
        if "raw" in values:
            written["raw"] = base64.b64decode(values["raw"])
        if isinstance(values.get("rest"), dict):
            written["rest"] = '{ "a": null, "b": [1.0, 2.5] }'
        frames += [message(**written).SerializeToString(), json.dumps(values).encode()]
    table = [column(name, type_, i) for i, (name, type_, _) in enumerate(columns)]
    assert verdict(program, frames, table, tmp_path) == (0, "4 rows, 28 values, 21 nulls, 0 differences\n")
    for name, wrong in (("x", 0.0), ("f", "Infinity"), ("big", -2**63 + 1), ("is", True), ("raw", "AA=="), ("rest", {"$json": 0}), ("words", [""])):
        changed = [*frames[:4], json.dumps({**expected[1], name: wrong}).encode(), *frames[5:]]
        code, said = verdict(program, changed, table, tmp_path)
        assert code == 1 and said.startswith("row 2, %s: " % name) and " 1 differences" in said, said
